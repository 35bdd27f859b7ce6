package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/terminal"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki/store"
)

// usageError is a command line that cannot be understood.
type usageError struct {
	err     error
	command string
}

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Hint() string { return fmt.Sprintf("`%s --help` shows what there is", e.command) }

// noCommand refuses arguments of a command that only has sub-commands.
func noCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath())
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		text += ": did you mean " + strings.Join(near, " or ") + "?"
	}
	return &usageError{err: errors.New(text), command: c.CommandPath()}
}

// exactArgs is cobra's, with our error.
func exactArgs(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return &usageError{err: fmt.Errorf("%s wanted, %d given", counted(n, "argument"), len(args)), command: c.CommandPath()}
		}
		return nil
	}
}

// quietError ends a run with a code whose reason was told already.
type quietError struct{ code int }

func (e *quietError) Error() string { return "" }

// report tells an error, each fault on a line of its own with the hint
// behind it, and returns the exit code.
func report(env *Env, err error) int {
	var quiet *quietError
	if errors.As(err, &quiet) {
		return quiet.code
	}
	var refused *phases.RefusedError
	var proof *phases.ProofError
	var cfg *config.Errors
	var unasked *refusedRequest
	switch {
	case errors.As(err, &refused):
		tellFindings(env, refused.Findings())
		say(env.Stderr, "nothing was changed\n")
		return exitBad
	case errors.As(err, &proof):
		lines := strings.Split(proof.Error(), "\n")
		tellAll(env, lines, make([]string, len(lines)))
		return exitBad
	case errors.As(err, &unasked):
		tellParts(env, unasked.file+": ", unasked.err)
		return exitBad
	case errors.As(err, &cfg):
		var lines, hints []string
		for _, f := range cfg.Faults {
			lines, hints = append(lines, f.String()), append(hints, f.Hint)
		}
		tellAll(env, lines, hints)
		if cfg.More > 0 {
			tell(env, fmt.Sprintf("and %d more", cfg.More), "")
		}
		return exitUsage
	}
	tellParts(env, "", err)
	return exitUsage
}

// tellParts tells each error of a joined one, with what stands in front of all.
func tellParts(env *Env, prefix string, err error) {
	var lines, hints []string
	for _, e := range parts(err) {
		lines, hints = append(lines, prefix+e.Error()), append(hints, env.hintOf(e))
	}
	tellAll(env, lines, hints)
}

// parts takes a joined error apart.
func parts(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range j.Unwrap() {
			out = append(out, parts(e)...)
		}
		return out
	}
	return []error{err}
}

// tellFindings tells one finding a line, with what to do about it.
func tellFindings(env *Env, list []finding.Shown) {
	var lines, hints []string
	for _, f := range list {
		lines, hints = append(lines, f.String()), append(hints, f.Hint)
	}
	tellAll(env, lines, hints)
}

// maxTold bounds how many errors a hostile file can make us print, as config does for its own.
const maxTold = 100

// tellAll tells one error a line. A hint that several of them in a row share
// is said once, behind the last of them.
func tellAll(env *Env, lines, hints []string) {
	told := min(len(lines), maxTold)
	for i, line := range lines[:told] {
		hint := hints[i]
		if i+1 < told && hints[i+1] == hint {
			hint = ""
		}
		tell(env, line, hint)
	}
	if more := len(lines) - told; more > 0 {
		tell(env, fmt.Sprintf("and %d more", more), "")
	}
}

// tell tells one error, as long as somebody reads it: what it quotes may be a whole file.
func tell(env *Env, text, hint string) {
	say(env.Stderr, "error: %s\n", terminal.Cut(text))
	if hint != "" {
		say(env.Stderr, "hint: %s\n", terminal.Cut(env.completed(hint)))
	}
}

// hintOf says what to do about an error: its own advice, or what helps
// against the operating system's refusals.
func (env *Env) hintOf(err error) string {
	var h interface{ Hint() string }
	var f *finding.Finding
	var unfinished *store.UnfinishedError
	var locked *store.LockedError
	switch {
	case errors.As(err, &unfinished):
		return "the next run finishes the change, or takes it back: mend what the error names and run the same command again"
	case errors.As(err, &h):
		return h.Hint()
	case errors.As(err, &locked):
		return lockHint(locked)
	case errors.As(err, &f):
		return f.Remedy(finding.Init)
	case errors.Is(err, store.ErrOwner):
		return "run the command as that user, or see that the file is yours, and make yourself its owner"
	case errors.Is(err, store.ErrSymlink):
		return "replace the link by the file, or use the directory that the link leads to"
	case errors.Is(err, fs.ErrExist):
		return "nothing is written over: choose another name, or move it away"
	case errors.Is(err, fs.ErrPermission) && (env.settings == nil || env.settings.reports):
		return "run as a user who has the rights to it"
	case errors.Is(err, fs.ErrPermission):
		return "run as a user who may write there, or choose other directories with --cert-dir and --kubeconfig-dir"
	case errors.Is(err, syscall.EROFS):
		return "choose directories on a file system that can be written, with --cert-dir and --kubeconfig-dir"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "make room and run the same command again: all files are as they were"
	case errors.Is(err, store.ErrIsDir), errors.Is(err, store.ErrNotRegular):
		return "move it away: a file belongs there"
	case errors.Is(err, store.ErrNotDir):
		return "move it away, or choose other directories with --cert-dir and --kubeconfig-dir: a directory belongs there"
	}
	return ""
}
