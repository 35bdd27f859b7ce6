package cmd

import (
	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/phases/audit"
)

func newCertsAudit(env *Env) *cobra.Command {
	c := &cobra.Command{Use: "audit [DIR...]", Short: "Say what is wrong in a directory, whoever made it, and how it is mended"}
	places := addPlaces(c, env)
	out := addOutput(c, env)
	c.RunE = func(c *cobra.Command, args []string) error {
		var dirs []namedDir
		for _, a := range args {
			dirs = append(dirs, namedDir{dir: a})
		}
		return places.look(c, dirs, out.quiet, audit.Options{Now: env.Now}, func(d audit.Directory) error {
			return out.print(d, nil)
		})
	}
	return c
}
