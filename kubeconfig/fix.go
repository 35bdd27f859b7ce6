package kubeconfig

import "gopkg.in/yaml.v3"

// Fix repairs what can be repaired without a choice, the findings of [Config.Check] that are Fixable, and leaves
// everything else in the file as it is, comments and unknown fields too. It returns the file and the findings that are
// gone; data itself if there are none.
//
// What client-go refuses or ignores is removed: a path beside its -data field, and insecure-skip-tls-verify beside a CA.
// A current context that is missing or does not exist is set if there is only one context.
func Fix(data []byte) ([]byte, []Finding, error) {
	d, c, err := open(data)
	if err != nil {
		return nil, nil, err
	}
	l := layoutOf(data, d.root)
	var done []Finding
	for _, f := range c.Check() {
		if f.Fixable {
			d.fix(c, f)
			done = append(done, f)
		}
	}
	if len(done) == 0 {
		return data, nil, nil
	}
	out, err := d.bytes(l)
	if err != nil {
		return nil, nil, err
	}
	return out, done, nil
}

// fix repairs a fixable finding.
func (d *document) fix(c *Config, f Finding) {
	var body *yaml.Node
	if f.Kind != "" {
		body = value(d.entryNode(f.Kind+"s", f.Name), f.Kind)
	}
	switch f.ID {
	case "ca-given-twice":
		deleteKey(body, "certificate-authority")
	case "client-certificate-given-twice":
		deleteKey(body, "client-certificate")
	case "client-key-given-twice":
		deleteKey(body, "client-key")
	case "insecure-with-ca":
		deleteKey(body, "insecure-skip-tls-verify")
	case "current-context-missing", "current-context-unknown":
		setKey(d.root, "current-context", stringNode(c.Contexts[0].Name))
	}
}
