// Package fuzzbound holds what a fuzz target does with one input to time and memory in proportion to the input. It is
// for tests.
package fuzzbound

import (
	"runtime"
	"testing"
	"time"
)

// What one input may take. Fixed is what small inputs need (a fuzz target often makes keys and files of its own); time is
// what the process has worked, not what a clock says, so that a busy machine changes nothing.
const (
	fixedMemory, perByte = 64 << 20, 20_000
	// readMemory and readPerByte are for reading alone.
	readMemory, readPerByte = 8 << 20, 4000

	fixedTime   = 20 * time.Second
	timePerByte = time.Millisecond
)

// Hold begins with one input of a fuzz target, of size bytes, and gives what is to be called when the target is done
// with it:
//
//	defer fuzzbound.Hold(t, len(data))()
func Hold(t testing.TB, size int) func() {
	t.Helper()
	memory, worked := allocated(), cpu()
	return func() {
		t.Helper()
		if got, most := allocated()-memory, uint64(fixedMemory+perByte*size); got > most {
			t.Errorf("%d bytes of input took %d bytes of memory, more than %d", size, got, most)
		}
		if got, most := cpu()-worked, fixedTime+time.Duration(size)*timePerByte; got > most {
			t.Errorf("%d bytes of input took %v of work, more than %v", size, got, most)
		}
	}
}

// Within runs what only reads an input of size bytes, and holds it to a tighter bound than a whole target.
func Within(t testing.TB, size int, f func()) {
	t.Helper()
	if got, most := Allocated(f), uint64(readMemory+readPerByte*size); got > most {
		t.Errorf("reading %d bytes took %d bytes of memory, more than %d", size, got, most)
	}
}

// Allocated is what f takes from the heap altogether, given back or not.
func Allocated(f func()) uint64 {
	before := allocated()
	f()
	return allocated() - before
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
