// Package certs is the table of what a Kubernetes cluster wants of its PKI:
// every CA, certificate, key pair and kubeconfig is one row. It is pure: it
// reads no file and makes no key. Adding a certificate to the product is adding
// one row to table.go.
package certs

import (
	"crypto/x509"
	"path"
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

// Spec is one row: a CA, a leaf, a key pair or a kubeconfig. It is a value and
// never changes. Its fields are valid: New judged them.
type Spec struct {
	// Name is the row's name on the command line, such as "etcd-server".
	Name string
	// Doc says in one phrase what the row is for.
	Doc string
	// UsedBy are the components that read the files.
	UsedBy []string
	// Issuer names the row of the CA that signs it; "" for a root and for a key pair.
	Issuer string
	Kind   Kind
	// Node is the node that the row belongs to; "" if all nodes share it.
	Node string

	Subject pki.Subject
	SANs    pki.SANs
	// Extra are those of the SANs that somebody asked for beyond the row's own.
	Extra pki.SANs
	// Beyond are those of the SANs that kubeadm does not give and that nobody asked for: a certificate
	// of kubeadm's is right without them.
	Beyond pki.SANs
	Place  Place

	KeyAlgorithm pki.KeyAlgorithm
	Validity     time.Duration

	// Given marks files that somebody else makes: they are judged, never written.
	Given bool
}

// Phase is the phase that makes the row: "certs" or "kubeconfig".
func (s Spec) Phase() string {
	if s.Place.Kubeconfig != "" {
		return "kubeconfig"
	}
	return "certs"
}

// Path is the row's place in the tree of phases, such as "certs/apiserver".
func (s Spec) Path() string { return path.Join(s.Phase(), s.Name) }

// Template is what the row asks for, without its validity.
func (s Spec) Template() pki.Template {
	return pki.Template{Subject: s.Subject, SANs: s.SANs, CA: s.Kind == CA, ExtKeyUsage: s.Kind.ExtKeyUsage()}
}

// User is the name of the row's user entry in a kubeconfig: as kubeadm, the CN.
func (s Spec) User() string { return s.Subject.CommonName }
