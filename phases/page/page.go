// Package page writes the report that people look at: one HTML file that needs nothing else, asks nobody, and runs
// nothing but its own script, whatever stands in the certificates that it shows.
package page

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"io"
	"slices"
	"time"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/audit"
)

// Page is what is shown. Nothing in it is secret: a directory's picture holds no key.
type Page struct {
	Title   string
	Now     time.Time
	Program string // the program, with its version
	// Directories were looked at with audit.Options.Picture.
	Directories []audit.Directory
}

// The style and the script are the same for every report: no data is ever put into them.
var (
	//go:embed page.css
	style string
	//go:embed page.js
	script string
)

// head is how each of our reports begins.
const head = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"generator\" content=\"pkitool certs report\">"

// Is reports whether a file is such a report.
func Is(data []byte) bool { return bytes.HasPrefix(data, []byte(head)) }

// policy lets the browser run this script and apply this style, and do nothing else: even if a name got out of its place,
// nothing of it could run, or ask for anything.
func policy() string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(style) + "; script-src " + hash(script) + "; base-uri 'none'; form-action 'none'"
}

// Write writes the page.
func Write(to io.Writer, p Page) error {
	w := bufio.NewWriter(to)
	w.WriteString(head)
	for _, e := range []*element{
		el("meta", at("http-equiv", "Content-Security-Policy"), at("content", policy())),
		el("meta", at("name", "viewport"), at("content", "width=device-width, initial-scale=1")),
		el("meta", at("name", "referrer"), at("content", "no-referrer")),
		el("title", text(p.Title)),
	} {
		e.write(w)
	}
	w.WriteString("<style>" + style + "</style></head>\n<body>")
	for _, e := range []*element{el("a", class("skip"), at("href", "#main"), text("Skip to the content")), icons()} {
		e.write(w)
	}
	places := placesOf(p)
	p.header(places).write(w)
	main := el("main", at("id", "main"))
	main.open(w)
	if len(places) > 1 {
		overview(places).write(w)
	}
	for i := range places {
		places[i].section(len(places) > 1).write(w)
	}
	writeTable(w, places)
	main.shut(w)
	el("footer", el("p", textf("Made by %s from the files alone, on %s. It holds no private key and no token, but the names, addresses and paths of the cluster: show it to those who may know them.",
		p.Program, p.Now.UTC().Format("2006-01-02 15:04 MST")))).write(w)
	w.WriteString("<script>" + script + "</script></body></html>\n")
	return w.Flush()
}

// place is a directory as it is shown.
type place struct {
	audit.Directory
	id     string // of its section
	now    time.Time
	held   []*held
	counts [3]int // findings, by severity
	at     map[about]int
}

// about is what a finding is about: a row, or a file. The first of several counts.
type about struct {
	id        finding.ID
	row, path string
}

// held is a node of the picture that has a certificate.
type held struct {
	*audit.Node
	issuer string // as it is called in the picture
}

func placesOf(p Page) []place {
	var out []place
	for i, d := range p.Directories {
		l := place{Directory: d, id: textID("d", i+1), now: p.Now, at: map[about]int{}}
		// Worst first; else in the order of the tree.
		l.Findings = slices.SortedStableFunc(slices.Values(d.Findings), func(a, b finding.Shown) int { return int(b.Severity) - int(a.Severity) })
		for i, f := range slices.Backward(l.Findings) {
			l.counts[f.Severity]++
			l.at[about{f.ID, f.Row, ""}], l.at[about{f.ID, "", f.Path}] = i, i
		}
		for _, root := range d.Trust {
			l.take(root, "")
		}
		out = append(out, l)
	}
	return out
}

func (l *place) take(n *audit.Node, issuer string) {
	if n.NotAfter != nil && n.NotBefore != nil {
		if n.Kind == audit.Root {
			issuer = "itself"
		} else if issuer == "" {
			issuer = n.Issuer
		}
		l.held = append(l.held, &held{n, issuer})
	}
	for _, below := range n.Issued {
		l.take(below, n.Name)
	}
}

// Certificates is how many certificates a page shows of a directory.
func Certificates(d audit.Directory) int {
	return len(placesOf(Page{Directories: []audit.Directory{d}})[0].held)
}

// called is what an operator calls a place.
func (l *place) called() string {
	if l.Name != "" {
		return l.Name
	}
	return l.CertDir
}

// worst is 0 for nothing found, 1 for a notice, to 3 for an error.
func (l *place) worst() int {
	for s := finding.Error; s >= finding.Notice; s-- {
		if l.counts[s] > 0 {
			return int(s) + 1
		}
	}
	return 0
}
