package cmd_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd"
)

// unstable are the parts of the view that differ from run to run: digests and serial numbers.
var unstable = regexp.MustCompile(`\b[0-9a-f]{36,64}\b`)

// TestShowGolden holds the views to golden files: what init makes, at the time of its making.
func TestShowGolden(t *testing.T) {
	goldenDir, err := filepath.Abs("../testdata/golden")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	run := func(args ...string) string {
		t.Helper()
		var out, said bytes.Buffer
		code := cmd.Run(context.Background(), args, cmd.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &said, Now: testNow,
			LookupEnv: func(string) (string, bool) { return "", false }})
		require.Zero(t, code, said.String())
		return unstable.ReplaceAllString(out.String(), "HEX")
	}
	run("init", "-q", "--cert-dir", "pki", "--kubeconfig-dir", ".", "--key-algorithm", "ECDSA-P256", "--node-name", "cp-1", "--apiserver-advertise-address", "192.0.2.10")
	files := []string{"pki/ca.crt", "pki/apiserver.crt", "pki/etcd/server.crt", "pki/sa.pub", "kubelet.conf"}
	for name, args := range map[string][]string{"show_default": nil, "show_short": {"--short"}, "show_json": {"-o", "json"}} {
		got := run(append(append([]string{"certs", "show"}, args...), files...)...)
		golden := filepath.Join(goldenDir, name+".txt")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), got, name)
	}
}
