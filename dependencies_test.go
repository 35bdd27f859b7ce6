package pkitool_test

import (
	"cmp"
	"fmt"
	"go/build"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dependency is a row of docs/dependencies.md.
type dependency struct{ module, version, licence, linked, by, why string }

// required are the modules of go.mod, with their versions.
func required(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) (v\S+)`).FindAllStringSubmatch(string(data), -1) {
		out[m[1]] = m[2]
	}
	require.Greater(t, len(out), 10)
	assert.NotContains(t, string(data), "replace", "a module that is replaced is not what its name says")
	return out
}

// list is what `go list` says, a line each. Tests that use it read go.mod and our sources themselves, too, so that a
// result from the cache is never older than they are.
func list(t *testing.T, goos string, args ...string) []string {
	t.Helper()
	c := exec.Command("go", append([]string{"list", "-mod=readonly"}, args...)...)
	c.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
	out, err := c.Output()
	require.NoError(t, err, "%s", out)
	return strings.Fields(string(out))
}

// importers are our packages that import a module by themselves; those that only do in tests are marked.
func importers(t *testing.T, modules map[string]string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	add := func(dir, suffix string, imports []string) {
		for _, imp := range imports {
			for m := range modules {
				if who := dir + suffix; (imp == m || strings.HasPrefix(imp, m+"/")) && !slices.Contains(out[m], who) && !slices.Contains(out[m], dir) {
					out[m] = append(out[m], who)
				}
			}
		}
	}
	found := packages(t)
	for _, dir := range slices.Sorted(maps.Keys(found)) {
		add(dir, "", found[dir])
		p, err := build.ImportDir(dir, 0)
		require.NoError(t, err)
		add(dir, " (tests)", slices.Concat(p.TestImports, p.XTestImports))
	}
	p, err := build.ImportDir(".", 0)
	if err != nil {
		require.ErrorContains(t, err, "no non-test Go files")
	}
	add("root", " (tests)", p.XTestImports)
	return out
}

// licences are texts that only one licence has, the more special ones first.
var licences = []struct{ name, text string }{
	{"Apache-2.0", "Apache License"}, {"MPL-2.0", "Mozilla Public License"}, {"GPL", "GNU GENERAL PUBLIC"}, {"LGPL", "GNU LESSER"}, {"AGPL", "GNU AFFERO"},
	{"MIT", "Permission is hereby granted, free of charge"}, {"BSD-3-Clause", "Neither the name"}, {"BSD-2-Clause", "Redistribution and use in source and binary forms"},
}

// licenceOf names the licences in a module's own file.
func licenceOf(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "LICENSE*"))
	require.NoError(t, err)
	require.NotEmpty(t, files, dir)
	var names []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		text := strings.Join(strings.Fields(string(data)), " ")
		for _, l := range licences {
			bsd := strings.HasPrefix(l.name, "BSD") && slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "BSD") })
			if strings.Contains(text, l.text) && !bsd && !slices.Contains(names, l.name) {
				names = append(names, l.name)
			}
		}
	}
	require.NotEmpty(t, names, "%s: a licence that nobody knows", dir)
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// free are the licences under which a module may be in the binary.
var free = []string{"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause"}

// TestDependencies compares docs/dependencies.md with what is true: no module comes in, is updated, or begins to be
// linked without a line about why.
func TestDependencies(t *testing.T) {
	modules := required(t)
	linked := map[string]bool{}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		for _, m := range list(t, goos, "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/pkitool") {
			linked[m] = true
		}
	}
	delete(linked, module)
	by := importers(t, modules)
	data, err := os.ReadFile("docs/dependencies.md")
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(data), "<!-- modules -->\n")
	require.True(t, ok)
	old, tail, ok := strings.Cut(rest, "<!-- /modules -->")
	require.True(t, ok)
	why := map[string]string{}
	for line := range strings.SplitSeq(old, "\n") {
		if f := strings.Split(line, " | "); len(f) == 6 {
			why[strings.TrimPrefix(f[0], "| ")] = strings.TrimSuffix(f[5], " |")
		}
	}
	var rows []dependency
	for m, version := range modules {
		d := dependency{module: m, version: version, linked: "no", by: cmp.Or(strings.Join(by[m], ", "), "another module"), why: why[m]}
		if len(by[m]) > 8 {
			d.by = "most packages"
		}
		if linked[m] {
			d.linked = "yes"
		}
		dir := list(t, "linux", "-m", "-f", "{{.Dir}}", m)
		require.Len(t, dir, 1, "%s is not in the module cache: go mod download", m)
		d.licence = licenceOf(t, dir[0])
		for name := range strings.SplitSeq(d.licence, ", ") {
			assert.True(t, !linked[m] || slices.Contains(free, name), "%s: %s in the binary", m, name)
		}
		rows = append(rows, d)
		delete(linked, m)
	}
	assert.Empty(t, linked, "linked, and not in go.mod")
	slices.SortFunc(rows, func(a, b dependency) int {
		return cmp.Or(-cmp.Compare(a.linked, b.linked), cmp.Compare(a.module, b.module))
	})
	var want strings.Builder
	want.WriteString("| module | version | licence | linked | imported by | why |\n|---|---|---|---|---|---|\n")
	for _, d := range rows {
		fmt.Fprintf(&want, "| %s | %s | %s | %s | %s | %s |\n", d.module, d.version, d.licence, d.linked, d.by, d.why)
		assert.NotEmpty(t, d.why, "%s: docs/dependencies.md says no reason for it", d.module)
	}
	if *update {
		require.NoError(t, os.WriteFile("docs/dependencies.md", []byte(head+"<!-- modules -->\n"+want.String()+"<!-- /modules -->"+tail), 0o644))
		return
	}
	assert.Equal(t, want.String(), old, "run `go test . -update`, and say why")
}
