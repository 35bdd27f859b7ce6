package cmd

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// said runs a command line and gives its exit code and what it says on standard error. It cannot leave the test's directory.
func said(t *testing.T, dir string, args ...string) (int, string) {
	t.Helper()
	var stderr bytes.Buffer
	env := map[string]string{"PKITOOL_CERT_DIR": filepath.Join(dir, "pki"), "PKITOOL_KUBECONFIG_DIR": dir}
	code := Run(t.Context(), args, Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &stderr, Now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	return code, stderr.String()
}

// TestEmptyFlags: every flag of every command refuses an empty value, wherever it is given, unless the table says what
// that means.
func TestEmptyFlags(t *testing.T) {
	seen, meant, dir := 0, map[string]bool{}, t.TempDir()
	EachCommand(func(c *cobra.Command) {
		if c.DisableFlagParsing {
			return // verify, whose options have a test of their own
		}
		path := strings.Fields(c.CommandPath())[1:]
		c.Flags().VisitAll(func(f *pflag.Flag) {
			seen++
			if what, ok := mayBeEmpty[f.Name]; ok {
				assert.NotEmpty(t, what)
				meant[f.Name] = true
				return
			}
			truth := f.Value.Type() == "bool" // judged by itself, or by config
			if !truth {
				assert.ErrorIs(t, f.Value.Set(""), errEmpty, "%s --%s", c.CommandPath(), f.Name)
			}
			if len(path) > 3 {
				return // a row of a phase: one as the other
			}
			if truth {
				code, _ := said(t, dir, append(path, "--"+f.Name+"=")...)
				assert.Equal(t, 2, code, "%s --%s=", c.CommandPath(), f.Name)
				return
			}
			lines := [][]string{{"--" + f.Name, ""}, {"--" + f.Name + "="}}
			if f.Value.Type() == "stringSlice" {
				lines = append(lines, []string{"--" + f.Name, "a,,b"}, []string{"--" + f.Name, "a", "--" + f.Name, ""}, []string{"--" + f.Name, "", "--" + f.Name, "a"})
			}
			if f.Shorthand != "" {
				lines = append(lines, []string{"-" + f.Shorthand, ""})
			}
			for _, line := range lines {
				code, stderr := said(t, dir, append(path, line...)...)
				assert.Equal(t, 2, code, "%s %q", c.CommandPath(), line)
				assert.Equal(t, "error: --"+f.Name+": empty value\nhint: `"+c.CommandPath()+" --help` shows what there is\n", stderr, "%s %q", c.CommandPath(), line)
			}
		})
	})
	require.Greater(t, seen, 200)
	assert.Len(t, meant, len(mayBeEmpty), "the table has a flag that there is not")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// TestEmptyArguments: no command takes an empty argument for one that is given.
func TestEmptyArguments(t *testing.T) {
	EachCommand(func(c *cobra.Command) {
		if !c.Runnable() || c.Name() == "help" || c.DisableFlagParsing {
			return
		}
		for _, args := range [][]string{{""}, {"x", ""}} {
			code, stderr := said(t, t.TempDir(), append(strings.Fields(c.CommandPath())[1:], args...)...)
			assert.Equal(t, 2, code, "%s %q", c.CommandPath(), args)
			assert.Regexp(t, `^error: (argument \d is empty|unknown command|unexpected argument|1 argument wanted)`, stderr, "%s %q", c.CommandPath(), args)
		}
	})
}

// TestEmptyMeans: what the table says of an empty value is so; and an empty variable counts as not given.
func TestEmptyMeans(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeadm.yaml")
	require.NoError(t, os.WriteFile(file, []byte("apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nskipPhases: [certs/sa]\n---\n"+
		"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: prod\napiServer:\n  certSANs: [a.example.com]\netcd:\n  local:\n    serverCertSANs: [b.example.com]\n    peerCertSANs: [b.example.com]\n"), 0o600))
	printed := func(env map[string]string, args ...string) string {
		var out bytes.Buffer
		code := Run(t.Context(), append([]string{"config", "print", "--config", file, "--node-name", "n", "--apiserver-advertise-address", "192.0.2.1"}, args...), Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: io.Discard,
			LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
		require.Zero(t, code)
		return out.String()
	}
	whole := printed(nil)
	for _, text := range []string{"a.example.com", "b.example.com", "certs/sa", "prod"} {
		assert.Contains(t, whole, text)
	}
	assert.NotContains(t, printed(nil, "--apiserver-cert-extra-sans", ""), "a.example.com")
	assert.NotContains(t, printed(nil, "--etcd-cert-extra-sans="), "b.example.com")
	assert.NotContains(t, printed(nil, "--skip-phases", ""), "certs/sa")
	env := map[string]string{"PKITOOL_CONFIG": ""}
	for _, f := range fields() {
		if f.Flag != "" {
			env[f.Env()] = ""
		}
	}
	assert.Equal(t, whole, printed(env))
}
