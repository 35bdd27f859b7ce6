package config

import "go.yaml.in/yaml/v3"

// maxMerges bounds how deep merge keys may stand in what merge keys bring:
// what merges itself has no end.
const maxMerges = 100

// pair is a key of a mapping and its value.
type pair struct{ key, value *yaml.Node }

// pairs are the keys and values of a mapping, in place of each merge key (<<)
// those that it brings. A key that is brought beside itself stays there twice:
// as for kubeadm's strict reader it is a duplicate, whichever should win.
func (d *documentReader) pairs(n *yaml.Node, field string, depth int) []pair {
	var all []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := deref(n.Content[i]), n.Content[i+1]
		at := d.at(key.Line, field)
		if depth > 0 && !d.spend(at) {
			return all
		}
		if key.Kind != yaml.ScalarNode || key.Tag != "!!merge" {
			all = append(all, pair{key, value})
			continue
		}
		if depth == maxMerges {
			d.faults.addf(at, "merge keys (<<) are nested more than %d deep", maxMerges)
			return all
		}
		sources := []*yaml.Node{deref(value)}
		if sources[0].Kind == yaml.SequenceNode {
			sources = sources[0].Content
		}
		for _, s := range sources {
			if !d.spend(at) {
				return all
			}
			if s = deref(s); s.Kind != yaml.MappingNode {
				d.faults.addf(at, "a merge key (<<) takes a mapping or a list of mappings, found %s", found(s))
				continue
			}
			all = append(all, d.pairs(s, field, depth+1)...)
		}
	}
	return all
}
