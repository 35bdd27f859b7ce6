package cmd

import (
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// released is when this release was made, for builds that do not know it by themselves: the releaser sets it.
const released = "2026-11-29T00:00:00Z"

// clockSlack is how far a clock may be behind the program: builders' clocks are not exact either.
const clockSlack = 24 * time.Hour

// Built is the time of the source that the program was made from: no clock that is right is before it.
func Built() time.Time {
	text := released
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.time" {
				text = s.Value
			}
		}
	}
	t, _ := time.Parse(time.RFC3339, text) // the zero time is before every clock
	return t
}

// clockError is a clock that cannot be right. A machine without a battery, or before its time service has answered,
// begins in 1970: what is signed then has ended long ago for everybody else.
type clockError struct{ now, built time.Time }

func (e *clockError) Error() string {
	return fmt.Sprintf("the clock of this host says %s, but this program was made at %s", e.now.UTC().Format(time.RFC3339), e.built.UTC().Format(time.RFC3339))
}

func (e *clockError) Hint() string {
	return "set the clock first: certificates, and copies of old files, are dated by it"
}

// checkClock refuses to write by a clock that is before the program itself.
func (env *Env) checkClock() error {
	if env.Now.Before(env.Built.Add(-clockSlack)) {
		return &clockError{env.Now, env.Built}
	}
	return nil
}

// tellAhead says, where each of several certificates has expired, by which clock: it may be ahead, and what it signs is
// not valid yet for everybody else.
func tellAhead(env *Env, ends []time.Time) {
	if len(ends) > 1 && !slices.ContainsFunc(ends, env.Now.Before) {
		say(env.Stderr, "note: all %d certificates have expired, if the clock of this host is right, which says %s\n", len(ends), env.Now.UTC().Format(time.RFC3339))
	}
}
