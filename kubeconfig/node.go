package kubeconfig

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// stringNode makes a scalar that every YAML reader takes for a string.
func stringNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: stringStyle(s)}
}

// stringStyle is the style in which a string stays one for YAML 1.1, which yaml.v3 does not ask about a Node.
func stringStyle(s string) yaml.Style {
	if strings.ContainsAny(s, "\n") {
		return 0 // the encoder takes a block, or quotes where a block cannot hold the text
	}
	if strings.HasPrefix(scalar(s), `"`) || strings.HasPrefix(scalar(s), "'") {
		return yaml.DoubleQuotedStyle
	}
	return 0
}

func cloneNode(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = nil
	for _, child := range n.Content {
		c.Content = append(c.Content, cloneNode(child))
	}
	return &c
}

// setKey sets a key of a mapping. The old value's comment stays; a new key goes to its place in the alphabet if the keys
// are in that order, else to the end.
func setKey(m *yaml.Node, key string, v *yaml.Node) {
	if i := keyIndex(m, key); i >= 0 {
		replaceNode(m, i+1, v)
		return
	}
	at := len(m.Content)
	for i := 0; i < len(m.Content); i += 2 {
		if i > 0 && m.Content[i-2].Value > m.Content[i].Value {
			at = len(m.Content)
			break
		}
		if at == len(m.Content) && m.Content[i].Value > key {
			at = i
		}
	}
	m.Content = slices.Concat(m.Content[:at], []*yaml.Node{stringNode(key), v}, m.Content[at:])
}

// replaceNode puts v in the place of the i-th node of n; the comments there stay.
func replaceNode(n *yaml.Node, i int, v *yaml.Node) {
	old := n.Content[i]
	v.HeadComment, v.LineComment, v.FootComment = old.HeadComment, old.LineComment, old.FootComment
	n.Content[i] = v
}

// deleteKey removes a key of a mapping. The comment on its line goes, those above and below stay.
func deleteKey(m *yaml.Node, key string) {
	i := keyIndex(m, key)
	if i < 0 {
		return
	}
	k := m.Content[i]
	m.Content = append(m.Content[:i:i], m.Content[i+2:]...)
	comment := joinComments(k.HeadComment, k.FootComment)
	switch {
	case comment == "":
	case i < len(m.Content):
		m.Content[i].HeadComment = joinComments(comment, m.Content[i].HeadComment)
	case i > 0:
		m.Content[i-2].FootComment = joinComments(m.Content[i-2].FootComment, comment)
	}
}

func joinComments(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n" + b
}

// child returns the value of a key of a mapping as a node of the given kind, made if the key is missing or null, and ready
// to grow if it is empty.
func child(m *yaml.Node, key string, kind yaml.Kind) *yaml.Node {
	if value(m, key) == nil {
		v := &yaml.Node{Kind: kind, Tag: "!!map"}
		if kind == yaml.SequenceNode {
			v.Tag = "!!seq"
		}
		setKey(m, key, v)
	}
	i := keyIndex(m, key)
	k, v := m.Content[i], m.Content[i+1]
	if len(v.Content) == 0 {
		// {} becomes a block, and the comment behind it would move to the block's end.
		v.Style &^= yaml.FlowStyle
		k.HeadComment, v.LineComment = joinComments(k.HeadComment, v.LineComment), ""
	}
	return v
}

// embed puts PEM into a mapping as field-data and removes the field that holds a path: client-go complains about both.
// It tells whether that changed anything. No PEM changes nothing.
func embed(m *yaml.Node, field string, pem []byte) bool {
	there, err := base64.StdEncoding.DecodeString(stringAt(m, field+"-data"))
	if len(pem) == 0 || value(m, field) == nil && err == nil && bytes.Equal(there, pem) {
		return false
	}
	if i := keyIndex(m, field); i >= 0 && keyIndex(m, field+"-data") < 0 {
		m.Content[i].Value = field + "-data" // in its place, with its comments
	} else {
		deleteKey(m, field)
	}
	setKey(m, field+"-data", stringNode(base64.StdEncoding.EncodeToString(pem)))
	return true
}

// entryNode returns the item of that name in a list of the document, nil if there is none.
func (d *document) entryNode(list, name string) *yaml.Node {
	return itemsByName(d.root, list)[name]
}
