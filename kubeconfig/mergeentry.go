package kubeconfig

import (
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// dataFields are the fields that can hold a path or, under the name with -data, the content; by kind of entry.
var dataFields = map[string][]string{
	"cluster": {"certificate-authority"},
	"user":    {"client-certificate", "client-key"},
}

// pathFields are the fields that are paths relative to the directory of the kubeconfig; by kind of entry.
var pathFields = map[string][]string{
	"cluster": {"certificate-authority"},
	"user":    {"client-certificate", "client-key", "tokenFile"},
}

// items returns the entries of a list of a kubeconfig, none if there is no list.
func items(root *yaml.Node, list string) []*yaml.Node {
	if l := value(root, list); l != nil {
		return l.Content
	}
	return nil
}

func itemsByName(root *yaml.Node, list string) map[string]*yaml.Node {
	byName := map[string]*yaml.Node{}
	for _, item := range items(root, list) {
		byName[stringAt(item, "name")] = item
	}
	return byName
}

// stringAt returns a scalar field of a mapping, "" if it is not there.
func stringAt(m *yaml.Node, key string) string {
	if n := value(m, key); n != nil {
		return n.Value
	}
	return ""
}

// adapt copies an entry of the merged-in file as it has to look in the other: no path beside its -data, paths seen from
// there, and the new names of what a context refers to.
func (m *merger) adapt(kind string, item *yaml.Node) *yaml.Node {
	item = cloneNode(item)
	body := value(item, kind)
	if kind == "context" && m.newName("cluster", "")+m.newName("user", "") != "" {
		body = child(item, kind, yaml.MappingNode)
	}
	if body == nil {
		return item
	}
	dropOverridden(kind, body)
	if dir := m.options.FromDir; dir != "" {
		for _, f := range pathFields[kind] {
			rebase(body, f, dir)
		}
		// client-go looks for a command without a slash in PATH.
		if exec := value(body, "exec"); kind == "user" && strings.Contains(stringAt(exec, "command"), "/") {
			rebase(exec, "command", dir)
		}
	}
	if kind == "context" {
		for _, ref := range []string{"cluster", "user"} {
			if old := stringAt(body, ref); m.newName(ref, old) != old {
				setKey(body, ref, stringNode(m.newName(ref, old)))
			}
		}
	}
	return item
}

func rebase(body *yaml.Node, field, dir string) {
	if p := stringAt(body, field); p != "" && !isAbs(p) {
		setKey(body, field, stringNode(filepath.Join(dir, p)))
	}
}

// dropOverridden removes the paths that client-go would not look at because their content is there.
func dropOverridden(kind string, body *yaml.Node) {
	for _, f := range dataFields[kind] {
		if stringAt(body, f+"-data") != "" && value(body, f) != nil {
			deleteKey(body, f)
		}
	}
}

// isLocal tells whether a field of an entry of into stays what it is, whatever a merged-in entry of that name says:
// extensions belong to the tools around kubectl, and the namespace of a context to its user.
func isLocal(kind, key string, there, merged *yaml.Node) bool {
	return key == "extensions" || kind == "context" && key == "namespace" && there != nil && merged == nil
}

// differences returns the keys, sorted, in which the entry of into and the merged-in one do not say the same.
func differences(kind string, into, from *yaml.Node) []string {
	a, b := value(into, kind), value(from, kind)
	if a != nil {
		a = cloneNode(a)
		dropOverridden(kind, a)
	}
	var keys []string
	for _, m := range []*yaml.Node{a, b} {
		for k := range fields(m) {
			va, vb := nonZero(value(a, k)), nonZero(value(b, k))
			if !slices.Contains(keys, k) && !isLocal(kind, k, va, vb) && !equivalent(k, va, vb) {
				keys = append(keys, k)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// equivalent tells whether two values of a key say the same to client-go: comments, styles and the order of keys do not
// matter, and a value that is null, empty or false is the same as none.
func equivalent(key string, a, b *yaml.Node) bool {
	if a = nonZero(a); a == nil {
		return nonZero(b) == nil
	}
	if b = nonZero(b); b == nil || a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case yaml.ScalarNode:
		if strings.HasSuffix(key, "-data") {
			return strings.NewReplacer("\n", "", "\r", "").Replace(a.Value) == strings.NewReplacer("\n", "", "\r", "").Replace(b.Value)
		}
		x, isTruth := truth(a)
		y, _ := truth(b)
		return kindName(a) == kindName(b) && (isTruth && x == y || !isTruth && a.Value == b.Value)
	case yaml.SequenceNode:
		return slices.EqualFunc(a.Content, b.Content, func(x, y *yaml.Node) bool { return equivalent("", x, y) })
	}
	for _, m := range []*yaml.Node{a, b} {
		for k := range fields(m) {
			if !equivalent(k, value(a, k), value(b, k)) {
				return false
			}
		}
	}
	return true
}

func nonZero(n *yaml.Node) *yaml.Node {
	if n == nil || isZero(n) {
		return nil
	}
	return n
}

// isZero tells whether a value is one that client-go does not write.
func isZero(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode {
		return len(n.Content) == 0
	}
	b, isTruth := truth(n)
	return n.Value == "" || isNull(n) || isTruth && !b
}

// replaceBody gives the entry into the content of the entry from, field by field: what is equal stays with its comments and
// its place, and so do the fields that are into's own business.
func replaceBody(kind string, into, from *yaml.Node) {
	a := child(into, kind, yaml.MappingNode)
	b := value(from, kind)
	for i := len(a.Content) - 2; i >= 0; i -= 2 {
		k := a.Content[i].Value
		if there := nonZero(a.Content[i+1]); value(b, k) == nil && !isLocal(kind, k, there, nil) {
			deleteKey(a, k)
		}
	}
	for k, v := range fields(b) {
		if there := value(a, k); !isLocal(kind, k, there, nonZero(v)) && !equivalent(k, there, v) || there == nil && !isNull(v) {
			setKey(a, k, cloneNode(v))
		}
	}
}
