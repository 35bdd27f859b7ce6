package pkitool_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/cmd"
	"github.com/pkitool/pkitool/config"
)

var update = flag.Bool("update", false, "write the generated parts of README.md")

// rowsTable is the README's table of rows, from the tree.
func rowsTable(t *testing.T) string {
	cluster := config.Defaults().Cluster
	cluster.Nodes[0].Name = "cp-1"
	tree, err := certs.New(cluster)
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("| row | files | signed by | CN, O | for |\n|---|---|---|---|---|\n")
	for s := range tree.Rows() {
		who := s.Subject.CommonName
		if len(s.Subject.Organization) > 0 {
			who += ", " + strings.Join(s.Subject.Organization, ", ")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", s.Name, strings.Join(s.Place.Files(), " "), s.Issuer, who, s.Doc)
	}
	return b.String()
}

func TestReadmeRows(t *testing.T) {
	data, err := os.ReadFile("README.md")
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(data), "<!-- rows -->\n")
	require.True(t, ok, "README.md has no marker for the table")
	old, tail, ok := strings.Cut(rest, "<!-- /rows -->")
	require.True(t, ok)
	want := rowsTable(t)
	if *update {
		require.NoError(t, os.WriteFile("README.md", []byte(head+"<!-- rows -->\n"+want+"<!-- /rows -->"+tail), 0o644))
		return
	}
	assert.Equal(t, want, old, "run `go test . -update`")
}

// readmeCommands are the lines of the console blocks, in order.
func readmeCommands(t *testing.T) []string {
	data, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var out []string
	in := false
	for line := range strings.SplitSeq(string(data), "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			in = line == "```console"
		case in:
			c, ok := strings.CutPrefix(line, "$ ")
			require.True(t, ok, "a console block holds only commands: %q", line)
			out = append(out, c)
		}
	}
	require.Greater(t, len(out), 5)
	return out
}

// TestReadmeCommands runs every command of the README in one empty directory,
// in order. Each must succeed.
func TestReadmeCommands(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	require.NoError(t, err)
	example, err := filepath.Abs("docs/kubeadm.yaml")
	require.NoError(t, err)
	data, err := os.ReadFile(example)
	require.NoError(t, err)
	commands := readmeCommands(t)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("kubeadm.yaml", data, 0o600))
	for _, c := range commands {
		if target, ok := strings.CutPrefix(c, "make "); ok {
			assert.Contains(t, string(makefile), "\n"+target+":", "the Makefile has no such target")
			continue
		}
		args := strings.Fields(c)
		if strings.HasPrefix(c, "go run ./cmd/pkitool ") {
			args = args[2:]
		} else if args[0] != "pkitool" {
			out, err := exec.Command("sh", "-ec", c).CombinedOutput()
			require.NoError(t, err, "%s: %s", c, out)
			continue
		}
		var stdout, stderr strings.Builder
		code := cmd.Run(context.Background(), args[1:], cmd.Env{
			Stdin: strings.NewReader(""), Stdout: io.Writer(&stdout), Stderr: &stderr, Now: time.Now(),
			LookupEnv: func(string) (string, bool) { return "", false },
		})
		assert.Zero(t, code, "%s\nstdout: %s\nstderr: %s", c, stdout.String(), stderr.String())
	}
}
