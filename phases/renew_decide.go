package phases

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
)

// renewal is what a new certificate takes over from the old one, beyond what a Spec says.
type renewal struct {
	usages        []x509.ExtKeyUsage
	unknownUsages []asn1.ObjectIdentifier
	sans          []byte // the encoded names, where they stay as they are
	appended      []*x509.Certificate
}

// DecideRenewal makes the plan that renews the chosen rows. It is pure, and
// judges CAs and what comes out as Decide does. A CA that stands in the way has
// an action of its own. The Spec of an action is what its row will be.
func DecideRenewal(t certs.Tree, inv Inventory, chosen []string, o RenewOptions) Plan {
	d := newDecider(t, inv, o.options(), func(certs.Spec) bool { return false })
	plan := Plan{cas: d.cas}
	told := map[string]bool{}
	for _, s := range Renewable(t) {
		if !slices.Contains(chosen, s.Name) {
			continue
		}
		a := Action{Spec: s, Files: d.dirs.Files(s), held: inv.rows[s.Name]}
		d.renew(&a, a.held, o)
		if a.Because != "" && !told[a.Because] {
			told[a.Because] = true
			plan.actions = append(plan.actions, d.rows[a.Because])
		}
		plan.actions = append(plan.actions, a)
	}
	if !slices.ContainsFunc(plan.actions, func(a Action) bool { return a.Verb != Skip }) {
		for i := range plan.actions {
			a := &plan.actions[i]
			a.refuse(Fault{Text: "is not there", Path: a.Files[len(a.Files)-1], Hint: "name the right directories with --cert-dir and --kubeconfig-dir"})
		}
	}
	plan.nameOthers(o)
	return plan
}

// nameOthers tells how to renew the rest where a CA's missing key stops "all".
func (p Plan) nameOthers(o RenewOptions) {
	var others []string
	for _, a := range p.actions {
		if a.Verb == Renew {
			others = append(others, a.Spec.Name)
		}
	}
	if !o.All || len(others) == 0 {
		return
	}
	for i := range slices.Backward(p.actions) {
		if a := p.actions[i]; a.Verb == Refuse && a.Because == "" {
			f := &a.Faults[len(a.Faults)-1]
			f.Hint = strings.TrimPrefix(f.Hint+"; ", "; ") + "the others: `pkitool certs renew " + strings.Join(others, " ") + "`"
			return
		}
	}
}

// renew decides one row.
func (d *decider) renew(a *Action, f *found, o RenewOptions) {
	ca := d.cas[a.Spec.Issuer]
	certPath := a.Files[len(a.Files)-1]
	if d.nothingToRenew(a, f, ca, o) {
		return
	}
	c := f.chain[0]
	switch {
	case o.Due != nil && !o.Due.Met(c, d.now):
		a.Verb, a.Reason = Keep, "valid until "+stamp(c.NotAfter)
		return
	case o.All && f.elsewhere() && d.now.Before(c.NotAfter):
		a.Verb, a.Reason = Keep, "names a certificate that its owner renews: "+f.entry.User.ClientCertFile
		return
	case ca.refused:
		a.Because = ca.row
		a.refuse(Fault{Text: fmt.Sprintf("cannot be renewed while %s is refused", ca.row), Path: certPath})
		return
	case ca.external:
		a.refuse(Fault{Text: "cannot be renewed here: its CA is external", Path: ca.path, Hint: hintCSR})
		return
	case ca.signer == nil:
		a.refuse(Fault{Text: "there is no CA to sign it", Path: ca.path, Hint: "put the CA's certificate and key there"})
		return
	}
	for _, x := range []file{f.key, f.cert, f.conf} {
		if x.symlink {
			a.refuse(Fault{Text: "is a symbolic link, not written through", Path: x.path, Hint: "replace the link by the file, or use the directory that the link leads to"})
			return
		}
	}
	a.renewal = &renewal{}
	d.takeOver(a, f, o)
	if !d.chooseKey(a, f, o) {
		return
	}
	reason := "was valid until "
	if !d.now.Before(c.NotAfter) {
		reason = "expired on "
	}
	d.create(a, ca, Renew, reason+stamp(c.NotAfter))
	if a.Verb != Renew {
		return
	}
	if text := d.unfit(a.Spec, a.template(), ca); text != "" {
		a.refuse(Fault{Text: text, Path: certPath, Hint: "--config takes what it says from a configuration instead"})
		return
	}
	d.appended(a, f, ca)
	a.Writes = a.Files
	if a.key != nil && !f.conf.exists {
		a.Writes = a.Files[1:]
		if f.key.mode.Perm()&0o077 != 0 {
			a.Tighten = []Chmod{{Path: f.key.path, From: f.key.mode.Perm(), To: f.key.mode.Perm() & 0o600}}
		}
	}
}

// elsewhere reports whether a kubeconfig names its certificate instead of
// holding it, as a running kubelet's does.
func (f *found) elsewhere() bool {
	return f.conf.exists && len(f.entry.User.ClientCert) == 0 && f.entry.User.ClientCertFile != ""
}

// nothingToRenew refuses, or passes over, a row whose old certificate is not there or cannot be read.
func (d *decider) nothingToRenew(a *Action, f *found, ca *authority, o RenewOptions) bool {
	command := fmt.Sprintf("pkitool init phase %s %s", a.Spec.Phase(), a.Spec.Name)
	init, reissue := "`"+command+"`", "`"+command+" --reissue`"
	certPath := a.Files[len(a.Files)-1]
	switch {
	case f.nothing() && o.All && (f.conf.path != "" || ca.absent || ca.external):
		// Not every node has every file: etcd may be elsewhere, and a node that
		// joined has no super-admin.conf.
		a.Verb, a.Reason = Skip, "not there"
	case f.nothing() && ca.external:
		a.refuse(Fault{Text: "certificate is missing", Path: certPath, Hint: hintCSR})
	case f.nothing():
		a.refuse(Fault{Text: "certificate is missing", Path: certPath, Hint: init + " makes it"})
	case f.key.exists && !f.cert.exists:
		a.refuse(Fault{Text: "certificate is missing, its key is there", Path: certPath, Hint: "put both back from a backup, or let " + init + " certify the key"})
	case f.entryErr != nil:
		a.refuse(Fault{Text: f.entryErr.Error(), Path: certPath, Hint: "put the file back from a backup, or let " + reissue + " make it anew"})
	case f.chainErr != nil:
		a.refuse(Fault{Text: f.chainErr.Error(), Path: certPath, Hint: "there is nothing to take over: put the file back from a backup, or let " + reissue + " make it anew"})
	case len(f.chain) == 0 && o.All:
		a.Verb, a.Reason = Skip, "holds no client certificate"
	case len(f.chain) == 0:
		a.refuse(Fault{Text: "holds no client certificate", Path: certPath, Hint: reissue + " makes it anew"})
	default:
		return false
	}
	return true
}

// takeOver makes the row's Spec what the new certificate will be. What a
// configuration cannot say (further attributes of the subject, URI and mail
// names, usages of one's own) is the old certificate's in any case.
func (d *decider) takeOver(a *Action, f *found, o RenewOptions) {
	c, s := f.chain[0], &a.Spec
	old, oldSANs := pki.CertificateSubject(c), pki.SANsOf(c)
	switch {
	case !o.Configured || old.Equal(s.Subject):
		s.Subject = old
	default:
		a.note("subject was %q, is %q now", old, s.Subject)
	}
	want := pki.SANs{DNS: oldSANs.DNS, IPs: oldSANs.IPs, URIs: oldSANs.URIs, Emails: oldSANs.Emails}
	if o.Configured {
		want.DNS, want.IPs = s.SANs.DNS, s.SANs.IPs
	}
	more := s.Extra.Minus(want)
	want.DNS, want.IPs = slices.Concat(want.DNS, more.DNS), slices.Concat(want.IPs, more.IPs)
	added, dropped := want.Minus(oldSANs), oldSANs.Minus(want)
	if added.Empty() && dropped.Empty() {
		want, a.renewal.sans = oldSANs, pki.RawSANs(c)
	}
	if !added.Empty() {
		a.note("adds the names %s", added)
	}
	if !dropped.Empty() {
		a.note("drops the names %s", dropped)
	}
	s.SANs = want
	a.usages(c)
	a.extensions(c, added.Empty() && dropped.Empty())
	if f.conf.exists {
		s.Place.Server = strings.TrimSuffix(f.entry.Cluster.Server, "/")
		s.Place.Cluster = f.entry.Cluster.Name
		if f.elsewhere() {
			a.note("holds its certificate from now on, instead of naming %s", f.entry.User.ClientCertFile)
		}
	}
}

func (a *Action) note(format string, args ...any) {
	a.Notes = append(a.Notes, fmt.Sprintf(format, args...))
}

// usages are the old certificate's, and those that the row's role needs.
func (a *Action) usages(c *x509.Certificate) {
	r := a.renewal
	r.usages, r.unknownUsages = slices.Clone(c.ExtKeyUsage), c.UnknownExtKeyUsage
	if len(r.usages)+len(r.unknownUsages) == 0 {
		r.usages = a.Spec.Kind.ExtKeyUsage()
		return
	}
	if slices.Contains(r.usages, x509.ExtKeyUsageAny) {
		return
	}
	for _, want := range a.Spec.Kind.ExtKeyUsage() {
		if !slices.Contains(r.usages, want) {
			a.note("adds the usage %s", want)
			r.usages = append(r.usages, want)
		}
	}
}

// extensions tells which parts of the old certificate are not made by us.
func (a *Action) extensions(c *x509.Certificate, sameNames bool) {
	for _, oid := range pki.ForeignExtensions(c) {
		a.note("drops the extension %s", oid)
	}
	if n := otherNames(pki.RawSANs(c)); n > 0 && !sameNames {
		a.note("drops %d names that are neither DNS, IP, URI nor email", n)
	}
}

// otherNames counts the names in an encoded GeneralNames (RFC 5280 4.2.1.6) of
// which pki.SANs knows nothing: its kinds have the tags 1, 2, 6 and 7.
func otherNames(der []byte) int {
	var names []asn1.RawValue
	if _, err := asn1.Unmarshal(der, &names); err != nil {
		return 0
	}
	n := 0
	for _, v := range names {
		if !slices.Contains([]int{1, 2, 6, 7}, v.Tag) {
			n++
		}
	}
	return n
}

// chooseKey decides on the key: the one that is there, or a new one of a known algorithm.
func (d *decider) chooseKey(a *Action, f *found, o RenewOptions) bool {
	certPath := a.Files[len(a.Files)-1]
	if o.ReuseKey {
		faults := d.key(f, a.Files[0])
		if len(faults) == 0 && !pki.SameKey(f.chain[0].PublicKey, f.signer.Public()) {
			faults = []Fault{{Text: "key does not match certificate", Path: certPath}}
		}
		if len(faults) > 0 {
			a.refuse(hinted(faults, "without --reuse-key it gets a new key")...)
			return false
		}
		a.key = f.signer
		return true
	}
	a.Spec.KeyAlgorithm = o.KeyAlgorithm
	if o.KeyAlgorithm == "" {
		old, err := pki.ParseKeyAlgorithm(pki.DescribeKey(f.chain[0].PublicKey))
		if err != nil {
			a.refuse(Fault{
				Text: fmt.Sprintf("its key is %s: no such key is made here", pki.DescribeKey(f.chain[0].PublicKey)), Path: certPath,
				Hint: "choose another with --key-algorithm, or keep the key with --reuse-key",
			})
			return false
		}
		a.Spec.KeyAlgorithm = old
	}
	return true
}

// maxPath is more certificates than any path to a root has.
const maxPath = 16

// appended finds which certificates behind the old leaf still have a sense:
// those above the CA that signs now. What Issue puts there by itself is left out.
func (d *decider) appended(a *Action, f *found, ca *authority) {
	signer, rest := ca.signer.Certificate(), f.chain[1:]
	var above []*x509.Certificate
	for c := signer; c != nil && len(above) < maxPath; {
		above = append(above, c)
		i := slices.IndexFunc(slices.Concat(ca.bundle, rest), func(p *x509.Certificate) bool {
			return !bytes.Equal(c.RawSubject, c.RawIssuer) && !p.Equal(c) && signedBy(c, []*x509.Certificate{p}, nil)
		})
		if i < 0 {
			break
		}
		c = slices.Concat(ca.bundle, rest)[i]
	}
	own := pki.Intermediates(signer, ca.bundle)
	for _, c := range rest {
		switch {
		case slices.ContainsFunc(own, c.Equal):
		case slices.ContainsFunc(above, c.Equal):
			a.renewal.appended = append(a.renewal.appended, c)
		default:
			a.note("drops the certificate %q, which is not above its CA", pki.CertificateSubject(c))
		}
	}
}
