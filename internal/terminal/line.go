// Package terminal keeps text that others chose from acting on the terminal of whoever reads it.
package terminal

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line is text that others chose (a name in a certificate or a kubeconfig, a
// file's name) as a terminal may see it: control characters, those that change
// the direction of writing, line ends and bytes that are no UTF-8 are escaped as
// in Go. Else a name could colour a verdict, or write a line of its own.
func Line(s string) string {
	if !strings.ContainsFunc(s, acts) {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if acts(r) && (r != utf8.RuneError || n == 1) {
			quoted := strconv.Quote(s[:n])
			out.WriteString(quoted[1 : len(quoted)-1])
		} else {
			out.WriteString(s[:n])
		}
		s = s[n:]
	}
	return out.String()
}

// acts says of a character, or of what is none, that it does something else than to stand there.
func acts(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
