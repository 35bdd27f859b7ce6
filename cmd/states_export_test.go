package cmd

import (
	"path"
	"sync"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/certs"
)

// Commands are the paths of all commands that do something by themselves, "certs renew", without those of cobra.
func Commands() []string {
	var out []string
	var walk func(c *cobra.Command, at string)
	walk = func(c *cobra.Command, at string) {
		if c.Name() == "completion" || c.Name() == "help" {
			return
		}
		if !c.HasSubCommands() || at == "init" {
			out = append(out, at)
		}
		for _, sub := range c.Commands() {
			walk(sub, path.Join(at, sub.Name()))
		}
	}
	walk(wholeRoot(), "")
	return out
}

var wholeRoot = sync.OnceValue(func() *cobra.Command {
	return newRoot(&Env{LookupEnv: func(string) (string, bool) { return "", false }})
})

// HasFlag reports whether a command has a flag.
func HasFlag(command []string, flag string) bool {
	c, _, err := wholeRoot().Find(command)
	return err == nil && c.Flags().Lookup(flag) != nil
}

// RowFiles are the files of a neutral cluster's rows, relative to a directory that holds the kubeconfigs and pki.
func RowFiles() []string {
	var out []string
	for s := range knownTree().Rows() {
		for _, f := range s.Place.Files() {
			if s.Place.Root == certs.CertDir {
				f = path.Join("pki", f)
			}
			out = append(out, f)
		}
	}
	return out
}
