package phases

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// Expirations is what `certs check-expiration` tells, in kubeadm's schema
// (output.kubeadm.k8s.io/v1alpha3, CertificateExpirationInfo). Unlike kubeadm's
// its lists are in the order of the tree, and hold more: kubelet.conf, every
// certificate of a bundle, and whatever else lies in the directories.
type Expirations struct {
	Kind         string       `json:"kind"`
	APIVersion   string       `json:"apiVersion"`
	Certificates []Expiration `json:"certificates"`
	Authorities  []Expiration `json:"certificateAuthorities"`

	// Findings are the reasons why the result is not good, in the order of the lists.
	Findings []Fault `json:"-"`
	// Metrics are the certificates once more, one series each.
	Metrics []Metric `json:"-"`
}

// Expiration is one certificate.
type Expiration struct {
	// Name is the row's, as kubeadm spells it ("admin.conf"); "ca#2" is the second
	// certificate of its file. A file that is no row's goes by its path.
	Name           string     `json:"name"`
	ExpirationDate *time.Time `json:"expirationDate"`
	// ResidualTime is what is left, in seconds; negative when expired.
	ResidualTime int64 `json:"residualTime"`
	// ExternallyManaged says that it is not renewed here: the CA's key is elsewhere,
	// or the certificate is a file that its owner renews.
	ExternallyManaged bool   `json:"externallyManaged"`
	CAName            string `json:"caName,omitempty"`
	Missing           bool   `json:"missing"`
}

// expiryLimit bounds the entries that are looked at in either directory.
const expiryLimit = 10000

// CheckExpiration tells when everything of the chosen rows (nil: of all, and of
// every other certificate in the directories) ends. Expired, missing and
// unreadable certificates are findings, and with a threshold also what meets it.
// The error joins what could not be read or listed; what could be is told beside it.
// Nothing is locked; only where half of a pair is missing, a run that may just be
// replacing it is waited for, until ctx ends.
func CheckExpiration(ctx context.Context, t certs.Tree, dirs Dirs, chosen []string, within *Threshold, now time.Time) (Expirations, error) {
	inv, err := Take(t, dirs, needed(t, chosen))
	if err == nil && inv.half(t) {
		if err := store.Wait(ctx, lockDirs(t, dirs, chosen)...); err != nil {
			return Expirations{}, err
		}
		inv, err = Take(t, dirs, needed(t, chosen))
	}
	x := expiry{
		judge: judge{now: now, dirs: dirs}, tree: t, inv: inv, within: within, seen: map[string]bool{},
		out: Expirations{Kind: "CertificateExpirationInfo", APIVersion: "output.kubeadm.k8s.io/v1alpha3", Certificates: []Expiration{}, Authorities: []Expiration{}},
	}
	for _, s := range t.Rows() {
		if s.Kind != certs.KeyPair && (chosen == nil || slices.Contains(chosen, s.Name)) {
			x.row(s, inv.rows[s.Name])
		}
	}
	if chosen == nil {
		err = errors.Join(err, x.others())
	}
	return x.out, err
}

// half reports whether of some leaf's pair only one file is there: so it is for an
// instant while it is replaced.
func (inv Inventory) half(t certs.Tree) bool {
	return slices.ContainsFunc(t.Rows(), func(s certs.Spec) bool {
		f := inv.rows[s.Name]
		return s.Issuer != "" && s.Place.Key != "" && f.cert.exists != f.key.exists
	})
}

type expiry struct {
	judge
	tree   certs.Tree
	inv    Inventory
	within *Threshold
	seen   map[string]bool // label sets, since a series may stand there only once
	out    Expirations
}

// place is where a certificate was found.
type place struct {
	name, file string
	kind, key  string // in a kubeconfig: "user" or "cluster", and the entry's name
	ca         string // the row that signed it, if known
	external   bool
	authority  bool // listed among the CAs
	other      bool // no row's: its name is its path
}

// row tells of a row's files.
func (x *expiry) row(s certs.Spec, f *found) {
	p := place{name: s.Name, ca: s.Issuer, authority: s.Kind == certs.CA, file: f.cert.path}
	if f.conf.path != "" {
		p.name, p.file = path.Base(s.Place.Kubeconfig), f.conf.path
		if s.Node != "" && s.Place.Kubeconfig != p.name {
			p.name = s.Place.Kubeconfig // a node's own folder
		}
	}
	switch {
	case s.Kind == certs.CA:
		p.external = f.cert.exists && !f.key.exists
	case s.Given:
		p.external = true
	default:
		ca := x.inv.rows[s.Issuer]
		p.external = ca.cert.exists && !ca.key.exists
	}
	switch {
	case f.err != nil: // told by the error
		x.missing(p, "")
	case f.nothing() || f.conf.path == "" && !f.cert.exists:
		x.missing(p, "certificate is missing")
	case f.conf.exists:
		x.conf(p, f.conf)
	case f.chainErr != nil:
		x.missing(p, f.chainErr.Error())
	default:
		x.chain(p, f.chain)
	}
}

func (x *expiry) missing(p place, text string) {
	x.list(p, Expiration{Name: p.name, ExternallyManaged: p.external, Missing: true})
	x.find(p, text)
}

func (x *expiry) find(p place, text string) {
	if text == "" {
		return
	}
	if !p.other {
		text = p.name + ": " + text
	}
	x.out.Findings = append(x.out.Findings, Fault{Text: text, Path: p.file})
}

func (x *expiry) list(p place, e Expiration) {
	if p.authority {
		x.out.Authorities = append(x.out.Authorities, e)
	} else {
		x.out.Certificates = append(x.out.Certificates, e)
	}
}

// chain tells of every certificate of a file; all but the first carry their number.
func (x *expiry) chain(p place, chain []*x509.Certificate) {
	name := p.name
	for i, c := range chain {
		if i > 0 {
			p.name = fmt.Sprintf("%s#%d", name, i+1)
			if !p.authority {
				p.ca = ""
			}
			p.authority = p.authority || c.IsCA
		}
		x.certificate(p, c)
	}
}

func (x *expiry) certificate(p place, c *x509.Certificate) {
	end := c.NotAfter.UTC()
	left := secondsLeft(c, x.now)
	e := Expiration{Name: p.name, ExpirationDate: &end, ResidualTime: left, ExternallyManaged: p.external}
	if !p.authority {
		e.CAName = p.ca
	}
	x.list(p, e)
	switch {
	case !x.now.Before(c.NotAfter):
		x.find(p, "has expired on "+stamp(c.NotAfter))
	case x.within != nil && x.within.Met(c, x.now):
		x.find(p, fmt.Sprintf("expires on %s, in %s", stamp(c.NotAfter), Residual(left)))
	}
	x.metric(p, c)
}

// secondsLeft is cut to whole seconds, as kubeadm does. A Duration could not hold the time to the year 9999.
func secondsLeft(c *x509.Certificate, now time.Time) int64 {
	left := c.NotAfter.Unix() - now.Unix()
	if left > 0 && now.Nanosecond() > 0 {
		left--
	}
	return left
}

// conf tells of a kubeconfig: the current user's certificate under the name of
// the file, those of its other users and clusters under theirs. A CA that is
// one of the tree's is listed once, there.
func (x *expiry) conf(p place, f file) {
	cfg, err := kubeconfig.Parse(f.data)
	if err != nil {
		x.missing(p, err.Error())
		return
	}
	current, _ := cfg.Current()
	told := false
	for _, u := range cfg.Users {
		q := p
		q.kind, q.key = "user", u.Name
		if current.User.Name == u.Name {
			told = true
		} else {
			q.name, q.ca = fmt.Sprintf("%s user %s", p.name, u.Name), ""
		}
		chain, err := x.embedded(f.path, u.ClientCert, u.ClientCertFile)
		switch {
		case err != nil:
			x.missing(q, "client certificate: "+err.Error())
		case len(chain) > 0:
			q.external = q.external || len(u.ClientCert) == 0
			if q.ca == "" {
				q.ca = x.issuer(chain[0])
			}
			x.chain(q, chain)
		case current.User.Name == u.Name && p.ca != "":
			x.missing(q, "holds no client certificate")
		}
	}
	if !told && p.ca != "" {
		x.missing(p, "has no current user")
	}
	for _, c := range cfg.Clusters {
		q := place{name: fmt.Sprintf("%s cluster %s", p.name, c.Name), file: f.path, kind: "cluster", key: c.Name, authority: true, external: true}
		chain, err := x.embedded(f.path, c.CA, c.CAFile)
		if err != nil {
			x.find(q, "certificate authority: "+err.Error())
			continue
		}
		name := q.name
		for i, ca := range chain {
			if x.known(ca) {
				x.metric(q, ca)
				continue
			}
			if q.name = name; i > 0 {
				q.name = fmt.Sprintf("%s#%d", name, i+1)
			}
			x.certificate(q, ca)
		}
	}
}

// known reports whether a certificate is one of the tree's CAs.
func (x *expiry) known(c *x509.Certificate) bool {
	for _, s := range x.tree.Rows() {
		if s.Kind == certs.CA && slices.ContainsFunc(x.inv.rows[s.Name].chain, c.Equal) {
			return true
		}
	}
	return false
}

// issuer names the tree's CA that signed c, or "".
func (x *expiry) issuer(c *x509.Certificate) string {
	for _, s := range x.tree.Rows() {
		if s.Kind == certs.CA && signedBy(c, x.inv.rows[s.Name].chain, nil) {
			return s.Name
		}
	}
	return ""
}

// embedded are the certificates of a kubeconfig's entry, or of the file that it names.
func (x *expiry) embedded(conf string, data []byte, name string) ([]*x509.Certificate, error) {
	if len(data) == 0 && name == "" {
		return nil, nil
	}
	data, err := namedBy(conf, data, name, "certificate")
	if err != nil {
		return nil, err
	}
	return pki.ParseCertificates(data)
}
