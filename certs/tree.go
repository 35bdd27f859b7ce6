package certs

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/pkitool/pkitool/pki"
)

// Tree is the table for one cluster. New is the only door. Rows are made when they
// are asked for: a tree of ten thousand nodes is as small as its list of nodes. Those
// of a single node are kept.
type Tree struct {
	rows    []Spec
	cluster Cluster
	roles   []Role
	byRole  map[string]int
	byNode  map[string]int
}

// Unit is a part of a tree that can be worked on by itself: the rows that all nodes
// share, or those of one node.
type Unit struct {
	// Node is the node's name; "" for the shared rows, and for a tree of one node,
	// which is one unit with all rows in the table's order.
	Node string
	Rows []Spec
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
	t := Tree{cluster: c, byRole: map[string]int{}, byNode: map[string]int{}}
	var needed Scope // what the nodes are, all together
	for i, n := range c.Nodes {
		needed |= n.roles()
		t.byNode[n.Name] = i
	}
	for _, r := range Roles() {
		if c.has(r) && needed.has(r.Scope|r.For) {
			t.byRole[r.Name] = len(t.roles)
			t.roles = append(t.roles, r)
		}
	}
	if len(c.Nodes) == 1 {
		t.rows = t.unit(0, func(r Role) bool { return r.Scope == Shared || c.Nodes[0].roles().has(r.Scope) })
	}
	return t, nil
}

// has reports whether a cluster has a role at all.
func (c Cluster) has(r Role) bool {
	e := c.ExternalEtcd
	switch {
	case r.Given && r.Kind == CA:
		return e != nil && e.CAFile != ""
	case r.Given:
		return e != nil && e.CAFile != "" && e.CertFile != ""
	}
	return !r.Etcd || e == nil
}

// has reports whether any of the other set is in the set.
func (s Scope) has(any Scope) bool { return s&any != 0 }

func (n Node) roles() Scope {
	if n.Roles == 0 {
		return FirstNode
	}
	return n.Roles
}

// Units are the parts of the tree: the shared rows, then each node's, in the order of the cluster.
func (t Tree) Units() iter.Seq[Unit] {
	return func(yield func(Unit) bool) {
		if len(t.cluster.Nodes) == 1 {
			yield(Unit{Rows: slices.Clone(t.rows)})
			return
		}
		if !yield(Unit{Rows: t.unit(0, func(r Role) bool { return r.Scope == Shared })}) {
			return
		}
		for i, n := range t.cluster.Nodes {
			if !yield(Unit{Node: n.Name, Rows: t.unit(i, func(r Role) bool { return r.Scope != Shared && n.roles().has(r.Scope) })}) {
				return
			}
		}
	}
}

func (t Tree) unit(node int, has func(Role) bool) []Spec {
	var out []Spec
	for i := range t.roles {
		if has(t.roles[i]) {
			out = append(out, t.spec(&t.roles[i], t.cluster.Nodes[node]))
		}
	}
	return out
}

// Rows are all rows, in order: issuers stand before what they issue.
func (t Tree) Rows() iter.Seq[Spec] {
	if t.rows != nil {
		return slices.Values(t.rows)
	}
	return func(yield func(Spec) bool) {
		for u := range t.Units() {
			for _, s := range u.Rows {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Cluster is what the tree was made from, with its defaults filled in.
func (t Tree) Cluster() Cluster { return t.cluster }

// Row finds a row.
func (t Tree) Row(id ID) (Spec, bool) {
	r, ok := t.byRole[id.Role]
	if !ok {
		return Spec{}, false
	}
	node := 0
	if id.Instance != "" || len(t.cluster.Nodes) > 1 && t.roles[r].Scope != Shared {
		if node, ok = t.byNode[id.Instance]; !ok || len(t.cluster.Nodes) == 1 {
			return Spec{}, false
		}
	}
	role, n := &t.roles[r], t.cluster.Nodes[node]
	if role.Scope == Shared && id.Instance != "" || role.Scope != Shared && !n.roles().has(role.Scope) {
		return Spec{}, false
	}
	return t.spec(role, n), true
}

// spec makes a row. In a tree of several nodes each node's rows carry its name
// and lie in a folder of its own.
func (t Tree) spec(r *Role, n Node) Spec {
	c := t.cluster
	s := Spec{ID: ID{Role: r.Name}, Role: r}
	if r.Issuer != "" {
		s.Issuer = ID{Role: r.Issuer}
	}
	if r.Given {
		s.Place = Place{Cert: c.ExternalEtcd.CAFile}
		if r.Kind != CA {
			s.Place = Place{Cert: c.ExternalEtcd.CertFile, Key: c.ExternalEtcd.KeyFile}
		}
		return s
	}
	s.Place, s.KeyAlgorithm, s.Validity = Place{Root: CertDir, Cert: r.Cert, Key: r.Key}, c.KeyAlgorithm, c.Validity
	if r.cn != nil {
		s.Subject = pki.Subject{CommonName: r.cn(n), Organization: r.Groups}
		s.Subject.Long = s.LongName()
	}
	switch r.Kind {
	case CA:
		s.Validity = c.CAValidity
	case KeyPair:
		s.KeyAlgorithm, s.Validity = c.SAKeyAlgorithm, 0
	}
	if r.names != nil {
		s.takeNames(r.names(c, n), c.Assumed)
		if !n.AdvertiseAddress.IsValid() {
			s.Lacks |= AdvertiseAddress
		}
	}
	if r.Takes.Has(NodeName) {
		s.NodeAssumed = s.LongName() && (c.Assumed.Has(NodeName) || n.Name == "")
		if n.Name == "" {
			s.Lacks |= NodeName
		}
	}
	if r.Conf != "" {
		s.takeServer(c, n)
	}
	if r.Scope != Shared {
		s.Node = n.Name
		if len(c.Nodes) > 1 {
			s.Instance = n.Name
			for _, f := range []*string{&s.Place.Cert, &s.Place.Key, &s.Place.Kubeconfig} {
				if *f != "" {
					*f = path.Join(n.Name, *f)
				}
			}
		}
	}
	return s
}

// takeNames sorts the names by what they count for.
func (s *Spec) takeNames(all []names, assumed Facts) {
	var sans, demanded, optional []pki.SANs
	for _, part := range all {
		sans = append(sans, part.SANs)
		given := part.from != 0 && part.from&assumed == 0
		if part.beyond || part.from&assumed != 0 {
			optional = append(optional, part.SANs)
		} else {
			demanded = append(demanded, part.SANs)
		}
		if given {
			s.Asked = pki.Join(s.Asked, part.SANs)
		}
	}
	s.SANs = pki.Join(sans...)
	s.Optional = pki.Join(optional...).Minus(pki.Join(demanded...))
}

// takeServer makes the row a kubeconfig for its server. Before 1.36 kubeadm let the
// components of a control-plane node go to the cluster's endpoint as well.
func (s *Spec) takeServer(c Cluster, n Node) {
	at := s.server(c, n)
	s.Place = Place{Root: KubeconfigDir, Kubeconfig: s.Conf, Server: at.url, Cluster: c.Name}
	s.Lacks |= at.lacks
	s.ServerAssumed = at.url == "" || at.from&c.Assumed != 0
	s.PortAssumed = c.Assumed.Has(BindPort) && !(at.from == ControlPlaneEndpoint && c.Endpoint.Port != 0)
	for _, other := range []server{clusterURL(c, n), localURL(c, n)} {
		if other.url != "" && other.url != at.url && n.roles().has(ControlPlane) && s.UsedBy[0] != "kubectl" {
			s.Servers = append(s.Servers, other.url)
		}
	}
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
