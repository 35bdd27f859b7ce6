package kubeconfig

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pkitool/pkitool/internal/fuzzbound"
)

// The worst inputs under the limits cost bounded memory, broken or not.
func TestParseHostile(t *testing.T) {
	const long = 1 << 20 // the time for long texts is linear; the race detector is slow
	for name, in := range map[string]string{
		"deep flow":          strings.Repeat("[", 190_000),
		"deep maps":          strings.Repeat("{a: ", 60_000),
		"deep items":         strings.Repeat("- ", 190_000),
		"deep keys":          strings.Repeat("? ", 95_000),
		"wide flow":          "a: [" + strings.Repeat("a,", 190_000) + "]",
		"wide pairs":         "a: {" + strings.Repeat("'':,", 60_000) + "}",
		"items and comments": "a:\n" + strings.Repeat("- a # c\n", 60_000),
		"comments":           "a:\n" + strings.Repeat(" # c\n", 190_000) + "b: c\n",
		"long comment":       "# " + strings.Repeat("x", long-100) + "\na: b\n",
		"long scalar":        "a: " + strings.Repeat("x ", long/2-100),
		"long quotes":        "a: \"" + strings.Repeat("x ", long/2-100),
		"long number":        "a: 1e" + strings.Repeat("9", long-100),
		"long data":          "users: [{name: a, user: {client-key-data: " + strings.Repeat("A", long-100) + "}}]",
		"blanks":             strings.Repeat(" ", long),
		"line separators":    strings.Repeat("\u2028", long/3),
		"tags":               "a: " + strings.Repeat("!a ", long/3-10),
		"documents":          strings.Repeat("---\n", 190_000),
		"big alias":          "a: &a [" + strings.Repeat("x,", 1000) + "]\nb: [" + strings.Repeat("*a,", 90_000) + "]",
	} {
		t.Run(name, func(t *testing.T) {
			var c *Config
			var err error
			taken := fuzzbound.Allocated(func() { c, err = Parse([]byte(in)) })
			assert.True(t, (c == nil) != (err == nil))
			assert.Less(t, taken>>20, uint64(300), "MiB allocated")
		})
	}
}
