//go:build unix

package cmd_test

import (
	"os"
	"strconv"
	"syscall"
)

// children are the processes that tests start of this binary.
func children() map[string]func() {
	return map[string]func(){"states": func() { os.Exit(statesChild()) }}
}

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
