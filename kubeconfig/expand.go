package kubeconfig

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// expander copies a tree with every alias, merge key and !!binary replaced by what it stands for, without anchors, and
// refuses what a kubeconfig cannot mean. nodes and bytes are what may still be made: a few lines of aliases to aliases
// stand for billions, and ten thousand aliases of a bundle for gigabytes.
type expander struct{ nodes, bytes int }

func (e *expander) expand(n *yaml.Node, depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, &SyntaxError{Line: n.Line, Fault: fmt.Sprintf("nested more than %d deep", maxDepth)}
	}
	src := n
	if n.Kind == yaml.AliasNode {
		src = n.Alias
	}
	e.nodes, e.bytes = e.nodes-1, e.bytes-len(src.Value)
	switch {
	case e.nodes < 0:
		return nil, &SyntaxError{Line: n.Line, Fault: fmt.Sprintf("too many entries for a kubeconfig, the limit is %d with aliases written out", maxNodes)}
	case e.bytes < 0:
		return nil, &SyntaxError{Line: n.Line, Fault: fmt.Sprintf("too much text for a kubeconfig, the limit is %d bytes with aliases written out", maxSize)}
	case src.Kind == yaml.MappingNode && len(src.Content) > 2*maxKeys:
		return nil, &SyntaxError{Line: n.Line, Fault: tooManyKeys(src)}
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
