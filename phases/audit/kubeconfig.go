package audit

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki/store"
)

// kubeconfig judges a kubeconfig that was asked for by name.
func (a *auditor) kubeconfig(name string) error {
	f := judge.ReadFile(name)
	switch {
	case f.Err != nil:
		return f.Err
	case !f.Exists:
		return &store.Error{Path: name, Err: errNoFile}
	}
	if f.Mode.Perm()&0o077 != 0 {
		a.note(finding.New(finding.KeyModeLoose, finding.Mode(f.Mode)), name)
	}
	a.conf(name, f.Data, finding.Error)
	return nil
}

var errNoFile = errors.New("no such file or directory")

// conf judges a kubeconfig that is no row's: as a file, and what the place knows of its certificates and its server.
func (a *auditor) conf(name string, data []byte, most finding.Severity) {
	add := func(f *finding.Finding, entry string) {
		if f == nil {
			return
		}
		g := *f
		g.Severity = min(g.Severity, most)
		if g.Entry == "" {
			g.Entry = entry
		}
		a.note(&g, name)
	}
	k, err := judge.ReadKubeconfig(name, data, func(path string) ([]byte, error) { return judge.ReadNamed(name, path) }, a.Now)
	if err != nil {
		add(finding.Of(err, finding.KubeconfigBroken), "")
		return
	}
	for _, f := range k.Findings {
		add(&f, "")
	}
	elsewhere := a.elsewhere(name, k.Config)
	for _, u := range k.Config.Users {
		x := k.Certs[u.Name]
		if x == nil {
			continue
		}
		a.certs++
		if strange(k.Config, u.Name, elsewhere) {
			continue
		}
		entry := fmt.Sprintf("user %q", u.Name)
		issuer := a.issuer(x)
		if f := a.stranger([]*x509.Certificate{x}, 0, issuer); f != nil && f.ID == finding.OtherCASameName {
			add(f, entry)
		}
		add(a.expiring(x), entry)
		if issuer == nil {
			continue
		}
		older := a.older(x)
		add(older, entry)
		if slices.Contains(x.Subject.Organization, certs.MastersGroup) && older == nil {
			add(finding.New(finding.MastersGroupOther, finding.Stamp(x.NotAfter)), entry)
		}
	}
	for _, c := range k.Config.Clusters {
		if elsewhere[c.Name] {
			continue
		}
		entry := fmt.Sprintf("cluster %q", c.Name)
		bundle, f := judge.NamedCertificates(name, c.CA, c.CAFile, "certificate authority")
		if f != nil || len(bundle) == 0 {
			continue // told
		}
		switch ours, namesake := a.trusts(bundle); {
		case ours:
			add(a.server(c), entry)
		case namesake != nil:
			add(namesake, entry)
		}
	}
}

// elsewhere are the clusters of a kubeconfig that are not this one: a person's file has several, and their CAs are all
// called "kubernetes". This one is what has its CA, or leads to its API server. A file with a single cluster is about this one.
func (a *auditor) elsewhere(name string, cfg *kubeconfig.Config) map[string]bool {
	out := map[string]bool{}
	if len(cfg.Clusters) < 2 {
		return out
	}
	for _, c := range cfg.Clusters {
		bundle, _ := judge.NamedCertificates(name, c.CA, c.CAFile, "certificate authority")
		ours, _ := a.trusts(bundle)
		u, err := url.Parse(c.Server)
		out[c.Name] = !ours && (err != nil || !a.leads[u.Hostname()] && !slices.ContainsFunc(a.serving, func(x *x509.Certificate) bool { return x.VerifyHostname(u.Hostname()) == nil }))
	}
	return out
}

// strange reports whether all contexts of a user are of other clusters.
func strange(cfg *kubeconfig.Config, user string, elsewhere map[string]bool) bool {
	used := slices.DeleteFunc(slices.Clone(cfg.Contexts), func(c kubeconfig.Context) bool { return c.User != user })
	return len(used) > 0 && !slices.ContainsFunc(used, func(c kubeconfig.Context) bool { return !elsewhere[c.Cluster] })
}

// older finds the row of whose certificate an earlier one is in a kubeconfig that is no row's.
func (a *auditor) older(x *x509.Certificate) *finding.Finding {
	for c := range a.j.Cases() {
		if c.Spec.Conf == "" || len(c.Held.Chain) == 0 {
			continue
		}
		if now := c.Held.Chain[0]; bytes.Equal(now.RawSubject, x.RawSubject) && now.NotAfter.After(x.NotAfter) && !now.Equal(x) {
			return finding.New(finding.KubeconfigOlder, finding.Quote(x.Subject.CommonName), finding.Stamp(x.NotAfter)).Want(c.Held.Conf.Path)
		}
	}
	return nil
}

// trusts reports whether a kubeconfig's CAs have one of the cluster's CA, and else whether one has its name only.
func (a *auditor) trusts(bundle []*x509.Certificate) (ours bool, namesake *finding.Finding) {
	ca, ok := a.j.Case(certs.ID{Role: certs.ClusterCA})
	if !ok || len(ca.Held.Chain) == 0 {
		return false, nil
	}
	if slices.ContainsFunc(bundle, func(x *x509.Certificate) bool { return slices.ContainsFunc(ca.Held.Chain, x.Equal) }) {
		return true, nil
	}
	return false, judge.Namesake(bundle, ca.Held.Chain)
}
