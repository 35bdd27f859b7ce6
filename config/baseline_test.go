package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/internal/fuzzbound"
)

const baselineHead = "apiVersion: pkitool.io/v1alpha1\nkind: AuditBaseline\n"

var someIDs = []string{"key-mismatch", "mode-loose"}

func TestParseBaseline(t *testing.T) {
	got, err := config.ParseBaseline("b.yaml", []byte("# what we know\n"+baselineHead+`ignore:
- id: key-mismatch
  row: apiserver
  path: pki/apiserver.crt
  reason: replaced in the next window, CHG-17
  until: 2027-01-31
- {id: mode-loose, reason: &why "the backup job reads it"}
- {id: mode-loose, reason: *why, until: "2026-02-28", row: ~}
`), someIDs)
	require.NoError(t, err)
	assert.Equal(t, []config.Known{
		{ID: "key-mismatch", Row: "apiserver", Path: "pki/apiserver.crt", Reason: "replaced in the next window, CHG-17", Until: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), Line: 5},
		{ID: "mode-loose", Reason: "the backup job reads it", Line: 10},
		{ID: "mode-loose", Reason: "the backup job reads it", Until: time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC), Line: 11},
	}, got)

	for _, none := range []string{"", "ignore:\n", "ignore: []\n"} {
		got, err = config.ParseBaseline("b.yaml", []byte(baselineHead+none), someIDs)
		require.NoError(t, err)
		assert.Empty(t, got)
	}
}

func TestParseBaselineFaults(t *testing.T) {
	entry := func(text string) string { return baselineHead + "ignore:\n- " + text + "\n" }
	for _, c := range []struct{ data, want string }{
		{"", "b.yaml: is empty: wanted apiVersion: pkitool.io/v1alpha1, kind: AuditBaseline and the list ignore"},
		{"# nothing\n", "b.yaml: is empty: wanted apiVersion: pkitool.io/v1alpha1, kind: AuditBaseline and the list ignore"},
		{"~\n", "b.yaml:1: apiVersion: missing: wanted pkitool.io/v1alpha1\nb.yaml:1: kind: missing: wanted AuditBaseline"},
		{"- id: mode-loose\n", "b.yaml:1: wanted a mapping, found a list"},
		{"kind: AuditBaseline\nignore: []\n", "b.yaml:1: apiVersion: missing: wanted pkitool.io/v1alpha1"},
		{"apiVersion: pkitool.io/v2\nkind: ''\n", "b.yaml:1: apiVersion: is \"pkitool.io/v2\", wanted pkitool.io/v1alpha1\nb.yaml:2: kind: missing: wanted AuditBaseline"},
		{"apiVersion: pkitool.io/v1alpha1\nkind: ClusterConfiguration\n", `b.yaml:2: kind: is "ClusterConfiguration", wanted AuditBaseline`},
		{"apiVersion: [a]\nkind: AuditBaseline\n", "b.yaml:1: apiVersion: wanted text, found a list"},
		{baselineHead + "---\n" + baselineHead, "b.yaml:3: a second document: a baseline is one"},
		{baselineHead + "ignore: [\n", "b.yaml:4: not YAML: did not find expected node content"},
		{baselineHead + "---\n[\n", "b.yaml:5: not YAML: did not find expected node content"},
		{baselineHead + "ignored: []\n", "b.yaml:3: ignored: unknown field"},
		{baselineHead + "ignore: mode-loose\n", "b.yaml:3: ignore: wanted a list, found text"},
		{baselineHead + "ignore: []\nignore: []\n", "b.yaml:4: ignore: second time, the first is on line 3"},
		{entry("mode-loose"), "b.yaml:4: ignore[0]: wanted a mapping, found text"},
		{entry("~"), "b.yaml:4: ignore[0]: wanted a mapping, found nothing"},
		{entry("reason: a"), "b.yaml:4: ignore[0].id: missing: which finding it is"},
		{entry("id: mode-loose"), "b.yaml:4: ignore[0].reason: missing: why it may stay"},
		{entry("id: mode-loose\n  row: a\n  reason: ' '"), "b.yaml:6: ignore[0].reason: missing: why it may stay"},
		{entry("id: mode-loose\n  reason: 5"), "b.yaml:5: ignore[0].reason: wanted text, found a number"},
		{entry("id: mode-lose\n  reason: a"), `b.yaml:4: ignore[0].id: unknown finding "mode-lose"`},
		{entry("id: mode-loose\n  id: key-mismatch\n  reason: a"), "b.yaml:5: ignore[0].id: second time, the first is on line 4"},
		{entry("id: mode-loose\n  reason: a\n  why: b"), "b.yaml:6: ignore[0].why: unknown field"},
		{entry("id: mode-loose\n  reason: a\n  until: soon"), `b.yaml:6: ignore[0].until: "soon" is no day: wanted one such as 2027-01-31`},
		{entry("id: mode-loose\n  reason: a\n  until: 2027-02-30"), `b.yaml:6: ignore[0].until: "2027-02-30" is no day: wanted one such as 2027-01-31`},
		{entry("id: mode-loose\n  reason: a\n  until: 2027"), "b.yaml:6: ignore[0].until: wanted text, found a number"},
		{baselineHead + "ignore: [" + strings.Repeat("x,", 200_001) + "]\n", "b.yaml: has more than 200000 lines and punctuation marks"},
	} {
		known, err := config.ParseBaseline("b.yaml", []byte(c.data), someIDs)
		if assert.Error(t, err, "%q gave %v", c.data, known) {
			assert.Equal(t, c.want, err.Error())
		}
	}
}

// FuzzBaseline: a baseline is refused, or every entry of it names a finding and a reason.
func FuzzBaseline(f *testing.F) {
	f.Add(baselineHead + "ignore:\n- {id: mode-loose, reason: a, until: 2027-01-31}\n")
	f.Add(baselineHead + "ignore:\n- &a {id: mode-loose, reason: a}\n- *a\n- {<<: *a, row: ca}\n")
	f.Fuzz(func(t *testing.T, data string) {
		defer fuzzbound.Hold(t, len(data))()
		known, err := config.ParseBaseline("b.yaml", []byte(data), someIDs)
		if err != nil {
			return
		}
		for _, k := range known {
			require.Contains(t, someIDs, k.ID)
			require.NotEmpty(t, strings.TrimSpace(k.Reason))
			require.Positive(t, k.Line)
		}
	})
}
