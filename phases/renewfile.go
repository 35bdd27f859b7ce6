package phases

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// RenewFile makes one certificate or kubeconfig anew that is no row's: what `certs issue` wrote (its key is beside it,
// with the ending .key), or a user's kubeconfig. The CA is the one of the directory that signed it.
func RenewFile(ctx context.Context, t certs.Tree, site judge.Site, file string, o RenewOptions) (r Report, err error) {
	if !filepath.IsAbs(file) { // a row's files lie in the site's directories, this one where it was named
		if file, err = filepath.Abs(file); err != nil {
			return Report{}, err
		}
	}
	cas := judge.Selection{}
	for s := range t.Rows() {
		if s.Kind == certs.CA && !s.Given {
			cas[s.ID] = true
		}
	}
	dirs := []string{filepath.Dir(file)}
	var lock *store.Locked
	if o.DryRun {
		err = unsettled(ctx, dirs)
	} else if lock, err = lockAll(ctx, t, site, dirs); err == nil {
		defer func() { err = errors.Join(err, lock.Unlock()) }()
		lock.SweepBackups(o.Backup)
	}
	if err != nil {
		return Report{}, err
	}
	p := planner{judge.Judge(t, judge.Take(t, site, cas), cas, o.Now), o.Options}
	s := fileSpec(file)
	c := p.fileCase(s)
	if err := c.Held.Err(); err != nil {
		return Report{}, err
	}
	a := p.action(c, finding.Renew)
	a.Asker, a.Findings = finding.Kept, nil
	switch h := c.Held; {
	case len(h.Chain) > 0 && c.CA.ID.Role == "":
		a.refuse(finding.New(finding.OtherCA, finding.Quote(pki.SubjectOf(h.Chain[0].Issuer, h.Chain[0].RawIssuer).String())).At("", "", file))
	case len(h.Chain) > 0 && noKeyOf(h) != nil:
		// Anybody may copy a certificate: only its key shows that who wrote the file may have the next one.
		a.refuse(noKeyOf(h).At("", "", cmp.Or(h.Key.Path, file)))
	default:
		p.renew(&a, c, o)
	}
	p.tighten(&a)
	plan := p.plan([]Action{a})
	r = newReport("RenewReport", plan)
	if r.DryRun = o.DryRun; o.DryRun || a.Verb == Refuse {
		if a.Verb == Refuse {
			return r, &RefusedError{Plan: plan}
		}
		return r, nil
	}
	r.Swept, r.Finished = lock.Swept(), lock.Finished()
	if _, r.Backup, err = plan.Apply(ctx, lock); err != nil {
		return r, err
	}
	again := p.fileCase(s)
	if bad := proofOf(a, again, plan); len(bad) > 0 {
		return r, &ProofError{Findings: bad}
	}
	r.Rows[0].describe(again.Spec, again.Held)
	return r, nil
}

// fileSpec is a row for a file by itself: a pair, or a kubeconfig.
func fileSpec(file string) certs.Spec {
	name := filepath.Base(file)
	s := certs.Spec{ID: certs.ID{Role: name}, Role: &certs.Role{Name: name, Kind: certs.Client, Doc: "a certificate that is no row's"}}
	switch ext := filepath.Ext(file); ext {
	case ".crt", ".pem", ".cer":
		s.Place = certs.Place{Cert: file, Key: strings.TrimSuffix(file, ext) + ".key"}
	default:
		s.Role.Conf = file
		s.Place = certs.Place{Root: certs.KubeconfigDir, Kubeconfig: file}
		s.ServerAssumed = true
	}
	return s
}

// fileCase judges a file by itself: its row is what it says, and its CA the one that signed it.
func (p planner) fileCase(s certs.Spec) judge.Case {
	h := judge.TakeRow(s, p.Site)
	ca := &judge.CA{ID: s.Issuer, Absent: true}
	if len(h.Chain) > 0 {
		leaf := h.Chain[0]
		s.Subject, s.SANs = pki.CertificateSubject(leaf), pki.SANsOf(leaf)
		role := *s.Role
		role.Kind = kindOf(leaf)
		s.Role = &role
		for c := range p.Cases() {
			if c.Spec.Kind == certs.CA && slices.ContainsFunc(c.Held.Chain, func(x *x509.Certificate) bool { return judge.SignedBy(leaf, x) }) {
				ca, s.Issuer = c.CA, c.Spec.ID
				break
			}
		}
	}
	s.Validity = p.Tree.Cluster().Validity
	return p.Alone(s, h, ca)
}

// kindOf is what a certificate is for, by its extended key usages.
func kindOf(c *x509.Certificate) certs.Kind {
	server, client := judge.Allows(c, x509.ExtKeyUsageServerAuth), judge.Allows(c, x509.ExtKeyUsageClientAuth)
	switch {
	case server && client:
		return certs.Peer
	case server:
		return certs.Serving
	}
	return certs.Client
}
