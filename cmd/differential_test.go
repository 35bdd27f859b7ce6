package cmd_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
)

// TestDifferentialOpenSSL lets the installed openssl verify every certificate
// that init makes, of every algorithm, strictly and for its purpose.
func TestDifferentialOpenSSL(t *testing.T) {
	openssl := tooling(t, "openssl")
	tree, err := certs.New(config.Defaults().Cluster)
	require.NoError(t, err)
	for _, a := range pki.KeyAlgorithms() {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			args := here(dir, "--key-algorithm", string(a))
			command := []string{"init"}
			if a == pki.RSA3072 || a == pki.RSA4096 {
				shareKey(t, dir, tree, a)
				command = []string{"init", "phase", "certs", "ca", "apiserver", "apiserver-kubelet-client"}
			}
			good(t, runAt(testNow, nil, append(command, args...)...))
			n := 0
			for s := range tree.Rows() {
				if s.Kind == certs.KeyPair || len(command) > 1 && !slices.Contains(command, s.Name) {
					continue
				}
				n++
				verifies(t, openssl, dir, tree, s)
			}
			assert.Equal(t, map[bool]int{true: 3, false: 15}[len(command) > 1], n)
		})
	}
}

// shareKey puts one key into every leaf's place, since large RSA keys take a
// second each: a key alone is certified. The CA gets its own.
func shareKey(t *testing.T, dir string, tree certs.Tree, a pki.KeyAlgorithm) {
	t.Helper()
	key, err := pki.GenerateKey(a)
	require.NoError(t, err)
	data, err := pki.EncodePrivateKey(key)
	require.NoError(t, err)
	for s := range tree.Rows() {
		if s.Phase() == "certs" && s.Kind != certs.CA {
			path := filepath.Join(dir, "pki", s.Place.Key)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, data, 0o600))
		}
	}
}

// verifies runs openssl verify over a row's certificate, for each purpose that it has.
func verifies(t *testing.T, openssl, dir string, tree certs.Tree, s certs.Spec) {
	t.Helper()
	cert := filepath.Join(dir, "pki", s.Place.Cert)
	if s.Place.Kubeconfig != "" {
		data, err := os.ReadFile(filepath.Join(dir, s.Place.Kubeconfig))
		require.NoError(t, err)
		c, err := kubeconfig.Parse(data)
		require.NoError(t, err)
		e, err := c.Current()
		require.NoError(t, err)
		cert = filepath.Join(dir, s.Name+".client.crt")
		require.NoError(t, os.WriteFile(cert, e.User.ClientCert, 0o644))
	}
	ca := s
	if s.Issuer.Role != "" {
		var ok bool
		ca, ok = tree.Row(s.Issuer)
		require.True(t, ok)
	}
	purposes := map[certs.Kind][]string{certs.CA: {"any"}, certs.Serving: {"sslserver"}, certs.Client: {"sslclient"}, certs.Peer: {"sslserver", "sslclient"}}
	refused := map[certs.Kind]string{certs.Serving: "sslclient", certs.Client: "sslserver"}
	verify := func(purpose string) error {
		out, err := exec.Command(openssl, "verify", "-x509_strict", "-purpose", purpose, "-attime", strconv.FormatInt(testNow.Unix(), 10),
			"-CAfile", filepath.Join(dir, "pki", ca.Place.Cert), cert).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %s", s.Name, out)
		}
		return nil
	}
	for _, p := range purposes[s.Kind] {
		assert.NoError(t, verify(p))
	}
	if p := refused[s.Kind]; p != "" {
		assert.ErrorContains(t, verify(p), "certificate purpose", "%s is good for nothing else", s.Name)
	}
}

// TestDifferentialKubeadm lets the real kubeadm make everything, and then finds
// nothing to change: a directory of kubeadm's, from the same file, is kept as it is.
func TestDifferentialKubeadm(t *testing.T) {
	kubeadm := os.Getenv("PKITOOL_KUBEADM")
	if kubeadm == "" {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI needs PKITOOL_KUBEADM, the path of kubeadm")
		t.Skip("SKIPPED: PKITOOL_KUBEADM names no kubeadm binary, so nothing is compared with it")
	}
	for _, a := range []string{"RSA-2048", "ECDSA-P256"} {
		t.Run(a, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "kubeadm.yaml")
			write := func(serviceSubnet string) {
				require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, kubeadmFile, a, filepath.Join(dir, "pki"), serviceSubnet), 0o600))
			}
			write("10.96.0.0/16")
			for _, args := range [][]string{{"certs", "all"}, {"kubeconfig", "all", "--kubeconfig-dir", dir}} {
				out, err := exec.Command(kubeadm, append(append([]string{"init", "phase"}, args...), "--config", file)...).CombinedOutput()
				require.NoError(t, err, "%s", out)
			}
			before := stamps(t, dir)
			require.Len(t, before, 28, "27 files, and the configuration")
			r := good(t, runAt(time.Now(), nil, "init", "--config", file, "--kubeconfig-dir", dir))
			assert.Contains(t, r.stdout, "nothing changed: 16 rows complete")
			assert.NotContains(t, r.stdout, "more names than planned")
			assert.Equal(t, before, stamps(t, dir))

			// In a dual-stack cluster kubeadm leaves the second service address out: that is said, and no fault.
			write("10.96.0.0/16,fd00::/112")
			r = good(t, runAt(time.Now(), nil, "init", "--config", file, "--kubeconfig-dir", dir))
			assert.Contains(t, r.stdout, "notice: apiserver: certificate is without the names IP:fd00::1, which pkitool would write ")
			assert.Contains(t, r.stdout, "nothing changed: 16 rows complete")
			delete(before, "kubeadm.yaml")
			after := stamps(t, dir)
			delete(after, "kubeadm.yaml")
			assert.Equal(t, before, after)

			// A renewal from the configuration adds it.
			r = good(t, runAt(time.Now(), nil, "certs", "renew", "apiserver", "--config", file))
			assert.Contains(t, r.stdout+r.stderr, "adds the names IP:fd00::1")
		})
	}
}

const kubeadmFile = `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration: {name: cp-1}
localAPIEndpoint: {advertiseAddress: 192.0.2.10, bindPort: 6444}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
clusterName: prod
controlPlaneEndpoint: lb.example.com:6444
encryptionAlgorithm: %s
certificatesDir: %s
certificateValidityPeriod: 2160h
apiServer:
  certSANs: [api.example.com, 198.51.100.20]
etcd:
  local:
    serverCertSANs: [etcd.example.com]
    peerCertSANs: [peer.example.com]
networking:
  serviceSubnet: %s
`

// stamps are content, mode and time of every file below dir.
func stamps(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for rel, data := range files(t, dir) {
		info, err := os.Stat(filepath.Join(dir, rel))
		require.NoError(t, err)
		out[rel] = strings.Join([]string{info.Mode().String(), info.ModTime().Format(time.RFC3339Nano), string(data)}, "\n")
	}
	return out
}
