package kubeconfig_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/kubeconfig"
)

// list is a kubeconfig whose list has an entry for each number below n.
func list(kind string, n int, entry string) string {
	var out strings.Builder
	out.WriteString("apiVersion: v1\nkind: Config\n" + kind + ":\n")
	for i := range n {
		out.WriteString("- " + strings.ReplaceAll(entry, "#", fmt.Sprint(i)) + "\n")
	}
	return out.String()
}

// What a few bytes stand for is bounded as what is there: else each alias of a bundle is decoded by itself.
func TestParseBounds(t *testing.T) {
	keys := func(n int) string {
		var out strings.Builder
		out.WriteString("apiVersion: v1\n")
		for i := range n {
			fmt.Fprintf(&out, "f%d: x\n", i)
		}
		return out.String()
	}
	bundle := strings.Repeat("QUFB", 200_000)
	for _, c := range []struct{ name, text, want string }{
		{"aliases of a text", list("clusters", 1, "&a {name: a, cluster: {certificate-authority-data: "+bundle+"}}") + strings.Repeat("- {<<: *a}\n", 20),
			"too much text for a kubeconfig, the limit is 8388608 bytes with aliases written out"},
		{"an alias of a text", "a: &a " + bundle + "\nb: [" + strings.Repeat("*a,", 1000) + "]\n", "too much text for a kubeconfig, the limit is 8388608 bytes with aliases written out"},
		{"keys", keys(1000), "1001 keys are too many for one mapping, the limit is 1000"},
		{"keys of an extension", "extensions:\n- name: a\n  extension:\n    " + strings.ReplaceAll(keys(1000), "\n", "\n    "), "1001 keys are too many for one mapping, the limit is 1000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			taken := fuzzbound.Allocated(func() { _, err = kubeconfig.Parse([]byte(c.text)) })
			assert.ErrorContains(t, err, c.want)
			assert.Less(t, taken, uint64(16<<20+50*len(c.text)))
		})
	}
	_, err := kubeconfig.Parse([]byte(keys(999)))
	assert.NoError(t, err, "as many as may be")
}

// What is merged is bounded as what is read, and is refused before it is written.
func TestMergeBounds(t *testing.T) {
	fields := func(name string, n int) string {
		var out strings.Builder
		out.WriteString(list("clusters", 1, "{name: "+name+", cluster: {server: https://a}}"))
		for i := range n {
			fmt.Fprintf(&out, "%s%d: x\n", name, i)
		}
		return out.String()
	}
	const context = "{name: c#, context: {cluster: %s, user: u}}"
	const over = "the result would be too large: "
	for _, c := range []struct{ name, into, from, want string }{
		{"entries", list("contexts", 14_000, fmt.Sprintf(context, "a")), list("contexts", 14_000, fmt.Sprintf(context, "b")),
			over + "too many entries for a kubeconfig, the limit is 200000 lines and punctuation marks"},
		{"keys", fields("a", 600), fields("b", 600), over + "1203 keys are too many for one mapping, the limit is 1000"},
		{"bytes", list("users", 1, "{name: a, user: {token: "+strings.Repeat("t", 5<<20)+"}}"), list("users", 1, "{name: a, user: {token: "+strings.Repeat("u", 5<<20)+"}}"),
			over + "10485855 bytes are too many for a kubeconfig, the limit is 8388608"},
	} {
		t.Run(c.name, func(t *testing.T) {
			target, err := kubeconfig.NewTarget([]byte(c.into))
			require.NoError(t, err)
			_, err = target.Merge([]byte(c.from), kubeconfig.MergeOptions{OnConflict: kubeconfig.Rename})
			require.NoError(t, err)
			var data []byte
			taken := fuzzbound.Allocated(func() { data, err = target.Bytes() })
			assert.EqualError(t, err, c.want)
			assert.Nil(t, data)
			assert.Less(t, taken, uint64(10*(len(c.into)+len(c.from))))
		})
	}
}

// Twice as many entries take twice the memory.
func TestMergeInProportion(t *testing.T) {
	merge := func(n int) uint64 {
		into, from := list("contexts", n, "{name: c#, context: {cluster: a}}"), list("contexts", n, "{name: c#, context: {cluster: b}}")
		return fuzzbound.Allocated(func() {
			m, err := kubeconfig.Merge([]byte(into), []byte(from), kubeconfig.MergeOptions{OnConflict: kubeconfig.Rename})
			require.NoError(t, err)
			require.Len(t, m.Changes, n)
		})
	}
	assert.Less(t, float64(merge(2000)), 2.5*float64(merge(1000)))
}
