package finding

import (
	"strings"
	"sync"
)

// Rule is one row of the table.
type Rule struct {
	ID       ID
	Severity Severity
	// Text is the sentence. {had} and {wanted} are the two sides of the comparison, {had0} to {had2} single values.
	Text string
	// Reason says which component minds, and how it fails; or which rule is broken (RFC, CIS, Kubernetes).
	Reason string
	// Remedy is what to do, for every asker that Remedies does not name. Commands stand in backquotes, begin with
	// "pkitool " and mend the fault as they are printed, which a test tries. {row}, {phase} and {path} are filled in.
	Remedy   string
	Remedies map[Asker]string
	// Follows are findings of the same row, of its CA, or of the whole directory, that this one is only a consequence of.
	Follows []ID
	// Reissue says that `--reissue` mends it although it is no error.
	Reissue bool
}

// Group is a part of the table, as the documentation has it.
type Group struct {
	Title string
	Rules []Rule
}

// Groups are the parts of the table, in order.
func Groups() []Group {
	return []Group{
		{"Files", fileRules}, {"Certificates", certificateRules}, {"Certificate authorities", authorityRules}, {"The service-account key pair", keyPairRules},
		{"Rows, and what a run does with them", rowRules}, {"Requests, and files that are shown", requestRules}, {"Kubeconfigs", kubeconfigRules}, {"Whole directories", directoryRules},
		{"Running components", liveRules},
	}
}

// Rules is the table, in the order of the documentation.
func Rules() []Rule {
	var out []Rule
	for _, g := range Groups() {
		out = append(out, g.Rules...)
	}
	return out
}

// Sentence is the text without values: what the finding says of any file.
func (r Rule) Sentence() string {
	if strings.HasPrefix(r.Text, "{") && strings.HasSuffix(r.Text, "}") { // another package makes the sentence
		return strings.ReplaceAll(string(r.ID), "-", " ") + ": ..."
	}
	return Blank(r.Text)
}

// Blank is a text of the table with words in the place of its values.
func Blank(text string) string {
	return strings.NewReplacer("{row}", "ROW", "{phase}", "PHASE", "{path}", "FILE",
		"{had}", "...", "{wanted}", "...", "{had0}", "...", "{had1}", "...", "{had2}", "...").Replace(text)
}

var byID = sync.OnceValue(func() map[ID]Rule {
	out := map[ID]Rule{}
	for _, r := range Rules() {
		out[r.ID] = r
	}
	return out
})

// Lookup finds a row of the table.
func Lookup(id ID) (Rule, bool) {
	r, ok := byID()[id]
	return r, ok
}
