//go:build !unix

package main

// closeMemory does nothing: Windows writes a dump only where an administrator asked for one (LocalDumps), and who may
// open a process for reading is the access list of its user.
func closeMemory() {}
