package kubeconfig

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// layout is how a file is written: what is lost in the tree.
type layout struct {
	indented bool // lists stand deeper than their key; kubectl and kubeadm write them at the same depth
	crlf     bool
}

// indented tells whether the first list of a file stands deeper than its key, before anything in the tree is changed.
func indented(root *yaml.Node) bool {
	for i := 0; i+1 < len(root.Content) && root.Style&yaml.FlowStyle == 0; i += 2 {
		if k, v := root.Content[i], root.Content[i+1]; isBlockList(v) {
			return v.Column > k.Column
		}
	}
	return false
}

func isBlockList(n *yaml.Node) bool {
	return n.Kind == yaml.SequenceNode && n.Style&yaml.FlowStyle == 0 && len(n.Content) > 0
}

// errUnwritable is returned for a tree that yaml.v3 cannot write. Nothing but made-up input has been seen to lead here.
var errUnwritable = errors.New("cannot be rewritten without changing its meaning; edit it by hand")

// bytes writes the tree and proves that it reads back as the same tree: yaml.v3 gets some texts in blocks wrong, and the
// comments that it carries along can end up where they change the text around them. A JSON document comes out as YAML, as
// when kubectl changes one.
func (d *document) bytes() ([]byte, error) {
	if d.root.Style&yaml.FlowStyle != 0 {
		toBlock(d.root)
	}
	budget := maxMarks // each node has a mark in the text
	if fault := overgrown(d.root, &budget); fault != "" {
		return nil, errors.New(fault)
	}
	var best []byte
	for _, form := range []func(*yaml.Node) *yaml.Node{
		func(n *yaml.Node) *yaml.Node { return n },
		func(n *yaml.Node) *yaml.Node { return quoteTexts(cloneNode(n)) },
	} {
		text := encode(form(d.doc), d.layout)
		if fault := tooLarge(text); fault != "" {
			return nil, errors.New("the result would be too large: " + fault)
		}
		same, comments := d.readsBack(text)
		if same && comments {
			return text, nil
		}
		if same && best == nil {
			best = text
		}
	}
	if best == nil {
		return nil, errUnwritable
	}
	return best, nil
}

// overgrown says which limit a tree is over that was made of several, "" if none: no memory is spent on writing it.
func overgrown(n *yaml.Node, budget *int) string {
	if *budget--; *budget < 0 {
		return "the result would be too large: " + tooManyMarks
	}
	if n.Kind == yaml.MappingNode && len(n.Content) > 2*maxKeys {
		return "the result would be too large: " + tooManyKeys(n)
	}
	for _, c := range n.Content {
		if fault := overgrown(c, budget); fault != "" {
			return fault
		}
	}
	return ""
}

// encode writes a document, nil if yaml.v3 refuses.
func encode(doc *yaml.Node, l layout) []byte {
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if !l.indented {
		enc.CompactSeqIndent()
	}
	if enc.Encode(doc) != nil || enc.Close() != nil {
		return nil
	}
	if l.crlf {
		return bytes.ReplaceAll(buf.Bytes(), []byte("\n"), []byte("\r\n"))
	}
	return buf.Bytes()
}

// quoteTexts puts texts in blocks (| and >) into quotes, and returns n.
func quoteTexts(n *yaml.Node) *yaml.Node {
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 || n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "\n") {
		n.Style = n.Style&yaml.TaggedStyle | yaml.DoubleQuotedStyle
	}
	for _, c := range n.Content {
		quoteTexts(c)
	}
	return n
}

// readsBack tells whether text reads as the tree of d, and with the same comments, wherever they are.
func (d *document) readsBack(text []byte) (same, comments bool) {
	back, err := load(text)
	if err != nil || back.root == nil || !identical(d.root, back.root) {
		return false, false
	}
	var want, got []string
	want, got = commentLines(d.doc, want), commentLines(back.doc, got)
	slices.Sort(want)
	slices.Sort(got)
	return true, slices.Equal(want, got)
}

// commentLines appends the lines of all comments at and below n.
func commentLines(n *yaml.Node, lines []string) []string {
	for _, c := range []string{n.HeadComment, n.LineComment, n.FootComment} {
		for line := range strings.Lines(c) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
	}
	for _, c := range n.Content {
		lines = commentLines(c, lines)
	}
	return lines
}

// identical compares two trees: kinds, types, values and order, not styles and comments.
func identical(a, b *yaml.Node) bool {
	if isNull(a) && isNull(b) {
		return true
	}
	return a.Kind == b.Kind && a.ShortTag() == b.ShortTag() && a.Value == b.Value && slices.EqualFunc(a.Content, b.Content, identical)
}

// toBlock takes away the styles of a JSON document, so that it is written as a person would write YAML.
func toBlock(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		n.Style = stringStyle(n.Value)
	}
	for _, c := range n.Content {
		toBlock(c)
	}
}
