package cmd_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// straced is the installed strace, if it can trace here. Without one the test is skipped, aloud; where
// PKITOOL_REQUIRE_STRACE is set, as in CI, it fails.
func straced(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err == nil {
		err = exec.Command(path, "-o", os.DevNull, "true").Run()
	}
	if err != nil {
		require.Empty(t, os.Getenv("PKITOOL_REQUIRE_STRACE"), "strace is required here: %v", err)
		t.Skipf("STRACE DOES NOT WORK HERE: the modes that files are created with were not looked at: %v", err)
	}
	return path
}

// The lines of a trace that matter, with the paths that strace puts behind descriptors. A call that ends in an error has
// another form.
var (
	opened  = regexp.MustCompile(`openat\(.*, (O_[A-Z_|]+)(?:, (0[0-7]*))?\) = \d+<(.*)>$`)
	written = regexp.MustCompile(`p?writev?(?:64)?\(\d+<(/.*?)>, (.*)`)
	chmoded = regexp.MustCompile(`(?:fchmod\(\d+<(/.*?)>|fchmodat2?\(.*?, "(.*?)"|chmod\("(.*?)"), (0[0-7]*)`)
	talks   = regexp.MustCompile(`^(?:connect|sendto)\(.*AF_(?:INET|UNIX)`)
	unseen  = regexp.MustCompile(`^(?:\d+ +)?(copy_file_range|sendfile|splice|pwrite64|creat)\(`)
)

// keyText are the texts by which a file that holds a key can be told: PEM, and PEM in base64 as in a kubeconfig.
var keyText = regexp.MustCompile(`PRIVATE KEY-----|client-key-data: `)

// TestKeysCreatedClosed traces every command that writes keys, without an umask. Every file into which a key is written
// is created by the run itself, under a name that nobody had (O_EXCL), and with a mode that lets nobody else read it:
// there is no moment at which another user could open it. Nor does any call loosen it later. And no run speaks to a network.
func TestKeysCreatedClosed(t *testing.T) {
	t.Parallel()
	strace := straced(t)
	dir, bin := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(bin, "pkitool"))) // see TestMain
	keys := 0
	grand(t, dir, func(args ...string) {
		logs := t.TempDir()
		run := append([]string{"-c", `umask 000; exec "$@"`, "sh", strace, "-ff", "-y", "-s", "100000", "-e", "signal=none",
			"-e", "trace=openat,creat,write,writev,pwrite64,fchmod,fchmodat,chmod,copy_file_range,sendfile,splice,connect,sendto", "-o", filepath.Join(logs, "trace"), filepath.Join(bin, "pkitool")}, args...)
		c := exec.Command("sh", run...)
		var said bytes.Buffer
		c.Stdout, c.Stderr = &said, &said
		require.NoError(t, c.Run(), "%q: %s", args, said.String())
		keys += judgeTrace(t, dir, logs, args)
	})
	assert.Greater(t, keys, 50, "hardly a key was seen to be written")
	for path, data := range files(t, dir) {
		info, err := os.Stat(filepath.Join(dir, path))
		require.NoError(t, err)
		if keyText.Match(data) {
			assert.Zero(t, info.Mode().Perm()&0o077, "%s has mode %v", path, info.Mode())
		}
	}
}

// judgeTrace judges the traces of one command, one for each thread, and counts the writes of keys.
func judgeTrace(t *testing.T, dir, logs string, args []string) (keys int) {
	t.Helper()
	traces, err := filepath.Glob(filepath.Join(logs, "trace.*"))
	require.NoError(t, err)
	require.NotEmpty(t, traces)
	created, secret := map[string]int64{}, map[string]bool{}
	var loosened [][2]string
	for _, trace := range traces {
		data, err := os.ReadFile(trace)
		require.NoError(t, err)
		for line := range strings.SplitSeq(string(data), "\n") {
			if m := opened.FindStringSubmatch(line); m != nil && strings.Contains(m[1], "O_CREAT") {
				require.True(t, strings.HasPrefix(m[3], dir+"/"), "%q: created %s, in a directory that nobody named", args, m[3])
				mode, err := strconv.ParseInt(m[2], 8, 32)
				require.NoError(t, err, line)
				require.NotContains(t, created, m[3], "created twice")
				if strings.Contains(m[1], "O_EXCL") {
					created[m[3]] = mode
				}
			}
			if m := written.FindStringSubmatch(line); m != nil && strings.HasPrefix(m[1], dir) && keyText.MatchString(m[2]) {
				secret[m[1]] = true
				keys++
			}
			if m := chmoded.FindStringSubmatch(line); m != nil {
				loosened = append(loosened, [2]string{m[1] + m[2] + m[3], m[4]})
			}
			assert.NotRegexp(t, talks, line, "%q: it speaks to somebody", args)
			assert.NotRegexp(t, unseen, line, "%q: a way to write that this test does not follow", args)
		}
	}
	for path := range secret {
		mode, ok := created[path]
		assert.True(t, ok, "%q: a key was written into %s, which was not created as a new file", args, path)
		assert.Zero(t, mode&0o077, "%q: %s was created with mode %04o", args, path, mode)
	}
	for _, c := range loosened {
		mode, err := strconv.ParseInt(c[1], 8, 32)
		require.NoError(t, err)
		assert.False(t, secret[c[0]] && mode&0o077 != 0, "%q: %s was given mode %04o", args, c[0], mode)
	}
	return keys
}
