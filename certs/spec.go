// Package certs is the table of what a Kubernetes cluster wants of its PKI: every
// CA, certificate, key pair and kubeconfig is a role, and a role for a cluster, or
// for one of its nodes, is a row. It is pure: it reads no file and makes no key.
// Adding a certificate to the product is adding one role to role.go.
package certs

import (
	"crypto/x509"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/pki"
)

// Kind is what a row's certificate is for. The usages follow from it.
type Kind int

// The kinds of rows.
const (
	CA      Kind = iota // a certificate authority
	Serving             // TLS server
	Client              // TLS client
	Peer                // both: etcd members speak to each other, and etcd to itself
	KeyPair             // a key and its public half, no certificate (service accounts)
)

// String is the kind in the words of the command line and of JSON.
func (k Kind) String() string {
	return [...]string{"ca", "serving", "client", "peer", "key-pair"}[k]
}

// ExtKeyUsage are the extended key usages of the kind, in the order kubeadm writes them.
func (k Kind) ExtKeyUsage() []x509.ExtKeyUsage {
	switch k {
	case Serving:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	case Client:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	case Peer:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	return nil
}

// Serves reports whether others reach the holder by a name or an address.
func (k Kind) Serves() bool { return k == Serving || k == Peer }

// ID names a row: a role, and of which node. Instance is "" where there is but
// one: shared rows, and all rows of a tree with one node.
type ID struct{ Role, Instance string }

// String is the row's name for people: "apiserver", "apiserver@cp-2". It is never read back.
func (id ID) String() string {
	if id.Instance == "" {
		return id.Role
	}
	return id.Role + "@" + id.Instance
}

// Root is the directory that a row's files lie in.
type Root int

// The two directories of kubeadm: /etc/kubernetes/pki and /etc/kubernetes.
const (
	CertDir Root = iota
	KubeconfigDir
)

// Place says where a row lies. Paths are relative to Root, with forward
// slashes, or absolute for files that somebody else names.
type Place struct {
	Root Root
	// Cert and Key are the files of a pair; for a KeyPair row Cert is the public key.
	// Key may be "" for a CA whose key is never here.
	Cert, Key string
	// Kubeconfig is the file that holds certificate and key instead, with the
	// address of the API server and the names written into it.
	Kubeconfig string
	Server     string
	Cluster    string
}

// Files are the row's files in the order in which they are written: the key
// before its certificate, so that a certificate never lies there without its key.
func (p Place) Files() []string {
	var out []string
	for _, f := range []string{p.Kubeconfig, p.Key, p.Cert} {
		if f != "" {
			out = append(out, f)
		}
	}
	return out
}

// Spec is one row: a role for a cluster and a node. It is a value and never
// changes. Its fields are valid: New judged them.
type Spec struct {
	ID
	// Role is what the row is, whatever cluster it is for.
	*Role
	// Issuer is the row of the CA that signs it; zero for a root and for a key pair.
	Issuer ID
	// Node is the node that the row belongs to; "" if all nodes share it.
	Node string

	Subject pki.Subject
	// SANs are the names of a new certificate. Those of Optional an existing one may
	// lack: they come from a default or from this host, or kubeadm does not give
	// them. Asked are those that somebody asked for: a renewal adds them.
	SANs, Optional, Asked pki.SANs
	Place                 Place
	// Servers are further servers that a kubeconfig may well have: those that other
	// versions of kubeadm wrote. ServerAssumed: nobody gave what Place.Server is made from.
	Servers       []string
	ServerAssumed bool
	// PortAssumed says that nobody gave the port of Place.Server.
	PortAssumed bool
	// NodeAssumed says that the subject has the node's name in it, and nobody gave that.
	NodeAssumed bool
	// Lacks are the facts without which the row cannot be made.
	Lacks Facts

	KeyAlgorithm pki.KeyAlgorithm
	Validity     time.Duration
}

// Path is the row's place in the tree of phases, such as "certs/apiserver".
func (s Spec) Path() string { return path.Join(s.Phase(), s.Name) }

// Template is what the row asks for, without its validity.
func (s Spec) Template() pki.Template {
	return pki.Template{Subject: s.Subject, SANs: s.SANs, CA: s.Kind == CA, ExtKeyUsage: s.Kind.ExtKeyUsage()}
}

// User is the name of the row's user entry in a kubeconfig: as kubeadm, the CN.
func (s Spec) User() string { return s.Subject.CommonName }

// Match is how well a subject is the row's.
type Match int

// Same: what a new certificate would have. Older: the row's, with groups that kubeadm
// gave at another time. Other: somebody else's.
const (
	Same Match = iota
	Older
	Other
)

// Match compares the subject of a certificate with the row's. Where nobody gave the
// node's name, any node's is right.
func (s Spec) Match(got pki.Subject) Match {
	want := s.Subject
	if s.NodeAssumed && s.NodeOf(got) != "" {
		want.CommonName = got.CommonName
	}
	if got.Equal(want) {
		return Same
	}
	for _, groups := range s.OlderGroups {
		if got.Equal(pki.Subject{CommonName: want.CommonName, Organization: groups}) {
			return Older
		}
	}
	return Other
}

// NodeOf is the node that a subject names, where it can be the row's for some node; "" else. The names of nodes have no
// capital letters: the API server knows no node that a kubelet could be by one.
func (s Spec) NodeOf(got pki.Subject) string {
	if !s.LongName() {
		return ""
	}
	node, _ := strings.CutPrefix(got.CommonName, s.cn(Node{}))
	if node == got.CommonName && s.cn(Node{}) != "" || strings.Contains(node, ":") || s.Identity && pki.LowerASCII(node) != node {
		return ""
	}
	return node
}

// LongName reports whether the common name may be longer than RFC 5280 allows: it has
// the name of a node in it, which Kubernetes lets have 253 characters.
func (s Spec) LongName() bool {
	return s.Takes.Has(NodeName) && s.cn != nil && s.cn(Node{Name: "a"}) != s.cn(Node{Name: "b"})
}

// MayServe reports whether a kubeconfig of the row may lead to a server.
func (s Spec) MayServe(server string) bool {
	if s.ServerAssumed || server == s.Place.Server || slices.Contains(s.Servers, server) {
		return true
	}
	got, err1 := url.Parse(server)
	want, err2 := url.Parse(s.Place.Server)
	return s.PortAssumed && err1 == nil && err2 == nil && got.Scheme == want.Scheme && strings.EqualFold(got.Hostname(), want.Hostname())
}
