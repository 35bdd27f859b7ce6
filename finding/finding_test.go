package finding

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTable holds the table to its own rules: an id is unique and in kebab case, a sentence is one, and what stands in
// braces is filled in.
func TestTable(t *testing.T) {
	seen := map[ID]bool{}
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	brace := regexp.MustCompile(`\{[^}]*\}`)
	known := map[string]bool{"{had}": true, "{wanted}": true, "{had0}": true, "{had1}": true, "{had2}": true, "{row}": true, "{phase}": true, "{path}": true}
	rules := Rules()
	require.Greater(t, len(rules), 80)
	for _, r := range rules {
		assert.False(t, seen[r.ID], "%s is there twice", r.ID)
		seen[r.ID] = true
		assert.Regexp(t, id, string(r.ID))
		assert.NotEmpty(t, r.Text, r.ID)
		texts := []string{r.Text, r.Reason, r.Remedy}
		for _, text := range r.Remedies {
			assert.NotEmpty(t, text, r.ID)
			texts = append(texts, text)
		}
		for _, text := range texts {
			assert.Equal(t, strings.TrimSpace(text), text, r.ID)
			assert.False(t, strings.HasSuffix(text, "."), "%s: %q ends in a full stop", r.ID, text)
			assert.NotContains(t, text, "\n", r.ID)
			assert.Zero(t, strings.Count(text, "`")%2, "%s: %q", r.ID, text)
			for _, b := range brace.FindAllString(text, -1) {
				assert.True(t, known[b], "%s: %s", r.ID, b)
			}
		}
		assert.NotRegexp(t, `[{}]`, r.Sentence(), r.ID)
		assert.Regexp(t, `[a-z]{3}`, r.Sentence(), r.ID)
		for _, word := range []string{"makings", "would not stand", "tells of", "there yet"} { // rule 18 of the design
			assert.NotContains(t, strings.Join(texts, " "), word, r.ID)
		}
	}
}

func TestFinding(t *testing.T) {
	f := New(NamesMissing).Want("DNS:a", "IP:192.0.2.1").At("apiserver", "certs", "pki/apiserver.crt")
	assert.Equal(t, Error, f.Severity)
	assert.Equal(t, "certificate lacks the names DNS:a, IP:192.0.2.1", f.Text())
	assert.Equal(t, "apiserver: certificate lacks the names DNS:a, IP:192.0.2.1 (pki/apiserver.crt)", f.Error())
	assert.Equal(t, "`pkitool init phase certs apiserver --reissue` replaces it, after a copy of the old files", f.Remedy(Init))
	assert.Contains(t, f.Remedy(External), "`pkitool certs generate-csr apiserver`")
	assert.Equal(t, f.Remedy(Check), f.Hint())
	f.At("other", "kubeconfig", "other.conf")
	assert.Equal(t, "apiserver", f.Row, "a place is set once")

	shown := f.Shown(Import)
	assert.Equal(t, "have the request signed again, with what it asks for", shown.Hint)
	assert.Equal(t, f.Text(), shown.Text)

	f = New(TokenFileEmpty)
	f.Entry = `user "a"`
	assert.True(t, strings.HasPrefix(f.Text(), `user "a": `), f.Text())

	same := Of(f, FileUnreadable)
	assert.Equal(t, f, same)
	assert.NotSame(t, f, same)
	assert.Equal(t, "boom", Of(errors.New("boom"), FileUnreadable).Text())
	assert.PanicsWithValue(t, "finding: no row for no-such-id", func() { New("no-such-id") })

	worst, some := Worst([]Finding{{Severity: Notice}, {Severity: Warning}})
	assert.Equal(t, Warning, worst)
	assert.True(t, some)
	_, some = Worst(nil)
	assert.False(t, some)
	rule, _ := Lookup(KeyMissing)
	assert.Equal(t, "put the key back from a backup, or: `pkitool init phase PHASE ROW --reissue` replaces it, after a copy of the old files", Blank(rule.Remedies[Init]))
	rule, _ = Lookup(FileUnreadable)
	assert.Equal(t, "file unreadable: ...", rule.Sentence())
	assert.Equal(t, `"a\x1b"`, Quote("a\x1b"))
	assert.Len(t, Quote(strings.Repeat("a", 300)), 205)
}

// TestEveryReason: each finding says why it matters.
func TestEveryReason(t *testing.T) {
	for _, r := range Rules() {
		assert.NotEmpty(t, r.Reason, r.ID)
	}
}
