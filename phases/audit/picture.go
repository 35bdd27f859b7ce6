package audit

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
)

// NodeKind is what a node of the picture is.
type NodeKind string

// The kinds. An UnknownIssuer is a CA that is not here, and signed what is below it.
const (
	Root          NodeKind = "root"
	Intermediate  NodeKind = "intermediate"
	Certificate   NodeKind = "certificate"
	Kubeconfig    NodeKind = "kubeconfig"
	KeyPair       NodeKind = "key-pair"
	UnknownIssuer NodeKind = "unknown-issuer"
)

// Node is one thing in the picture of who signed whom. Nothing in it is secret; its texts may be hostile.
type Node struct {
	// ID is "n1", "n2", in the order of the picture.
	ID   string   `json:"id"`
	Kind NodeKind `json:"kind"`
	// Name is the row's, as it is printed ("apiserver", "admin.conf"); "ca#2" is the second certificate of its file. Of a
	// file that is no row's it is the path in the directory, of an unknown issuer its subject.
	Name string `json:"name"`
	// Row and Path say where it lies; "" for an unknown issuer. Also names where else a CA's certificate lies.
	Row  string   `json:"row,omitempty"`
	Path string   `json:"path,omitempty"`
	Also []string `json:"also,omitempty"`
	// Subject is the user and the groups, Issuer the subject of who signed it, in one line.
	Subject *phases.Subject `json:"subject,omitempty"`
	Issuer  string          `json:"issuer,omitempty"`
	SANs    []string        `json:"sans,omitempty"`
	// Usages are "server" and "client".
	Usages []string `json:"usages,omitempty"`
	// Server is where a kubeconfig leads.
	Server string `json:"server,omitempty"`
	// KeyAlgorithm is as pki.DescribeKey has it; KeyHere says that the private key lies here too. KeyID tells CAs of one
	// name apart: the identifier of the key that signs, in hex.
	KeyAlgorithm string `json:"keyAlgorithm,omitempty"`
	KeyHere      bool   `json:"keyHere,omitempty"`
	KeyID        string `json:"keyID,omitempty"`
	// Serial and SHA256 are hexadecimal.
	Serial    string     `json:"serialNumber,omitempty"`
	SHA256    string     `json:"sha256,omitempty"`
	NotBefore *time.Time `json:"notBefore,omitempty"`
	NotAfter  *time.Time `json:"notAfter,omitempty"`
	// ResidualTime is what is left, in seconds; negative when expired. LifeLeft is the part of its whole life, 0 to 1.
	ResidualTime int64   `json:"residualTime,omitempty"`
	LifeLeft     float64 `json:"lifeLeft"`
	// NotYetValid says that its time has not begun: it is refused as an expired one is.
	NotYetValid bool `json:"notYetValid,omitempty"`
	// Unreadable says that a file is there, and nobody here can say what is in it.
	Unreadable bool `json:"unreadable,omitempty"`
	// Severity is the worst of its findings, Findings their ids.
	Severity *finding.Severity `json:"severity,omitempty"`
	Findings []finding.ID      `json:"findings,omitempty"`
	// Issued are what it signed: CAs first, then in the order of the tree, then by path.
	Issued []*Node `json:"issued"`
}

// deepest is how many CAs are drawn below each other, sameName how many CAs of one name are asked for a signature:
// what hostile files hold must not grow without bound. What lies deeper begins a root of its own.
const (
	deepest  = 16
	sameName = 16
)

// entry is a node on its way into the picture. cert is nil where there is none, or none that can be read.
type entry struct {
	*Node
	cert      *x509.Certificate
	order     int // its row's place in the tree, its file's behind it
	authority bool
	parent    *entry // itself for a root
	below     []*entry
	placed    bool
}

// drawing is a picture in the making.
type drawing struct {
	now         time.Time
	dirs        judge.Dirs
	entries     []*entry
	authorities map[string]*entry // by encoding
	// at are the entries by row, by path, and by path and the entry of a kubeconfig, for findings.
	at      map[string]*entry
	keys    map[string]bool // the private keys that are here, by public key
	signers map[string][]*entry
	unknown map[string]*entry
	tops    []*entry
}

// picture puts every certificate under the one whose key signed it. A name alone proves nothing: what nobody here has
// signed, or signed in a way that cannot be checked, goes under an unknown issuer. others are the files that are no row's.
func picture(j judge.Judgement, others []judge.Other, found []finding.Shown, now time.Time) []*Node {
	d := &drawing{now: now, dirs: j.Site.Dirs, authorities: map[string]*entry{}, at: map[string]*entry{}, keys: map[string]bool{},
		signers: map[string][]*entry{}, unknown: map[string]*entry{}}
	d.collect(j, others)
	d.mark(found)
	d.link()
	d.place()
	out := make([]*Node, 0, len(d.tops))
	n := 0
	for _, e := range d.tops {
		out = append(out, e.Node)
		number(e.Node, &n)
	}
	return out
}

func number(node *Node, n *int) {
	*n++
	node.ID = fmt.Sprintf("n%d", *n)
	for _, below := range node.Issued {
		number(below, n)
	}
}

// collect makes the entries: CAs first, so that a CA that lies in several files is named after its own.
func (d *drawing) collect(j judge.Judgement, others []judge.Other) {
	var rows []judge.Case
	for c := range j.Cases() {
		rows = append(rows, c)
	}
	for _, authorities := range []bool{true, false} {
		for i, c := range rows {
			if (c.Spec.Kind == certs.CA) == authorities {
				d.row(c, i)
			}
		}
	}
	others = slices.Clone(others)
	slices.SortStableFunc(others, func(a, b judge.Other) int { return cmp.Compare(a.Path, b.Path) })
	for i, o := range others {
		d.other(o, len(rows)+i)
	}
	// What only a kubeconfig holds is named after it.
	for i, c := range rows {
		if cfg := c.Held.Config; cfg != nil {
			d.trusted(d.rowNode(c), c.Held.Conf.Path, cfg, i)
		}
	}
	for i, o := range others {
		if o.Conf != nil {
			d.trusted(Node{Name: d.rel(o.Path), Path: o.Path}, o.Path, o.Conf, len(rows)+i)
		}
	}
	for _, e := range d.entries {
		if e.cert != nil {
			e.KeyHere = d.keys[string(e.cert.RawSubjectPublicKeyInfo)]
		}
	}
}

// mark notes what is wrong at the node of its row, its file, or its entry of a kubeconfig.
func (d *drawing) mark(found []finding.Shown) {
	for _, f := range found {
		e := cmp.Or(d.at[userKey(f.Path, f.Kind, f.Name)], d.at[rowKey(f.Row)], d.at[pathKey(f.Path)])
		if e == nil {
			continue
		}
		if e.Severity == nil || *e.Severity < f.Severity {
			e.Severity = &f.Severity
		}
		if !slices.Contains(e.Findings, f.ID) {
			e.Findings = append(e.Findings, f.ID)
		}
	}
}

// link finds who signed each certificate.
func (d *drawing) link() {
	for _, e := range d.entries {
		if e.cert != nil && (e.authority || e.cert.IsCA) {
			name := string(e.cert.RawSubject)
			d.signers[name] = append(d.signers[name], e)
			if id := string(e.cert.SubjectKeyId); id != "" {
				d.signers[name+"\x00"+id] = append(d.signers[name+"\x00"+id], e)
			}
		}
	}
	judge.AtOnce(len(d.entries), func(i int) {
		if e := d.entries[i]; e.cert != nil {
			e.parent = d.issuer(e)
		}
	})
	for _, e := range slices.Clone(d.entries) {
		if e.cert != nil && e.parent == nil {
			e.parent = d.stranger(e)
		}
		if e.authority && e.parent != e && e.cert != nil {
			e.Kind = Intermediate
		}
		if e.parent != nil && e.parent != e {
			e.parent.below = append(e.parent.below, e)
		}
	}
}

// issuer is who signed e: itself for a root, nil for nobody here. Of several certificates of one key the first that is
// valid now counts.
func (d *drawing) issuer(e *entry) *entry {
	c := e.cert
	if bytes.Equal(c.RawSubject, c.RawIssuer) && selfMade(c) {
		return e
	}
	for _, name := range []string{string(c.RawIssuer) + "\x00" + string(c.AuthorityKeyId), string(c.RawIssuer)} {
		var first *entry
		list := d.signers[name]
		for _, p := range list[:min(len(list), sameName)] {
			switch {
			case p == e || first != nil && !p.current(d.now) || !judge.SignedBy(c, p.cert):
			case p.current(d.now):
				return p
			default:
				first = p
			}
		}
		if first != nil {
			return first
		}
	}
	return nil
}

// selfMade reports whether a certificate that names itself as its issuer is. Where nobody can check its signature its key
// identifiers say so: nobody asks for the signature of an anchor.
func selfMade(c *x509.Certificate) bool {
	err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	unchecked := errors.Is(err, x509.ErrUnsupportedAlgorithm) || errors.As(err, new(x509.InsecureAlgorithmError))
	return err == nil || unchecked && (len(c.AuthorityKeyId) == 0 || bytes.Equal(c.AuthorityKeyId, c.SubjectKeyId))
}

func (e *entry) current(now time.Time) bool {
	return !now.Before(e.cert.NotBefore) && !now.After(e.cert.NotAfter)
}

// stranger is the unknown issuer of a name and a key.
func (d *drawing) stranger(e *entry) *entry {
	name := string(e.cert.RawIssuer) + "\x00" + string(e.cert.AuthorityKeyId)
	if d.unknown[name] == nil {
		s := subjectOf(e.cert.Issuer)
		u := &entry{order: e.order, Node: &Node{Kind: UnknownIssuer, Name: e.Issuer, Subject: &s, KeyID: fmt.Sprintf("%x", e.cert.AuthorityKeyId), Issued: []*Node{}}}
		d.unknown[name] = u
		d.entries = append(d.entries, u)
	}
	return d.unknown[name]
}

// place hangs every entry under its issuer, and orders them. CAs that have signed each other in a circle are cut open at
// one of them.
func (d *drawing) place() {
	for _, e := range d.entries {
		if e.parent == nil || e.parent == e {
			d.tops = append(d.tops, e)
		}
	}
	hung := 0
	hang := func() {
		for ; hung < len(d.tops); hung++ { // it grows
			d.hang(d.tops[hung], 1)
		}
	}
	hang()
	for _, e := range d.entries {
		if e.placed {
			continue
		}
		on := map[*entry]bool{} // a way up that ends in a circle
		for ; !on[e]; e = e.parent {
			on[e] = true
		}
		d.tops = append(d.tops, e)
		hang()
	}
	slices.SortStableFunc(d.tops, inOrder)
}

func (d *drawing) hang(e *entry, depth int) {
	e.placed = true
	slices.SortStableFunc(e.below, inOrder)
	for _, b := range e.below {
		switch {
		case b.placed:
		case depth == deepest:
			b.placed = true
			d.tops = append(d.tops, b)
		default:
			d.hang(b, depth+1)
			e.Issued = append(e.Issued, b.Node)
		}
	}
}

// inOrder has CAs first, then follows the tree, then the paths.
func inOrder(a, b *entry) int {
	rank := func(e *entry) int {
		switch {
		case e.Kind == Root:
			return 0
		case e.authority:
			return 1
		case e.Kind == UnknownIssuer:
			return 2
		}
		return 3
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.order, b.order))
}

// keep notes that a private key is here.
func (d *drawing) keep(signer crypto.Signer) {
	if signer == nil {
		return
	}
	if spki, err := x509.MarshalPKIXPublicKey(signer.Public()); err == nil {
		d.keys[string(spki)] = true
	}
}
