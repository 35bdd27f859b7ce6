package cmd

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
)

func newCertsImport(env *Env) *cobra.Command {
	var caFiles []string
	var acceptNames bool
	c := &cobra.Command{
		Use:   "import FILE...",
		Short: "Bring signed certificates back to their places",
		Long: `Bring certificates that another CA signed to the rows whose keys they are for:
the match is by key, so the files may have any name. Everything is judged as it
would lie there afterwards (chain, key, subject, names, usages, dates); one bad file
and nothing is changed. Kubeconfigs are completed, CA certificates on the way to the root go along,
and the requests that are spent are removed. PEM, DER and PKCS #7 are read. A
certificate with names, groups or usages that nobody asked for is refused, unless --accept-names is given.

--ca-cert ROW=FILE puts the CA's certificate in place where none is yet.`,
		Example: `  pkitool certs import signed/*.pem --config kubeadm.yaml --cert-dir pki --kubeconfig-dir .
  pkitool certs import signed/*.pem --ca-cert ca=root.pem --ca-cert etcd-ca=etcd-root.pem`,
	}
	flags := addSettings(c, env, except("validity", "ca-validity", "key-algorithm", "sa-key-algorithm", "reissue", "skip-phases", "dry-run"))
	out := addOutput(c, env).withQuiet(c).withLock(c)
	c.Flags().StringArrayVar(&caFiles, "ca-cert", nil, "`ROW=FILE`: the certificate of a CA that has none here yet")
	c.Flags().BoolVar(&acceptNames, "accept-names", false, "take certificates with names, groups or usages that nobody asked for")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 && len(caFiles) == 0 {
			return &usageError{err: errors.New("which FILE? give the signed certificates"), command: c.CommandPath()}
		}
		signed, cas, err := readSigned(c, env, args, caFiles)
		if err != nil {
			return err
		}
		// Any row may be imported, and what is not known of a row is not asked of the certificate.
		s, tree, _, _, err := flags.loadRows(out.quiet, func(t certs.Tree, _ config.Settings) (judge.Selection, error) { return judge.Selection{}, nil })
		if err != nil {
			return err
		}
		o := phases.ImportOptions{Options: phases.Options{Now: env.Now, CertMode: s.CertMode, Backup: backupDir(s)}, AcceptNames: acceptNames}
		r, err := phases.Import(c.Context(), tree, siteOf(s), signed, cas, o)
		return out.printRun(r, err, false, func(w io.Writer) error {
			t := newTable(w)
			for _, row := range r.Rows {
				if row.Verb == phases.Keep {
					t.row("kept", row.Name, strings.Join(row.Files, " "), row.Reason)
					continue
				}
				t.row("imported", row.Name, strings.Join(row.Written, " "))
			}
			if err := t.flush(); err != nil {
				return err
			}
			writeRemarks(w, r)
			return say(w, "%s in place and proven\n", counted(len(r.Rows), "certificate"))
		})
	}
	return c
}

func readSigned(c *cobra.Command, env *Env, args, caFiles []string) ([]phases.Signed, map[string]phases.Signed, error) {
	var signed []phases.Signed
	for _, a := range args {
		data, err := readInput(a, env.Stdin)
		if err != nil {
			return nil, nil, err
		}
		signed = append(signed, phases.Signed{Name: a, Data: data})
	}
	cas := map[string]phases.Signed{}
	for _, f := range caFiles {
		row, file, ok := strings.Cut(f, "=")
		if _, twice := cas[row]; !ok || file == "" || twice {
			return nil, nil, &usageError{err: fmt.Errorf("--ca-cert %q: must be ROW=FILE, once for each row", f), command: c.CommandPath()}
		}
		data, err := readInput(file, env.Stdin)
		if err != nil {
			return nil, nil, err
		}
		cas[row] = phases.Signed{Name: file, Data: data}
	}
	return signed, cas, nil
}
