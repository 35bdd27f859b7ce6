package opensslcmd_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd/internal/cases"
)

// What openssl judges and this program does not is named, never OK, and --explain says who would judge it.
func TestUnsupportedIsNamed(t *testing.T) {
	const hint = "  no Kubernetes component takes it, so it is not judged here; openssl would judge it\n"
	root, sentences := t.TempDir(), map[string]bool{}
	for n := range 120 {
		c := cases.GenerateOf("unsupported", 5, n)
		dir := filepath.Join(root, strconv.Itoa(n))
		require.NoError(t, lay(dir, c))
		own := ours(dir, c.Args)
		before, _, named := strings.Cut(own.Stderr, " is not supported\n")
		if !named {
			continue // the signer was replaced by noise, or there was no path
		}
		assert.Equal(t, 2, own.Exit, "%s", c)
		assert.NotContains(t, own.Stdout, ": OK")
		sentences[strings.TrimSpace(before[strings.LastIndexByte(before, '\n')+1:])] = true
		assert.Contains(t, ours(dir, append([]string{"--explain"}, c.Args...)).Stderr, " is not supported\n"+hint)
		assert.Contains(t, ours(dir, append([]string{"-o", "json"}, c.Args...)).Stdout, `is not supported"`)
	}
	for _, want := range []string{
		"key type EC with explicit parameters", "key type secp256k1", "an RSA key of 512 bits", "the hash function RIPEMD-160",
		"RFC 3779 extension sbgp-ipAddrBlock", "RFC 3779 extension sbgp-autonomousSysNum", "proxy certificate (RFC 3820)",
	} {
		assert.Contains(t, sentences, want)
	}
}
