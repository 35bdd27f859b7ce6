package cmd

import "github.com/spf13/cobra"

func newCerts(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use: "certs", Short: "Show, issue, sign, request, import and renew certificates", Args: noCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		newCertsShow(env),
		newCertsIssue(env),
		newCertsSign(env),
		newCertsGenerateCSR(env),
		newCertsImport(env),
		newCertsRenew(env),
		newCertsExpiration(env),
	)
	return c
}
