package phases_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/phases"
)

// TestInitTellsOfACAThatWasNotAskedFor: the row that was asked for is refused
// because of its CA, and the CA's own fault is what is told, once.
func TestInitTellsOfACAThatWasNotAskedFor(t *testing.T) {
	w := complete(t)
	w.write(w.keyFile(w.row("ca")), pemOf(t, newKey(t)))
	before := w.snapshot()
	r, err := w.init([]string{"apiserver", "scheduler"}, reissue())
	var refused *phases.RefusedError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "ca: key does not match certificate ("+w.certFile(w.row("ca"))+")", err.Error())
	assert.Len(t, r.Rows, 3)
	w.unchanged(before)
}
