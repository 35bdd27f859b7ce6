package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/internal/fuzzbound"
)

// The worst lists of users that fit into a file cost bounded memory and are refused in few words.
func TestUsersBounds(t *testing.T) {
	const size = 1 << 20
	const marks = "has more than 200000 lines and punctuation marks"
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for _, c := range []struct{ name, file, text, want string }{
		{"items", "u.yaml", "[" + fill("x,") + "]", "u.yaml: " + marks},
		{"entries", "u.yaml", fill("- {}\n"), "u.yaml: " + marks},
		{"aliases", "u.yaml", "- &a {cn: a}\n" + fill("- *a\n"), "u.yaml: " + marks},
		{"groups", "u.yaml", "- {cn: a, org: [" + strings.Repeat("x,", 1001) + "]}\n", "u.yaml:1: org: one group more than the 1000 that a list may have"},
		{"groups of a row", "u.csv", "cn,org\na," + fill("b;") + "\n", "u.csv:2: org: one group more than the 1000 that a list may have"},
		{"columns", "u.csv", fill(","), fmt.Sprintf("u.csv:1: the header has %d columns: they are cn, org, validity, namespace", size+1)},
		{"columns of a row", "u.csv", "cn\n" + fill(","), fmt.Sprintf("u.csv:2: the number of columns is %d, the header has 1", size+1)},
		{"a name", "u.csv", "cn\n" + fill("a"), `u.csv:2: common name (CN) "` + strings.Repeat("a", 100-18) + "... is too long"},
		{"faults", "u.csv", "cn,org\n" + strings.Repeat("a\n", 100_000), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			taken := fuzzbound.Allocated(func() { _, err = ParseUsers(c.file, []byte(c.text)) })
			require.Error(t, err)
			if c.want != "" {
				assert.EqualError(t, err, c.want)
			}
			assert.Less(t, len(err.Error()), 10_000)
			assert.Less(t, taken, uint64(400*len(c.text)))
		})
	}
	_, err := ParseUsers("u.csv", []byte("cn,org\n"+strings.Repeat("a\n", 100_000)))
	var all *Errors
	require.True(t, errors.As(err, &all))
	assert.Len(t, all.Faults, maxFaults)
	assert.Equal(t, 100_000-maxFaults, all.More, "each is counted")
	assert.Less(t, fuzzbound.Allocated(func() { _, err = ParseUsers("u.csv", []byte("cn,org\n"+strings.Repeat("a\n", 200_000))) }), uint64(64<<20), "and few are kept")
}

// A configuration is bounded by what the parser would make of it, not by its bytes only.
func TestLoadBounds(t *testing.T) {
	for name, text := range map[string]string{
		"items": clusterHead + "x: [" + strings.Repeat("x,", 400_000) + "]\n", "documents": strings.Repeat("---\n", 200_001), "dashes": clusterHead + "x: " + strings.Repeat("- ", 400_000),
	} {
		var err error
		taken := fuzzbound.Allocated(func() { _, _, err = Load(Input{Name: "f", Documents: []byte(text), Host: NeutralHost()}) })
		assert.EqualError(t, err, "f: has more than 200000 lines and punctuation marks", name)
		assert.Less(t, taken, uint64(16<<20), name)
	}
}

// hostileManifests are files in the place of a static pod.
var hostileManifests = []string{
	"? [x]\n: y\n<<: {a: 1}\n", "spec: {containers: [{? [x] : y, <<: {command: [a]}}]}\n", "spec: &a {containers: [*a]}\n",
	"a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nspec: {containers: [{command: *b}]}\n", "\x00", "spec:\n\tcontainers: []\n", "{\"spec\":{\"containers\":[{\"args\":[\"--secure-port=1\"]}]}}",
}

// A manifest that nobody could start says nothing, at no cost.
func TestManifestBounds(t *testing.T) {
	for _, text := range append(hostileManifests, "spec: {containers: ["+strings.Repeat("{},", 100_000)+"]}", "spec: {containers: [{args: ["+strings.Repeat("a,", 500_000)+"]}]}", strings.Repeat("#\n", 1<<20)) {
		var got map[certs.Facts]certs.Found
		taken := fuzzbound.Allocated(func() { got = ParseManifest("x", []byte(text)) })
		assert.LessOrEqual(t, len(got), 1)
		assert.Less(t, taken, uint64(1<<20+400*len(text)), "%.60q", text)
	}
}
