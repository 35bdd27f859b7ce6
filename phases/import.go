package phases

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// Signed is a file that came back from whoever signs: a certificate, perhaps
// with the CA certificates above it.
type Signed struct {
	Name string
	Data []byte
}

// Import brings signed certificates to their rows. A certificate belongs to the
// row whose key it is for. Then the inventory, as it would be with all of them
// in place, is judged as every other is, and only if each row is right is
// anything written: at once, with the spent requests removed. cas are CA
// certificates for CA rows that have none yet, by the row's name.
func Import(ctx context.Context, t certs.Tree, dirs Dirs, signed []Signed, cas map[string]Signed, o Options) (r Report, err error) {
	lock, err := store.Lock(ctx, lockDirs(t, dirs, nil)...)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	inv, err := Take(t, dirs, nil)
	if err != nil {
		return Report{}, err
	}
	im := importer{tree: t, inv: inv, fresh: map[string]*found{}, source: map[string]string{}}
	im.installCAs(cas)
	for _, s := range signed {
		im.match(s)
	}
	if len(im.faults) > 0 {
		return Report{}, errors.Join(im.faults...)
	}
	rows := im.names()
	judged := Decide(t, im.result(), rows, Options{Now: o.Now, CertMode: o.CertMode})
	im.restate(judged.Refused())
	r = newReport(judged, dirs)
	r.Kind = "ImportReport"
	if len(judged.Refused()) > 0 {
		r.Changed = false
		return r, &RefusedError{Plan: judged}
	}
	steps, err := im.writes(&r, o)
	if err != nil {
		return r, err
	}
	if err := lock.Save(steps...); err != nil {
		return r, err
	}
	proof, err := prove(t, dirs, rows, o)
	if err != nil {
		return r, err
	}
	r.fill(proof)
	return r, nil
}

type importer struct {
	tree   certs.Tree
	inv    Inventory
	fresh  map[string]*found // by row: what will lie there
	source map[string]string // by row: the file that it comes from
	faults []error
}

func (im *importer) fault(name, format string, args ...any) {
	im.faults = append(im.faults, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
}

// names are the rows that change, in tree order.
func (im *importer) names() []string {
	out := []string{}
	for _, s := range im.tree.Rows() {
		if im.fresh[s.Name] != nil {
			out = append(out, s.Name)
		}
	}
	return out
}

// result is the inventory as it will be.
func (im *importer) result() Inventory {
	inv := Inventory{dirs: im.inv.dirs, rows: map[string]*found{}}
	for _, s := range im.tree.Rows() {
		inv.rows[s.Name] = im.at(s.Name)
	}
	return inv
}

func (im *importer) at(row string) *found {
	if f := im.fresh[row]; f != nil {
		return f
	}
	return im.inv.rows[row]
}

func (im *importer) installCAs(cas map[string]Signed) {
	for _, s := range im.tree.Rows() {
		file, given := cas[s.Name]
		if !given {
			continue
		}
		old := im.inv.rows[s.Name]
		list, err := pki.ParseCertificates(file.Data)
		switch {
		case err != nil:
			im.fault(file.Name, "%v", err)
		case s.Kind != certs.CA || s.Given:
			im.fault(file.Name, "row %s is no CA of this directory", s.Name)
		case old.cert.exists:
			if bundleFault(list, old.chain, old.cert.path) != "" {
				im.fault(file.Name, "there is another CA certificate already (%s)", old.cert.path)
			}
		default:
			f := *old
			f.chain, f.chainErr = list, nil
			f.cert = fileOf(old.cert.path, pki.EncodeCertificates(list...))
			im.fresh[s.Name], im.source[s.Name] = &f, file.Name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cas)) {
		if _, ok := im.tree.Row(name); !ok {
			im.fault(cas[name].Name, "there is no row %s", name)
		}
	}
}

// fileOf is a file that will lie there.
func fileOf(path string, data []byte) file {
	return file{path: path, exists: true, mode: 0o600, data: data}
}

// match finds the rows that the certificates of a file are for, by their keys: a
// signer may send all of them in one file. What is no row's is there as a CA
// above them; a leaf that is nobody's is not passed over without a word.
func (im *importer) match(signed Signed) {
	list, err := pki.ParseCertificates(signed.Data)
	if err != nil {
		im.fault(signed.Name, "%v", err)
		return
	}
	matched := false
	for i, c := range list {
		s, ok := im.rowOf(c)
		switch {
		case ok && im.fresh[s.Name] != nil:
			im.fault(signed.Name, "a second certificate for %s", s.Name)
			return
		case ok:
			matched, im.source[s.Name] = true, signed.Name
			rest := slices.Concat(list[:i], list[i+1:])
			if err := im.place(s, im.inv.rows[s.Name], c, rest); err != nil {
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

// rowOf is the row whose key a certificate is for.
func (im *importer) rowOf(c *x509.Certificate) (certs.Spec, bool) {
	for _, s := range im.tree.Rows() {
		f := im.inv.rows[s.Name]
		if s.Issuer != "" && !s.Given && f.signer != nil && pki.SameKey(c.PublicKey, f.signer.Public()) {
			return s, true
		}
	}
	return certs.Spec{}, false
}

// restate puts refusals in the terms of an import. What is wrong is in the file
// that came, not in what still lies in its place, and nothing here makes it anew.
func (im *importer) restate(refused []Action) {
	for _, a := range refused {
		ca, target := im.at(a.Spec.Issuer), a.Files[len(a.Files)-1]
		for i := range a.Faults {
			f := &a.Faults[i]
			switch {
			case ca != nil && !ca.cert.exists:
				f.Hint = fmt.Sprintf("`--ca-cert %s=FILE` puts the CA's certificate in place", a.Spec.Issuer)
			case f.Path != target || a.Spec.Place.Kubeconfig != "" && f.Hint != hintCSR: // the key, or the kubeconfig around the certificate
			case f.Hint == hintCSR || f.Hint == hintReissue:
				f.Path, f.Hint = im.source[a.Spec.Name], "have the request signed anew, as it asks"
			default:
				f.Path = im.source[a.Spec.Name]
			}
		}
	}
}

// place puts a certificate into a row's files. CA certificates on the way to
// the root go along, from the file itself or from the CA's bundle.
func (im *importer) place(s certs.Spec, old *found, c *x509.Certificate, rest []*x509.Certificate) error {
	f := *old
	ca := im.at(s.Issuer)
	f.chain = []*x509.Certificate{c}
	above := append(append([]*x509.Certificate{}, rest...), ca.chain...)
	for _, p := range above {
		if signedBy(c, []*x509.Certificate{p}, nil) {
			f.chain = append(f.chain, pki.Intermediates(p, above)...)
			break
		}
	}
	f.chainErr = nil
	data := pki.EncodeCertificates(f.chain...)
	im.fresh[s.Name] = &f
	if s.Place.Kubeconfig == "" {
		f.cert = fileOf(old.cert.path, data)
		return nil
	}
	edited, err := kubeconfig.Edit{ClientCert: data, CA: pki.EncodeCertificates(ca.chain...)}.Apply(old.conf.data)
	if err != nil {
		return err
	}
	f = found{conf: fileOf(old.conf.path, edited)}
	f.takeKubeconfig()
	return nil
}

// writes are the files that change: CAs first, and the spent requests last.
func (im *importer) writes(r *Report, o Options) ([][]store.Write, error) {
	var cas, leaves, spent []store.Write
	for i := range r.Rows {
		row := &r.Rows[i]
		s, _ := im.tree.Row(row.Name)
		f, old := im.fresh[row.Name], im.inv.rows[row.Name]
		w := store.Write{Path: f.cert.path, Data: f.cert.data, Mode: o.CertMode, IfAbsent: !old.cert.exists}
		if s.Place.Kubeconfig != "" {
			w = store.Write{Path: f.conf.path, Data: f.conf.data, Mode: 0o600}
		}
		row.Written = []string{w.Path}
		row.Verb, row.Reason = Create, "signed elsewhere"
		if old.cert.exists || len(old.chain) > 0 {
			row.Verb = Renew
		}
		if s.Kind == certs.CA {
			cas = append(cas, w)
			continue
		}
		leaves = append(leaves, w)
		csr, err := readFile(csrPath(s, old))
		if err != nil {
			return nil, err
		}
		if csr.exists {
			spent = append(spent, store.Write{Path: csr.path, Remove: true})
		}
	}
	r.Changed = len(cas)+len(leaves) > 0
	return [][]store.Write{cas, leaves, spent}, nil
}
