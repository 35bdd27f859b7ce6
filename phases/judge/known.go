package judge

import (
	"cmp"
	"crypto/x509"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
)

// nodeFacts are the facts of which the files of a directory speak.
const nodeFacts = certs.NodeName | certs.AdvertiseAddress | certs.BindPort | certs.ControlPlaneEndpoint

// Host is what this host would say of itself.
type Host func() (name string, addr netip.Addr)

// Known is what the files of a site say of its one node, by fact, beside what was told already: facts beat defaults, and
// the directory may be another host's. Only what the tree's own CAs signed, and kubeconfigs that trust them, count.
// Where it says the same as this host, it says nothing. Private keys are not read.
func Known(t certs.Tree, site Site, host Host, told map[certs.Facts]certs.Found) map[certs.Facts]certs.Found {
	k := known{cluster: t.Cluster(), host: host, found: map[certs.Facts]certs.Found{}}
	maps.Copy(k.found, told)
	inv := Inventory{site: site, held: map[certs.ID]*Held{}}
	rows := site.rows(t, func(s certs.Spec) bool { return s.Kind == certs.CA && !s.Given || s.Takes&nodeFacts != 0 })
	for i := range rows {
		rows[i].Place.Key = ""
	}
	inv.read(rows)
	for _, s := range rows {
		if ca := inv.held[s.Issuer]; ca != nil {
			k.row(s, inv.held[s.ID], ca.Chain)
		}
	}
	if len(k.names)+len(k.addresses)+len(k.servers) > 0 {
		k.endpoints(k.address(k.name()))
	}
	return k.found
}

type known struct {
	cluster   certs.Cluster
	host      Host
	kubelet   word     // the node of the kubelet's identity
	names     []word   // the nodes of other certificates
	addresses [][]word // of this node, by certificate: these, and names of other origin
	nameless  word     // a server's certificate without this host's name
	here      bool     // a server's certificate has it
	servers   []leads
	found     map[certs.Facts]certs.Found
}

// word is a value and the file that it stands in.
type word struct{ text, path string }

// leads is where a kubeconfig leads.
type leads struct{ host, port, path string }

func (k *known) row(s certs.Spec, h *Held, ca []*x509.Certificate) {
	path := cmp.Or(h.Conf.Path, h.Cert.Path)
	user := ""
	if h.Conf.Exists && h.EntryErr == nil && h.trusts(ca) {
		user = h.Entry.User.Name // kubeadm's, where the certificate is the kubelet's own and cannot be read
		if u, err := url.Parse(h.Entry.Cluster.Server); err == nil && u.Hostname() != "" {
			k.servers = append(k.servers, leads{plain(u.Hostname()), cmp.Or(u.Port(), "443"), path})
		}
	}
	signed := len(h.Chain) > 0 && slices.ContainsFunc(ca, func(c *x509.Certificate) bool { return SignedBy(h.Chain[0], c) })
	if signed {
		user = pki.CertificateSubject(h.Chain[0]).CommonName
	}
	switch node := (word{s.NodeOf(pki.Subject{CommonName: user}), path}); {
	case node.text == "":
	case s.Identity:
		k.kubelet = node
	case h.Chain[0].VerifyHostname(node.text) == nil: // a member of etcd may be called by any name; this one is its host's
		k.names = append(k.names, node)
	}
	if !signed || !s.Kind.Serves() {
		return
	}
	if name, _ := k.host(); h.Chain[0].VerifyHostname(name) == nil {
		k.here = true
	} else {
		k.nameless = word{name, path}
	}
	var own []word
	for _, ip := range pki.SANsOf(h.Chain[0]).IPs {
		service := slices.ContainsFunc(k.cluster.ServiceCIDRs, func(p netip.Prefix) bool { return p.Masked().Addr().Next() == ip })
		if !ip.IsLoopback() && !ip.IsUnspecified() && !service {
			own = append(own, word{ip.String(), path})
		}
	}
	if s.Kind == certs.Peer { // a member of etcd has the names of its host, an API server those of the cluster too
		k.addresses = slices.Insert(k.addresses, 0, own)
	} else {
		k.addresses = append(k.addresses, own)
	}
}

// plain is a host in one spelling.
func plain(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	return pki.LowerASCII(host)
}

// name takes the node's name from the kubelet's identity, else from etcd's certificates, and gives what it found. This
// host's own is right where a server's certificate has it, and where there is none.
func (k *known) name() word {
	node := k.kubelet
	if node.text == "" && len(k.names) > 0 {
		node = k.names[0]
		if i := slices.IndexFunc(k.names, func(w word) bool { return w.text != node.text }); i > 0 {
			k.found[certs.NodeName] = certs.Found{Unclear: node.path + " is of the node " + node.text + ", " + k.names[i].path + " of " + k.names[i].text}
			return word{}
		}
	}
	if node.text == "" && k.nameless.text != "" && !k.here {
		k.found[certs.NodeName] = certs.Found{Unclear: k.nameless.path + " does not have this host's name, " + k.nameless.text}
	}
	if name, _ := k.host(); node.text != "" && !strings.EqualFold(node.text, name) {
		k.found[certs.NodeName] = certs.Found{Values: []string{node.text}, Path: node.path}
	}
	return node
}

// address takes the advertise address from the certificates, and gives what counts. This host's own is right where they
// have it, and where the directory is this host's.
func (k *known) address(node word) string {
	if told, ok := k.found[certs.AdvertiseAddress]; ok {
		return told.Values[0]
	}
	if n := k.cluster.Nodes[0]; !k.cluster.Assumed.Has(certs.AdvertiseAddress) && n.AdvertiseAddress.IsValid() {
		return n.AdvertiseAddress.String()
	}
	hostName, hostAddr := k.host()
	here := hostAddr.String()
	var may, served []word
	for _, own := range k.addresses {
		may = narrowed(may, own)
	}
	for _, s := range k.servers {
		if ip, err := netip.ParseAddr(s.host); err == nil && !ip.IsLoopback() && !has(served, s.host) {
			served = append(served, word{s.host, s.path})
		}
	}
	if has(may, here) {
		return here
	}
	if len(may) > 0 {
		may = narrowed(may, served)
	}
	f := certs.Found{}
	switch {
	case len(may) == 1:
		f = certs.Found{Values: []string{may[0].text}, Path: may[0].path}
		k.found[certs.AdvertiseAddress] = f
		return may[0].text
	case len(may) > 1:
		f.Unclear = may[0].path + " has " + words(may)
	case has(served, here), node.text == "" && len(served) == 0, strings.EqualFold(node.text, hostName):
		return here
	case node.text != "":
		f.Unclear = node.path + " is of the node " + node.text + ", this host is " + hostName
	default:
		f.Unclear = served[0].path + " leads to " + words(served) + ", this host has " + here
	}
	k.found[certs.AdvertiseAddress] = f
	return ""
}

// narrowed is what two lists have in common; where that is nothing, the first that is not empty.
func narrowed(a, b []word) []word {
	both := slices.DeleteFunc(slices.Clone(a), func(w word) bool { return !has(b, w.text) })
	switch {
	case len(both) > 0:
		return both
	case len(a) > 0:
		return a
	}
	return b
}

func has(list []word, text string) bool {
	return slices.ContainsFunc(list, func(w word) bool { return w.text == text })
}

func words(list []word) string {
	var out []string
	for _, w := range list {
		out = append(out, w.text)
	}
	return strings.Join(out, ", ")
}

// endpoints takes from the kubeconfigs the port of the API server at an address, and the cluster's endpoint; all other
// hosts that they lead to are further names of the API server.
func (k *known) endpoints(address string) {
	var ports, ends, more certs.Found
	add := func(f *certs.Found, v, path string) {
		if !slices.Contains(f.Values, v) {
			f.Values, f.Path = append(f.Values, v), cmp.Or(f.Path, path)
		}
	}
	for _, s := range k.servers {
		ip, err := netip.ParseAddr(s.host)
		switch {
		case s.host == address:
			add(&ports, s.port, s.path)
		case s.host == "localhost" || err == nil && ip.IsLoopback():
			add(&more, s.host, s.path)
		default:
			add(&ends, net.JoinHostPort(s.host, s.port), s.path)
		}
	}
	if len(ports.Values) == 1 {
		k.found[certs.BindPort] = ports
	}
	if len(ends.Values) == 1 {
		k.found[certs.ControlPlaneEndpoint] = ends
	} else {
		for _, e := range ends.Values {
			host, _, _ := net.SplitHostPort(e)
			add(&more, host, ends.Path)
		}
	}
	if len(more.Values) > 0 {
		k.found[certs.APIServerSANs] = more
	}
}
