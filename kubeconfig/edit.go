package kubeconfig

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/pkitool/pkitool/internal/hidden"
)

// Edit is a change to a kubeconfig that leaves everything else in it as it is: unknown fields, comments, the order of
// entries and keys. Blank lines and the way strings are quoted in JSON are not kept. Empty fields change nothing.
type Edit struct {
	hidden.Secret
	Cluster string // the cluster to change; "" means the current context's
	Server  string // URL
	CA      []byte // PEM, goes into certificate-authority-data; a certificate-authority (a path) goes away

	User       string // the user to change; "" means the current context's
	ClientCert []byte // PEM, goes into client-certificate-data; a client-certificate (a path) goes away
	ClientKey  []byte // PEM, goes into client-key-data; a client-key (a path) goes away
}

// Apply returns the file with the change made, data itself if it says all that already. The error says what keeps the
// change from being made: data is no kubeconfig ([*SyntaxError]), or has no such cluster or user.
func (e Edit) Apply(data []byte) ([]byte, error) {
	d, c, err := open(data)
	if err != nil {
		return nil, err
	}
	changed := false
	if e.Server != "" || len(e.CA) > 0 {
		if e.Server != "" {
			if err := validateServer(e.Server); err != nil {
				return nil, err
			}
		}
		m, err := d.body(c, "cluster", e.Cluster)
		if err != nil {
			return nil, err
		}
		if e.Server != "" && (value(m, "server") == nil || value(m, "server").Value != e.Server) {
			setKey(m, "server", stringNode(e.Server))
			changed = true
		}
		changed = embed(m, "certificate-authority", e.CA) || changed
	}
	if len(e.ClientCert) > 0 || len(e.ClientKey) > 0 {
		m, err := d.body(c, "user", e.User)
		if err != nil {
			return nil, err
		}
		changed = embed(m, "client-certificate", e.ClientCert) || changed
		changed = embed(m, "client-key", e.ClientKey) || changed
	}
	if !changed {
		return data, nil
	}
	return d.bytes()
}

// open reads a kubeconfig in both views.
func open(data []byte) (*document, *Config, error) {
	d, err := load(data)
	if err != nil {
		return nil, nil, err
	}
	c, err := d.config()
	if err != nil {
		return nil, nil, err
	}
	return d, c, nil
}

// body returns the mapping that holds the fields of the cluster or user of that name, of the current one if name is "".
func (d *document) body(c *Config, kind, name string) (*yaml.Node, error) {
	if name == "" {
		e, err := c.Current()
		if err != nil {
			return nil, err
		}
		if name = e.Cluster.Name; kind == "user" {
			name = e.User.Name
		}
	}
	item := d.entryNode(kind+"s", name)
	if item == nil {
		return nil, fmt.Errorf("%s %q does not exist", kind, name)
	}
	return child(item, kind, yaml.MappingNode), nil
}
