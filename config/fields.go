package config

import (
	"strings"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
)

// Type is how the value of a Field is given.
type Type int

// The types of a Field. A List's flag may be given several times, and each
// time with several values separated by commas.
const (
	Text Type = iota
	Number
	Bool
	List
)

// Field is one setting: its flag, its environment variable and its kubeadm
// fields. Flags, help texts, documentation and `config print` follow the table
// of them that Fields returns.
type Field struct {
	// Flag is the flag's name without dashes; "" for what only a file can say.
	Flag string
	Type Type
	// Default is the value when nobody gives one, as one would give it to the
	// flag; "" for none.
	Default string
	// Doc says what it is for, in one line for a flag's help.
	Doc string
	// Fact is what it says of the cluster, where rows are made from that; 0 else.
	Fact certs.Facts
	// APIServer is the flag of kube-apiserver that says the same; "" for none.
	APIServer string

	parts []part
}

// part is one place that a field's value goes to. Most fields have one; the
// extra etcd names have two.
type part struct {
	paths []string // kubeadm fields, "Kind.a.b"; the first that is given counts
	comma bool     // in kubeadm's field the list is one text with commas
	zero  bool     // in kubeadm's field 0 means not given
	set   func(*draft, []item)
	show  func(Settings) []string // as text for config print; nothing when it is not set
}

// Env is the name of the field's environment variable: PKITOOL_SERVICE_CIDR
// for --service-cidr; "" for a field without flag.
func (f Field) Env() string {
	if f.Flag == "" {
		return ""
	}
	return "PKITOOL_" + strings.ToUpper(strings.ReplaceAll(f.Flag, "-", "_"))
}

// Paths are the field's names in kubeadm's documents, with the kind in front:
// "ClusterConfiguration.networking.serviceSubnet".
func (f Field) Paths() []string {
	var all []string
	for _, p := range f.parts {
		all = append(all, p.paths...)
	}
	return all
}

// in are the paths of a field in documents of a kind.
func in(kind string, paths ...string) []string {
	for i := range paths {
		paths[i] = kind + "." + paths[i]
	}
	return paths
}

// perNode are the paths of a field of this node, below both kinds that have one.
func perNode(initPath, joinPath string) []string {
	return []string{initKind + "." + initPath, joinKind + "." + joinPath}
}

const (
	localEtcd         = clusterKind + ".etcd.local"
	externalEtcd      = clusterKind + ".etcd.external"
	joinControlPlane  = joinKind + ".controlPlane"
	discoveryEndpoint = joinKind + ".discovery.bootstrapToken.apiServerEndpoint"
)

// Fields is the table of settings, in the order that help texts and
// `config print` have them.
func Fields() []Field {
	return append(append(clusterFields(), nodeFields()...), runFields()...)
}

func clusterFields() []Field {
	return []Field{
		{Flag: "cluster-name", Fact: certs.ClusterName, Default: "kubernetes", Doc: "name of the cluster in kubeconfigs",
			parts: []part{{paths: in(clusterKind, "clusterName"), set: one(setClusterName),
				show: text1(func(s Settings) string { return s.Cluster.Name })}}},
		{Flag: "control-plane-endpoint", Fact: certs.ControlPlaneEndpoint, Doc: "host[:port] by which all clients reach the API servers, such as a load balancer's",
			parts: []part{{paths: in(clusterKind, "controlPlaneEndpoint"), set: each(setEndpoint),
				show: text1(func(s Settings) string { return formatEndpoint(s.Cluster.Endpoint) })}}},
		{Flag: "service-cidr", Fact: certs.ServiceCIDRs, APIServer: "service-cluster-ip-range", Type: List, Default: "10.96.0.0/12", Doc: "range of service addresses; two of different families for dual stack",
			parts: []part{{paths: in(clusterKind, "networking.serviceSubnet"), comma: true, set: setServiceCIDRs, show: func(s Settings) []string { return textsOf(s.Cluster.ServiceCIDRs) }}}},
		{Flag: "service-dns-domain", Fact: certs.DNSDomain, Default: "cluster.local", Doc: "DNS domain of the cluster's services",
			parts: []part{{paths: in(clusterKind, "networking.dnsDomain"), set: one(setDNSDomain),
				show: text1(func(s Settings) string { return s.Cluster.DNSDomain })}}},
		{Doc: "range of pod addresses: judged, without effect on the PKI",
			parts: []part{{paths: in(clusterKind, "networking.podSubnet"), comma: true, set: checkPodCIDRs}}},
		{Flag: "apiserver-cert-extra-sans", Fact: certs.APIServerSANs, Type: List, Doc: "further names and addresses in the API server's certificate",
			parts: []part{sans("apiServer.certSANs", func(c *certs.Cluster) *pki.SANs { return &c.APIServerSANs })}},
		{Flag: "etcd-cert-extra-sans", Fact: certs.EtcdServerSANs | certs.EtcdPeerSANs, Type: List, Doc: "further names and addresses in etcd's server and peer certificates",
			parts: []part{
				sans("etcd.local.serverCertSANs", func(c *certs.Cluster) *pki.SANs { return &c.EtcdServerSANs }),
				sans("etcd.local.peerCertSANs", func(c *certs.Cluster) *pki.SANs { return &c.EtcdPeerSANs }),
			}},
		{Type: List, Doc: "URLs of an etcd that is run by somebody else",
			parts: []part{{paths: in(clusterKind, "etcd.external.endpoints"), set: each(setEtcdEndpoint),
				show: showExternal(func(e certs.ExternalEtcd) []string { return e.Endpoints })}}},
		{Type: List, Doc: "URLs of that etcd for metrics and health: judged, without effect on the PKI",
			parts: []part{{paths: in(clusterKind, "etcd.external.httpEndpoints"), set: each(checkURL)}}},
		{Doc: "CA certificates of that etcd", parts: []part{etcdFile("caFile", func(e *certs.ExternalEtcd) *string { return &e.CAFile })}},
		{Doc: "the API server's client certificate for that etcd", parts: []part{etcdFile("certFile", func(e *certs.ExternalEtcd) *string { return &e.CertFile })}},
		{Doc: "the key of that certificate", parts: []part{etcdFile("keyFile", func(e *certs.ExternalEtcd) *string { return &e.KeyFile })}},
		{Flag: "key-algorithm", Default: string(pki.RSA2048), Doc: "algorithm of the certificates' keys: " + algorithmNames(pki.KeyAlgorithms()),
			parts: []part{{paths: in(clusterKind, "encryptionAlgorithm"), set: one(setKeyAlgorithm),
				show: text1(func(s Settings) string { return string(s.Cluster.KeyAlgorithm) })}}},
		{Type: Bool, Doc: "older name of a choice of algorithm: true is ECDSA-P256, false is RSA-2048; it overrides encryptionAlgorithm",
			parts: []part{{paths: in(clusterKind, "featureGates.PublicKeysECDSA"), set: func(*draft, []item) {}}}}, // see ecdsaGate
		{Flag: "sa-key-algorithm", Doc: "algorithm of the service-account key: " + algorithmNames(saAlgorithms()) + " (default: as --key-algorithm, RSA-2048 beside Ed25519)",
			parts: []part{{set: one(setSAKeyAlgorithm), show: text1(func(s Settings) string { return string(s.Cluster.SAKeyAlgorithm) })}}},
		{Flag: "validity", Fact: certs.LeafValidity, Default: "1y", Doc: "how long certificates are valid: a Go duration, also in days (365d), weeks (6w) and years of 365 days (1y)",
			parts: []part{{paths: in(clusterKind, "certificateValidityPeriod"), set: one(setValidity(func(c *certs.Cluster) *time.Duration { return &c.Validity })),
				show: text1(func(s Settings) string { return s.Cluster.Validity.String() })}}},
		{Flag: "ca-validity", Default: "10y", Doc: "how long CA certificates are valid",
			parts: []part{{paths: in(clusterKind, "caCertificateValidityPeriod"), set: one(setValidity(func(c *certs.Cluster) *time.Duration { return &c.CAValidity })),
				show: text1(func(s Settings) string { return s.Cluster.CAValidity.String() })}}},
	}
}

func nodeFields() []Field {
	return []Field{
		{Flag: "node-name", Fact: certs.NodeName, Doc: "name of this node (default: as the directory's files say, else this host's)",
			parts: []part{{paths: perNode("nodeRegistration.name", "nodeRegistration.name"), set: one(setNodeName),
				show: node1(func(n certs.Node) string { return n.Name })}}},
		{Flag: "apiserver-advertise-address", Fact: certs.AdvertiseAddress, APIServer: "advertise-address", Doc: "address at which this node's API server is reached (default: as the directory's files say, else that of the default route's interface)",
			parts: []part{{paths: perNode("localAPIEndpoint.advertiseAddress", "controlPlane.localAPIEndpoint.advertiseAddress"), set: each(setAdvertiseAddress),
				show: node1(showAddress)}}},
		{Flag: "apiserver-bind-port", Fact: certs.BindPort, APIServer: "secure-port", Type: Number, Default: "6443", Doc: "port of this node's API server",
			parts: []part{{paths: perNode("localAPIEndpoint.bindPort", "controlPlane.localAPIEndpoint.bindPort"), zero: true, set: one(setBindPort), show: node1(showBindPort)}}},
		{Doc: "key that encrypts uploaded certificates: judged, without effect on the PKI",
			parts: []part{{paths: perNode("certificateKey", "controlPlane.certificateKey"), set: one(checkCertificateKey)}}},
		{Doc: "how a joining node finds the cluster; the address in it is a worker's --control-plane-endpoint where that is not given",
			parts: append([]part{kept(discoveryEndpoint, each(setDiscovery))}, keptAll(joinKind+".discovery.", "bootstrapToken.token", "bootstrapToken.caCertHashes",
				"bootstrapToken.unsafeSkipCAVerification", "file.kubeConfigPath", "tlsBootstrapToken")...)},
	}
}

func runFields() []Field {
	return []Field{
		{Flag: "cert-dir", Default: "/etc/kubernetes/pki", Doc: "directory of the certificates and keys",
			parts: []part{{paths: in(clusterKind, "certificatesDir"), set: each(setCertDir),
				show: text1(func(s Settings) string { return s.CertDir })}}},
		{Flag: "kubeconfig-dir", Default: "/etc/kubernetes", Doc: "directory of the kubeconfigs",
			parts: []part{{set: one(setKubeconfigDir), show: text1(func(s Settings) string { return s.KubeconfigDir })}}},
		{Flag: "cert-mode", Default: "0644", Doc: "mode of certificate files, 0644 or 0600; keys are always 0600",
			parts: []part{{set: one(setCertMode), show: showCertMode}}},
		{Flag: "skip-phases", Type: List, Doc: "phases to leave out, with all below them: certs/etcd-ca, kubeconfig",
			parts: []part{{paths: perNode("skipPhases", "skipPhases"), set: setSkipPhases, show: func(s Settings) []string { return s.SkipPhases }}}},
		{Flag: "dry-run", Type: Bool, Default: "false", Doc: "say what would be done, and write nothing",
			parts: []part{{paths: perNode("dryRun", "dryRun"), set: one(setBool(func(s *Settings) *bool { return &s.DryRun })),
				show: showTrue(func(s Settings) bool { return s.DryRun })}}},
		{Flag: "reissue", Type: Bool, Default: "false", Doc: "replace certificates and kubeconfigs that are not as they should be (never a CA, never the service-account key)",
			parts: []part{{set: one(setBool(func(s *Settings) *bool { return &s.Reissue })), show: showTrue(func(s Settings) bool { return s.Reissue })}}},
	}
}
