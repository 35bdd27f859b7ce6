package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/audit"
	"github.com/pkitool/pkitool/phases/page"
	"github.com/pkitool/pkitool/pki/store"
)

// pageReport says what page was written.
type pageReport struct {
	APIVersion   string `json:"apiVersion"`
	Kind         string `json:"kind"`
	File         string `json:"file"`
	Directories  int    `json:"directories"`
	Certificates int    `json:"certificates"`
	Errors       int    `json:"errors"`
	Warnings     int    `json:"warnings"`
	Notices      int    `json:"notices"`
}

func newCertsReport(env *Env) *cobra.Command {
	var file, title string
	var named []string
	c := &cobra.Command{
		Use:   "report [DIR...] --out FILE",
		Short: "Write one HTML page about directories: findings, ends, who signed whom",
		Long: `Write one HTML page for people: what is wrong and how it is mended, a timeline of
when everything ends, the trust tree, and a table of all certificates to search and sort.

The file needs nothing else and asks nobody: it opens from a mail, without a network,
in light and dark, and can be printed. No name in a certificate can become a part of the page
that acts. No private key and no token is in it, but names, addresses and paths of the
cluster are: the file has mode 0600, and you decide who may see it.

A directory is what "certs audit" takes: /etc/kubernetes, a node's root, or the
directory of the certificates alone. --dir gives one a name, such as the cluster's; all
of them come onto one page, the arguments first. Without any: --cert-dir and --kubeconfig-dir.

A file that is there is replaced if it is such a page, and else refused. The page shows what is so, and
is no verdict: the exit code is 0 when it is written, whatever was found. "certs audit" has exit code 1 then.
If one directory cannot be read, nothing is written.`,
		Example: `  pkitool certs report --out report.html
  pkitool certs report /etc/kubernetes --out report.html --title "Production, Frankfurt"
  pkitool certs report --dir prod=backup/prod --dir test=backup/test --out clusters.html
  pkitool certs report /etc/kubernetes --out - | gzip > report.html.gz`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	places := addPlaces(c, env)
	c.Flags().StringVar(&file, "out", "", "the `file` to write, whole or not at all; - for standard output")
	c.Flags().StringVar(&title, "title", "Kubernetes PKI report", "the `text` above the page")
	c.Flags().StringArrayVar(&named, "dir", nil, "a directory with a name, `NAME=PATH`; may be repeated")
	_ = c.MarkFlagDirname("dir")
	out := addOutput(c, env).withQuiet(c).withLock(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := fromEnvironment(c, env, "out", "title"); err != nil {
			return err
		}
		dirs, err := namedDirs(args, named)
		switch {
		case err != nil:
		case file == "":
			err = errors.New("--out is missing: the file to write, or - for standard output")
		case file == "-" && out.format != "text":
			err = fmt.Errorf("--out - writes the page to standard output, and -o %s something else: one of them", out.format)
		}
		if err != nil {
			return &usageError{err: err, command: c.CommandPath()}
		}
		p := page.Page{Title: title, Now: env.Now, Program: "pkitool " + readVersion(env.Revision).Version}
		err = places.look(c, dirs, out.quiet, audit.Options{Now: env.Now, Picture: true}, func(d audit.Directory) error {
			p.Directories = append(p.Directories, d)
			return nil
		})
		if err != nil {
			return err
		}
		if file == "-" {
			return page.Write(env.Stdout, p)
		}
		if err := writePage(c, file, p); err != nil {
			return err
		}
		r := newPageReport(file, p)
		return out.print(r, func(w io.Writer) error {
			return say(w, "%s: %s in %s, %s, %s, %s\n", r.File, counted(r.Certificates, "certificate"), directories(r.Directories),
				counted(r.Errors, "error"), counted(r.Warnings, "warning"), counted(r.Notices, "notice"))
		})
	}
	return c
}

// namedDirs are the directories of the arguments and of --dir.
func namedDirs(args, named []string) ([]namedDir, error) {
	var dirs []namedDir
	for _, a := range args {
		dirs = append(dirs, namedDir{dir: a})
	}
	taken := map[string]bool{}
	for _, n := range named {
		name, dir, ok := strings.Cut(n, "=")
		switch {
		case !ok || name == "" || dir == "":
			return nil, fmt.Errorf("--dir: %q is not NAME=PATH", n)
		case taken[name]:
			return nil, fmt.Errorf("--dir: %q names two directories", name)
		}
		taken[name] = true
		dirs = append(dirs, namedDir{name: name, dir: dir})
	}
	return dirs, nil
}

// writePage writes the file, for its owner alone: whoever is to see the names and addresses of a cluster, its owner decides.
func writePage(c *cobra.Command, file string, p page.Page) error {
	var buf bytes.Buffer
	if err := page.Write(&buf, p); err != nil {
		return err
	}
	err := phases.WriteReport(c.Context(), file, buf.Bytes(), 0o600, page.Is)
	if errors.Is(err, store.ErrTooLarge) {
		err = &hinted{err, "write a page for fewer directories, or the whole of it to standard output: --out -"}
	}
	return err
}

func newPageReport(file string, p page.Page) pageReport {
	r := pageReport{APIVersion: phases.APIVersion, Kind: "PageReport", File: file, Directories: len(p.Directories)}
	for _, d := range p.Directories {
		r.Certificates += page.Certificates(d)
		for _, f := range d.Findings {
			switch f.Severity {
			case finding.Error:
				r.Errors++
			case finding.Warning:
				r.Warnings++
			case finding.Notice:
				r.Notices++
			}
		}
	}
	return r
}

func directories(n int) string {
	if n == 1 {
		return "1 directory"
	}
	return fmt.Sprintf("%d directories", n)
}
