// Package picture draws who signed whom, as [audit.Node] says it: for a terminal, and for the tools that draw diagrams.
//
// Names come from certificates, and whoever wrote them may be hostile: none acts on a terminal, begins a line, or is
// syntax of a diagram.
package picture

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/terminal"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/audit"
)

// clean is what a picture may show of text that others chose.
func clean(s string) string { return terminal.Line(terminal.Cut(s)) }

// style are the signs of a picture.
type style struct {
	tee, corner, pipe, gap string // each three cells wide
	full, empty            string
	more, arrow            string
	marks                  [3]string // by severity
}

var (
	fine  = style{"├─ ", "└─ ", "│  ", "   ", "█", "░", "…", "→", [3]string{"·", "!", "✗"}}
	ascii = style{"|- ", "`- ", "|  ", "   ", "#", ".", "...", "->", [3]string{"n", "W", "E"}}
)

// named is the name of a node.
func named(n *audit.Node) string {
	if n.Kind == audit.UnknownIssuer {
		return "? " + clean(n.Name)
	}
	return clean(n.Name)
}

// items are what is told of a node, in words that are not broken over lines. top says that it is a root of the picture.
func (s style) items(n *audit.Node, top bool) []string {
	var out []string
	comma := func() {
		if len(out) > 0 {
			out[len(out)-1] += ","
		}
	}
	list := func(head string, names []string, tail string) {
		for i, name := range names {
			if name = clean(name); i == 0 {
				name = head + name
			} else {
				comma()
			}
			out = append(out, name)
		}
		if len(names) > 0 {
			out[len(out)-1] += tail
		}
	}
	user := func() {
		if n.Subject != nil {
			list("", slices.DeleteFunc([]string{n.Subject.CommonName}, func(s string) bool { return s == "" }), "")
			list("(", n.Subject.Organization, ")")
		}
	}
	key := func(algorithm string) {
		comma()
		out = append(out, algorithm+",", "key elsewhere")
		if n.KeyHere {
			out[len(out)-1] = "key here"
		}
	}
	switch {
	case n.Unreadable:
		out = append(out, "cannot be read")
	case n.Kind == audit.UnknownIssuer:
		out = append(out, "not here")
		if n.KeyID != "" {
			out = append(out, "(key "+n.KeyID[:min(len(n.KeyID), 16)]+")")
		}
	case n.Kind == audit.KeyPair:
		key(cmp.Or(n.KeyAlgorithm, "unknown") + " key pair")
	case n.Kind == audit.Root || n.Kind == audit.Intermediate:
		user()
		key(n.KeyAlgorithm)
		if len(n.Also) > 0 {
			comma()
			list("also ", n.Also, "")
		}
	case n.Kind == audit.Kubeconfig && n.NotAfter == nil:
		out = append(out, "no certificate here")
	case len(n.SANs) == 0 || !slices.Contains(n.Usages, "server"):
		user()
		if len(n.SANs) > 0 {
			comma()
		}
		fallthrough
	default:
		list("", plain(n.SANs), "")
	}
	if n.Server != "" {
		out = append(out, s.arrow+" "+clean(n.Server))
	}
	switch {
	case !top || n.NotAfter == nil || n.Kind == audit.Root:
	case n.Kind == audit.Intermediate:
		comma()
		out = append(out, "signed by", clean(n.Issuer)+",", "drawn elsewhere")
	default:
		comma()
		out = append(out, "signed by itself")
	}
	return out
}

// plain are names without their type, where they show it themselves.
func plain(sans []string) []string {
	var out []string
	for _, s := range sans {
		out = append(out, strings.TrimPrefix(strings.TrimPrefix(s, "DNS:"), "IP:"))
	}
	return out
}

// left is what is left of a node's life.
func left(n *audit.Node) string {
	switch {
	case n.NotAfter == nil:
		return ""
	case n.NotYetValid:
		return "not yet"
	case n.ResidualTime <= 0:
		return "expired"
	}
	return phases.Residual(n.ResidualTime)
}

// faults are the ids of a node's findings that are more than notices.
func faults(n *audit.Node) []string {
	var out []string
	for _, id := range n.Findings {
		if r, ok := finding.Lookup(id); ok && r.Severity == finding.Notice {
			continue
		}
		if len(out) > 0 {
			out[len(out)-1] += ","
		}
		out = append(out, clean(string(id)))
	}
	return out
}

// undrawn are the findings, above notices, of what is not in the picture, such as a file that is missing.
func undrawn(d audit.Directory) []finding.Shown {
	drawn := map[string]bool{}
	each(d.Trust, func(n *audit.Node, _ int) {
		drawn[n.Row], drawn[n.Path] = true, true
		for _, name := range n.Also {
			drawn[name] = true
		}
	})
	return slices.DeleteFunc(slices.Clone(d.Findings), func(f finding.Shown) bool {
		return f.Severity == finding.Notice || f.Row != "" && drawn[f.Row] || f.Path != "" && drawn[f.Path]
	})
}

// each calls visit with every node and its depth, from 0.
func each(nodes []*audit.Node, visit func(n *audit.Node, depth int)) {
	var walk func(nodes []*audit.Node, depth int)
	walk = func(nodes []*audit.Node, depth int) {
		for _, n := range nodes {
			visit(n, depth)
			walk(n.Issued, depth+1)
		}
	}
	walk(nodes, 0)
}

// title says where a directory is.
func title(d audit.Directory) []string {
	out := []string{clean(d.CertDir)}
	if d.KubeconfigDir != "" && d.KubeconfigDir != d.CertDir {
		out = []string{out[0] + ",", clean(d.KubeconfigDir)}
	}
	if d.Name != "" {
		out = append([]string{clean(d.Name) + ":"}, out...)
	}
	return out
}

// summary counts what there is, and what is wrong.
func summary(d audit.Directory) []string {
	certificates := 0
	each(d.Trust, func(n *audit.Node, _ int) {
		if n.NotAfter != nil {
			certificates++
		}
	})
	out := []string{counted(certificates, "certificate")}
	for _, severity := range []finding.Severity{finding.Error, finding.Warning, finding.Notice} {
		count := 0
		for _, f := range d.Findings {
			if f.Severity == severity {
				count++
			}
		}
		if count > 0 {
			out[len(out)-1] += ","
			out = append(out, counted(count, severity.String()))
		}
	}
	return out
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
