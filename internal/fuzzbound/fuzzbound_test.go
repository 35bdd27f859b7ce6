package fuzzbound_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pkitool/pkitool/internal/fuzzbound"
)

// said is a test that only remembers what it was told.
type said struct {
	testing.TB
	faults []string
}

func (s *said) Helper() {}

func (s *said) Errorf(format string, args ...any) {
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

var kept [][]byte

func TestHold(t *testing.T) {
	quiet, loud := &said{TB: t}, &said{TB: t}
	fuzzbound.Hold(quiet, 100)()
	assert.Empty(t, quiet.faults)
	done := fuzzbound.Hold(loud, 100)
	for range 80 {
		kept = append(kept, make([]byte, 1<<20))
	}
	done()
	assert.Len(t, loud.faults, 1)
	assert.Contains(t, loud.faults[0], "100 bytes of input took ")
	kept = nil
}
