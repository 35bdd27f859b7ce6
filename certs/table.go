package certs

import (
	"net"
	"net/netip"
	"path"
	"strconv"

	"github.com/pkitool/pkitool/pki"
)

// row is a row before it knows its cluster. The table below is the only list of
// names in the product: phases, help, completion, plans, reports and tests follow it.
type row struct {
	name, doc, issuer string
	kind              Kind
	usedBy            []string
	cert, key, conf   string // files, as in Place

	perNode bool // one for each control-plane node
	etcd    bool // left out when etcd is external

	cn     func(Node) string
	groups []string
	sans   func(Cluster, Node) pki.SANs
	extra  func(Cluster) pki.SANs       // further names, as they were asked for
	beyond func(Cluster, Node) pki.SANs // those of sans that kubeadm does not give
	server func(Cluster, Node) string
}

func named(s string) func(Node) string { return func(Node) string { return s } }

// table lists everything in the order of work: a CA before what it issues,
// certificates before kubeconfigs. Names, files and subjects are kubeadm's.
func table() []row {
	const (
		apiserver = "kube-apiserver"
		manager   = "kube-controller-manager"
		scheduler = "kube-scheduler"
	)
	return []row{
		{name: "ca", doc: "root of the cluster: signs the API server, the kubelets and every user", kind: CA,
			cert: "ca.crt", key: "ca.key", cn: named("kubernetes"), usedBy: []string{apiserver, manager, "kubelet", "every kubeconfig"}},
		{name: "apiserver", doc: "serves the Kubernetes API", kind: Serving, issuer: "ca", perNode: true,
			cert: "apiserver.crt", key: "apiserver.key", cn: named("kube-apiserver"), sans: apiserverSANs, beyond: apiserverBeyond, usedBy: []string{apiserver},
			extra: func(c Cluster) pki.SANs { return c.APIServerSANs }},
		{name: "apiserver-kubelet-client", doc: "the API server as a client of the kubelets", kind: Client, issuer: "ca", perNode: true,
			cert: "apiserver-kubelet-client.crt", key: "apiserver-kubelet-client.key", cn: named("kube-apiserver-kubelet-client"), usedBy: []string{apiserver}},
		{name: "front-proxy-ca", doc: "root of the front proxy: signs who may name a user in request headers", kind: CA,
			cert: "front-proxy-ca.crt", key: "front-proxy-ca.key", cn: named("front-proxy-ca"), usedBy: []string{apiserver}},
		{name: "front-proxy-client", doc: "the API server as a client of aggregated API servers", kind: Client, issuer: "front-proxy-ca", perNode: true,
			cert: "front-proxy-client.crt", key: "front-proxy-client.key", cn: named("front-proxy-client"), usedBy: []string{apiserver}},
		{name: "etcd-ca", doc: "root of etcd: signs its members and its clients", kind: CA, etcd: true,
			cert: "etcd/ca.crt", key: "etcd/ca.key", cn: named("etcd-ca"), usedBy: []string{"etcd", apiserver}},
		{name: "etcd-server", doc: "serves etcd to its clients", kind: Peer, issuer: "etcd-ca", perNode: true, etcd: true,
			cert: "etcd/server.crt", key: "etcd/server.key", cn: nodeName, sans: etcdSANs, beyond: etcdBeyond, usedBy: []string{"etcd"},
			extra: func(c Cluster) pki.SANs { return c.EtcdServerSANs }},
		{name: "etcd-peer", doc: "etcd members among themselves", kind: Peer, issuer: "etcd-ca", perNode: true, etcd: true,
			cert: "etcd/peer.crt", key: "etcd/peer.key", cn: nodeName, sans: etcdSANs, beyond: etcdBeyond, usedBy: []string{"etcd"},
			extra: func(c Cluster) pki.SANs { return c.EtcdPeerSANs }},
		{name: "etcd-healthcheck-client", doc: "liveness probes as a client of etcd", kind: Client, issuer: "etcd-ca", perNode: true, etcd: true,
			cert: "etcd/healthcheck-client.crt", key: "etcd/healthcheck-client.key", cn: named("kube-etcd-healthcheck-client"), usedBy: []string{"etcd probes"}},
		{name: "apiserver-etcd-client", doc: "the API server as a client of etcd", kind: Client, issuer: "etcd-ca", perNode: true, etcd: true,
			cert: "apiserver-etcd-client.crt", key: "apiserver-etcd-client.key", cn: named("kube-apiserver-etcd-client"), usedBy: []string{apiserver}},
		{name: "sa", doc: "signs service-account tokens (a key pair, no certificate)", kind: KeyPair,
			cert: "sa.pub", key: "sa.key", usedBy: []string{apiserver, manager}},

		{name: "admin", doc: "the administrator, whose rights come from RBAC", kind: Client, issuer: "ca",
			conf: "admin.conf", cn: named("kubernetes-admin"), groups: []string{"kubeadm:cluster-admins"}, server: clusterURL, usedBy: []string{"kubectl"}},
		{name: "super-admin", doc: "break glass: bypasses RBAC and cannot be revoked", kind: Client, issuer: "ca",
			conf: "super-admin.conf", cn: named("kubernetes-super-admin"), groups: []string{"system:masters"}, server: clusterURL, usedBy: []string{"kubectl"}},
		{name: "kubelet", doc: "the kubelet of the control-plane node", kind: Client, issuer: "ca", perNode: true,
			conf: "kubelet.conf", cn: nodeUser, groups: []string{"system:nodes"}, server: localURL, usedBy: []string{"kubelet"}},
		{name: "controller-manager", doc: "the controller manager", kind: Client, issuer: "ca", perNode: true,
			conf: "controller-manager.conf", cn: named("system:kube-controller-manager"), server: localURL, usedBy: []string{manager}},
		{name: "scheduler", doc: "the scheduler", kind: Client, issuer: "ca", perNode: true,
			conf: "scheduler.conf", cn: named("system:kube-scheduler"), server: localURL, usedBy: []string{scheduler}},
	}
}

func nodeName(n Node) string { return n.Name }

// nodeUser is the name by which the Node authorizer knows a kubelet.
func nodeUser(n Node) string { return "system:node:" + n.Name }

// hostSANs is a host as a name: an address goes into the certificate as an
// address, since no TLS client compares one with DNS names.
func hostSANs(host string) pki.SANs {
	if ip, err := netip.ParseAddr(host); err == nil {
		return pki.SANs{IPs: []netip.Addr{ip.Unmap()}}
	}
	return pki.SANs{DNS: []string{host}}
}

func apiserverSANs(c Cluster, n Node) pki.SANs {
	s := hostSANs(n.Name)
	s.DNS = append(s.DNS, "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc."+c.DNSDomain)
	var ips pki.SANs
	for _, cidr := range c.ServiceCIDRs {
		// The service "kubernetes" has the first address of each range.
		ips.IPs = append(ips.IPs, cidr.Masked().Addr().Next())
	}
	ips.IPs = append(ips.IPs, n.AdvertiseAddress)
	all := []pki.SANs{ips, s}
	if c.Endpoint.Host != "" {
		all = append(all, hostSANs(c.Endpoint.Host))
	}
	return pki.Join(all...)
}

// apiserverBeyond are the addresses of the service "kubernetes" but the first, and a node's name that is an address.
func apiserverBeyond(c Cluster, n Node) pki.SANs {
	given := pki.SANs{IPs: []netip.Addr{n.AdvertiseAddress}}
	if c.Endpoint.Host != "" {
		given = pki.Join(given, hostSANs(c.Endpoint.Host))
	}
	more := pki.SANs{IPs: hostSANs(n.Name).IPs}
	for i, cidr := range c.ServiceCIDRs {
		service := pki.SANs{IPs: []netip.Addr{cidr.Masked().Addr().Next()}}
		if i == 0 {
			given = pki.Join(given, service)
		} else {
			more = pki.Join(more, service)
		}
	}
	return more.Minus(given)
}

// etcdBeyond is a node's name that is an address.
func etcdBeyond(_ Cluster, n Node) pki.SANs {
	more := pki.SANs{IPs: hostSANs(n.Name).IPs}
	return more.Minus(pki.SANs{IPs: []netip.Addr{n.AdvertiseAddress, netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}})
}

func etcdSANs(_ Cluster, n Node) pki.SANs {
	local := pki.SANs{
		DNS: []string{"localhost"},
		IPs: []netip.Addr{n.AdvertiseAddress, netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()},
	}
	return pki.Join(local, hostSANs(n.Name))
}

// clusterURL is where everybody reaches the API server: the control plane
// endpoint, or the one node there is.
func clusterURL(c Cluster, n Node) string {
	if c.Endpoint.Host == "" {
		return localURL(c, n)
	}
	port := c.Endpoint.Port
	if port == 0 {
		port = n.BindPort
	}
	return serverURL(c.Endpoint.Host, port)
}

// localURL is the node's own API server, so that a node's components do not
// depend on a load balancer.
func localURL(_ Cluster, n Node) string {
	return serverURL(n.AdvertiseAddress.String(), n.BindPort)
}

func serverURL(host string, port uint16) string {
	return "https://" + net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// spec makes the row for a cluster and a node. many tells that there are
// several nodes: then each node's rows carry its name and lie in a folder of its own.
func (r row) spec(c Cluster, n Node, many bool) Spec {
	s := Spec{
		Name: r.name, Doc: r.doc, UsedBy: r.usedBy, Issuer: r.issuer, Kind: r.kind,
		Place:        Place{Root: CertDir, Cert: r.cert, Key: r.key},
		KeyAlgorithm: c.KeyAlgorithm,
		Validity:     c.Validity,
	}
	if r.cn != nil {
		s.Subject = pki.Subject{CommonName: r.cn(n), Organization: r.groups}
	}
	if r.sans != nil {
		s.SANs = r.sans(c, n)
	}
	if r.extra != nil {
		s.Extra = r.extra(c)
		s.SANs = pki.Join(s.SANs, s.Extra)
	}
	if r.beyond != nil {
		s.Beyond = r.beyond(c, n).Minus(s.Extra)
	}
	switch r.kind {
	case CA:
		s.Validity = c.CAValidity
	case KeyPair:
		s.KeyAlgorithm = c.SAKeyAlgorithm
		s.Validity = 0
	}
	if r.conf != "" {
		s.Place = Place{Root: KubeconfigDir, Kubeconfig: r.conf, Server: r.server(c, n), Cluster: c.Name}
	}
	if r.perNode {
		s.Node = n.Name
		if many {
			s.Name += "@" + n.Name
			for _, f := range []*string{&s.Place.Cert, &s.Place.Key, &s.Place.Kubeconfig} {
				if *f != "" {
					*f = path.Join(n.Name, *f)
				}
			}
		}
	}
	return s
}
