//go:build !unix

package cmd_test

// becomeUser: there is no root here.
func becomeUser(string) {}
