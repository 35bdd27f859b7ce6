package kubeconfig

import "github.com/pkitool/pkitool/finding"

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

// overridden are the fields that Fix removes from the entry of a finding.
var overridden = map[finding.ID]string{
	finding.CAGivenTwice:                "certificate-authority",
	finding.ClientCertificateGivenTwice: "client-certificate",
	finding.ClientKeyGivenTwice:         "client-key",
	finding.InsecureWithCA:              "insecure-skip-tls-verify",
}

// fix repairs a fixable finding.
func (d *document) fix(c *Config, f finding.Finding) {
	if field, ok := overridden[f.ID]; ok {
		deleteKey(value(d.entryNode(f.Kind+"s", f.Name), f.Kind), field)
		return
	}
	setKey(d.root, "current-context", stringNode(c.Contexts[0].Name))
}
