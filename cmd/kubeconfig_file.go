package cmd

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/phases"
)

// changeFile rewrites one file, keeps its old content beside it, and says where its mode was changed.
func changeFile(c *cobra.Command, env *Env, path string, change func(old []byte) ([]byte, error)) (backup string, err error) {
	if err := env.checkClock(); err != nil {
		return "", err
	}
	backup, before, err := phases.ChangeFile(c.Context(), path, env.Now, change)
	if err != nil || before == 0 {
		return backup, err
	}
	if quiet := c.Flags().Lookup("quiet"); quiet != nil && quiet.Value.String() == "true" {
		return backup, nil
	}
	if now, err := os.Lstat(path); err == nil && now.Mode().Perm() != before {
		say(env.Stderr, "note: mode %04o of %s set to %04o\n", before, path, now.Mode().Perm())
	}
	return backup, nil
}
