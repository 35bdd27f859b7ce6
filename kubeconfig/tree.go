package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Limits of what is read. A kubeconfig with a thousand clusters and users has some 6 MiB and 25,000 marks.
const (
	maxSize  = 8 << 20 // bytes of a file
	maxMarks = 200_000 // line ends and YAML punctuation: bounds the nodes that yaml.v3 makes before anyone can count them
	maxNodes = 400_000 // nodes after aliases are replaced by what they stand for
	maxDepth = 64      // nesting; extensions are the deepest thing seen, with 6
)

// SyntaxError is a fault in the text of a kubeconfig: it is no YAML, or not of the shape of a kubeconfig.
type SyntaxError struct {
	Line  int    // from 1; 0 if it is not known
	Field string // such as clusters[0].cluster.server; "" if it is not in a field
	Fault string
}

func (e *SyntaxError) Error() string {
	s := e.Fault
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Line > 0 {
		s = fmt.Sprintf("line %d: %s", e.Line, s)
	}
	return s
}

// document is a kubeconfig as a YAML tree without aliases, merge keys, keys given twice or keys that are not scalars.
type document struct {
	doc  *yaml.Node // the document node, which holds comments; nil if the file holds nothing at all
	root *yaml.Node // the mapping; nil if the file is empty, holds comments only, or null
	// comment is what a file without root says, which yaml.v3 does not show.
	comment string
}

// load reads data into a tree. yaml.v3 panics when it decodes a merge key beside a key that is not a scalar into a struct
// or map; decoding into a Node never hashes a key, and neither kind of key leaves this function.
func load(data []byte) (*document, error) {
	if len(data) > maxSize {
		return nil, &SyntaxError{Fault: fmt.Sprintf("%d bytes are too many for a kubeconfig, the limit is %d", len(data), maxSize)}
	}
	if countMarks(data) > maxMarks {
		return nil, &SyntaxError{Fault: fmt.Sprintf("too many entries for a kubeconfig, the limit is %d lines and punctuation marks", maxMarks)}
	}
	// YAML takes both line ends for the same, but yaml.v3 takes a CRLF after a comment for a blank line.
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return &document{comment: commentsOf(data)}, nil
	case err != nil:
		return nil, yamlError(err)
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, yamlError(err)
	default:
		return nil, &SyntaxError{Line: second.Line, Fault: "a second document begins here; a kubeconfig is one document, and kubectl would ignore the others"}
	}
	budget := maxNodes
	root, err := normalize(doc.Content[0], &budget, 0)
	if err != nil {
		return nil, err
	}
	doc.Content[0] = root
	if isNull(root) {
		return &document{comment: commentsOf(data)}, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, &SyntaxError{Line: root.Line, Fault: "not a kubeconfig: the document is " + kindName(root) + ", not a mapping"}
	}
	return &document{doc: &doc, root: root}, nil
}

// commentsOf returns the comment lines of a file that holds nothing else.
func commentsOf(data []byte) string {
	var b strings.Builder
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); bytes.HasPrefix(line, []byte("#")) && utf8.Valid(line) {
			b.Write(line)
			b.WriteByte('\n')
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// countMarks counts the bytes of which every YAML node but the first needs at least one, before or after it.
func countMarks(data []byte) int {
	n := 0
	for _, c := range data {
		switch c {
		case '\n', '\r', ',', ':', '[', '{', '?':
			n++
		}
	}
	// A dash is a mark only where an item begins; the dashes of PEM and of names are not worth counting.
	return n + bytes.Count(data, []byte("- ")) + bytes.Count(data, []byte("-\t"))
}

var yamlErrorText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:line (\d+): )?(.*)$`) })

// yamlError turns a syntax error of yaml.v3, "yaml: line 3: did not find ...", into one of ours.
func yamlError(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	m := yamlErrorText().FindStringSubmatch(text)
	if m == nil {
		return &SyntaxError{Fault: "not YAML: " + text}
	}
	line, _ := strconv.Atoi(m[1])
	return &SyntaxError{Line: line, Fault: "not YAML: " + m[2]}
}

// normalize returns n with every alias replaced by a copy of what it stands for, without anchors, and refuses what a
// kubeconfig cannot mean. budget is the number of nodes that may still be made: a few lines of aliases to aliases stand
// for billions.
func normalize(n *yaml.Node, budget *int, depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, &SyntaxError{Line: n.Line, Fault: fmt.Sprintf("nested more than %d deep", maxDepth)}
	}
	if *budget--; *budget < 0 {
		return nil, &SyntaxError{Line: n.Line, Fault: fmt.Sprintf("too many entries for a kubeconfig, the limit is %d with aliases written out", maxNodes)}
	}
	src := n
	if n.Kind == yaml.AliasNode {
		src = n.Alias
	}
	out := *src
	out.Anchor, out.Alias, out.Content = "", nil, nil
	if src != n {
		out.Line, out.Column = n.Line, n.Column
		out.HeadComment, out.LineComment, out.FootComment = n.HeadComment, n.LineComment, n.FootComment
	}
	for i, c := range src.Content {
		nc, err := normalize(c, budget, depth+1)
		if err != nil {
			return nil, err
		}
		if isNull(nc) && nc.Value == "" && out.Style&yaml.FlowStyle != 0 {
			nc.Value = "null" // yaml.v3 would write the nothing of {a: } as ''
		}
		if c.Kind == yaml.AliasNode && nc.Kind != yaml.ScalarNode && out.Kind == yaml.MappingNode && i%2 == 1 {
			k := out.Content[i-1] // the comment behind an alias would get lost behind a block
			k.HeadComment, nc.LineComment = joinComments(k.HeadComment, nc.LineComment), ""
		}
		out.Content = append(out.Content, nc)
	}
	if out.Kind == yaml.MappingNode {
		if err := checkKeys(&out); err != nil {
			return nil, err
		}
	}
	return &out, nil
}

func checkKeys(m *yaml.Node) error {
	seen := make(map[string]int, len(m.Content)/2)
	for i := 0; i+1 < len(m.Content); i += 2 {
		k := m.Content[i]
		switch first, again := seen[k.Value]; {
		case k.Kind != yaml.ScalarNode || isNull(k):
			return &SyntaxError{Line: k.Line, Fault: kindName(k) + " is used as a key"}
		case k.ShortTag() == "!!merge":
			return &SyntaxError{Line: k.Line, Fault: "merge keys (<<) are not supported in a kubeconfig; write the fields out"}
		case again:
			return &SyntaxError{Line: k.Line, Fault: fmt.Sprintf("key %q is given twice, first on line %d", shorten(k.Value), first)}
		}
		seen[k.Value] = k.Line
	}
	return nil
}

// value returns the value of a key of a mapping, nil if the key is missing or null.
func value(m *yaml.Node, key string) *yaml.Node {
	if i := keyIndex(m, key); i >= 0 && !isNull(m.Content[i+1]) {
		return m.Content[i+1]
	}
	return nil
}

// keyIndex returns the index of a key in the Content of a mapping, -1 if it is not there.
func keyIndex(m *yaml.Node, key string) int {
	if m == nil || m.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return i
		}
	}
	return -1
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// kindName names what a node is, for error messages.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!str":
		return "a string"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a truth value"
	case "!!null":
		return "null"
	}
	return "a value of type " + shorten(n.ShortTag())
}

// shorten bounds a string from a file for an error message.
func shorten(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}
