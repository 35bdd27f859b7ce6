package cmd_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki"
)

// told is a finding as `certs audit -o json` prints it.
type told struct{ ID, Severity, Row, Path, Text, Hint, Follows string }

// audited is what `certs audit` finds.
func audited(t *testing.T, now time.Time, args ...string) []told {
	t.Helper()
	r := runAt(now, nil, append([]string{"certs", "audit", "-o", "json"}, args...)...)
	var out struct{ Directories []struct{ Findings []told } }
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &out), "%s%s", r.stdout, r.stderr)
	var found []told
	for _, d := range out.Directories {
		found = append(found, d.Findings...)
	}
	bad := slices.ContainsFunc(found, func(f told) bool { return f.Severity == "error" })
	require.Equal(t, map[bool]int{false: 0, true: 1}[bad], r.code, r.stderr)
	return found
}

// worth are the findings above notices, "severity id row: sentence".
func worth(list []told) []string {
	var out []string
	for _, f := range list {
		if f.Severity != "notice" {
			out = append(out, fmt.Sprintf("%s %s %s: %s", f.Severity, f.ID, f.Row, f.Text))
		}
	}
	return out
}

// aNode makes a whole PKI in etc and another one in other, below the working directory, and gives the files.
func aNode(t *testing.T, more ...string) map[string][]byte {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, dir := range []string{"etc", "other"} {
		good(t, runAt(testNow, nil, append([]string{"init", "-q", "--cert-dir", dir + "/pki", "--kubeconfig-dir", dir, "--node-name", "cp-1",
			"--apiserver-advertise-address", "192.0.2.10", "--key-algorithm", "ECDSA-P256"}, more...)...))
	}
	return files(t, ".")
}

// put writes the files of a directory below another one.
func put(t *testing.T, all map[string][]byte) {
	t.Helper()
	for name, data := range all {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, data, 0o600))
	}
}

// inSystem are the commands of the system in a hint.
var inSystem = regexp.MustCompile(`\b(?:chmod|chown|rm) [^` + "`" + `]*$`)

// TestAuditHints breaks a directory in many ways, and does what `certs audit` prints, until nothing is left to say: every
// command works as it stands there, from where the audit was run.
func TestAuditHints(t *testing.T) {
	sound := aNode(t)
	remove := func(names ...string) func(*testing.T) {
		return func(t *testing.T) {
			for _, n := range names {
				require.NoError(t, os.Remove(n))
			}
		}
	}
	write := func(name, data string) func(*testing.T) {
		return func(t *testing.T) { require.NoError(t, os.WriteFile(name, []byte(data), 0o600)) }
	}
	copied := func(pairs ...string) func(*testing.T) {
		return func(t *testing.T) {
			for i := 0; i < len(pairs); i += 2 {
				data, err := os.ReadFile(pairs[i])
				require.NoError(t, err)
				write(pairs[i+1], string(data))(t)
			}
		}
	}
	edited := func(name, old, new string) func(*testing.T) {
		return func(t *testing.T) {
			data, err := os.ReadFile(name)
			require.NoError(t, err)
			require.Contains(t, string(data), old)
			write(name, strings.ReplaceAll(string(data), old, new))(t)
		}
	}
	const year = 9000 * time.Hour
	for _, tt := range []struct {
		name   string
		broken func(*testing.T)
		after  time.Duration
		ids    []string // of the first audit, above notices
	}{
		{"a copy of a key", copied("etc/pki/apiserver.key", "etc/pki/apiserver.key.old"), 0, []string{"key-copied"}},
		{"a key that others read", func(t *testing.T) { require.NoError(t, os.Chmod("etc/pki/sa.key", 0o644)) }, 0, []string{"key-mode-loose"}},
		{"a kubeconfig that others read", func(t *testing.T) { require.NoError(t, os.Chmod("etc/admin.conf", 0o644)) }, 0, []string{"key-mode-loose"}},
		{"an open directory", func(t *testing.T) { require.NoError(t, os.Chmod("etc/pki", 0o777)) }, 0, []string{"directory-open"}},
		{"a certificate missing", remove("etc/pki/etcd/peer.crt", "etc/pki/etcd/peer.key"), 0, []string{"certificate-missing"}},
		{"a key missing", remove("etc/pki/apiserver.key"), 0, []string{"key-missing"}},
		{"a kubeconfig missing", remove("etc/scheduler.conf"), 0, []string{"certificate-missing"}},
		{"the service accounts' pair missing", remove("etc/pki/sa.key", "etc/pki/sa.pub"), 0, []string{"sa-missing"}},
		{"garbage", write("etc/pki/etcd/server.crt", "x"), 0, []string{"pem-missing"}},
		{"not YAML", write("etc/controller-manager.conf", "a: ["), 0, []string{"kubeconfig-broken"}},
		{"another cluster's server", copied("other/pki/etcd/server.crt", "etc/pki/etcd/server.crt", "other/pki/etcd/server.key", "etc/pki/etcd/server.key"), 0, []string{"other-ca-same-name"}},
		{"another cluster's kubeconfig", copied("other/admin.conf", "etc/admin.conf"), 0, []string{"other-ca-same-name", "trust-namesake"}},
		{"two files of one key", copied("etc/pki/etcd/server.crt", "etc/pki/etcd/peer.crt", "etc/pki/etcd/server.key", "etc/pki/etcd/peer.key"), 0, []string{"key-shared"}},
		{"a server that no certificate names", edited("etc/admin.conf", "https://192.0.2.10:6443", "https://lb.example.com:6443"), 0, []string{"server-uncovered"}},
		{"an older copy of a kubeconfig", func(t *testing.T) {
			copied("etc/admin.conf", "etc/me.conf")(t)
			good(t, runAt(testNow.Add(time.Hour), nil, "certs", "renew", "admin", "-q", "--cert-dir", "etc/pki", "--kubeconfig-dir", "etc", "--backup-dir", "safe"))
		}, time.Hour, []string{"kubeconfig-older"}},
		{"another node's kubelet", func(t *testing.T) {
			remove("etc/kubelet.conf")(t)
			good(t, runAt(testNow, nil, "init", "phase", "kubeconfig", "kubelet", "-q", "--cert-dir", "etc/pki", "--kubeconfig-dir", "etc", "--node-name", "cp-2", "--apiserver-advertise-address", "192.0.2.10"))
		}, 0, []string{"node-other"}},
		{"expired", func(*testing.T) {}, year, []string{"certificate-expired"}},
		{"an external CA, a key missing", remove("etc/pki/ca.key", "etc/pki/apiserver.key"), 0, []string{"key-missing"}},
		{"an external CA, a kubeconfig without its key", func(t *testing.T) {
			remove("etc/pki/ca.key")(t)
			edited("etc/scheduler.conf", "client-key-data", "x-key-data")(t)
		}, 0, []string{"client-key-missing", "key-missing"}},
		{"an external CA, expired", remove("etc/pki/ca.key", "etc/super-admin.conf"), year, []string{"certificate-expired"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			put(t, sound)
			require.Empty(t, worth(audited(t, testNow, "etc")), "the sound one")
			tt.broken(t)
			at := testNow.Add(tt.after)
			for round := range 5 {
				found := audited(t, at, "etc")
				var ids, commands []string
				for _, f := range found {
					if f.Severity == "notice" {
						continue
					}
					ids = append(ids, f.ID)
					for _, m := range hinted.FindAllStringSubmatch(f.Hint, -1) {
						commands = append(commands, m[1])
					}
					if c := inSystem.FindString(f.Hint); c != "" {
						commands = append(commands, c)
					}
				}
				slices.Sort(ids)
				if round == 0 && tt.ids != nil {
					require.Equal(t, tt.ids, slices.Compact(ids), "%v", found)
				}
				if len(ids) == 0 {
					require.Positive(t, round, "nothing is found")
					return
				}
				require.NotEmpty(t, commands, "no hint helps: %v", worth(found))
				seen := map[string]bool{}
				for _, c := range commands {
					if seen[c] {
						continue
					}
					seen[c] = true
					if strings.HasPrefix(c, "pkitool ") {
						tryHint(t, sound["etc/pki/ca.key"], at, c)
						continue
					}
					out, err := exec.Command("sh", "-c", c).CombinedOutput()
					require.NoError(t, err, "%s: %s", c, out)
				}
			}
			t.Fatal("the hints do not mend it: ", worth(audited(t, at, "etc")))
		})
	}
}

// TestAuditOfManifests: what the API server's static pod says is no guess. A certificate of another service range or
// another address is an error, whose hint mends it.
func TestAuditOfManifests(t *testing.T) {
	sound := aNode(t, "--service-cidr", "172.20.0.0/16")
	pod := func(flags string) []byte {
		return []byte("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - command:\n    - kube-apiserver\n    - " + strings.ReplaceAll(flags, " ", "\n    - ") + "\n")
	}
	for _, tt := range []struct {
		name, pod string
		want      []string
	}{
		{"as the certificates are", "--advertise-address=192.0.2.10 --secure-port=6443 --service-cluster-ip-range=172.20.0.0/16", nil},
		{"another service range", "--advertise-address=192.0.2.10 --service-cluster-ip-range=172.30.0.0/16", []string{"error names-missing apiserver: certificate lacks the names IP:172.30.0.1"}},
		{"a second service range", "--service-cluster-ip-range=172.20.0.0/16,fd00::/112", nil}, // whose address kubeadm leaves out
		{"another address", "--advertise-address=192.0.2.99 --service-cluster-ip-range=172.20.0.0/16", []string{
			"error names-missing apiserver: certificate lacks the names IP:192.0.2.99",
			"error names-missing etcd-server: certificate lacks the names IP:192.0.2.99",
			"error names-missing etcd-peer: certificate lacks the names IP:192.0.2.99",
		}},
		{"an etcd peer of another address", "--advertise-address=192.0.2.10", []string{"error names-missing etcd-peer: certificate lacks the names IP:192.0.2.10"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			put(t, sound)
			put(t, map[string][]byte{"etc/manifests/kube-apiserver.yaml": pod(tt.pod)})
			if strings.Contains(tt.name, "peer") {
				require.NoError(t, os.Remove("etc/pki/etcd/peer.crt"))
				good(t, runAt(testNow, nil, "init", "phase", "certs", "etcd-peer", "-q", "--cert-dir", "etc/pki", "--node-name", "cp-1", "--apiserver-advertise-address", "192.0.2.98"))
			}
			found := audited(t, testNow, "etc")
			assert.Equal(t, tt.want, worth(found))
			for _, f := range found {
				for _, m := range hinted.FindAllStringSubmatch(f.Hint, -1) {
					tryHint(t, nil, testNow, m[1])
				}
			}
			assert.Empty(t, worth(audited(t, testNow, "etc")))
		})
	}
}

// TestAuditOfManifestsOfSeveral: what one directory's static pod says is nothing to the next directory.
func TestAuditOfManifestsOfSeveral(t *testing.T) {
	aNode(t)
	put(t, map[string][]byte{"etc/manifests/kube-apiserver.yaml": []byte("spec: {containers: [{command: [kube-apiserver, --service-cluster-ip-range=172.30.0.0/16]}]}\n")})
	found := audited(t, testNow, "etc", "other", "etc", "other")
	require.Len(t, worth(found), 2)
	for _, f := range found {
		if f.Severity != "notice" {
			assert.Equal(t, "names-missing", f.ID)
			assert.Equal(t, "etc/pki/apiserver.crt", f.Path)
			assert.Contains(t, f.Hint, "--service-cidr 172.30.0.0/16")
		}
	}
}

// kubeadmFiles are configurations of the real kubeadm.
var kubeadmFiles = map[string]string{
	"v1beta4":              kubeadmFile,
	"v1beta4, other names": strings.NewReplacer("clusterName: prod", "clusterName: staging", "networking:", "networking:\n  dnsDomain: k8s.example.com").Replace(kubeadmFile),
	"v1beta4, one node":    strings.ReplaceAll(kubeadmFile, "controlPlaneEndpoint: lb.example.com:6444\n", ""),
	"v1beta3": `apiVersion: kubeadm.k8s.io/v1beta3
kind: InitConfiguration
nodeRegistration: {name: cp-1}
localAPIEndpoint: {advertiseAddress: 192.0.2.10}
---
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
controlPlaneEndpoint: 192.0.2.100
# %s
certificatesDir: %s
networking: {serviceSubnet: %s}
`,
}

// TestAuditOfKubeadm: a directory of the real kubeadm has no error and no warning, with its configuration, with its
// static pod, and with nothing.
func TestAuditOfKubeadm(t *testing.T) {
	kubeadm := os.Getenv("PKITOOL_KUBEADM")
	if kubeadm == "" {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI needs PKITOOL_KUBEADM, the path of kubeadm")
		t.Skip("SKIPPED: PKITOOL_KUBEADM names no kubeadm binary, so no directory of it is audited")
	}
	for name, text := range kubeadmFiles {
		for _, a := range []pki.KeyAlgorithm{pki.RSA2048, pki.ECDSAP256} {
			if name != "v1beta4" && a == pki.RSA2048 != (name == "v1beta3") { // which knows RSA only
				continue
			}
			t.Run(name+"/"+string(a), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				file, certDir := filepath.Join(dir, "kubeadm.yaml"), filepath.Join(dir, "certificates")
				require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, text, a, certDir, "172.20.0.0/16"), 0o600))
				run := func(args ...string) {
					c := exec.Command(kubeadm, append([]string{"init", "phase"}, append(args, "--config", file)...)...)
					c.Env = append(os.Environ(), "KUBEADM_INIT_DRYRUN_DIR="+filepath.Join(dir, "manifests"))
					out, err := c.CombinedOutput()
					require.NoError(t, err, "%s", out)
				}
				run("certs", "all")
				run("kubeconfig", "all", "--kubeconfig-dir", dir)
				dirs := []string{"--cert-dir", certDir, "--kubeconfig-dir", dir}
				with := func(args ...string) []string { return worth(audited(t, time.Now(), args...)) }
				before := stamps(t, dir)
				assert.Empty(t, with(append(dirs, "--config", file)...))
				assert.Empty(t, with(dirs...))
				assert.Equal(t, before, stamps(t, dir))
				require.NoError(t, os.Mkdir(filepath.Join(dir, "manifests"), 0o700))
				run("control-plane", "apiserver", "--dry-run")
				require.FileExists(t, filepath.Join(dir, "manifests", "kube-apiserver.yaml"))
				assert.Empty(t, with(dirs...), "with the static pod")
			})
		}
	}
}
