package opensslcmd

import (
	"fmt"
	"io"
	"strings"
)

const intro = `Verifies certificates exactly as "openssl verify" of OpenSSL 3.0 does: the same
verdicts, error numbers, words and exit status (0: all are good; 2: one is not
good or cannot be read; 1: a bad command line or file of anchors).

Usage:
  pkitool verify [options] [FILE...]
                          every FILE is verified; none: standard input
  pkitool verify [options] CA FILE...
                          two or more files, and no option says whom to trust:
                          CA holds the trust anchors

Differences from openssl:
  The trust anchors of the system are never used unless an option names them.
  Of two or more files the first holds the trust anchors, unless an option says
  whom to trust: -CAfile, -CApath, -CAstore, -trusted; or -no-CAfile for nobody.
  An empty -verify_hostname is refused: openssl would compare no name.
  A file of more than 16 MiB is not read, and that is said.

Options take one or two dashes, the value behind a blank or "=", and come before
the files; "--crl-check" is the same as "-crl_check".
`

// helpGroups are the groups of the help.
func helpGroups() []struct {
	title   string
	options []option
} {
	return []struct {
		title   string
		options []option
	}{
		{"General", generalOptions()},
		{"Whom to trust", trustOptions()},
		{"By which rules", ruleOptions()},
		{"For whom", nameOptions()},
		{"Revocation", revocationOptions()},
		{"Policies", policyOptions()},
	}
}

// WriteHelp writes the help, which is made of the table of options.
func WriteHelp(w io.Writer) {
	var out strings.Builder
	out.WriteString(intro)
	for _, group := range helpGroups() {
		fmt.Fprintf(&out, "\n%s:\n", group.title)
		for _, o := range group.options {
			head := "-" + o.name
			if o.what != "" {
				head += " " + o.what
			}
			fmt.Fprintf(&out, "  %-22s", head)
			if len(head) > 21 {
				out.WriteString("\n" + strings.Repeat(" ", 24))
			}
			out.WriteString(wrapped(o.help, 55, 24) + "\n")
		}
	}
	_, _ = io.WriteString(w, out.String())
}

// wrapped breaks text into lines of at most width characters, the later ones indented.
func wrapped(text string, width, indent int) string {
	var out strings.Builder
	used := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i > 0 && used+1+len(word) > width:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			used = 0
		case i > 0:
			out.WriteString(" ")
			used++
		}
		out.WriteString(word)
		used += len(word)
	}
	return out.String()
}

// Completion is what can come at the end of a command line.
type Completion struct {
	Words       []string // each with its help behind a tab, if it has one
	Files, Dirs bool     // names of these instead
}

// Complete completes options, their values, and files.
func Complete(args []string, last string) Completion {
	if len(args) > 0 {
		before := args[len(args)-1]
		name := strings.TrimPrefix(strings.TrimPrefix(before, "-"), "-")
		o, ok := findOption(options(), name)
		if ok && strings.HasPrefix(before, "-") && o.kind != noValue {
			return Completion{Words: matching(o.words, last), Dirs: o.kind == dirValue, Files: o.kind == fileValue}
		}
	}
	if !strings.HasPrefix(last, "-") {
		return Completion{Files: true}
	}
	var words []string
	for _, group := range helpGroups() {
		for _, o := range group.options {
			if strings.HasPrefix(last, "--") {
				words = append(words, "--"+o.kebab()+"\t"+o.help)
			} else {
				words = append(words, "-"+o.name+"\t"+o.help)
			}
		}
	}
	return Completion{Words: matching(words, last)}
}

func matching(words []string, prefix string) []string {
	var out []string
	for _, w := range words {
		if strings.HasPrefix(w, prefix) {
			out = append(out, w)
		}
	}
	return out
}
