package opensslcmd

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/pkitool/pkitool/internal/terminal"
)

// valueKind is what comes behind an option.
type valueKind int

const (
	noValue   valueKind = iota
	textValue           // anything
	fileValue           // a file that is read
	dirValue            // a directory that has to be there
	intValue            // 32 bits, decimal, 0 octal, 0x hexadecimal
	timeValue           // the same in 64 bits
)

// option is a row of the table that the scanner, the help and the completion are made of.
type option struct {
	name  string // in openssl's spelling, or ours where openssl has no such option
	alias string // kebab-case, where it is more than underscores turned to dashes
	kind  valueKind
	what  string // the value, for the help
	help  string
	words []string // the values there are, for the completion
	apply func(r *request, value string) error
}

// kebab is the option's spelling in the rest of pkitool.
func (o option) kebab() string {
	if o.alias != "" {
		return o.alias
	}
	return strings.ReplaceAll(o.name, "_", "-")
}

// errSaid ends a run with openssl's status 1 behind whatever was said; with an empty text nothing is said, as
// openssl does for a bad IP address.
type errSaid struct{ text string }

func (e *errSaid) Error() string { return e.text }

// badUse is a command line that cannot be understood: openssl's sentence, and where to read on.
func badUse(format string, args ...any) error {
	return &errSaid{"verify: " + terminal.Line(fmt.Sprintf(format, args...)) + "\nverify: Use -help for summary.\n"}
}

// scan reads options as openssl does, from left to right and each at once, up to the first argument that
// does not start with a dash, "--" or -help. What is left are targets.
func scan(r *request, args []string) (targets []string, err error) {
	table := options()
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		word := args[0]
		args = args[1:]
		if word == "--" {
			break
		}
		name := strings.TrimPrefix(word[1:], "-")
		name, value, given := strings.Cut(name, "=")
		option, ok := findOption(table, name)
		if !ok {
			return nil, badUse("Unknown option: -%s", name)
		}
		switch {
		case option.kind == noValue && given:
			return nil, badUse("Option -%s does not take a value", name)
		case option.kind != noValue && !given && len(args) == 0:
			return nil, badUse("Option -%s needs a value", option.name)
		case option.kind != noValue && !given:
			value, args = args[0], args[1:]
		}
		if err := checkValue(option, value); err != nil {
			return nil, err
		}
		if err := option.apply(r, value); err != nil {
			return nil, err
		}
		if r.help { // whatever comes behind it
			return nil, nil
		}
	}
	return args, nil
}

func findOption(table []option, name string) (option, bool) {
	if name == "h" {
		name = "help"
	}
	for _, o := range table {
		if name == o.name || name == o.kebab() {
			return o, true
		}
	}
	return option{}, false
}

func checkValue(o option, value string) error {
	switch o.kind {
	case dirValue:
		if info, err := os.Stat(value); err != nil || !info.IsDir() {
			return badUse("Not a directory: %s", value)
		}
	case intValue:
		n, err := parseNumber(value)
		if err != nil {
			return err
		}
		if n < math.MinInt32 || n > math.MaxInt32 {
			return badUse("Value \"%s\" outside integer range", value)
		}
	case timeValue:
		_, err := parseNumber(value)
		return err
	}
	return nil
}

// parseNumber reads an integer as strtol does with base 0: blanks and a sign in front, 0x for hexadecimal, 0 for octal.
func parseNumber(value string) (int64, error) {
	text := strings.TrimLeft(value, " \t\n\v\f\r")
	sign := ""
	if text != "" && (text[0] == '-' || text[0] == '+') {
		sign, text = text[:1], text[1:]
	}
	base, kind := 10, "a"
	switch {
	case len(text) > 1 && (text[:2] == "0x" || text[:2] == "0X"):
		base, text = 16, text[2:]
	case len(text) > 1 && text[0] == '0':
		base, text = 8, text[1:]
	}
	switch {
	case strings.HasPrefix(value, "0x"), strings.HasPrefix(value, "0X"):
		kind = "a hexadecimal"
	case strings.HasPrefix(value, "0"):
		kind = "an octal"
	}
	n, err := strconv.ParseInt(sign+text, base, 64)
	if err != nil {
		return 0, badUse("Can't parse \"%s\" as %s number", value, kind)
	}
	return n, nil
}

// atoi reads the number in front of the text, decimal whatever its prefix: openssl checks the value of an option as
// strtol does and then uses it like this, so 0x10 is 0 and 010 is 10. The value has been checked.
func atoi(value string) int {
	text := strings.TrimLeft(value, " \t\n\v\f\r")
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || end == 0 && (text[0] == '-' || text[0] == '+')) {
		end++
	}
	n, err := strconv.Atoi(text[:end])
	if err != nil {
		return 0
	}
	return n
}
