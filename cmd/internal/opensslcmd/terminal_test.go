package opensslcmd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What verify says beyond openssl's own words does not act on the terminal, whatever a certificate has in its names.
func TestVerifyOnTerminal(t *testing.T) {
	const hostile = "\x1b[31mred\u009b0m\u202e\r\nfake: line"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: hostile, Organization: []string{hostile}}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"\x1b[31mred\r\nfake: line"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "hostile.crt")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	for _, args := range [][]string{
		{"--as", "client", "-CAfile", file, file},
		{"--explain", file},
		{"--explain", "-CAfile", file, "-verify_hostname", "x", file},
		{"--explain", "-CAfile", file, "-purpose", "sslserver", file},
		{"--explain", "-CAfile", file, "-crl_check", file},
	} {
		stdout, stderr, _ := verifyRun(t.Context(), "", args...)
		require.Contains(t, stdout+stderr, "\n  ", "%v: nothing but openssl's words", args)
		for line := range strings.Lines(stdout + stderr) {
			line = strings.TrimSuffix(line, "\n")
			assert.False(t, strings.HasPrefix(strings.TrimSpace(line), "fake:"), "%v: a line of its own: %q", args, line)
			assert.Equal(t, -1, strings.IndexFunc(line, func(c rune) bool { return !unicode.IsPrint(c) }), "%v: %q", args, line)
		}
	}
}
