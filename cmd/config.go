package cmd

import (
	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/phases"
)

func newConfig(env *Env) *cobra.Command {
	return newGroup("config", "Print or check a configuration", newConfigPrint(env), newConfigValidate(env))
}

func newConfigPrint(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "print",
		Short: "Print the effective configuration",
		Long: `Print what the file, the environment, the flags and the defaults come to, as
kubeadm documents that --config takes again.`,
		Args: noArguments,
	}
	flags := addSettings(c, env, func(config.Field) bool { return true })
	flags.reports = true
	defaults := c.Flags().Bool("defaults", false, "print the defaults instead, for a node at a documentation address")
	c.RunE = func(c *cobra.Command, _ []string) error {
		s := config.Defaults()
		if !*defaults {
			var err error
			if s, err = flags.load(false); err != nil {
				return err
			}
			for _, f := range fields() {
				if why, unknown := s.Cluster.Unknown[f.Fact]; unknown && why != "not asked" {
					say(env.Stderr, "note: --%s: left out, %s\n", f.Flag, why)
				}
			}
		}
		_, err := env.Stdout.Write(config.Print(s))
		return err
	}
	return c
}

func newConfigValidate(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE",
		Short: "Check a kubeadm configuration file, every line of it",
		Args:  exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := readInput(args[0], env.Stdin)
			if err != nil {
				return err
			}
			notes, err := config.Validate(args[0], data, phases.Paths())
			for _, n := range notes {
				say(env.Stderr, "note: %s\n", n)
			}
			if err != nil {
				return err
			}
			return say(env.Stdout, "%s: valid\n", args[0])
		},
	}
}
