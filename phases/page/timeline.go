package page

import (
	"slices"
	"time"

	"github.com/pkitool/pkitool/phases/audit"
)

// maxBars is how many bars of a timeline anybody looks at. What ends first comes first.
const maxBars = 400

// span is the part of time that a timeline shows, with what is drawn at each of its months.
type span struct {
	from, to time.Time
	step     int // months between two ticks
}

// spanOf is about a year back, and as far ahead as certificates end that are no CAs, within three years: a CA of ten years
// beside them would leave nothing to see, so it goes out of the picture.
func (l *place) spanOf() span {
	s := span{from: l.now.AddDate(0, -1, 0), to: l.now.AddDate(0, 3, 0)}
	for _, h := range l.held {
		if h.NotBefore.Before(s.from) {
			s.from = *h.NotBefore
		}
		if !h.isCA() && h.NotAfter.After(s.to) {
			s.to = *h.NotAfter
		}
	}
	if back := l.now.AddDate(-1, 0, 0); s.from.Before(back) {
		s.from = back
	}
	if most := l.now.AddDate(3, 0, 0); s.to.After(most) {
		s.to = most
	}
	s.to = s.to.Add(s.to.Sub(s.from) / 20)
	months := int(s.to.Sub(s.from).Hours() / 24 / 30)
	for _, s.step = range []int{1, 2, 3, 6, 12} {
		if months/s.step <= 6 {
			break
		}
	}
	return s
}

// at is where a time is drawn, in percent; inside is false for what is cut off.
func (s span) at(t time.Time) (x float64, inside bool) {
	x = 100 * float64(t.Sub(s.from)) / float64(s.to.Sub(s.from))
	return min(max(x, 0), 100), x >= 0 && x <= 100
}

func (s span) ticks() (out []time.Time) {
	t := time.Date(s.from.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	for ; t.Before(s.to); t = t.AddDate(0, s.step, 0) {
		if x, inside := s.at(t); inside && x > 1 && x < 99 {
			out = append(out, t)
		}
	}
	return out
}

// timeline is a bar for each certificate, from its beginning to its end, with today's line through all of them.
func (l *place) timeline() *element {
	section := el("section", at("aria-labelledby", l.id+"-t"), el("h3", at("id", l.id+"-t"), text("Expiry timeline")))
	if len(l.held) == 0 {
		el("p", class("none"), text("There is no certificate here.")).in(section)
		return section
	}
	order := slices.SortedStableFunc(slices.Values(l.held), func(a, b *held) int { return a.NotAfter.Compare(*b.NotAfter) })
	s := l.spanOf()
	bars := el("ol", class("bars"))
	for _, h := range order[:min(len(order), maxBars)] {
		l.bar(s, h).in(bars)
	}
	list{l.axis(s), bars}.in(section)
	when(len(order) > maxBars, el("p", class("more"), textf("%d more end later: they are in the table of all certificates.", len(order)-min(len(order), maxBars)))).in(section)
	return section
}

// axis are the ticks above the bars, and the lines that each bar has from them.
func (l *place) axis(s span) *element {
	today, _ := s.at(l.now)
	words := el("svg", class("axis"))
	lines := el("g", at("id", l.id+"-grid"))
	line := func(x float64, look string) *element {
		return el("line", class(look), percent("x1", x), percent("x2", x), at("y1", "0"), at("y2", "100%"))
	}
	for _, t := range s.ticks() {
		x, _ := s.at(t)
		line(x, "tick").in(lines)
		label := t.Format("2006-01")
		if s.step == 12 {
			label = t.Format("2006")
		}
		when(x > 4 && x < 96, el("text", class("month"), percent("x", x), at("y", "12"), text(label))).in(words)
	}
	el("text", class("today"), percent("x", today), at("y", "27"), text("today")).in(words)
	return unseen("div", class("bar axis"), el("span", class("who")),
		el("div", class("chart"), words, el("svg", class("defs"), el("defs", lines, el("g", at("id", l.id+"-today"), line(today, "now"))))),
		el("span", class("end")))
}

func (l *place) bar(s span, h *held) *element {
	from, began := s.at(*h.NotBefore)
	to, ends := s.at(*h.NotAfter)
	now, _ := s.at(l.now)
	words, look := l.left(h.Node)
	chart := unseen("svg", class("life "+look), use(l.id+"-grid"))
	rect := func(look string, from, to float64) {
		when(to > from, el("rect", class(look), percent("x", from), percent("width", to-from), at("y", "25%"), at("height", "50%"), at("rx", "3"))).in(chart)
	}
	rect("whole", from, to)
	rect("rest", max(from, now), to)
	// What goes on beyond the picture has a point there.
	point := func(x, path string) {
		el("svg", class("beyond"), at("x", x), at("y", "50%"), el("path", at("d", path))).in(chart)
	}
	if !ends && to == 100 {
		point("100%", "M-9 -5l6 5l-6 5")
	}
	if !began && from == 0 || to == 0 {
		point("0%", "M9 -5l-6 5l6 5")
	}
	use(l.id + "-today").in(chart)
	return el("li", class("bar"),
		el("span", class("who"), l.mark(h.Node), el("b", text(short(h.Name, 60))), when(h.isCA(), el("small", text(" CA")))),
		chart,
		el("span", class("end "+look), day(*h.NotAfter), el("small", text(words))))
}

// mark is the worst finding of a node, as an icon that is read out as its word.
func (l *place) mark(n *audit.Node) list {
	if n.Severity == nil {
		return nil
	}
	rank := int(*n.Severity) + 1
	return list{el("svg", class("icon "+ranks[rank]), at("role", "img"), at("aria-label", ranks[rank]), use("i-"+ranks[rank])), text(" ")}
}
