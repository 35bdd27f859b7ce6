//go:build unix && !linux

package main

import "golang.org/x/sys/unix"

// closeMemory keeps core dumps from being written. These systems have no common way to keep other processes of the same
// user out of the memory.
func closeMemory() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
