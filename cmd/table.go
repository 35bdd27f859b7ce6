package cmd

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/pkitool/pkitool/internal/terminal"
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

// say writes talk and reports for people. What stands in the format is ours. What is put into it may come from others,
// such as a file's name, so nothing of that acts on a terminal or begins a line of its own.
func say(w io.Writer, format string, args ...any) error {
	for i, a := range args {
		args[i] = harmless{a}
	}
	_, err := fmt.Fprintf(w, format, args...)
	return err
}

// harmless is a value that is formatted for a terminal.
type harmless struct{ value any }

func (s harmless) Format(f fmt.State, verb rune) {
	_, _ = io.WriteString(f, oneLine(fmt.Sprintf(fmt.FormatString(f, verb), s.value)))
}

// oneLine is what a terminal may see of text that others chose.
func oneLine(s string) string { return terminal.Line(s) }
