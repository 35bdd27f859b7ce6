package cmd

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// knownTree is the tree of a neutral cluster: commands, help and completion
// are made from its rows, since there is no other list of them.
var knownTree = sync.OnceValue(func() certs.Tree {
	t, err := certs.New(config.Defaults().Cluster)
	if err != nil {
		panic("cmd: the default cluster has no tree: " + err.Error()) // every test would see it
	}
	return t
})

func newInit(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "init",
		Short: "Make the whole PKI and the kubeconfigs, then prove them",
		Long: `Make whatever is missing of the cluster's PKI: CAs, certificates, the
service-account key pair and the kubeconfigs. What is there and right is kept to
the byte; what is there and wrong is refused with a sentence, and then nothing
is changed. At the end everything is read again and proven.`,
		Example: `  pkitool init --cert-dir pki --kubeconfig-dir . --apiserver-advertise-address 192.0.2.10
  pkitool init --config kubeadm.yaml
  pkitool init --config kubeadm.yaml --dry-run -o json`,
		Args: noArguments,
	}
	runInit(c, env, nil, func(config.Field) bool { return true })
	_ = c.RegisterFlagCompletionFunc("skip-phases", cobra.FixedCompletions(phases.Paths(), cobra.ShellCompDirectiveNoFileComp))
	phase := newGroup("phase", "Run one phase of init, or one row of a phase")
	c.AddCommand(phase)
	if len(env.args) > 1 && env.args[0] == "init" && strings.HasPrefix(env.args[1], "-") && !slices.Contains(env.args, "phase") {
		return c // init itself, which need not wait for the commands of its phases to be made
	}
	for _, p := range phases.Phases() {
		phase.AddCommand(newPhase(env, p))
	}
	return c
}

// noArguments refuses arguments of a command that has none.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{err: fmt.Errorf("unexpected argument %q", args[0]), command: c.CommandPath()}
	}
	return nil
}

// phaseDoc says in one line what a phase is.
func phaseDoc(phase string) string {
	if phase == "kubeconfig" {
		return "Make the kubeconfigs"
	}
	return "Make the CAs, the certificates and the service-account key pair"
}

// newPhase is `init phase certs`: by itself all of its rows, with one
// sub-command for each row, and "all".
func newPhase(env *Env, phase string) *cobra.Command {
	var rows []certs.Spec
	for s := range knownTree().Rows() {
		if s.Phase() == phase {
			rows = append(rows, s)
		}
	}
	c := &cobra.Command{
		Use:     phase,
		Short:   phaseDoc(phase),
		Long:    phaseDoc(phase) + ": all, or the rows that are named.\n\n" + rowTable(rows),
		Example: fmt.Sprintf("  pkitool init phase %s\n  pkitool init phase %s %s %s", phase, phase, rows[0].Name, rows[1].Name),
	}
	if phase == "certs" {
		c.Aliases = []string{"certificates"} // as in kubeadm
	}
	concern := func(f config.Field) bool {
		return slices.ContainsFunc(rows, func(s certs.Spec) bool { return concerns(f)(*s.Role) })
	}
	runInit(c, env, func(args []string) ([]string, error) { return rowPaths(phase, rows, args) }, concern)

	all := &cobra.Command{Use: "all", Short: phaseDoc(phase) + ": all of them", Args: noArguments}
	runInit(all, env, func([]string) ([]string, error) { return []string{phase}, nil }, concern)
	c.AddCommand(all)
	for _, s := range rows {
		sub := &cobra.Command{
			Use:               s.Name + " [NAME...]",
			Short:             strings.ToUpper(s.Doc[:1]) + s.Doc[1:],
			Long:              rowHelp(s),
			ValidArgsFunction: cobra.FixedCompletions(names(rows), cobra.ShellCompDirectiveNoFileComp),
		}
		runInit(sub, env, func(args []string) ([]string, error) {
			return rowPaths(phase, rows, append([]string{s.Name}, args...))
		}, concern)
		hideUnconcerned(sub, s)
		c.AddCommand(sub)
	}
	return c
}

// hideUnconcerned keeps out of a row's help the flags that are only of use for
// other rows named behind it.
func hideUnconcerned(c *cobra.Command, s certs.Spec) {
	for _, f := range fields() {
		if flag := c.Flags().Lookup(f.Flag); flag != nil && !concerns(f)(*s.Role) {
			flag.Hidden = true
		}
	}
}

func names(rows []certs.Spec) []string {
	var out []string
	for _, s := range rows {
		out = append(out, s.Name)
	}
	return out
}

// rowPaths turns the names on a command line into phase paths; none: all.
func rowPaths(phase string, rows []certs.Spec, args []string) ([]string, error) {
	if len(args) == 0 {
		return []string{phase}, nil
	}
	var out []string
	for _, a := range args {
		if a == "all" {
			return nil, &usageError{err: errAllAlone, command: "pkitool init phase " + phase}
		}
		role := roleNamed(a).Name
		if !slices.Contains(names(rows), role) {
			return nil, &usageError{err: fmt.Errorf("unknown name %q: must be one of all, %s", a, strings.Join(names(rows), ", ")), command: "pkitool init phase " + phase}
		}
		out = append(out, path.Join(phase, role))
	}
	return out, nil
}

// rowTable lists the rows of a phase for its help: name, files, purpose.
func rowTable(rows []certs.Spec) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, s := range rows {
		say(w, "  %s\t%s\t%s\n", s.Name, strings.Join(s.Place.Files(), " "), s.Doc)
	}
	w.Flush()
	return strings.TrimRight(b.String(), "\n")
}

// rowHelp is the help of one row, from the row alone.
func rowHelp(s certs.Spec) string {
	var b strings.Builder
	say(&b, "%s%s.\n\n", strings.ToUpper(s.Doc[:1]), s.Doc[1:])
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	dir := "--cert-dir"
	if s.Place.Root == certs.KubeconfigDir {
		dir = "--kubeconfig-dir"
	}
	say(w, "  files\t%s in %s\n", strings.Join(s.Place.Files(), ", "), dir)
	say(w, "  read by\t%s\n", strings.Join(s.UsedBy, ", "))
	if s.Kind != certs.KeyPair {
		say(w, "  subject\t%s\n", s.Subject)
		issuer := s.Issuer.String()
		if issuer == "" {
			issuer = "itself"
		}
		say(w, "  signed by\t%s\n", issuer)
	}
	if s.Place.Server != "" {
		say(w, "  server\t%s\n", s.Place.Server)
	}
	if !s.SANs.Empty() {
		say(w, "  names\t%s\n", s.SANs)
	}
	w.Flush()
	if s.Node != "" && (!s.SANs.Empty() || s.Place.Server != "" || strings.Contains(s.Subject.CommonName, s.Node)) {
		say(&b, "\nThe names are those of a node %q at 192.0.2.1 with nothing else given.\n", s.Node)
	}
	return strings.TrimRight(b.String(), "\n")
}

// runInit makes a command run the phases that want says, with the flags that concern them.
func runInit(c *cobra.Command, env *Env, want func(args []string) ([]string, error), concerns func(config.Field) bool) {
	flags := addSettings(c, env, concerns)
	out := addOutput(c, env).withQuiet(c).withLock(c)
	for f, names := range map[string][]string{"key-algorithm": algorithms(), "sa-key-algorithm": slices.DeleteFunc(algorithms(), func(a string) bool {
		return a == string(pki.Ed25519) // no Kubernetes component signs tokens with it
	})} {
		if c.Flags().Lookup(f) != nil {
			_ = c.RegisterFlagCompletionFunc(f, cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		var paths []string
		if want != nil {
			var err error
			if paths, err = want(args); err != nil {
				return err
			}
		}
		if err := flags.idle(c, rolesOf(paths)); err != nil {
			return err
		}
		s, tree, chosen, site, err := flags.loadRows(out.quiet, func(t certs.Tree, s config.Settings) (judge.Selection, error) {
			if want != nil {
				return phases.Choose(t, paths, nil) // as in kubeadm: a phase that is asked for by its name is not skipped
			}
			return phases.Choose(t, nil, s.SkipPhases)
		})
		if err != nil {
			return err
		}
		if !out.quiet {
			tellAbsent(env.Stderr, tree, paths)
		}
		o := phases.Options{Now: env.Now, Reissue: s.Reissue, CertMode: s.CertMode, Backup: backupDir(s), DryRun: s.DryRun}
		r, err := phases.Init(c.Context(), tree, site, chosen, o)
		return out.printRun(r, err, s.DryRun, func(w io.Writer) error { return writeReport(w, r) })
	}
}

// rolesOf are the roles that phase paths name; none for a whole phase.
func rolesOf(paths []string) []string {
	var out []string
	for _, p := range paths {
		if _, role, ok := strings.Cut(p, "/"); ok {
			out = append(out, role)
		}
	}
	return out
}

// tellAbsent says which of the rows that were named this node does not have, and why.
func tellAbsent(w io.Writer, tree certs.Tree, paths []string) {
	for _, p := range paths {
		if rows, err := phases.Choose(tree, []string{p}, nil); err == nil && len(rows) == 0 {
			why := "the configuration's node has none"
			if role := rolesOf([]string{p}); len(role) > 0 && roleNamed(role[0]).Etcd && tree.Cluster().ExternalEtcd != nil {
				why = "etcd is external"
			}
			say(w, "note: %s: passed over, %s\n", p, why)
		}
	}
}

func algorithms() []string {
	var out []string
	for _, a := range pki.KeyAlgorithms() {
		out = append(out, string(a))
	}
	return out
}

// writeReport writes one line a row, and what it comes to.
func writeReport(w io.Writer, r phases.Report) error {
	t := newTable(w)
	count := map[phases.Verb]int{}
	for _, row := range r.Rows {
		count[row.Verb]++
		t.row(verbWord(row.Verb, r.DryRun), path.Join(row.Phase, row.Name), strings.Join(row.Files, " "), rowNote(row))
		for _, m := range row.Tightened {
			t.row("", "", m.Path, fmt.Sprintf("mode %s set to %s", m.From, m.To))
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	writeRemarks(w, r)
	return say(w, "%s\n", summary(r, count))
}

// writeRemarks says what is worth knowing beside the rows: warnings with what to do, notices, notes, copies.
func writeRemarks(w io.Writer, r phases.Report) {
	for _, row := range r.Rows {
		for _, f := range row.Findings {
			if row.Verb == phases.Refuse || row.Verb == phases.Renew || f.Severity == finding.Notice && row.Reason == f.Text {
				continue // told elsewhere, or mended
			}
			say(w, "%s: %s\n", f.Severity, f.String())
			if f.Hint != "" && f.Severity != finding.Notice {
				say(w, "hint: %s\n", f.Hint)
			}
		}
		for _, n := range row.Notes {
			say(w, "note: %s: %s\n", row.Name, n)
		}
	}
	writeFinished(w, r.Finished)
	for _, p := range r.Swept {
		say(w, "removed %s, left by a run that was killed\n", p)
	}
	if r.Backup != "" {
		say(w, "old files: %s\n", r.Backup)
	}
}

// writeFinished says what was done about a run that was stopped.
func writeFinished(w io.Writer, files []string) {
	for _, p := range files {
		say(w, "note: a run that was stopped had begun to replace %s: finished\n", p)
	}
}

func verbWord(v phases.Verb, dry bool) string {
	if dry || v == phases.Refuse {
		return string(v)
	}
	return map[phases.Verb]string{phases.Keep: "kept", phases.Create: "created", phases.Renew: "renewed", phases.Skip: "skipped"}[v]
}

func summary(r phases.Report, count map[phases.Verb]int) string {
	switch {
	case count[phases.Refuse] > 0:
		return fmt.Sprintf("%d of %s refused: nothing would be changed", count[phases.Refuse], counted(len(r.Rows), "row"))
	case r.DryRun:
		return fmt.Sprintf("dry run: %d to create, %d to renew, %d to keep; nothing was written", count[phases.Create], count[phases.Renew], count[phases.Keep])
	case !r.Changed:
		return fmt.Sprintf("nothing changed: %s complete", counted(count[phases.Keep], "row"))
	}
	return fmt.Sprintf("done and proven: %d created, %d renewed, %d kept", count[phases.Create], count[phases.Renew], count[phases.Keep])
}

// rowNote is what the line of a row says beyond its verb; the usual case says nothing.
func rowNote(row phases.Row) string {
	switch {
	case len(row.Findings) > 0 && row.Reason == "":
		return row.Findings[0].Text
	case row.Reason == "nothing there" || row.Reason == "complete":
		return ""
	}
	return row.Reason
}
