package cmd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/store"
)

// TestLockTimeout: every command that writes says who is at work in the directory, and ends when it has waited enough;
// what it was to write is not there.
func TestLockTimeout(t *testing.T) {
	dir := t.TempDir()
	good(t, runAt(testNow, nil, append([]string{"init", "-q", "--key-algorithm", "ECDSA-P256"}, here(dir)...)...))
	pki, out := filepath.Join(dir, "pki"), filepath.Join(dir, "out")
	require.NoError(t, os.Mkdir(out, 0o755))
	at := []string{"--cert-dir", pki, "--kubeconfig-dir", dir}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "bob"}}, key)
	require.NoError(t, err)
	request := filepath.Join(dir, "bob.csr")
	require.NoError(t, os.WriteFile(request, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}), 0o600))
	admin := filepath.Join(dir, "admin.conf")
	before := files(t, dir)
	held, err := store.Lock(t.Context(), dir, pki, filepath.Join(pki, "etcd"), out)
	require.NoError(t, err)
	defer func() {
		require.NoError(t, held.Unlock())
		assert.Equal(t, before, files(t, dir))
	}()
	var holder string
	if runtime.GOOS == "linux" {
		holder = fmt.Sprintf(" (pid %d, cmd.test)", os.Getpid())
	}
	for _, args := range [][]string{
		append([]string{"init", "--apiserver-cert-extra-sans", "x.example.com", "--reissue"}, here(dir)...),
		append([]string{"init", "phase", "certs", "front-proxy-client"}, at...),
		append([]string{"certs", "renew", "all"}, at...),
		append([]string{"certs", "renew", "--file", admin}, at...),
		append([]string{"certs", "generate-csr"}, here(dir)...),
		append([]string{"certs", "import", filepath.Join(pki, "apiserver.crt")}, here(dir)...),
		{"certs", "issue", "--client", "--cn", "alice", "--cert-dir", pki, "--out", filepath.Join(out, "alice")},
		{"certs", "sign", request, "--as", "client", "--accept-subject", "--cert-dir", pki, "--out", filepath.Join(out, "bob")},
		append([]string{"certs", "check-expiration", "--out", filepath.Join(out, "report")}, at...),
		append([]string{"certs", "report", "--out", filepath.Join(out, "report.html")}, at...),
		append([]string{"kubeconfig", "user", "--cn", "alice", "--out", filepath.Join(out, "alice.conf")}, at...),
		append([]string{"kubeconfig", "user", "--cn", "alice", "--merge-into", filepath.Join(out, "alice.conf")}, at...),
		{"kubeconfig", "merge", admin, "--into", filepath.Join(out, "config")},
		{"kubeconfig", "check", "--fix", admin},
	} {
		name := strings.Join(args[:2], " ")
		got := runAt(testNow, nil, append(args, "--lock-timeout", "0")...)
		assert.Equal(t, 2, got.code, name)
		assert.Contains(t, got.stderr, "error: locked by another process"+holder+" ("+dir, name)
		assert.Contains(t, got.stderr, "\nhint: run the same command again when that process has ended, or wait longer with --lock-timeout\n", name)
		assert.Equal(t, got.stderr, runAt(testNow, map[string]string{"PKITOOL_LOCK_TIMEOUT": "0s"}, args...).stderr, name)
	}
	args := append([]string{"certs", "renew", "all"}, at...)
	got := runAt(testNow, nil, append(args, "--lock-timeout", "1.2s")...)
	lines := strings.Split(got.stderr, "\n")
	require.Len(t, lines, 4, got.stderr)
	assert.Regexp(t, `^note: waiting for `+dir+`[/a-z]*: locked by another process`+strings.NewReplacer("(", `\(`, ")", `\)`).Replace(holder)+"$", lines[0])
	got = runAt(testNow, nil, append(args, "--lock-timeout", "1.2s", "-q")...)
	assert.NotContains(t, got.stderr, "note:")

	for _, tt := range []struct{ value, want string }{
		{"", `empty value`}, {"-1s", `"-1s" is before now`}, {"x", `"x" is not a duration: `},
	} {
		got := runAt(testNow, nil, append(args, "--lock-timeout="+tt.value)...)
		assert.Equal(t, 2, got.code)
		assert.Contains(t, got.stderr, "error: --lock-timeout: "+tt.want)
	}
	got = runAt(testNow, map[string]string{"PKITOOL_LOCK_TIMEOUT": "soon"}, args...)
	assert.Contains(t, got.stderr, `error: PKITOOL_LOCK_TIMEOUT: "soon" is not a duration: `)
}
