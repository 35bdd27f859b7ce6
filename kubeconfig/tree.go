package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/pkitool/pkitool/internal/yamlsize"
)

// Limits of what is read. A kubeconfig with a thousand clusters and users has some 6 MiB.
const (
	maxSize  = 8 << 20 // bytes of a file
	maxMarks = yamlsize.MaxMarks
	maxNodes = 400_000 // nodes after aliases are replaced by what they stand for; what they hold is bounded by maxSize
	maxDepth = 64      // nesting; extensions are the deepest thing seen, with 6
	// keys of one mapping, which are looked up one by one; a user's auth-provider has some ten
	maxKeys = 1000
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

// document is a kubeconfig as a YAML tree without aliases, merge keys, !!binary, keys given twice or keys that are not
// scalars.
type document struct {
	doc    *yaml.Node // the document node, which holds comments; nil if the file holds nothing at all
	root   *yaml.Node // the mapping; nil if the file is empty, holds comments only, or null
	layout layout
	// comment is what a file without root says, which yaml.v3 does not show.
	comment string
}

// load reads data into a tree. yaml.v3 panics when it decodes a merge key beside a key that is not a scalar into a struct
// or map; decoding into a Node never hashes a key, and neither kind of key leaves this function.
func load(data []byte) (*document, error) {
	if fault := tooLarge(data); fault != "" {
		return nil, &SyntaxError{Fault: fault}
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	d := &document{layout: layout{crlf: bytes.HasSuffix(line, []byte("\r"))}}
	// YAML takes both line ends for the same, but yaml.v3 takes a CRLF after a comment for a blank line.
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	dec := yaml.NewDecoder(bytes.NewReader(data))
	doc, err := next(dec)
	if err != nil {
		return nil, err
	}
	end, err := emptyFrom(dec)
	if err != nil {
		return nil, err
	}
	if doc == nil || isNull(doc.Content[0]) {
		d.comment = commentsOf(data)
		return d, nil
	}
	if lines := bytes.SplitAfterN(data, []byte("\n"), end); end > 1 && len(lines) == end && !bytes.ContainsAny(data, "\r\u0085\u2028\u2029") {
		// yaml.v3 loses comments around a separator.
		if first, err := next(yaml.NewDecoder(bytes.NewReader(bytes.Join(lines[:end-1], nil)))); err == nil && first != nil {
			doc = first
			doc.FootComment = joinComments(doc.FootComment, commentsOf(lines[end-1]))
		}
	}
	d.doc = doc
	if d.root, err = mapping(doc); err != nil {
		return nil, err
	}
	d.layout.indented = indented(d.root)
	return d, nil
}

// tooLarge says which limit a text is over, "" if none.
func tooLarge(data []byte) string {
	switch {
	case len(data) > maxSize:
		return fmt.Sprintf("%d bytes are too many for a kubeconfig, the limit is %d", len(data), maxSize)
	case yamlsize.Marks(data) > maxMarks:
		return tooManyMarks
	}
	return ""
}

var tooManyMarks = fmt.Sprintf("too many entries for a kubeconfig, the limit is %d lines and punctuation marks", maxMarks)

func tooManyKeys(m *yaml.Node) string {
	return fmt.Sprintf("%d keys are too many for one mapping, the limit is %d", len(m.Content)/2, maxKeys)
}

// next reads one more document, nil at the end.
func next(dec *yaml.Decoder) (*yaml.Node, error) {
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, yamlError(err)
	}
	return &doc, nil
}

// emptyFrom reads the documents behind the first, which must hold nothing, and returns the line where they begin, 0 if
// there are none: templates leave a separator at the end, perhaps with a comment.
func emptyFrom(dec *yaml.Decoder) (line int, err error) {
	for {
		doc, err := next(dec)
		switch {
		case err != nil || doc == nil:
			return line, err
		case !isNull(doc.Content[0]):
			return 0, &SyntaxError{Line: doc.Line, Fault: "a second document begins here; a kubeconfig is one document, and kubectl would ignore the others"}
		case line == 0:
			line = doc.Line
		}
	}
}

// mapping returns the mapping of a document, in which it puts everything as it is meant.
func mapping(doc *yaml.Node) (*yaml.Node, error) {
	e := &expander{nodes: maxNodes, bytes: maxSize}
	root, err := e.expand(doc.Content[0], 0)
	if err != nil {
		return nil, err
	}
	if root.Kind != yaml.MappingNode {
		return nil, &SyntaxError{Line: root.Line, Fault: "not a kubeconfig: the document is " + kindName(root) + ", not a mapping"}
	}
	for _, list := range []string{"clusters", "contexts", "users"} {
		for _, item := range items(root, list) {
			if isNull(item) { // an entry without a name and with nothing in it
				item.Kind, item.Tag, item.Value, item.Style = yaml.MappingNode, "!!map", "", yaml.FlowStyle
			}
		}
	}
	doc.Content[0] = root
	return root, nil
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

// yamlError turns a syntax error of yaml.v3, "yaml: line 3: did not find ...", into one of ours.
func yamlError(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if number, rest, ok := strings.Cut(strings.TrimPrefix(text, "line "), ": "); ok {
		if line, err := strconv.Atoi(number); err == nil {
			return &SyntaxError{Line: line, Fault: "not YAML: " + rest}
		}
	}
	return &SyntaxError{Fault: "not YAML: " + text}
}

// value returns the value of a key of a mapping, nil if the key is missing or null.
func value(m *yaml.Node, key string) *yaml.Node {
	if i := keyIndex(m, key); i >= 0 && !isNull(m.Content[i+1]) {
		return m.Content[i+1]
	}
	return nil
}

// fields are the keys and values of a mapping, none if it is nil.
func fields(m *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; m != nil && i+1 < len(m.Content); i += 2 {
			if !yield(m.Content[i].Value, m.Content[i+1]) {
				return
			}
		}
	}
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

// truths are the plain scalars that YAML 1.1, and so client-go, reads as truth values; yaml.v3 knows the first six.
var truths = map[string]bool{
	"true": true, "True": true, "TRUE": true, "false": false, "False": false, "FALSE": false,
	"y": true, "Y": true, "n": false, "N": false,
	"yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false,
}

// truth returns the truth value that client-go reads, and whether n is one.
func truth(n *yaml.Node) (b, ok bool) {
	if n.Kind == yaml.ScalarNode && (n.Style == 0 || n.ShortTag() == "!!bool") {
		b, ok = truths[n.Value]
	}
	return b, ok
}

// kindName names what client-go takes a node for.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if _, ok := truth(n); ok {
		return "a truth value"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a truth value"
	case "!!null":
		return "null"
	}
	return "a string" // whatever tag of its own it has; dates and << too
}

// shorten bounds a string from a file for an error message.
func shorten(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}
