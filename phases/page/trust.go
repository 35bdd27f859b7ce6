package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/audit"
)

// maxBelow is how many things below one issuer anybody looks at; the worst come first where there are more.
const maxBelow = 60

// Measures of the picture, in pixels, and how many letters have room on a card: nothing measures them here, and a card
// cuts off what is wider than itself.
const (
	cardWidth, cardHeight, cardGap = 302, 62, 8
	indent                         = 26
	nameRoom, markedRoom, lineRoom = 33, 22, 42
)

// fits is how deep a picture may be that is made smaller where there is less room: a telephone still shows it readable.
// A deeper one is moved sideways, in its box.
const fits = 3

// drawing is the picture of one root.
type drawing struct {
	*place
	y     float64 // where the next card goes
	right float64 // how far the picture goes
}

// trust is who signed whom: a picture for each root, so that they can stand beside each other where there is room, and go
// onto a page of paper each.
func (l *place) trust() *element {
	section := el("section", at("aria-labelledby", l.id+"-p"), el("h3", at("id", l.id+"-p"), text("Trust tree")))
	if len(l.Trust) == 0 {
		el("p", class("none"), text("There is nothing to draw.")).in(section)
		return section
	}
	pictures := list{class("forest")}
	for i, root := range l.Trust {
		d := drawing{place: l}
		tree := d.node(root, 0, nil, 0)
		id := textID(l.id+"s", i+1)
		w, h := d.right+2, d.y-cardGap+2
		look := "trust"
		if depth(root) > fits {
			look = "trust deep"
		}
		pictures = append(pictures, el("svg", at("role", "group"), at("aria-labelledby", id+"t "+id+"d"), class(look),
			px("width", w), px("height", h), at("viewBox", fmt.Sprintf("-1 -1 %g %g", w, h)),
			el("title", at("id", id+"t"), text("Trust in "+short(root.Name, 80))),
			el("desc", at("id", id+"d"), text(l.described(root))),
			el("g", at("role", "list"), tree)))
	}
	scroller("Trust tree of "+l.called(), el("div", pictures)).in(section)
	return section
}

func depth(n *audit.Node) int {
	deep := 0
	for _, below := range n.Issued {
		deep = max(deep, depth(below))
	}
	return deep + 1
}

func (l *place) described(root *audit.Node) string {
	if root.Kind == audit.KeyPair {
		return "A key pair without a certificate."
	}
	if len(root.Issued) == 0 {
		return "It signed nothing here."
	}
	return "It signed " + count(len(root.Issued), "thing") + " here."
}

// node draws a card and, below and to its right, what it issued. It hangs on its parent, which begins at from.
func (d *drawing) node(n *audit.Node, x float64, parent *audit.Node, from float64) *element {
	y := d.y
	out := el("g", at("role", "listitem"), at("aria-label", d.spoken(n, parent)))
	if parent != nil {
		unseen("path", class("branch"), at("d", fmt.Sprintf("M%g %gV%gH%g", x-indent/2, from+cardHeight, y+cardHeight/2, x))).in(out)
	}
	d.card(n, x, y).in(out)
	d.right = max(d.right, x+cardWidth)
	d.y += cardHeight + cardGap
	below := n.Issued
	if len(below) > maxBelow {
		below = slices.SortedStableFunc(slices.Values(below), func(a, b *audit.Node) int { return rankOf(b) - rankOf(a) })[:maxBelow]
	}
	if len(below) > 0 {
		inner := el("g", at("role", "list"))
		for _, b := range below {
			d.node(b, x+indent, n, y).in(inner)
		}
		inner.in(out)
	}
	if more := len(n.Issued) - len(below); more > 0 {
		el("text", class("small"), px("x", x+indent), px("y", d.y+12), textf("and %d more, in the table of all certificates", more)).in(out)
		d.y += 18 + cardGap
	}
	return out
}

func rankOf(n *audit.Node) int {
	if n.Severity == nil {
		return 0
	}
	return int(*n.Severity) + 1
}

// spoken is a card in words.
func (d *drawing) spoken(n, parent *audit.Node) string {
	words := []string{short(n.Name, 120), strings.ReplaceAll(string(n.Kind), "-", " ")}
	if parent != nil {
		words = append(words, "issued by "+short(parent.Name, 120))
	}
	if who := whose(n); who != "" {
		words = append(words, short(who, 200))
	}
	if n.NotAfter != nil && n.NotBefore != nil {
		rest, _ := d.left(n)
		words = append(words, rest)
	}
	if n.Severity != nil {
		words = append(words, count(len(n.Findings), "finding")+", the worst: "+n.Severity.String())
	}
	return strings.Join(words, ", ")
}

// whose is the user and the groups of a client, the names of a server, the subject of a CA.
func whose(n *audit.Node) string {
	switch {
	case n.Unreadable:
		return "cannot be read"
	case n.Kind == audit.KeyPair:
		return n.KeyAlgorithm
	case slices.Contains(n.Usages, "server") && len(n.SANs) > 0:
		return bare(n.SANs)
	case n.Kind == audit.UnknownIssuer:
		return "not in this directory"
	case n.Subject == nil:
		return ""
	}
	return user(n.Subject)
}

func user(s *phases.Subject) string {
	if len(s.Organization) == 0 {
		return s.CommonName
	}
	return s.CommonName + " · " + names(s.Organization, 4)
}

// bare are names without what kind each is of.
func bare(sans []string) string {
	var out []string
	for _, s := range sans {
		_, name, _ := strings.Cut(s, ":")
		out = append(out, name)
	}
	return names(out, 4)
}

func names(list []string, most int) string {
	if len(list) > most {
		return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
	}
	return strings.Join(list, ", ")
}

// card is a box that cuts off what does not fit into it.
func (d *drawing) card(n *audit.Node, x, y float64) *element {
	rank, room := rankOf(n), nameRoom
	if rank > 0 {
		room = markedRoom
	}
	box := unseen("svg", class("node"), px("x", x), px("y", y), px("width", cardWidth), px("height", cardHeight),
		el("rect", class("box "+ranks[rank]), at("x", ".5"), at("y", ".5"), px("width", cardWidth-1), px("height", cardHeight-1), at("rx", "8")),
		el("svg", class("icon kind"), at("x", "12"), at("y", "10"), at("width", "16"), at("height", "16"), use("i-"+string(n.Kind))),
		el("text", class("name"), at("x", "36"), at("y", "23"), text(short(n.Name, room))),
		el("text", class("small"), at("x", "12"), at("y", "40"), text(short(whose(n), lineRoom))))
	if rank > 0 {
		words := count(len(n.Findings), ranks[rank])
		if len(n.Findings) == 0 {
			words = ranks[rank]
		}
		list{el("svg", class("icon "+ranks[rank]), px("x", cardWidth-28), at("y", "9"), at("width", "16"), at("height", "16"), use("i-"+ranks[rank])),
			el("text", class("mark "+ranks[rank]), px("x", cardWidth-34), at("y", "22"), text(words))}.in(box)
	}
	if n.NotAfter != nil && n.NotBefore != nil {
		words, look := d.left(n)
		whole := float64(cardWidth - 12 - 116)
		list{el("rect", class("whole"), at("x", "12"), at("y", "49"), px("width", whole), at("height", "5"), at("rx", "2.5")),
			when(n.LifeLeft > 0, el("rect", class("rest "+look), at("x", "12"), at("y", "49"), px("width", float64(int(whole*min(n.LifeLeft, 1)))), at("height", "5"), at("rx", "2.5"))),
			el("text", class("mark left "+look), px("x", cardWidth-12), at("y", "55"), text(words))}.in(box)
	}
	return box
}
