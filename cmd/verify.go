package cmd

import (
	"context"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// Exit codes of verify, which are openssl's: 1 for a command line or a file of anchors that is of no use, 2 for a
// target that is not good.
const (
	verifyUsage = 1
	verifyBad   = 2
)

func newVerify(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use:                "verify [options] [ca.crt] [file...]",
		Short:              "Verify certificates as openssl does, and say why not",
		DisableFlagParsing: true, // openssl's options are not cobra's: one dash, and the first file ends them
		ValidArgsFunction:  completeVerify,
		RunE: func(c *cobra.Command, args []string) error {
			if code := runVerify(c.Context(), env, args); code != exitOK {
				return &quietError{code}
			}
			return nil
		},
	}
	c.SetHelpFunc(func(*cobra.Command, []string) { writeVerifyHelp(env.Stdout) })
	return c
}

// verifyRequest is a command line that was read, with the files that it names.
type verifyRequest struct {
	env     *Env
	options verify.Options
	role    *role // of --as, else nil

	help, explain, showChain bool
	format                   string
	names                    openssl.NameOptions
	namesGiven, timeGiven    bool

	trustSaid    bool // some option says what to trust, so no target is taken for it
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
}

// runVerify does one run and returns its exit code.
func runVerify(ctx context.Context, env *Env, args []string) int {
	r := &verifyRequest{
		env: env, options: verify.NewOptions(env.Now), names: openssl.OneLine,
		sources: &sources{file: map[*verify.Certificate]string{}},
	}
	targets, err := r.prepare(args)
	if err != nil {
		_, _ = io.WriteString(env.Stderr, err.Error())
		return verifyUsage
	}
	if r.help {
		writeVerifyHelp(env.Stdout)
		return exitOK
	}
	if !r.verifyAll(ctx, targets) {
		return verifyBad
	}
	return exitOK
}

// prepare reads the options and all files but the targets. It fails as openssl does, before any target.
func (r *verifyRequest) prepare(args []string) (targets []string, err error) {
	if v, ok := r.env.LookupEnv(envName("output")); ok && slices.Contains(verifyFormats, v) {
		r.format = v
	}
	targets, err = scanVerify(r, args)
	if err != nil || r.help {
		return nil, err
	}
	if !r.trustSaid && len(targets) > 0 {
		if f, ok := r.env.Stdin.(*os.File); ok && len(targets) == 1 && term.IsTerminal(int(f.Fd())) {
			return nil, badUse("%s is taken as the trust anchor, and nothing is left to verify: name a certificate behind it, or the anchor with -CAfile", targets[0])
		}
		r.caFile, targets = &targets[0], targets[1:]
	}
	if r.trustedGiven && (r.caFile != nil || r.caPath != nil || r.caStore != nil) {
		return nil, &errSaid{"verify: Cannot use -trusted with -CAfile, -CApath or -CAstore\n"}
	}
	if r.timeGiven {
		r.options.NoCheckTime = false
	}
	if r.role != nil {
		if err := r.role.prepare(r); err != nil {
			return nil, err
		}
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

// trustFor is what one target is judged by: the anchors, and what a directory of anchors has for its names.
func (r *verifyRequest) trustFor(c *verify.Certificate) *verify.Trust {
	if r.lookup == nil {
		return r.trust
	}
	more := r.lookup.closure(r, c)
	return verify.NewStore(slices.Concat(r.anchors, more.Certificates), slices.Concat(r.storeCRLs, more.CRLs))
}

// judge verifies one certificate for every purpose that is asked for and returns the first report that is not good.
func (r *verifyRequest) judge(c *verify.Certificate) verify.Report {
	trust := r.trustFor(c)
	report := verify.Verify(c, trust, r.untrusted, r.crls, r.options)
	if r.role == nil {
		return report
	}
	for _, purpose := range r.role.further {
		if !report.OK {
			break
		}
		options := r.options
		options.Purpose = purpose
		report = verify.Verify(c, trust, r.untrusted, r.crls, options)
	}
	return report
}
