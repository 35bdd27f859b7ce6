package phases

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/netip"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// foreignIDs say that a certificate is not what its row's CA signed for the row: nothing of it is taken over.
var foreignIDs = []finding.ID{
	finding.OtherCA, finding.OtherCASameName, finding.SignatureUnchecked, finding.SubjectDiffers, finding.CommonNameMissing, finding.LeafIsCA,
}

// inherit makes a row's Spec keep what its certificate says: facts beat wishes, and wishes beat defaults. Names that
// somebody asked for, and those that every such certificate has, are added: this is what mends a row.
func (p planner) inherit(s *certs.Spec, c judge.Case) {
	if len(c.Held.Chain) == 0 || c.Has(foreignIDs...) {
		return
	}
	leaf := c.Held.Chain[0]
	s.Subject = keptSubject(*s, leaf)
	old := pki.SANsOf(leaf)
	s.SANs = addressed(pki.Join(old, demanded(*s).Minus(old)))
	if h := c.Held; h.Conf.Exists {
		if s.ServerAssumed || slices.Contains(s.Servers, server(h)) {
			s.Place.Server = server(h)
		}
		s.Place.Cluster = h.Entry.Cluster.Name
	}
}

// server is where a kubeconfig leads.
func server(h *judge.Held) string { return strings.TrimSuffix(h.Entry.Cluster.Server, "/") }

// keptSubject is the subject of a certificate, however long its names are: they are there. Where it has none, the empty
// place is filled.
func keptSubject(s certs.Spec, c *x509.Certificate) pki.Subject {
	if len(c.Subject.Names) == 0 {
		return s.Subject
	}
	kept := pki.CertificateSubject(c)
	kept.Long = true
	return kept
}

// addressed makes addresses of the DNS names that are addresses: kubeadm writes them for a node whose name is one, no
// client looks at them, and nobody may issue them.
func addressed(names pki.SANs) pki.SANs {
	out := pki.SANs{IPs: slices.Clone(names.IPs), URIs: names.URIs, Emails: names.Emails}
	for _, n := range names.DNS {
		if ip, err := netip.ParseAddr(n); err == nil {
			out.IPs = append(out.IPs, ip)
		} else {
			out.DNS = append(out.DNS, n)
		}
	}
	return pki.Join(out)
}

// demanded are the names of a row that are not only a default.
func demanded(s certs.Spec) pki.SANs { return s.SANs.Minus(s.Optional.Minus(s.Asked)) }

// keptNames are the names of a certificate, and those that somebody asked for. Only where it has none is the empty
// place filled.
func keptNames(s certs.Spec, c *x509.Certificate) pki.SANs {
	old, add := pki.SANsOf(c), s.Asked
	if len(old.DNS)+len(old.IPs) == 0 {
		add = demanded(s)
	}
	return pki.Join(old, add.Minus(old))
}

// renewal fills an order with what the old certificate says: whole, but for dates and key. Names that somebody asked
// for, and usages without which it does not work, are added and noted.
func (p planner) renewal(a *Action, o RenewOptions) {
	c, s := a.Held.Chain[0], &a.Spec
	old := pki.SANsOf(c)
	want := keptNames(*s, c).Minus(o.DropSANs)
	s.Subject = keptSubject(*s, c)
	if !want.Minus(old).Empty() || !old.Minus(want).Empty() {
		want = addressed(want)
	}
	added, dropped := want.Minus(old), old.Minus(want)
	s.SANs = want
	a.Make.Template = s.Template()
	t := &a.Make.Template
	if added.Empty() && dropped.Empty() {
		t.SANs, t.RawSANs = old, pki.RawSANs(c)
	}
	if !added.Empty() {
		a.note("adds the names %s", added)
	}
	if !dropped.Empty() {
		a.note("drops the names %s", dropped)
	}
	a.usages(c)
	for _, oid := range pki.ForeignExtensions(c) {
		a.note("drops the extension %s", oid)
	}
	if n := len(otherNames(pki.RawSANs(c))); n > 0 && t.RawSANs == nil {
		a.note("drops %d names that are neither DNS, IP, URI nor email", n)
	}
}

// usages are the old certificate's, and those that the row's role needs.
func (a *Action) usages(c *x509.Certificate) {
	t := &a.Make.Template
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 {
		return
	}
	t.ExtKeyUsage, t.UnknownExtKeyUsage = slices.Clone(c.ExtKeyUsage), c.UnknownExtKeyUsage
	if slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return
	}
	for _, want := range a.Spec.Kind.ExtKeyUsage() {
		if !slices.Contains(t.ExtKeyUsage, want) {
			a.note("adds the usage %s", want)
			t.ExtKeyUsage = append(t.ExtKeyUsage, want)
		}
	}
}

// maxPath is more certificates than any path to a root has.
const maxPath = 16

// behind finds which certificates behind the old leaf are still of use: those above the CA that signs now. What Issue
// puts there by itself is left out.
func (a *Action) behind(ca *judge.CA) {
	signer, rest := ca.Signer.Certificate(), a.Held.Chain[1:]
	all := slices.Concat(ca.Bundle, rest)
	var above []*x509.Certificate
	for c := signer; c != nil && len(above) < maxPath; {
		above = append(above, c)
		i := slices.IndexFunc(all, func(p *x509.Certificate) bool {
			return !bytes.Equal(c.RawSubject, c.RawIssuer) && !p.Equal(c) && judge.SignedBy(c, p)
		})
		if i < 0 {
			break
		}
		c = all[i]
	}
	own := pki.Intermediates(signer, ca.Bundle)
	for _, c := range rest {
		switch {
		case slices.ContainsFunc(own, c.Equal):
		case slices.ContainsFunc(above, c.Equal):
			a.Make.Behind = append(a.Make.Behind, c)
		default:
			a.note("drops the certificate %q, which is not above its CA", pki.CertificateSubject(c))
		}
	}
}

// limited reports whether a CA certificate allows less than every certificate
// below it: name constraints, extended usages, an extension that nobody knows.
func limited(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage)+len(c.UnhandledCriticalExtensions) > 0 ||
		slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.String() == "2.5.29.30" })
}
