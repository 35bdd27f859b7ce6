package pkitool_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
)

// askers say for whom a remedy is, in the order of the documentation. The first is whoever only checks.
var askers = []struct {
	asker finding.Asker
	who   string
}{
	{finding.Check, ""}, {finding.Init, "`init`"}, {finding.Renew, "`certs renew`"}, {finding.Request, "`certs generate-csr`"}, {finding.Import, "`certs import`"},
	{finding.External, "external CA"}, {finding.Kept, "files that `--reissue` does not replace"}, {finding.Given, "files of an external etcd"}, {finding.Live, "`--live`"},
}

// remedies are the lines of what to do: one a remedy, with those for whom it is.
func remedies(r finding.Rule) []string {
	var texts []string
	who := map[string][]string{}
	for _, a := range askers {
		text, own := r.Remedies[a.asker]
		if !own {
			text = r.Remedy
		}
		if !own && a.asker != finding.Check || text == "" {
			continue
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
		who[text] = append(who[text], a.who)
	}
	var out []string
	for _, text := range texts {
		line := finding.Blank(text)
		if who[text][0] != "" { // what is done by everybody needs no name
			line = strings.Join(who[text], ", ") + ": " + line
		}
		out = append(out, line)
	}
	return out
}

// findingsTable is the documentation of every finding, from the table.
func findingsTable() string {
	var b strings.Builder
	for _, g := range finding.Groups() {
		fmt.Fprintf(&b, "\n## %s\n", g.Title)
		for _, r := range g.Rules {
			fmt.Fprintf(&b, "\n### %s\n\n**%s**: %s\n", r.ID, r.Severity, r.Sentence())
			if r.Reason != "" {
				fmt.Fprintf(&b, "\nWhy: %s\n", finding.Blank(r.Reason))
			}
			if len(r.Follows) > 0 {
				var ids []string
				for _, id := range r.Follows {
					ids = append(ids, fmt.Sprintf("[%s](#%s)", id, id))
				}
				fmt.Fprintf(&b, "\nA consequence of %s, where that is found too.\n", strings.Join(ids, ", "))
			}
			if todo := remedies(r); len(todo) > 0 {
				b.WriteString("\nWhat to do:\n\n* " + strings.Join(todo, "\n* ") + "\n")
			}
		}
	}
	return b.String() + "\n"
}

// TestFindingsDocument compares docs/findings.md with the table.
func TestFindingsDocument(t *testing.T) {
	data, err := os.ReadFile("docs/findings.md")
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(data), "<!-- findings -->\n")
	require.True(t, ok)
	old, tail, ok := strings.Cut(rest, "<!-- /findings -->")
	require.True(t, ok)
	want := findingsTable()
	for _, r := range finding.Rules() {
		assert.Equal(t, 1, strings.Count(want, "\n### "+string(r.ID)+"\n"), "%s: a link to it leads to one place", r.ID)
		if _, own := r.Remedies[finding.Check]; own {
			assert.Empty(t, r.Remedy, "%s: who checks has a remedy of its own, and the one for everybody is not shown", r.ID)
		}
	}
	if *update {
		require.NoError(t, os.WriteFile("docs/findings.md", []byte(head+"<!-- findings -->\n"+want+"<!-- /findings -->"+tail), 0o644))
		return
	}
	assert.Equal(t, want, old, "run `go test . -update`")
}
