package config

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
)

const everything = certs.ClusterName | certs.ServiceCIDRs | certs.DNSDomain | certs.NodeName | certs.AdvertiseAddress | certs.BindPort | certs.LeafValidity | certs.NodeRoles

// What nobody gave is assumed, whatever file there is.
func TestAssumed(t *testing.T) {
	for _, tc := range []struct {
		name  string
		doc   string
		flags map[string][]string
		env   map[string]string
		given certs.Facts
	}{
		{name: "nothing"},
		{name: "three lines", given: certs.LeafValidity, doc: clusterHead + "certificateValidityPeriod: 43800h\n"},
		{name: "the ConfigMap kubeadm-config", given: certs.ClusterName | certs.ServiceCIDRs | certs.DNSDomain,
			doc: clusterHead + "clusterName: kubernetes\ncontrolPlaneEndpoint: lb.example.com:6443\nnetworking: {dnsDomain: cluster.local, serviceSubnet: 10.43.0.0/16}\n"},
		{name: "a node", given: certs.NodeRoles | certs.NodeName | certs.AdvertiseAddress | certs.BindPort,
			doc: initHead + "nodeRegistration: {name: cp-1}\nlocalAPIEndpoint: {advertiseAddress: 192.0.2.10, bindPort: 6443}\n"},
		{name: "not given in the file", given: certs.NodeRoles, doc: initHead + "nodeRegistration: {name: \"\"}\nlocalAPIEndpoint: {advertiseAddress: 0.0.0.0, bindPort: 0}\n"},
		{name: "flags and variables", given: certs.NodeName | certs.DNSDomain,
			flags: map[string][]string{"node-name": {"cp-1"}}, env: map[string]string{"PKITOOL_SERVICE_DNS_DOMAIN": "cluster.local"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := Input{Host: NeutralHost(), Flags: tc.flags, Environ: environ(tc.env)}
			if tc.doc != "" {
				in.Name, in.Documents = "c.yaml", []byte(tc.doc)
			}
			s, _, err := Load(in)
			require.NoError(t, err)
			assert.Equal(t, everything&^tc.given, s.Cluster.Assumed)
			assert.Empty(t, s.Cluster.Unknown)
		})
	}
}

func TestOrigin(t *testing.T) {
	s, _, err := Load(Input{
		Name: "c.yaml", Host: NeutralHost(), Environ: environ(map[string]string{"PKITOOL_CA_VALIDITY": "9y"}),
		Documents: []byte(clusterHead + "certificateValidityPeriod: 1h\nfeatureGates:\n  PublicKeysECDSA: true\napiServer:\n  certSANs:\n  - a.b\netcd:\n  local:\n    peerCertSANs: [a.b]\n"),
		Flags:     map[string][]string{"cluster-name": {"a"}, "apiserver-advertise-address": {"::"}},
	})
	require.NoError(t, err)
	for flag, want := range map[string]Origin{
		"cluster-name":                {Layer: ByFlag, Source: "--cluster-name"},
		"ca-validity":                 {Layer: ByVariable, Source: "PKITOOL_CA_VALIDITY"},
		"validity":                    {Layer: ByFile, Source: "c.yaml:3", Field: "certificateValidityPeriod", Line: 3},
		"key-algorithm":               {Layer: ByFile, Source: "c.yaml:5", Field: "featureGates.PublicKeysECDSA", Line: 5},
		"apiserver-cert-extra-sans":   {Layer: ByFile, Source: "c.yaml:7", Field: "apiServer.certSANs", Line: 7},
		"etcd-cert-extra-sans":        {Layer: ByFile, Source: "c.yaml:11", Field: "etcd.local.peerCertSANs", Line: 11},
		"node-name":                   {Layer: ByHost, Source: "this host"},
		"apiserver-advertise-address": {Layer: ByHost, Source: "this host"},
		"service-cidr":                {Layer: ByDefault, Source: "the default"},
		"control-plane-endpoint":      {},
		"no-such-flag":                {},
	} {
		assert.Equal(t, want, s.Origin(flag), flag)
		assert.Equal(t, want.Layer == ByFlag || want.Layer == ByVariable || want.Layer == ByFile, s.Given(flag), flag)
	}
	assert.Equal(t, "certificateValidityPeriod (c.yaml:3)", s.Origin("validity").String())
	assert.Equal(t, "the default", s.Origin("service-cidr").String())
}

// The host is asked for what is needed, after all else was read; what it does
// not know is no fault, and is said.
func TestUnknown(t *testing.T) {
	const notAsked = "not asked"
	noRoute := func() (netip.Addr, error) {
		return netip.Addr{}, errors.New("this host has no default route with a global address")
	}
	type unknown = map[certs.Facts]string
	for _, tc := range []struct {
		name  string
		host  func(*testing.T) Host
		needs certs.Facts
		flags map[string][]string
		want  unknown
	}{
		{name: "nothing needed", host: noHost, want: unknown{certs.NodeName: notAsked, certs.AdvertiseAddress: notAsked}},
		{name: "given", host: noHost, needs: certs.NodeName, flags: map[string][]string{"node-name": {"a"}}, want: unknown{certs.AdvertiseAddress: notAsked}},
		{name: "no answers", needs: certs.NodeName | certs.AdvertiseAddress, host: func(*testing.T) Host {
			return Host{Name: func() (string, error) { return "", errors.New("this host's name is not known: no uname") }, AdvertiseAddress: noRoute}
		}, want: unknown{certs.NodeName: "this host's name is not known: no uname", certs.AdvertiseAddress: "this host has no default route with a global address"}},
		{name: "answers of no use", needs: certs.NodeName | certs.AdvertiseAddress, host: func(*testing.T) Host {
			return Host{Name: called("my_host"), AdvertiseAddress: func() (netip.Addr, error) { return netip.MustParseAddr("fe80::1"), nil }}
		}, want: unknown{
			certs.NodeName:         `this host's name "my_host" is not a DNS name: labels hold lower-case letters, digits and inner hyphens, 1 to 63 characters`,
			certs.AdvertiseAddress: `this host's address "fe80::1" is not an address to reach one API server at (link-local, multicast or broadcast)`,
		}},
		{name: "no host, an empty name", needs: certs.NodeName | certs.AdvertiseAddress, host: func(*testing.T) Host { return Host{Name: called("")} },
			want: unknown{certs.NodeName: "this host's name is empty", certs.AdvertiseAddress: "this host's address is not known"}},
		{name: "nothing at all", needs: certs.NodeName, host: func(*testing.T) Host { return Host{} },
			want: unknown{certs.NodeName: "this host's name is not known", certs.AdvertiseAddress: notAsked}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			asked := false
			s, _, err := Load(Input{Host: tc.host(t), Flags: tc.flags, Needs: func(s Settings) certs.Facts {
				asked = true
				assert.Equal(t, "kubernetes", s.Cluster.Name, "what was given is there")
				assert.True(t, s.Cluster.Assumed.Has(certs.AdvertiseAddress))
				return tc.needs
			}})
			require.NoError(t, err)
			assert.True(t, asked)
			assert.Equal(t, tc.want, s.Cluster.Unknown)
			for fact := range tc.want {
				assert.True(t, s.Cluster.Assumed.Has(fact))
			}
			assert.False(t, s.Cluster.Nodes[0].AdvertiseAddress.IsValid())
		})
	}
	_, _, err := Load(Input{Host: noHost(t), Flags: map[string][]string{"cert-dir": {""}}, Needs: func(Settings) certs.Facts {
		t.Error("asked in spite of a fault")
		return 0
	}})
	assert.EqualError(t, err, "--cert-dir: is empty")
}

// Which document counts, what the node takes part in, and where a worker finds the cluster.
func TestRoles(t *testing.T) {
	const discovery = "discovery:\n  bootstrapToken:\n    token: abcdef.0123456789abcdef\n    apiServerEndpoint: API.example.com:6443\n    unsafeSkipCAVerification: true\n"
	endpoint := certs.Endpoint{Host: "api.example.com", Port: 6443}
	other := certs.Endpoint{Host: "lb.example.com"}
	for _, tc := range []struct {
		name     string
		doc      string
		flags    map[string][]string
		roles    certs.Scope
		joins    bool
		endpoint certs.Endpoint
		notes    []string
	}{
		{name: "no file", roles: certs.FirstNode},
		{name: "of the cluster only", doc: clusterHead, roles: certs.FirstNode},
		{name: "init", doc: initHead, roles: certs.FirstNode},
		{name: "join", doc: joinHead + discovery + "controlPlane: {}\n", roles: certs.JoinedNode, joins: true},
		{name: "worker", doc: joinHead + discovery, roles: certs.WorkerNode, joins: true, endpoint: endpoint},
		{name: "worker, null", doc: joinHead + discovery + "controlPlane:\n", roles: certs.WorkerNode, joins: true, endpoint: endpoint},
		{name: "worker with a controlPlaneEndpoint", doc: joinHead + discovery + "---\n" + clusterHead + "controlPlaneEndpoint: lb.example.com\n",
			roles: certs.WorkerNode, joins: true, endpoint: other},
		{name: "worker with --control-plane-endpoint", doc: joinHead + discovery, flags: map[string][]string{"control-plane-endpoint": {"lb.example.com"}},
			roles: certs.WorkerNode, joins: true, endpoint: other},
		{name: "worker, discovery by file", doc: joinHead + "discovery: {file: {kubeConfigPath: /a.conf}}\n", roles: certs.WorkerNode, joins: true},
		{name: "worker with an address", doc: joinHead + discovery, flags: map[string][]string{"apiserver-advertise-address": {"192.0.2.9"}},
			roles: certs.WorkerNode, joins: true, endpoint: endpoint, notes: []string{"--apiserver-advertise-address: no effect, a worker has no API server"}},
		{name: "init and join", doc: initHead + "---\n" + joinHead + discovery + "nodeRegistration: {name: other}\nskipPhases: [certs]\n",
			roles: certs.FirstNode, notes: []string{"c.yaml:4: JoinConfiguration: passed over: the InitConfiguration counts"}},
		{name: "join and init", doc: joinHead + "controlPlane: {localAPIEndpoint: {advertiseAddress: 192.0.2.77}}\n---\n" + initHead,
			roles: certs.FirstNode, notes: []string{"c.yaml:1: JoinConfiguration: passed over: the InitConfiguration counts"}},
		{name: "metadata, as kind writes it", doc: clusterHead + "metadata:\n  name: config\n---\n" + initHead + "metadata: {name: config}\n", roles: certs.FirstNode},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := Input{Host: NeutralHost(), Flags: tc.flags}
			if tc.doc != "" {
				in.Name, in.Documents = "c.yaml", []byte(tc.doc)
			}
			s, notes, err := Load(in)
			require.NoError(t, err)
			assert.Equal(t, tc.notes, notes)
			assert.Equal(t, tc.joins, s.Cluster.Joins)
			assert.Equal(t, tc.endpoint, s.Cluster.Endpoint)
			want := certs.Node{Roles: tc.roles, Name: "node", BindPort: 6443}
			if tc.roles&certs.ControlPlane != 0 {
				want.AdvertiseAddress = netip.MustParseAddr("192.0.2.1")
			} else {
				unknown := map[certs.Facts]string{certs.AdvertiseAddress: "not asked"}
				if tc.endpoint.Host == "" {
					unknown[certs.ControlPlaneEndpoint] = "discovery.bootstrapToken has no apiServerEndpoint"
				}
				assert.Equal(t, unknown, s.Cluster.Unknown)
			}
			assert.Equal(t, []certs.Node{want}, s.Cluster.Nodes)
			assert.Empty(t, s.SkipPhases)
			assert.Equal(t, tc.endpoint.Host != "", s.Given("control-plane-endpoint"))
			checkPrintLaw(t, s)
		})
	}
	_, _, err := Load(Input{Name: "c.yaml", Host: NeutralHost(), Documents: []byte(initHead + "---\n" + joinHead + "nodeRegistration: {name: a_b}\ndiscovery: {bootstrapToken: {apiServerEndpoint: a.b}}\n")})
	assert.EqualError(t, err, `c.yaml:6: nodeRegistration.name: "a_b" is not a DNS name: labels hold lower-case letters, digits and inner hyphens, 1 to 63 characters`+"\n"+
		`c.yaml:7: discovery.bootstrapToken.apiServerEndpoint: "a.b" has no port, wanted host:port`, "what is passed over is judged")
}

// kubeadm wants discovery in a JoinConfiguration, and controlPlane in no worker's.
func TestPrintJoin(t *testing.T) {
	const doc = joinHead + `nodeRegistration:
  name: w-1
discovery:
  bootstrapToken:
    apiServerEndpoint: api.example.com:6443
    token: abcdef.0123456789abcdef
    caCertHashes:
      - "sha256:aa"
    unsafeSkipCAVerification: false
  tlsBootstrapToken: abcdef.0123456789abcdef
`
	s, _, err := Load(Input{Name: "c.yaml", Documents: []byte(doc), Host: noHost(t)})
	require.NoError(t, err)
	_, join, ok := strings.Cut(string(Print(s)), "---\n")
	require.True(t, ok)
	assert.Equal(t, strings.ReplaceAll(doc, "api.example.com:6443", `"api.example.com:6443"`), join)
	checkPrintLaw(t, s)
}

// A certificate ends with its CA at the latest: a default gives way, and of two
// in a file the CA's counts.
func TestValidities(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, tc := range []struct {
		doc      string
		flags    map[string][]string
		leaf, ca time.Duration
		notes    []string
	}{
		{doc: clusterHead + "certificateValidityPeriod: 876000h\n", leaf: 100 * year, ca: 100 * year,
			notes: []string{"c.yaml:3: certificateValidityPeriod: 100y is longer than CAs are valid by default (10y): new CAs are valid as long"}},
		{flags: map[string][]string{"ca-validity": {"30d"}}, leaf: 30 * 24 * time.Hour, ca: 30 * 24 * time.Hour,
			notes: []string{"--ca-validity: 30d is shorter than certificates are valid by default (1y): they are valid as long as the CAs"}},
		{doc: clusterHead + "caCertificateValidityPeriod: 1y\ncertificateValidityPeriod: 400d\n", leaf: year, ca: year,
			notes: []string{"c.yaml:4: certificateValidityPeriod: 400d is longer than the CA's 1y (caCertificateValidityPeriod (c.yaml:3)): certificates are valid as long as the CA"}},
		{flags: map[string][]string{"validity": {"10y"}}, leaf: 10 * year, ca: 10 * year},
	} {
		in := Input{Host: NeutralHost(), Flags: tc.flags}
		if tc.doc != "" {
			in.Name, in.Documents = "c.yaml", []byte(tc.doc)
		}
		s, notes, err := Load(in)
		require.NoError(t, err)
		assert.Equal(t, tc.notes, notes)
		assert.Equal(t, tc.leaf, s.Cluster.Validity)
		assert.Equal(t, tc.ca, s.Cluster.CAValidity)
	}
}

// What kubeadm config validate takes is valid: names, addresses, files.
func TestAsKubeadm(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, tc := range map[string]struct {
		doc   string
		notes []string
	}{
		"names with capital letters": {doc: clusterHead + "controlPlaneEndpoint: K8s-ELB-1.eu-west-1.elb.amazonaws.com:443\napiServer: {certSANs: [\"*.Example.COM\", CP-1]}\n"},
		"last label of digits":       {doc: initHead + "nodeRegistration: {name: cp.1}\n"},
		"long dnsDomain":             {doc: clusterHead + "networking: {dnsDomain: " + strings.Join([]string{long, long, long}, ".") + "}\n"},
		"one label":                  {doc: clusterHead + "clusterName: \"a b/c@d\"\nnetworking: {dnsDomain: local}\ncontrolPlaneEndpoint: lb\n"},
		"leading zeros": {doc: clusterHead + "controlPlaneEndpoint: 010.0.0.1:6443\nnetworking: {serviceSubnet: 010.96.0.0/16}\napiServer: {certSANs: [010.0.0.07]}\n", notes: []string{
			"c.yaml:3: controlPlaneEndpoint: 010.0.0.1 is read as 10.0.0.1, as kubeadm does; some programs take leading zeros for octal",
			"c.yaml:4: networking.serviceSubnet: 010.96.0.0 is read as 10.96.0.0, as kubeadm does; some programs take leading zeros for octal",
			"c.yaml:5: apiServer.certSANs[0]: 010.0.0.07 is read as 10.0.0.7, as kubeadm does; some programs take leading zeros for octal",
		}},
		"unspecified endpoint":                  {doc: clusterHead + "controlPlaneEndpoint: 0.0.0.0:6443\n", notes: []string{"c.yaml:3: controlPlaneEndpoint: 0.0.0.0 is not an address that other hosts can reach"}},
		"etcd without endpoints, with a socket": {doc: clusterHead + "etcd: {external: {endpoints: [], httpEndpoints: [\"unix:///run/etcd\"]}}\n"},
		"validities": {doc: clusterHead + "caCertificateValidityPeriod: 24h\ncertificateValidityPeriod: 48h\n", notes: []string{
			"c.yaml:4: certificateValidityPeriod: 2d is longer than the CA's 1d (caCertificateValidityPeriod (c.yaml:3)): certificates are valid as long as the CA"}},
		"nothing for init": {doc: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\n---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n", notes: []string{
			"c.yaml:1: UpgradeConfiguration: passed over",
			"c.yaml:4: KubeletConfiguration: passed over",
			"c.yaml: has no ClusterConfiguration, InitConfiguration or JoinConfiguration of kubeadm.k8s.io: nothing of it counts",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			notes, err := Validate("c.yaml", []byte(tc.doc), nil)
			require.NoError(t, err)
			assert.Equal(t, tc.notes, notes)
		})
	}
	// A node's name has up to 253 characters.
	name := strings.Join([]string{long, long, long, long[:61]}, ".")
	s, _, err := Load(Input{Name: "c.yaml", Host: NeutralHost(), Documents: []byte(initHead + "nodeRegistration: {name: " + strings.ToUpper(name) + "}\n")})
	require.NoError(t, err)
	assert.Equal(t, name, s.Cluster.Nodes[0].Name)
	_, _, err = Load(Input{Host: NeutralHost(), Flags: map[string][]string{"node-name": {name + "a"}}})
	assert.EqualError(t, err, `--node-name: "`+name+`a" is not a DNS name: it must have 1 to 253 characters`)
}

// config validate is never kinder than init: what certs refuses is said by both.
func TestValidateAsRun(t *testing.T) {
	for _, doc := range []string{
		initHead + "nodeRegistration: {name: " + strings.Repeat("a", 63) + "}\n",
		clusterHead + "clusterName: x\n",
		initHead + "nodeRegistration: {name: 10.0.0.1}\nlocalAPIEndpoint: {advertiseAddress: 127.0.0.1}\n",
	} {
		s, _, err := Load(Input{Name: "c.yaml", Documents: []byte(doc), Host: NeutralHost()})
		require.NoError(t, err)
		_, wanted := certs.New(s.Cluster)
		_, got := Validate("c.yaml", []byte(doc), nil)
		if wanted == nil {
			assert.NoError(t, got)
			continue
		}
		var all *Errors
		require.ErrorAs(t, got, &all)
		assert.Equal(t, "c.yaml: "+wanted.Error(), got.Error())
	}
}
