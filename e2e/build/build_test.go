package build

import (
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
)

func TestVersionIn(t *testing.T) {
	for text, want := range map[string]string{
		"Kubernetes v1.36.3\n":                    "v1.36.3",
		"etcd Version: 3.6.8\nGit SHA: none\n":    "3.6.8",
		"clientVersion:\n  gitVersion: v1.36.3\n": "v1.36.3",
		"go1.26.8": "go1.26.8",
	} {
		assert.Equal(t, want, versionIn(text))
	}
}

func TestLinkFlagsSayTheVersion(t *testing.T) {
	for _, part := range []string{
		"-X k8s.io/component-base/version.gitVersion=v1.36.3", "-X k8s.io/component-base/version.gitMajor=1",
		"-X k8s.io/client-go/pkg/version.gitMinor=36",
	} {
		assert.Contains(t, linkFlags(), part)
	}
}

func TestPruneKeepsWhatIsUsed(t *testing.T) {
	root, now := t.TempDir(), time.Now()
	for name, age := range map[string]time.Duration{"mine": 2 * keepFor, "recent": keepFor / 2, "forgotten": 2 * keepFor} {
		require.NoError(t, os.Mkdir(filepath.Join(root, name), 0o755))
		require.NoError(t, os.Chtimes(filepath.Join(root, name), now.Add(-age), now.Add(-age)))
	}
	require.NoError(t, prune(root, "mine", now))
	left, err := filepath.Glob(filepath.Join(root, "*"))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{filepath.Join(root, "mine"), filepath.Join(root, "recent")}, left)
}

func TestCacheKeyFollowsThePins(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	write("go.mod", "module m\n")
	write("go.sum", "")
	_, err := cacheKey(t.Context(), dir)
	assert.EqualError(t, err, "build: no sources in "+filepath.Join(dir, "hollow"))
	write("hollow/main.go", "package main\n")
	keys := map[string]bool{}
	for _, change := range []func(){
		func() {},
		func() { write("go.mod", "module n\n") },
		func() { write("go.sum", "a line\n") },
		func() { write("hollow/main.go", "package main // changed\n") },
	} {
		change()
		key, err := cacheKey(t.Context(), dir)
		require.NoError(t, err)
		again, err := cacheKey(t.Context(), dir)
		require.NoError(t, err)
		assert.Equal(t, key, again)
		assert.False(t, keys[key], "a change that the key doesn't know")
		keys[key] = true
	}
}

// TestAnotherVersionIsRefusedEachTime builds components that say another version than ours: what was refused once is
// not found in the cache by the next call.
func TestAnotherVersionIsRefusedEachTime(t *testing.T) {
	goCache, err := exec.Command("go", "env", "GOCACHE").Output()
	require.NoError(t, err)
	t.Setenv("GOCACHE", strings.TrimSpace(string(goCache)))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	pins := "module github.com/pkitool/pkitool/e2e\n\ngo 1.26\n"
	for _, module := range []string{"go.etcd.io/etcd/server/v3", "k8s.io/kubernetes"} {
		version := "v1.0.0"
		if strings.HasSuffix(module, "/v3") {
			version = "v3.0.0"
		}
		pins += fmt.Sprintf("require %s %s\nreplace %s => ./%s\n", module, version, module, module)
		write(module+"/go.mod", "module "+module+"\n\ngo 1.26\n")
	}
	write("go.mod", pins)
	write("go.sum", "")
	for _, c := range components {
		write(strings.TrimPrefix(c.pkg, "github.com/pkitool/pkitool/e2e/")+"/main.go", "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"v0.0.1\") }\n")
	}
	for range 2 {
		_, err := Components(t.Context(), dir, io.Discard)
		assert.EqualError(t, err, `build: etcd is version "v0.0.1", want "3.6.8" (does go.mod pin another one?)`)
	}
}
