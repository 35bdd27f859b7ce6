package pkitool_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	namedTest   = regexp.MustCompile("`([a-z][a-z/]*)\\.((?:Test|Fuzz)[A-Z]\\w*)`")
	namedTarget = regexp.MustCompile("`make ([a-z]+)`")
)

// TestSecurityPromises: each promise of SECURITY.md names what holds it, and that exists.
func TestSecurityPromises(t *testing.T) {
	data, err := os.ReadFile("SECURITY.md")
	require.NoError(t, err)
	makefile, err := os.ReadFile("Makefile")
	require.NoError(t, err)
	kept, rest, ok := strings.Cut(string(data), "## Not promised")
	require.True(t, ok)
	assert.NotRegexp(t, namedTest, rest, "what is not promised is held by no test")
	promises := regexp.MustCompile(`(?ms)^\* .*?(?:\n\n|\n\* |\z)`)
	text := strings.ReplaceAll(kept, "\n* ", "\n\n* ")
	count := 0
	for _, p := range promises.FindAllString(text, -1) {
		count++
		assert.True(t, namedTest.MatchString(p) || namedTarget.MatchString(p), "held by nothing: %s", p)
	}
	assert.Greater(t, count, 25)
	sources := map[string]string{}
	for _, m := range namedTest.FindAllStringSubmatch(kept, -1) {
		pkg, name := strings.TrimPrefix(m[1], "pkitool"), m[2]
		if _, ok := sources[pkg]; !ok {
			files, err := filepath.Glob(filepath.Join(".", pkg, "*_test.go"))
			require.NoError(t, err)
			require.NotEmpty(t, files, "no package %s", m[1])
			for _, f := range files {
				source, err := os.ReadFile(f)
				require.NoError(t, err)
				sources[pkg] += string(source)
			}
		}
		assert.True(t, strings.Contains(sources[pkg], "\nfunc "+name+"("), "%s.%s does not exist", m[1], name)
	}
	for _, m := range namedTarget.FindAllStringSubmatch(kept, -1) {
		assert.Contains(t, string(makefile), "\n"+m[1]+":", "the Makefile has no such target")
	}
}
