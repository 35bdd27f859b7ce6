package phases

import (
	"slices"
	"time"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// KubeconfigReport is what a kubeconfig says: who one is in each context, to
// which server, until when; and what is wrong with it.
type KubeconfigReport struct {
	APIVersion     string          `json:"apiVersion"`
	Kind           string          `json:"kind"`
	File           string          `json:"file"`
	CurrentContext string          `json:"currentContext"`
	Contexts       []ContextReport `json:"contexts"`
	Findings       []finding.Shown `json:"findings"`
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
	return slices.ContainsFunc(r.Findings, func(f finding.Shown) bool { return f.Severity == finding.Error })
}

// DescribeKubeconfig reads and judges a kubeconfig. read gives the content of the files
// that it names, by the path as it is written there.
func DescribeKubeconfig(file string, data []byte, read func(path string) ([]byte, error), now time.Time) (KubeconfigReport, error) {
	k, err := judge.ReadKubeconfig(file, data, read, now)
	if err != nil {
		return KubeconfigReport{}, err
	}
	cfg := k.Config
	r := KubeconfigReport{APIVersion: APIVersion, Kind: "KubeconfigReport", File: file, CurrentContext: cfg.CurrentContext, Contexts: []ContextReport{}, Findings: []finding.Shown{}}
	for _, c := range cfg.Contexts {
		e, err := cfg.Resolve(c.Name)
		row := ContextReport{Name: c.Name, Current: c.Name == cfg.CurrentContext, Cluster: c.Cluster, Namespace: c.Namespace, Auth: "none"}
		if err == nil {
			row.Server, row.Auth = e.Cluster.Server, authOf(e.User)
			if cert := k.Certs[e.User.Name]; cert != nil {
				s := pki.CertificateSubject(cert)
				nb, na := cert.NotBefore.UTC(), cert.NotAfter.UTC()
				row.User, row.Groups, row.NotBefore, row.NotAfter, row.SHA256 = s.CommonName, s.Organization, &nb, &na, judge.Fingerprint(cert)
			}
		}
		r.Contexts = append(r.Contexts, row)
	}
	for _, f := range k.Findings {
		r.Findings = append(r.Findings, f.Shown(finding.Check))
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
