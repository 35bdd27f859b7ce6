package audit

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

const (
	// maxFiles bounds the entries that are looked at in either directory.
	maxFiles = 1_000_000
	// atOnce is how many files are read and judged at once: so many are held in memory.
	atOnce = 256
)

// beside judges the files that are no row's, some at once and in the order of their paths: of a directory of any size a
// few are in memory. Nothing of Kubernetes is known to read them, so nothing that is wrong with them is an error.
func (a *auditor) beside(ctx context.Context) error {
	var batch []string
	flush := func() {
		looks := make([]look, len(batch))
		judge.AtOnce(len(batch), func(i int) { looks[i] = a.lookAt(batch[i]) })
		for _, l := range looks {
			a.other(l)
		}
		batch = batch[:0]
	}
	err := judge.Others(a.place.Tree, a.place.Site, maxFiles, func(path string) {
		if ctx.Err() != nil || len(a.linked) > 0 && a.linked[store.Real(path)] {
			return
		}
		if batch = append(batch, path); len(batch) == atOnce {
			flush()
		}
	})
	flush()
	a.leftovers()
	return errors.Join(err, ctx.Err())
}

// look is a file that is no row's, with what can be said of it alone.
type look struct {
	judge.Other
	findings []*finding.Finding
	signed   []signed // of each certificate of its chain
	holds    digest   // the key that it holds
}

// signed is what a certificate that a CA of the place signed is compared by.
type signed struct {
	here        bool // a CA of the place signed it
	number, key digest
}

func (a *auditor) lookAt(path string) look {
	l := look{Other: judge.ReadOther(path)}
	add := func(f *finding.Finding) {
		if f != nil {
			g := *f
			g.Severity = min(g.Severity, finding.Warning)
			l.findings = append(l.findings, &g)
		}
	}
	add(l.Fault)
	for i, x := range l.Chain {
		for _, f := range judge.Itself(x, a.Now) {
			add(numbered(f, i))
		}
		issuer := a.issuer(x)
		sig := signed{here: issuer != nil && !x.IsCA}
		if sig.here {
			sig.number, sig.key = numberOf(x), digestOf(x.RawSubjectPublicKeyInfo)
		}
		l.signed = append(l.signed, sig)
		if f := a.stranger(l.Chain, i, issuer); f != nil {
			add(numbered(*f, i))
		}
		if f := a.expiring(x); f != nil {
			add(numbered(*f, i))
		}
	}
	if l.Signer != nil {
		l.holds, _ = keyDigest(l.Signer.Public())
	}
	if key := bytes.Contains(l.Data, []byte("PRIVATE KEY-----")) || holdsKey(l); key && l.Mode.Perm()&0o077 != 0 {
		add(finding.New(finding.KeyModeLoose, finding.Mode(l.Mode)))
	}
	if l.Conf == nil {
		l.Data = nil
	}
	return l
}

// holdsKey reports whether a kubeconfig holds a private key or a token.
func holdsKey(l look) bool {
	if l.Conf == nil {
		return false
	}
	for _, u := range l.Conf.Users {
		if len(u.ClientKey) > 0 || u.Token != "" {
			return true
		}
	}
	return false
}

// numbered says which certificate of a file a finding is about, but for the first.
func numbered(f finding.Finding, i int) *finding.Finding {
	if i > 0 {
		f.Entry = fmt.Sprintf("certificate %d", i+1)
	}
	return &f
}

// kubeletCA is the name of the CA that a kubelet makes for its serving certificate, and forgets.
var kubeletCA = regexp.MustCompile(`-ca@[0-9]+$`)

// stranger says that a certificate is of no CA of the place.
func (a *auditor) stranger(chain []*x509.Certificate, i int, issuer *x509.Certificate) *finding.Finding {
	x := chain[i]
	self := bytes.Equal(x.RawSubject, x.RawIssuer)
	namesakes := a.bySubject[string(x.RawIssuer)]
	switch {
	case issuer != nil, slices.ContainsFunc(namesakes, x.Equal):
		return nil
	case x.IsCA && self && len(namesakes) > 0 && !slices.ContainsFunc(namesakes, func(ca *x509.Certificate) bool { return pki.SameKey(ca.PublicKey, x.PublicKey) }):
		return finding.New(finding.CANamesake, judge.KeyID(x.SubjectKeyId)).Want(finding.Quote(pki.CertificateSubject(x).String()))
	case x.IsCA || i > 0:
		return nil
	case len(namesakes) > 0:
		return finding.New(finding.OtherCASameName, judge.KeyID(x.AuthorityKeyId)).Want(judge.KeyID(namesakes[0].SubjectKeyId))
	case judge.Allows(x, x509.ExtKeyUsageServerAuth) && (self || kubeletCA.MatchString(x.Issuer.CommonName)):
		return finding.New(finding.ServingSelfSigned, finding.Quote(pki.CertificateSubject(x).String()))
	}
	return finding.New(finding.IssuerUnknown, finding.Quote(pki.SubjectOf(x.Issuer, x.RawIssuer).String()))
}

// other notes what was seen of a file, and what shows in the whole.
func (a *auditor) other(l look) {
	for _, f := range l.findings {
		a.note(f, l.Path)
	}
	a.certs += len(l.Chain)
	for i, x := range l.Chain {
		sig := l.signed[i]
		if !sig.here {
			continue
		}
		if slices.Contains(x.Subject.Organization, certs.MastersGroup) {
			a.note(finding.New(finding.MastersGroupOther, finding.Stamp(x.NotAfter)), l.Path)
		}
		a.note(a.serial(x, sig.number, filepath.ToSlash(l.Path)), l.Path)
		if had := a.keys[sig.key]; had.row != "" && had.kind == certs.CA {
			a.note(finding.New(finding.CAKeyShared, had.row), l.Path)
		}
	}
	if had := a.keys[l.holds]; had.row != "" && !a.named[store.Real(l.Path)] {
		a.note(finding.New(finding.KeyCopied, had.row), l.Path)
	}
	if l.Conf != nil {
		a.conf(l.Path, l.Data, finding.Warning)
		l.Data = nil
	}
	if a.Picture && (l.Chain != nil || l.Conf != nil || l.Fault != nil || l.Signer != nil) {
		a.others = append(a.others, l.Other)
	}
}

// leftovers tells of what runs of pkitool left behind.
func (a *auditor) leftovers() {
	seen := map[string]bool{}
	for _, dir := range []string{a.place.Site.Cert, filepath.Join(a.place.Site.Cert, "etcd"), a.place.Site.Kubeconfig, filepath.Dir(a.place.Site.Cert)} {
		if dir == "" || seen[filepath.Clean(dir)] {
			continue
		}
		seen[filepath.Clean(dir)] = true
		entries, _ := store.ReadDir(dir, maxEntries) // what cannot be listed is told elsewhere
		for _, e := range entries {
			switch {
			case store.IsStaging(e.Name()):
				a.note(finding.New(finding.StagingLeft), filepath.Join(dir, e.Name()))
			case e.IsDir() && strings.HasPrefix(e.Name(), judge.BackupPrefix):
				a.note(finding.New(finding.BackupLeft), filepath.Join(dir, e.Name()))
			}
		}
	}
}
