package phases

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/hidden"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// Signed is a file that came back from whoever signs: a certificate, perhaps
// with the CA certificates above it. PEM, DER or PKCS #7.
type Signed struct {
	hidden.Secret
	Name string
	Data []byte
}

// ImportOptions are what an import is decided by.
type ImportOptions struct {
	Options
	// AcceptNames takes names, groups and usages that nobody asked for.
	AcceptNames bool
}

// Import brings signed certificates to their rows. A certificate belongs to the row whose key it is for. Then the
// inventory, as it would be with all of them in place, is judged as every other is, and only if each row is right is
// anything written: at once, with the spent requests removed. cas are CA certificates for CA rows that have none yet,
// by the role's name.
func Import(ctx context.Context, t certs.Tree, site judge.Site, signed []Signed, cas map[string]Signed, o ImportOptions) (Report, error) {
	return run(ctx, t, site, nil, "ImportReport", o.Options, func(inv judge.Inventory) (Plan, error) {
		im := importer{tree: t, inv: inv, fresh: map[certs.ID]*judge.Held{}, source: map[certs.ID]string{}}
		im.installCAs(cas)
		im.index()
		for _, s := range signed {
			im.match(s)
		}
		if len(im.faults) > 0 {
			return Plan{}, errors.Join(im.faults...)
		}
		rows := judge.Selection{}
		for id := range im.fresh {
			rows[id] = true
		}
		p := planner{judge.Judge(t, inv.With(im.fresh), rows, o.Now), o.Options}
		var actions []Action
		for c := range p.Cases() {
			if rows[c.Spec.ID] {
				actions = append(actions, im.decide(p, c, o.AcceptNames))
			}
		}
		return p.plan(actions), nil
	})
}

type importer struct {
	tree   certs.Tree
	inv    judge.Inventory
	fresh  map[certs.ID]*judge.Held // what will lie there
	source map[certs.ID]string      // the file that it comes from
	byKey  map[string][]certs.Spec  // the rows that wait, by their public keys
	faults []error
}

func (im *importer) fault(name, format string, args ...any) {
	im.faults = append(im.faults, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
}

func (im *importer) at(id certs.ID) *judge.Held {
	if h := im.fresh[id]; h != nil {
		return h
	}
	return im.inv.Held(id)
}

func (im *importer) installCAs(cas map[string]Signed) {
	for _, name := range slices.Sorted(maps.Keys(cas)) {
		file := cas[name]
		s, ok := im.tree.Row(certs.ID{Role: name})
		if !ok || s.Kind != certs.CA || s.Given {
			im.fault(file.Name, "row %s is no CA of this directory", name)
			continue
		}
		old := im.inv.Held(s.ID)
		list, err := pki.ParseSigned(file.Data)
		switch {
		case err != nil:
			im.fault(file.Name, "%v", err)
		case old.Cert.There():
			if !slices.EqualFunc(list, old.Chain, (*x509.Certificate).Equal) {
				im.fault(file.Name, "there is another CA certificate already (%s)", old.Cert.Path)
			}
		default:
			h := *old
			h.Cert = judge.FileOf(old.Cert.Path, pki.EncodeCertificates(list...))
			h.Parse(*s.Role)
			im.fresh[s.ID], im.source[s.ID] = &h, file.Name
		}
	}
}

// index finds the rows by their keys.
func (im *importer) index() {
	im.byKey = map[string][]certs.Spec{}
	for s := range im.tree.Rows() {
		h := im.inv.Held(s.ID)
		if !Requestable(*s.Role) || h == nil || h.Signer == nil {
			continue
		}
		if der, err := x509.MarshalPKIXPublicKey(h.Signer.Public()); err == nil {
			im.byKey[string(der)] = append(im.byKey[string(der)], s)
		}
	}
}

// match finds the rows that the certificates of a file are for, by their keys: a
// signer may send all of them in one file. What is no row's is there as a CA
// above them; a leaf that is nobody's is not passed over without a word.
func (im *importer) match(signed Signed) {
	list, err := pki.ParseSigned(signed.Data)
	if err != nil {
		im.fault(signed.Name, "%v", err)
		return
	}
	matched := false
	for i, c := range list {
		der, _ := x509.MarshalPKIXPublicKey(c.PublicKey)
		rows := im.byKey[string(der)]
		switch {
		case len(rows) > 0 && im.fresh[rows[0].ID] != nil:
			im.fault(signed.Name, "a second certificate for %s", rows[0].ID)
			return
		case len(rows) > 0:
			s := rows[0]
			matched, im.source[s.ID] = true, signed.Name
			if err := im.place(s, im.inv.Held(s.ID), c, slices.Concat(list[:i], list[i+1:])); err != nil {
				im.fault(signed.Name, "%v", err)
			}
		case c.Version == 3 && !c.IsCA:
			im.fault(signed.Name, "no row has the key of this certificate (%q)", pki.CertificateSubject(c))
			return
		}
	}
	if !matched {
		im.fault(signed.Name, "no row has the key of this certificate (%q)", pki.CertificateSubject(list[0]))
	}
}

// place puts a certificate into a row's files. CA certificates on the way to
// the root go along, from the file itself or from the CA's bundle.
func (im *importer) place(s certs.Spec, old *judge.Held, c *x509.Certificate, rest []*x509.Certificate) error {
	h := *old
	ca := im.at(s.Issuer)
	chain := []*x509.Certificate{c}
	above := append(slices.Clone(rest), ca.Chain...)
	for _, p := range above {
		if judge.SignedBy(c, p) {
			chain = append(chain, pki.Intermediates(p, above)...)
			break
		}
	}
	data := pki.EncodeCertificates(chain...)
	im.fresh[s.ID] = &h
	if s.Place.Kubeconfig == "" {
		h.Cert = judge.FileOf(old.Cert.Path, data)
		h.Parse(*s.Role)
		return nil
	}
	edited, err := kubeconfig.Edit{ClientCert: data, CA: pki.EncodeCertificates(ca.Chain...)}.Apply(old.Conf.Data)
	if err != nil {
		return err
	}
	h = judge.Held{Conf: judge.FileOf(old.Conf.Path, edited)}
	h.Parse(*s.Role)
	return nil
}

// decide refuses a row that would not be right, in the terms of an import: what is wrong is in the file that came, not
// in what still lies in its place.
func (im *importer) decide(p planner, c judge.Case, acceptNames bool) Action {
	a := p.action(c, finding.Import)
	old := im.inv.Held(c.Spec.ID)
	target := p.certPath(c.Spec)
	im.notAsked(&a, c, old, acceptNames)
	if ca := im.at(c.Spec.Issuer); ca != nil && !ca.Cert.There() {
		a.refuse(finding.New(finding.CACertificateNone, c.Spec.Issuer.String()).At("", "", target))
	} else if len(c.Errors()) > 0 || a.Verb == Refuse {
		if a.Verb != Refuse {
			a.Findings = nil
		}
		for _, f := range c.Errors() {
			if f.Path == target && f.ID != finding.KeyMismatch || c.Spec.Place.Kubeconfig == "" && f.Path == old.Cert.Path {
				f.Path = im.source[c.Spec.ID]
			}
			a.refuse(&f)
		}
	}
	if a.Verb == Refuse {
		return a
	}
	a.Verb, a.Reason = Create, "signed elsewhere"
	if same := len(old.Chain) > 0 && old.Chain[0].Equal(c.Held.Chain[0]); !same && (old.Cert.Exists || len(old.Chain) > 0) {
		a.Verb = Renew
	}
	a.Held = old
	file, mode := c.Held.Cert, p.o.CertMode
	if c.Spec.Place.Kubeconfig != "" {
		file, mode = c.Held.Conf, 0o600
	}
	if there := old.Cert; bytes.Equal(there.Data, file.Data) || bytes.Equal(old.Conf.Data, file.Data) {
		a.Verb, a.Reason = Keep, "there already" // the same command again, or what a killed run has left
	} else {
		a.Make = &Order{Unsigned: true, Template: pki.Template{Subject: c.Spec.Subject}}
		a.Outputs = []Output{{Kind: DataFile, Path: file.Path, Mode: mode, Data: file.Data, Replaces: there.Exists || old.Conf.Exists}}
	}
	if csr := judge.ReadFile(requestPath(old)); c.Spec.Kind != certs.CA && csr.Exists && isRequest(csr.Data) {
		a.Outputs = append(a.Outputs, Output{Kind: Removal, Path: csr.Path})
	}
	a.unlinked()
	return a
}
