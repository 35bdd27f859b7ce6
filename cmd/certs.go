package cmd

import "github.com/spf13/cobra"

func newCerts(env *Env) *cobra.Command {
	return newGroup("certs", "Show, issue, sign, request, import and renew certificates",
		newCertsShow(env),
		newCertsIssue(env),
		newCertsSign(env),
		newCertsGenerateCSR(env),
		newCertsImport(env),
		newCertsRenew(env),
		newCertsExpiration(env),
		newCertsAudit(env),
		newCertsTree(env),
		newCertsReport(env),
	)
}

// newGroup is a command that only has sub-commands.
func newGroup(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: noCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(commands...)
	return c
}
