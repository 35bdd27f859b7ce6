package page

import (
	"fmt"
	"strconv"
	"time"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/audit"
)

// soon is how near an end is shown as one: the time that kubeadm's users usually leave themselves.
const soon = 30 * 24 * time.Hour

// ranks are the names of "nothing", and of the severities: of classes, and of icons.
var ranks = [4]string{"ok", "notice", "warning", "error"}

func textID(prefix string, n int) string { return prefix + strconv.Itoa(n) }

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func icon(name string) *element { return unseen("svg", class("icon"), use("i-"+name)) }

// badge says a severity by form, by word and by colour.
func badge(rank int, words string) *element {
	return el("span", class("badge "+ranks[rank]), icon(ranks[rank]), text(words))
}

// tally are the counts of findings, worst first.
func tally(counts [3]int) (out list) {
	for s := finding.Error; s >= finding.Notice; s-- {
		if counts[s] > 0 {
			out = append(out, badge(int(s)+1, count(counts[s], s.String())), text(" "))
		}
	}
	if out == nil {
		out = list{badge(0, "no findings")}
	}
	return out
}

func (p Page) header(places []place) *element {
	var total [3]int
	certificates := 0
	for i := range places {
		certificates += len(places[i].held)
		for s, n := range places[i].counts {
			total[s] += n
		}
	}
	what := count(certificates, "certificate") + " in "
	if len(places) == 1 {
		what += places[0].called()
	} else {
		what += fmt.Sprintf("%d directories", len(places))
	}
	return el("header", class("top"), el("div", class("wide"),
		el("div", class("line"),
			el("h1", icon("shield"), text(p.Title)),
			el("button", at("type", "button"), at("id", "theme"), at("hidden", ""), text("Dark theme"))),
		el("p", class("what"), text(what), text(" · as of "), when1(p.Now, "2006-01-02 15:04 MST")),
		el("p", class("tally"), tally(total)),
		when(len(places) > 1, p.navigation(places))))
}

func (p Page) navigation(places []place) *element {
	items := el("ul")
	for i := range places {
		el("li", el("a", at("href", "#"+places[i].id), text(short(places[i].called(), 60)))).in(items)
	}
	el("li", el("a", at("href", "#certificates"), text("All certificates"))).in(items)
	return el("nav", at("aria-label", "Directories"), items)
}

// when1 is a time in UTC.
func when1(t time.Time, layout string) *element {
	return el("time", at("datetime", t.UTC().Format(time.RFC3339)), text(t.UTC().Format(layout)))
}

func day(t time.Time) *element { return when1(t, time.DateOnly) }

// left says what is left of a life, and how that looks.
func (l *place) left(n *audit.Node) (words, look string) {
	rest := n.NotAfter.Sub(l.now)
	seconds := int64(rest / time.Second)
	switch {
	case rest < 0:
		return "ended " + phases.Residual(max(-seconds, 0)) + " ago", "error"
	case l.now.Before(*n.NotBefore):
		return "not yet valid", "warning"
	case rest < soon:
		return phases.Residual(seconds) + " left", "warning"
	}
	return phases.Residual(seconds) + " left", "ok"
}

// next is what ends next of what has not ended: of the CAs, or of all else.
func (l *place) next(authorities bool) (first *held) {
	for _, h := range l.held {
		if h.isCA() == authorities && !h.NotAfter.Before(l.now) && (first == nil || h.NotAfter.Before(*first.NotAfter)) {
			first = h
		}
	}
	return first
}

func (h *held) isCA() bool { return h.Kind == audit.Root || h.Kind == audit.Intermediate }

func (l *place) ended() (n int) {
	for _, h := range l.held {
		n += yes(h.NotAfter.Before(l.now))
	}
	return n
}

// overview is a line for each directory.
func overview(places []place) *element {
	body := el("tbody")
	for i := range places {
		l := &places[i]
		el("tr", el("th", at("scope", "row"), el("a", at("href", "#"+l.id), text(short(l.called(), 80)))),
			el("td", class("number"), text(strconv.Itoa(len(l.held)))),
			el("td", tally(l.counts)),
			el("td", l.nextWords(false)), el("td", l.nextWords(true))).in(body)
	}
	return el("section", at("aria-labelledby", "overview"), el("h2", at("id", "overview"), text("Overview")),
		scroller("Overview of the directories", el("table", at("aria-labelledby", "overview"),
			el("thead", el("tr", column("Directory"), column("Certificates", class("number")), column("Findings"), column("Ends next"), column("CA that ends next"))),
			body)))
}

// scroller is a box of its own for what may be wider than a screen: the page itself never is.
func scroller(label string, inside ...part) *element {
	return el("div", class("scroll"), at("tabindex", "0"), at("role", "region"), at("aria-label", label), list(inside))
}

func (l *place) nextWords(authorities bool) list {
	h := l.next(authorities)
	if h == nil {
		return list{text("none")}
	}
	words, look := l.left(h.Node)
	return list{text(short(h.Name, 60)), el("small", class("left "+look), text(words), text(" · "), day(*h.NotAfter))}
}

// section is all about a directory, but for the table, which all share.
func (l *place) section(named bool) *element {
	heading := "Summary"
	if named || l.Name != "" {
		heading = l.called()
	}
	dirs := l.CertDir
	if l.KubeconfigDir != "" && l.KubeconfigDir != l.CertDir {
		dirs += " · kubeconfigs: " + l.KubeconfigDir
	}
	return el("section", at("id", l.id), at("aria-labelledby", l.id+"-h"),
		el("h2", at("id", l.id+"-h"), text(short(heading, 120))), el("p", class("path"), text(short(dirs, 400))),
		l.cards(), l.findings(), l.timeline(), l.trust())
}

func (l *place) cards() *element {
	card := func(title string, value list, look string, below ...part) *element {
		return el("div", class("card "+look), el("dt", text(title)), el("dd", el("span", class("value"), value), el("small", list(below))))
	}
	next := func(title string, h *held) *element {
		if h == nil {
			return card(title, list{text("none")}, "")
		}
		words, look := l.left(h.Node)
		return card(title, list{when(look != "ok", icon(look)), text(words)}, look, text(short(h.Name, 60)), text(", "), day(*h.NotAfter))
	}
	verdict, look := "sound", ranks[l.worst()]
	if l.worst() > 0 {
		verdict = count(l.counts[l.worst()-1], finding.Severity(l.worst()-1).String())
	}
	authorities := 0
	for _, h := range l.held {
		authorities += yes(h.isCA())
	}
	return el("dl", class("cards"),
		card("Health", list{icon(look), text(verdict)}, look, textf("%s in all", count(len(l.Findings), "finding"))),
		next("Ends next", l.next(false)),
		next("CA that ends next", l.next(true)),
		card("Certificates", list{text(strconv.Itoa(len(l.held)))}, "", textf("%s of CAs, %d ended", strconv.Itoa(authorities), l.ended())))
}

// icons are the forms that say a severity, or a kind, beside its word.
func icons() *element {
	symbol := func(id string, paths ...string) *element {
		s := el("symbol", at("id", "i-"+id), at("viewBox", "0 0 16 16"))
		for _, d := range paths {
			el("path", at("d", d)).in(s)
		}
		return s
	}
	return unseen("svg", class("defs"),
		symbol("error", "M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2z", "M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6"),
		symbol("warning", "M8 1.8L14.8 14H1.2z", "M8 6.2v3.6M8 11.6v.6"),
		symbol("notice", "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13z", "M8 7.3v4M8 4.6v.6"),
		symbol("ok", "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13z", "M5.2 8.2l2 2l3.6-4"),
		symbol("shield", "M8 1.3l5.5 2v4.2c0 3.4-2.3 6-5.5 7.2c-3.2-1.2-5.5-3.8-5.5-7.2V3.3z", "M5.5 7.8l1.8 1.8l3.2-3.4"),
		symbol(string(audit.Root), "M8 1.3l5.5 2v4.2c0 3.4-2.3 6-5.5 7.2c-3.2-1.2-5.5-3.8-5.5-7.2V3.3z"),
		symbol(string(audit.Intermediate), "M8 1.3l5.5 2v4.2c0 3.4-2.3 6-5.5 7.2c-3.2-1.2-5.5-3.8-5.5-7.2V3.3z", "M8 5v6"),
		symbol(string(audit.Certificate), "M3 1.5h10v13H3z", "M5.5 5h5M5.5 8h5M5.5 11h2.5"),
		symbol(string(audit.Kubeconfig), "M8 1.8a3 3 0 1 1 0 6a3 3 0 1 1 0-6z", "M2.5 14.3c.4-3 2.6-4.3 5.5-4.3s5.1 1.3 5.5 4.3"),
		symbol(string(audit.KeyPair), "M5 4.8a3.2 3.2 0 1 1 0 6.4a3.2 3.2 0 1 1 0-6.4z", "M8.2 8h6.3v2.5M12 8v2"),
		symbol(string(audit.UnknownIssuer), "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13z", "M6.1 6.2c.2-2.6 4-2.3 3.8 0c-.1 1.3-1.9 1.4-1.9 2.9M8 11.3v.6"))
}
