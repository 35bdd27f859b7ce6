package config

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/internal/yamlsize"
)

// Manifest is where kubeadm puts the static pod of the API server, below the directory of the kubeconfigs.
const Manifest = "manifests/kube-apiserver.yaml"

// ParseManifest reads what the flags of kube-apiserver in a static pod say of a cluster and its node, by fact. What is
// no such pod says nothing.
func ParseManifest(path string, data []byte) map[certs.Facts]certs.Found {
	var pod struct {
		Spec struct {
			Containers []struct{ Command, Args []string }
		}
	}
	out := map[certs.Facts]certs.Found{}
	if len(data) > maxFile || yamlsize.Marks(data) > yamlsize.MaxMarks || decode(yaml.NewDecoder(bytes.NewReader(data)), &pod) != nil {
		return out
	}
	known := Fields()
	for _, c := range pod.Spec.Containers {
		for _, arg := range append(c.Command, c.Args...) {
			name, value, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
			for _, f := range known {
				if value != "" && f.APIServer != "" && name == f.APIServer {
					out[f.Fact] = certs.Found{Values: strings.Split(value, ","), Path: path}
				}
			}
		}
	}
	return out
}
