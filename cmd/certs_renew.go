package cmd

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// renewFlags are the flags of `certs renew` that are not settings.
type renewFlags struct {
	due, backupDir     string
	reuseKey, noBackup bool
	dropSANs           []string
	file               string
}

func newCertsRenew(env *Env) *cobra.Command {
	var own renewFlags
	names := phases.RoleNames(phases.Renewable)
	c := &cobra.Command{
		Use:   "renew [all|NAME...]",
		Short: "Renew certificates and kubeconfigs in place",
		Long: `Renew the certificates and the kubeconfigs that are there: all, or those that are
named (` + "`admin.conf` is the same as `admin`" + `). Expired ones too. Each gets a new key and
a new certificate from the CA in the directory; in a kubeconfig the CA is brought
up to date and everything else stays. At the end all is read again and proven.

What a certificate says comes from the old one, whole: every attribute of its
subject, its names of every kind, its usages, the certificates behind it, and
the algorithm of its key. Names are added by --apiserver-cert-extra-sans and
--etcd-cert-extra-sans, and by what a configuration gives; they are taken away by
--drop-sans only. A default never changes what is there, and nothing is asked of
the host. A certificate that another CA signed, or that is for somebody else than
its row, is refused.

With --file, a certificate of "certs issue" (BASE.crt, with BASE.key beside it) or
a user's kubeconfig is renewed.

Old files are copied to ` + phases.BackupPrefix + `<time> (mode 0700) beside the directory of
the certificates first. CAs and the service-account key pair are not renewed. A
certificate whose CA has no key here is refused: "certs generate-csr" makes the
request for it. "all" passes over kubeconfigs, and files of a CA, that this node does not have.

The output says which components take the new files up by themselves, and which
must be restarted.`,
		Example: `  pkitool certs renew all
  pkitool certs renew all --if-expires-within 30d
  pkitool certs renew apiserver --apiserver-cert-extra-sans lb.example.com
  pkitool certs renew --file alice.conf
  pkitool certs renew apiserver etcd-server admin.conf --validity 90d --dry-run`,
		ValidArgsFunction: cobra.FixedCompletions(append([]string{"all"}, names...), cobra.ShellCompDirectiveNoFileComp),
	}
	flags := addSettings(c, env, only("apiserver-cert-extra-sans", "etcd-cert-extra-sans", "key-algorithm", "validity", "cert-dir", "kubeconfig-dir", "cert-mode", "dry-run"))
	c.Flags().Lookup("key-algorithm").Usage = "algorithm of the new keys (default: as the old ones, or the configuration's)"
	_ = c.RegisterFlagCompletionFunc("key-algorithm", cobra.FixedCompletions(algorithms(), cobra.ShellCompDirectiveNoFileComp))
	c.Flags().StringVar(&own.due, "if-expires-within", "", "renew only what ends within this `time` (720h, 30d), or has no more than this part of its life left (33%)")
	c.Flags().BoolVar(&own.reuseKey, "reuse-key", false, "certify the keys that are there instead of making new ones")
	c.Flags().BoolVar(&own.noBackup, "no-backup", false, "keep no copies of the old files")
	c.Flags().StringSliceVar(&own.dropSANs, "drop-sans", nil, "`names` and addresses to take out of the certificates")
	c.Flags().StringVar(&own.file, "file", "", "renew this certificate or kubeconfig `file`, which is no row's")
	c.Flags().StringVar(&own.backupDir, "backup-dir", "", "`directory` in which the dated directory of copies is made (default: the one that --cert-dir is in)")
	c.MarkFlagsMutuallyExclusive("no-backup", "backup-dir")
	out := addOutput(c, env).withQuiet(c).withLock(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := fromEnvironment(c, env, "if-expires-within", "reuse-key", "no-backup", "backup-dir"); err != nil {
			return err
		}
		return runRenew(c, env, flags, out, own, args)
	}
	return c
}

func runRenew(c *cobra.Command, env *Env, flags *settingsFlags, out *outputFlags, own renewFlags, args []string) error {
	usage := func(err error) error { return &usageError{err: err, command: c.CommandPath()} }
	all := len(args) == 0 || slices.Equal(args, []string{"all"})
	switch {
	case own.file != "" && len(args) > 0:
		return usage(errors.New("--file renews one file: give no names beside it"))
	case !all && slices.Contains(args, "all"):
		return usage(errAllAlone)
	case own.reuseKey && c.Flags().Changed("key-algorithm"):
		return usage(errors.New("--reuse-key makes no key: --key-algorithm has no effect beside it"))
	case all:
		args = nil
	}
	if !all {
		named, err := phases.ChooseRenewal(knownTree(), args)
		if err != nil {
			return usage(err)
		}
		if err := flags.idle(c, rolesIn(named)); err != nil {
			return err
		}
	}
	flags.anyCAValidity()
	s, tree, err := flags.loadTree(out.quiet)
	if err != nil {
		return err
	}
	chosen, err := phases.ChooseRenewal(tree, args)
	if err != nil {
		return usage(err)
	}
	o, err := own.options(s)
	if err != nil {
		return usage(err)
	}
	o.Now, o.All, o.DryRun = env.Now, all && own.file == "", s.DryRun
	var r phases.Report
	if own.file != "" {
		r, err = phases.RenewFile(c.Context(), tree, siteOf(s), own.file, o)
	} else {
		r, err = phases.RenewRows(c.Context(), tree, siteOf(s), chosen, o)
	}
	if !out.quiet {
		tellAhead(env, r.Ended())
	}
	if err != nil && r.Backup != "" {
		// It is not as it was meant, and there is no report, which would say that it was.
		say(env.Stderr, "note: copies of the old files are in %s\n", r.Backup)
	}
	return out.printRun(r, err, s.DryRun, func(w io.Writer) error { return writeRenewal(w, r) })
}

// rolesIn are the roles of a choice of rows.
func rolesIn(chosen judge.Selection) []string {
	return phases.RoleNames(func(r certs.Role) bool { return chosen.Has(certs.ID{Role: r.Name}) })
}

// options are the flags in the library's terms. Only what somebody gave counts against what is there.
func (own renewFlags) options(s config.Settings) (phases.RenewOptions, error) {
	o := phases.RenewOptions{Options: phases.Options{CertMode: s.CertMode}, ReuseKey: own.reuseKey}
	if s.Given("key-algorithm") {
		o.KeyAlgorithm = s.Cluster.KeyAlgorithm
	}
	if !own.noBackup {
		if o.Backup = own.backupDir; o.Backup == "" {
			o.Backup = backupDir(s)
		}
	}
	var err error
	if o.DropSANs, err = pki.ParseSANs(own.dropSANs); err != nil {
		return o, fmt.Errorf("--drop-sans: %w", err)
	}
	o.Due, err = parseThreshold("if-expires-within", own.due)
	return o, err
}

// parseThreshold reads a duration or a part of a life ("33%"); nil for none.
func parseThreshold(flag, text string) (*phases.Threshold, error) {
	if text == "" {
		return nil, nil
	}
	if part, ok := strings.CutSuffix(text, "%"); ok {
		p, err := strconv.ParseFloat(part, 64)
		if err != nil || !(p > 0 && p <= 100) {
			return nil, fmt.Errorf("--%s: %q is not a percentage: must be above 0%% and up to 100%%", flag, text)
		}
		return &phases.Threshold{Percent: p}, nil
	}
	d, err := config.ParseDuration(text)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	if d < 0 {
		return nil, fmt.Errorf("--%s: %q is before now", flag, text)
	}
	return &phases.Threshold{Left: d}, nil
}

// writeRenewal writes one line a row, with what has to be done about it, and what it comes to.
func writeRenewal(w io.Writer, r phases.Report) error {
	count := map[phases.Verb]int{}
	t := newTable(w)
	for _, row := range r.Rows {
		count[row.Verb]++
		note := row.Reason
		if len(row.Findings) > 0 {
			note = row.Findings[0].Text
		}
		if row.Verb == phases.Renew && row.NotAfter != nil {
			note = "valid until " + row.NotAfter.Format(time.RFC3339)
		}
		t.row(verbWord(row.Verb, r.DryRun), path.Join(row.Phase, row.Name), strings.Join(row.Files, " "), note, uptakeWords(row.Uptake))
	}
	if err := t.flush(); err != nil {
		return err
	}
	for _, row := range r.Rows {
		for _, m := range row.Tightened {
			say(w, "mode %s of %s set to %s\n", m.From, m.Path, m.To)
		}
	}
	writeRemarks(w, r)
	if restart := toRestart(r); len(restart) > 0 {
		say(w, "restart: %s\n", strings.Join(restart, ", "))
	}
	return say(w, "%s\n", renewSummary(r, count))
}

func renewSummary(r phases.Report, count map[phases.Verb]int) string {
	switch {
	case count[phases.Refuse] > 0:
		return fmt.Sprintf("%d of %d rows refused: nothing would be changed", count[phases.Refuse], len(r.Rows))
	case r.DryRun:
		return fmt.Sprintf("dry run: %d to renew, %d to keep; nothing was written", count[phases.Renew], count[phases.Keep])
	case count[phases.Renew] == 0:
		return fmt.Sprintf("nothing changed: none of %d is due", count[phases.Keep])
	}
	return fmt.Sprintf("done and proven: %d renewed, %d kept", count[phases.Renew], count[phases.Keep])
}

// uptakeWords says what has to be done for a row's components.
func uptakeWords(list []certs.Uptake) string {
	var out []string
	for _, u := range list {
		if u.Restart {
			out = append(out, "restart "+u.Component+": it "+u.How)
		} else {
			out = append(out, u.Component+" "+u.How)
		}
	}
	return strings.Join(out, "; ")
}

// toRestart are the components that must be restarted, each once, in the order of the tree.
func toRestart(r phases.Report) []string {
	var out []string
	for _, row := range r.Rows {
		for _, u := range row.Uptake {
			if u.Restart && !slices.Contains(out, u.Component) {
				out = append(out, u.Component)
			}
		}
	}
	return out
}

// anyCAValidity keeps --validity from being compared with the life of CAs that
// would be made: here they are on disk, and their real end is what counts.
func (s *settingsFlags) anyCAValidity() {
	for _, f := range fields() {
		if f.Flag == "ca-validity" {
			s.texts = append(s.texts, &flagText{field: f, given: []string{"290y"}})
		}
	}
}
