package audit

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// rows tells what the judge says of every row, and what shows only in the whole.
func (a *auditor) rows() {
	for c := range a.j.Cases() {
		if c.Spec.Kind == certs.CA {
			a.authorities = append(a.authorities, c)
			for _, x := range c.Held.Chain {
				a.bySubject[string(x.RawSubject)] = append(a.bySubject[string(x.RawSubject)], x)
			}
		}
		if c.Spec.Name == "apiserver" && len(c.Held.Chain) > 0 {
			a.serving = append(a.serving, c.Held.Chain[0])
		}
		a.certs += len(c.Held.Chain)
	}
	uncovered := a.servers()
	worker := a.worker()
	for c := range a.j.Cases() {
		for _, f := range c.Findings {
			a.of(c, a.assumed(c, f, uncovered), "")
		}
		a.missing(c)
		a.files(c)
		a.config(c)
		if c.Spec.Kind == certs.CA {
			a.authority(c)
			if worker(c.Spec) && c.Held.Key.There() {
				a.of(c, finding.New(finding.CAKeyUnneeded), c.Held.Key.Path)
			}
		}
		for i, x := range c.Held.Chain {
			a.certificate(c, x, i)
		}
		a.of(c, uncovered[c.Spec.ID], c.Held.Conf.Path)
		a.of(c, a.node(c), path(c.Held))
		a.holds(c)
	}
}

// path is the file of a row's certificate.
func path(h *judge.Held) string {
	if h.Conf.Path != "" {
		return h.Conf.Path
	}
	return h.Cert.Path
}

// assumed takes from a notice about names what rests on a default only: the directory is not asked to meet it. Names
// that a kubeconfig leads to have a finding of their own.
func (a *auditor) assumed(c judge.Case, f finding.Finding, uncovered map[certs.ID]*finding.Finding) *finding.Finding {
	if f.ID != finding.NamesLeftOut {
		return &f
	}
	cluster := a.place.Tree.Cluster()
	known := func(fact certs.Facts) bool {
		_, ok := cluster.Known[fact]
		return ok || !cluster.Assumed.Has(fact)
	}
	drop := map[string]bool{}
	if !known(certs.ServiceCIDRs) {
		for _, cidr := range cluster.ServiceCIDRs {
			drop["IP:"+cidr.Masked().Addr().Next().String()] = true
		}
	}
	if !known(certs.DNSDomain) {
		drop["DNS:kubernetes.default.svc."+cluster.DNSDomain] = true
	}
	for _, u := range uncovered {
		drop["DNS:"+u.Had[1]], drop["IP:"+u.Had[1]] = true, true
	}
	f.Wanted = slices.DeleteFunc(slices.Clone(f.Wanted), func(name string) bool { return drop[name] })
	if len(f.Wanted) == 0 {
		return nil
	}
	return &f
}

// missing tells of a row that the node should have, and of which no file or only the key is here.
func (a *auditor) missing(c judge.Case) {
	h, s := c.Held, c.Spec
	switch {
	case s.Given, len(c.Errors()) > 0:
	case h.Nothing() && a.present.MayLack(s):
	case h.Nothing() && s.Kind == certs.KeyPair:
		a.of(c, finding.New(finding.SAMissing), h.Key.Path)
	case h.Nothing() && s.Kind == certs.CA:
		a.of(c, finding.New(finding.CAMissing), h.Cert.Path)
	case h.Nothing(), h.Conf.Path == "" && s.Kind != certs.KeyPair && h.Key.There() && !h.Cert.There():
		a.of(c, finding.New(finding.CertificateMissing), path(h))
	}
}

// files judges modes, owners and links of a row's files.
func (a *auditor) files(c judge.Case) {
	h := c.Held
	for _, f := range []judge.File{h.Key, h.Conf} {
		if f.Exists && f.Mode.Perm()&0o077 != 0 && !c.Has(finding.FileOpen, finding.KeyModeLoose) {
			a.of(c, finding.New(finding.KeyModeLoose, finding.Mode(f.Mode)), f.Path)
		}
	}
	if most := h.Cert.Mode.Perm() &^ 0o644; h.Cert.Exists && most != 0 && !c.Has(finding.FileOpen) {
		a.of(c, finding.New(finding.ModeLoose, finding.Mode(h.Cert.Mode)).Want("0644"), h.Cert.Path)
	}
	if file := h.Entry.User.ClientKeyFile; file != "" {
		a.named[store.Real(judge.Named(h.Conf.Path, file))] = true
	}
	for _, f := range []judge.File{h.Cert, h.Key, h.Conf} {
		if f.Exists && f.Owner != "" && !c.Has(finding.FileForeign, finding.CAKeyForeign) {
			a.of(c, finding.New(finding.OwnerOther, f.Owner), f.Path)
		}
		if f.Exists && f.Symlink {
			a.of(c, finding.New(finding.FileLinked), f.Path)
			a.linked[store.Real(f.Path)] = true
		}
	}
}

// sameFault are findings of a kubeconfig as a file that the judge of its row says in other words.
var sameFault = map[finding.ID]finding.ID{
	finding.CANotGiven: finding.TrustMissing, finding.CredentialsMissing: finding.ClientCertMissing, finding.ClientKeyMissing: finding.KeyMissing,
	finding.ClientCertificateMissing: finding.ClientCertMissing,
}

// config tells what else is wrong with a row's kubeconfig as a file.
func (a *auditor) config(c judge.Case) {
	if c.Held.Config == nil {
		return
	}
	for _, f := range c.Held.Config.Check() {
		if !c.Has(f.ID) && !c.Has(finding.KubeconfigBroken) && (sameFault[f.ID] == "" || !c.Has(sameFault[f.ID])) && !(c.Held.EntryErr != nil && f.Severity == finding.Error) {
			a.of(c, &f, c.Held.Conf.Path)
		}
	}
}

// worker says of which CAs the node needs no key: what it takes part in is given, or only a kubelet's files are here.
func (a *auditor) worker() func(certs.Spec) bool {
	cluster := a.place.Tree.Cluster()
	if len(cluster.Nodes) > 1 {
		return func(certs.Spec) bool { return false } // the files of all nodes are here
	}
	roles := cluster.Nodes[0].Roles
	if roles == 0 {
		roles = certs.FirstNode
	}
	if cluster.Assumed.Has(certs.NodeRoles) {
		here := certs.Scope(0)
		for c := range a.j.Cases() {
			if !c.Held.Nothing() && c.Spec.Scope != certs.Shared {
				here |= c.Spec.Scope
			}
		}
		if here != certs.AnyNode {
			return func(certs.Spec) bool { return false }
		}
		roles = certs.WorkerNode
	}
	return func(s certs.Spec) bool {
		return roles&certs.ControlPlane == 0 && !(s.Etcd && roles&certs.EtcdMember != 0)
	}
}

// authority judges the file of a CA as a whole, and its end.
func (a *auditor) authority(c judge.Case) {
	h := c.Held
	if len(h.Chain) == 0 || c.Spec.Given || c.CA.Fault != nil {
		return
	}
	own := h.Chain[0]
	if h.Signer != nil {
		for i, x := range h.Chain {
			if pki.SameKey(x.PublicKey, h.Signer.Public()) {
				if i > 0 {
					a.of(c, finding.New(finding.CABundleOrder, strconv.Itoa(i+1)), h.Cert.Path)
				}
				own = x
				break
			}
		}
		if len(h.Chain) > 1 && c.Spec.Name == certs.ClusterCA {
			a.of(c, finding.New(finding.CABundleSigns, strconv.Itoa(len(h.Chain))), h.Cert.Path)
		}
	}
	if life := a.longest(c.Spec.ID); life > 0 && own.NotAfter.Before(a.Now.Add(life)) {
		a.of(c, finding.New(finding.CAEndsFirst, finding.Stamp(own.NotAfter), phases.Residual(int64(life.Seconds()))), h.Cert.Path)
	}
}

// aYear is how long a renewed certificate of kubeadm is valid.
const aYear = 365 * 24 * time.Hour

// longest is how long the certificates that a CA signed are valid, at most a year; 0 where there are none.
func (a *auditor) longest(ca certs.ID) time.Duration {
	var out time.Duration
	for c := range a.j.Cases() {
		if c.Spec.Issuer == ca && len(c.Held.Chain) > 0 {
			out = max(out, c.Held.Chain[0].NotAfter.Sub(c.Held.Chain[0].NotBefore))
		}
	}
	return min(out, aYear)
}

// certificate judges one certificate of a row beyond what the judge does: i is its place in the file.
func (a *auditor) certificate(c judge.Case, x *x509.Certificate, i int) {
	at := path(c.Held)
	add := func(f *finding.Finding) { a.of(c, f, at) }
	if !c.Has(finding.CertificateExpired, finding.CAExpired) && i == 0 {
		add(a.expiring(x))
	}
	issuer := a.issuer(x)
	add(strict(x, issuer))
	if c.Spec.Kind == certs.CA || i > 0 {
		return
	}
	if slices.Contains(x.Subject.Organization, certs.MastersGroup) && !c.Has(finding.SubjectDiffers) {
		add(finding.New(finding.MastersGroup, finding.Stamp(x.NotAfter)))
	}
	if issuer != nil && len(x.AuthorityKeyId) > 0 && len(issuer.SubjectKeyId) > 0 && !bytes.Equal(x.AuthorityKeyId, issuer.SubjectKeyId) {
		add(finding.New(finding.KeyIDDiffers, fmt.Sprintf("%x", x.AuthorityKeyId)).Want(fmt.Sprintf("%x", issuer.SubjectKeyId)))
	}
	if !bytes.Equal(x.RawIssuer, x.RawSubject) {
		add(a.serial(x, numberOf(x), c.Spec.ID.String()))
	}
}

// expiring says that the end of a certificate is near.
func (a *auditor) expiring(x *x509.Certificate) *finding.Finding {
	if a.Within == nil || a.Now.After(x.NotAfter) || !a.Within.Met(x, a.Now) {
		return nil
	}
	return finding.New(finding.CertificateExpiring, finding.Stamp(x.NotAfter), phases.Residual(phases.SecondsLeft(x, a.Now)))
}

// issuer is the CA of the place that signed a certificate. Of several with one key, one whose identifier it names.
func (a *auditor) issuer(x *x509.Certificate) (issuer *x509.Certificate) {
	for _, ca := range a.bySubject[string(x.RawIssuer)] {
		if (issuer == nil || bytes.Equal(ca.SubjectKeyId, x.AuthorityKeyId)) && judge.SignedBy(x, ca) {
			issuer = ca
		}
	}
	return issuer
}
