package cmd

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/cmd/internal/opensslcmd"
)

// newVerify is what help and completion know of verify. A run comes by here only with something in front of that word.
func newVerify(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use:                "verify [options] [ca.crt] [file...]",
		Short:              "Verify certificates as openssl does, and say why not",
		DisableFlagParsing: true,
		ValidArgsFunction: func(_ *cobra.Command, args []string, last string) ([]string, cobra.ShellCompDirective) {
			found := opensslcmd.Complete(args, last)
			switch {
			case found.Files:
				return nil, cobra.ShellCompDirectiveDefault
			case found.Dirs:
				return nil, cobra.ShellCompDirectiveFilterDirs
			}
			return found.Words, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			if code := runVerify(c.Context(), env, args); code != exitOK {
				return &quietError{code}
			}
			return nil
		},
	}
	c.SetHelpFunc(func(*cobra.Command, []string) { opensslcmd.WriteHelp(env.Stdout) })
	return c
}

// runVerify does one run and returns its exit code, which is openssl's.
func runVerify(ctx context.Context, env *Env, args []string) int {
	format, _ := env.LookupEnv(envName("output"))
	return opensslcmd.Run(ctx, opensslcmd.Env{
		Stdin: env.Stdin, Stdout: env.Stdout, Stderr: env.Stderr, Now: env.Now, Format: format,
		Rows:   func() []certs.Spec { return slices.Collect(knownTree().Rows()) },
		Settle: settle,
	}, args)
}
