package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/audit"
	"github.com/pkitool/pkitool/phases/picture"
)

// trustTree is what `certs tree` prints.
type trustTree struct {
	APIVersion  string           `json:"apiVersion"`
	Kind        string           `json:"kind"`
	Directories []trustDirectory `json:"directories"`
}

// trustDirectory is a directory whose picture is a list, even an empty one.
type trustDirectory struct {
	audit.Directory
	Trust []*audit.Node `json:"trust"`
}

func newCertsTree(env *Env) *cobra.Command {
	var wide string
	var ascii bool
	c := &cobra.Command{
		Use:   "tree [DIR...]",
		Short: "Draw who signed whom: CAs, certificates and kubeconfigs, and what is left of them",
		Long: `Draw each certificate and kubeconfig below the CA whose key signed it, with the user
and the groups or the names, what is left of its life, and marks for what is wrong
("pkitool certs audit" says more of that). A DIR is a directory of certificates,
/etc/kubernetes, or the root of a node's file system; without one it is that of
--cert-dir and --kubeconfig-dir. Whoever made the files, what counts is the
signature and not the name: what no CA here has signed is below a "?".

The picture fits the width of the terminal, or that of --width. It is coloured on a
terminal only, and not where NO_COLOR is set; where the locale is not UTF-8 it is
drawn in ASCII. -o mermaid and -o dot are for Mermaid and Graphviz.

The exit code is 0, whatever is wrong; 2 where something cannot be read. Nothing is
changed, and no private key is shown.`,
		Example: `  pkitool certs tree
  pkitool certs tree /etc/kubernetes backup/etc/kubernetes
  pkitool certs tree -o dot | dot -Tsvg -o pki.svg
  pkitool certs tree -o json | jq -r '.directories[].trust[] | .name'`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	places := addPlaces(c, env)
	c.Flags().BoolVar(&ascii, "ascii", false, "draw with ASCII characters only")
	c.Flags().StringVar(&wide, "width", "", fmt.Sprintf("how many `columns` a line may take, at least %d (default: as wide as the terminal, else %d)", picture.MinWidth, widthElsewhere))
	out := addOutput(c, env, "mermaid", "dot").withLock(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := fromEnvironment(c, env, "ascii", "width"); err != nil {
			return err
		}
		o := picture.TextOptions{Color: env.colors(), ASCII: ascii || !env.utf8()}
		var err error
		if o.Width, err = env.width(wide); err != nil {
			return &usageError{err: err, command: c.CommandPath()}
		}
		var named []namedDir
		for _, dir := range args {
			named = append(named, namedDir{dir: dir})
		}
		var dirs []audit.Directory
		err = places.look(c, named, out.quiet, audit.Options{Now: env.Now, Picture: true}, func(d audit.Directory) error {
			dirs = append(dirs, d)
			return nil
		})
		if len(dirs) > 0 {
			err = errors.Join(err, printTree(out, dirs, o))
		}
		if unread := unreadable(dirs); len(unread) > 0 {
			tellFindings(env, unread)
			err = cmp.Or[error](err, &quietError{code: exitUsage})
		}
		return err
	}
	return c
}

func printTree(out *outputFlags, dirs []audit.Directory, o picture.TextOptions) error {
	v := trustTree{APIVersion: phases.APIVersion, Kind: "TrustTree"}
	for _, d := range dirs {
		v.Directories = append(v.Directories, trustDirectory{d, append([]*audit.Node{}, d.Trust...)})
	}
	return out.print(v, func(w io.Writer) error {
		switch out.format {
		case "mermaid":
			return picture.Mermaid(w, dirs)
		case "dot":
			return picture.Dot(w, dirs)
		}
		return picture.Text(w, dirs, o)
	})
}

// unreadable are the findings of files that are drawn as what nobody can read.
func unreadable(dirs []audit.Directory) (out []finding.Shown) {
	for _, d := range dirs {
		files := map[string]bool{}
		var walk func(nodes []*audit.Node)
		walk = func(nodes []*audit.Node) {
			for _, n := range nodes {
				if n.Unreadable {
					files[n.Path] = true
				}
				walk(n.Issued)
			}
		}
		walk(d.Trust)
		for _, f := range d.Findings {
			if f.Severity == finding.Error && files[f.Path] {
				out = append(out, f)
			}
		}
	}
	return out
}

// widthElsewhere is the width of a picture that goes to no terminal.
const widthElsewhere = 100

// width is how wide a line may be: as somebody says, as COLUMNS or the terminal says.
func (env *Env) width(given string) (int, error) {
	if given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < picture.MinWidth {
			return 0, fmt.Errorf("--width: %q is no number from %d", given, picture.MinWidth)
		}
		return n, nil
	}
	if columns, _ := env.LookupEnv("COLUMNS"); columns != "" {
		if n, err := strconv.Atoi(columns); err == nil && n > 0 {
			return n, nil
		}
	}
	if f := env.screen(); f != nil {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n, nil
		}
	}
	return widthElsewhere, nil
}

// screen is the terminal that standard output is, or nil.
func (env *Env) screen() *os.File {
	to := env.Stdout
	if env.result != nil {
		to = env.result.to
	}
	if f, ok := to.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// colors reports whether standard output may be coloured: no-color.org.
func (env *Env) colors() bool {
	no, _ := env.LookupEnv("NO_COLOR")
	kind, _ := env.LookupEnv("TERM")
	return no == "" && kind != "dumb" && env.screen() != nil
}

// utf8 reports whether the locale's characters are UTF-8's: the first of three variables that is not empty says it.
func (env *Env) utf8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v, _ := env.LookupEnv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}
