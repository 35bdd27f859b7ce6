package config

import (
	"bytes"
	"encoding/json"

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
	// JSON is YAML; only its style is another.
	var doc yaml.Node
	if err := yaml.Unmarshal(js.Bytes(), &doc); err != nil {
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

// plain takes JSON's brackets and quotes away; the encoder puts quotes back
// where a text would be read as something else.
func plain(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		plain(c)
	}
}
