package certs

import (
	"net/netip"
	"time"

	"github.com/pkitool/pkitool/pki"
)

// Cluster is what a cluster's PKI is made from. New judges it: until then the
// fields are what somebody asked for. Zero values are not defaults; those are
// config's business.
type Cluster struct {
	// Name is the cluster's name in kubeconfigs (kubeadm's clusterName).
	Name string
	// Endpoint is the address all clients use (kubeadm's controlPlaneEndpoint);
	// the zero value means there is none.
	Endpoint Endpoint
	// ServiceCIDRs are the ranges of service addresses: one, or two of different families.
	ServiceCIDRs []netip.Prefix
	// DNSDomain is the domain of the cluster's own names, such as "cluster.local".
	DNSDomain string

	// ExtraSANs are further names, by the row that they go into: "apiserver",
	// "etcd-server", "etcd-peer".
	APIServerSANs  pki.SANs
	EtcdServerSANs pki.SANs
	EtcdPeerSANs   pki.SANs

	// ExternalEtcd is not nil when etcd is run by somebody else: the tree then
	// has no etcd rows of its own.
	ExternalEtcd *ExternalEtcd

	// Joins says that the nodes come to a cluster that is there (kubeadm's JoinConfiguration):
	// its CAs and its service-account key pair are shared, and never made here.
	Joins bool

	// Nodes are the control-plane nodes to make certificates for, at least one.
	Nodes []Node

	// KeyAlgorithm is for every key of a certificate, SAKeyAlgorithm for the
	// service-account key pair ("" = as kubeadm: the same, RSA-2048 for Ed25519).
	KeyAlgorithm   pki.KeyAlgorithm
	SAKeyAlgorithm pki.KeyAlgorithm

	// Validity is how long leaves are valid from now on, CAValidity how long CAs.
	Validity   time.Duration
	CAValidity time.Duration
}

// Endpoint is a host and a port. Host is an IP address or a lower-case DNS
// name, without brackets; Port 0 means the API server's own port.
type Endpoint struct {
	Host string
	Port uint16
}

// ExternalEtcd names the files that the API server uses towards an etcd that
// is not of this PKI. Empty paths: none given, so nothing to check.
type ExternalEtcd struct {
	Endpoints                 []string
	CAFile, CertFile, KeyFile string
}

// Node is one control-plane node.
type Node struct {
	// Name is the node's name: the user system:node:<name>.
	Name string
	// AdvertiseAddress is where its API server is reached (kubeadm's localAPIEndpoint).
	AdvertiseAddress netip.Addr
	// BindPort is that API server's port.
	BindPort uint16
}
