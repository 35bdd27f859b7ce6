package certs

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"github.com/pkitool/pkitool/pki"
)

// Tree is the whole table for one cluster: issuers stand before what they
// issue. New is the only door.
type Tree struct {
	rows    []Spec
	cluster Cluster
}

// New judges a cluster and makes its tree. All faults are reported at once,
// joined, one a line, each naming the field of Cluster.
func New(c Cluster) (Tree, error) {
	if c.SAKeyAlgorithm == "" {
		// kubeadm: the service-account key has the cluster's algorithm. No
		// Kubernetes component signs tokens with Ed25519.
		c.SAKeyAlgorithm = c.KeyAlgorithm
		if c.KeyAlgorithm == pki.Ed25519 {
			c.SAKeyAlgorithm = pki.RSA2048
		}
	}
	if err := c.check(); err != nil {
		return Tree{}, err
	}
	t := Tree{cluster: c}
	var faults []error
	for _, r := range table() {
		nodes := c.Nodes[:1]
		if r.perNode {
			nodes = c.Nodes
		}
		if r.etcd && c.ExternalEtcd != nil {
			continue
		}
		for _, n := range nodes {
			s := r.spec(c, n, len(c.Nodes) > 1)
			if s.Kind != KeyPair && s.Subject.CommonName != "" { // it is where the node's name is not known
				if err := s.Subject.Check(); err != nil {
					faults = append(faults, fmt.Errorf("%s: %w", s.Name, err))
				}
			}
			t.rows = append(t.rows, s)
		}
	}
	t.rows = append(t.rows, externalEtcdRows(c)...)
	return t, errors.Join(faults...)
}

// externalEtcdRows are the files that reach an etcd of somebody else, if they
// are named: they are judged like all others, and never written.
func externalEtcdRows(c Cluster) []Spec {
	e := c.ExternalEtcd
	if e == nil || e.CAFile == "" {
		return nil
	}
	rows := []Spec{{
		Name: "external-etcd-ca", Doc: "root of the external etcd, as named in the configuration", Kind: CA, Given: true,
		UsedBy: []string{"kube-apiserver"}, Place: Place{Cert: e.CAFile},
	}}
	if e.CertFile != "" {
		rows = append(rows, Spec{
			Name: "external-etcd-client", Doc: "the API server as a client of the external etcd, as named in the configuration", Kind: Client, Given: true,
			Issuer: "external-etcd-ca", UsedBy: []string{"kube-apiserver"}, Place: Place{Cert: e.CertFile, Key: e.KeyFile},
		})
	}
	return rows
}

// Rows are all rows, in order. The slice is the caller's.
func (t Tree) Rows() []Spec { return append([]Spec(nil), t.rows...) }

// Cluster is what the tree was made from, with its defaults filled in.
func (t Tree) Cluster() Cluster { return t.cluster }

// Row finds a row by its name.
func (t Tree) Row(name string) (Spec, bool) {
	for _, s := range t.rows {
		if s.Name == name {
			return s, true
		}
	}
	return Spec{}, false
}

func (c Cluster) check() error {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if c.Name == "" || strings.ContainsFunc(c.Name, unicode.IsControl) {
		fault("cluster name", "%q is empty or has a control character", c.Name)
	}
	if c.Endpoint.Host != "" && checkHost(c.Endpoint.Host) != nil {
		fault("control plane endpoint", "%v", checkHost(c.Endpoint.Host))
	}
	if err := checkServiceCIDRs(c.ServiceCIDRs); err != nil {
		faults = append(faults, err)
	}
	if err := pki.CheckDNSName(c.DNSDomain); err != nil {
		fault("DNS domain", "%v", err)
	}
	for _, a := range []pki.KeyAlgorithm{c.KeyAlgorithm, c.SAKeyAlgorithm} {
		if _, err := pki.ParseKeyAlgorithm(string(a)); err != nil {
			faults = append(faults, err)
		}
	}
	if c.SAKeyAlgorithm == pki.Ed25519 {
		fault("service-account key algorithm", "no Kubernetes component signs tokens with Ed25519")
	}
	if c.Validity <= 0 || c.CAValidity <= 0 {
		fault("validity", "must be longer than zero, for certificates (%v) and for CAs (%v)", c.Validity, c.CAValidity)
	} else if c.Validity > c.CAValidity {
		fault("validity", "certificates (%v) would outlive their CA (%v)", c.Validity, c.CAValidity)
	}
	faults = append(faults, c.checkNodes()...)
	return errors.Join(faults...)
}

func (c Cluster) checkNodes() []error {
	var faults []error
	if len(c.Nodes) == 0 {
		faults = append(faults, errors.New("nodes: there must be one at least"))
	}
	seen := map[string]bool{}
	for _, n := range c.Nodes {
		switch { // a name or an address that is not there is not known: Unknown says why
		case n.Name == "" && len(c.Nodes) == 1:
		case checkHost(n.Name) != nil:
			faults = append(faults, fmt.Errorf("node name: %w", checkHost(n.Name)))
		case seen[n.Name]:
			faults = append(faults, fmt.Errorf("node name: %q is another node's too", n.Name))
		}
		seen[n.Name] = true
		if n.AdvertiseAddress.IsUnspecified() || n.AdvertiseAddress.IsMulticast() || n.AdvertiseAddress.Zone() != "" {
			faults = append(faults, fmt.Errorf("advertise address of node %q: %q is not an address of one host", n.Name, n.AdvertiseAddress))
		}
		if n.BindPort == 0 {
			faults = append(faults, fmt.Errorf("bind port of node %q: must be 1 to 65535", n.Name))
		}
	}
	return faults
}

// checkHost accepts an IP address or a DNS name.
func checkHost(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() == "" {
		return nil
	}
	return pki.CheckDNSName(host)
}

// checkServiceCIDRs asks what kubeadm and the API server ask: one range, or two
// of different families, large enough for some services and small enough to be allocated from.
func checkServiceCIDRs(cidrs []netip.Prefix) error {
	if len(cidrs) == 0 || len(cidrs) > 2 {
		return fmt.Errorf("service CIDRs: there must be one, or two of different families, not %d", len(cidrs))
	}
	for _, p := range cidrs {
		if !p.IsValid() {
			return errors.New("service CIDRs: a range is not valid")
		}
		if host := p.Addr().BitLen() - p.Bits(); host < 4 || host > 20 {
			return fmt.Errorf("service CIDRs: %s must have 4 to 20 bits for hosts, it has %d", p, host)
		}
	}
	if len(cidrs) == 2 && cidrs[0].Addr().Is4() == cidrs[1].Addr().Is4() {
		return fmt.Errorf("service CIDRs: %s and %s are of the same family", cidrs[0], cidrs[1])
	}
	return nil
}
