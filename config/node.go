package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// scalar is a node's value as text, when it is of that type.
func scalar(n *yaml.Node, want valueType) (string, error) {
	mismatch := fmt.Errorf("wanted %s, found %s", want, found(n))
	if n.Kind != yaml.ScalarNode {
		return "", mismatch
	}
	tag := n.ShortTag()
	// kubeadm's reader leaves a date as it is written; << is a merge key only as a key.
	isText := tag == "!!str" || tag == "!!timestamp" || tag == "!!merge"
	switch want {
	case boolean:
		if yes, ok := yamlBool(n); ok {
			return strconv.FormatBool(yes), nil
		}
		if tag == "!!bool" { // said by a tag
			return "", fmt.Errorf("wanted %s, found another word", want)
		}
		return "", mismatch
	case number:
		if tag != "!!int" {
			return "", mismatch
		}
		if v, err := strconv.Atoi(n.Value); err != nil || strconv.Itoa(v) != n.Value {
			return "", fmt.Errorf("wanted %s in plain decimal digits", want)
		}
		return n.Value, nil
	case quantity:
		if tag == "!!int" || tag == "!!float" {
			return n.Value, nil
		}
	case duration:
		if isText {
			_, err := ParseDuration(n.Value)
			return n.Value, err
		}
	case instant:
		if isText {
			if _, err := time.Parse(time.RFC3339, n.Value); err != nil {
				return "", fmt.Errorf("wanted %s, found other text", want)
			}
		}
	}
	if !isText {
		if tag == "!!int" || tag == "!!float" || tag == "!!bool" {
			return "", withHint(mismatch, "put it in quotes")
		}
		return "", mismatch
	}
	return n.Value, nil
}

// yamlBool reads true and false, and unquoted the words that were booleans in
// YAML 1.1, which is what kubeadm reads.
func yamlBool(n *yaml.Node) (value, ok bool) {
	switch {
	case n.ShortTag() == "!!bool":
		return strings.EqualFold(n.Value, "true"), strings.EqualFold(n.Value, "true") || strings.EqualFold(n.Value, "false")
	case n.ShortTag() != "!!str" || n.Style != 0:
		return false, false
	}
	switch n.Value {
	case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON":
		return true, true
	case "n", "N", "no", "No", "NO", "off", "Off", "OFF":
		return false, true
	}
	return false, false
}

// deref follows aliases: an anchor is never an alias itself.
func deref(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// found says what a node is, never its value: it may be a secret.
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp", "!!merge":
		return "text"
	case "!!int":
		return "a number"
	case "!!float":
		return "a fractional number"
	case "!!bool":
		return "true or false"
	case "!!null":
		return "nothing"
	default:
		return "a value tagged " + printable(tag)
	}
}

// scalarOf is the text of the first field called name and its line; "" when
// there is none.
func scalarOf(n *yaml.Node, name string) (string, int) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k, v := n.Content[i], deref(n.Content[i+1]); k.Value == name && v.Kind == yaml.ScalarNode && !isNull(v) {
			return v.Value, k.Line
		}
	}
	return "", n.Line
}

// printable is a name from a file, fit for a message.
func printable(s string) string {
	s = clip(s)
	if q := strconv.Quote(s); s == "" || q != `"`+s+`"` || strings.ContainsAny(s, " .:[]") {
		return q
	}
	return s
}
