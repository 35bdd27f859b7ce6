package pki_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// openssl runs the installed openssl in dir. Without one a test is skipped, and
// in CI it fails.
func openssl(t testing.TB, dir string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI needs openssl")
		t.Skip("SKIPPED: openssl is not installed, so nothing is compared with it")
	}
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "openssl %s: %s", strings.Join(args, " "), out)
	return string(out)
}

func write(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
}

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return data
}

// rsaKeys are made once for all tests: they take up to seconds.
var rsaKeys = map[pki.KeyAlgorithm]func() (crypto.Signer, error){}

func init() {
	for _, a := range []pki.KeyAlgorithm{pki.RSA2048, pki.RSA3072, pki.RSA4096} {
		rsaKeys[a] = sync.OnceValues(func() (crypto.Signer, error) { return pki.GenerateKey(a) })
	}
}

// newKey is a key of the algorithm: a new one, but for RSA always the same.
func newKey(t testing.TB, a pki.KeyAlgorithm) crypto.Signer {
	t.Helper()
	generate, ok := rsaKeys[a]
	if !ok {
		generate = func() (crypto.Signer, error) { return pki.GenerateKey(a) }
	}
	key, err := generate()
	require.NoError(t, err)
	return key
}

// caTemplate and leafTemplate are ordinary ones.
func caTemplate(cn string) pki.Template {
	return pki.Template{Subject: pki.Subject{CommonName: cn}, CA: true, NotBefore: now.Add(-pki.Backdate), NotAfter: now.Add(10 * 365 * 24 * time.Hour)}
}

func leafTemplate(cn string, usages ...x509.ExtKeyUsage) pki.Template {
	return pki.Template{Subject: pki.Subject{CommonName: cn}, ExtKeyUsage: usages, NotBefore: now.Add(-pki.Backdate), NotAfter: now.Add(365 * 24 * time.Hour)}
}

func newRoot(t testing.TB, cn string) *pki.Authority {
	t.Helper()
	root, err := pki.SelfSign(t.Context(), caTemplate(cn), newKey(t, pki.ECDSAP256))
	require.NoError(t, err)
	return root
}

// spoil signs a certificate that our own engine would not.
func spoil(t testing.TB, c, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, key)
	require.NoError(t, err)
	out, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return out
}
