package cmd_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd"
)

// full is a disk that takes so many bytes and no more.
type full struct{ left int }

var errFull = errors.New("no room")

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	f.left -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

// closing is a stream that finds out at its end that it has lost something.
type closing struct {
	io.Writer
	err error
}

func (c closing) Close() error { return c.err }

// leaky stops its last write in the middle and says nothing of it.
type leaky struct{ full }

func (l *leaky) Write(p []byte) (int, error) {
	n, _ := l.full.Write(p)
	return n, nil
}

// speaking are command lines that write on standard output, at least one for each command. DIR is a directory with a
// whole PKI in it and files to read. Those that change files come with what they say on standard error where standard
// output takes no report.
func speaking() []struct{ line, done string } {
	const conf, issue = " --cert-dir DIR/pki --kubeconfig-dir DIR", " --cert-dir DIR/pki"
	const node = conf + " --node-name cp-1 --apiserver-advertise-address 192.0.2.10"
	return []struct{ line, done string }{
		{line: "init" + node},
		{line: "init -o json" + node},
		{line: "init -o yaml --dry-run" + node},
		{line: "init --cert-dir DIR/new --kubeconfig-dir DIR/new --node-name cp-1 --apiserver-advertise-address 192.0.2.10", done: "done and proven: 16 created, 0 renewed, 0 kept"},
		{line: "init -o json --cert-dir DIR/new --kubeconfig-dir DIR/new --node-name cp-1 --apiserver-advertise-address 192.0.2.10", done: "done and proven: 16 created, 0 renewed, 0 kept"},
		{line: "init phase certs apiserver" + node},
		{line: "init phase kubeconfig" + node},
		{line: "certs generate-csr all --cert-dir DIR/csr --kubeconfig-dir DIR/csr --node-name cp-1 --apiserver-advertise-address 192.0.2.10", done: "12 requests to be signed"},
		{line: "certs import DIR/signed.crt --cert-dir DIR/ext --kubeconfig-dir DIR/ext --node-name cp-1 --apiserver-advertise-address 192.0.2.10", done: "1 certificate in place and proven"},
		{line: "certs renew all" + conf, done: "old files: DIR/pkitool-backup-20261124T120000Z"},
		{line: "certs renew admin -o yaml --no-backup" + conf, done: "done and proven: 1 renewed, 0 kept"},
		{line: "certs check-expiration" + conf}, {line: "certs check-expiration -o json" + conf}, {line: "certs check-expiration -o prometheus" + conf},
		{line: "certs check-expiration --within 5y" + conf},
		{line: "certs audit DIR"}, {line: "certs audit -o json DIR"}, {line: "certs audit -o sarif" + conf}, {line: "certs audit -o junit" + conf}, {line: "certs audit --list"},
		{line: "certs tree" + conf}, {line: "certs tree -o json DIR"}, {line: "certs tree -o dot DIR"}, {line: "certs tree -o mermaid DIR"},
		{line: "certs report --out -" + conf},
		{line: "certs report DIR --out DIR/r.html", done: "DIR/r.html: 16 certificates in 1 directory, "},
		{line: "certs report --dir a=DIR -o json --out DIR/r.html", done: "DIR/r.html: 16 certificates in 1 directory, "},
		{line: "certs issue --client --cn x" + issue},
		{line: "certs issue --client --cn x --out DIR/x" + issue, done: "DIR/x.key DIR/x.crt"},
		{line: "certs sign DIR/alice.csr --as client --cn x" + issue},
		{line: "certs sign DIR/alice.csr --as client --cn x -o json --out DIR/x" + issue, done: "DIR/x.crt"},
		{line: "certs show DIR/pki/apiserver.crt"}, {line: "certs show --text DIR/pki/ca.crt DIR/pki/apiserver.crt"}, {line: "certs show --short DIR/pki/ca.crt"}, {line: "certs show -o json DIR/admin.conf"},
		{line: "config print --defaults"}, {line: "config validate DIR/kubeadm.yaml"},
		{line: "kubeconfig user --cn x" + conf},
		{line: "kubeconfig user --cn x --out DIR/x.conf" + conf, done: "x      until 2027-11-24T12:00:00Z   DIR/x.conf"},
		{line: "kubeconfig user --cn x -o json --merge-into DIR/admin.conf" + conf, done: "old content: DIR/admin.conf.20261124T120000Z.bak"},
		{line: "kubeconfig merge DIR/admin.conf"},
		{line: "kubeconfig merge DIR/scheduler.conf --into DIR/admin.conf --rename", done: "current context of DIR/admin.conf: kubernetes-admin@kubernetes"},
		{line: "kubeconfig show DIR/admin.conf"}, {line: "kubeconfig check DIR/admin.conf"}, {line: "kubeconfig check DIR/admin.conf --fix -o json"},
		{line: "verify DIR/pki/ca.crt DIR/pki/apiserver.crt DIR/pki/apiserver-kubelet-client.crt"}, {line: "verify -o json DIR/pki/ca.crt DIR/pki/apiserver.crt"}, {line: "verify -help"},
		{line: "version"}, {line: "version -o json"},
		{line: "completion bash"}, {line: "completion fish"}, {line: "completion powershell"}, {line: "completion zsh"},
		{line: "__complete certs "}, {line: "help"}, {line: "help certs renew"},
	}
}

// spoken runs a line of speaking in a directory.
func spoken(t *testing.T, dir, line string, stdout, stderr io.Writer) (code int) {
	t.Helper()
	args := strings.Split(strings.ReplaceAll(line, "DIR", dir), " ")
	env := map[string]string{"PKITOOL_KEY_ALGORITHM": "ECDSA-P256"}
	return cmd.Run(t.Context(), args, cmd.Env{Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Now: testNow,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
}

// wholeDir is a PKI, and what else the lines of speaking read.
func wholeDir(t *testing.T) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	env := map[string]string{"PKITOOL_KEY_ALGORITHM": "ECDSA-P256"}
	run := func(line string) string {
		return good(t, runAt(testNow, env, strings.Split(strings.ReplaceAll(line, "DIR", dir), " ")...)).stdout
	}
	const node = " --node-name cp-1 --apiserver-advertise-address 192.0.2.10"
	run("init --cert-dir DIR/pki --kubeconfig-dir DIR" + node)
	run("init phase certs ca --cert-dir DIR/ext")
	require.NoError(t, os.Rename(filepath.Join(dir, "ext", "ca.key"), filepath.Join(dir, "ext.key")))
	run("certs generate-csr apiserver-kubelet-client --cert-dir DIR/ext --kubeconfig-dir DIR/ext" + node)
	csr := filepath.Join(dir, "ext", "apiserver-kubelet-client.csr")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "signer"), 0o755))
	out := files(t, dir)
	for from, to := range map[string]string{"ext/ca.crt": "signer/ca.crt", "ext.key": "signer/ca.key"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), out[filepath.FromSlash(from)], 0o600))
	}
	out["signed.crt"] = []byte(run("certs sign " + csr + " --as client --accept-subject --cert-dir DIR/signer"))
	out["alice.csr"] = out["ext/apiserver-kubelet-client.csr"]
	out["kubeadm.yaml"] = []byte(run("config print --defaults"))
	return out
}

// planted is a directory with these files.
func planted(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for rel, data := range files {
		path := filepath.Join(dir, rel)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
	return dir
}

// A result that is lost is no success, whichever command it is of and whichever byte is the first that is lost: the run
// ends with 2 and says so, and says what was done where files were changed.
func TestOutputLost(t *testing.T) {
	ready := wholeDir(t)
	for _, tt := range speaking() {
		t.Run(tt.line, func(t *testing.T) {
			dir := planted(t, ready)
			run := func(stdout, stderr io.Writer) int {
				if tt.done != "" {
					dir = planted(t, ready)
				}
				return spoken(t, dir, tt.line, stdout, stderr)
			}
			var all, said bytes.Buffer
			want := run(&all, &said)
			require.Contains(t, []int{0, 1}, want, said.String())
			require.NotZero(t, all.Len(), "the line is no example: it says nothing")
			for _, n := range []int{0, 1, 100, 1000} {
				if n > all.Len()*9/10 { // signatures and serial numbers are not always of one length
					break
				}
				said.Reset()
				assert.Equal(t, 2, run(&full{n}, &said), "%d bytes of %d", n, all.Len())
				assert.Equal(t, 1, strings.Count(said.String(), "error: standard output: no room\n"), said.String())
				assert.Equal(t, tt.done != "", strings.Contains(said.String(), "note: standard output cannot take the report; this was done:\n"), said.String())
				assert.Contains(t, said.String(), strings.ReplaceAll(tt.done, "DIR", dir))
			}
			assert.Equal(t, 2, run(&leaky{full{all.Len() / 2}}, io.Discard), "a short write")
			// Standard error is for people: that it is lost changes nothing.
			assert.Equal(t, want, run(io.Discard, &full{}))
			assert.Equal(t, 2, run(&full{}, &full{}))
		})
	}
}

// Every command has a line in the table above, and the help of every one is a result as any other.
func TestOutputLostByEveryCommand(t *testing.T) {
	var lines []string
	for _, tt := range speaking() {
		lines = append(lines, "pkitool "+tt.line+" ")
	}
	seen := map[string]bool{}
	cmd.EachCommand(func(c *cobra.Command) {
		path := c.CommandPath()
		if group := strings.TrimSuffix(path, " "+c.Name()); strings.HasPrefix(path, "pkitool init phase ") && group != "pkitool init phase" {
			path = group // its rows are all one command
		}
		if c.HasSubCommands() && path != "pkitool init" { // says its help
			lines = append(lines, path+" ")
		}
		seen[path] = true
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		code := cmd.Run(t.Context(), args, cmd.Env{Stdin: strings.NewReader(""), Stdout: &full{}, Stderr: io.Discard, Now: testNow, LookupEnv: func(string) (string, bool) { return "", false }})
		assert.Equal(t, 2, code, strings.Join(args, " "))
	})
	require.Greater(t, len(seen), 25)
	for _, path := range slices.Sorted(maps.Keys(seen)) {
		assert.True(t, slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, path+" ") }), "no line for %s", path)
	}
}

// What is lost when the stream is closed is lost, too.
func TestOutputLostAtItsEnd(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stdout io.Writer
		code   int
		stderr string
	}{
		{"closed well", closing{io.Discard, nil}, 0, ""},
		{"lost at the end", closing{io.Discard, &os.PathError{Op: "close", Path: "/dev/stdout", Err: errFull}}, 2, "error: standard output: no room\n"},
		{"lost before, and closed", closing{&full{3}, nil}, 2, "error: standard output: no room\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			code := cmd.Run(t.Context(), []string{"version"}, cmd.Env{Stdin: strings.NewReader(""), Stdout: tt.stdout, Stderr: &stderr, Now: testNow, LookupEnv: func(string) (string, bool) { return "", false }})
			assert.Equal(t, tt.code, code)
			assert.Equal(t, tt.stderr, stderr.String())
		})
	}
}
