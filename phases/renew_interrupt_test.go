package phases_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// TestRenewInterrupted stops a renewal after each of its writes: every pair is
// the old one, the new one, or, one at most, a key alone; and a second renewal
// says so of this one, and renews the others.
func TestRenewInterrupted(t *testing.T) {
	plan := func(w *world) [][]store.Write {
		chosen := w.only(interruptible...)
		steps, err := phases.DecideRenewal(w.judged(chosen), chosen, renewal()).Steps()
		require.NoError(t, err)
		return steps
	}
	total := 0
	for _, step := range plan(complete(t).neutral(pki.SANs{})) {
		total += len(step)
	}
	require.Equal(t, 4*3+2, total)
	for n := range total {
		w := complete(t).neutral(pki.SANs{})
		left := n
		for _, step := range plan(w) {
			for _, c := range step[:min(left, len(step))] {
				w.obey(c)
				left--
			}
		}
		var lone, others []string
		for _, s := range w.renewables() {
			if !slices.Contains(interruptible, s.Name) {
				continue
			}
			_, seen := w.snapshot()[w.certFile(s)]
			if !seen {
				lone = append(lone, s.Name)
				continue
			}
			others = append(others, s.Name)
			assert.True(t, pki.SameKey(w.chain(s)[0].PublicKey, w.key(s).Public()), "after %d writes: %s", n, s.Name)
		}
		require.LessOrEqual(t, len(lone), 1, "after %d writes", n)
		if len(lone) == 1 {
			_, err := w.renew(renewal(), lone...)
			assert.ErrorContains(t, err, lone[0]+": certificate is missing", "after %d writes", n)
		}
		o := renewal()
		o.DryRun = true
		_, err := w.renew(o, others...)
		require.NoError(t, err, "after %d writes", n)
	}
}
