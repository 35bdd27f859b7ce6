package page

import (
	"bufio"
	"strconv"
	"strings"

	"github.com/pkitool/pkitool/phases/audit"
)

// writeTable writes every certificate of all directories, one line at a time: there may be thousands.
func writeTable(w *bufio.Writer, places []place) {
	section := el("section", at("id", "certificates"), at("aria-labelledby", "certificates-h"))
	section.open(w)
	el("h2", at("id", "certificates-h"), text("All certificates")).write(w)
	tools("table", "certificates").write(w)
	box := scroller("Table of all certificates")
	box.open(w)
	table := el("table", at("id", "all"), class("sorted"), at("aria-labelledby", "certificates-h"))
	table.open(w)
	many := len(places) > 1
	el("thead", el("tr", column("Name"), when(many, column("Directory")), column("Kind"), column("User or names"), column("Issuer"),
		column("Key"), column("Ends"), column("Left"), column("Findings"))).write(w)
	body := el("tbody", at("id", "table"))
	body.open(w)
	for i := range places {
		for _, h := range places[i].held {
			places[i].line(h, many).write(w)
		}
	}
	for _, e := range []*element{body, table, box, section} {
		e.shut(w)
	}
}

var kinds = map[audit.NodeKind]string{audit.Root: "root CA", audit.Intermediate: "intermediate CA", audit.Certificate: "certificate", audit.Kubeconfig: "kubeconfig"}

func (l *place) line(h *held, many bool) *element {
	words, look := l.left(h.Node)
	return el("tr", at("data-rank", rankText(rankOf(h.Node))),
		el("th", at("scope", "row"), el("b", text(short(h.Name, 120))), when(h.Path != "", el("small", text(short(l.within(h.Path), 300))))),
		when(many, el("td", text(short(l.called(), 80)))),
		el("td", class("fixed"), text(kinds[h.Kind]), when(len(h.Usages) > 0, el("small", text(strings.Join(h.Usages, ", "))))),
		el("td", class("whose"), l.owner(h)),
		el("td", text(short(h.issuer, 120))),
		el("td", class("fixed"), text(h.KeyAlgorithm), when(h.KeyHere, el("small", text("private key here")))),
		el("td", class("date"), at("data-value", strconv.FormatInt(h.NotAfter.Unix(), 10)), day(*h.NotAfter)),
		el("td", class("date left "+look), at("data-value", strconv.FormatInt(h.NotAfter.Unix()-l.now.Unix(), 10)), when(look != "ok", icon(look)), text(words)),
		el("td", at("data-value", strconv.Itoa(1000*rankOf(h.Node)+len(h.Findings))), l.links(h.Node)))
}

// within is a path from the directory that holds all.
func (l *place) within(path string) string {
	for _, dir := range []string{l.KubeconfigDir, l.CertDir} {
		if rest, ok := strings.CutPrefix(path, dir+"/"); ok && dir != "" {
			return rest
		}
	}
	return path
}

// owner is the user with the groups, and the names.
func (l *place) owner(h *held) (out list) {
	if h.Subject != nil {
		out = append(out, text(short(h.Subject.CommonName, 200)))
		when(len(h.Subject.Organization) > 0, el("small", text("groups: "+short(names(h.Subject.Organization, 20), 400)))).addTo(&out)
	}
	when(len(h.SANs) > 0, el("small", text(short(names(h.SANs, 20), 600)))).addTo(&out)
	when(h.Server != "", el("small", text("server: "+short(h.Server, 200)))).addTo(&out)
	return out
}

func (l list) addTo(out *list) { *out = append(*out, l...) }

// links lead to the findings of a node.
func (l *place) links(n *audit.Node) (out list) {
	if n.Severity == nil {
		return list{text("none")}
	}
	for _, id := range n.Findings {
		rank, to := rankOf(n), list{text(string(id))}
		i, ok := l.at[about{id, n.Row, ""}]
		if n.Row == "" || !ok {
			i, ok = l.at[about{id, "", n.Path}]
		}
		if ok {
			rank = int(l.Findings[i].Severity) + 1
			to = list{el("a", at("href", "#"+textID(l.id+"f", i+1)), text(string(id)))}
		}
		out = append(out, el("span", class("link "+ranks[rank]), icon(ranks[rank]), to))
	}
	return out
}
