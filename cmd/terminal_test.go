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
	}
	for name, args := range commands {
		r := runAt(testNow, nil, args...)
		said := r.stdout + r.stderr
		require.NotEmpty(t, said, name)
		for line := range strings.Lines(said) {
			line = strings.TrimSuffix(line, "\n")
			assert.False(t, strings.HasPrefix(strings.TrimSpace(line), "fake:"), "%s: a line of its own: %q", name, line)
			assert.Equal(t, -1, strings.IndexFunc(line, func(c rune) bool { return !unicode.IsPrint(c) }), "%s: %q", name, line)
		}
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
