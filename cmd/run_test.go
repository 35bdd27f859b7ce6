package cmd_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd"
)

// ran is what a command line said and how it ended.
type ran struct {
	code           int
	stdout, stderr string
}

// runAt runs a command line in this process at a time, with an environment of its own.
func runAt(now time.Time, env map[string]string, args ...string) ran {
	var stdout, stderr bytes.Buffer
	code := cmd.Run(context.Background(), args, cmd.Env{
		Stdin: bytes.NewReader(nil), Stdout: &stdout, Stderr: &stderr, Now: now,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	return ran{code, stdout.String(), stderr.String()}
}

// here are the flags that put everything below dir, for one node.
func here(dir string, more ...string) []string {
	return append([]string{"--cert-dir", filepath.Join(dir, "pki"), "--kubeconfig-dir", dir,
		"--node-name", "cp-1", "--apiserver-advertise-address", "192.0.2.10"}, more...)
}

func good(t testing.TB, r ran) ran {
	t.Helper()
	require.Equal(t, 0, r.code, "%s%s", r.stdout, r.stderr)
	return r
}

// tooling finds a program of others. Without it a test is skipped, and in CI it fails.
func tooling(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI needs %s", name)
		t.Skipf("SKIPPED: %s is not installed, so nothing is compared with it", name)
	}
	return path
}

// files are the regular files below dir, by their path below it.
func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		out[rel], err = os.ReadFile(path)
		return err
	}))
	return out
}
