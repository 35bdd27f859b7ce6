package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// MarshalYAML writes a value as YAML with the field names and the order of its
// JSON, so that the two formats of one output never differ.
func MarshalYAML(v any) ([]byte, error) {
	var js bytes.Buffer
	e := json.NewEncoder(&js)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	// JSON is YAML but for some characters, which stand in strings only; and its style is another.
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(escaped(js.String())), &doc); err != nil {
		return nil, err
	}
	plain(&doc)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return nil, err
	}
	return out.Bytes(), enc.Close()
}

// escaped writes the characters of JSON by their numbers that YAML does not take as they are.
func escaped(js string) string {
	var out strings.Builder
	for _, r := range js {
		if r > '~' && !unicode.IsPrint(r) {
			fmt.Fprintf(&out, `\U%08X`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// plain takes JSON's brackets and quotes away; the encoder puts quotes back
// where a text would be read as something else.
func plain(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		plain(c)
	}
}
