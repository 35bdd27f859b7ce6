package cmd

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

// table aligns rows of cells in columns, three spaces apart, without blanks at
// the ends of lines. A cell never breaks the table: tabs and newlines in it become
// spaces, and what else could act on a terminal is escaped.
type table struct {
	out io.Writer
	buf bytes.Buffer
	tw  *tabwriter.Writer
}

func newTable(w io.Writer) *table {
	t := &table{out: w}
	t.tw = tabwriter.NewWriter(&t.buf, 0, 0, 3, ' ', 0)
	return t
}

func (t *table) row(cells ...string) {
	clean := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
	for i := range cells {
		cells[i] = oneLine(clean.Replace(cells[i]))
	}
	_, _ = io.WriteString(t.tw, strings.Join(cells, "\t")+"\n") // into memory
}

func (t *table) flush() error {
	if err := t.tw.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(t.buf.String()) {
		if _, err := io.WriteString(t.out, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// oneLine is text that others chose (a name in a certificate or a kubeconfig, a
// file's name) as a terminal may see it: control characters, those that change
// the direction of writing, line ends and bytes that are no UTF-8 are escaped as
// in Go. Else a name could colour a verdict, or write a line of its own.
func oneLine(s string) string {
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
