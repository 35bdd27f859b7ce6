package judge

import "github.com/pkitool/pkitool/certs"

// group are rows that a node has all of, or none: what a joined node, a worker, or a node with etcd elsewhere rightly
// lacks is a whole group. A CA is a group with all that it signs.
type group struct {
	ca    string
	scope certs.Scope
	root  certs.Root
}

// groups are those that a row counts for, its own first.
func groups(s certs.Spec) []group {
	if s.Kind == certs.CA {
		return []group{{ca: s.Name}}
	}
	return []group{{s.Issuer.Role, s.Scope, s.Place.Root}, {ca: s.Issuer.Role}}
}

// Present says of which groups of rows something is there.
type Present struct {
	groups  map[group]bool
	assumed bool
}

// Present looks at all cases.
func (j Judgement) Present() Present {
	p := Present{groups: map[group]bool{}, assumed: j.Tree.Cluster().Assumed.Has(certs.NodeRoles)}
	for c := range j.Cases() {
		for _, g := range groups(c.Spec) {
			p.groups[g] = p.groups[g] || !c.Held.Nothing()
		}
	}
	return p
}

// needs is the group that a row belongs to: whoever has any of it has the row.
func needs(s certs.Spec) group {
	if s.Kind == certs.KeyPair { // of the service accounts: the API server does not start without
		return group{certs.ClusterCA, s.For, s.Place.Root}
	}
	return groups(s)[0]
}

// MayLack reports whether a node may rightly be without a row: the one of `kubeadm init` alone has it, or nobody said
// what the node is (certs.NodeRoles) and nothing of the row's group is there.
func (p Present) MayLack(s certs.Spec) bool {
	return s.Scope == certs.FirstControlPlane || p.assumed && !p.groups[needs(s)]
}
