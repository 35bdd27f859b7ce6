// Package opensslcmd is the command line of `openssl verify`: its options, files, words and exit codes, and a few
// options of our own. It is no cobra command, because openssl's options are not cobra's: one dash, read from left to
// right, and the first file ends them. A run of thousands of targets also starts faster without.
package opensslcmd

import (
	"context"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// Exit codes, which are openssl's: 1 for a command line or a file of anchors that is of no use, 2 for a target that
// is not good.
const (
	exitOK    = 0
	exitUsage = 1
	exitBad   = 2
)

// Env is the world as a run sees it.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Now            time.Time
	// Format is the output format unless an option names one. A format that there is not does not count.
	Format string
	// Rows gives the table of what a cluster's PKI has, for hints; nil: there are no hints that name a row.
	Rows func() []certs.Spec
	// Settle, if not nil, is called once for a directory in which a target is not there: a run that was stopped may have
	// been replacing it, and it comes back.
	Settle func(dir string)
}

// request is a command line that was read, with the files that it names.
type request struct {
	env     Env
	options verify.Options
	role    *role // of --as, else nil

	help, explain, showChain bool
	readsStdin               bool // the only target
	format                   string
	names                    openssl.NameOptions
	namesGiven, timeGiven    bool

	trustSaid    bool // some option says whom to trust, so no file is taken for it
	trustedGiven bool
	caFile       *string
	caPath       *string
	caStore      *string

	anchors   []*verify.Certificate // of -CAfile
	storeCRLs []*verify.CRL
	trusted   []*verify.Certificate // of -trusted
	untrusted []*verify.Certificate
	crls      []*verify.CRL
	lookup    *lookup // of -CApath and -CAstore, else nil
	trust     *verify.Trust
	sources   *sources
	settling  sync.Map // directory -> func(), which settles it once
}

// Run does one run of `verify` with the arguments behind that word, and returns its exit code.
func Run(ctx context.Context, env Env, args []string) int {
	if env.Rows == nil {
		env.Rows = func() []certs.Spec { return nil }
	}
	r := &request{
		env: env, options: verify.NewOptions(env.Now), names: openssl.OneLine,
		sources: &sources{file: map[*verify.Certificate]string{}},
	}
	targets, err := r.prepare(args)
	if err != nil {
		_, _ = io.WriteString(env.Stderr, err.Error())
		return exitUsage
	}
	if r.help {
		WriteHelp(env.Stdout)
		return exitOK
	}
	if len(targets) == 0 {
		if isTerminal(env.Stdin) {
			_, _ = io.WriteString(env.Stderr, "verify: no file is named: reading a certificate from the terminal, to its end (Ctrl-D)\n")
		}
		targets, r.readsStdin = []string{"stdin"}, true
	}
	if !r.verifyAll(ctx, targets) {
		return exitBad
	}
	return exitOK
}

// prepare reads the options and all files but the targets. It fails as openssl does, before any target.
func (r *request) prepare(args []string) (targets []string, err error) {
	if slices.Contains(formats, r.env.Format) {
		r.format = r.env.Format
	}
	targets, err = scan(r, args)
	if err != nil || r.help {
		return nil, err
	}
	if !r.trustSaid && len(targets) > 1 {
		r.caFile, targets = &targets[0], targets[1:]
	}
	if r.trustedGiven && (r.caFile != nil || r.caPath != nil || r.caStore != nil) {
		return nil, &errSaid{"verify: Cannot use -trusted with -CAfile, -CApath or -CAstore\n"}
	}
	if r.timeGiven {
		r.options.NoCheckTime = false
	}
	if err := r.role.prepare(&r.options); err != nil {
		return nil, err
	}
	if err := r.loadAnchors(); err != nil {
		return nil, err
	}
	if r.trustedGiven {
		r.trust = verify.NewTrustedList(r.trusted)
	} else {
		r.trust = verify.NewStore(r.anchors, r.storeCRLs)
	}
	return targets, nil
}

// trustFor is what one target is judged by: the anchors, and where more are looked for.
func (r *request) trustFor() *verify.Trust {
	if r.lookup == nil {
		return r.trust
	}
	trust := verify.NewStore(r.anchors, r.storeCRLs)
	trust.Ask(r.lookup.finder(), r.lookup.crls)
	return trust
}

// judge verifies one certificate.
func (r *request) judge(c *verify.Certificate) verify.Report {
	return verify.Verify(c, r.trustFor(), r.untrusted, r.crls, r.options)
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
