package kubeconfig

import (
	"encoding/base64"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Parse reads a kubeconfig, YAML or JSON. An empty file is an empty Config, as for kubectl.
//
// Unknown fields are passed over, whatever is in them. Every field that client-go knows must have the right type, shown in
// Config or not, since client-go refuses the whole file for one that has not; no two entries of a list may have the same
// name, or none, and *-data must be base64. Whether the parts fit together is not looked at: see
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
	preferences := root.object("preferences")
	preferences.bool("colors")
	preferences.extensions()
	root.extensions()
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

func (o object) str(key string) string { return o.r.text(value(o.node, key), o.at(key)) }

// text reads a string at path, "" if n is nil.
func (r *reader) text(n *yaml.Node, path string) string {
	if n == nil {
		return ""
	}
	switch kind := kindName(n); kind {
	case "a string":
		return n.Value
	case "a number", "a truth value":
		r.fail(n, path, "must be a string; put it in quotes")
	default:
		r.fail(n, path, "must be a string, not "+kind)
	}
	return ""
}

// list returns the items of a list, none if it is missing.
func (o object) list(key string) []*yaml.Node {
	n := value(o.node, key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		o.r.fail(n, o.at(key), "must be a list, not "+kindName(n))
		return nil
	}
	return n.Content
}

// strs returns a list of strings; null stands for an empty one.
func (o object) strs(key string) []string {
	var texts []string
	for i, n := range o.list(key) {
		if isNull(n) {
			n = nil
		}
		texts = append(texts, o.r.text(n, fmt.Sprintf("%s[%d]", o.at(key), i)))
	}
	return texts
}

// objects returns a list of mappings.
func (o object) objects(key string) []object {
	var os []object
	for i, n := range o.list(key) {
		path := fmt.Sprintf("%s[%d]", o.at(key), i)
		switch {
		case isNull(n):
			n = nil
		case n.Kind != yaml.MappingNode:
			o.r.fail(n, path, "must be a mapping, not "+kindName(n))
			return nil
		}
		os = append(os, object{o.r, n, path})
	}
	return os
}

// keys returns the keys of a mapping.
func (o object) keys() []string {
	var keys []string
	for i := 0; o.node != nil && i < len(o.node.Content); i += 2 {
		keys = append(keys, o.node.Content[i].Value)
	}
	return keys
}

// extensions checks a list of what other tools keep: named, and free in what is under the name.
func (o object) extensions() {
	lines := map[string]int{}
	for _, e := range o.objects("extensions") {
		name := e.str("name")
		if first, again := lines[name]; again && e.node != nil {
			o.r.fail(e.node, e.path, fmt.Sprintf("the name %q is given twice, first on line %d", shorten(name), first))
		}
		if e.node != nil {
			lines[name] = e.node.Line
		}
	}
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
	b, ok := truth(n)
	if !ok {
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
	e.body.bool("disable-compression")
	e.body.extensions()
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
	e.body.extensions()
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
		u.Exec = x.exec()
	}
	if uid := e.body.str("as-uid"); uid != "" {
		u.ImpersonateMore = append(u.ImpersonateMore, uid)
	}
	u.ImpersonateMore = append(u.ImpersonateMore, e.body.strs("as-groups")...)
	extra := e.body.object("as-user-extra")
	for _, key := range extra.keys() {
		u.ImpersonateMore = append(u.ImpersonateMore, strings.Join(extra.strs(key), " "))
	}
	config := e.body.object("auth-provider").object("config")
	for _, key := range config.keys() {
		config.str(key)
	}
	e.body.extensions()
	return u
}

func (o object) exec() *Exec {
	x := &Exec{APIVersion: o.str("apiVersion"), Command: o.str("command"), InteractiveMode: o.str("interactiveMode")}
	o.strs("args")
	for _, v := range o.objects("env") {
		x.Env = append(x.Env, v.str("name"))
		v.str("value")
	}
	o.str("installHint")
	o.bool("provideClusterInfo")
	return x
}
