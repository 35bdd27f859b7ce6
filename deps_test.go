package pkitool_test

import (
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/pkitool/pkitool"

// floors are the allowed imports between our own packages, from the cellar up.
// A package may import what stands in its row, and nothing else of ours.
var floors = []struct {
	pkg   string
	above []string
}{
	{"internal/hidden", nil},
	{"finding", nil},
	{"internal/terminal", nil},
	{"internal/yamlsize", nil},
	{"pki/internal/cfssl", nil},
	{"pki", []string{"finding", "internal/hidden", "pki/internal/cfssl"}},
	{"pki/verify/internal/objects", nil},
	{"pki/verify", []string{"pki/verify/internal/objects"}},
	{"pki/verify/openssl", []string{"pki/verify", "pki/verify/internal/objects"}},
	{"pki/inspect", []string{"finding", "pki", "pki/verify", "pki/verify/openssl"}},
	{"pki/store", []string{"internal/hidden"}},
	{"certs", []string{"pki"}},
	{"kubeconfig", []string{"finding", "internal/hidden", "internal/yamlsize"}},
	{"config", []string{"certs", "internal/yamlsize", "pki"}},
	{"phases/judge", []string{"certs", "finding", "internal/hidden", "kubeconfig", "pki", "pki/store"}},
	{"phases", []string{"certs", "finding", "internal/hidden", "kubeconfig", "phases/judge", "pki", "pki/inspect", "pki/store"}},
	{"phases/live", nil},
	{"phases/audit", []string{"certs", "finding", "kubeconfig", "phases", "phases/judge", "phases/live", "pki", "pki/store"}},
	{"phases/picture", []string{"finding", "internal/terminal", "phases", "phases/audit"}},
	{"phases/page", []string{"finding", "internal/terminal", "phases", "phases/audit"}},
	{"cmd/internal/opensslcmd", []string{"internal/terminal", "certs", "config", "finding", "phases/judge", "pki", "pki/verify", "pki/verify/openssl"}},
	{"cmd/internal/opensslcmd/internal/cases", nil}, // for tests
	{"internal/openssltest", nil}, // for tests
	{"internal/fuzzbound", nil},   // for tests
	{"internal/weakkeys", nil},    // for tests
	{"internal/tlstest", nil},     // for tests
	{"cmd", []string{"cmd/internal/opensslcmd", "internal/terminal", "certs", "config", "finding", "kubeconfig", "phases", "phases/audit", "phases/judge", "phases/page", "phases/picture", "pki", "pki/inspect", "pki/store"}},
	{"cmd/pkitool", []string{"cmd"}},
}

// doors are the packages of others that only some of ours may import. A name
// that ends in a slash covers everything below it.
var doors = []struct {
	imports string
	by      []string
}{
	{"github.com/cloudflare/cfssl/", []string{"pki/internal/cfssl"}},
	{"github.com/zmap/", []string{}}, // judges in tests: it would start at each call of the program
	{"github.com/smallstep/pkcs7", []string{"pki"}},
	{"github.com/spf13/", []string{"cmd"}},
	{"golang.org/x/text/", []string{"phases/picture"}},
	{"go.yaml.in/yaml/", []string{"config", "kubeconfig"}},
	{"os", []string{"pki/store", "cmd", "cmd/internal/opensslcmd", "cmd/pkitool", "internal/openssltest"}},
	{"os/exec", []string{"internal/openssltest"}},
	{"log", []string{}},
	{"log/slog", []string{}},
	{"net/http", []string{}},
	{"crypto/tls", []string{"phases/live", "internal/tlstest"}}, // the first is the only one that speaks to others, the second is for tests
	{"net", []string{"phases/live", "internal/tlstest", "pki", "pki/internal/cfssl", "certs", "config", "phases/judge", "cmd"}},
	{"flag", []string{}},
	{"k8s.io/", []string{}},
	{"go.etcd.io/", []string{}},
}

// packages reads the imports of every package of the module in process: a test
// that shells out to `go list` is cached green.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); dir != "." && (name == "testdata" || name == "e2e" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
			return fs.SkipDir
		}
		for _, goos := range []string{"linux", "darwin", "windows"} {
			ctx := build.Default
			ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = goos, "amd64", false
			p, err := ctx.ImportDir(dir, 0)
			if err != nil {
				continue // no Go files for this system
			}
			if len(p.GoFiles) > 0 {
				found[filepath.ToSlash(dir)] = append(found[filepath.ToSlash(dir)], p.Imports...)
			}
		}
		return nil
	})
	require.NoError(t, err)
	return found
}

func TestFloors(t *testing.T) {
	found := packages(t)
	var known []string
	for _, f := range floors {
		known = append(known, f.pkg)
	}
	require.Greater(t, len(found), 8, "the walk found hardly any package")
	for pkg, imports := range found {
		i := slices.Index(known, pkg)
		if !assert.GreaterOrEqual(t, i, 0, "package %s stands on no floor: which one is it?", pkg) {
			continue
		}
		for _, imp := range imports {
			if own, ok := strings.CutPrefix(imp, module+"/"); ok {
				assert.Contains(t, floors[i].above, own, "%s must not import %s", pkg, own)
			}
		}
	}
	for _, f := range floors {
		assert.Contains(t, found, f.pkg, "a floor without a package")
		for _, below := range f.above {
			assert.Less(t, slices.Index(known, below), slices.Index(known, f.pkg), "%s -> %s: imports go down only", f.pkg, below)
		}
	}
}

func TestDoors(t *testing.T) {
	for pkg, imports := range packages(t) {
		for _, imp := range imports {
			for _, d := range doors {
				covers := imp == d.imports || strings.HasSuffix(d.imports, "/") && strings.HasPrefix(imp, d.imports)
				if covers {
					assert.Contains(t, d.by, pkg, "%s must not import %s", pkg, imp)
				}
			}
		}
	}
}

// TestFindingsAreMade asks of every id of the table that somebody makes it: a row that nobody makes is a promise of the
// documentation that is not kept.
func TestFindingsAreMade(t *testing.T) {
	tables, err := filepath.Glob("finding/table_*.go")
	require.NoError(t, err)
	var ids []string
	for _, f := range tables {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^\s+(\w+)\s+ID\s+= "`).FindAllSubmatch(data, -1) {
			ids = append(ids, string(m[1]))
		}
	}
	require.Greater(t, len(ids), 80)
	made := map[string]bool{}
	uses := regexp.MustCompile(`\bfinding\.(\w+)`)
	for dir := range packages(t) {
		sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, f := range sources {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			data, err := os.ReadFile(f)
			require.NoError(t, err)
			for _, m := range uses.FindAllSubmatch(data, -1) {
				made[string(m[1])] = true
			}
		}
	}
	for _, id := range ids {
		assert.True(t, made[id], "finding.%s: nobody makes it", id)
	}
}
