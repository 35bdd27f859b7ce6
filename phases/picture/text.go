package picture

import (
	"cmp"
	"io"
	"math"
	"strings"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/audit"
)

// MinWidth is the narrowest terminal that a picture is drawn for.
const MinWidth = 40

// TextOptions say what a picture is drawn on.
type TextOptions struct {
	// Width is how many cells a line may take; no line takes more. Below MinWidth it counts as that.
	Width int
	// Color allows escape sequences that colour, ASCII asks for signs that every terminal has.
	Color, ASCII bool
}

// SGR parameters.
const (
	bold, dim, red, green, yellow = "1", "2", "31", "32", "33"
)

// sheet is a picture on its way to the terminal, in columns: a margin with the mark, the tree, a bar, what is left, and
// what there is to tell. Where it is narrow that is told below the name.
type sheet struct {
	TextOptions
	style
	out    strings.Builder
	names  int // cells of the tree
	indent int // cells of its lines before a name
	bars   int
	lefts  int
	told   int // of what is told; 0: below the name
	marked bool
}

// margin is the mark and a blank, between what is between two columns.
const margin, between = 2, 2

// Text draws the directories below each other.
func Text(w io.Writer, dirs []audit.Directory, o TextOptions) error {
	s := &sheet{TextOptions: o, style: fine}
	s.Width = max(s.Width, MinWidth)
	if o.ASCII {
		s.style = ascii
	}
	s.measure(dirs)
	for i, d := range dirs {
		if i > 0 {
			s.out.WriteString("\n")
		}
		s.directory(d)
	}
	if s.marked {
		s.out.WriteString("\n")
		for _, line := range s.fill([]string{s.marks[2] + " error ", s.marks[1] + " warning ", s.marks[0] + " notice:", "certs audit", "says", "more"}, s.Width, 3) {
			s.line(s.paint(dim, line))
		}
	}
	_, err := io.WriteString(w, s.out.String())
	return err
}

// measure divides the width.
func (s *sheet) measure(dirs []audit.Directory) {
	for _, d := range dirs {
		each(d.Trust, func(n *audit.Node, depth int) {
			s.names = max(s.names, 3*depth+cells(named(n)))
			s.indent = max(s.indent, 3*depth+3)
			s.lefts = max(s.lefts, cells(left(n)))
		})
	}
	longest := s.names
	s.bars = min(10, s.Width/10)
	s.names = min(longest, max(32, s.Width*3/10)) // one long name does not move all columns
	s.told = s.Width - margin - s.names - between - s.bars - 1 - s.lefts - between
	if s.told < 26 {
		s.told = 0
		rest := s.Width - margin - between - 1 - s.lefts
		s.names = min(longest, max(27, rest-s.bars)) // as long as the longest row's
		if s.bars = min(s.bars, rest-s.names); s.bars < 3 {
			s.bars, s.names = 0, min(longest, rest+between)
		}
	}
	if s.names < longest {
		s.indent = min(s.indent, s.names-12)
	}
}

func (s *sheet) directory(d audit.Directory) {
	for _, line := range s.fill(title(d), s.Width, 3) {
		s.line(s.paint(bold, line))
	}
	for _, line := range s.fill(summary(d), s.Width, 3) {
		s.line(s.paint(dim, line))
	}
	if len(d.Trust) > 0 {
		s.line("")
	}
	for _, n := range d.Trust {
		s.node(n, "", "", true)
	}
	missing := undrawn(d)
	if len(missing) > 0 {
		s.line("")
	}
	for _, f := range missing[:min(len(missing), 10)] {
		lead := s.mark(&f.Severity)
		for _, line := range s.fill([]string{clean(cmp.Or(f.Row, f.Path)) + ":", string(f.ID)}, s.Width-margin, 2) {
			s.line(lead + line)
			lead = s.mark(nil)
		}
	}
	if rest := len(missing) - 10; rest > 0 {
		s.line(s.mark(nil) + "and " + counted(rest, "more finding") + " of what is not here")
	}
}

// node draws a node and what it signed. branch stands before its name, trunk before the lines below it.
func (s *sheet) node(n *audit.Node, branch, trunk string, top bool) {
	below := trunk + s.gap
	if len(n.Issued) > 0 {
		below = trunk + s.pipe
	}
	branch, below = s.shorten(branch), s.shorten(below)
	told := s.tell(n, top, below)
	head := s.mark(n.Severity) + s.paint(dim, branch) + s.name(n, s.names-cells(branch))
	if s.bars > 0 {
		head += s.bar(n)
	}
	head += " " + strings.Repeat(" ", s.lefts-cells(left(n))) + s.paint(lifeColor(n), left(n))
	if s.told > 0 && len(told) > 0 {
		head += strings.Repeat(" ", between) + told[0]
		told = told[1:]
	}
	s.line(head)
	for _, text := range told {
		lead := strings.Repeat(" ", margin) + s.paint(dim, below)
		if s.told > 0 {
			lead += strings.Repeat(" ", s.Width-s.told-margin-cells(below))
		}
		s.line(lead + text)
	}
	for i, b := range n.Issued {
		sign, down := s.tee, s.pipe
		if i == len(n.Issued)-1 {
			sign, down = s.corner, s.gap
		}
		s.node(b, trunk+sign, trunk+down, false)
	}
}

// shorten keeps the end of the lines before a name that is too deep for the width.
func (s *sheet) shorten(lines string) string {
	runes := []rune(lines)
	return string(runes[max(len(runes)-s.indent, 0):])
}

// name is bold where it is that of a CA.
func (s *sheet) name(n *audit.Node, room int) string {
	text := s.pad(named(n), room)
	if n.Kind == audit.Root || n.Kind == audit.Intermediate {
		return s.paint(bold, text)
	}
	return text
}

// tell is what there is to tell of a node, in lines.
func (s *sheet) tell(n *audit.Node, top bool, below string) []string {
	room := s.told
	if room == 0 {
		room = s.Width - margin - cells(below)
	}
	most := 3
	if n.Server != "" {
		most++ // it comes last
	}
	lines := s.fill(s.items(n, top), room, most)
	if ids := faults(n); len(ids) > 0 && n.Severity != nil {
		ids[0] = s.marks[*n.Severity] + " " + ids[0]
		for _, line := range s.fill(ids, room, 3) {
			lines = append(lines, s.paint(severityColor(*n.Severity), line))
		}
	}
	return lines
}

// bar is the part of a life that is left. It is empty for what has ended, and only for that.
func (s *sheet) bar(n *audit.Node) string {
	lead := strings.Repeat(" ", between)
	if n.NotAfter == nil {
		return lead + strings.Repeat(" ", s.bars)
	}
	full := int(math.Ceil(n.LifeLeft * float64(s.bars)))
	return lead + s.paint(lifeColor(n), strings.Repeat(s.full, full)) + s.paint(dim, strings.Repeat(s.empty, s.bars-full))
}

func lifeColor(n *audit.Node) string {
	switch {
	case n.NotYetValid || n.LifeLeft == 0:
		return red
	case n.LifeLeft < 0.1:
		return yellow
	}
	return green
}

// mark is the margin.
func (s *sheet) mark(severity *finding.Severity) string {
	if severity == nil {
		return strings.Repeat(" ", margin)
	}
	s.marked = true
	return s.paint(severityColor(*severity), s.marks[*severity]) + " "
}

func severityColor(severity finding.Severity) string { return [...]string{dim, yellow, red}[severity] }

// paint colours a text of ours, or one that is clean.
func (s *sheet) paint(sgr, text string) string {
	if !s.Color || strings.TrimSpace(text) == "" {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

// line ends without blanks.
func (s *sheet) line(text string) { s.out.WriteString(strings.TrimRight(text, " ") + "\n") }
