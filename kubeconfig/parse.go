package kubeconfig

import (
	"encoding/base64"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads a kubeconfig, YAML or JSON. An empty file is an empty Config, as for kubectl.
//
// Unknown fields are passed over, whatever is in them. Every field that client-go knows must have the right type, shown in
// Config or not, since client-go refuses the whole file for one that has not; no two entries of a list may have the same
// name, or none, and *-data must be base64. Whether the parts fit together is not looked at: see
// [Config.Current] and [Config.Check]. Errors are of type [*SyntaxError].
func Parse(data []byte) (*Config, error) {
	_, c, err := open(data)
	return c, err
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
	for _, e := range root.named("clusters") {
		c.Clusters = append(c.Clusters, e.cluster())
	}
	for _, e := range root.named("contexts") {
		c.Contexts = append(c.Contexts, e.context())
	}
	for _, e := range root.named("users") {
		c.Users = append(c.Users, e.user())
	}
	preferences := root.object("preferences")
	preferences.bool("colors")
	preferences.named("extensions")
	root.named("extensions")
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

// named returns a list of mappings of which no two have the same name: entries, and the extensions that other tools keep,
// which are free in what is under the name.
func (o object) named(key string) []object {
	lines := map[string]int{}
	os := o.objects(key)
	for _, e := range os {
		if e.node == nil {
			continue
		}
		name := e.str("name")
		if first, again := lines[name]; again {
			o.r.fail(e.node, e.path, fmt.Sprintf("the name %q is given twice, first on line %d", shorten(name), first))
		}
		lines[name] = e.node.Line
	}
	return os
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

// file returns a field that names a file. What is no name but the file's content is refused and not repeated: people put
// it there for want of "-data", and it may be a private key or a token, which must not be in an error.
func (o object) file(key, rather string) string {
	s := o.str(key)
	const base64OfPEM, base64OfJSON = "LS0tLS1CRUdJTi", "eyJ"
	if strings.Contains(s, "-----BEGIN ") || strings.HasPrefix(s, base64OfPEM) || strings.HasPrefix(s, base64OfJSON) && strings.Count(s, ".") == 2 {
		o.r.fail(value(o.node, key), o.at(key), "is not a path, but what belongs in "+rather)
		return ""
	}
	return s
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

func (o object) cluster() Cluster {
	body := o.object("cluster")
	body.bool("disable-compression")
	body.named("extensions")
	return Cluster{
		Name: o.str("name"), Line: o.node.Line,
		Server:                body.str("server"),
		TLSServerName:         body.str("tls-server-name"),
		InsecureSkipTLSVerify: body.bool("insecure-skip-tls-verify"),
		CA:                    body.data("certificate-authority-data"),
		CAFile:                body.file("certificate-authority", "certificate-authority-data"),
		ProxyURL:              body.str("proxy-url"),
	}
}

func (o object) context() Context {
	body := o.object("context")
	body.named("extensions")
	return Context{
		Name: o.str("name"), Line: o.node.Line,
		Cluster:   body.str("cluster"),
		User:      body.str("user"),
		Namespace: body.str("namespace"),
	}
}

func (o object) user() User {
	body := o.object("user")
	u := User{
		Name: o.str("name"), Line: o.node.Line,
		ClientCert:     body.data("client-certificate-data"),
		ClientCertFile: body.file("client-certificate", "client-certificate-data"),
		ClientKey:      body.data("client-key-data"),
		ClientKeyFile:  body.file("client-key", "client-key-data"),
		Token:          body.str("token"),
		TokenFile:      body.file("tokenFile", "token"),
		Username:       body.str("username"),
		HasPassword:    body.str("password") != "",
		AuthProvider:   body.object("auth-provider").str("name"),
		Impersonate:    body.str("as"),
	}
	if x := body.object("exec"); x.node != nil {
		u.Exec = x.exec()
	}
	if uid := body.str("as-uid"); uid != "" {
		u.ImpersonateMore = append(u.ImpersonateMore, uid)
	}
	u.ImpersonateMore = append(u.ImpersonateMore, body.strs("as-groups")...)
	extra := body.object("as-user-extra")
	for key := range fields(extra.node) {
		u.ImpersonateMore = append(u.ImpersonateMore, strings.Join(extra.strs(key), " "))
	}
	config := body.object("auth-provider").object("config")
	for key := range fields(config.node) {
		config.str(key)
	}
	body.named("extensions")
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
