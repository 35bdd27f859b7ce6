package cmd

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// mayBeEmpty are the flags for which an empty value means something, and what.
var mayBeEmpty = map[string]string{
	"apiserver-cert-extra-sans": "no further names, whatever the configuration says",
	"etcd-cert-extra-sans":      "no further names, whatever the configuration says",
	"skip-phases":               "no phase is left out, whatever the configuration says",
}

var errEmpty = errors.New("empty value")

// filled is the value of a flag that refuses the empty text, alone or in a list: that comes from a variable of a script
// that was not set. It would make another key than the one that is meant, or send a private key to standard output.
type filled struct{ pflag.Value }

func (f filled) Set(text string) error {
	if text == "" {
		return errEmpty
	}
	if err := f.Value.Set(text); err != nil {
		return err
	}
	if list, ok := f.Value.(pflag.SliceValue); ok && slices.Contains(list.GetSlice(), "") {
		return errEmpty
	}
	return nil
}

// refuseEmpty makes every flag of a command, and of those below it, refuse an empty value that means nothing.
func refuseEmpty(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if _, ok := mayBeEmpty[f.Name]; ok || f.Value.Type() == "bool" {
			return // a truth value is judged by itself
		}
		if _, list := f.Value.(pflag.SliceValue); list {
			f.DefValue = "" // for the help, which knows pflag's own lists only
		}
		f.Value = filled{f.Value}
	})
	for _, sub := range c.Commands() {
		refuseEmpty(sub)
	}
}

// refuseEmptyArgument is refuseEmpty for what is no flag. Completion asks about half a command line.
func refuseEmptyArgument(c *cobra.Command, args []string) error {
	if i := slices.Index(args, ""); i >= 0 && !c.DisableFlagParsing {
		return &usageError{err: fmt.Errorf("argument %d is empty", i+1), command: c.CommandPath()}
	}
	return nil
}

// flagFault is an error of reading the flags, in our words.
func flagFault(c *cobra.Command, err error) error {
	if bad := new(pflag.InvalidValueError); errors.As(err, &bad) && errors.Is(err, errEmpty) {
		err = fmt.Errorf("--%s: %w", bad.GetFlag().Name, errEmpty)
	}
	return &usageError{err: err, command: c.CommandPath()}
}
