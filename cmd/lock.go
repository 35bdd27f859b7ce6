package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/pki/store"
)

const lockTimeout = "lock-timeout"

// withLock gives a command --lock-timeout: how long it waits for the lock of a directory. Who waits for a second is told.
func (o *outputFlags) withLock(c *cobra.Command) *outputFlags {
	var limit string
	c.Flags().StringVar(&limit, lockTimeout, "5m", "wait at most this `time` for another run that is at work in the same directory; 0: do not wait")
	before := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if err := before(c, args); err != nil {
			return err
		}
		asked := "--" + lockTimeout
		if !c.Flags().Changed(lockTimeout) {
			asked = envName(lockTimeout)
		}
		if err := fromEnvironment(c, o.env, lockTimeout); err != nil {
			return err
		}
		d, err := config.ParseDuration(limit)
		if err == nil && d < 0 {
			err = fmt.Errorf("%q is before now", limit)
		}
		if err != nil {
			return &usageError{err: fmt.Errorf("%s: %w", asked, err), command: c.CommandPath()}
		}
		c.SetContext(store.WithPatience(c.Context(), store.Patience{Limit: d, Waiting: o.tellWaiting}))
		return nil
	}
	return o
}

func (o *outputFlags) tellWaiting(dir string, by *store.LockedError) {
	if !o.quiet {
		say(o.env.Stderr, "note: waiting for %s: %s\n", dir, by.Error())
	}
}

// lockHint says what to do about a lock that was waited for in vain.
func lockHint(e *store.LockedError) string {
	switch {
	case e.Cause != nil:
		return ""
	case e.Blind:
		return "run the same command again when no other run is at work there; if none is, remove " + e.File + ", which a run left that was killed"
	}
	return "run the same command again when that process has ended, or wait longer with --" + lockTimeout
}
