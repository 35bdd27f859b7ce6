package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki/store"
)

// fields is config's table, made once.
var fields = sync.OnceValue(config.Fields)

// flagText is the value of a flag as it was typed, every time that it was
// given: config judges it together with the file and the environment.
type flagText struct {
	field config.Field
	given []string
}

func (f *flagText) Set(s string) error { f.given = append(f.given, s); return nil }
func (f *flagText) String() string     { return strings.Join(f.given, ",") }
func (f *flagText) Type() string {
	switch f.field.Type {
	case config.Bool:
		return "bool"
	case config.Number:
		return "number"
	case config.List:
		return "strings"
	}
	return "string"
}

// IsBoolFlag lets a flag stand without a value.
func (f *flagText) IsBoolFlag() bool { return f.field.Type == config.Bool }

// settingsFlags are the flags of a command that come from config's table, and --config.
type settingsFlags struct {
	env     *Env
	command *cobra.Command
	config  string
	texts   []*flagText
	// reports says that the command writes nothing that is dated: any clock will do.
	reports bool
}

// addSettings gives a command --config and the flags of config's table that wanted lets through.
func addSettings(c *cobra.Command, env *Env, wanted func(config.Field) bool) *settingsFlags {
	s := &settingsFlags{env: env, command: c}
	c.Flags().StringVar(&s.config, "config", "", "kubeadm configuration `file` (v1beta4, v1beta3), - for standard input")
	for _, f := range fields() {
		if f.Flag == "" || !wanted(f) {
			continue
		}
		t := &flagText{field: f}
		doc := f.Doc
		if f.Default != "" && f.Type != config.Bool {
			doc += " (default: " + f.Default + ")"
		}
		flag := c.Flags().VarPF(t, f.Flag, "", doc)
		if f.Type == config.Bool {
			flag.NoOptDefVal = "true"
		}
		s.texts = append(s.texts, t)
	}
	return s
}

// only lets through the flags that are named, except all others.
func only(flags ...string) func(config.Field) bool {
	return func(f config.Field) bool { return slices.Contains(flags, f.Flag) }
}

func except(flags ...string) func(config.Field) bool {
	return func(f config.Field) bool { return !slices.Contains(flags, f.Flag) }
}

// idle refuses a flag that was given and has no effect on any of the roles that
// are asked for by name; none: all.
func (s *settingsFlags) idle(c *cobra.Command, names []string) error {
	for _, t := range s.texts {
		works := func(name string) bool { return concerns(t.field)(roleNamed(name)) }
		if len(names) > 0 && len(t.given) > 0 && !slices.ContainsFunc(names, works) {
			return &usageError{err: fmt.Errorf("--%s has no effect on %s", t.field.Flag, strings.Join(names, ", ")), command: c.CommandPath()}
		}
	}
	return nil
}

// load reads the file and judges everything that was given. Notes go to stderr, unless quiet. The host is not asked.
func (s *settingsFlags) load(quiet bool) (config.Settings, error) {
	return s.loadNeeding(quiet, config.Input{Needs: func(config.Settings) certs.Facts { return 0 }})
}

// loadTree is load, with the tree of the cluster.
func (s *settingsFlags) loadTree(quiet bool) (config.Settings, certs.Tree, error) {
	settings, err := s.load(quiet)
	if err != nil {
		return settings, certs.Tree{}, err
	}
	t, err := certs.New(settings.Cluster)
	return settings, t, err
}

// loadRows is load for rows that choose picks from a tree. What nobody gave, and they are made from, the directory is
// asked for, then the host.
func (s *settingsFlags) loadRows(quiet bool, choose func(certs.Tree, config.Settings) (judge.Selection, error)) (config.Settings, certs.Tree, judge.Selection, judge.Site, error) {
	var facts certs.Facts
	var site judge.Site
	settings, err := s.loadNeeding(quiet, config.Input{
		Files: func(c config.Settings) map[certs.Facts]certs.Found {
			t, err := certs.New(c.Cluster)
			if err != nil {
				return nil // told below
			}
			rows, _ := choose(t, c) // who is wrong here is told by the same choice below
			site = siteOf(c)
			elsewhere := c.Given("cert-dir") && !c.Given("kubeconfig-dir")
			for row := range t.Rows() {
				if rows.Has(row.ID) {
					facts |= row.Takes
					elsewhere = elsewhere && row.Place.Root != certs.KubeconfigDir
				}
			}
			if elsewhere {
				site.Kubeconfig = "" // nobody asked for the default directory: it may be another cluster's
			}
			if facts == 0 {
				return nil
			}
			return known(t, site, askHost())
		},
		Needs: func(config.Settings) certs.Facts { return facts },
	})
	if err != nil {
		return settings, certs.Tree{}, nil, site, err
	}
	t, err := certs.New(settings.Cluster)
	if err != nil {
		return settings, t, nil, site, err
	}
	chosen, err := choose(t, settings)
	return settings, t, chosen, site, err
}

// known is what the files of a site say of its node and its cluster.
func known(t certs.Tree, site judge.Site, host judge.Host) map[certs.Facts]certs.Found {
	told := map[certs.Facts]certs.Found{}
	if site.Kubeconfig != "" {
		if pod := judge.ReadFile(manifestIn(site)); pod.Exists {
			told = config.ParseManifest(pod.Path, pod.Data)
		}
	}
	return judge.Known(t, site, host, told)
}

// manifestIn is where the API server's static pod lies.
func manifestIn(site judge.Site) string {
	return filepath.Join(site.Kubeconfig, filepath.FromSlash(config.Manifest))
}

// askHost is what this host says of itself, asked once.
func askHost() judge.Host {
	return sync.OnceValues(func() (string, netip.Addr) {
		name, _ := hostName()
		addr, _ := defaultRouteAddress()
		return strings.TrimSpace(name), addr
	})
}

// loadNeeding completes an input by what was given, and loads it.
func (s *settingsFlags) loadNeeding(quiet bool, in config.Input) (config.Settings, error) {
	s.env.settings = s
	if err := s.env.checkClock(); err != nil && !s.reports {
		return config.Settings{}, err
	}
	in.Name, in.Flags, in.Environ, in.Host, in.Phases = s.config, map[string][]string{}, s.env.LookupEnv, thisHost(), phases.Paths()
	if v, ok := s.env.LookupEnv(envName("config")); ok && in.Name == "" {
		in.Name = v
	}
	if in.Name != "" {
		var err error
		if in.Documents, err = readInput(in.Name, s.env.Stdin); err != nil {
			return config.Settings{}, err
		}
	}
	for _, t := range s.texts {
		if len(t.given) > 0 {
			in.Flags[t.field.Flag] = t.given
		}
	}
	settings, notes, err := config.Load(in)
	if !quiet {
		for _, n := range notes {
			say(s.env.Stderr, "note: %s\n", n)
		}
	}
	return settings, err
}

// siteOf is where the settings' PKI is. No CA's key is elsewhere than in a file.
func siteOf(s config.Settings) judge.Site {
	return judge.Site{Dirs: judge.Dirs{Cert: s.CertDir, Kubeconfig: s.KubeconfigDir}}
}

// backupDir is where copies of replaced files go, unless another directory is named: beside that of the certificates.
func backupDir(s config.Settings) string { return filepath.Join(s.CertDir, "..") }

// envName is the environment variable of a flag, whether config knows the flag or not.
func envName(flag string) string { return config.Field{Flag: flag}.Env() }

// fromEnvironment gives flags that are not settings the value of their
// variables (PKITOOL_IF_EXPIRES_WITHIN), where the command line is silent. A
// flag that the command does not have is passed over.
func fromEnvironment(c *cobra.Command, env *Env, flags ...string) error {
	for _, name := range flags {
		v, ok := env.LookupEnv(envName(name))
		flag := c.Flags().Lookup(name)
		if !ok || v == "" || flag == nil || flag.Changed {
			continue
		}
		if err := flag.Value.Set(v); err != nil {
			if flag.Value.Type() == "bool" {
				err = fmt.Errorf("%q is neither true nor false", v)
			}
			return &usageError{err: fmt.Errorf("%s: %w", envName(name), err), command: c.CommandPath()}
		}
	}
	return nil
}

// readInput reads a file that the user names, or standard input for "-". It
// may be a pipe: `--config <(render)` is common.
func readInput(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return store.ReadFrom(stdin, "stdin")
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		settle(filepath.Dir(name))
		f, err = os.Open(name)
	}
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, &store.Error{Path: name, Err: err}
	}
	defer f.Close()
	return store.ReadFrom(f, name)
}

// settle brings back what a run that was stopped was replacing in a directory, or one at work is, new or old. Where it
// cannot, a file that is not there is told as such.
func settle(dir string) {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	_, _ = store.Settle(ctx, dir)
}
