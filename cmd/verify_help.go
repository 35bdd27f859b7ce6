package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

const verifyIntro = `Verifies certificates exactly as "openssl verify" of OpenSSL 3.0 does: the same
verdicts, error numbers, words and exit status (0: all are good; 2: one is not
good or cannot be read; 1: a bad command line or file of anchors).

Usage:
  pkitool verify CA FILE...           CA holds the trust anchors
  pkitool verify [options] [FILE...]  with -CAfile, -trusted, ...: every FILE is
                                      verified; none: standard input

One difference: the trust anchors of the system are never used unless an option
names them. Options take one or two dashes, the value behind a blank or "=", and
stand before the files; "--crl-check" is the same as "-crl_check".
`

// verifyHelp are the groups of the help.
func verifyHelp() []struct {
	title   string
	options []verifyOption
} {
	return []struct {
		title   string
		options []verifyOption
	}{
		{"General", verifyGeneral()},
		{"Whom to trust", verifyTrust()},
		{"By which rules", verifyRules()},
		{"For whom", verifyNames()},
		{"Revocation", verifyRevocation()},
		{"Policies", verifyPolicies()},
	}
}

// writeVerifyHelp writes the help that is made of the table of options.
func writeVerifyHelp(w io.Writer) {
	var out strings.Builder
	out.WriteString(verifyIntro)
	for _, group := range verifyHelp() {
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

// completeVerify completes options, their values, and files.
func completeVerify(_ *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		last := args[len(args)-1]
		name := strings.TrimPrefix(strings.TrimPrefix(last, "-"), "-")
		o, ok := findVerifyOption(name)
		if ok && strings.HasPrefix(last, "-") && !strings.Contains(last, "=") && o.kind != noValue {
			switch {
			case len(o.words) > 0:
				return matching(o.words, toComplete), cobra.ShellCompDirectiveNoFileComp
			case o.kind == dirValue:
				return nil, cobra.ShellCompDirectiveFilterDirs
			case o.kind == fileValue:
				return nil, cobra.ShellCompDirectiveDefault
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	if !strings.HasPrefix(toComplete, "-") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var words []string
	for _, group := range verifyHelp() {
		for _, o := range group.options {
			if strings.HasPrefix(toComplete, "--") {
				words = append(words, "--"+o.kebab()+"\t"+o.help)
			} else {
				words = append(words, "-"+o.name+"\t"+o.help)
			}
		}
	}
	return matching(words, toComplete), cobra.ShellCompDirectiveNoFileComp
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
