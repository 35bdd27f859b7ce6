package kubeconfig

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
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
	if len(data) > maxSize {
		return nil, &SyntaxError{Fault: fmt.Sprintf("%d bytes are too many for a kubeconfig, the limit is %d", len(data), maxSize)}
	}
	if countMarks(data) > maxMarks {
		return nil, &SyntaxError{Fault: fmt.Sprintf("too many entries for a kubeconfig, the limit is %d lines and punctuation marks", maxMarks)}
	}
	data = fromUTF16(data)
	d := &document{layout: layoutOf(data)}
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

// fromUTF16 is data in UTF-8, itself if it is not UTF-16 with a mark, as PowerShell writes it. yaml.v3 refuses what is broken.
func fromUTF16(data []byte) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	if bytes.HasPrefix(data, []byte("\xfe\xff")) {
		order = binary.BigEndian
	} else if !bytes.HasPrefix(data, []byte("\xff\xfe")) {
		return data
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	if text := string(utf16.Decode(units)); len(data)%2 == 0 && !strings.ContainsRune(text, utf8.RuneError) {
		return []byte(text)
	}
	return data
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
	e := &expander{budget: maxNodes}
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

// expander copies a tree with every alias, merge key and !!binary replaced by what it stands for, without anchors, and
// refuses what a kubeconfig cannot mean. budget is the number of nodes that may still be made: a few lines of aliases to
// aliases stand for billions.
type expander struct{ budget int }

func (e *expander) expand(n *yaml.Node, depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, &SyntaxError{Line: n.Line, Fault: fmt.Sprintf("nested more than %d deep", maxDepth)}
	}
	if e.budget--; e.budget < 0 {
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
	switch src.Kind {
	case yaml.MappingNode:
		return &out, e.fields(&out, src, depth+1)
	case yaml.SequenceNode:
		for _, c := range src.Content {
			item, err := e.expand(c, depth+1)
			if err != nil {
				return nil, err
			}
			writeNull(&out, item)
			out.Content = append(out.Content, item)
		}
	case yaml.ScalarNode:
		return &out, plain(&out)
	}
	return &out, nil
}

// fields expands the fields of src into the mapping m. A merge key (<<) brings the fields of other mappings. As
// sigs.k8s.io/yaml has it, and YAML does not, whatever comes later wins, a merge key too.
func (e *expander) fields(m, src *yaml.Node, depth int) error {
	given := make(map[string]int, len(src.Content)/2) // lines of the keys that are not from elsewhere
	at := make(map[string]int, len(src.Content)/2)    // where each key is in m
	comment := ""                                     // on merge keys, which are gone
	put := func(k, v *yaml.Node) {
		k.HeadComment, comment = joinComments(comment, k.HeadComment), ""
		if i, there := at[k.Value]; there {
			k.HeadComment = joinComments(m.Content[i].HeadComment, k.HeadComment)
			m.Content[i], m.Content[i+1] = k, v
			return
		}
		at[k.Value] = len(m.Content)
		m.Content = append(m.Content, k, v)
	}
	for i := 0; i+1 < len(src.Content); i += 2 {
		k, err := e.expand(src.Content[i], depth)
		if err != nil {
			return err
		}
		if k.Kind == yaml.ScalarNode && k.ShortTag() == "!!merge" {
			comment = joinComments(comment, joinComments(k.HeadComment, src.Content[i+1].LineComment))
			if err := e.merge(src.Content[i+1], depth, put); err != nil {
				return err
			}
			continue
		}
		switch first, again := given[k.Value]; {
		case k.Kind != yaml.ScalarNode || isNull(k):
			return &SyntaxError{Line: k.Line, Fault: kindName(k) + " is used as a key"}
		case again:
			return &SyntaxError{Line: k.Line, Fault: fmt.Sprintf("key %q is given twice, first on line %d", shorten(k.Value), first)}
		}
		given[k.Value] = k.Line
		v, err := e.expand(src.Content[i+1], depth)
		if err != nil {
			return err
		}
		writeNull(m, v)
		if src.Content[i+1].Kind == yaml.AliasNode && v.Kind != yaml.ScalarNode {
			// The comment behind an alias would get lost behind a block.
			k.HeadComment, v.LineComment = joinComments(k.HeadComment, v.LineComment), ""
		}
		if src.Content[i+1].ShortTag() == "!!binary" && strings.HasSuffix(k.Value, "-data") {
			v.Value = strings.NewReplacer("\n", "", "\r", "").Replace(v.Value) // base64 in base64, in lines
		}
		put(k, v)
	}
	m.FootComment = joinComments(m.FootComment, comment)
	return nil
}

// merge puts the fields of what a merge key names: a mapping, or a list of mappings of which the first wins.
func (e *expander) merge(n *yaml.Node, depth int, put func(k, v *yaml.Node)) error {
	sources := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		sources = n.Content
	}
	for _, source := range slices.Backward(sources) {
		if source.Kind != yaml.MappingNode && (source.Kind != yaml.AliasNode || source.Alias.Kind != yaml.MappingNode) {
			return &SyntaxError{Line: n.Line, Fault: "a merge key (<<) must have a mapping, or a list of mappings"}
		}
		m, err := e.expand(source, depth)
		if err != nil {
			return err
		}
		for i := 0; i+1 < len(m.Content); i += 2 {
			put(m.Content[i], m.Content[i+1])
		}
	}
	return nil
}

// writeNull spells out the nothing of {a: } and [a, ], which yaml.v3 would write as ”.
func writeNull(parent, v *yaml.Node) {
	if isNull(v) && v.Value == "" && parent.Style&yaml.FlowStyle != 0 {
		v.Value = "null"
	}
}

// plain resolves the tag of a scalar as sigs.k8s.io/yaml does: !!binary is the text that it stands for, and a type fits.
func plain(n *yaml.Node) error {
	var v any
	switch tag := n.ShortTag(); {
	case tag == "!!binary":
		b, err := base64.StdEncoding.DecodeString(n.Value)
		if err != nil {
			return &SyntaxError{Line: n.Line, Fault: "a !!binary value is not base64"}
		}
		n.Tag, n.Value = "!!str", string([]rune(string(b))) // U+FFFD for what is not UTF-8
		n.Style = stringStyle(n.Value)
	case n.Style&yaml.TaggedStyle != 0 && n.Decode(&v) != nil:
		if _, ok := truth(n); !ok { // yaml.v3 does not know !!bool yes
			return &SyntaxError{Line: n.Line, Fault: fmt.Sprintf("%q is not of the type %s", shorten(n.Value), tag)}
		}
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
