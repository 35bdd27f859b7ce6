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
	before := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
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
		if before != nil {
			return before(c, args)
		}
		return nil
	}
	return o
}

// addQuiet gives a command -q.
func (o *outputFlags) addQuiet(c *cobra.Command) {
	c.Flags().BoolVarP(&o.quiet, "quiet", "q", false, "say nothing but errors")
}

// printRefused writes the report of a run that was refused as JSON or YAML. As text the refusals, told on standard
// error, say it all, and any other error leaves nothing to report.
func (o *outputFlags) printRefused(err error, v any) error {
	var refused *phases.RefusedError
	if o.format == "text" || !errors.As(err, &refused) {
		return nil
	}
	return o.print(v, nil)
}

// print writes a value as one document in the chosen format; text is written by the function.
func (o *outputFlags) print(v any, text func(io.Writer) error) error {
	if r, ok := v.(phases.Report); ok {
		o.env.completeReport(r)
	}
	switch o.format {
	case "json":
		e := json.NewEncoder(o.env.Stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	case "yaml":
		out, err := config.MarshalYAML(v)
		if err != nil {
			return err
		}
		_, err = o.env.Stdout.Write(out)
		return err
	}
	if o.quiet {
		return nil
	}
	return text(o.env.Stdout)
}

// counted is "1 row", "2 rows".
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
