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

// TestRenewInterrupted stops a renewal after each of its sets: every pair is the old one or the new one, and a second
// renewal renews all.
func TestRenewInterrupted(t *testing.T) {
	plan := func(w *world) [][][]store.Write {
		chosen := w.only(interruptible...)
		sets, err := phases.DecideRenewal(w.judged(chosen), chosen, renewal()).Sets()
		require.NoError(t, err)
		return slices.DeleteFunc(steps(sets), func(step [][]store.Write) bool { return len(step) == 0 })
	}
	total := len(plan(complete(t).neutral(pki.SANs{})))
	require.Equal(t, 4+2, total)
	for n := range total {
		w := complete(t).neutral(pki.SANs{})
		for _, step := range plan(w)[:n] {
			require.Len(t, step, 1, "a pair is replaced as a whole")
			for _, c := range step[0] {
				w.obey(c)
			}
		}
		var names []string
		for _, s := range w.renewables() {
			if slices.Contains(interruptible, s.Name) {
				names = append(names, s.Name)
				assert.True(t, pki.SameKey(w.chain(s)[0].PublicKey, w.key(s).Public()), "after %d: %s", n, s.Name)
			}
		}
		_, err := w.renew(renewal(), names...)
		require.NoError(t, err, "after %d", n)
	}
}
