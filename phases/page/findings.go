package page

import (
	"strings"

	"github.com/pkitool/pkitool/finding"
)

// findings are the cards of what is wrong, worst first, each with what to do about it.
func (l *place) findings() *element {
	section := el("section", at("aria-labelledby", l.id+"-f"), el("h3", at("id", l.id+"-f"), text("Findings")))
	if len(l.Findings) == 0 {
		el("p", class("none"), icon("ok"), text("Nothing is wrong here.")).in(section)
		return section
	}
	id := l.id + "-findings"
	when(len(l.Findings) > 1, tools(id, "findings of "+l.called())).in(section)
	items := el("ol", at("id", id), class("findings"))
	for i, f := range l.Findings {
		l.finding(textID(l.id+"f", i+1), f).in(items)
	}
	items.in(section)
	return section
}

func (l *place) finding(id string, f finding.Shown) *element {
	rank := int(f.Severity) + 1
	where := f.Path
	if f.Line > 0 {
		where += textID(":", f.Line)
	}
	facts := el("dl")
	fact := func(name string, inside ...part) {
		el("div", el("dt", text(name)), el("dd", list(inside))).in(facts)
	}
	if where != "" {
		fact("File", el("code", text(where)))
	}
	if len(f.Wanted) > 0 { // what there is alone, the sentence says
		fact("Expected", values(f.Wanted))
		when(len(f.Had) > 0, el("div", el("dt", text("Found")), el("dd", values(f.Had)))).in(facts)
	}
	if f.Reason != "" {
		fact("Why it matters", text(f.Reason))
	}
	fact("Id", el("code", text(string(f.ID))))
	return el("li", at("id", id), class("finding "+ranks[rank]), at("data-rank", rankText(rank)),
		el("div", class("said"),
			el("h4", badge(rank, f.Severity.String()), when(f.Row != "", el("span", class("row"), text(f.Row))), el("span", text(sentence(f)))),
			facts),
		when(f.Hint != "", remedy(f.Hint)))
}

func rankText(rank int) string { return textID("", rank) }

func sentence(f finding.Shown) string {
	if f.Entry != "" {
		return f.Entry + ": " + f.Text
	}
	return f.Text
}

// values are one side of a comparison.
func values(list []string) *element {
	out := el("ul", class("values"))
	for _, v := range list {
		el("li", el("code", text(v))).in(out)
	}
	return out
}

// remedy is a hint, with each command of it on a line of its own, to be copied.
func remedy(hint string) *element {
	out, says := el("div", class("remedy"), el("h5", text("What to do"))), list{}
	end := func() {
		when(len(says) > 0, el("p", says)).in(out)
		says = nil
	}
	for i, s := range strings.Split(hint, "`") {
		switch code := i%2 == 1; {
		case code && strings.Contains(s, " "):
			end()
			line := el("code")
			for i, word := range strings.Split(s, " ") {
				list{when(i > 0, text(" ")), el("span", command(word))}.in(line) // a line ends between words
			}
			el("pre", class("command"), line).in(out)
		case code:
			says = append(says, el("code", text(s)))
		default:
			if len(says) == 0 {
				s = strings.TrimLeft(s, ",;: ")
			}
			if s != "" {
				says = append(says, text(s))
			}
		}
	}
	end()
	return out
}

// tools search and filter a list or a table; they appear where the script runs.
func tools(id, what string) *element {
	choice := func(rank int, words string) *element { return el("option", at("value", rankText(rank)), text(words)) }
	return el("div", class("tools"), at("data-for", id), at("hidden", ""),
		el("label", el("span", text("Search")), el("input", at("type", "search"), at("autocomplete", "off"), at("aria-label", "Search the "+what))),
		el("label", el("span", text("Show")), el("select", at("aria-label", "Severity of the "+what),
			choice(0, "everything"), choice(1, "with findings"), choice(2, "warnings and errors"), choice(3, "errors"))),
		el("p", at("role", "status")))
}
