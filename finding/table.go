package finding

import (
	"slices"
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
	// Follows are findings of the same row, or of its CA, that this one is only a consequence of.
	Follows []ID
	// Reissue says that `--reissue` mends it although it is no error.
	Reissue bool
}

// Rules is the table, in the order of the documentation.
func Rules() []Rule {
	return slices.Concat(fileRules, certificateRules, authorityRules, keyPairRules, rowRules, requestRules, kubeconfigRules, directoryRules)
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
