package config

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/pki"
)

func TestPrint(t *testing.T) {
	data, err := os.ReadFile("testdata/cluster.yaml")
	require.NoError(t, err)
	s, _, err := Load(Input{Name: "cluster.yaml", Documents: data, Host: NeutralHost(), Flags: map[string][]string{
		"sa-key-algorithm": {"RSA-3072"}, "cert-dir": {"out/pki"}, "kubeconfig-dir": {"out"}, "reissue": {"true"}, "cert-mode": {"0600"},
		"control-plane-endpoint": {"fd00:20::10"}, "node-name": {"1234"}, "cluster-name": {"yes"}, "dry-run": {"true"},
	}})
	require.NoError(t, err)
	assert.Equal(t, `# flag only: --sa-key-algorithm=RSA-3072
# flag only: --cert-dir=out/pki
# flag only: --kubeconfig-dir=out
# flag only: --cert-mode=0600
# flag only: --reissue=true
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: "yes"
controlPlaneEndpoint: "fd00:20::10"
networking:
  serviceSubnet: "10.96.0.0/16,fd00:10:96::/112"
  dnsDomain: prod.local
apiServer:
  certSANs:
    - "*.api.example.net"
    - api.example.org
    - api.prod.example.com
    - 10.20.0.10
    - "fd00:20::10"
etcd:
  local:
    serverCertSANs:
      - etcd-1.prod.example.com
      - 10.21.0.11
    peerCertSANs:
      - peer-1.prod.example.com
      - 10.22.0.11
encryptionAlgorithm: ECDSA-P256
certificateValidityPeriod: 4380h0m0s
caCertificateValidityPeriod: 43800h0m0s
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  name: "1234"
localAPIEndpoint:
  advertiseAddress: 10.20.0.11
  bindPort: 6443
skipPhases:
  - certs/front-proxy-client
dryRun: true
`, string(Print(s)))
	checkPrintLaw(t, s)
}

// checkPrintLaw: what is printed, with the flags that it names, gives the same
// settings again, and asks the host for nothing.
func checkPrintLaw(t *testing.T, s Settings) {
	t.Helper()
	printed := Print(s)
	flags := map[string][]string{}
	for line := range strings.Lines(string(printed)) {
		if rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), flagOnly); ok {
			name, value, _ := strings.Cut(rest, "=")
			flags[name] = []string{value}
		}
	}
	again, notes, err := Load(Input{Name: "printed", Documents: printed, Flags: flags, Host: noHost(t), Needs: func(Settings) certs.Facts { return 0 }})
	require.NoError(t, err, "%s", printed)
	require.Empty(t, notes)
	require.Equal(t, bare(s), bare(again), "%s", printed)
}

func TestPrintLaw(t *testing.T) {
	checkPrintLaw(t, Defaults())
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		s, _, err := Load(Input{Name: f, Documents: data, Host: NeutralHost()})
		require.NoError(t, err)
		checkPrintLaw(t, s)
	}
	odd := Defaults()
	odd.Cluster.Name = ` # "{[&*!|>'%@` + "`" + `: é-` // what YAML has a meaning for
	odd.Cluster.Nodes[0].AdvertiseAddress = netip.MustParseAddr("::1")
	odd.Cluster.Validity = time.Second + time.Nanosecond
	odd.Cluster.KeyAlgorithm, odd.Cluster.SAKeyAlgorithm = pki.Ed25519, pki.ECDSAP256
	odd.CertDir, odd.KubeconfigDir = "./ #a: b", "/x=y,z"
	checkPrintLaw(t, odd)
}

// FuzzLoad holds: any file, flag and variable is judged without a panic and in
// bounded words; a file that is accepted, printed, gives the same settings.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(data, "", "", "")
		f.Add(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")), "prod", "a.b,10.0.0.1", "10.0.0.0/16")
	}
	f.Add([]byte("{? [x] : y, <<: {a: 1}}"), "", "*.a.b", "fd00::/112,10.0.0.0/20")
	f.Add([]byte(clusterHead+"? [x]\n: y\n<<: {clusterName: z}\n"), " ", "", "")
	f.Add([]byte(clusterHead+"apiServer: &a\n  certSANs: &b [*b]\n  extraVolumes: [*a]\n"), "-", "::1", "")
	f.Add([]byte(initHead+"nodeRegistration: {name: !!binary YQ==}\ndryRun: y\n"), "null", "", "")
	f.Fuzz(func(t *testing.T, data []byte, name, sans, cidr string) {
		defer fuzzbound.Hold(t, len(data)+len(name)+len(sans)+len(cidr))()
		s, notes, err := Load(Input{
			Name: "f", Documents: data, Host: NeutralHost(),
			Flags:   map[string][]string{"cluster-name": {name + "x"}, "apiserver-cert-extra-sans": {sans}},
			Environ: environ(map[string]string{"PKITOOL_SERVICE_CIDR": cidr, "PKITOOL_CERT_DIR": name}),
		})
		for _, n := range notes {
			require.Less(t, len(n), 1000)
			require.True(t, utf8.ValidString(n) && !strings.ContainsAny(n, "\n\x1b"), "%q", n)
		}
		if err != nil {
			require.IsType(t, &Errors{}, err)
			e := err.(*Errors)
			require.LessOrEqual(t, len(e.Faults), maxFaults)
			for _, f := range e.Faults {
				line := f.String()
				require.Less(t, len(line), 2000)
				require.True(t, utf8.ValidString(line) && !strings.ContainsAny(line, "\n\x1b"), "%q", line)
			}
			return
		}
		checkPrintLaw(t, s)
	})
}
