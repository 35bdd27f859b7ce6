package kubeconfig

import (
	"gopkg.in/yaml.v3"

	"github.com/pkitool/pkitool/finding"
)

// Fix repairs what can be repaired without a choice, the findings of [Config.Check] that are Fixable, and leaves
// everything else in the file as it is, comments and unknown fields too. It returns the file and the findings that are
// gone; data itself if there are none.
//
// What client-go refuses or ignores is removed: a path beside its -data field, and insecure-skip-tls-verify beside a CA.
// A current context that is missing or does not exist is set if there is only one context.
func Fix(data []byte) ([]byte, []finding.Finding, error) {
	d, c, err := open(data)
	if err != nil {
		return nil, nil, err
	}
	var done []finding.Finding
	for _, f := range c.Check() {
		if f.Fixable {
			d.fix(c, f)
			done = append(done, f)
		}
	}
	if len(done) == 0 {
		return data, nil, nil
	}
	out, err := d.bytes()
	if err != nil {
		return nil, nil, err
	}
	return out, done, nil
}

// fix repairs a fixable finding.
func (d *document) fix(c *Config, f finding.Finding) {
	var body *yaml.Node
	if f.Kind != "" {
		body = value(d.entryNode(f.Kind+"s", f.Name), f.Kind)
	}
	switch f.ID {
	case finding.CAGivenTwice:
		deleteKey(body, "certificate-authority")
	case finding.ClientCertificateGivenTwice:
		deleteKey(body, "client-certificate")
	case finding.ClientKeyGivenTwice:
		deleteKey(body, "client-key")
	case finding.InsecureWithCA:
		deleteKey(body, "insecure-skip-tls-verify")
	case finding.CurrentContextMissing, finding.CurrentContextUnknown:
		setKey(d.root, "current-context", stringNode(c.Contexts[0].Name))
	}
}
