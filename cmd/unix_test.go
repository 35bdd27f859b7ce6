//go:build unix

package cmd_test

import (
	"strconv"
	"syscall"
)

// becomeUser gives up root for the rest of the process: what root may write
// says nothing about permissions.
func becomeUser(uid string) {
	if uid == "" {
		return
	}
	n, err := strconv.Atoi(uid)
	if err != nil {
		panic(err)
	}
	if err := syscall.Setgroups(nil); err != nil {
		panic(err)
	}
	if err := syscall.Setgid(n); err != nil {
		panic(err)
	}
	if err := syscall.Setuid(n); err != nil {
		panic(err)
	}
}
