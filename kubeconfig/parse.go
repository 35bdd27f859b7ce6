package kubeconfig

import (
	"encoding/base64"
	"fmt"

	"gopkg.in/yaml.v3"
)

// Parse reads a kubeconfig, YAML or JSON. An empty file is an empty Config, as for kubectl.
//
// Unknown fields are passed over, whatever is in them; known fields must have the right type, entries a name that no
// other of their list has, and *-data must be base64. Whether the parts fit together is not looked at: see
// [Config.Current] and [Config.Check]. Errors are of type [*SyntaxError].
func Parse(data []byte) (*Config, error) {
	d, err := load(data)
	if err != nil {
		return nil, err
	}
	return d.config()
}

// config makes the typed view of a document.
func (d *document) config() (*Config, error) {
	if d.root == nil {
		return &Config{}, nil
	}
	r := &reader{}
	root := object{r, d.root, ""}
	if v := root.str("apiVersion"); v != "" && v != "v1" {
		r.fail(value(d.root, "apiVersion"), "apiVersion", fmt.Sprintf("%q is not the version of a kubeconfig, which is v1", shorten(v)))
	}
	if v := root.str("kind"); v != "" && v != "Config" {
		r.fail(value(d.root, "kind"), "kind", fmt.Sprintf("%q is not the kind of a kubeconfig, which is Config", shorten(v)))
	}
	c := &Config{CurrentContext: root.str("current-context")}
	for _, e := range root.entries("clusters", "cluster") {
		c.Clusters = append(c.Clusters, e.cluster())
	}
	for _, e := range root.entries("contexts", "context") {
		c.Contexts = append(c.Contexts, e.context())
	}
	for _, e := range root.entries("users", "user") {
		c.Users = append(c.Users, e.user())
	}
	if r.err != nil {
		return nil, r.err
	}
	return c, nil
}

// reader keeps the first fault.
type reader struct{ err error }

func (r *reader) fail(n *yaml.Node, field, fault string) {
	if r.err == nil {
		r.err = &SyntaxError{Line: n.Line, Field: field, Fault: fault}
	}
}

// object is a mapping in a document; node is nil if it is missing, and every field of it then is.
type object struct {
	r    *reader
	node *yaml.Node
	path string
}

// entry is an item of one of the three lists: its name and what the name stands for.
type entry struct {
	name string
	line int
	body object
}

func (o object) at(key string) string {
	if o.path == "" {
		return key
	}
	return o.path + "." + key
}

// oldBools are the plain scalars that YAML 1.1, and so client-go, reads as truth values, and yaml.v3 as strings.
var oldBools = map[string]bool{
	"y": true, "Y": true, "n": false, "N": false,
	"yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false,
}

func (o object) str(key string) string {
	n := value(o.node, key)
	if n == nil {
		return ""
	}
	_, oldBool := oldBools[n.Value]
	oldBool = oldBool && n.Style == 0
	switch tag := n.ShortTag(); {
	case n.Kind == yaml.ScalarNode && (tag == "!!str" && !oldBool || tag == "!!timestamp"):
		return n.Value
	case n.Kind == yaml.ScalarNode && (oldBool || tag == "!!int" || tag == "!!float" || tag == "!!bool"):
		o.r.fail(n, o.at(key), "must be a string; put it in quotes")
	default:
		o.r.fail(n, o.at(key), "must be a string, not "+kindName(n))
	}
	return ""
}

// data returns a field of base64, decoded as encoding/json does for client-go: line breaks are allowed.
func (o object) data(key string) []byte {
	s := o.str(key)
	if s == "" {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		o.r.fail(value(o.node, key), o.at(key), "is not base64")
		return nil
	}
	return b
}

func (o object) bool(key string) bool {
	n := value(o.node, key)
	if n == nil {
		return false
	}
	if old, ok := oldBools[n.Value]; ok && n.Kind == yaml.ScalarNode && n.Style == 0 {
		return old
	}
	var b bool
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&b) != nil {
		o.r.fail(n, o.at(key), "must be true or false, not "+kindName(n))
	}
	return b
}

func (o object) object(key string) object {
	n := value(o.node, key)
	if n != nil && n.Kind != yaml.MappingNode {
		o.r.fail(n, o.at(key), "must be a mapping, not "+kindName(n))
		n = nil
	}
	return object{o.r, n, o.at(key)}
}

// entries returns the items of a list of named things; body is the key that holds what the name stands for.
func (o object) entries(list, body string) []entry {
	n := value(o.node, list)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		o.r.fail(n, o.at(list), "must be a list, not "+kindName(n))
		return nil
	}
	var es []entry
	lines := map[string]int{}
	for i, item := range n.Content {
		path := fmt.Sprintf("%s[%d]", list, i)
		if item.Kind != yaml.MappingNode {
			o.r.fail(item, path, "must be a mapping, not "+kindName(item))
			return nil
		}
		it := object{o.r, item, path}
		e := entry{name: it.str("name"), line: item.Line, body: it.object(body)}
		first, again := lines[e.name]
		switch {
		case o.r.err != nil:
			return nil
		case e.name == "":
			o.r.fail(item, path, "has no name")
			return nil
		case again:
			o.r.fail(item, path, fmt.Sprintf("the name %q is given twice, first on line %d", shorten(e.name), first))
			return nil
		}
		lines[e.name] = e.line
		es = append(es, e)
	}
	return es
}

func (e entry) cluster() Cluster {
	return Cluster{
		Name: e.name, Line: e.line,
		Server:                e.body.str("server"),
		TLSServerName:         e.body.str("tls-server-name"),
		InsecureSkipTLSVerify: e.body.bool("insecure-skip-tls-verify"),
		CA:                    e.body.data("certificate-authority-data"),
		CAFile:                e.body.str("certificate-authority"),
		ProxyURL:              e.body.str("proxy-url"),
	}
}

func (e entry) context() Context {
	return Context{
		Name: e.name, Line: e.line,
		Cluster:   e.body.str("cluster"),
		User:      e.body.str("user"),
		Namespace: e.body.str("namespace"),
	}
}

func (e entry) user() User {
	u := User{
		Name: e.name, Line: e.line,
		ClientCert:     e.body.data("client-certificate-data"),
		ClientCertFile: e.body.str("client-certificate"),
		ClientKey:      e.body.data("client-key-data"),
		ClientKeyFile:  e.body.str("client-key"),
		Token:          e.body.str("token"),
		TokenFile:      e.body.str("tokenFile"),
		Username:       e.body.str("username"),
		HasPassword:    e.body.str("password") != "",
		AuthProvider:   e.body.object("auth-provider").str("name"),
		Impersonate:    e.body.str("as"),
	}
	if x := e.body.object("exec"); x.node != nil {
		u.Exec = &Exec{APIVersion: x.str("apiVersion"), Command: x.str("command")}
	}
	return u
}
