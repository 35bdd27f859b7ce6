package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	clusterHead = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
	initHead    = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
	joinHead    = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n"
)

// faultRow is an input and all that is wrong with it: want are the lines of
// the error, hints those of the faults that have one.
type faultRow struct {
	name  string
	doc   string
	flags map[string]string
	env   map[string]string
	want  []string
	hints []string
}

func checkFaults(t *testing.T, rows []faultRow) {
	for _, tc := range rows {
		t.Run(tc.name, func(t *testing.T) {
			in := Input{Host: NeutralHost(), Environ: environ(tc.env), Flags: map[string][]string{}}
			if tc.doc != "" {
				in.Name, in.Documents = "c.yaml", []byte(tc.doc)
			}
			for n, v := range tc.flags {
				in.Flags[n] = []string{v}
			}
			s, _, err := Load(in)
			var all *Errors
			require.ErrorAs(t, err, &all)
			assert.Equal(t, strings.Join(tc.want, "\n"), err.Error())
			var hints []string
			for _, f := range all.Faults {
				if f.Hint != "" {
					hints = append(hints, f.Hint)
				}
			}
			assert.Equal(t, tc.hints, hints)
			assert.Equal(t, Settings{}, s)
		})
	}
}

func TestDocumentFaults(t *testing.T) {
	checkFaults(t, []faultRow{
		{name: "empty file", doc: "\n# nothing\n---\n",
			want: []string{"c.yaml: has no ClusterConfiguration, InitConfiguration or JoinConfiguration of kubeadm.k8s.io"}},
		{name: "other kinds only", doc: "apiVersion: apps/v1\nkind: Deployment\n",
			want: []string{"c.yaml: has no ClusterConfiguration, InitConfiguration or JoinConfiguration of kubeadm.k8s.io"}},
		{name: "not a mapping", doc: clusterHead + "---\n- a\n---\njust text\n",
			want: []string{
				"c.yaml:4: wanted a document with apiVersion and kind, found a list",
				"c.yaml:6: wanted a document with apiVersion and kind, found text",
			}},
		{name: "no kind, no version", doc: "kind: ClusterConfiguration\n---\napiVersion: kubeadm.k8s.io/v1beta4\n",
			want: []string{
				"c.yaml:1: apiVersion: missing, as in apiVersion: kubeadm.k8s.io/v1beta4",
				"c.yaml:3: kind: missing, as in kind: ClusterConfiguration",
			}},
		{name: "old version", doc: "apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\n",
			want:  []string{`c.yaml:1: apiVersion: "kubeadm.k8s.io/v1beta2" is too old: v1beta4 and v1beta3 are read`},
			hints: []string{"a kubeadm v1.22 binary converts it: kubeadm config migrate --old-config OLD --new-config NEW"}},
		{name: "unknown version", doc: "apiVersion: kubeadm.k8s.io/v1\nkind: ClusterConfiguration\n",
			want: []string{`c.yaml:1: apiVersion: unknown version "kubeadm.k8s.io/v1": v1beta4 and v1beta3 are read`}},
		{name: "another group's kind of that name", doc: "apiVersion: kubeadm.k8s/v1beta4\nkind: ClusterConfiguration\n",
			want:  []string{`c.yaml:1: apiVersion: ClusterConfiguration is a kind of kubeadm.k8s.io, not of "kubeadm.k8s/v1beta4"`},
			hints: []string{"write kubeadm.k8s.io/v1beta4"}},
		{name: "unknown kind", doc: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfig\n",
			want: []string{`c.yaml:2: kind: unknown kind "ClusterConfig" of kubeadm.k8s.io`}},
		{name: "second of a kind", doc: clusterHead + "---\n" + initHead + "---\n" + clusterHead,
			want: []string{
				"c.yaml:7: ClusterConfiguration: second document of this kind, the first is on line 1",
			}},
		{name: "too large", doc: strings.Repeat("#", maxFile+1),
			want: []string{"c.yaml: is larger than 1 MiB"}},
		{name: "a fault before a syntax error", doc: clusterHead + "bogus: 1\n---\na: [\n",
			want: []string{
				"c.yaml:3: bogus: unknown field",
				"c.yaml:6: not YAML: did not find expected node content",
			}},
		{name: "syntax: key", doc: "a: 1\nb: 'it's'\n",
			want: []string{"c.yaml:2: not YAML: did not find expected key"}},
		{name: "syntax: first line", doc: "a: b: c\n",
			want: []string{"c.yaml:1: not YAML: mapping values are not allowed in this context"}},
		{name: "syntax: third line", doc: "a: 1\n\nb: @x\n",
			want: []string{"c.yaml:3: not YAML: found character that cannot start any token"}},
		{name: "control character", doc: "a: 1\nb: \x01\n",
			want: []string{"c.yaml:2: not YAML: control characters are not allowed"}},
		{name: "not UTF-8", doc: "a: 1\nb: \xff\n",
			want: []string{"c.yaml:2: not YAML: invalid leading UTF-8 octet"}},
		{name: "no anchor", doc: "a: 1\nb: *x\n",
			want: []string{`c.yaml:2: not YAML: alias of an anchor "x" that is not above it`}},
		{name: "too deep", doc: strings.Repeat("[", 20000),
			want: []string{"c.yaml:1: not YAML: exceeded max depth of 10000"}},
	})
}

func TestFieldFaults(t *testing.T) {
	checkFaults(t, []faultRow{
		{name: "unknown fields and what was meant",
			doc: clusterHead + "serviceSubnet: 10.0.0.0/16\nclustername: x\nnetworking:\n  dnsDomian: x.y\n  nonsense: 1\napiServer: {certSans: []}\nadvertiseAddress: 10.0.0.1\nfeatureGates: {PublicKeyECDSA: true}\nextraArgs: []\n",
			want: []string{
				"c.yaml:3: serviceSubnet: unknown field",
				"c.yaml:4: clustername: unknown field",
				"c.yaml:6: networking.dnsDomian: unknown field",
				"c.yaml:7: networking.nonsense: unknown field",
				"c.yaml:8: apiServer.certSans: unknown field",
				"c.yaml:9: advertiseAddress: unknown field",
				"c.yaml:10: featureGates.PublicKeyECDSA: unknown field",
				"c.yaml:11: extraArgs: unknown field",
			},
			hints: []string{
				"did you mean networking.serviceSubnet?",
				"did you mean clusterName?",
				"did you mean networking.dnsDomain?",
				"did you mean apiServer.certSANs?",
				"did you mean localAPIEndpoint.advertiseAddress of InitConfiguration or controlPlane.localAPIEndpoint.advertiseAddress of JoinConfiguration?",
				"did you mean featureGates.PublicKeysECDSA?",
			}},
		{name: "fields of the other version",
			doc: strings.Replace(clusterHead, "v1beta4", "v1beta3", 1) + "encryptionAlgorithm: RSA-2048\nproxy: {disabled: true}\n---\n" + initHead + "timeouts: {}\n---\n" + strings.Replace(joinHead, "v1beta4", "v1beta3", 1) + "discovery: {timeout: 5m}\ndryRun: true\n",
			want: []string{
				"c.yaml:3: encryptionAlgorithm: unknown field",
				"c.yaml:4: proxy: unknown field",
				"c.yaml:13: dryRun: unknown field",
			},
			hints: []string{
				"it is a field of v1beta4, this document is v1beta3",
				"it is a field of v1beta4, this document is v1beta3",
				"it is a field of v1beta4, this document is v1beta3",
			}},
		{name: "duplicate keys", doc: clusterHead + "clusterName: a\nnetworking:\n  dnsDomain: a.b\n  dnsDomain: a.b\nclusterName: b\nkind: ClusterConfiguration\ncontrollerManager:\n  extraArgs: []\n  extraArgs: []\n",
			want: []string{
				"c.yaml:6: networking.dnsDomain: second time, the first is on line 5",
				"c.yaml:7: clusterName: second time, the first is on line 3",
				"c.yaml:8: kind: second time, the first is on line 2",
				"c.yaml:11: controllerManager.extraArgs: second time, the first is on line 10",
			}},
		{name: "keys that are none", doc: clusterHead + "? [x]\n: y\n<<: {clusterName: z}\nnetworking:\n  ? {a: b}\n  : c\n  <<: 1\n",
			want: []string{
				"c.yaml:3: wanted a name as key, found a list",
				"c.yaml:7: networking: wanted a name as key, found a mapping",
				"c.yaml:9: networking: a merge key (<<) takes a mapping or a list of mappings, found a number",
			}},
		{name: "merge keys", doc: clusterHead + "networking:\n  dnsDomain: a.b\n  <<: {dnsDomain: c.d, servicesubnet: 10.0.0.0/16}\napiServer:\n  <<: [~, {certSANs: x}, [y]]\n  ? <<\n  : {? [x] : y}\netcd:\n  <<: {local: {}}\n  <<: {local: {}}\nscheduler: &s\n  <<: *s\n",
			want: []string{
				"c.yaml:5: networking.dnsDomain: second time, the first is on line 4",
				"c.yaml:5: networking.servicesubnet: unknown field",
				"c.yaml:7: apiServer: a merge key (<<) takes a mapping or a list of mappings, found nothing",
				"c.yaml:7: apiServer: a merge key (<<) takes a mapping or a list of mappings, found a list",
				"c.yaml:7: apiServer.certSANs: wanted a list, found text",
				"c.yaml:9: apiServer: wanted a name as key, found a list",
				"c.yaml:12: etcd.local: second time, the first is on line 11",
				"c.yaml:14: scheduler: merge keys (<<) are nested more than 100 deep",
			},
			hints: []string{"did you mean networking.serviceSubnet?"}},
		{name: "wrong types", doc: clusterHead + "clusterName: 7\nnetworking: [a]\napiServer: {certSANs: lb, extraArgs: {a: b}}\netcd:\n  local:\n    serverCertSANs: [a.b, 1.5, {a: b}, ~]\n    dataDir: true\ndns: {disabled: \"yes\"}\ncertificateValidityPeriod: 24\ncontrolPlaneEndpoint: {host: x}\ncertificatesDir: !odd x\n",
			want: []string{
				"c.yaml:3: clusterName: wanted text, found a number",
				"c.yaml:4: networking: wanted a mapping, found a list",
				"c.yaml:5: apiServer.certSANs: wanted a list, found text",
				"c.yaml:5: apiServer.extraArgs: wanted a list, found a mapping",
				"c.yaml:8: etcd.local.serverCertSANs[1]: wanted text, found a fractional number",
				"c.yaml:8: etcd.local.serverCertSANs[2]: wanted text, found a mapping",
				"c.yaml:8: etcd.local.serverCertSANs[3]: wanted text, found nothing",
				"c.yaml:9: etcd.local.dataDir: wanted text, found true or false",
				"c.yaml:10: dns.disabled: wanted true or false, found text",
				"c.yaml:11: certificateValidityPeriod: wanted a duration, found a number",
				"c.yaml:12: controlPlaneEndpoint: wanted text, found a mapping",
				"c.yaml:13: certificatesDir: wanted text, found a value tagged !odd",
			},
			hints: []string{
				"put it in quotes",
				"in v1beta4 arguments are a list of {name: ..., value: ...}",
				"put it in quotes",
				"put it in quotes",
				"put it in quotes",
			}},
		{name: "wrong types in what has no effect", doc: initHead + "bootstrapTokens:\n- token: 123456\n  ttl: 1 day\n  expires: tomorrow\n  usages: signing\nnodeRegistration:\n  taints:\n  - key: a\n    efect: NoSchedule\n  -\n  ignorePreflightErrors: [[a]]\nlocalAPIEndpoint: {bindPort: \"6443\"}\ndryRun: maybe\n",
			want: []string{
				"c.yaml:4: bootstrapTokens[0].token: wanted text, found a number",
				`c.yaml:5: bootstrapTokens[0].ttl: "1 day" is not a duration: unknown unit " day" (ns, us, ms, s, m, h, d, w, y)`,
				"c.yaml:6: bootstrapTokens[0].expires: wanted a time (RFC 3339), found other text",
				"c.yaml:7: bootstrapTokens[0].usages: wanted a list, found text",
				"c.yaml:11: nodeRegistration.taints[0].efect: unknown field",
				"c.yaml:12: nodeRegistration.taints[1]: wanted a mapping, found nothing",
				"c.yaml:13: nodeRegistration.ignorePreflightErrors[0]: wanted text, found a list",
				"c.yaml:14: localAPIEndpoint.bindPort: wanted a whole number, found text",
				"c.yaml:15: dryRun: wanted true or false, found text",
			},
			hints: []string{"put it in quotes"}},
		{name: "arguments of the other version", doc: strings.Replace(initHead, "v1beta4", "v1beta3", 1) + "nodeRegistration:\n  kubeletExtraArgs:\n  - {name: a, value: b}\n",
			want:  []string{"c.yaml:4: nodeRegistration.kubeletExtraArgs: wanted a mapping, found a list"},
			hints: []string{"in v1beta3 arguments are a mapping of name to value"}},
		{name: "numbers", doc: initHead + "localAPIEndpoint: {bindPort: 0x1F90}\n",
			want: []string{"c.yaml:3: localAPIEndpoint.bindPort: wanted a whole number in plain decimal digits"}},
		{name: "a fraction, a tag", doc: initHead + "localAPIEndpoint: {bindPort: 6443.0}\ndryRun: !!int 1\nnodeRegistration: {imagePullSerial: !!bool x, name: !!binary YQ==, \"a b\": 1}\nskipPhases: [<<]\n",
			want: []string{
				"c.yaml:3: localAPIEndpoint.bindPort: wanted a whole number, found a fractional number",
				"c.yaml:4: dryRun: wanted true or false, found a number",
				"c.yaml:5: nodeRegistration.imagePullSerial: wanted true or false, found another word",
				"c.yaml:5: nodeRegistration.name: wanted text, found a value tagged !!binary",
				`c.yaml:5: nodeRegistration."a b": unknown field`,
				`c.yaml:6: skipPhases[0]: unknown phase "<<"`,
			}},
		{name: "a secret is not repeated", doc: initHead + "certificateKey: 0123abcd\n",
			want: []string{"c.yaml:3: certificateKey: is not an AES key of 32 bytes in hexadecimal digits"}},
	})
}

func TestValueFaults(t *testing.T) {
	checkFaults(t, []faultRow{
		{name: "names", doc: clusterHead + `clusterName: "a\nb"
controlPlaneEndpoint: https://api.example.com:6443/x
certificatesDir: pki
encryptionAlgorithm: rsa-2048
networking:
  serviceSubnet: 10.96.0.0/12,10.0.0.0/16
  podSubnet: 10.244.0.0
  dnsDomain: Cluster_local
apiServer:
  certSANs:
  - lb.example.com:6443
  - fine.example.com
  - 10.0.0.256
etcd:
  local:
    peerCertSANs: ["", https://a.b]
`,
			want: []string{
				`c.yaml:3: clusterName: "a\nb" has a character that cannot be printed`,
				`c.yaml:4: controlPlaneEndpoint: "https://api.example.com:6443/x" is a URL, wanted host or host:port`,
				`c.yaml:5: certificatesDir: "pki": path is not absolute`,
				`c.yaml:6: encryptionAlgorithm: unknown key algorithm "rsa-2048": must be one of RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384, Ed25519`,
				`c.yaml:8: networking.serviceSubnet: 10.96.0.0/12 and 10.0.0.0/16 are of the same family: wanted one range, or one of IPv4 and one of IPv6`,
				`c.yaml:9: networking.podSubnet: "10.244.0.0" is not a range of addresses: it has no prefix length`,
				`c.yaml:10: networking.dnsDomain: "Cluster_local" is not a DNS name: labels hold lower-case letters, digits and inner hyphens, 1 to 63 characters`,
				`c.yaml:13: apiServer.certSANs[0]: "lb.example.com:6443" is neither an IP address nor a DNS name: it has a port, give the host only`,
				`c.yaml:15: apiServer.certSANs[2]: "10.0.0.256" is neither an IP address nor a DNS name: it looks like a mistyped IPv4 address`,
				`c.yaml:18: etcd.local.peerCertSANs[0]: "" is neither an IP address nor a DNS name: it is empty`,
				`c.yaml:18: etcd.local.peerCertSANs[1]: "https://a.b" is neither an IP address nor a DNS name: it looks like a URL, give its host only`,
			},
			hints: []string{"write api.example.com:6443", "--cert-dir may be relative"}},
		{name: "node", doc: initHead + "nodeRegistration: {name: CP_1}\nlocalAPIEndpoint: {advertiseAddress: 169.254.1.1, bindPort: 65536}\nskipPhases: [certs/ca, preflight, cert]\n",
			want: []string{
				`c.yaml:3: nodeRegistration.name: "cp_1" is not a DNS name: labels hold lower-case letters, digits and inner hyphens, 1 to 63 characters`,
				`c.yaml:4: localAPIEndpoint.advertiseAddress: "169.254.1.1" is not an address to reach one API server at (link-local, multicast or broadcast)`,
				`c.yaml:4: localAPIEndpoint.bindPort: "65536" is not a port: must be 1 to 65535`,
				`c.yaml:5: skipPhases[2]: unknown phase "cert"`,
			}},
		{name: "flags", flags: map[string]string{
			"cluster-name": "", "control-plane-endpoint": "10.0.0.1:0", "service-cidr": "", "service-dns-domain": "", "key-algorithm": "P256", "sa-key-algorithm": "Ed25519",
			"validity": "365", "ca-validity": "-1h", "node-name": " ", "apiserver-advertise-address": "host", "apiserver-bind-port": "0x1", "cert-dir": "", "kubeconfig-dir": "",
			"cert-mode": "0640", "skip-phases": "certs,preflight", "dry-run": "perhaps", "reissue": "", "apiserver-cert-extra-sans": "a b,,10.0.0.0/8", "etcd-cert-extra-sans": "a_b"},
			want: []string{
				`--cluster-name: is empty`,
				`--control-plane-endpoint: "10.0.0.1:0": "0" is not a port: must be 1 to 65535`,
				`--service-cidr: is empty`,
				`--service-dns-domain: "" is not a DNS name: it must have 1 to 253 characters`,
				`--apiserver-cert-extra-sans: "a b" is neither an IP address nor a DNS name: it has a space in it`,
				`--apiserver-cert-extra-sans: "" is neither an IP address nor a DNS name: it is empty`,
				`--apiserver-cert-extra-sans: "10.0.0.0/8" is neither an IP address nor a DNS name: it looks like a range, give single addresses`,
				`--etcd-cert-extra-sans: "a_b" is neither an IP address nor a DNS name: a DNS name has no underscore`,
				`--key-algorithm: unknown key algorithm "P256": must be one of RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384, Ed25519`,
				`--sa-key-algorithm: Ed25519 is for certificates only: must be one of RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384`,
				`--validity: "365" is not a duration: it is a row of numbers and units (ns, us, ms, s, m, h, d, w, y), such as 365d or 8760h`,
				`--ca-validity: "-1h" is no time to be valid: must be 1s at least`,
				`--node-name: is empty`,
				`--apiserver-advertise-address: "host" is not an IP address`,
				`--apiserver-bind-port: "0x1" is not a port: must be 1 to 65535`,
				`--cert-dir: is empty`,
				`--kubeconfig-dir: is empty`,
				`--cert-mode: "0640" is not a mode for certificates: must be 0644 or 0600`,
				`--skip-phases: unknown phase "preflight"`,
				`--dry-run: "perhaps" is neither true nor false`,
				`--reissue: "" is neither true nor false`,
			}},
		{name: "an address with a zone", flags: map[string]string{"apiserver-advertise-address": "fd00::1%eth0"},
			want: []string{`--apiserver-advertise-address: "fd00::1%eth0" has a zone, which has no meaning on other hosts`}},
		{name: "environment", env: map[string]string{"PKITOOL_SERVICE_CIDR": "10.0.0.0/16,fd00::/64", "PKITOOL_DRY_RUN": "2", "PKITOOL_SA_KEY_ALGORITHM": "x"},
			want: []string{
				`PKITOOL_SERVICE_CIDR: "fd00::/64" is too large: wanted a prefix length of 108 at least`,
				`PKITOOL_SA_KEY_ALGORITHM: unknown key algorithm "x": must be one of RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384, Ed25519`,
				`PKITOOL_DRY_RUN: "2" is neither true nor false`,
			}},
		{name: "file, flag and environment, in this order", doc: clusterHead + "clusterName: [a]\n", flags: map[string]string{"cert-mode": "1"}, env: map[string]string{"PKITOOL_VALIDITY": "1"},
			want: []string{
				`c.yaml:3: clusterName: wanted text, found a list`,
				`--cert-mode: "1" is not a mode for certificates: must be 0644 or 0600`,
				`PKITOOL_VALIDITY: "1" is not a duration: it is a row of numbers and units (ns, us, ms, s, m, h, d, w, y), such as 365d or 8760h`,
			}},
		{name: "a file is judged where a flag beats it", doc: clusterHead + "networking: {dnsDomain: a..b}\n", flags: map[string]string{"service-dns-domain": "a.b"},
			want: []string{`c.yaml:3: networking.dnsDomain: "a..b" is not a DNS name: labels hold lower-case letters, digits and inner hyphens, 1 to 63 characters`}},
		{name: "entries without end", flags: map[string]string{"apiserver-cert-extra-sans": strings.Repeat("a,", maxEntries+1)},
			want: []string{`--apiserver-cert-extra-sans: one entry more than the 1000 that a list may have`}},
		{name: "values without end", flags: map[string]string{"cert-dir": strings.Repeat("a", maxText+1), "kubeconfig-dir": "a\xff", "apiserver-cert-extra-sans": strings.Repeat("a", 600)},
			want: []string{
				`--apiserver-cert-extra-sans: "` + strings.Repeat("a", 99) + `... is too long`,
				`--cert-dir: is longer than 4096 bytes`,
				`--kubeconfig-dir: "a\xff" is not UTF-8`,
			}},
		{name: "external etcd, as a whole", doc: clusterHead + "etcd:\n  local: {}\n  external: {certFile: /a, keyFile: rel, httpEndpoints: [x]}\n",
			want: []string{
				`c.yaml:5: etcd.external.httpEndpoints[0]: "x" is not a URL such as https://10.0.0.5:2379`,
				`c.yaml:5: etcd.external.keyFile: "rel": path is not absolute`,
				`c.yaml:5: etcd.external: excludes etcd.local on line 4: etcd is run by the cluster or by somebody else`,
				`c.yaml:5: etcd.external: has certFile and keyFile but no caFile`,
			}},
		{name: "external etcd, a key in the place of its file's name", doc: clusterHead + "etcd:\n  external: {endpoints: ['https://192.0.2.1:2379'], caFile: /a, certFile: /b, keyFile: LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0t}\n",
			want: []string{`c.yaml:4: etcd.external.keyFile: "(PEM data)": path is not absolute`}},
		{name: "external etcd, endpoints of a wrong type", doc: clusterHead + "etcd:\n  external:\n    endpoints: [1]\n",
			want:  []string{`c.yaml:5: etcd.external.endpoints[0]: wanted text, found a number`},
			hints: []string{"put it in quotes"}},
		{name: "external etcd, its URLs", doc: clusterHead + "etcd:\n  external:\n    endpoints: [\"http://10.0.0.1:2379\", \"10.0.0.1:2379\", \"%zz\"]\n    caFile: /a\n    certFile: /b\n",
			want: []string{
				`c.yaml:4: etcd.external: has one of certFile and keyFile: wanted both or none`,
				`c.yaml:5: etcd.external.endpoints[1]: "10.0.0.1:2379" is not a URL such as https://10.0.0.5:2379`,
				`c.yaml:5: etcd.external.endpoints[2]: "%zz" is not a URL such as https://10.0.0.5:2379`,
				`c.yaml:5: etcd.external.endpoints[0]: "http://10.0.0.1:2379" is not https, but certificates are given`,
			}},
	})
}

func TestValidityFaults(t *testing.T) {
	checkFaults(t, []faultRow{
		{name: "flag and file", doc: clusterHead + "caCertificateValidityPeriod: 30d\n", flags: map[string]string{"validity": "31d"},
			want: []string{`--validity: 31d is longer than the CA's 30d (caCertificateValidityPeriod (c.yaml:3)): no certificate may outlive its CA`}},
		{name: "flag and environment", flags: map[string]string{"validity": "3h"}, env: map[string]string{"PKITOOL_CA_VALIDITY": "2h30m"},
			want: []string{`--validity: 3h is longer than the CA's 2h30m (PKITOOL_CA_VALIDITY): no certificate may outlive its CA`}},
		{name: "zero", doc: clusterHead + "certificateValidityPeriod: 0s\ncaCertificateValidityPeriod: -1h\n",
			want: []string{
				`c.yaml:3: certificateValidityPeriod: "0s" is no time to be valid: must be 1s at least`,
				`c.yaml:4: caCertificateValidityPeriod: "-1h" is no time to be valid: must be 1s at least`,
			}},
		{name: "a bad one is not compared", flags: map[string]string{"validity": "20y", "ca-validity": "1 y"},
			want: []string{`--ca-validity: "1 y" is not a duration: unknown unit " y" (ns, us, ms, s, m, h, d, w, y)`}},
	})
}

// With the names that there are, skip-phases is held to them, in flag and file.
func TestSkipPhases(t *testing.T) {
	phases := []string{"certs", "certs/ca", "kubeconfig"}
	in := Input{Name: "c.yaml", Documents: []byte(initHead + "skipPhases: [addon/kube-proxy, certs/none, certs/ca]\n"), Host: NeutralHost(), Phases: phases}
	_, _, err := Load(in)
	assert.EqualError(t, err, `c.yaml:3: skipPhases[1]: unknown phase "certs/none"`)

	in.Documents = []byte(joinHead + "skipPhases: [control-plane-prepare, control-plane-prepare/download-certs, control-plane-join/etcd]\n")
	s, _, err := Load(in)
	require.NoError(t, err)
	assert.Equal(t, []string{"certs", "kubeconfig"}, s.SkipPhases)

	_, _, err = Load(Input{Flags: map[string][]string{"skip-phases": {"kubeconfig,certs/all"}}, Host: NeutralHost(), Phases: phases})
	assert.EqualError(t, err, `--skip-phases: unknown phase "certs/all"`)
}

// A hostile file is answered in bounded words, time and memory.
func TestFaultsAreBounded(t *testing.T) {
	var many strings.Builder
	many.WriteString(clusterHead)
	for i := range 5000 {
		fmt.Fprintf(&many, "k%d: 1\n", i)
	}
	_, err := Validate("c.yaml", []byte(many.String()), nil)
	var all *Errors
	require.ErrorAs(t, err, &all)
	assert.Len(t, all.Faults, 100)
	assert.Equal(t, 4900, all.More)
	assert.True(t, strings.HasSuffix(err.Error(), "\nc.yaml:102: k99: unknown field\nand 4900 more"), err.Error())

	// Aliases multiply: 1000 tokens with 1000 usages each, in a few kilobytes.
	bomb := initHead + "bootstrapTokens:\n- &t {token: a, usages: [" + strings.Repeat("a,", 1000) + "]}\n" + strings.Repeat("- *t\n", 1000)
	_, err = Validate("c.yaml", []byte(bomb), nil)
	assert.EqualError(t, err, "c.yaml:4: bootstrapTokens[199].usages[396]: the file has more than 200000 values, aliases counted in")

	// So do merge keys, in width and in depth.
	wide := clusterHead + "scheduler: {extraArgs: &a [{" + strings.Repeat("x: 1,", 10000) + "}]}\nproxy: {<<: [&b {" + strings.Repeat("disabled: true,", 10000) + "}" + strings.Repeat(",*b", 10000) + "]}\n"
	_, err = Validate("c.yaml", []byte(wide), nil)
	require.ErrorAs(t, err, &all)
	assert.Less(t, all.More, 2*maxNodes)
	deep := clusterHead + "scheduler:\n  extraVolumes:\n  - &a0 {name: a}\n"
	for i := range 60 {
		deep += fmt.Sprintf("  - &a%d {<<: [*a%d, *a%d]}\n", i+1, i, i)
	}
	_, err = Validate("c.yaml", []byte(deep), nil)
	require.ErrorAs(t, err, &all)
	assert.Less(t, all.More, 2*maxNodes)
	assert.Equal(t, "c.yaml:5: scheduler.extraVolumes[1].name: second time, the first is on line 5", all.Faults[0].String())

	// An alias of what is around it.
	_, err = Validate("c.yaml", []byte(clusterHead+"apiServer: &a\n  certSANs: &b [*b]\n  extraVolumes: [*a]\n"), nil)
	assert.EqualError(t, err, "c.yaml:4: apiServer.certSANs[0]: wanted text, found a list\n"+
		"c.yaml:4: apiServer.extraVolumes[0].certSANs: unknown field\n"+
		"c.yaml:5: apiServer.extraVolumes[0].extraVolumes: unknown field")
}
