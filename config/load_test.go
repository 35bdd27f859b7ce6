package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
)

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, t := range texts {
		out = append(out, netip.MustParseAddr(t))
	}
	return out
}

// environ is an environment of these variables only.
func environ(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

// bare are settings without where they come from.
func bare(s Settings) Settings {
	s.origins, s.Cluster.Assumed, s.Cluster.Unknown = nil, 0, nil
	return s
}

// called is a host's name, as its host gives it.
func called(name string) func() (string, error) {
	return func() (string, error) { return name, nil }
}

// noHost fails the test when it is asked.
func noHost(t *testing.T) Host {
	return Host{
		Name: func() (string, error) {
			t.Error("the host was asked for its name")
			return "", errors.New("not to be asked")
		},
		AdvertiseAddress: func() (netip.Addr, error) {
			t.Error("the host was asked for its address")
			return netip.Addr{}, errors.New("not to be asked")
		},
	}
}

func TestLoadRealFile(t *testing.T) {
	data, err := os.ReadFile("testdata/cluster.yaml")
	require.NoError(t, err)
	got, notes, err := Load(Input{Name: "cluster.yaml", Documents: data, Host: noHost(t)})
	require.NoError(t, err)
	assert.Equal(t, Settings{
		Cluster: certs.Cluster{
			Name:         "prod",
			Endpoint:     certs.Endpoint{Host: "api.prod.example.com", Port: 8443},
			ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/16"), netip.MustParsePrefix("fd00:10:96::/112")},
			DNSDomain:    "prod.local",
			APIServerSANs: pki.SANs{
				DNS: []string{"*.api.example.net", "api.example.org", "api.prod.example.com"},
				IPs: addrs("10.20.0.10", "fd00:20::10"),
			},
			EtcdServerSANs: pki.SANs{DNS: []string{"etcd-1.prod.example.com"}, IPs: addrs("10.21.0.11")},
			EtcdPeerSANs:   pki.SANs{DNS: []string{"peer-1.prod.example.com"}, IPs: addrs("10.22.0.11")},
			Nodes:          []certs.Node{{Roles: certs.FirstNode, Name: "cp-1.prod.example.com", AdvertiseAddress: netip.MustParseAddr("10.20.0.11"), BindPort: 6443}},
			KeyAlgorithm:   pki.ECDSAP256,
			Validity:       4380 * time.Hour,
			CAValidity:     43800 * time.Hour,
		},
		CertDir:       "/etc/kubernetes/pki",
		KubeconfigDir: "/etc/kubernetes",
		SkipPhases:    []string{"certs/front-proxy-client"},
		CertMode:      0o644,
		kept:          map[string][]string{},
	}, bare(got))
	assert.Zero(t, got.Cluster.Assumed)
	assert.Nil(t, got.Cluster.Unknown)
	assert.Equal(t, []string{
		"cluster.yaml:66: KubeletConfiguration: passed over",
		"cluster.yaml:72: KubeProxyConfiguration: passed over",
	}, notes)
}

// Every field that the schema knows is in a file that the real kubeadm
// accepts (kubeadm config validate), and is accepted here. The exceptions are
// what kubeadm v1.36 knows and yet accepts in no file, metadata, and feature
// gates of releases before it.
func TestEveryKnownField(t *testing.T) {
	files, err := filepath.Glob("testdata/every-field-*.yaml")
	require.NoError(t, err)
	require.Len(t, files, 6)
	seen := map[string]bool{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		notes, err := Validate(f, data, nil)
		require.NoError(t, err, f)
		assert.LessOrEqual(t, len(notes), 1, "%s: %v", f, notes)

		version := v1beta4
		if strings.Contains(f, v1beta3) {
			version = v1beta3
		}
		recordFields(t, version, data, seen)
	}
	for _, version := range []string{v1beta3, v1beta4} {
		for kind, s := range schema(version) {
			for _, path := range leaves(s, version+" "+kind) {
				if strings.HasSuffix(path, "[].expires") { // excluded by ttl, which defaulting sets
					continue
				}
				if strings.HasSuffix(path, ".metadata") { // kubeadm warns of it
					continue
				}
				if i := strings.Index(path, ".featureGates."); i >= 0 && path[i:] != ".featureGates.PublicKeysECDSA" {
					continue
				}
				assert.True(t, seen[path], "no file has %s", path)
			}
		}
	}
}

func leaves(s *shape, path string) []string {
	switch s.is {
	case list:
		return leaves(s.of, path+"[]")
	case mapping:
		return []string{path}
	case object:
		var all []string
		for n, f := range s.fields {
			all = append(all, leaves(f, path+"."+n)...)
		}
		return all
	}
	return []string{path}
}

func TestPrecedence(t *testing.T) {
	file := "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: of-file\napiServer: {certSANs: [a.file, b.file]}\n"
	for _, tc := range []struct {
		name     string
		file     string
		env      map[string]string
		flags    map[string][]string
		wantName string
		wantSANs []string
	}{
		{name: "default", wantName: "kubernetes"},
		{name: "file", file: file, wantName: "of-file", wantSANs: []string{"a.file", "b.file"}},
		{name: "environment beats file", file: file,
			env:      map[string]string{"PKITOOL_CLUSTER_NAME": "of-env", "PKITOOL_APISERVER_CERT_EXTRA_SANS": "a.env,b.env"},
			wantName: "of-env", wantSANs: []string{"a.env", "b.env"}},
		{name: "an empty variable is not set", file: file,
			env:      map[string]string{"PKITOOL_CLUSTER_NAME": "", "PKITOOL_APISERVER_CERT_EXTRA_SANS": ""},
			wantName: "of-file", wantSANs: []string{"a.file", "b.file"}},
		{name: "flag beats both, a list replaces the list", file: file,
			env:      map[string]string{"PKITOOL_CLUSTER_NAME": "of-env", "PKITOOL_APISERVER_CERT_EXTRA_SANS": "not a name"},
			flags:    map[string][]string{"cluster-name": {"first", "of-flag"}, "apiserver-cert-extra-sans": {"a.flag,b.flag", "c.flag"}},
			wantName: "of-flag", wantSANs: []string{"a.flag", "b.flag", "c.flag"}},
		{name: "an empty list replaces too", file: file,
			flags:    map[string][]string{"apiserver-cert-extra-sans": {""}},
			wantName: "of-file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := Input{Flags: tc.flags, Environ: environ(tc.env), Host: NeutralHost()}
			if tc.file != "" {
				in.Name, in.Documents = "f", []byte(tc.file)
			}
			s, _, err := Load(in)
			require.NoError(t, err)
			assert.Equal(t, tc.wantName, s.Cluster.Name)
			assert.Equal(t, tc.wantSANs, s.Cluster.APIServerSANs.DNS)
		})
	}
}

// Every flag has an effect, alone, and the same one through the environment.
func TestEveryFlagHasAnEffect(t *testing.T) {
	values := map[string]string{
		"cluster-name": "prod", "control-plane-endpoint": "lb.example.com", "service-cidr": "10.0.0.0/16,fd00::/112",
		"service-dns-domain": "a.b", "apiserver-cert-extra-sans": "x.y", "etcd-cert-extra-sans": "x.y,10.0.0.1",
		"key-algorithm": "Ed25519", "sa-key-algorithm": "ECDSA-P384", "validity": "90d", "ca-validity": "20y",
		"node-name": "n1", "apiserver-advertise-address": "127.0.0.1", "apiserver-bind-port": "7443",
		"cert-dir": "pki", "kubeconfig-dir": "conf", "cert-mode": "0600", "skip-phases": "kubeconfig", "dry-run": "true", "reissue": "true",
	}
	for _, f := range Fields() {
		if f.Flag == "" {
			continue
		}
		t.Run(f.Flag, func(t *testing.T) {
			v, ok := values[f.Flag]
			require.True(t, ok, "a value for it is missing in this test")
			byFlag, _, err := Load(Input{Flags: map[string][]string{f.Flag: {v}}, Host: NeutralHost()})
			require.NoError(t, err)
			byEnv, _, err := Load(Input{Environ: environ(map[string]string{f.Env(): v}), Host: NeutralHost()})
			require.NoError(t, err)
			assert.Equal(t, bare(byFlag), bare(byEnv))
			assert.NotEqual(t, bare(Defaults()), bare(byFlag))
			assert.Equal(t, Origin{Layer: ByFlag, Source: "--" + f.Flag}, byFlag.Origin(f.Flag))
			assert.Equal(t, Origin{Layer: ByVariable, Source: f.Env()}, byEnv.Origin(f.Flag))
			assert.False(t, byFlag.Cluster.Assumed&f.Fact != 0)
		})
	}
}

func TestFieldsTable(t *testing.T) {
	// The flags of the design's section 5, but for those that are cmd's own.
	want := []string{
		"cluster-name", "control-plane-endpoint", "service-cidr", "service-dns-domain", "apiserver-cert-extra-sans", "etcd-cert-extra-sans",
		"key-algorithm", "sa-key-algorithm", "validity", "ca-validity", "node-name", "apiserver-advertise-address", "apiserver-bind-port",
		"cert-dir", "kubeconfig-dir", "cert-mode", "skip-phases", "dry-run", "reissue",
	}
	var got []string
	paths := map[string]bool{}
	kinds := schema(v1beta4)
	for _, f := range Fields() {
		if f.Flag != "" {
			got = append(got, f.Flag)
		} else {
			assert.Empty(t, f.Env())
			assert.NotEmpty(t, f.Paths(), f.Doc)
		}
		assert.NotEmpty(t, f.Doc)
		for _, p := range f.Paths() {
			kind, field, _ := strings.Cut(p, ".")
			assert.NotNil(t, kinds[kind].at(field), p)
			assert.False(t, paths[p], "%s twice", p)
			paths[p] = true
		}
	}
	assert.Equal(t, want, got)
	assert.Equal(t, "PKITOOL_APISERVER_CERT_EXTRA_SANS", Fields()[5].Env())
}

func TestHost(t *testing.T) {
	name := Host{Name: called("Host-1")}
	for _, tc := range []struct {
		name  string
		host  Host
		flags map[string][]string
		want  certs.Node
	}{
		{"lower case", Host{Name: called(" Host-1 "), AdvertiseAddress: NeutralHost().AdvertiseAddress}, nil,
			certs.Node{Roles: certs.FirstNode, Name: "host-1", AdvertiseAddress: netip.MustParseAddr("192.0.2.1"), BindPort: 6443}},
		{"not asked for what is given", name, map[string][]string{"apiserver-advertise-address": {"127.0.0.1"}},
			certs.Node{Roles: certs.FirstNode, Name: "host-1", AdvertiseAddress: netip.MustParseAddr("127.0.0.1"), BindPort: 6443}},
		{"unspecified means the default route", Host{AdvertiseAddress: NeutralHost().AdvertiseAddress}, map[string][]string{"apiserver-advertise-address": {"::"}, "node-name": {"10.0.0.1"}},
			certs.Node{Roles: certs.FirstNode, Name: "10.0.0.1", AdvertiseAddress: netip.MustParseAddr("192.0.2.1"), BindPort: 6443}},
		{"mapped address", name, map[string][]string{"apiserver-advertise-address": {"::ffff:10.0.0.9"}},
			certs.Node{Roles: certs.FirstNode, Name: "host-1", AdvertiseAddress: netip.MustParseAddr("10.0.0.9"), BindPort: 6443}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _, err := Load(Input{Host: tc.host, Flags: tc.flags})
			require.NoError(t, err)
			assert.Equal(t, []certs.Node{tc.want}, s.Cluster.Nodes)
		})
	}
}

func TestDefaults(t *testing.T) {
	assert.Equal(t, Settings{
		Cluster: certs.Cluster{
			Name:         "kubernetes",
			ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
			DNSDomain:    "cluster.local",
			Nodes:        []certs.Node{{Roles: certs.FirstNode, Name: "node", AdvertiseAddress: netip.MustParseAddr("192.0.2.1"), BindPort: 6443}},
			KeyAlgorithm: pki.RSA2048,
			Validity:     8760 * time.Hour,
			CAValidity:   87600 * time.Hour,
		},
		CertDir: "/etc/kubernetes/pki", KubeconfigDir: "/etc/kubernetes", CertMode: fs.FileMode(0o644), kept: map[string][]string{},
	}, bare(Defaults()))
}

func TestJoinDocument(t *testing.T) {
	data, err := os.ReadFile("testdata/every-field-v1beta4-join.yaml")
	require.NoError(t, err)
	s, _, err := Load(Input{Name: "-", Documents: data, Host: noHost(t)})
	require.NoError(t, err)
	assert.Equal(t, []certs.Node{{Roles: certs.JoinedNode, Name: "cp-2", AdvertiseAddress: netip.MustParseAddr("10.20.0.12"), BindPort: 6443}}, s.Cluster.Nodes)
	assert.Equal(t, []string{"kubeconfig"}, s.SkipPhases)
}

func TestExternalEtcd(t *testing.T) {
	data, err := os.ReadFile("testdata/every-field-v1beta4-external-etcd.yaml")
	require.NoError(t, err)
	s, notes, err := Load(Input{Name: "e", Documents: data, Host: noHost(t), Environ: environ(map[string]string{"PKITOOL_ETCD_CERT_EXTRA_SANS": "a.b"})})
	require.NoError(t, err)
	assert.Equal(t, &certs.ExternalEtcd{
		Endpoints: []string{"https://10.30.0.1:2379", "https://10.30.0.2:2379"},
		CAFile:    "/etc/kubernetes/etcd/ca.crt", CertFile: "/etc/kubernetes/etcd/client.crt", KeyFile: "/etc/kubernetes/etcd/client.key",
	}, s.Cluster.ExternalEtcd)
	assert.True(t, s.Cluster.EtcdServerSANs.Empty())
	assert.Equal(t, []string{"PKITOOL_ETCD_CERT_EXTRA_SANS: no effect, etcd is external"}, notes)
}

// featureGates.PublicKeysECDSA decides, whichever way it is set; a flag beats it.
func TestECDSAGate(t *testing.T) {
	const head = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
	for _, tc := range []struct {
		body  string
		flags map[string][]string
		want  pki.KeyAlgorithm
		notes []string
	}{
		{"featureGates: {PublicKeysECDSA: true}\n", nil, pki.ECDSAP256, nil},
		{"featureGates: {PublicKeysECDSA: yes}\n", nil, pki.ECDSAP256, nil},
		{"featureGates: {}\nencryptionAlgorithm: RSA-4096\n", nil, pki.RSA4096, nil},
		{"encryptionAlgorithm: ECDSA-P384\nfeatureGates: {PublicKeysECDSA: false}\n", nil, pki.RSA2048,
			[]string{"f:4: featureGates.PublicKeysECDSA: overrides encryptionAlgorithm on line 3"}},
		{"featureGates: {PublicKeysECDSA: true}\n", map[string][]string{"key-algorithm": {"RSA-3072"}}, pki.RSA3072, nil},
	} {
		s, notes, err := Load(Input{Name: "f", Documents: []byte(head + tc.body), Flags: tc.flags, Host: NeutralHost()})
		require.NoError(t, err)
		assert.Equal(t, tc.want, s.Cluster.KeyAlgorithm, tc.body)
		assert.Equal(t, tc.notes, notes, tc.body)
	}
}

// What kubeadm takes for "not given" is not given here either.
func TestEmptyIsNotGiven(t *testing.T) {
	doc := "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: \"\"\nnetworking: {serviceSubnet: '', dnsDomain: null}\ncertificatesDir: ~\nencryptionAlgorithm: ''\netcd: {external: null, local: {}}\n" +
		"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {advertiseAddress: '', bindPort: 0}\nnodeRegistration:\n"
	s, _, err := Load(Input{Name: "f", Documents: []byte(doc), Host: NeutralHost()})
	require.NoError(t, err)
	want := Defaults()
	want.Cluster.Assumed &^= certs.NodeRoles // an InitConfiguration says what the node is
	assert.Equal(t, want, s)                 // not given: all that is there is assumed
}

// Files that were put together with cat have a byte order mark in their middle.
func TestByteOrderMarks(t *testing.T) {
	const mark = "\ufeff"
	for _, doc := range []string{
		mark + clusterHead + "clusterName: a\n---\n" + mark + initHead + "dryRun: true\n",
		mark + clusterHead + "clusterName: a\n" + mark + "---\n" + initHead + "dryRun: true\n",
		strings.ReplaceAll("# c\n"+mark+clusterHead+"clusterName: a\n---\n"+mark+initHead+"dryRun: true\n", "\n", "\r\n"),
	} {
		s, _, err := Load(Input{Name: "c.yaml", Documents: []byte(doc), Host: NeutralHost()})
		require.NoError(t, err)
		assert.Equal(t, "a", s.Cluster.Name)
		assert.True(t, s.DryRun)
	}
}

// Merge keys bring what kubeadm reads out of them.
func TestMergeKeys(t *testing.T) {
	got, _, err := Load(Input{Name: "c.yaml", Host: NeutralHost(), Documents: []byte(clusterHead + `
networking:
  <<: [{serviceSubnet: 10.1.0.0/16}, {<<: {dnsDomain: a.b}}]
apiServer:
  <<: &names
    certSANs: [x.y]
etcd:
  local:
    serverCertSANs: [z.y]
    <<: {peerCertSANs: [p.y]}
`)})
	require.NoError(t, err)
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, got.Cluster.ServiceCIDRs)
	assert.Equal(t, "a.b", got.Cluster.DNSDomain)
	assert.Equal(t, []string{"x.y"}, got.Cluster.APIServerSANs.DNS)
	assert.Equal(t, []string{"z.y"}, got.Cluster.EtcdServerSANs.DNS)
	assert.Equal(t, []string{"p.y"}, got.Cluster.EtcdPeerSANs.DNS)
}

// Documents of kubeadm that say nothing about PKI are passed over too, and
// the words that YAML 1.1 has for booleans are kubeadm's.
func TestPassedOverAndBooleans(t *testing.T) {
	doc := "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\nforce: true\n---\n" + initHead + "dryRun: on\nnodeRegistration: {imagePullSerial: off}\n---\napiVersion: v1\nkind: \"Odd\\x1bKind\"\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\n"
	s, notes, err := Load(Input{Name: "-", Documents: []byte(doc), Host: NeutralHost(), Flags: map[string][]string{"sa-key-algorithm": {""}}})
	require.NoError(t, err)
	assert.True(t, s.DryRun)
	assert.Empty(t, s.Cluster.SAKeyAlgorithm)
	assert.Equal(t, []string{
		"stdin:1: ResetConfiguration: passed over",
		`stdin:10: "Odd\x1bKind": passed over`,
		"stdin:13: UpgradeConfiguration: passed over",
	}, notes)
}
