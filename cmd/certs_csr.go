package cmd

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
)

// errAllAlone refuses "all" beside names: whoever wrote both meant one of them.
var errAllAlone = errors.New("all is given alone, without names")

func newCertsGenerateCSR(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "generate-csr [all|NAME...]",
		Short: "Make keys and certificate requests for an external CA",
		Long: `Make certificate requests for the rows that a CA signs: KEY and .csr beside each
certificate, and kubeconfigs that wait for theirs with a .conf.csr beside them. Keys
that exist are kept, so the same command prepares a renewal. The request says which
usages are wanted. "certs import" brings the signed certificates back.

CAs, and the service-account key pair, have no request: "init phase certs sa" makes the pair.`,
		Example: `  pkitool certs generate-csr --config kubeadm.yaml --cert-dir pki --kubeconfig-dir .
  pkitool certs generate-csr apiserver admin.conf --config kubeadm.yaml`,
		ValidArgsFunction: cobra.FixedCompletions(append([]string{"all"}, phases.RoleNames(phases.Requestable)...), cobra.ShellCompDirectiveNoFileComp),
	}
	// What is left out is of the signing, or of rows without request.
	flags := addSettings(c, env, except("validity", "ca-validity", "sa-key-algorithm", "reissue", "cert-mode", "skip-phases"))
	out := addOutput(c, env).withQuiet(c).withLock(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if slices.Equal(args, []string{"all"}) {
			args = nil
		}
		usage := func(err error) error { return &usageError{err: err, command: c.CommandPath()} }
		if slices.Contains(args, "all") {
			return usage(errAllAlone)
		}
		s, tree, chosen, site, err := flags.loadRows(out.quiet, func(t certs.Tree, _ config.Settings) (judge.Selection, error) {
			rows, err := phases.ChooseRequests(t, args)
			if err != nil {
				err = usage(err)
			}
			return rows, err
		})
		if err != nil {
			return err
		}
		r, err := phases.Requests(c.Context(), tree, site, chosen, phases.Options{Now: env.Now, CertMode: s.CertMode, Backup: backupDir(s), DryRun: s.DryRun})
		return out.printRun(r, err, false, func(w io.Writer) error { return writeRequestReport(env, w, r) })
	}
	return c
}

func writeRequestReport(env *Env, w io.Writer, r phases.Report) error {
	t := newTable(w)
	n := 0
	for _, row := range r.Rows {
		word := "kept"
		if row.Verb == phases.Request {
			word, n = "requested", n+1
		}
		t.row(word, row.Name, strings.Join(row.Files, " "), row.Reason)
	}
	if err := t.flush(); err != nil {
		return err
	}
	writeRemarks(w, r)
	text := counted(n, "request") + env.completed(" to be signed; `pkitool certs import FILE...` brings the certificates back")
	switch {
	case r.DryRun:
		text = fmt.Sprintf("dry run: %s to make; nothing was written", counted(n, "request"))
	case n == 0:
		text = "nothing changed: every request is there"
	}
	return say(w, "%s\n", text)
}
