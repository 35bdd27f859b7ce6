package pki_test

import (
	"fmt"
	"math"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki"
)

// Sixteen times as many names take sixteen times as long to compare, not 256 times. What counts is the time of this
// thread, which others on the machine take no part of.
func TestNamesInProportion(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const thread = 1 // RUSAGE_THREAD
	used := func() time.Duration {
		var u syscall.Rusage
		require.NoError(t, syscall.Getrusage(thread, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	least := func(n, times int) float64 {
		var s pki.SANs
		for i := range n {
			s.DNS = append(s.DNS, fmt.Sprintf("n%d.example.com", i))
		}
		best := time.Duration(math.MaxInt64)
		for range 5 {
			start := used()
			for range times {
				require.Len(t, pki.Join(s, s).DNS, n)
				require.True(t, s.Minus(s).Empty())
			}
			best = min(best, used()-start)
		}
		return float64(best) / float64(times)
	}
	assert.Less(t, least(32_000, 1)/least(2_000, 16), 90.0)
}
