package config

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// recordFields notes every field of the documents of one version, as leaves
// writes them: "v1beta4 ClusterConfiguration.etcd.local.extraArgs[].name".
func recordFields(t *testing.T, version string, data []byte, seen map[string]bool) {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc map[string]any
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		recordValue(doc, version+" "+doc["kind"].(string), seen)
	}
}

func recordValue(v any, path string, seen map[string]bool) {
	seen[path] = true
	switch v := v.(type) {
	case map[string]any:
		for n, f := range v {
			recordValue(f, path+"."+n, seen)
		}
	case []any:
		for _, e := range v {
			recordValue(e, path+"[]", seen)
		}
	}
}
