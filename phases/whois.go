package phases

import (
	"bytes"
	"crypto/x509"
	"time"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
)

// KubeconfigReport is what a kubeconfig says: who one is in each context, to
// which server, until when; and what is wrong with it.
type KubeconfigReport struct {
	APIVersion     string            `json:"apiVersion"`
	Kind           string            `json:"kind"`
	File           string            `json:"file"`
	CurrentContext string            `json:"currentContext"`
	Contexts       []ContextReport   `json:"contexts"`
	Findings       []finding.Finding `json:"findings"`
}

// ContextReport is one context.
type ContextReport struct {
	Name      string     `json:"name"`
	Current   bool       `json:"current"`
	Cluster   string     `json:"cluster"`
	Server    string     `json:"server,omitempty"`
	Namespace string     `json:"namespace,omitempty"`
	Auth      string     `json:"auth"` // certificate, token, exec, password, auth-provider or none
	User      string     `json:"user,omitempty"`
	Groups    []string   `json:"groups,omitempty"`
	NotBefore *time.Time `json:"notBefore,omitempty"`
	NotAfter  *time.Time `json:"notAfter,omitempty"`
	SHA256    string     `json:"sha256,omitempty"`
}

// Bad reports whether any finding is an error.
func (r KubeconfigReport) Bad() bool {
	for _, f := range r.Findings {
		if f.Severity == finding.Error {
			return true
		}
	}
	return false
}

// DescribeKubeconfig reads a kubeconfig. read gives the content of the files
// that it names, by the path as it stands there.
func DescribeKubeconfig(file string, data []byte, read func(path string) ([]byte, error), now time.Time) (KubeconfigReport, error) {
	cfg, err := kubeconfig.Parse(data)
	if err != nil {
		return KubeconfigReport{}, err
	}
	r := KubeconfigReport{APIVersion: APIVersion, Kind: "KubeconfigReport", File: file, CurrentContext: cfg.CurrentContext, Contexts: []ContextReport{}}
	d := describer{read: read, now: now, findings: cfg.Check()}
	for _, c := range cfg.Clusters {
		d.cluster(c)
	}
	users := map[string]*x509.Certificate{}
	for _, u := range cfg.Users {
		d.token(u)
		users[u.Name] = d.user(u)
	}
	for _, c := range cfg.Contexts {
		e, err := cfg.Resolve(c.Name)
		row := ContextReport{Name: c.Name, Current: c.Name == cfg.CurrentContext, Cluster: c.Cluster, Namespace: c.Namespace, Auth: "none"}
		if err == nil {
			row.Server, row.Auth = e.Cluster.Server, authOf(e.User)
			if cert := users[e.User.Name]; cert != nil {
				s := pki.CertificateSubject(cert)
				nb, na := cert.NotBefore.UTC(), cert.NotAfter.UTC()
				row.User, row.Groups, row.NotBefore, row.NotAfter, row.SHA256 = s.CommonName, s.Organization, &nb, &na, Fingerprint(cert)
			}
		}
		r.Contexts = append(r.Contexts, row)
	}
	r.Findings = d.findings
	if r.Findings == nil {
		r.Findings = []finding.Finding{}
	}
	return r, nil
}

// authOf says how a user authenticates; a certificate goes along with all others.
func authOf(u kubeconfig.User) string {
	switch {
	case len(u.ClientCert) > 0 || u.ClientCertFile != "":
		return "certificate"
	case u.Token != "" || u.TokenFile != "":
		return "token"
	case u.Exec != nil:
		return "exec"
	case u.Username != "":
		return "password"
	case u.AuthProvider != "":
		return "auth-provider"
	}
	return "none"
}

type describer struct {
	read     func(string) ([]byte, error)
	now      time.Time
	findings []finding.Finding
}

func (d *describer) find(kind, name string, line int, id finding.ID, had ...string) {
	d.findings = append(d.findings, *kubeconfig.About(finding.New(id, had...), kind, name, line))
}

// load is embedded data, or the file that is named.
func (d *describer) load(data []byte, path string) ([]byte, error) {
	if len(data) > 0 || path == "" {
		return data, nil
	}
	return d.read(path)
}

func (d *describer) cluster(c kubeconfig.Cluster) {
	find := func(id finding.ID, had ...string) { d.find("cluster", c.Name, c.Line, id, had...) }
	data, err := d.load(c.CA, c.CAFile)
	if err != nil {
		find(finding.CAUnreadable, err.Error())
		return
	}
	if len(data) == 0 {
		return
	}
	cas, err := pki.ParseCertificates(data)
	if err != nil {
		find(finding.CABroken, err.Error())
		return
	}
	for _, ca := range cas {
		if fault := pki.SigningFault(ca, d.now); fault != "" {
			find(finding.CAUnfit, fault)
		}
	}
}

// token judges a user's token file. Where a token is given beside it, client-go takes that one until the file can be read.
func (d *describer) token(u kubeconfig.User) {
	if u.TokenFile == "" || u.Token != "" {
		return
	}
	data, err := d.read(u.TokenFile)
	if err != nil {
		d.find("user", u.Name, u.Line, finding.TokenFileUnreadable, err.Error())
		return
	}
	if f := kubeconfig.TokenFault(string(bytes.TrimSpace(data))); f != nil {
		f.Path = u.TokenFile
		d.findings = append(d.findings, *kubeconfig.About(f, "user", u.Name, u.Line))
	}
}

// user judges a user's certificate and key, and returns the certificate.
func (d *describer) user(u kubeconfig.User) *x509.Certificate {
	find := func(id finding.ID, had ...string) { d.find("user", u.Name, u.Line, id, had...) }
	data, err := d.load(u.ClientCert, u.ClientCertFile)
	if err != nil {
		find(finding.ClientCertificateUnreadable, err.Error())
		return nil
	}
	if len(data) == 0 {
		return nil
	}
	chain, err := pki.ParseCertificates(data)
	if err != nil {
		find(finding.ClientCertificateBroken, err.Error())
		return nil
	}
	c := chain[0]
	switch {
	case !d.now.Before(c.NotAfter):
		find(finding.ClientCertificateExpired, stamp(c.NotAfter))
	case d.now.Before(c.NotBefore):
		find(finding.ClientCertificateEarly, stamp(c.NotBefore))
	}
	if !allows(c, x509.ExtKeyUsageClientAuth) {
		find(finding.ClientCertificateUsage)
	}
	data, err = d.load(u.ClientKey, u.ClientKeyFile)
	if err != nil {
		find(finding.ClientKeyUnreadable, err.Error())
		return c
	}
	if len(data) == 0 {
		return c
	}
	key, err := pki.ParsePrivateKey(data)
	switch {
	case err != nil:
		find(finding.ClientKeyBroken, err.Error())
	case !pki.SameKey(c.PublicKey, key.Public()):
		find(finding.ClientKeyMismatch)
	}
	return c
}
