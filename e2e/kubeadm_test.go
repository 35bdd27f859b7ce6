package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/e2e/cluster"
)

// kubeadmAlgorithms are the key algorithms that both tools know.
var kubeadmAlgorithms = []string{"RSA-2048", "ECDSA-P256", "ECDSA-P384"}

// TestKubeadm gives pkitool's directory to kubeadm and kubeadm's to pkitool.
func TestKubeadm(t *testing.T) {
	for _, algorithm := range kubeadmAlgorithms {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			v := variant{configure: func(c *cluster.Config) { c.Algorithm = algorithm }}
			for _, part := range []struct {
				name string
				run  func(*testing.T, variant)
			}{
				{"kubeadm-init", kubeadmKeepsOurs},
				{"pkitool-init", pkitoolKeepsTheirs},
				{"kubeadm-certs", kubeadmManagesOurs},
			} {
				t.Run(part.name, func(t *testing.T) {
					part.run(t, v)
					if !t.Failed() && !t.Skipped() {
						suite.report.passed(part.name, algorithm)
					}
				})
			}
		})
	}
}

// kubeadmKeepsOurs: kubeadm's phases take every file as existing and change none.
func kubeadmKeepsOurs(t *testing.T, v variant) {
	s := newSite(t, v)
	s.makePKI(t)
	before := s.snapshot(t)
	certs := kubeadm(t, s, "init", "phase", "certs", "all", "--config", s.configFile())
	confs := kubeadm(t, s, "init", "phase", "kubeconfig", "all", "--config", s.configFile(), "--kubeconfig-dir", s.kubeconfigDir())
	assert.Equal(t, before, s.snapshot(t))
	assert.Equal(t, 11, strings.Count(certs, "[certs] Using "+"existing")+strings.Count(certs, `[certs] Using the existing "sa" key`), certs)
	assert.Equal(t, 5, strings.Count(confs, "[kubeconfig] Using existing kubeconfig file"), confs)
	assert.NotContains(t, certs+confs, "Generating")
	assert.NotContains(t, certs+confs, "Writing")
}

// pkitoolKeepsTheirs: pkitool init over kubeadm's directory keeps every file.
func pkitoolKeepsTheirs(t *testing.T, v variant) {
	s := newSite(t, v)
	plantKubeadmPKI(t, s)
	before := s.snapshot(t)
	s.init(t)
	assert.Equal(t, before, s.snapshot(t))
}

// kubeadmManagesOurs: kubeadm's certs commands find every certificate and renew it, and pkitool agrees with the result.
// They insist on /etc/kubernetes, so they get a root of their own.
func kubeadmManagesOurs(t *testing.T, v variant) {
	root := newRoot(t)
	s := newSite(t, v)
	s.makePKI(t)
	inside := s.config
	inside.PKIDir = "/etc/kubernetes/pki"
	text, err := inside.YAML()
	require.NoError(t, err)
	s.copyTo(t, root, inside.PKIDir, text)

	checkExpiration(t, kubeadmIn(t, root, "certs", "check-expiration", "--config", "/kubeadm.yaml", "-o", "json"))
	kubeadmIn(t, root, "certs", "renew", "all", "--config", "/kubeadm.yaml")

	// The renewed directory is brought back: kubeadm has replaced all but the CAs, the SA key and kubelet.conf.
	before := s.snapshot(t)
	require.NoError(t, copyFiles(filepath.Join(root, inside.PKIDir), s.pki(), s.files(t, s.pki())...))
	require.NoError(t, copyFiles(filepath.Join(root, "etc/kubernetes"), s.kubeconfigDir(), s.files(t, s.kubeconfigDir())...))
	renewed := s.snapshot(t)
	for path, state := range renewed {
		name := filepath.Base(path)
		kept := strings.HasSuffix(name, "ca.crt") || strings.HasSuffix(name, "ca.key") || strings.HasPrefix(name, "sa.") || name == "kubelet.conf"
		assert.Equal(t, kept, before[path].hash == state.hash, "%s unchanged by kubeadm certs renew all", path)
	}
	s.init(t)
	assert.Equal(t, renewed, s.snapshot(t), "pkitool init over what kubeadm renewed")
}

// checkExpiration reads kubeadm's table: all there, none managed elsewhere, none about to end.
func checkExpiration(t T, text string) {
	t.Helper()
	type row struct {
		Name                       string
		Missing, ExternallyManaged bool
		ResidualTime               int // seconds
	}
	var table struct{ Certificates, CertificateAuthorities []row }
	require.NoError(t, json.Unmarshal([]byte(text), &table), text)
	assert.Len(t, table.Certificates, 11)
	assert.Len(t, table.CertificateAuthorities, 3)
	for _, r := range append(table.Certificates, table.CertificateAuthorities...) {
		assert.False(t, r.Missing || r.ExternallyManaged, "%+v", r)
		assert.Greater(t, r.ResidualTime, 364*24*3600-60, "%+v", r)
	}
}

// newRoot makes a folder that kubeadm --rootfs can take for the root of a machine.
func newRoot(t *testing.T) string {
	t.Helper()
	root := newDir(t)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "etc/kubernetes/pki"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "tmp"), 0o1777))
	return root
}

// copyTo lays the PKI, the kubeconfigs and a configuration down where a kubeadm with that root looks for them.
func (s *site) copyTo(t T, root, pki string, config []byte) {
	t.Helper()
	require.NoError(t, copyFiles(s.pki(), filepath.Join(root, pki), s.files(t, s.pki())...))
	require.NoError(t, copyFiles(s.kubeconfigDir(), filepath.Join(root, "etc/kubernetes"), s.files(t, s.kubeconfigDir())...))
	require.NoError(t, os.WriteFile(filepath.Join(root, "kubeadm.yaml"), config, 0o644))
}

// kubeadmIn runs kubeadm with root as the root of the machine.
func kubeadmIn(t *testing.T, root string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(limited(t), suite.tools.Path("kubeadm"), args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=/"}
	cluster.InRoot(cmd, root)
	out, err := output(cmd)
	if os.Geteuid() != 0 && err != nil && (strings.Contains(err.Error(), "operation not permitted") || strings.Contains(err.Error(), "permission denied")) {
		skip(t, "this user may not chroot, and this system gives no user namespaces: %v", err)
	}
	require.NoError(t, err)
	return out
}
