package cmd

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki/store"
)

func newKubeconfig(env *Env) *cobra.Command {
	return newGroup("kubeconfig", "Make, merge, show and check kubeconfigs",
		newKubeconfigUser(env), newKubeconfigMerge(env), newKubeconfigShow(env), newKubeconfigCheck(env))
}

// inFile puts the file's name in front of what a reader says of its content, and keeps the cause.
func inFile(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

func newKubeconfigMerge(env *Env) *cobra.Command {
	var into string
	var rename, replace, use bool
	c := &cobra.Command{
		Use:   "merge FILE... [--into FILE]",
		Short: "Merge kubeconfigs into one",
		Long: `Merge kubeconfigs by kubectl's rules: entries go by their names, and everything
else in the file that is merged into stays as it is, unknown fields and comments
too. An entry whose name is taken by one that says something else is refused,
unless --rename or --replace says what to do. Without --into the result of
merging all files goes to standard output. The file merged into is locked,
replaced whole, has mode 0600, and its old content is kept beside it.`,
		Example: `  pkitool kubeconfig merge admin.conf --into ~/.kube/config
  pkitool kubeconfig merge a.conf b.conf --rename > both.conf`,
		Args: someFiles("which FILE is to be merged?"),
	}
	out := addOutput(c, env).withQuiet(c).withLock(c)
	c.Flags().StringVar(&into, "into", "", "`file` to merge into; made if it is not there")
	c.Flags().BoolVar(&rename, "rename", false, "give an entry whose name is taken a new one")
	c.Flags().BoolVar(&replace, "replace", false, "replace an entry whose name is taken")
	c.Flags().BoolVar(&use, "set-current", false, "make the merged file's current context the current one")
	c.MarkFlagsMutuallyExclusive("rename", "replace")
	c.RunE = func(c *cobra.Command, args []string) error {
		o := kubeconfig.MergeOptions{SetCurrent: use}
		switch {
		case rename:
			o.OnConflict = kubeconfig.Rename
		case replace:
			o.OnConflict = kubeconfig.Replace
		}
		text := ""
		switch {
		case into == "-":
			text = "- is no file to write: without --into the result goes to standard output"
		case into == "" && out.format != "text":
			text = "--output describes what was merged --into a file: name one"
		}
		if text != "" {
			return &usageError{err: errors.New(text), command: c.CommandPath()}
		}
		return mergeFiles(c, env, out, args, into, o)
	}
	return c
}

// mergeReport is what `kubeconfig merge -o json` prints.
type mergeReport struct {
	APIVersion     string              `json:"apiVersion"`
	Kind           string              `json:"kind"`
	File           string              `json:"file"`
	Backup         string              `json:"backup,omitempty"`
	CurrentContext string              `json:"currentContext"`
	Changes        []kubeconfig.Change `json:"changes"`
}

func mergeFiles(c *cobra.Command, env *Env, out *outputFlags, files []string, into string, o kubeconfig.MergeOptions) error {
	r := mergeReport{APIVersion: phases.APIVersion, Kind: "MergeReport", File: into, Changes: []kubeconfig.Change{}}
	merge := func(old []byte) ([]byte, error) {
		target, err := kubeconfig.NewTarget(old)
		if err != nil {
			return nil, inFile(into, err)
		}
		for _, f := range files {
			data, err := readInput(f, env.Stdin)
			if err != nil {
				return nil, err
			}
			o.FromDir = relativeDir(f, into)
			changes, err := target.Merge(data, o)
			if err != nil {
				return nil, mergeFault(f, err, "--rename keeps both under different names, --replace takes the new one")
			}
			r.Changes = append(r.Changes, changes...)
		}
		r.CurrentContext = target.CurrentContext()
		return target.Bytes()
	}
	if into == "" {
		data, err := merge(nil)
		if err == nil {
			_, err = env.Stdout.Write(data)
		}
		return err
	}
	var err error
	if r.Backup, err = changeFile(c, env, into, merge); err != nil {
		return err
	}
	return out.print(r, func(w io.Writer) error {
		t := newTable(w)
		for _, ch := range r.Changes {
			note := ch.NewName
			if note != "" {
				note = "as " + note
			}
			t.row(string(ch.Verb), ch.Kind, ch.Name, note)
		}
		if err := t.flush(); err != nil {
			return err
		}
		if r.Backup != "" {
			say(w, "old content: %s\n", r.Backup)
		}
		return say(w, "current context of %s: %s\n", r.File, r.CurrentContext)
	})
}

// mergeFault is a fault of merging a file, and says how a conflict is settled.
func mergeFault(file string, err error, hint string) error {
	err = inFile(file, err)
	if conflict := new(kubeconfig.ConflictError); errors.As(err, &conflict) {
		return &hinted{err, hint}
	}
	return err
}

// relativeDir is the directory of a merged file as seen from the file merged
// into, so that its relative paths still lead where they did.
func relativeDir(file, into string) string {
	if file == "-" {
		return ""
	}
	base := "."
	if into != "" {
		base = filepath.Dir(into)
	}
	abs, err1 := filepath.Abs(filepath.Dir(file))
	from, err2 := filepath.Abs(base)
	if err1 != nil || err2 != nil {
		return ""
	}
	rel, err := filepath.Rel(from, abs)
	if err != nil || rel == "." {
		return ""
	}
	return rel
}

func newKubeconfigShow(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "show FILE...|-",
		Short: "Show who a kubeconfig says you are, to which server, until when",
		Args:  someFiles(whichFile),
	}
	out := addOutput(c, env)
	c.RunE = func(_ *cobra.Command, args []string) error {
		_, err := describeFiles(env, out, args)
		return err
	}
	return c
}

func newKubeconfigCheck(env *Env) *cobra.Command {
	var fix bool
	c := &cobra.Command{
		Use:   "check FILE...|-",
		Short: "Check kubeconfigs: exit code 1 if anything in one does not work",
		Long: `Check what a kubeconfig says and whether its certificates and keys hold. Findings
have stable ids. --fix mends what needs no choice (data and path both given, for
one), keeps everything else, and leaves the old content beside the file.`,
		Args: someFiles(whichFile),
	}
	out := addOutput(c, env).withLock(c)
	c.Flags().BoolVar(&fix, "fix", false, "mend what can be mended without a choice")
	c.RunE = func(c *cobra.Command, args []string) error {
		if fix {
			if err := fixFiles(c, env, args); err != nil {
				return err
			}
		}
		bad, err := describeFiles(env, out, args)
		if err == nil && bad {
			err = &quietError{code: exitBad}
		}
		return err
	}
	return c
}

const whichFile = "which FILE? - is standard input"

// someFiles asks the question where no file is given.
func someFiles(question string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return &usageError{err: errors.New(question), command: c.CommandPath()}
		}
		return nil
	}
}

func fixFiles(c *cobra.Command, env *Env, files []string) error {
	for _, f := range files {
		if f == "-" {
			return &usageError{err: errors.New("--fix needs a file to write, not standard input"), command: c.CommandPath()}
		}
		if _, err := store.Read(f); err != nil {
			return err
		}
		var gone []finding.Finding
		backup, err := changeFile(c, env, f, func(old []byte) (data []byte, err error) {
			data, gone, err = kubeconfig.Fix(old)
			return data, inFile(f, err)
		})
		if err != nil {
			return err
		}
		for _, g := range gone {
			say(env.Stderr, "fixed: %s: %s\n", f, g.Text())
		}
		if backup != "" {
			say(env.Stderr, "note: old content: %s\n", backup)
		}
	}
	return nil
}

// describeFiles prints a report for each file, and tells whether one is bad. A
// file that cannot be read does not hide what is wrong with the others.
func describeFiles(env *Env, out *outputFlags, files []string) (bad bool, err error) {
	var reports []phases.KubeconfigReport
	var faults []error
	for _, f := range files {
		r, err := describeFile(env, f)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		bad = bad || r.Bad()
		reports = append(reports, r)
	}
	if len(reports) > 0 {
		var v any = reports
		if len(files) == 1 {
			v = reports[0]
		}
		faults = append(faults, out.print(v, func(w io.Writer) error {
			for _, r := range reports {
				if err := writeKubeconfigReport(w, r, env); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return bad, errors.Join(faults...)
}

func describeFile(env *Env, f string) (phases.KubeconfigReport, error) {
	data, err := readInput(f, env.Stdin)
	if err != nil {
		return phases.KubeconfigReport{}, err
	}
	dir := filepath.Dir(f)
	r, err := phases.DescribeKubeconfig(f, data, func(path string) ([]byte, error) {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		got, err := store.Read(path)
		return got.Data, err
	}, env.Now)
	return r, inFile(f, err)
}

func writeKubeconfigReport(w io.Writer, r phases.KubeconfigReport, env *Env) error {
	say(w, "%s\n", r.File)
	for _, c := range r.Contexts {
		mark := " "
		if c.Current {
			mark = "*"
		}
		say(w, "%s context %s\n", mark, c.Name)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		if c.User != "" {
			say(tw, "    user\t%s\n", c.User)
			if len(c.Groups) > 0 {
				say(tw, "    groups\t%s\n", strings.Join(c.Groups, ", "))
			}
		}
		say(tw, "    by\t%s\n", c.Auth)
		say(tw, "    server\t%s (cluster %s)\n", c.Server, c.Cluster)
		if c.Namespace != "" {
			say(tw, "    namespace\t%s\n", c.Namespace)
		}
		if c.NotAfter != nil {
			say(tw, "    until\t%s (%s)\n", c.NotAfter.Format("2006-01-02 15:04:05 MST"), left(c.NotAfter.Sub(env.Now)))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	for _, f := range r.Findings {
		line := ""
		if f.Line > 0 {
			line = fmt.Sprintf(" (line %d)", f.Line)
		}
		text := f.Text
		if f.Entry != "" {
			text = f.Entry + ": " + text
		}
		say(w, "%s: %s: %s%s\n", f.Severity, f.ID, text, line)
		if f.Hint != "" {
			say(w, "hint: %s\n", f.Hint)
		}
	}
	return nil
}
