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
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What verify says does not act on the terminal, whatever a certificate has in its names, and whatever a file is called.
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
	all := [][]string{
		{"--as", "client", "-CAfile", file, file},
		{"--explain", file},
		{"--explain", "-CAfile", file, "-verify_hostname", "x", file},
		{"--explain", "-CAfile", file, "-purpose", "sslserver", file},
		{"--explain", "-CAfile", file, "-crl_check", file},
		{"-purpose", hostile, file}, {"-verify_name", hostile, file}, {"-policy", hostile, file}, {"-attime", hostile, file}, {"-" + hostile, file}, {"--as", hostile, file},
	}
	if runtime.GOOS != "windows" { // openssl writes a file's name as it is
		named := filepath.Join(t.TempDir(), hostile)
		self := named + ".crt"
		require.NoError(t, os.WriteFile(named, []byte("x"), 0o600))
		require.NoError(t, os.WriteFile(self, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
		all = append(all, [][]string{
			{named}, {self}, {"-CAfile", self, self}, {"-CAfile", named, file}, {"-CAfile", named + "0", file}, {"-trusted", named, file}, {"-untrusted", named, file},
			{"-CRLfile", named, file}, {"-CAstore", named + "0", file}, {"-CApath", named, file}, {"--as", "client", "-CAfile", self, self}, {"--as", "client", named},
		}...)
	}
	for _, args := range all {
		stdout, stderr, _ := verifyRun(t.Context(), "", args...)
		require.NotEmpty(t, stdout+stderr, "%q", args)
		if slices.Contains(args, "--explain") {
			require.Contains(t, stdout+stderr, "\n  ", "%v: nothing but openssl's words", args)
		}
		for line := range strings.Lines(stdout + stderr) {
			line = strings.TrimSuffix(line, "\n")
			assert.False(t, strings.HasPrefix(strings.TrimSpace(line), "fake:"), "%v: a line of its own: %q", args, line)
			assert.Equal(t, -1, strings.IndexFunc(line, func(c rune) bool { return !unicode.IsPrint(c) }), "%v: %q", args, line)
		}
	}
}
