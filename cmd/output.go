package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/phases"
)

// outputFlags are -o and -q.
type outputFlags struct {
	env    *Env
	format string
	quiet  bool
}

// addOutput gives a command -o with the formats it has beside json and yaml, text first.
func addOutput(c *cobra.Command, env *Env, more ...string) *outputFlags {
	o := &outputFlags{env: env}
	formats := append([]string{"text", "json", "yaml"}, more...)
	c.Flags().StringVarP(&o.format, "output", "o", "", "output `format`: "+strings.Join(formats, ", ")+" (default: text)")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		asked := "--output"
		if !c.Flags().Changed("output") {
			asked = envName("output")
		}
		if err := fromEnvironment(c, env, "output", "quiet"); err != nil {
			return err
		}
		if o.format == "" {
			o.format = "text"
		}
		if !slices.Contains(formats, o.format) {
			return &usageError{err: fmt.Errorf("%s: %q is none of %s", asked, o.format, strings.Join(formats, ", ")), command: c.CommandPath()}
		}
		return nil
	}
	return o
}

// withQuiet gives a command -q.
func (o *outputFlags) withQuiet(c *cobra.Command) *outputFlags {
	c.Flags().BoolVarP(&o.quiet, "quiet", "q", false, "say nothing but errors")
	return o
}

// printRun writes the report of a run, beside its error. As text the refusals, told on standard error, say it all,
// unless the plan is asked for; any other error leaves nothing to report.
func (o *outputFlags) printRun(r phases.Report, err error, plan bool, text func(io.Writer) error) error {
	var refused *phases.RefusedError
	if err != nil && (!errors.As(err, &refused) || o.format == "text" && !plan) {
		writeFinished(o.env.Stderr, r.Finished)
		return err
	}
	return errors.Join(err, o.print(r, text))
}

// print writes a value as one document in the chosen format; text is written by the function. What a run has done is said
// on standard error where standard output cannot take it.
func (o *outputFlags) print(v any, text func(io.Writer) error) error {
	if r, ok := v.(phases.Report); ok {
		o.env.completeReport(r)
	}
	err := o.write(v, text)
	if err == nil && o.env.result != nil && o.env.result.err != nil && changes(v) {
		say(o.env.Stderr, "note: standard output cannot take the report; this was done:\n")
		err = text(o.env.Stderr)
	}
	return err
}

func (o *outputFlags) write(v any, text func(io.Writer) error) error {
	switch {
	case o.format == "json":
		e := json.NewEncoder(o.env.Stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	case o.format == "yaml":
		out, err := config.MarshalYAML(v)
		if err != nil {
			return err
		}
		_, err = o.env.Stdout.Write(out)
		return err
	case o.quiet:
		return nil
	}
	return text(o.env.Stdout)
}

// changes reports whether a value is the report of a run that has changed files.
func changes(v any) bool {
	switch v := v.(type) {
	case phases.Report:
		return v.Changed && !v.DryRun
	case userReport, issueReport, mergeReport, pageReport:
		return true
	}
	return false
}

// counted is "1 row", "2 rows".
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
