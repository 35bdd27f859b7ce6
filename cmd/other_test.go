//go:build !unix

package cmd_test

// becomeUser: there is no root here.
func becomeUser(string) {}

func children() map[string]func() { return map[string]func(){} }
