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

	// Nodes are the nodes to make certificates for, at least one.
	Nodes []Node

	// KeyAlgorithm is for every key of a certificate, SAKeyAlgorithm for the
	// service-account key pair ("" = as kubeadm: the same, RSA-2048 for Ed25519).
	KeyAlgorithm   pki.KeyAlgorithm
	SAKeyAlgorithm pki.KeyAlgorithm

	// Validity is how long leaves are valid from now on, CAValidity how long CAs.
	Validity   time.Duration
	CAValidity time.Duration

	// Assumed are the values that nobody gave: defaults, and what this host says of
	// itself. They fill empty places, and never count against what lies on disk.
	Assumed Facts
	// Known are those of them that files of the directory say, by fact.
	Known map[Facts]Found
	// Unknown says why a value of the node is not known, by fact: there is no
	// default route, say. A row that needs it is judged without it, and not made.
	Unknown map[Facts]string
}

// Facts is a set of the values of a Cluster that rows are made from.
type Facts uint16

// The facts. The node's own are NodeName, AdvertiseAddress and BindPort.
const (
	ClusterName Facts = 1 << iota
	ControlPlaneEndpoint
	ServiceCIDRs
	DNSDomain
	NodeName
	AdvertiseAddress
	BindPort
	APIServerSANs
	EtcdServerSANs
	EtcdPeerSANs
	LeafValidity // Cluster.Validity
	NodeRoles    // Node.Roles
)

// Found is what the files of a directory say of a fact that nobody gave.
type Found struct {
	// Values are as one would give them to the fact's flag; none where Unclear says why.
	Values []string
	// Path is the file that says so.
	Path string
	// Unclear is why no value can be taken, not even this host's.
	Unclear string
}

// Has reports whether all of the facts are in the set.
func (f Facts) Has(facts Facts) bool { return f&facts == facts }

// Scope says which nodes have a row, and of a node which rows it has: a set.
type Scope uint8

// The scopes.
const (
	Shared            Scope = 1 << iota // made once, the same on every node
	ControlPlane                        // nodes that run an API server
	FirstControlPlane                   // the node of `kubeadm init`
	EtcdMember                          // nodes that run etcd
	AnyNode                             // nodes that run a kubelet
)

// The usual nodes: of `kubeadm init`, of `kubeadm join --control-plane`, and of
// `kubeadm join`. With an external etcd there are no members among them.
const (
	FirstNode  = ControlPlane | FirstControlPlane | EtcdMember | AnyNode
	JoinedNode = ControlPlane | EtcdMember | AnyNode
	WorkerNode = AnyNode
)

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

// Node is one node.
type Node struct {
	// Roles are what it takes part in; 0 is FirstNode.
	Roles Scope
	// Name is the node's name: the user system:node:<name>.
	Name string
	// AdvertiseAddress is where its API server is reached (kubeadm's localAPIEndpoint).
	AdvertiseAddress netip.Addr
	// BindPort is that API server's port.
	BindPort uint16
}
