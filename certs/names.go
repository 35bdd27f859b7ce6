package certs

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pkitool/pkitool/pki"
)

const (
	localFacts   = ClusterName | AdvertiseAddress | BindPort
	clusterFacts = localFacts | ControlPlaneEndpoint
)

func nodeName(n Node) string { return n.Name }

// nodeUser is the name by which the Node authorizer knows a kubelet.
func nodeUser(n Node) string { return nodeUserPrefix + n.Name }

const nodeUserPrefix = "system:node:"

// hostSANs is a host as a name: an address goes into the certificate as an
// address, since no TLS client compares one with DNS names.
func hostSANs(host string) pki.SANs {
	if ip, err := netip.ParseAddr(host); err == nil {
		return pki.SANs{IPs: []netip.Addr{ip.Unmap()}}
	}
	return pki.SANs{DNS: []string{host}}
}

// nodeNames are a node's name and address, as far as they are known. kubeadm
// writes a name that is an address as a DNS name, which no client looks at.
func nodeNames(n Node) []names {
	var out []names
	if n.AdvertiseAddress.IsValid() {
		out = append(out, names{SANs: pki.SANs{IPs: []netip.Addr{n.AdvertiseAddress}}, from: AdvertiseAddress})
	}
	if n.Name != "" {
		s := hostSANs(n.Name)
		out = append(out, names{SANs: s, from: NodeName, beyond: len(s.IPs) > 0})
	}
	return out
}

func apiserverNames(c Cluster, n Node) []names {
	var out []names
	for i, cidr := range c.ServiceCIDRs {
		// The service "kubernetes" has the first address of each range. kubeadm gives the first range's only.
		out = append(out, names{SANs: pki.SANs{IPs: []netip.Addr{cidr.Masked().Addr().Next()}}, from: ServiceCIDRs, beyond: i > 0})
	}
	out = append(out, nodeNames(n)...)
	out = append(out,
		names{SANs: pki.SANs{DNS: []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc"}}},
		names{SANs: pki.SANs{DNS: []string{"kubernetes.default.svc." + c.DNSDomain}}, from: DNSDomain})
	if c.Endpoint.Host != "" {
		out = append(out, names{SANs: hostSANs(c.Endpoint.Host), from: ControlPlaneEndpoint})
	}
	return append(out, names{SANs: c.APIServerSANs, from: APIServerSANs})
}

// Owns reports whether a DNS name is the cluster's own, which no node may serve as: the API server's, whatever lies in
// the domains of the services, and the name that every host has for itself.
func (c Cluster) Owns(name string) bool {
	name = strings.TrimPrefix(pki.LowerASCII(name), "*.")
	for _, domain := range []string{"svc", "localhost", c.DNSDomain} {
		if domain != "" && (name == domain || strings.HasSuffix(name, "."+domain)) {
			return true
		}
	}
	return name == "kubernetes" || name == "kubernetes.default" || name == c.Endpoint.Host || slices.Contains(c.APIServerSANs.DNS, name)
}

// OwnsAddress is Owns for an address: those of services, and what stands for more than one host.
func (c Cluster) OwnsAddress(ip netip.Addr) bool {
	ip = ip.Unmap()
	service := slices.ContainsFunc(c.ServiceCIDRs, func(p netip.Prefix) bool { return p.Contains(ip) })
	return service || ip.IsUnspecified() || ip.IsMulticast()
}

func etcdNames(n Node, extra pki.SANs) []names {
	out := []names{{SANs: pki.SANs{DNS: []string{"localhost"}}}}
	node := nodeNames(n)
	if n.AdvertiseAddress.IsValid() {
		out, node = append(out, node[0]), node[1:]
	}
	out = append(out, names{SANs: pki.SANs{IPs: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}}})
	return append(append(out, node...), names{SANs: extra, from: EtcdServerSANs})
}

// clusterURL is where everybody reaches the API server: the control plane
// endpoint, or the one node there is.
func clusterURL(c Cluster, n Node) server {
	if c.Endpoint.Host == "" {
		return localURL(c, n)
	}
	port := c.Endpoint.Port
	if port == 0 {
		port = n.BindPort
	}
	return server{url: serverURL(c.Endpoint.Host, port), from: ControlPlaneEndpoint}
}

// localURL is the node's own API server, so that a node's components do not
// depend on a load balancer.
func localURL(_ Cluster, n Node) server {
	if !n.AdvertiseAddress.IsValid() {
		return server{lacks: AdvertiseAddress}
	}
	return server{url: serverURL(n.AdvertiseAddress.String(), n.BindPort), from: AdvertiseAddress}
}

// kubeletURL is the node's own API server where it runs one, else the cluster's.
func kubeletURL(c Cluster, n Node) server {
	if n.roles().has(ControlPlane) {
		return localURL(c, n)
	}
	if c.Endpoint.Host == "" {
		return server{lacks: ControlPlaneEndpoint}
	}
	return clusterURL(c, n)
}

func serverURL(host string, port uint16) string {
	return "https://" + net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// Reserved says why an identity is Kubernetes' own, or "": what its groups or its
// name let the holder do without anybody granting it.
func Reserved(s pki.Subject) string {
	for _, o := range s.Organization {
		switch {
		case o == MastersGroup:
			return "group system:masters bypasses RBAC and cannot be revoked"
		case strings.HasPrefix(o, "system:"):
			return "groups that begin with system: are Kubernetes' own: " + o
		}
	}
	if strings.HasPrefix(s.CommonName, "system:") {
		return "names that begin with system: are Kubernetes' own: " + s.CommonName
	}
	return ""
}
