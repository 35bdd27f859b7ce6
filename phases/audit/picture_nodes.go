package audit

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// The keys of drawing.at. "" finds nothing.
func rowKey(row string) string { return "row\x00" + row }

func pathKey(file string) string { return "path\x00" + filepath.Clean(file) }

func userKey(file, kind, name string) string {
	return pathKey(file) + "\x00" + kind + "\x00" + name
}

// row makes the entries of a row whose files are there.
func (d *drawing) row(c judge.Case, order int) {
	h, n := c.Held, d.rowNode(c)
	d.keep(h.Signer)
	var first *entry
	switch {
	case c.Spec.Kind == certs.KeyPair:
		if h.Nothing() {
			return
		}
		n.Kind, n.KeyHere, n.Unreadable = KeyPair, h.Signer != nil, h.Cert.Err != nil || h.ChainErr != nil
		var pub crypto.PublicKey
		if h.Signer != nil {
			pub = h.Signer.Public()
		} else if len(h.Pubs) > 0 {
			pub = h.Pubs[0]
		}
		if pub != nil {
			n.KeyAlgorithm = pki.DescribeKey(pub)
		}
		first = d.add(n, nil, order)
	case h.Conf.There():
		first = d.kubeconfig(n, h.Config, h, order)
	case h.Cert.There():
		n.Kind = Certificate
		if c.Spec.Kind == certs.CA {
			n.Kind = Root
		}
		n.Unreadable = len(h.Chain) == 0
		first = d.chain(n, h.Chain, order)
	default:
		return
	}
	d.at[rowKey(n.Row)] = first
	for _, f := range []judge.File{h.Cert, h.Key, h.Conf} {
		if f.Path != "" && d.at[pathKey(f.Path)] == nil {
			d.at[pathKey(f.Path)] = first
		}
	}
}

// rowNode says whose the node is, as check-expiration does.
func (d *drawing) rowNode(c judge.Case) Node {
	s, h := c.Spec, c.Held
	n := Node{Name: s.ID.String(), Row: s.ID.String(), Path: h.Cert.Path}
	switch {
	case h.Conf.Path != "":
		n.Path, n.Name = h.Conf.Path, filepath.Base(s.Place.Kubeconfig)
		if s.Instance != "" {
			n.Name = s.Place.Kubeconfig
		}
	case !h.Cert.There():
		n.Path = h.Key.Path
	}
	return n
}

// other makes the entries of a file that is no row's.
func (d *drawing) other(o judge.Other, order int) {
	n := Node{Kind: Certificate, Name: d.rel(o.Path), Path: o.Path}
	d.keep(o.Signer)
	var first *entry
	switch {
	case o.Conf != nil:
		first = d.kubeconfig(n, o.Conf, nil, order)
	case o.Fault != nil:
		n.Unreadable = true
		first = d.add(n, nil, order)
	case len(o.Chain) > 0:
		if o.Chain[0].IsCA || o.Chain[0].Version == 1 && selfMade(o.Chain[0]) {
			n.Kind = Root
		}
		first = d.chain(n, o.Chain, order)
	default:
		return
	}
	if d.at[pathKey(o.Path)] == nil {
		d.at[pathKey(o.Path)] = first
	}
}

// rel is a file's path in the directory that it lies in.
func (d *drawing) rel(file string) string {
	for _, dir := range []string{d.dirs.Cert, d.dirs.Kubeconfig} {
		if r, err := filepath.Rel(dir, file); dir != "" && err == nil && filepath.IsLocal(r) {
			return filepath.ToSlash(r)
		}
	}
	return filepath.ToSlash(file)
}

// chain adds the certificates of a file; n is the node of the first. The others carry their number, and where they are
// CAs they are drawn as such.
func (d *drawing) chain(n Node, chain []*x509.Certificate, order int) *entry {
	if len(chain) == 0 {
		return d.add(n, nil, order)
	}
	first := d.add(n, chain[0], order)
	bundle := n.Kind == Root
	for i, c := range chain[1:] {
		m := Node{Kind: Certificate, Name: fmt.Sprintf("%s#%d", n.Name, i+2), Row: n.Row, Path: n.Path}
		if c.IsCA || bundle {
			m.Kind = Root
		}
		if !bundle && d.authorities[string(c.Raw)] != nil {
			continue // each leaf brings its intermediate: no news
		}
		d.add(m, c, order)
	}
	return first
}

// kubeconfig adds the user of the current context under the name of the file, and the others that have certificates under
// theirs. h is what is held of a row's.
func (d *drawing) kubeconfig(n Node, cfg *kubeconfig.Config, h *judge.Held, order int) *entry {
	n.Kind = Kubeconfig
	if cfg == nil {
		n.Unreadable = true
		return d.add(n, nil, order)
	}
	current, err := cfg.Current()
	own := n
	own.Server = current.Cluster.Server
	var first *entry
	if h != nil {
		own.Unreadable = len(h.Chain) == 0 && h.ChainErr != nil && h.ChainErr.ID != finding.NamedFileMissing
		first = d.chain(own, h.Chain, order)
	}
	for _, u := range cfg.Users {
		if h != nil && err == nil && u.Name == current.User.Name {
			d.at[userKey(n.Path, "user", u.Name)] = first
			continue
		}
		chain, bad := judge.NamedCertificates(n.Path, u.ClientCert, u.ClientCertFile, "client certificate")
		m := n
		m.Unreadable = bad != nil && bad.ID != finding.NamedFileMissing
		if m.Server, m.Name = serverOf(cfg, u.Name), n.Name+" user "+u.Name; err == nil && u.Name == current.User.Name {
			m = own
		} else if len(chain) == 0 && !m.Unreadable {
			continue // a token, or nothing: no certificate of anybody
		}
		if key, err := pki.ParsePrivateKey(u.ClientKey); err == nil {
			d.keep(key)
		}
		e := d.chain(m, chain, order)
		d.at[userKey(n.Path, "user", u.Name)] = e
		if first == nil {
			first = e
		}
	}
	if first == nil {
		first = d.add(own, nil, order)
	}
	return first
}

// serverOf is where the first context of a user leads.
func serverOf(cfg *kubeconfig.Config, user string) string {
	for _, c := range cfg.Contexts {
		if c.User == user {
			cluster, _ := cfg.Cluster(c.Cluster)
			return cluster.Server
		}
	}
	return ""
}

// trusted adds the CAs of a kubeconfig's clusters that lie nowhere else.
func (d *drawing) trusted(n Node, file string, cfg *kubeconfig.Config, order int) {
	for _, c := range cfg.Clusters {
		chain, _ := judge.NamedCertificates(file, c.CA, c.CAFile, "certificate authority")
		for i, ca := range chain {
			if d.authorities[string(ca.Raw)] != nil {
				continue
			}
			m := Node{Kind: Root, Name: n.Name + " cluster " + c.Name, Row: n.Row, Path: n.Path}
			if i > 0 {
				m.Name += fmt.Sprintf("#%d", i+1)
			}
			d.add(m, ca, order)
		}
	}
}

// add makes an entry, or finds that of the same CA. A node that begins as a Root is a CA.
func (d *drawing) add(n Node, c *x509.Certificate, order int) *entry {
	n.Issued = []*Node{}
	e := &entry{Node: &n, cert: c, order: order, authority: n.Kind == Root}
	if c != nil {
		if e.authority {
			if known := d.authorities[string(c.Raw)]; known != nil {
				if known.Name != n.Name && !slices.Contains(known.Also, n.Name) {
					known.Also = append(known.Also, n.Name)
				}
				return known
			}
			d.authorities[string(c.Raw)] = e
			n.KeyID = fmt.Sprintf("%x", c.SubjectKeyId)
		}
		n.describe(c, d.now)
	}
	d.entries = append(d.entries, e)
	return e
}

// describe says what a certificate is.
func (n *Node) describe(c *x509.Certificate, now time.Time) {
	s := subjectOf(c.Subject)
	from, end := c.NotBefore.UTC(), c.NotAfter.UTC()
	n.Subject, n.Issuer, n.SANs, n.KeyAlgorithm = &s, nameOf(c.Issuer, c.RawIssuer), pki.SANsOf(c).Strings(), pki.DescribeKey(c.PublicKey)
	n.Serial, n.SHA256, n.NotBefore, n.NotAfter = fmt.Sprintf("%x", c.SerialNumber), judge.Fingerprint(c), &from, &end
	n.ResidualTime, n.NotYetValid = phases.SecondsLeft(c, now), now.Before(c.NotBefore)
	if whole := float64(end.Unix() - from.Unix()); whole > 0 {
		n.LifeLeft = min(max(float64(n.ResidualTime)/whole, 0), 1)
	}
	for _, u := range c.ExtKeyUsage {
		switch u {
		case x509.ExtKeyUsageServerAuth:
			n.Usages = append(n.Usages, "server")
		case x509.ExtKeyUsageClientAuth:
			n.Usages = append(n.Usages, "client")
		}
	}
}

func subjectOf(name pkix.Name) phases.Subject {
	return phases.Subject{CommonName: name.CommonName, Organization: name.Organization}
}

// nameOf is a name in one line, whatever it consists of.
func nameOf(name pkix.Name, raw []byte) string {
	if name.CommonName == "" && len(name.Organization) == 0 {
		return strings.TrimSpace(name.String())
	}
	return pki.SubjectOf(name, raw).String()
}
