package cmd_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd"
)

// A result that cannot be written is no success, whatever the command.
func TestOutputFails(t *testing.T) {
	dir := t.TempDir()
	good(t, runAt(testNow, nil, append([]string{"init", "-q", "--key-algorithm", "ECDSA-P256"}, here(dir)...)...))
	conf, cert, pki := filepath.Join(dir, "admin.conf"), filepath.Join(dir, "pki", "apiserver.crt"), filepath.Join(dir, "pki")
	file := filepath.Join(dir, "kubeadm.yaml")
	require.NoError(t, os.WriteFile(file, []byte(good(t, runAt(testNow, nil, "config", "print", "--defaults")).stdout), 0o600))
	for _, args := range [][]string{
		append([]string{"init"}, here(dir)...),
		append([]string{"init", "--dry-run", "-o", "yaml"}, here(dir)...),
		append([]string{"init", "phase", "certs", "apiserver"}, here(dir)...),
		append([]string{"certs", "generate-csr", "--dry-run"}, here(dir)...),
		{"certs", "renew", "--dry-run", "--cert-dir", pki, "--kubeconfig-dir", dir},
		{"certs", "check-expiration", "--cert-dir", pki, "--kubeconfig-dir", dir},
		{"certs", "check-expiration", "-o", "prometheus", "--cert-dir", pki, "--kubeconfig-dir", dir},
		{"certs", "issue", "--client", "--cn", "x", "--cert-dir", pki},
		{"certs", "show", cert}, {"certs", "show", "--text", cert}, {"certs", "show", "--short", cert}, {"certs", "show", "-o", "json", cert},
		{"config", "print", "--defaults"}, {"config", "validate", file},
		{"kubeconfig", "user", "--cn", "x", "--server", "https://x:6443", "--cert-dir", pki, "--kubeconfig-dir", dir},
		{"kubeconfig", "merge", conf}, {"kubeconfig", "show", conf}, {"kubeconfig", "check", conf},
		{"verify", filepath.Join(pki, "ca.crt"), cert},
		{"version"}, {"completion", "bash"},
	} {
		code := cmd.Run(t.Context(), args, cmd.Env{
			Stdin: strings.NewReader(""), Stdout: brokenPipe{}, Stderr: io.Discard, Now: testNow, LookupEnv: func(string) (string, bool) { return "", false },
		})
		assert.Equal(t, 2, code, strings.Join(args, " "))
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }
