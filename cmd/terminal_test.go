package cmd_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki"
)

// hostile is what somebody else may call a user, a cluster or a file: a colour, a C1 control, a change of the
// direction of writing, and a line of its own.
const hostile = "\x1b[31mred\u009b0m\u202e\r\nfake: line"

// No name that others chose acts on the terminal of whoever looks at it: not in what is shown, not in what is refused.
func TestTerminal(t *testing.T) {
	dir := t.TempDir()
	pkiDir, confDir := filepath.Join(dir, "pki"), filepath.Join(dir, "conf")
	places := []string{"--cert-dir", pkiDir, "--kubeconfig-dir", confDir}
	start := append([]string{"init", "-q", "--node-name", "cp-1", "--apiserver-advertise-address", "192.0.2.10", "--key-algorithm", "ECDSA-P256"}, places...)
	require.Zero(t, runAt(testNow, nil, start...).code)
	key, err := pki.GenerateKey(pki.ECDSAP256)
	require.NoError(t, err)
	put := func(name, data string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(data), 0o600))
		return path
	}
	request := put("a.csr", string(hostileRequest(t, key)))
	conf := hostileKubeconfig(t, pkiDir, "a")
	config := put("c.yaml", conf)
	other := put("other.yaml", strings.Replace(conf, "token: a", "token: b", 1))

	commands := map[string][]string{
		"kubeconfig show":     {"kubeconfig", "show", config},
		"kubeconfig check":    {"kubeconfig", "check", config},
		"kubeconfig merge":    {"kubeconfig", "merge", other, "--into", config, "--rename", "--set-current"},
		"kubeconfig conflict": {"kubeconfig", "merge", other, "--into", config},
		"kubeconfig fix":      {"kubeconfig", "check", "--fix", config},
		"show kubeconfig":     {"certs", "show", config},
		"show request":        {"certs", "show", request},
		"show text":           {"certs", "show", "--text", request, request},
		"show short":          {"certs", "show", "--short", request},
		"sign":                {"certs", "sign", request, "--as", "client", "--accept-sans", "--cert-dir", pkiDir},
		"sign kubelet":        {"certs", "sign", request, "--as", "kubelet-serving", "--cert-dir", pkiDir},
		"flag":                {"certs", "show", "--" + hostile},
	}
	if runtime.GOOS != "windows" {
		named := put(hostile+".csr", string(hostileRequest(t, key)))
		commands["show file"] = []string{"certs", "show", named}
		commands["show file text"] = []string{"certs", "show", "--text", named, named}
		commands["sign file"] = []string{"certs", "sign", named, "--as", "client", "--cert-dir", pkiDir}
		commands["no file"] = []string{"certs", "import", filepath.Join(dir, hostile+"2")}
		commands["describe file"] = []string{"kubeconfig", "show", put(hostile+".conf", conf)}
		require.NoError(t, os.WriteFile(filepath.Join(pkiDir, hostile+".crt"), []byte("x"), 0o600))
		commands["expiry"] = append([]string{"certs", "check-expiration"}, places...)
		commands["tree"] = append([]string{"certs", "tree"}, places...)
		commands["tree of no directory"] = []string{"certs", "tree", filepath.Join(dir, hostile+"3")}
		commands["report"] = append([]string{"certs", "report", "--title", hostile, "--out", "-"}, places...)
		commands["report's name"] = append([]string{"certs", "report", "--out", filepath.Join(dir, hostile+".html")}, places...)
	}
	for name, args := range commands {
		harmless(t, name, runAt(testNow, nil, args...))
	}
}

// harmless asks of what was said that no name in it acts on a terminal, or begins a line.
func harmless(t *testing.T, name string, r ran) {
	t.Helper()
	said := r.stdout + r.stderr
	require.NotEmpty(t, said, name)
	for line := range strings.Lines(said) {
		line = strings.TrimSuffix(line, "\n")
		assert.False(t, strings.HasPrefix(strings.TrimSpace(line), "fake:"), "%s: a line of its own: %q", name, line)
		assert.Equal(t, -1, strings.IndexFunc(line, func(c rune) bool { return !unicode.IsPrint(c) }), "%s: %q", name, line)
	}
}

// The same of every file that is written, wherever a command says its name. The directories of a cluster themselves have
// no such names: the settings refuse them.
func TestTerminalDirectories(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file's name has no such characters there")
	}
	dir := t.TempDir()
	pki := filepath.Join(dir, "pki")
	at := func(name string) string { return filepath.Join(dir, hostile, name) }
	require.NoError(t, os.Mkdir(at(""), 0o700))
	places := []string{"--cert-dir", pki, "--kubeconfig-dir", dir}
	run := func(want int, args ...string) {
		t.Helper()
		r := runAt(testNow, nil, args...)
		require.Equal(t, want, r.code, "%q: %s%s", args, r.stdout, r.stderr)
		harmless(t, strings.Join(args[:2], " "), r)
	}
	with := func(flags []string, args ...string) []string { return append(args, flags...) }
	node := append([]string{"--node-name", "cp-1", "--apiserver-advertise-address", "192.0.2.10", "--key-algorithm", "ECDSA-P256"}, places...)
	run(0, with(node, "init", "--dry-run")...)
	run(0, with(node, "init")...)
	run(0, with(places, "init")...) // says from which files it takes the node
	require.NoError(t, os.Chmod(filepath.Join(pki, "apiserver.key"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(pki, ".pkitool-AAAAAAAAAAAAAAAAAAAAAAAAAA"), nil, 0o600))
	require.NoError(t, os.Remove(filepath.Join(dir, "scheduler.conf")))
	run(0, with(places, "init")...)
	run(1, with(places, "init", "--apiserver-cert-extra-sans", "x.example")...)
	run(0, with(places, "init", "--apiserver-cert-extra-sans", "x.example", "--reissue")...)
	require.NoError(t, os.Chmod(filepath.Join(pki, "ca.key"), 0o644))
	run(0, with(places, "certs", "renew", "apiserver", "admin.conf", "--backup-dir", at(""))...)
	run(2, with(places, "init", "--config", at("nothing.yaml"))...)
	run(2, "init", "--cert-dir", at("pki"))
	run(0, with(places, "certs", "check-expiration")...)
	run(1, with(places, "certs", "check-expiration", "--within", "400d")...)
	run(0, with(places, "certs", "tree")...)
	run(0, "certs", "issue", "--client", "--cn", "alice", "--cert-dir", pki, "--key-algorithm", "ECDSA-P256", "--out", at("alice"))
	run(0, "certs", "renew", "--file", at("alice.crt"), "--cert-dir", pki)
	run(0, with(places, "certs", "generate-csr", "apiserver")...)
	run(2, with(places, "certs", "import", at("alice.crt"))...)
	admin, err := os.ReadFile(filepath.Join(dir, "admin.conf"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(at("admin.conf"), admin, 0o644))
	run(0, "certs", "show", at("alice.crt"), at("admin.conf"))
	run(0, "certs", "show", "--short", at("alice.crt"), at("admin.conf"))
	run(0, "certs", "sign", filepath.Join(pki, "apiserver.csr"), "--as", "server", "--cn", "a", "--accept-sans", "--cert-dir", pki, "--out", at("signed"))
	run(2, "certs", "sign", filepath.Join(pki, "nothing.csr"), "--as", "server", "--cert-dir", pki)
	run(0, with(places, "kubeconfig", "user", "--cn", "bob", "--out", at("bob.conf"), "--key-algorithm", "ECDSA-P256")...)
	run(0, "kubeconfig", "merge", at("bob.conf"), "--into", at("admin.conf"))
	run(0, "kubeconfig", "show", at("admin.conf"))
	run(0, "kubeconfig", "check", "--fix", at("admin.conf"))
	run(2, "config", "validate", at("admin.conf"))
	run(0, "verify", filepath.Join(pki, "ca.crt"), filepath.Join(pki, "apiserver.crt"))
	run(2, "verify", filepath.Join(pki, "etcd", "ca.crt"), filepath.Join(pki, "apiserver.crt"))
	run(1, "verify", at("nothing"), at("nothing"))
	require.NoError(t, os.WriteFile(filepath.Join(pki, "ca.key"), []byte("x"), 0o600))
	run(1, with(places, "certs", "renew", "apiserver")...)
	run(1, with(places, "kubeconfig", "user", "--cn", "carol")...)
}

// The commands speak by say, which makes what others chose harmless, and by tables, and not past them.
func TestSayIsTheOnlyMouth(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	require.Greater(t, len(sources), 20)
	for _, f := range sources {
		if strings.HasSuffix(f, "_test.go") || f == "table.go" {
			continue
		}
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		assert.NotContains(t, string(data), "fmt.Fprint", "%s: say is for that", f)
	}
}

// hostileRequest asks for a name that acts on a terminal, and for its own key's signature.
func hostileRequest(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject:  pkix.Name{CommonName: hostile, Organization: []string{hostile}},
		DNSNames: []string{"\x1b[31mred\r\nfake: line"},
	}, key)
	require.NoError(t, err)
	return pki.EncodeCSR(der)
}

// hostileKubeconfig says the hostile words wherever a kubeconfig holds a text.
func hostileKubeconfig(t *testing.T, pkiDir, token string) string {
	t.Helper()
	ca, err := os.ReadFile(filepath.Join(pkiDir, "ca.crt"))
	require.NoError(t, err)
	q := strconv.QuoteToASCII(hostile)
	data := base64.StdEncoding.EncodeToString(ca)
	return "apiVersion: v1\nkind: Config\ncurrent-context: " + q + "\nclusters:\n- name: " + q + "\n  cluster:\n    server: " + q +
		"\n    certificate-authority: " + q + "\n    certificate-authority-data: " + data + "\ncontexts:\n- name: " + q +
		"\n  context:\n    cluster: " + q + "\n    user: " + q + "\n    namespace: " + q + "\nusers:\n- name: " + q + "\n  user:\n    token: " + token + "\n"
}
