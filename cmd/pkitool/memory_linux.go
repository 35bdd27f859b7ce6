package main

import "golang.org/x/sys/unix"

// closeMemory keeps the keys that a run holds in its memory: the kernel writes no core dump of it, and no other process
// of the same user reads it or attaches to it. Root still can, and so can who starts the program under a debugger, but
// without CAP_SYS_PTRACE that one does not see its memory. It is the program's, not the library's, to say so: it is
// about the whole process. A kernel that refuses has nothing better to offer.
func closeMemory() {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // a limit does not bind a core_pattern that is a pipe, so it is not enough
}
