//go:build unix

package fuzzbound

import (
	"syscall"
	"time"
)

// cpu is how long this process has worked, in its own code and in the system's.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
