package opensslcmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd"
	"github.com/pkitool/pkitool/pki/store"
)

// verifyRun runs one verify command.
func verifyRun(ctx context.Context, stdin string, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = opensslcmd.Run(ctx, opensslcmd.Env{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Now: time.Now()}, args)
	return out.String(), errs.String(), code
}

// Many targets are verified at the same time and answered in the order of the arguments; the bad ones among them
// keep nobody from being verified.
func TestVerifyManyInOrder(t *testing.T) {
	dir := t.TempDir()
	ca, targets := fleet(t, dir, 150, algorithms[0].newKey)
	var want, wantBad strings.Builder
	for i, name := range targets {
		switch i % 7 {
		case 3:
			require.NoError(t, os.WriteFile(name, []byte("nothing"), 0o644))
			fmt.Fprintf(&wantBad, "Could not read certificate file from %s\nUnable to load certificate file\n", name)
		case 5:
			data, err := os.ReadFile(name)
			require.NoError(t, err)
			block, _ := pem.Decode(data)
			block.Bytes[len(block.Bytes)-1] ^= 1 // of the signature
			require.NoError(t, os.WriteFile(name, pem.EncodeToMemory(block), 0o644))
			fmt.Fprintf(&wantBad, "error %s: verification failed\n", name)
		default:
			fmt.Fprintf(&want, "%s: OK\n", name)
		}
	}
	runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(0)
	stdout, stderr, code := verifyRun(t.Context(), "", append([]string{"-CAfile", ca}, targets...)...)
	assert.Equal(t, 2, code)
	assert.Equal(t, want.String(), stdout)
	var bad strings.Builder
	for line := range strings.Lines(stderr) {
		if strings.HasPrefix(line, "Could") || strings.HasPrefix(line, "Unable") || strings.HasSuffix(line, ": verification failed\n") {
			bad.WriteString(line)
		}
	}
	assert.Equal(t, wantBad.String(), bad.String())

	var document []struct {
		Target string
		OK     bool
	}
	stdout, stderr, code = verifyRun(t.Context(), "", append([]string{"-o", "json", "-CAfile", ca}, targets...)...)
	assert.Equal(t, 2, code)
	assert.Empty(t, stderr)
	require.NoError(t, json.Unmarshal([]byte(stdout), &document))
	require.Len(t, document, len(targets))
	for i, d := range document {
		assert.Equal(t, targets[i], d.Target)
		assert.Equal(t, i%7 != 3 && i%7 != 5, d.OK, d.Target)
	}
}

// Who interrupts a run gets what was verified so far, and no good exit code.
func TestVerifyInterrupted(t *testing.T) {
	ca, targets := fleet(t, t.TempDir(), 100, algorithms[0].newKey)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	stdout, _, code := verifyRun(ctx, "", append([]string{"-CAfile", ca}, targets...)...)
	assert.Equal(t, 2, code)
	assert.Less(t, strings.Count(stdout, "\n"), 100)
}

// No option takes an empty value for one that is given: the run ends as for a bad one. -nameopt alone, as in openssl,
// takes it for no words, which change how names are written and no verdict.
func TestVerifyEmptyValues(t *testing.T) {
	ca, targets := fleet(t, t.TempDir(), 1, algorithms[0].newKey)
	behind := []string{ca, targets[0]} // the first holds the anchors where no option says whom to trust
	values := 0
	for _, word := range opensslcmd.Complete(nil, "-").Words {
		name, _, _ := strings.Cut(word, "\t")
		if _, stderr, _ := verifyRun(t.Context(), "", name); !strings.Contains(stderr, " needs a value\n") {
			continue
		}
		values++
		for _, empty := range [][]string{{name, ""}, {name + "="}} {
			_, stderr, code := verifyRun(t.Context(), "", append(empty, behind...)...)
			assert.Equal(t, name == "-nameopt", code == 0, "%s: %s", name, stderr)
		}
	}
	assert.Greater(t, values, 15)
}

// Names of files as openssl takes them.
func TestVerifyFileNames(t *testing.T) {
	dir := t.TempDir()
	ca, targets := fleet(t, dir, 1, algorithms[0].newKey)
	leaf, err := os.ReadFile(targets[0])
	require.NoError(t, err)
	odd := filepath.Join(dir, "with space and %41")
	require.NoError(t, os.WriteFile(odd, leaf, 0o644))
	for _, name := range []string{targets[0], "file:" + targets[0], "file://" + targets[0], "FILE://LocalHost" + targets[0], odd, "file:" + odd} {
		stdout, stderr, code := verifyRun(t.Context(), "", "-CAfile", ca, name)
		assert.Zero(t, code, stderr)
		assert.Equal(t, name+": OK\n", stdout)
	}
	t.Chdir(dir)
	require.NoError(t, os.WriteFile("leaf.crt", leaf, 0o644))
	escaped := strings.ReplaceAll(targets[0], "/", "/%2e/")
	for name, want := range map[string]string{
		"":                          "Could not open file or uri for loading certificate file from \n",
		"file:leaf.crt":             "Could not open file or uri for loading certificate file from file:leaf.crt\n",
		"file:" + escaped:           "Could not open file or uri for loading certificate file from file:" + escaped + "\n",
		"file://elsewhere/leaf.crt": "Could not open file or uri for loading certificate file from file://elsewhere/leaf.crt\n",
		dir:                         "Could not read certificate file from " + dir + "\n",
		"-":                         "Could not open file or uri for loading certificate file from -\n",
	} {
		_, stderr, code := verifyRun(t.Context(), "", "-CAfile", ca, "--", name)
		assert.Equal(t, 2, code)
		assert.Equal(t, want+"Unable to load certificate file\n", stderr)
	}
	_, stderr, code := verifyRun(t.Context(), "", "-CAfile", ca)
	assert.Equal(t, 2, code)
	assert.Equal(t, "Could not read certificate file from <stdin>\nUnable to load certificate file\n", stderr)
	stdout, _, code := verifyRun(t.Context(), string(leaf), "-CAfile", ca)
	assert.Zero(t, code)
	assert.Equal(t, "stdin: OK\n", stdout)
}

// The file of anchors is a path; a store of them is a URI, as targets are.
func TestVerifyAnchorFileNames(t *testing.T) {
	ca, targets := fleet(t, t.TempDir(), 1, algorithms[0].newKey)
	for _, uri := range []string{"file:" + ca, "file://" + ca} {
		_, stderr, code := verifyRun(t.Context(), "", "-CAfile", uri, targets[0])
		assert.Equal(t, 1, code)
		assert.Equal(t, "Error loading file "+uri+"\n", stderr)
		for _, option := range []string{"-CAstore", "-trusted"} {
			stdout, stderr, code := verifyRun(t.Context(), "", option, uri, targets[0])
			assert.Zero(t, code, stderr)
			assert.Equal(t, targets[0]+": OK\n", stdout)
		}
	}
	_, stderr, code := verifyRun(t.Context(), "", "-CAstore", "file:nowhere", targets[0])
	assert.Equal(t, 1, code)
	assert.Equal(t, "Error loading store URI file:nowhere\n", stderr)
}

// Bundles and revocation lists of many megabytes are read, from files and from standard input.
func TestVerifyLargeFiles(t *testing.T) {
	dir := t.TempDir()
	ca, targets := fleet(t, dir, 1, algorithms[0].newKey)
	large := func(name string) string {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		padded := append(bytes.Repeat([]byte("# a comment\n"), 1<<19), data...)
		require.Greater(t, len(padded), store.MaxSize)
		require.NoError(t, os.WriteFile(name+".large", padded, 0o644))
		return name + ".large"
	}
	anchors, target := large(ca), large(targets[0])
	for _, option := range []string{"-CAfile", "-trusted"} {
		stdout, stderr, code := verifyRun(t.Context(), "", option, anchors, target)
		assert.Zero(t, code, stderr)
		assert.Equal(t, target+": OK\n", stdout)
	}
	data, err := os.ReadFile(target)
	require.NoError(t, err)
	stdout, stderr, code := verifyRun(t.Context(), string(data), "-CAfile", anchors)
	assert.Zero(t, code, stderr)
	assert.Equal(t, "stdin: OK\n", stdout)
}

// Each option has a kebab-case spelling of its own, and no two options share one.
func TestVerifyOptionNames(t *testing.T) {
	help, _, code := verifyRun(t.Context(), "", "-help")
	require.Zero(t, code)
	seen := map[string]bool{}
	count := 0
	for line := range strings.Lines(help) {
		if !strings.HasPrefix(line, "  -") {
			continue
		}
		name := strings.Fields(line)[0]
		assert.False(t, seen[name], name)
		seen[name] = true
		count++
	}
	assert.Greater(t, count, 40)
	for _, spelling := range []string{"--verify-hostname", "-verify_hostname", "--verify_hostname", "-verify-hostname"} {
		_, stderr, code := verifyRun(t.Context(), "", spelling)
		assert.Equal(t, 1, code)
		assert.Equal(t, "verify: Option -verify_hostname needs a value\nverify: Use -help for summary.\n", stderr, spelling)
	}
	for _, alias := range []string{"--ca-file", "--ca-path", "--ca-store", "--crl-file", "--name-opt", "--at-time"} {
		_, stderr, code := verifyRun(t.Context(), "", alias)
		assert.Equal(t, 1, code)
		assert.Contains(t, stderr, "needs a value", alias)
	}
	for _, alias := range []string{"--no-ca-file", "--x509-strict", "--crl-check-all", "--partial-chain"} {
		_, stderr, code := verifyRun(t.Context(), "", alias+"=x")
		assert.Equal(t, 1, code)
		assert.Contains(t, stderr, "does not take a value", alias)
	}
}

// Options of openssl that this program does not have are refused by name.
func TestVerifyRefusedOptions(t *testing.T) {
	const suiteB = "no Kubernetes component asks for Suite B; openssl does"
	for option, why := range map[string]string{
		"-suiteB_128_only": suiteB, "-suiteB_128": suiteB, "-suiteB_192": suiteB,
		"-allow_proxy_certs": "no Kubernetes component takes proxy certificates (RFC 3820)",
		"-crl_download":      "nothing is fetched from a network; give the CRLs with -CRLfile",
		"-engine=x":          "no code is loaded at run time",
		"-vfyopt=x":          "no algorithm that is supported has such options",
	} {
		stdout, stderr, code := verifyRun(t.Context(), "", option, "ca.crt")
		name, _, _ := strings.Cut(option, "=")
		assert.Equal(t, "verify: "+name+" is not supported: "+why+"\n", stderr)
		assert.Empty(t, stdout)
		assert.Equal(t, 1, code)
	}
}
