package phases

import (
	"context"
	"crypto/x509"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
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

	// Finished are files that a run that was stopped had begun to replace: now they are new, or old again, as a whole.
	Finished []string `json:"-"`
	// Findings are the reasons why the result is not good, in the order of the lists, with their hints.
	Findings []finding.Shown `json:"-"`
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
	// NotYetValid says that its time has not begun: it is refused as an expired one is.
	NotYetValid bool `json:"notYetValid,omitempty"`
	// ExternallyManaged says that it is not renewed here: the CA's key is elsewhere,
	// or the certificate is a file that its owner renews.
	ExternallyManaged bool   `json:"externallyManaged"`
	CAName            string `json:"caName,omitempty"`
	Missing           bool   `json:"missing"`
	// Unreadable says that something is there, and nobody here can say what: rights are missing, or it is no certificate.
	Unreadable bool `json:"unreadable,omitempty"`
	// Absent says that it is missing, and that this node may rightly be without it.
	Absent bool `json:"-"`
}

// Ends are when the certificates end that are there.
func (x Expirations) Ends() (out []time.Time) {
	for _, e := range slices.Concat(x.Certificates, x.Authorities) {
		if e.ExpirationDate != nil {
			out = append(out, *e.ExpirationDate)
		}
	}
	return out
}

// ExpiryOptions say what is looked at, and when the end is near.
type ExpiryOptions struct {
	Now time.Time
	// Within, if not nil, also finds what meets it.
	Within *Threshold
}

// expiryLimit bounds the entries that are looked at in either directory.
const expiryLimit = 10000

// CheckExpiration tells when everything of the chosen rows (nil: of all, and of
// every other certificate in the directories) ends. Expired, missing, torn and
// unreadable certificates are findings, those that are not valid yet too, and with a threshold also what meets it.
// The error joins what could not be listed; what could be is told beside it. No private key is needed.
// Where nobody said what the node is (certs.NodeRoles), what a node may rightly lack is listed as absent, without alarm.
// It looks as [Look] does.
func CheckExpiration(ctx context.Context, t certs.Tree, site judge.Site, chosen judge.Selection, o ExpiryOptions) (Expirations, error) {
	inv, finished, err := Look(ctx, t, site, chosen)
	if err != nil {
		return Expirations{}, err
	}
	x := expiry{
		ExpiryOptions: o, Judgement: judge.Judge(t, inv, chosen, o.Now), seen: map[string]bool{}, known: map[string]bool{},
		out: Expirations{Finished: finished, Kind: "CertificateExpirationInfo", APIVersion: "output.kubeadm.k8s.io/v1alpha3", Certificates: []Expiration{}, Authorities: []Expiration{}},
	}
	x.present = x.Judgement.Present()
	for c := range x.Cases() {
		if c.Spec.Kind == certs.CA {
			x.signers = append(x.signers, c.CA)
			for _, ca := range c.Held.Chain {
				x.known[string(ca.Raw)] = true
			}
		}
	}
	for c := range x.Cases() {
		if c.Spec.Kind != certs.KeyPair && chosen.Has(c.Spec.ID) {
			x.row(c, chosen != nil)
		}
	}
	if chosen == nil {
		err = x.others()
	}
	if len(x.out.Certificates) > 0 && !x.told && chosen == nil {
		x.out.Findings = append([]finding.Shown{finding.New(finding.NothingHere).At("", "", site.Cert).Shown(finding.Check)}, x.out.Findings...)
	}
	return x.out, err
}

// Look reads what lies at the chosen rows, for who only reports. What a run that was killed had begun to replace is
// finished first, where this user may write: finished are its files. Else nothing is locked; only where a pair is not
// whole, a run that may just be replacing it is waited for, until ctx ends.
func Look(ctx context.Context, t certs.Tree, site judge.Site, chosen judge.Selection) (inv judge.Inventory, finished []string, err error) {
	dirs := lockDirs(t, site, chosen)
	if finished, err = settled(ctx, dirs); err != nil {
		return judge.Inventory{}, finished, err
	}
	inv = judge.Take(t, site, chosen)
	if half(t, inv) {
		if err := store.Wait(ctx, dirs...); err != nil {
			return judge.Inventory{}, finished, err
		}
		inv = judge.Take(t, site, chosen)
	}
	return inv, finished, nil
}

// half reports whether of some leaf's pair only one file is there: so it is for an
// instant while it is replaced.
func half(t certs.Tree, inv judge.Inventory) bool {
	for s := range t.Rows() {
		h := inv.Held(s.ID)
		if h == nil || s.Issuer.Role == "" || s.Place.Key == "" {
			continue
		}
		if h.Cert.There() != h.Key.There() || h.Signer != nil && len(h.Chain) > 0 && !pki.SameKey(h.Signer.Public(), h.Chain[0].PublicKey) {
			return true
		}
	}
	return false
}

type expiry struct {
	ExpiryOptions
	judge.Judgement
	seen    map[string]bool // label sets, since a series may stand there only once
	signers []*judge.CA     // the tree's CAs
	known   map[string]bool // their certificates, by encoding
	present judge.Present
	told    bool // a certificate was found
	out     Expirations
}

// place is where a certificate was found.
type place struct {
	name, file string
	row        certs.Spec
	kind, key  string // in a kubeconfig: "user" or "cluster", and the entry's name
	ca         string // the row that signed it, if known
	external   bool
	authority  bool // listed among the CAs
	other      bool // no row's: its name is its path
	// own is the name of the row as a whole, asker who asks about it.
	own   string
	asker finding.Asker
}

// row tells of a row's files. named says that it was asked for by its name.
func (x *expiry) row(c judge.Case, named bool) {
	s, h := c.Spec, c.Held
	p := place{name: s.ID.String(), row: s, ca: s.Issuer.String(), authority: s.Kind == certs.CA, file: h.Cert.Path, external: s.Given || c.CA != nil && c.CA.External}
	if h.Conf.Path != "" {
		p.name, p.file = path.Base(s.Place.Kubeconfig), h.Conf.Path
		if s.Instance != "" {
			p.name = s.Place.Kubeconfig // a node's own folder
		}
	}
	p.own, p.asker = p.name, AskerOf(c, finding.Check)
	torn := h.Conf.Path == "" && h.Key.There() && !h.Cert.There()
	switch {
	case h.Cert.Err != nil, h.Conf.Err != nil:
		x.told = true
		x.list(p, Expiration{Name: p.name, ExternallyManaged: p.external, Unreadable: true})
		for _, f := range []judge.File{h.Cert, h.Conf} { // nobody asks for the key
			if f.Err != nil {
				x.find(p, judge.Unreadable(f))
			}
		}
	case h.Nothing() && !named && x.present.MayLack(s):
		x.list(p, Expiration{Name: p.name, ExternallyManaged: p.external, Missing: true, Absent: true})
	case h.Nothing() || torn:
		x.missing(p, finding.New(finding.CertificateMissing))
	case h.Conf.Exists:
		x.conf(p, h.Conf)
	case h.ChainErr != nil:
		x.missing(p, h.ChainErr)
	default:
		x.chain(p, h.Chain)
		if !s.Given {
			x.take(c, p, finding.KeyMissing)
		}
	}
	x.take(c, p, finding.DirectoryOpen, finding.FileOpen, finding.FileForeign)
}

// take tells of the judge's errors of some kinds.
func (x *expiry) take(c judge.Case, p place, ids ...finding.ID) {
	for _, f := range c.Findings {
		if f.Severity == finding.Error && slices.Contains(ids, f.ID) {
			x.find(p, &f)
		}
	}
}

// missing lists what has no certificate, because of f: it is not there, or cannot be read.
func (x *expiry) missing(p place, f *finding.Finding) {
	gone := slices.Contains([]finding.ID{finding.CertificateMissing, finding.ClientCertMissing, finding.CurrentUserNone, finding.NamedFileMissing}, f.ID)
	x.list(p, Expiration{Name: p.name, ExternallyManaged: p.external, Missing: gone, Unreadable: !gone})
	x.find(p, f)
}

// find notes a finding. Its hint names the row as commands do, the line as the list does; of what is no row's there is
// nothing to be done here.
func (x *expiry) find(p place, f *finding.Finding) {
	g := *f
	if g.Path == "" {
		g.Path = p.file
	}
	asker := p.asker
	if p.row.Role != nil {
		g.Row, g.Phase = p.row.ID.String(), p.row.Phase()
	}
	if p.row.Role == nil || p.name != p.own {
		asker = finding.Kept // what is no row's, or not all of it
	}
	shown := g.Shown(asker)
	if p.row.Role == nil {
		shown.Hint = ""
	}
	if shown.Row = p.name; p.other {
		shown.Row = ""
	}
	x.out.Findings = append(x.out.Findings, shown)
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
			p.name, p.row = name+"#"+strconv.Itoa(i+1), certs.Spec{}
			if !p.authority {
				p.ca = ""
			}
			p.authority = p.authority || c.IsCA
		}
		x.certificate(p, c)
	}
}

func (x *expiry) certificate(p place, c *x509.Certificate) {
	x.told = true
	end := c.NotAfter.UTC()
	left := SecondsLeft(c, x.Judgement.Now)
	e := Expiration{Name: p.name, ExpirationDate: &end, ResidualTime: left, NotYetValid: x.Judgement.Now.Before(c.NotBefore), ExternallyManaged: p.external}
	if !p.authority {
		e.CAName = p.ca
	}
	x.list(p, e)
	ended, early := finding.CertificateExpired, finding.CertificateNotYetValid
	if p.authority {
		ended, early = finding.CAExpired, finding.CANotYetValid
	}
	switch clock := finding.Stamp(x.Judgement.Now); {
	case !x.Judgement.Now.Before(c.NotAfter):
		x.find(p, finding.New(ended, finding.Stamp(c.NotAfter), clock))
	case e.NotYetValid:
		x.find(p, finding.New(early, finding.Stamp(c.NotBefore), clock))
	case x.Within != nil && x.Within.Met(c, x.Judgement.Now):
		x.find(p, finding.New(finding.CertificateExpiring, finding.Stamp(c.NotAfter), Residual(left)))
	}
	x.metric(p, c)
}

// SecondsLeft is what is left of a certificate, cut to whole seconds, as kubeadm does. A Duration could not hold the
// time to the year 9999.
func SecondsLeft(c *x509.Certificate, now time.Time) int64 {
	left := c.NotAfter.Unix() - now.Unix()
	if left > 0 && now.Nanosecond() > 0 {
		left--
	}
	return left
}

// conf tells of a kubeconfig: the current user's certificate under the name of
// the file, those of its other users and clusters under theirs. A CA that is
// one of the tree's is listed once, there.
func (x *expiry) conf(p place, f judge.File) {
	cfg, err := kubeconfig.Parse(f.Data)
	if err != nil {
		x.missing(p, finding.Of(err, finding.KubeconfigBroken))
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
			q.name, q.ca, q.row = fmt.Sprintf("%s user %s", p.name, u.Name), "", certs.Spec{}
		}
		chain, bad := judge.NamedCertificates(f.Path, u.ClientCert, u.ClientCertFile, "client certificate")
		switch {
		case bad != nil:
			x.missing(q, bad)
		case len(chain) > 0:
			q.external = q.external || len(u.ClientCert) == 0
			if q.ca == "" {
				q.ca = x.issuer(chain[0])
			}
			x.chain(q, chain)
		case current.User.Name == u.Name && p.ca != "":
			x.missing(q, finding.New(finding.ClientCertMissing))
		}
	}
	if !told && p.ca != "" {
		x.missing(p, finding.New(finding.CurrentUserNone))
	}
	for _, c := range cfg.Clusters {
		q := place{name: fmt.Sprintf("%s cluster %s", p.name, c.Name), file: f.Path, kind: "cluster", key: c.Name, authority: true, external: true}
		chain, bad := judge.NamedCertificates(f.Path, c.CA, c.CAFile, "certificate authority")
		if bad != nil {
			x.find(q, bad)
			continue
		}
		name := q.name
		for i, ca := range chain {
			if x.known[string(ca.Raw)] {
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

// issuer names the tree's CA that signed c, or "".
func (x *expiry) issuer(c *x509.Certificate) string {
	for _, ca := range x.signers {
		if slices.ContainsFunc(ca.Bundle, func(p *x509.Certificate) bool { return judge.SignedBy(c, p) }) {
			return ca.ID.String()
		}
	}
	return ""
}
