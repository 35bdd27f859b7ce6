package picture

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/audit"
)

// labelWidth and labelLines bound what a box tells.
const labelWidth, labelLines = 44, 4

// label is a box's text in lines: the name, what there is to tell, what is left, and what is wrong.
func label(n *audit.Node, top bool) []string {
	out := []string{fine.cut(named(n), labelWidth)}
	out = append(out, fine.fill(fine.items(n, top), labelWidth, labelLines)...)
	switch rest := left(n); rest {
	case "", "expired":
		out = append(out, rest)
	case "not yet":
		out = append(out, "not yet valid")
	default:
		out = append(out, rest+" left")
	}
	if ids := faults(n); len(ids) > 0 && n.Severity != nil {
		out = append(out, fine.fill(append([]string{n.Severity.String() + ":"}, ids...), labelWidth, labelLines)...)
	}
	var lines []string
	for _, line := range out {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// heading is where a directory is, in one line.
func heading(d audit.Directory) string { return fine.cut(strings.Join(title(d), " "), 2*labelWidth) }

// color is the outline of a box with findings; "" for none.
func color(n *audit.Node) string {
	switch {
	case n.Severity == nil || *n.Severity == finding.Notice:
		return ""
	case *n.Severity == finding.Warning:
		return "#b26a00"
	}
	return "#c62828"
}

// Mermaid writes a flowchart: a subgraph for each directory, a node for each thing, an edge for each signature.
func Mermaid(w io.Writer, dirs []audit.Directory) error {
	var out strings.Builder
	out.WriteString("flowchart LR\n")
	for i, d := range dirs {
		fmt.Fprintf(&out, "  subgraph d%d[\"%s\"]\n    direction LR\n", i+1, mermaidText(heading(d)))
		var edges, styles strings.Builder
		each(d.Trust, func(n *audit.Node, depth int) {
			var lines []string
			for _, line := range label(n, depth == 0) {
				lines = append(lines, mermaidText(line))
			}
			fmt.Fprintf(&out, "    d%d%s[\"%s\"]\n", i+1, n.ID, strings.Join(lines, "<br/>"))
			for _, b := range n.Issued {
				fmt.Fprintf(&edges, "    d%d%s --> d%d%s\n", i+1, n.ID, i+1, b.ID)
			}
			if c := color(n); c != "" {
				fmt.Fprintf(&styles, "  style d%d%s stroke:%s,stroke-width:3px\n", i+1, n.ID, c)
			}
			if n.Kind == audit.UnknownIssuer {
				fmt.Fprintf(&styles, "  style d%d%s stroke-dasharray:4\n", i+1, n.ID)
			}
		})
		out.WriteString(edges.String() + "  end\n" + styles.String())
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// mermaidText is a text between quotes: what is neither a letter nor a digit nor harmless everywhere is written as an
// entity code, as Mermaid wants it. So no text is syntax, a directive, Markdown, markup, an icon or a formula.
func mermaidText(s string) string {
	var out strings.Builder
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" .,-/()+=…", r) {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, "#%d;", r)
		}
	}
	return out.String()
}

// Dot writes a graph for Graphviz: a cluster for each directory, a node for each thing, an edge for each signature.
func Dot(w io.Writer, dirs []audit.Directory) error {
	var out strings.Builder
	out.WriteString("digraph pki {\n  rankdir=LR;\n  node [shape=box];\n")
	for i, d := range dirs {
		fmt.Fprintf(&out, "  subgraph cluster_%d {\n    label=\"%s\";\n", i+1, dotText(heading(d)))
		var edges strings.Builder
		each(d.Trust, func(n *audit.Node, depth int) {
			fmt.Fprintf(&out, "    d%d%s [label=\"", i+1, n.ID)
			for j, line := range label(n, depth == 0) {
				if j > 0 {
					out.WriteString(`\n`)
				}
				out.WriteString(dotText(line))
			}
			out.WriteString(`"`)
			if c := color(n); c != "" {
				fmt.Fprintf(&out, `, color="%s", penwidth=2`, c)
			}
			if n.Kind == audit.UnknownIssuer {
				out.WriteString(", style=dashed")
			}
			out.WriteString("];\n")
			for _, b := range n.Issued {
				fmt.Fprintf(&edges, "    d%d%s -> d%d%s;\n", i+1, n.ID, i+1, b.ID)
			}
		})
		out.WriteString(edges.String() + "  }\n")
	}
	out.WriteString("}\n")
	_, err := io.WriteString(w, out.String())
	return err
}

// dotText is a text in a label between quotes. Graphviz reads a backslash there as the beginning of an escape, and an
// ampersand as that of an HTML entity.
var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;")

func dotText(s string) string { return dotEscapes.Replace(s) }
