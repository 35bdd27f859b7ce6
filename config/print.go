package config

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/pkitool/pkitool/certs"
)

// flagOnly begins a comment about a setting that kubeadm has no field for.
const flagOnly = "# flag only: --"

// Print writes settings as kubeadm documents of v1beta4: a ClusterConfiguration
// and an InitConfiguration, or a JoinConfiguration with its discovery. Load reads the same settings
// from them, but for those that kubeadm has no field for: they are comments,
// "# flag only: --cert-mode=0644". A relative certificatesDir, which kubeadm
// refuses in a file, is one of these.
func Print(s Settings) []byte {
	var out bytes.Buffer
	docs := map[string]*yaml.Node{}
	order := []string{clusterKind, initKind}
	if s.Cluster.Joins {
		order[1] = joinKind
	}
	for _, kind := range order {
		docs[kind] = &yaml.Node{Kind: yaml.MappingNode}
		put(docs[kind], "apiVersion", scalarNode("!!str", group+"/"+v1beta4))
		put(docs[kind], "kind", scalarNode("!!str", kind))
	}
	kinds := schema(v1beta4)
	for _, f := range Fields() {
		for _, p := range f.parts {
			if p.show == nil {
				continue
			}
			values := p.show(s)
			if len(values) == 0 {
				continue
			}
			if len(p.paths) == 0 || f.Flag == "cert-dir" && !filepath.IsAbs(values[0]) {
				out.WriteString(flagOnly + f.Flag + "=" + strings.Join(values, ",") + "\n")
				continue
			}
			kind, path := p.placeIn(docs)
			if p.comma {
				values = []string{strings.Join(values, ",")}
			}
			place(docs[kind], strings.Split(path, "."), render(kinds[kind].at(path), values))
		}
	}
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	for _, kind := range order {
		if err := enc.Encode(docs[kind]); err != nil {
			panic("config: " + err.Error()) // scalars of known tags only, into memory
		}
	}
	return out.Bytes()
}

// placeIn is the first of the part's paths that is one of the documents', taken apart.
func (p part) placeIn(docs map[string]*yaml.Node) (kind, path string) {
	for _, full := range p.paths {
		if kind, path, _ = strings.Cut(full, "."); docs[kind] != nil {
			break
		}
	}
	return kind, path
}

// render is the node of a value of that shape.
func render(s *shape, values []string) *yaml.Node {
	if s.is == list {
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, v := range values {
			n.Content = append(n.Content, render(s.of, []string{v}))
		}
		return n
	}
	tag := map[valueType]string{boolean: "!!bool", number: "!!int"}[s.is]
	return scalarNode(cmp.Or(tag, "!!str"), values[0])
}

func scalarNode(tag, value string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
	if tag == "!!str" && needsQuotes(value) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// needsQuotes: yaml.v3 quotes what it would itself read as something else, but
// kubeadm's reader is another one.
func needsQuotes(v string) bool {
	_, word := yamlBool(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v})
	_, err := strconv.ParseFloat(strings.ReplaceAll(v, "_", ""), 64)
	return word || err == nil || strings.Contains(v, ":") || strings.HasPrefix(v, "*") || v == ""
}

// place puts a node at a path, making the mappings on the way.
func place(doc *yaml.Node, path []string, n *yaml.Node) {
	for _, name := range path[:len(path)-1] {
		next := child(doc, name)
		if next == nil {
			next = &yaml.Node{Kind: yaml.MappingNode}
			put(doc, name, next)
		}
		doc = next
	}
	put(doc, path[len(path)-1], n)
}

func put(m *yaml.Node, name string, n *yaml.Node) {
	m.Content = append(m.Content, scalarNode("!!str", name), n)
}

func child(m *yaml.Node, name string) *yaml.Node {
	for i := 0; i < len(m.Content); i += 2 {
		if m.Content[i].Value == name {
			return m.Content[i+1]
		}
	}
	return nil
}

// The functions below write settings as texts, the inverse of parse.go's.

func oneText(v string) []string {
	if v == "" {
		return nil
	}
	return []string{v}
}

func text1(of func(Settings) string) func(Settings) []string {
	return func(s Settings) []string { return oneText(of(s)) }
}

func node1(of func(certs.Node) string) func(Settings) []string {
	return func(s Settings) []string {
		return oneText(of(s.Cluster.Nodes[0]))
	}
}

func showExternal(of func(certs.ExternalEtcd) []string) func(Settings) []string {
	return func(s Settings) []string {
		if s.Cluster.ExternalEtcd == nil {
			return nil
		}
		return of(*s.Cluster.ExternalEtcd)
	}
}

func showTrue(of func(Settings) bool) func(Settings) []string {
	return func(s Settings) []string {
		if !of(s) {
			return nil
		}
		return []string{"true"}
	}
}

func textsOf[T fmt.Stringer](all []T) []string {
	var out []string
	for _, v := range all {
		out = append(out, v.String())
	}
	return out
}

// showAddress is nothing for a node without an API server: kubeadm takes a node
// with a localAPIEndpoint for one that runs it.
func showAddress(n certs.Node) string {
	if n.Roles&certs.ControlPlane == 0 || !n.AdvertiseAddress.IsValid() {
		return ""
	}
	return n.AdvertiseAddress.String()
}

func showBindPort(n certs.Node) string {
	if n.Roles&certs.ControlPlane == 0 {
		return ""
	}
	return strconv.Itoa(int(n.BindPort))
}

// kept is the part of a field that is only there to be printed again: kubeadm
// wants it. Beyond that, check looks at its values; nil for not at all.
func kept(path string, check func(*draft, []item)) part {
	return part{
		paths: []string{path},
		set: func(d *draft, items []item) {
			d.kept[path] = []string{}
			for _, it := range items {
				d.kept[path] = append(d.kept[path], it.text)
			}
			if check != nil {
				check(d, items)
			}
		},
		show: func(s Settings) []string { return s.kept[path] },
	}
}

func keptAll(prefix string, names ...string) []part {
	var all []part
	for _, n := range names {
		all = append(all, kept(prefix+n, nil))
	}
	return all
}

func showCertMode(s Settings) []string { return []string{fmt.Sprintf("%04o", s.CertMode)} }
