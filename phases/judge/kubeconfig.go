package judge

import (
	"bytes"
	"crypto/x509"
	"time"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
)

// Kubeconfig is what a kubeconfig says, whoever made it, and what is wrong with it.
type Kubeconfig struct {
	File     string
	Config   *kubeconfig.Config
	Certs    map[string]*x509.Certificate // by user: the client certificate, where it can be read
	Findings []finding.Finding
}

// ReadKubeconfig judges every cluster and every user of a kubeconfig, as client-go uses them. read gives the content of
// the files that it names, by the path as it is written there.
func ReadKubeconfig(file string, data []byte, read func(path string) ([]byte, error), now time.Time) (Kubeconfig, error) {
	cfg, err := kubeconfig.Parse(data)
	if err != nil {
		return Kubeconfig{}, err
	}
	k := Kubeconfig{File: file, Config: cfg, Certs: map[string]*x509.Certificate{}, Findings: cfg.Check()}
	r := confReader{now: now, read: read, out: &k}
	for _, c := range cfg.Clusters {
		r.kind, r.name, r.line = "cluster", c.Name, c.Line
		r.cluster(c)
	}
	for _, u := range cfg.Users {
		r.kind, r.name, r.line = "user", u.Name, u.Line
		r.token(u)
		if c := r.user(u); c != nil {
			k.Certs[u.Name] = c
		}
	}
	for i := range k.Findings {
		k.Findings[i].Path = file
	}
	return k, nil
}

type confReader struct {
	now  time.Time
	read func(string) ([]byte, error)
	kind string
	name string
	line int
	out  *Kubeconfig
}

func (r *confReader) add(f *finding.Finding) {
	if f == nil {
		return
	}
	g := *f
	r.out.Findings = append(r.out.Findings, *kubeconfig.About(&g, r.kind, r.name, r.line))
}

// cluster judges a cluster's CAs: one that is good is enough, as for a pool of crypto/x509.
func (r *confReader) cluster(c kubeconfig.Cluster) {
	data, f := named(c.CA, c.CAFile, "certificate authority", r.read)
	if f != nil || len(data) == 0 {
		r.add(f)
		return
	}
	cas, notes, err := pki.ParseTrust(data, pki.ClientTrust)
	if err != nil {
		r.add(finding.Of(err, finding.FileUnreadable))
		return
	}
	for _, n := range notes {
		r.add(&n)
	}
	var worst *finding.Finding
	for _, ca := range cas {
		f := anchor(ca, r.now)
		if f == nil {
			return
		}
		if worst == nil {
			worst = f
		}
	}
	r.add(worst)
}

// anchor says why no connection can rest on a certificate of a pool, or nil. A server's own certificate is an anchor
// for itself, and so is a version 1 certificate.
func anchor(c *x509.Certificate, now time.Time) *finding.Finding {
	switch {
	case now.After(c.NotAfter):
		return finding.New(finding.CAExpired, finding.Stamp(c.NotAfter), finding.Stamp(now))
	case now.Before(c.NotBefore):
		return finding.New(finding.CANotYetValid, finding.Stamp(c.NotBefore), finding.Stamp(now))
	case c.Version == 1 || c.BasicConstraintsValid && c.IsCA:
		return pki.KeyFault(c.PublicKey)
	case len(c.DNSNames)+len(c.IPAddresses) > 0 && Allows(c, x509.ExtKeyUsageServerAuth):
		return pki.KeyFault(c.PublicKey)
	}
	return pki.SigningFault(c, now)
}

// token judges the content of a user's token file. Where a token is given beside it, client-go takes that one until the
// file can be read.
func (r *confReader) token(u kubeconfig.User) {
	if u.TokenFile == "" || u.Token != "" {
		return
	}
	data, f := named(nil, u.TokenFile, "token file", r.read)
	if f == nil {
		f = kubeconfig.TokenFault(string(bytes.TrimSpace(data)))
	}
	r.add(f)
}

// user judges a user's certificate and key, and returns the certificate.
func (r *confReader) user(u kubeconfig.User) *x509.Certificate {
	data, f := named(u.ClientCert, u.ClientCertFile, "client certificate", r.read)
	if f != nil || len(data) == 0 {
		r.add(f)
		return nil
	}
	chain, err := pki.ParseCertificates(data)
	if err != nil {
		r.add(finding.Of(err, finding.FileUnreadable))
		return nil
	}
	for _, f := range Certificate(chain, nil, Purpose{[]x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, true}, r.now) {
		r.add(&f)
	}
	data, f = named(u.ClientKey, u.ClientKeyFile, "client key", r.read)
	if f != nil || len(data) == 0 {
		r.add(f)
		return chain[0]
	}
	switch key, err := pki.ParsePrivateKey(data); {
	case err != nil:
		r.add(finding.Of(err, finding.FileUnreadable))
	case !pki.SameKey(chain[0].PublicKey, key.Public()):
		r.add(finding.New(finding.KeyMismatch))
	}
	return chain[0]
}
