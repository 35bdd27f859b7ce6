package cmd_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/kubeconfig"
)

// secretsIn are the texts by which a private key could show: lines of its PEM,
// its bytes in hex and in base64, from every key file and kubeconfig.
func secretsIn(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	add := func(data []byte) {
		b, _ := pem.Decode(data)
		require.NotNil(t, b)
		for _, line := range strings.Split(string(data), "\n") {
			if len(line) >= 40 && !strings.HasPrefix(line, "-") {
				out = append(out, line)
			}
		}
		// The middle of a P-256 key in SEC 1 is the secret itself.
		out = append(out, hex.EncodeToString(b.Bytes[8:24]), base64.StdEncoding.EncodeToString(data)[60:120])
	}
	for rel, data := range files(t, dir) {
		switch filepath.Ext(rel) {
		case ".key":
			add(data)
		case ".conf":
			c, err := kubeconfig.Parse(data)
			require.NoError(t, err)
			e, err := c.Current()
			require.NoError(t, err)
			add(e.User.ClientKey)
		}
	}
	require.Greater(t, len(out), 16*3)
	return out
}

// No output of the tool, in any format, for any outcome, holds a private key or a part of one.
func TestNothingSecret(t *testing.T) {
	dir := t.TempDir()
	var said []string
	run := func(want int, args ...string) {
		t.Helper()
		r := runAt(testNow, nil, args...)
		require.Equal(t, want, r.code, "%v: %s%s", args, r.stdout, r.stderr)
		said = append(said, r.stdout, r.stderr)
	}
	flags := func(more ...string) []string {
		return here(dir, append([]string{"--key-algorithm", "ECDSA-P256"}, more...)...)
	}
	init := func(more ...string) []string { return append([]string{"init"}, flags(more...)...) }
	run(0, init("--dry-run", "-o", "json")...)
	run(0, init("-o", "json")...)
	secrets := secretsIn(t, dir)
	for _, format := range []string{"text", "json", "yaml"} {
		run(0, init("-o", format)...)
		run(0, init("-o", format, "--dry-run")...)
		run(1, init("-o", format, "--apiserver-cert-extra-sans", "x.example")...)
		run(0, init("-o", format, "--dry-run", "--reissue", "--apiserver-cert-extra-sans", "x.example")...)
	}
	run(0, append([]string{"config", "print"}, flags()...)...)

	// Key files that are broken in every way that could tempt an error to quote them.
	key := filepath.Join(dir, "pki", "apiserver.key")
	data, err := os.ReadFile(key)
	require.NoError(t, err)
	pub, err := os.ReadFile(filepath.Join(dir, "pki", "ca.crt"))
	require.NoError(t, err)
	for _, broken := range [][]byte{
		data[:len(data)-40], append(data, data...), []byte(strings.ReplaceAll(string(data), "EC PRIVATE KEY", "PRIVATE WORDS")),
		[]byte(strings.ReplaceAll(string(data), "\n", "")), append([]byte("x"), data[20:]...), pub,
	} {
		require.NoError(t, os.WriteFile(key, broken, 0o600))
		run(1, init("-o", "json")...)
		run(1, init()...)
	}
	conf := filepath.Join(dir, "admin.conf")
	text, err := os.ReadFile(conf)
	require.NoError(t, err)
	for _, broken := range []string{
		strings.Replace(string(text), "client-key-data: ", "client-key-data: !!int ", 1), strings.Replace(string(text), "client-key-data: ", "client-key-date: ", 1),
		strings.Replace(string(text), "client-key-data: ", "client-key-data: '", 1), strings.Replace(string(text), "client-key-data: ", "client-key-data: ~", 1),
		strings.Replace(string(text), "client-key-data: LS0t", "client-key-data: LS0", 1), strings.Replace(string(text), "client-key-data:", "server:", 1),
	} {
		require.NoError(t, os.WriteFile(conf, []byte(broken), 0o600))
		run(1, init("-o", "json")...)
		run(1, init()...)
	}

	all := strings.Join(said, "\n")
	require.Greater(t, len(all), 10000)
	assert.NotContains(t, all, "PRIVATE KEY-----")
	for _, s := range secrets {
		assert.NotContains(t, all, s)
	}
}
