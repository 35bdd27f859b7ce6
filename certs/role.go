package certs

import (
	"github.com/pkitool/pkitool/pki"
)

// Role is one kind of thing that a cluster's PKI holds: what it is, whatever
// cluster and node it is for. The table of roles is the only list of names in the
// product: phases, help, completion, plans, reports and tests follow it.
type Role struct {
	// Name is the role's name on the command line, such as "etcd-server"; Doc says in
	// one phrase what it is for.
	Name, Doc string
	// Issuer is the role of the CA that signs it; "" for a root and for a key pair.
	Issuer string
	Kind   Kind
	// Scope says which nodes have it. A Shared role is made once; For then says which
	// nodes need it.
	Scope, For Scope
	// Takes are the facts that it is made from.
	Takes Facts
	// UsedBy are the components that read the files.
	UsedBy []string
	// Cert, Key and Conf are its files, as in Place.
	Cert, Key, Conf string
	// Groups are the organizations of a new certificate, OlderGroups those that
	// kubeadm gave at other times, since 1.22: RBAC may rest on them.
	Groups      []string
	OlderGroups [][]string
	// Identity says that a component knows the holder by the subject. Where nobody
	// reads it, a subject of another name is no fault.
	Identity bool
	// Etcd marks what belongs to etcd: it is not there when etcd is external, but for what is Given.
	Etcd bool
	// Given marks files that somebody else makes: they are judged, never written.
	Given bool
	// Port is where the first of UsedBy serves, unless it is told otherwise: with the role's pair, or, where the role is a
	// client, with one that is not of this PKI. 0: it serves nothing.
	Port uint16
	// Admits are the CAs of the clients that it lets in there.
	Admits []string

	cn     func(Node) string
	names  func(Cluster, Node) []names
	server func(Cluster, Node) server
}

// Phase is the phase of init that makes the role: "certs" or "kubeconfig".
func (r Role) Phase() string {
	if r.Conf != "" {
		return "kubeconfig"
	}
	return "certs"
}

// RoleNamed finds a role by its name, or by that of its kubeconfig as kubeadm names it ("admin.conf").
func RoleNamed(name string) (Role, bool) {
	for _, r := range Roles() {
		if r.Name == name || r.Conf != "" && r.Conf == name {
			return r, true
		}
	}
	return Role{}, false
}

// names are names of one origin.
type names struct {
	pki.SANs
	from   Facts
	beyond bool // kubeadm does not give them, and nobody asked for them
}

// server is the URL of an API server, with where it comes from.
type server struct {
	url   string
	from  Facts
	lacks Facts
}

// ClusterCA is the role of the CA that signs the API server, the kubelets and every user.
const ClusterCA = "ca"

// MastersGroup is the group that no RBAC rule limits.
const MastersGroup = "system:masters"

const (
	apiserver = "kube-apiserver"
	manager   = "kube-controller-manager"
	scheduler = "kube-scheduler"

	adminsGroup = "kubeadm:cluster-admins"
)

func named(s string) func(Node) string { return func(Node) string { return s } }

// Roles lists everything in the order of work: a CA before what it issues,
// certificates before kubeconfigs. Names, files and subjects are kubeadm's.
func Roles() []Role {
	admins := [][]string{{adminsGroup}, {MastersGroup}}
	proxied := []string{ClusterCA, "front-proxy-ca"}
	return []Role{
		{Name: ClusterCA, Doc: "root of the cluster: signs the API server, the kubelets and every user", Kind: CA, Scope: Shared, For: AnyNode,
			Cert: "ca.crt", Key: "ca.key", cn: named("kubernetes"), UsedBy: []string{apiserver, manager, "kubelet", "every kubeconfig"}},
		{Name: "apiserver", Doc: "serves the Kubernetes API", Kind: Serving, Issuer: ClusterCA, Scope: ControlPlane,
			Takes: NodeName | AdvertiseAddress | ServiceCIDRs | DNSDomain | ControlPlaneEndpoint | APIServerSANs,
			Cert:  "apiserver.crt", Key: "apiserver.key", cn: named("kube-apiserver"), names: apiserverNames, Port: 6443, Admits: proxied, UsedBy: []string{apiserver}},
		{Name: "apiserver-kubelet-client", Doc: "the API server as a client of the kubelets", Kind: Client, Issuer: ClusterCA, Scope: ControlPlane, Identity: true, OlderGroups: admins,
			Cert: "apiserver-kubelet-client.crt", Key: "apiserver-kubelet-client.key", cn: named("kube-apiserver-kubelet-client"), UsedBy: []string{apiserver}},
		{Name: "front-proxy-ca", Doc: "root of the front proxy: signs who may name a user in request headers", Kind: CA, Scope: Shared, For: ControlPlane,
			Cert: "front-proxy-ca.crt", Key: "front-proxy-ca.key", cn: named("front-proxy-ca"), UsedBy: []string{apiserver}},
		{Name: "front-proxy-client", Doc: "the API server as a client of aggregated API servers", Kind: Client, Issuer: "front-proxy-ca", Scope: ControlPlane, Identity: true,
			Cert: "front-proxy-client.crt", Key: "front-proxy-client.key", cn: named("front-proxy-client"), UsedBy: []string{apiserver}},
		{Name: "etcd-ca", Doc: "root of etcd: signs its members and its clients", Kind: CA, Scope: Shared, For: EtcdMember | ControlPlane, Etcd: true,
			Cert: "etcd/ca.crt", Key: "etcd/ca.key", cn: named("etcd-ca"), UsedBy: []string{"etcd", apiserver}},
		{Name: "etcd-server", Doc: "serves etcd to its clients", Kind: Peer, Issuer: "etcd-ca", Scope: EtcdMember, Etcd: true, Takes: NodeName | AdvertiseAddress | EtcdServerSANs,
			Cert: "etcd/server.crt", Key: "etcd/server.key", cn: nodeName, names: func(c Cluster, n Node) []names { return etcdNames(n, c.EtcdServerSANs) }, Port: 2379, Admits: []string{"etcd-ca"}, UsedBy: []string{"etcd"}},
		{Name: "etcd-peer", Doc: "etcd members among themselves", Kind: Peer, Issuer: "etcd-ca", Scope: EtcdMember, Etcd: true, Takes: NodeName | AdvertiseAddress | EtcdPeerSANs,
			Cert: "etcd/peer.crt", Key: "etcd/peer.key", cn: nodeName, names: func(c Cluster, n Node) []names { return etcdNames(n, c.EtcdPeerSANs) }, Port: 2380, Admits: []string{"etcd-ca"}, UsedBy: []string{"etcd"}},
		{Name: "etcd-healthcheck-client", Doc: "liveness probes as a client of etcd", Kind: Client, Issuer: "etcd-ca", Scope: EtcdMember, Etcd: true, OlderGroups: [][]string{{MastersGroup}},
			Cert: "etcd/healthcheck-client.crt", Key: "etcd/healthcheck-client.key", cn: named("kube-etcd-healthcheck-client"), UsedBy: []string{"etcd probes"}},
		{Name: "apiserver-etcd-client", Doc: "the API server as a client of etcd", Kind: Client, Issuer: "etcd-ca", Scope: ControlPlane, Etcd: true, OlderGroups: [][]string{{MastersGroup}},
			Cert: "apiserver-etcd-client.crt", Key: "apiserver-etcd-client.key", cn: named("kube-apiserver-etcd-client"), UsedBy: []string{apiserver}},
		{Name: "external-etcd-ca", Doc: "root of the external etcd, as named in the configuration", Kind: CA, Scope: Shared, For: ControlPlane, Etcd: true, Given: true, UsedBy: []string{apiserver}},
		{Name: "external-etcd-client", Doc: "the API server as a client of the external etcd, as named in the configuration", Kind: Client, Issuer: "external-etcd-ca",
			Scope: Shared, For: ControlPlane, Etcd: true, Given: true, UsedBy: []string{apiserver}},
		{Name: "sa", Doc: "signs service-account tokens (a key pair, no certificate)", Kind: KeyPair, Scope: Shared, For: ControlPlane,
			Cert: "sa.pub", Key: "sa.key", UsedBy: []string{apiserver, manager}},

		{Name: "admin", Doc: "the administrator, whose rights come from RBAC", Kind: Client, Issuer: ClusterCA, Scope: ControlPlane, Identity: true, Takes: clusterFacts,
			Conf: "admin.conf", cn: named("kubernetes-admin"), Groups: []string{adminsGroup}, OlderGroups: [][]string{{MastersGroup}}, server: clusterURL, UsedBy: []string{"kubectl"}},
		{Name: "super-admin", Doc: "break glass: bypasses RBAC and cannot be revoked", Kind: Client, Issuer: ClusterCA, Scope: FirstControlPlane, Identity: true, Takes: clusterFacts,
			Conf: "super-admin.conf", cn: named("kubernetes-super-admin"), Groups: []string{MastersGroup}, server: clusterURL, UsedBy: []string{"kubectl"}},
		{Name: "kubelet", Doc: "the kubelet of the node", Kind: Client, Issuer: ClusterCA, Scope: AnyNode, Identity: true, Takes: NodeName | clusterFacts,
			Conf: "kubelet.conf", cn: nodeUser, Groups: []string{"system:nodes"}, server: kubeletURL, Port: 10250, Admits: []string{ClusterCA}, UsedBy: []string{"kubelet"}},
		{Name: "controller-manager", Doc: "the controller manager", Kind: Client, Issuer: ClusterCA, Scope: ControlPlane, Identity: true, Takes: localFacts,
			Conf: "controller-manager.conf", cn: named("system:kube-controller-manager"), server: localURL, Port: 10257, Admits: proxied, UsedBy: []string{manager}},
		{Name: "scheduler", Doc: "the scheduler", Kind: Client, Issuer: ClusterCA, Scope: ControlPlane, Identity: true, Takes: localFacts,
			Conf: "scheduler.conf", cn: named("system:kube-scheduler"), server: localURL, Port: 10259, Admits: proxied, UsedBy: []string{scheduler}},
	}
}
