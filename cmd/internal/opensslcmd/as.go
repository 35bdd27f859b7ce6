package opensslcmd

import (
	"crypto/x509"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/terminal"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/verify"
)

// role is the value of --as: what Kubernetes asks of a certificate in one of its places. The judge of every other
// command answers, by what the components run; openssl's verdict is said beside it where it differs. All of --as is in
// this file; on a nil role, which is a run without it, every method does nothing.
type role struct {
	name string
	kind certs.Kind
	// identifies says that the API server takes a user and groups from it.
	identifies bool
}

// roles are those of the table that a CA signs, and the kinds of certificates by themselves.
func roles() []role {
	var out []role
	for _, r := range certs.Roles() {
		if r.Issuer != "" && !r.Given {
			out = append(out, role{r.Name, r.Kind, r.Identity})
		}
	}
	for _, k := range []certs.Kind{certs.Serving, certs.Client, certs.Peer} {
		out = append(out, role{k.String(), k, k == certs.Client})
	}
	return out
}

// asOption is the option --as.
func asOption() option {
	var names []string
	for _, x := range roles() {
		names = append(names, x.name)
	}
	return option{
		name: "as", kind: textValue, what: "role", words: names,
		help: "judge as Kubernetes components do, for a row (apiserver, etcd-peer, admin, ...) or a kind (serving, client, peer); -verify_hostname and -verify_ip give the name",
		apply: func(r *request, value string) error {
			i := slices.Index(names, value)
			if i < 0 {
				return badUse("Role \"%s\" is none of %s", value, strings.Join(names, ", "))
			}
			r.role = &roles()[i]
			return nil
		},
	}
}

// prepare sets what the role asks of openssl. A purpose beside it would be a second answer to the same question.
func (x *role) prepare(o *verify.Options) error {
	switch {
	case x == nil:
		return nil
	case o.Purpose != verify.PurposeNone:
		return badUse("--as %s sets the purpose: leave -purpose and -verify_name away", x.name)
	case !x.kind.Serves() && (o.Hostname != "" || o.IP.IsValid()):
		return badUse("--as %s takes no host name or address: the API server does not look where a client comes from", x.name)
	}
	o.Purpose = verify.PurposeSSLServer
	if x.kind == certs.Client {
		o.Purpose = verify.PurposeSSLClient
	}
	return nil
}

// verdict is what Kubernetes components say of a certificate in a role.
type verdict struct {
	Role     string          `json:"role"`
	OK       bool            `json:"ok"`
	Findings []finding.Shown `json:"findings"`
	// User and Groups are whom the API server takes the holder of a good client certificate for.
	User   string   `json:"user,omitempty"`
	Groups []string `json:"groups,omitempty"`
}

// judge judges a target as the components do; nil without --as, and for a target that is not there.
func (x *role) judge(r *request, t target) *verdict {
	if x == nil || t.certificate == nil {
		return nil
	}
	v := &verdict{Role: x.name, Findings: []finding.Shown{}}
	var all []finding.Finding
	add := func(path string, list ...finding.Finding) {
		for _, f := range list {
			all = append(all, *f.At("", "", path))
		}
	}
	chain, err := r.chainOf(t)
	if err != nil {
		add(t.name, *finding.Of(err, finding.CertificateBroken))
	}
	trust, notes, err := r.trustOf(t)
	add(trust.Path, notes...)
	if err != nil {
		add(trust.Path, *finding.Of(err, finding.FileUnreadable))
	}
	if len(chain) > 0 && err == nil {
		purpose := judge.Purpose{Usages: x.kind.ExtKeyUsage(), Identity: x.identifies}
		now := r.options.Time
		if r.options.NoCheckTime {
			now = chain[0].NotBefore
		}
		add(t.name, judge.Certificate(chain, trust, purpose, now)...)
		add(t.name, x.host(chain[0], r.options)...)
		add(t.name, x.identity(chain[0], r.env.Rows())...)
	}
	worst, some := finding.Worst(all)
	if v.OK = !some || worst < finding.Error; v.OK && x.identifies {
		v.User, v.Groups = chain[0].Subject.CommonName, append(slices.Clone(chain[0].Subject.Organization), "system:authenticated")
	}
	for _, f := range all {
		v.Findings = append(v.Findings, f.Shown(finding.Import))
	}
	return v
}

// host compares the names with the one that was asked about, as crypto/tls does.
func (x *role) host(c *x509.Certificate, o verify.Options) []finding.Finding {
	hosts := []string{o.Hostname}
	if o.IP.IsValid() {
		hosts = append(hosts, o.IP.String())
	}
	for _, host := range hosts {
		if host != "" && len(c.DNSNames)+len(c.IPAddresses) > 0 && c.VerifyHostname(host) != nil {
			return []finding.Finding{*finding.New(finding.NamesMissing, pki.SANsOf(c).Strings()...).Want(host)}
		}
	}
	return nil
}

// identity compares the subject with the row's, where a component knows the holder by it.
func (x *role) identity(c *x509.Certificate, rows []certs.Spec) []finding.Finding {
	for _, s := range rows {
		if got := pki.CertificateSubject(c); s.Name == x.name && s.Identity && got.CommonName != "" && s.Match(got) == certs.Other {
			return []finding.Finding{*finding.New(finding.SubjectDiffers, finding.Quote(got.String())).Want(finding.Quote(s.Subject.String()))}
		}
	}
	return nil
}

// chainOf is the target's file as crypto/tls reads it, and the certificates of -untrusted behind it.
func (r *request) chainOf(t target) ([]*x509.Certificate, error) {
	data := pem(t.certificate)
	if !r.readsStdin {
		var err error
		if data, err = readURI(t.name, nil); err != nil {
			return nil, err
		}
	}
	chain, err := pki.ParseCertificates(data)
	if err != nil {
		return nil, err
	}
	for _, c := range r.untrusted {
		if p, err := x509.ParseCertificate(c.Raw); err == nil {
			chain = append(chain, p)
		}
	}
	return chain, nil
}

// trustOf are the anchors as the components read them.
func (r *request) trustOf(t target) (*judge.Trust, []finding.Finding, error) {
	path, more := "", r.trusted
	var data []byte
	if r.caFile != nil {
		path = *r.caFile
		var err error
		if data, err = readURI(path, nil); err != nil {
			return judge.NewTrust(path, nil), nil, err
		}
	}
	if r.lookup != nil {
		more = append(slices.Clone(more), r.lookup.closure(r, t.certificate)...)
	}
	for _, c := range more {
		data = append(data, pem(c)...)
	}
	if len(data) == 0 {
		return judge.NewTrust(path, nil), nil, finding.New(finding.TrustNone)
	}
	bundle, notes, err := pki.ParseTrust(data, pki.ServerTrust)
	return judge.NewTrust(path, bundle), notes, err
}

func pem(c *verify.Certificate) []byte { return pki.EncodeCertificates(&x509.Certificate{Raw: c.Raw}) }

// write says what the components say, and what openssl says where that is something else.
func (v *verdict) write(a *answer, t target, report verify.Report) {
	for _, f := range v.Findings {
		a.stderr(f.Severity.String(), ": ", terminal.Line(f.String()), "\n")
		if f.Severity == finding.Error && f.Reason != "" {
			a.stderr("  ", terminal.Line(f.Reason), "\n")
		}
	}
	if !v.OK {
		a.stderr("error ", terminal.Line(t.name), ": verification failed\n")
	} else {
		a.stdout(terminal.Line(t.name), ": OK\n")
		if v.User != "" {
			a.stdout("  user: ", terminal.Line(v.User), "\n")
			for _, g := range v.Groups {
				a.stdout("  group: ", terminal.Line(g), "\n")
			}
		}
	}
	if v.OK == report.OK {
		return
	}
	says := "OK"
	if !report.OK {
		says = report.Reason
		if len(report.Findings) > 0 {
			says = report.Findings[0].Code.Text()
		}
	}
	a.stderr("openssl verify says: ", terminal.Line(says), "\n")
}
