// Package cmd is the command line: flags in, one library call, one value out.
// Only here are words for people, exit codes and cobra.
package cmd

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"
)

// Env is the world as a run sees it: three streams, one instant, the environment.
type Env struct {
	Stdin io.Reader
	// Stdout is closed at the end of the run, if it can be: some file systems say only then that they have lost something.
	Stdout, Stderr io.Writer
	// Now is the time of the whole run: everything it makes shares it.
	Now time.Time
	// Built is when the program was made; nothing is written by a clock that is before it. Zero: by any clock.
	Built time.Time
	// LookupEnv finds an environment variable, as os.LookupEnv does.
	LookupEnv func(string) (string, bool)
	// Revision is the source revision, where the build info does not know it.
	Revision string

	args     []string       // the command line
	settings *settingsFlags // of the command that runs
	result   *result        // what Stdout is during a run
}

// Exit codes. verify alone has openssl's.
const (
	exitOK    = 0 // good
	exitBad   = 1 // something that was checked is not good
	exitUsage = 2 // usage, input, or reading and writing
)

// Run runs one command line, without the program's name, and returns its exit
// code. It never exits, and speaks only to env's streams.
func Run(ctx context.Context, args []string, env Env) int {
	env.result = &result{to: env.Stdout}
	env.Stdout = env.result
	code := run(ctx, args, &env)
	if err := env.result.close(); err != nil {
		tell(&env, "standard output: "+err.Error(), "")
		return exitUsage
	}
	return code
}

func run(ctx context.Context, args []string, env *Env) int {
	if len(args) > 0 && args[0] == "verify" {
		// Its options are openssl's, not cobra's; and to make all the commands
		// takes as long as to verify twenty certificates.
		return runVerify(ctx, env, args[1:])
	}
	env.args = append([]string{}, args...) // to cobra, nil means os.Args
	root := newRoot(env)
	if err := root.ExecuteContext(ctx); err != nil {
		return report(env, err)
	}
	return exitOK
}

// result is standard output. It remembers the first fault, for Run to tell, and takes everything after it: a command
// need not look at each line that it writes, and none can end well whose result is lost.
type result struct {
	to  io.Writer
	err error
}

func (r *result) Write(p []byte) (int, error) {
	if r.err == nil {
		var n int
		if n, r.err = r.to.Write(p); r.err == nil && n < len(p) {
			r.err = io.ErrShortWrite
		}
	}
	return len(p), nil
}

// close is the first fault, without the name that the system has for standard output.
func (r *result) close() error {
	if c, ok := r.to.(io.Closer); ok {
		r.err = cmp.Or(r.err, c.Close())
	}
	if inner := new(fs.PathError); errors.As(r.err, &inner) {
		return inner.Err
	}
	return r.err
}

func newRoot(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "pkitool",
		Short: "The PKI of a Kubernetes cluster: made, checked, renewed",
		Long: `pkitool makes, checks and renews the PKI of a Kubernetes cluster, offline: the
CAs, every certificate with its names, the service-account key pair and the
kubeconfigs, in the places and with the names that kubeadm uses.

Exit codes: 0 good; 1 something that was checked is not good; 2 usage, input or
reading and writing, a lost output too. What describes the cluster and the run can
be given in the environment as well: --service-cidr is PKITOOL_SERVICE_CIDR. An
empty variable counts as not given; an empty value of a flag is refused.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetArgs(env.args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout) // before the completion command is made, which takes it once
	root.SetErr(env.Stderr)
	root.SetFlagErrorFunc(flagFault)
	root.PersistentPreRunE = refuseEmptyArgument
	for _, c := range needed(env.args) {
		root.AddCommand(c.make(env))
	}
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" { // cobra's own takes any word for a shell, and says nothing
			c.Args, c.RunE = noCommand, func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
	refuseEmpty(root)
	return root
}

// commands are the commands there are, in the order of the help.
func commands() []command {
	return []command{
		{"init", newInit}, {"verify", newVerify}, {"certs", newCerts},
		{"config", newConfig}, {"kubeconfig", newKubeconfig}, {"version", newVersion},
	}
}

type command struct {
	name string
	make func(*Env) *cobra.Command
}

// needed are the commands that a command line can be about: the one it names,
// or all of them, for help, completion and mistakes. To make all of them takes
// longer than what most of them do.
func needed(args []string) []command {
	for _, c := range commands() {
		if len(args) > 0 && args[0] == c.name {
			return []command{c}
		}
	}
	return commands()
}
