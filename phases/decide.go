package phases

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki"
)

func (a *Action) refuse(faults ...Fault) {
	a.Verb, a.Faults = Refuse, append(a.Faults, faults...)
}

// ca decides a CA row, and what it can do for others.
func (d *decider) ca(a *Action, f *found, want bool) {
	auth := &authority{row: a.Spec.Name, path: f.cert.path, bundle: f.chain}
	a.signing = auth
	switch {
	case f.cert.exists:
		d.haveCA(a, f, auth)
	case a.Spec.Given:
		a.refuse(Fault{Text: "certificate is missing", Path: f.cert.path, Hint: "the configuration names it: put it there, or leave the file out of the configuration"})
	case f.key.exists:
		d.certifyCA(a, f, auth)
	case !want:
		auth.absent = true
		return
	case d.tree.Cluster().Joins:
		a.refuse(Fault{Text: "certificate and key are missing, and the configuration joins a cluster that has them", Path: f.cert.path, Hint: hintShared})
	default:
		if path := d.issued(a.Spec.Name); path != "" {
			a.refuse(Fault{
				Text: "certificate and key are missing, but a certificate that they signed is there: " + path, Path: f.cert.path,
				Hint: "put both back from a backup, or move what they signed away to begin anew; a new CA would cut off every client of the old one",
			})
		} else {
			a.Verb, a.Reason, auth.planned = Create, "nothing there", true
		}
	}
	auth.refused = a.Verb == Refuse
}

func (d *decider) haveCA(a *Action, f *found, auth *authority) {
	if f.chainErr != nil {
		a.refuse(Fault{Text: f.chainErr.Error(), Path: f.cert.path, Hint: "put the CA certificate back from a backup, or from the copy in a kubeconfig"})
		return
	}
	if twin := d.twin(a.Spec, f); twin != "" {
		a.refuse(Fault{Text: "is the same CA as " + twin, Path: f.cert.path, Hint: "the roles must not share a CA: whoever holds a certificate of the one would pass for a client of the other"})
		return
	}
	if !f.key.exists {
		if !slices.ContainsFunc(f.chain, func(c *x509.Certificate) bool { return pki.SigningFault(c, d.now) == nil }) {
			a.refuse(Fault{Text: pki.SigningFault(f.own(), d.now).Text(), Path: f.cert.path, Hint: caHint})
			return
		}
		auth.external = true
		a.Verb, a.Reason = Keep, "external CA: its key is not here"
		if a.Spec.Given {
			a.Reason = "named in the configuration"
		}
		return
	}
	if faults := d.key(f, f.key.path); faults != nil {
		a.refuse(hinted(faults, hintCAKey)...)
		return
	}
	signer, err := pki.NewAuthority(f.chain, f.signer, d.now)
	if err != nil {
		a.refuse(Fault{Text: err.Error(), Path: f.cert.path, Hint: caHint})
		return
	}
	auth.signer = signer
	a.Verb, a.Reason = Keep, "complete"
	if n := len(f.chain); n > 1 {
		a.Reason = fmt.Sprintf("complete, a bundle of %d certificates", n)
	}
}

const caHint = "a CA is never replaced: put the right certificate and key there, or use an empty directory"

// certifyCA decides a CA key without its certificate: what a killed run leaves.
func (d *decider) certifyCA(a *Action, f *found, auth *authority) {
	if faults := d.key(f, f.key.path); faults != nil {
		a.refuse(hinted(faults, hintCAKey)...)
		return
	}
	if path := d.issued(a.Spec.Name); path != "" {
		a.refuse(Fault{
			Text: "certificate is missing, but a certificate that it signed is there: " + path, Path: f.cert.path,
			Hint: "put it back from a backup; certificate-authority-data in a kubeconfig is a copy of it",
		})
		return
	}
	a.Verb, a.Reason, a.key, auth.planned = Create, "certifies the key that is there", f.signer, true
}

// issued finds a certificate on disk below a CA row, whether chosen or not.
func (d *decider) issued(ca string) string {
	for _, s := range d.tree.Rows() {
		f := d.inv.rows[s.Name]
		if s.Issuer == ca && (f.cert.exists || f.conf.exists || f.err != nil) {
			return d.dirs.Files(s)[len(d.dirs.Files(s))-1]
		}
	}
	return ""
}

// twin names an earlier CA row with the same key: the front proxy's CA as
// client CA would let every client name any user in a request header.
func (d *decider) twin(s certs.Spec, f *found) string {
	for _, o := range d.tree.Rows() {
		if o.Name == s.Name {
			return ""
		}
		if of := d.inv.rows[o.Name]; o.Kind == certs.CA && len(of.chain) > 0 && pki.SameKey(of.own().PublicKey, f.own().PublicKey) {
			return o.Name
		}
	}
	return ""
}

// own is the certificate of a CA's bundle that the row is about: the one whose
// key is here, else the first below a root. Several CAs may well lie in files
// that end, or begin, with one corporate root.
func (f *found) own() *x509.Certificate {
	for _, c := range f.chain {
		if f.signer != nil && pki.SameKey(c.PublicKey, f.signer.Public()) {
			return c
		}
	}
	for _, c := range f.chain {
		if !bytes.Equal(c.RawSubject, c.RawIssuer) {
			return c
		}
	}
	return f.chain[0]
}

// leafRow decides a leaf or a kubeconfig.
func (d *decider) leafRow(a *Action, f *found) {
	ca := d.cas[a.Spec.Issuer]
	if ca.refused {
		a.Because = ca.row
		a.refuse(Fault{Text: fmt.Sprintf("cannot be judged while %s is refused", ca.row), Path: a.Files[0]})
		return
	}
	whole := f.conf.exists || f.cert.exists && f.key.exists
	switch {
	case ca.absent:
		a.refuse(Fault{Text: fmt.Sprintf("there is no CA to sign it (%s)", ca.path), Hint: fmt.Sprintf("run `pkitool init phase certs %s` first", ca.row)})
	case whole:
		d.have(a, f, ca)
	case f.cert.exists:
		d.wrong(a, ca, Fault{Text: "private key is missing", Path: f.key.path, Hint: "put the key back, or " + hintReissue})
	case ca.external:
		a.refuse(Fault{Text: "certificate is missing", Path: a.Files[len(a.Files)-1], Hint: hintCSR})
	case f.key.exists:
		if faults := d.key(f, f.key.path); faults != nil {
			d.wrong(a, ca, faults...)
			return
		}
		a.key = f.signer
		d.create(a, ca, Create, "certifies the key that is there")
	default:
		d.create(a, ca, Create, "nothing there")
	}
}

func (d *decider) have(a *Action, f *found, ca *authority) {
	var faults []Fault
	if f.conf.exists {
		frame, rest := d.conf(a.Spec, f, ca)
		if len(frame) > 0 && ca.external {
			d.wrongFrame(a, frame, rest)
			return
		}
		faults = append(frame, rest...)
	} else {
		faults = d.leaf(a.Spec, f, ca, f.cert.path, f.key.path)
	}
	if len(faults) > 0 {
		d.wrong(a, ca, faults...)
		return
	}
	a.Verb, a.Reason = Keep, "complete"
	has := pki.SANsOf(f.chain[0])
	if extra := has.Minus(a.Spec.SANs); !extra.Empty() {
		a.Reason += ", with more names than planned: " + extra.String()
	}
	if missing := a.Spec.SANs.Minus(has); !missing.Empty() {
		a.Reason += ", without the names that kubeadm leaves out: " + missing.String()
	}
}

// wrongFrame decides a kubeconfig of an external CA that trusts or goes wrong.
// No certificate is needed to set that right, if nothing else is wrong with it.
func (d *decider) wrongFrame(a *Action, frame, rest []Fault) {
	switch {
	case len(rest) > 0:
		a.refuse(hinted(append(frame, rest...), hintAnew)...)
	case !d.o.Reissue:
		a.refuse(hinted(frame, hintFrame)...)
	default:
		a.Verb, a.Reason, a.Faults = Renew, frame[0].Text+"; the client certificate is kept", frame
		a.key, a.frameOnly, a.Writes = a.held.signer, true, a.Files
	}
}

// wrong refuses what lies there, or replaces it where that was asked for and can be done.
func (d *decider) wrong(a *Action, ca *authority, faults ...Fault) {
	for i := range faults {
		switch {
		case ca.external:
			faults[i].Hint = hintCSR
		case faults[i].Hint == "":
			faults[i].Hint = hintReissue
		}
	}
	if !d.o.Reissue || ca.external {
		a.refuse(faults...)
		return
	}
	a.Faults = faults
	d.create(a, ca, Renew, faults[0].Text)
}

// create plans a new certificate, unless it would outlive the CA that signs it.
func (d *decider) create(a *Action, ca *authority, verb Verb, reason string) {
	if ca.signer != nil {
		if _, _, err := ca.signer.Window(d.now, a.Spec.Validity); err != nil {
			fault := Fault{Text: err.Error(), Path: a.Files[len(a.Files)-1]}
			if f, ok := err.(*finding.Finding); ok {
				fault.Hint = f.Remedy(finding.Init)
			}
			a.refuse(fault)
			return
		}
		if text := d.forbidden(a.Spec, ca); text != "" {
			a.Faults = nil // what lies there may be wrong just because of it
			a.refuse(Fault{Text: text, Path: a.Files[len(a.Files)-1], Hint: caHint})
			return
		}
	}
	a.Verb, a.Reason = verb, reason
}

// pair decides the service-account key pair. The private key is never made
// anew where any part of the pair exists: every token would die with it.
func (d *decider) pair(a *Action, f *found) {
	switch {
	case f.nothing() && d.tree.Cluster().Joins:
		a.refuse(Fault{Text: "key pair is missing, and the configuration joins a cluster that has it", Path: f.key.path, Hint: hintShared})
	case f.nothing():
		a.Verb, a.Reason = Create, "nothing there"
	case !f.key.exists:
		a.refuse(Fault{Text: "private key is missing, and its public key is there", Path: f.key.path, Hint: "put the key back; a new one would end every token signed with the old one. To begin anew, move " + f.cert.path + " away"})
	case !f.cert.exists:
		if faults := d.saKey(f); faults != nil {
			a.refuse(faults...)
			return
		}
		a.Verb, a.Reason, a.key = Create, "public key is derived from the key that is there", f.signer
	default:
		if faults := d.sa(f); faults != nil {
			a.refuse(faults...)
			return
		}
		a.Verb, a.Reason = Keep, "complete"
		if n := len(f.pubs); n > 1 {
			a.Reason = fmt.Sprintf("complete, %d public keys", n)
		}
	}
}

// given judges files that somebody else makes.
func (d *decider) given(a *Action, f *found) {
	ca := d.cas[a.Spec.Issuer]
	hint := "the configuration names it: put it there"
	switch {
	case ca.refused:
		a.Because = ca.row
		a.refuse(Fault{Text: fmt.Sprintf("cannot be judged while %s is refused", ca.row), Path: f.cert.path})
	case !f.cert.exists:
		a.refuse(Fault{Text: "certificate is missing", Path: f.cert.path, Hint: hint})
	case !f.key.exists:
		a.refuse(Fault{Text: "private key is missing", Path: f.key.path, Hint: hint})
	default:
		if faults := d.leaf(a.Spec, f, ca, f.cert.path, f.key.path); faults != nil {
			for i := range faults {
				faults[i].Hint = "the files are another's: ask whoever runs etcd"
			}
			a.refuse(faults...)
			return
		}
		a.Verb, a.Reason = Keep, "named in the configuration"
		if f.key.mode.Perm()&0o077 != 0 {
			a.Reason += fmt.Sprintf("; its key can be read by others (mode %04o)", f.key.mode.Perm())
		}
	}
}
