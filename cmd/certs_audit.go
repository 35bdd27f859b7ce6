package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/terminal"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/audit"
)

// severities are the values of --fail-on.
var severities = []finding.Severity{finding.Error, finding.Warning, finding.Notice}

// auditFlags are the flags of `certs audit` that are its own.
type auditFlags struct {
	env              *Env
	command          *cobra.Command
	failOn, baseline string
	ignore, live     []string
	kubeconfigs      []string
	list             bool
	out              *outputFlags
}

func newCertsAudit(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "audit [DIR...]",
		Short: "Say what is wrong in a directory, whoever made it, and how it is mended",
		Long: `Say everything that is wrong in the directories of a cluster's PKI, whoever made
them: kubeadm, another tool, a person. Each DIR is /etc/kubernetes or a copy of it,
a node's root with etc/kubernetes in it, or the directory of the certificates alone;
without DIR it is --cert-dir and --kubeconfig-dir. What the node is its files say,
unless --role, --config or a flag does.

Each finding has an id ("pkitool certs audit --list", docs/findings.md), the row and
the file, the sentence, why it matters, and what mends it: commands work as they are
printed. An error is refused by a component now, or gives away rights; with a warning
all works, and will cause trouble; a notice says what pkitool would do otherwise.

The exit code is 1 if a finding of the severity --fail-on or a worse one is left.
--ignore leaves out an id, --baseline single findings, each with a reason:

  apiVersion: pkitool.io/v1alpha1
  kind: AuditBaseline
  ignore:
  - id: mode-loose            # and, to narrow it down:
    row: apiserver            # the row, as it is printed
    path: pki/apiserver.crt   # the file, as it is printed or as seen from DIR
    reason: the backup job reads it
    until: 2027-01-31         # the last day on which this counts

An entry that nothing matches, or whose day has gone by, is told on standard error.

--live also asks components that run what they serve: the certificate, compared with
the file ("renewed, and not reloaded"), the names, and the CAs whose clients are let
in. A TLS handshake is begun there without a certificate, and nothing else is sent.
Which row serves there is seen by the certificate or the port; ROW=HOST:PORT says it.

No private key is shown, and nothing is written, but that what a run was doing when
it was stopped is finished or taken back.`,
		Example: `  pkitool certs audit
  pkitool certs audit /backup/cluster-1 /backup/cluster-2 --fail-on warning
  pkitool certs audit --baseline known.yaml -o sarif > pki.sarif
  pkitool certs audit --kubeconfig ~/.kube/config --live 192.0.2.10:6443
  pkitool certs audit --live 127.0.0.1:6443,127.0.0.1:2379,etcd-peer=192.0.2.10:2380`,
	}
	places := addPlaces(c, env)
	a := &auditFlags{env: env, command: c}
	f := c.Flags()
	var names []string
	for _, s := range severities {
		names = append(names, s.String())
	}
	f.StringVar(&a.failOn, "fail-on", "", "end with exit code 1 for a finding of this `severity` or a worse one: "+strings.Join(names, ", ")+" (default: error)")
	_ = c.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	f.StringSliceVar(&a.ignore, "ignore", nil, "leave out the findings of these `ids`; can be given several times")
	_ = c.RegisterFlagCompletionFunc("ignore", cobra.FixedCompletions(findingIDs(), cobra.ShellCompDirectiveNoFileComp))
	f.StringVar(&a.baseline, "baseline", "", "YAML `file` of findings that are known, each with a reason")
	f.BoolVar(&a.list, "list", false, "print every id with its severity and its sentence, and look at nothing")
	f.StringArrayVar(&a.kubeconfigs, "kubeconfig", nil, "further kubeconfig `file` to judge, such as ~/.kube/config; can be given several times")
	f.StringSliceVar(&a.live, "live", nil, "`HOST:PORT` of running components, or ROW=HOST:PORT: what they serve is judged too")
	a.out = addOutput(c, env, "sarif", "junit").withQuiet(c)
	f.Lookup("quiet").Usage = "say nothing but what the exit code is 1 for"
	c.RunE = func(_ *cobra.Command, args []string) error { return a.run(places, args) }
	return c
}

func findingIDs() (ids []string) {
	for _, r := range finding.Rules() {
		ids = append(ids, string(r.ID))
	}
	return ids
}

func (a *auditFlags) run(places *placesFlags, args []string) error {
	usage := func(err error) error { return &usageError{err: err, command: a.command.CommandPath()} }
	if err := fromEnvironment(a.command, a.env, "fail-on", "ignore", "baseline", "kubeconfig", "live"); err != nil {
		return err
	}
	if a.list {
		if len(args) > 0 || !slices.Contains([]string{"text", "json", "yaml"}, a.out.format) {
			return usage(errors.New("--list prints the table of findings as text, json or yaml, and takes no directory"))
		}
		return a.printList()
	}
	i := slices.IndexFunc(severities, func(s finding.Severity) bool { return s.String() == cmp.Or(a.failOn, finding.Error.String()) })
	if i < 0 {
		return usage(fmt.Errorf("--fail-on: %q is none of error, warning, notice", a.failOn))
	}
	for _, at := range a.live {
		if _, err := audit.ParseEndpoint(at); err != nil {
			return usage(fmt.Errorf("--live: %w", err))
		}
	}
	if len(a.live)+len(a.kubeconfigs) > 0 && len(args) > 1 {
		return usage(errors.New("--live and --kubeconfig are of one cluster, and several directories are given: name one"))
	}
	known, err := a.exceptions()
	if err != nil {
		return err
	}
	var dirs []namedDir
	for _, d := range args {
		dirs = append(dirs, namedDir{dir: d})
	}
	return a.look(places, dirs, known, audit.Options{Now: a.env.Now, Kubeconfigs: a.kubeconfigs, Live: a.live}, severities[i])
}

// look judges the directories, and prints what it finds: text as it comes, every other format at the end.
func (a *auditFlags) look(places *placesFlags, dirs []namedDir, known *audit.Exceptions, o audit.Options, failOn finding.Severity) error {
	report, looked := audit.NewReport(), 0
	err := places.look(a.command, dirs, a.out.quiet, o, func(d audit.Directory) error {
		looked++
		left, ignored := known.Apply(d)
		if a.out.format != "text" {
			report.Add(left, ignored)
			return nil
		}
		report.Summary.Add(left, ignored) // nothing else is kept of the directory
		return a.writeDirectory(left, failOn)
	})
	if looked == 0 {
		return err
	}
	if err == nil {
		a.tellExceptions(known)
	}
	if printErr := a.print(report, failOn, err == nil); printErr != nil || err != nil {
		return errors.Join(err, printErr)
	}
	if report.Summary.Has(failOn) {
		return &quietError{code: exitBad}
	}
	return nil
}

// exceptions are those of the flags and of the baseline.
func (a *auditFlags) exceptions() (*audit.Exceptions, error) {
	var list []audit.Exception
	for _, id := range a.ignore {
		if _, ok := finding.Lookup(finding.ID(id)); !ok {
			return nil, &hinted{fmt.Errorf("--ignore: unknown finding %q", id), "`pkitool certs audit --list` shows what there is"}
		}
		list = append(list, audit.Exception{ID: finding.ID(id), Reason: "--ignore " + id})
	}
	if a.baseline == "" {
		return audit.NewExceptions(list, a.env.Now), nil
	}
	data, err := readInput(a.baseline, a.env.Stdin)
	if err != nil {
		return nil, err
	}
	known, err := config.ParseBaseline(a.baseline, data, findingIDs())
	for _, k := range known {
		list = append(list, audit.Exception{
			ID: finding.ID(k.ID), Row: k.Row, Path: k.Path, Reason: k.Reason, Until: k.Until, Source: fmt.Sprintf("%s:%d", a.baseline, k.Line),
		})
	}
	return audit.NewExceptions(list, a.env.Now), err
}

// tellExceptions says which entries of the baseline do nothing, so that it does not rot.
func (a *auditFlags) tellExceptions(known *audit.Exceptions) {
	if a.out.quiet {
		return
	}
	for _, x := range known.Ended() {
		say(a.env.Stderr, "note: %s: %s: counts no more since %s\n", x.Source, x.ID, x.Until.Format(time.DateOnly))
	}
	for _, x := range known.Unused() {
		if x.Source != "" { // --ignore is for many directories
			say(a.env.Stderr, "note: %s: %s: matches nothing any more: take it out\n", x.Source, x.ID)
		}
	}
}

// print prints the report; of text only the last line is left to print. whole says that everything could be read.
func (a *auditFlags) print(report *audit.Report, failOn finding.Severity, whole bool) error {
	switch a.out.format {
	case "sarif":
		return report.WriteSARIF(a.env.Stdout, readVersion(a.env.Revision).Version)
	case "junit":
		return report.WriteJUnit(a.env.Stdout, failOn, a.env.Now)
	}
	return a.out.print(report, func(w io.Writer) error {
		s := report.Summary
		var counts []string
		for _, c := range []struct {
			n    int
			what string
		}{{s.Errors, "error"}, {s.Warnings, "warning"}, {s.Notices, "notice"}} {
			if c.n > 0 {
				counts = append(counts, counted(c.n, c.what))
			}
		}
		text := strings.Join(counts, ", ")
		if text == "" {
			text = "nothing wrong"
			if !whole {
				text += " in what could be read"
			}
		}
		if s.Ignored > 0 {
			text += fmt.Sprintf(", %d ignored", s.Ignored)
		}
		return say(w, "%s\n", text)
	})
}

// maxAlike is how many findings of one id are printed for a directory: of 20,000 nobody reads more.
const maxAlike = 10

// writeDirectory writes what was found in a directory, the worst first; if quiet only what the exit code is 1 for.
func (a *auditFlags) writeDirectory(d audit.Directory, failOn finding.Severity) error {
	w := a.env.Stdout
	if !a.out.quiet {
		say(w, "%s\n", terminal.Cut(heading(d)))
	}
	for _, severity := range severities {
		if a.out.quiet && severity < failOn {
			break
		}
		alike := map[finding.ID]int{}
		for _, f := range d.Findings {
			if f.Severity != severity {
				continue
			}
			if alike[f.ID]++; alike[f.ID] <= maxAlike {
				writeFinding(w, f)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(alike)) {
			if more := alike[id] - maxAlike; more > 0 {
				say(w, "%s: %s: %d more, -o json lists them\n", severity, id, more)
			}
		}
	}
	if !a.out.quiet {
		say(w, "\n")
	}
	return nil
}

// heading says what was looked at.
func heading(d audit.Directory) string {
	text := d.CertDir
	if d.KubeconfigDir != "" && d.KubeconfigDir != d.CertDir {
		text += ", kubeconfigs in " + d.KubeconfigDir
	}
	if d.Name != "" {
		text = d.Name + ": " + text
	}
	return text + ": " + counted(d.Certificates, "certificate")
}

// writeFinding writes a finding, each of its parts on a line.
func writeFinding(w io.Writer, f finding.Shown) {
	if f.Path != "" && f.Line > 0 {
		f.Path += fmt.Sprintf(", line %d", f.Line)
	}
	say(w, "%s: %s: %s\n", f.Severity, f.ID, terminal.Cut(f.String()))
	part := func(label, text string) {
		if text != "" {
			say(w, "  %s: %s\n", label, terminal.Cut(text))
		}
	}
	part("why", f.Reason)
	part("wanted", beside(f.Text, f.Wanted))
	part("found", beside(f.Text, f.Had))
	if f.Follows != "" {
		part("follows", "from "+string(f.Follows)+", mend that first")
	}
	part("fix", f.Hint)
}

// beside is a side of the comparison that the sentence does not hold already.
func beside(sentence string, values []string) string {
	if !slices.ContainsFunc(values, func(v string) bool { return !strings.Contains(sentence, v) }) {
		return ""
	}
	return strings.Join(values, ", ")
}

// findingRule is a row of the table as --list prints it.
type findingRule struct {
	ID       finding.ID       `json:"id"`
	Severity finding.Severity `json:"severity"`
	Text     string           `json:"text"`
	Reason   string           `json:"reason,omitempty"`
}

// printList prints the table of findings.
func (a *auditFlags) printList() error {
	v := struct {
		APIVersion string        `json:"apiVersion"`
		Kind       string        `json:"kind"`
		Findings   []findingRule `json:"findings"`
	}{phases.APIVersion, "FindingList", nil}
	for _, r := range finding.Rules() {
		v.Findings = append(v.Findings, findingRule{r.ID, r.Severity, r.Sentence(), finding.Blank(r.Reason)})
	}
	return a.out.print(v, func(w io.Writer) error {
		t := newTable(w)
		t.row("ID", "SEVERITY", "TEXT")
		for _, r := range v.Findings {
			t.row(string(r.ID), r.Severity.String(), r.Text)
		}
		return t.flush()
	})
}
