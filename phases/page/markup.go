package page

import (
	"bufio"
	"fmt"
	"html"
	"strconv"
	"unicode/utf8"

	"github.com/pkitool/pkitool/internal/terminal"
)

// tag and key are the names of elements and of attributes. They are types of their own, so that only what this package
// writes out becomes one, and no text of a certificate.
type (
	tag string
	key string
)

// part is what an element is made of: attributes, texts and other elements.
type part interface{ in(*element) }

type attribute struct {
	key   key
	value string
}

// text is text that anybody may have chosen. Wherever it is written, it is escaped, and what would act on a terminal, or
// change the direction of writing, is shown instead: else a name could look like another.
// Nobody reads more of it than terminal.Cut leaves.
type text string

// command is text that is copied to be run: nothing of it is cut off.
type command string

type element struct {
	tag        tag
	attributes []attribute
	inside     []part
}

// list is several parts, or none.
type list []part

func (a attribute) in(e *element) { e.attributes = append(e.attributes, a) }
func (t text) in(e *element)      { e.inside = append(e.inside, t) }
func (c command) in(e *element)   { e.inside = append(e.inside, c) }
func (c *element) in(e *element)  { e.inside = append(e.inside, c) }
func (l list) in(e *element) {
	for _, p := range l {
		p.in(e)
	}
}

func el(t tag, parts ...part) *element {
	e := &element{tag: t}
	list(parts).in(e)
	return e
}

func at(k key, value string) attribute        { return attribute{k, value} }
func class(names string) attribute            { return attribute{"class", names} }
func textf(format string, values ...any) text { return text(fmt.Sprintf(format, values...)) }
func px(k key, n float64) attribute           { return attribute{k, strconv.FormatFloat(n, 'f', -1, 64)} }
func percent(k key, n float64) attribute {
	return attribute{k, strconv.FormatFloat(n, 'f', 2, 64) + "%"}
}

// use draws what has that id.
func use(id string) *element { return el("use", at("href", "#"+id)) }

// unseen is an element that only says with lines and colours what words beside it say.
func unseen(t tag, parts ...part) *element { return el(t, at("aria-hidden", "true"), list(parts)) }

func column(label string, parts ...part) *element {
	return el("th", at("scope", "col"), list(parts), text(label))
}

// when are the parts, or none.
func when(condition bool, parts ...part) list {
	if !condition {
		return nil
	}
	return parts
}

func yes(b bool) int {
	if b {
		return 1
	}
	return 0
}

// write is the only way into the file for what was not embedded.
func (e *element) write(w *bufio.Writer) {
	e.open(w)
	if len(e.inside) == 0 && e.alone() {
		return
	}
	for _, p := range e.inside {
		switch p := p.(type) {
		case text:
			w.WriteString(escaped(terminal.Cut(string(p))))
		case command:
			w.WriteString(escaped(string(p)))
		case *element:
			p.write(w)
		}
	}
	e.shut(w)
}

func (e *element) open(w *bufio.Writer) {
	w.WriteString("<" + string(e.tag))
	for _, a := range e.attributes {
		w.WriteString(" " + string(a.key) + `="` + escaped(a.value) + `"`)
	}
	w.WriteString(">")
}

func (e *element) shut(w *bufio.Writer) {
	w.WriteString("</" + string(e.tag) + ">")
	switch e.tag {
	case "tr", "li", "p", "section", "article", "h1", "h2", "h3", "h4", "div":
		w.WriteString("\n")
	}
}

// escaped is text that is no markup, and shows what it holds.
func escaped(s string) string { return html.EscapeString(terminal.Line(s)) }

// alone says that an element has no end tag in HTML.
func (e *element) alone() bool { return e.tag == "meta" || e.tag == "input" }

// short is text for a place that has room for so many characters: whoever wrote a name into a file may have written
// megabytes.
func short(s string, room int) string {
	s = terminal.Line(s)
	if utf8.RuneCountInString(s) <= room {
		return s
	}
	return string([]rune(s[:min(len(s), room*utf8.UTFMax)])[:room-1]) + "…"
}
