package cmd

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/phases"
)

func newCertsExpiration(env *Env) *cobra.Command {
	var within, file string
	names := phases.RoleNames(phases.Expiring)
	c := &cobra.Command{
		Use:   "check-expiration [NAME...]",
		Short: "Tell when everything expires: exit code 1 if it has, or does so soon",
		Long: `Tell when each certificate ends: those of the cluster and its kubeconfigs, every
certificate of a bundle ("ca#2" is the second of its file), and any other
certificate in the two directories; or only the rows that are named. The table and the JSON
are kubeadm's. The order is that of the tree ("pkitool init phase certs --help"), then what
else is there by its path; kubeadm sorts by name. Copies in ` + phases.BackupPrefix + `* are left out.

The exit code is 1, with a line on standard error for each cause, when a
certificate has expired, is not valid yet, is missing or cannot be read, and with
--within when it ends by then. No private key is needed. What this node may rightly not have, such
as super-admin.conf on a node that joined, is listed as not on this node; with
--config the node's role is known, and what it must have is missed.

-o prometheus writes x509_cert_not_after, x509_cert_not_before and
x509_cert_expired with the labels of x509-certificate-exporter; with --out a
file for node_exporter's textfile collector is replaced at once, as a whole. A
file that holds anything else than such a report is never replaced. What is not
valid yet has an x509_cert_not_before above time().`,
		Example: `  pkitool certs check-expiration
  pkitool certs check-expiration --within 30d
  pkitool certs check-expiration apiserver admin.conf --within 20% -o json
  pkitool certs check-expiration -o prometheus --out /var/lib/node_exporter/pkitool.prom`,
		ValidArgsFunction: cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp),
	}
	flags := addSettings(c, env, only("cert-dir", "kubeconfig-dir"))
	flags.reports = true
	c.Flags().StringVar(&within, "within", "", "also exit with 1 if anything ends within this `time` (720h, 30d), or has no more than this part of its life left (20%)")
	c.Flags().StringVar(&file, "out", "", "write to this `file`, whole or not at all, instead of standard output")
	out := addOutput(c, env, "prometheus").withQuiet(c).withLock(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := fromEnvironment(c, env, "within", "out"); err != nil {
			return err
		}
		threshold, err := parseThreshold("within", within)
		if err != nil {
			return &usageError{err: err, command: c.CommandPath()}
		}
		s, tree, err := flags.loadTree(out.quiet)
		if err != nil {
			return err
		}
		chosen, err := phases.ChooseExpiring(tree, args)
		if err != nil {
			return &usageError{err: err, command: c.CommandPath()}
		}
		o := phases.ExpiryOptions{Now: env.Now, Within: threshold}
		x, err := phases.CheckExpiration(c.Context(), tree, siteOf(s), chosen, o)
		err = errors.Join(err, printExpirations(c, out, file, x))
		writeFinished(env.Stderr, x.Finished)
		tellFindings(env, x.Findings)
		if !out.quiet {
			tellAhead(env, x.Ends())
		}
		if err == nil && len(x.Findings) > 0 {
			err = &quietError{code: exitBad}
		}
		return err
	}
	return c
}

// printExpirations prints the value, or replaces a file by it.
func printExpirations(c *cobra.Command, out *outputFlags, file string, x phases.Expirations) error {
	var buf bytes.Buffer
	to := *out
	to.env = &Env{Stdout: &buf}
	to.quiet = out.quiet && file == ""
	var err error
	if out.format == "prometheus" {
		err = phases.WriteMetrics(&buf, x.Metrics)
	} else {
		err = to.print(x, func(w io.Writer) error { return writeExpirations(w, x) })
	}
	if err != nil {
		return err
	}
	if file == "" {
		_, err = out.env.Stdout.Write(buf.Bytes())
		return err
	}
	return phases.WriteReport(c.Context(), file, buf.Bytes(), 0o644, isExpirations)
}

// isExpirations reports whether a file holds what printExpirations writes, in any format: each has a beginning of its own.
func isExpirations(data []byte) bool {
	words := strings.Join(strings.Fields(string(data[:min(len(data), 400)])), " ")
	return slices.ContainsFunc([]string{
		"CERTIFICATE EXPIRES RESIDUAL TIME ", "CERTIFICATE AUTHORITY EXPIRES RESIDUAL TIME ",
		`{ "kind": "CertificateExpirationInfo", "apiVersion": "output.kubeadm.k8s.io/`,
		"kind: CertificateExpirationInfo apiVersion: output.kubeadm.k8s.io/",
		"# HELP x509_cert_not_before Unix time from which the certificate is valid. # TYPE ",
	}, func(head string) bool { return strings.HasPrefix(words, head) })
}

// writeExpirations writes kubeadm's two tables, each where it has a line.
func writeExpirations(w io.Writer, x phases.Expirations) error {
	if err := writeExpirationTable(w, x.Certificates, []string{"CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"}, func(e phases.Expiration) []string {
		return []string{e.CAName}
	}); err != nil {
		return err
	}
	if len(x.Certificates) > 0 && len(x.Authorities) > 0 {
		say(w, "\n")
	}
	return writeExpirationTable(w, x.Authorities, []string{"CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"}, func(phases.Expiration) []string { return nil })
}

func writeExpirationTable(w io.Writer, list []phases.Expiration, head []string, issuer func(phases.Expiration) []string) error {
	if len(list) == 0 {
		return nil
	}
	t := newTable(w)
	t.row(head...)
	for _, e := range list {
		managed := "no"
		if e.ExternallyManaged {
			managed = "yes"
		}
		cells := []string{"!MISSING! " + e.Name, "", ""}
		switch {
		case e.Absent:
			cells = []string{e.Name, "not on this node", ""}
		case e.Unreadable:
			cells[0] = "!UNREADABLE! " + e.Name
		case !e.Missing:
			residual := phases.Residual(e.ResidualTime)
			if e.NotYetValid {
				residual = "not yet valid"
			}
			cells = []string{e.Name, e.ExpirationDate.Format("Jan 02, 2006 15:04 MST"), residual}
			cells = append(append(cells, issuer(e)...), managed)
		}
		t.row(append(cells, make([]string, len(head)-len(cells))...)...)
	}
	return t.flush()
}
