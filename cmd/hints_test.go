package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hinted is a command in a hint, as it is printed.
var hinted = regexp.MustCompile("`(pkitool [^`]*)`")

// TestHints breaks a directory in many ways, runs a command, and then runs the hints of the refusal as they are printed,
// until the command is content: no hint asks for a flag that the command refuses, or leaves out one that it needs.
func TestHints(t *testing.T) {
	node := []string{"--node-name", "cp-1", "--apiserver-advertise-address", "192.0.2.10", "--key-algorithm", "ECDSA-P256"}
	made := t.TempDir()
	t.Chdir(made)
	good(t, runAt(testNow, nil, append([]string{"init", "-q", "--cert-dir", "etc/pki", "--kubeconfig-dir", "etc"}, node...)...))
	good(t, runAt(testNow, nil, append([]string{"init", "-q", "--cert-dir", "other/pki", "--kubeconfig-dir", "other"}, node...)...))
	sound := files(t, made)
	dirs := []string{"--cert-dir", "etc/pki", "--kubeconfig-dir", "etc"}
	initAll := func(more ...string) []string {
		return append(append(append([]string{"init"}, dirs...), node...), more...)
	}
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
	copied := func(from, to string) func(*testing.T) {
		return func(t *testing.T) {
			data, err := os.ReadFile(from)
			require.NoError(t, err)
			write(to, string(data))(t)
		}
	}
	nothing := func(*testing.T) {}
	const year = 9000 * time.Hour
	for _, tt := range []struct {
		name   string
		broken func(*testing.T)
		after  time.Duration
		args   []string
	}{
		{"a name more", nothing, 0, initAll("--apiserver-cert-extra-sans", "a.example.com,192.0.2.77")},
		{"another endpoint", nothing, 0, initAll("--control-plane-endpoint", "lb.example.com:8443")},
		{"another node", nothing, 0, []string{"init", "--cert-dir", "etc/pki", "--kubeconfig-dir", "etc", "--node-name", "cp-2", "--apiserver-advertise-address", "192.0.2.11"}},
		{"from a file", write("my file.yaml", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer: {certSANs: [b.example.com]}\n"), 0,
			initAll("--config", "my file.yaml")},
		{"expired", nothing, year, initAll()},
		{"expired, checked", nothing, year, append([]string{"certs", "check-expiration", "-q"}, dirs...)},
		{"near its end", nothing, year, append([]string{"certs", "check-expiration", "apiserver", "admin.conf"}, dirs...)},
		{"a certificate missing, checked", remove("etc/pki/etcd/peer.crt"), 0, append([]string{"certs", "check-expiration", "-q"}, dirs...)},
		{"a key missing, checked", remove("etc/pki/etcd/peer.key"), 0, append([]string{"certs", "check-expiration", "-q"}, dirs...)},
		{"garbage, checked", write("etc/pki/apiserver.crt", "x"), 0, append([]string{"certs", "check-expiration", "-q"}, dirs...)},
		{"a certificate missing, renewed", remove("etc/pki/etcd/peer.crt"), 0, append([]string{"certs", "renew", "etcd-peer"}, dirs...)},
		{"a server's garbage, renewed on another host", write("etc/pki/apiserver.crt", "x"), 0, append([]string{"certs", "renew", "apiserver"}, dirs...)},
		{"a server's garbage, another host", write("etc/pki/apiserver.crt", "x"), 0, append([]string{"init"}, dirs...)},
		{"members' garbage, another host", func(t *testing.T) {
			write("etc/pki/etcd/server.crt", "x")(t)
			write("etc/pki/etcd/peer.crt", "x")(t)
		}, 0, append([]string{"init"}, dirs...)},
		{"no CA", remove("etc/pki/ca.key", "etc/pki/ca.crt", "etc/pki/apiserver.crt", "etc/pki/apiserver-kubelet-client.crt",
			"etc/admin.conf", "etc/super-admin.conf", "etc/kubelet.conf", "etc/scheduler.conf", "etc/controller-manager.conf"), 0,
			append([]string{"init", "phase", "kubeconfig", "admin", "scheduler"}, append(dirs, node[2:]...)...)},
		{"no CA to issue by", remove("etc/pki/front-proxy-ca.key", "etc/pki/front-proxy-ca.crt", "etc/pki/front-proxy-client.crt"), 0,
			[]string{"certs", "issue", "--client", "--cn", "x", "--validity", "1h", "--signer", "front-proxy-ca", "--cert-dir", "etc/pki", "--out", "x"}},
		{"another's key", copied("other/pki/apiserver.key", "etc/pki/apiserver.key"), 0, initAll()},
		{"another cluster's", func(t *testing.T) {
			for _, f := range []string{"pki/etcd/server.crt", "pki/etcd/server.key", "admin.conf"} {
				copied("other/"+f, "etc/"+f)(t)
			}
		}, 0, initAll()},
		{"another cluster's, renewed", copied("other/scheduler.conf", "etc/scheduler.conf"), 0, append([]string{"certs", "renew", "all"}, dirs...)},
		{"no key", remove("etc/pki/front-proxy-client.key"), 0, initAll()},
		{"garbage", func(t *testing.T) {
			write("etc/pki/apiserver.crt", "x")(t)
			write("etc/pki/etcd/peer.key", "x")(t)
			write("etc/kubelet.conf", "a: [")(t)
		}, 0, initAll()},
		{"empty", write("etc/pki/apiserver-etcd-client.crt", ""), 0, initAll()},
		{"no certificate in a kubeconfig", func(t *testing.T) {
			data, err := os.ReadFile("etc/admin.conf")
			require.NoError(t, err)
			write("etc/admin.conf", regexp.MustCompile(`(?m)^ *client-.*\n`).ReplaceAllString(string(data), ""))(t)
		}, 0, initAll()},
		{"external CA", func(t *testing.T) { remove("etc/pki/ca.key", "etc/pki/apiserver.crt", "etc/scheduler.conf")(t) }, 0, initAll()},
		{"external CA, expired", remove("etc/pki/ca.key"), year, append([]string{"certs", "renew", "apiserver", "admin.conf"}, append(dirs, "--if-expires-within", "30d")...)},
		{"external CA, checked", remove("etc/pki/ca.key"), year, append([]string{"certs", "check-expiration", "-q", "apiserver", "kubelet"}, dirs...)},
		{"a key missing, audited", remove("etc/pki/etcd/peer.key"), 0, []string{"certs", "audit", "etc", "-q"}},
		{"a certificate missing, audited by its directory", remove("etc/pki/etcd/peer.crt"), 0, []string{"certs", "audit", "etc/pki"}},
		{"a node's root, audited", func(t *testing.T) {
			require.NoError(t, os.Rename("etc", "x"))
			require.NoError(t, os.Mkdir("etc", 0o755))
			require.NoError(t, os.Rename("x", "etc/kubernetes"))
			write("etc/kubernetes/pki/apiserver.crt", "x")(t)
		}, 0, []string{"certs", "audit", ".", "-q"}},
		{"garbage, audited", func(t *testing.T) {
			write("etc/pki/apiserver.crt", "x")(t)
			write("etc/scheduler.conf", "a: [")(t)
		}, 0, []string{"certs", "audit", "-q", "etc", "etc/pki"}},
		{"expired, audited", nothing, year, []string{"certs", "audit", "-q", "etc"}},
		{"external CA, audited", remove("etc/pki/ca.key"), year, []string{"certs", "audit", "-q", "etc"}},
		{"external CA, another server", remove("etc/pki/ca.key"), 0, append(append([]string{"init", "phase", "kubeconfig", "admin"}, dirs...), "--control-plane-endpoint", "kubernetes")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for name, data := range sound {
				require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
				require.NoError(t, os.WriteFile(name, data, 0o600))
			}
			tt.broken(t)
			tried := 0
			for range 4 {
				r := runAt(testNow.Add(tt.after), nil, tt.args...)
				commands := hintsOf(r)
				if len(commands) == 0 {
					require.Equal(t, 0, r.code, "no hint helps: %s", r.stderr)
					assert.Positive(t, tried, "nothing was wrong")
					if !slices.Contains(tt.args, "--node-name") {
						sameNode(t)
					}
					return
				}
				for _, c := range commands {
					tried++
					tryHint(t, sound["etc/pki/ca.key"], testNow.Add(tt.after), c)
				}
			}
			t.Fatal("the hints do not mend it")
		})
	}
}

// sameNode asks whether the servers' certificates and the kubelet's are still of the node that they were made for: this
// host has another name, and mostly another address.
func sameNode(t *testing.T) {
	t.Helper()
	for file, wants := range map[string]string{"etc/pki/apiserver.crt": "cp-1", "etc/pki/etcd/server.crt": "cp-1", "etc/pki/etcd/peer.crt": "cp-1", "etc/kubelet.conf": "system:node:cp-1"} {
		if _, err := os.Stat(file); err != nil {
			continue // an external CA's
		}
		r := good(t, runAt(testNow, nil, "certs", "show", file))
		assert.Contains(t, r.stdout, wants, file)
		if file != "etc/kubelet.conf" {
			assert.Contains(t, r.stdout, "192.0.2.10", file)
		}
	}
}

// hintsOf are the commands in the hints of a run, each once.
func hintsOf(r ran) []string {
	var out []string
	seen := map[string]bool{}
	for line := range strings.Lines(r.stdout + r.stderr) {
		text, ok := strings.CutPrefix(line, "hint: ")
		if !ok {
			text, ok = strings.CutPrefix(line, "  fix: ") // certs audit
		}
		if ok {
			for _, m := range hinted.FindAllStringSubmatch(text, -1) {
				if !seen[m[1]] {
					seen[m[1]] = true
					out = append(out, m[1])
				}
			}
		}
	}
	return out
}

// tryHint runs a command as it is printed. For FILE it takes what the CA, which is elsewhere, signs.
func tryHint(t *testing.T, caKey []byte, now time.Time, command string) {
	t.Helper()
	var args []string
	for _, m := range regexp.MustCompile(`'[^']*'|[^ ]+`).FindAllString(command, -1) { // as a shell does
		args = append(args, strings.Trim(m, "'"))
	}
	if i := slices.Index(args, "FILE"); i >= 0 {
		args[i] = signElsewhere(t, caKey, now)
	}
	r := runAt(now, nil, args[1:]...)
	require.Equal(t, 0, r.code, "%s\n%s%s", command, r.stdout, r.stderr)
}

// signElsewhere signs all requests that are there, where the CA's key is, and gives the file of the certificates.
func signElsewhere(t *testing.T, caKey []byte, now time.Time) string {
	t.Helper()
	ca, err := os.ReadFile("etc/pki/ca.crt")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll("safe", 0o700))
	require.NoError(t, os.WriteFile("safe/ca.crt", ca, 0o600))
	require.NoError(t, os.WriteFile("safe/ca.key", caKey, 0o600))
	var all []byte
	requests, err := filepath.Glob("etc/pki/*.csr")
	require.NoError(t, err)
	confs, err := filepath.Glob("etc/*.csr")
	require.NoError(t, err)
	for _, f := range append(requests, confs...) {
		as := "client"
		if filepath.Base(f) == "apiserver.csr" {
			as = "server"
		}
		r := good(t, runAt(now, nil, "certs", "sign", f, "--as", as, "--accept-subject", "--accept-sans", "--allow-system-masters", "--cert-dir", "safe", "-q"))
		all = append(all, r.stdout...)
	}
	require.NotEmpty(t, all)
	require.NoError(t, os.WriteFile("signed.pem", all, 0o600))
	return "signed.pem"
}
