package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/phases/audit"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki/store"
)

// nodeKinds are the values of --role: what a node takes part in.
var nodeKinds = []struct {
	name  string
	roles certs.Scope
}{{"control-plane", certs.JoinedNode}, {"worker", certs.WorkerNode}, {"etcd", certs.EtcdMember}}

// placesFlags are the flags of commands that look at whole directories.
type placesFlags struct {
	*settingsFlags
	role   string
	within string
	// ofManifest are the flags whose values the API server's static pod gave.
	ofManifest []string
}

// addPlaces gives a command the flags that say which directories are looked at, and what is known of them.
func addPlaces(c *cobra.Command, env *Env) *placesFlags {
	p := &placesFlags{settingsFlags: addSettings(c, env, func(f config.Field) bool {
		return f.Flag == "cert-dir" || f.Flag == "kubeconfig-dir" || f.Fact&^certs.LeafValidity != 0
	})}
	p.reports = true
	c.Flags().VisitAll(func(f *pflag.Flag) { // the host is not asked: the directory may be another one's
		f.Usage, _, _ = strings.Cut(f.Usage, " (default: as the directory's files say, else ")
	})
	var names []string
	for _, k := range nodeKinds {
		names = append(names, k.name)
	}
	c.Flags().StringVar(&p.role, "role", "", "what the node is: "+strings.Join(names, ", ")+" (default: as the directory's files say)")
	c.Flags().StringVar(&p.within, "within", "", "also find what ends within this `time` (720h, 90d), or has no more than this part of its life left (20%) (default: 30d)")
	_ = c.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	return p
}

// namedDir is a directory of the command line, and its name where it has one.
type namedDir struct{ name, dir string }

// look judges each directory, in order and one at a time; none: the one of --cert-dir and --kubeconfig-dir. see gets each
// with the hints completed.
func (p *placesFlags) look(c *cobra.Command, dirs []namedDir, quiet bool, o audit.Options, see func(audit.Directory) error) error {
	if len(dirs) > 0 && (c.Flags().Changed("cert-dir") || c.Flags().Changed("kubeconfig-dir")) {
		return &usageError{err: errors.New("a directory is given, and --cert-dir or --kubeconfig-dir too: one of them"), command: c.CommandPath()}
	}
	if err := fromEnvironment(c, p.env, "role", "within"); err != nil {
		return err
	}
	roles, err := p.roles(c)
	if err != nil {
		return err
	}
	if o.Within, err = parseThreshold("within", cmp.Or(p.within, "30d")); err != nil {
		return &usageError{err: err, command: c.CommandPath()}
	}
	if len(dirs) == 0 {
		dirs = []namedDir{{}}
	}
	var errs []error
	for _, d := range dirs {
		if err := p.find(c, d.dir); err != nil {
			errs = append(errs, err)
			continue
		}
		place, err := p.place(d.name, roles, quiet)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		seen, err := audit.Look(c.Context(), place, o)
		if err != nil {
			errs = append(errs, err)
		}
		writeFinished(p.env.Stderr, seen.Finished)
		for i := range seen.Findings {
			seen.Findings[i].Hint = p.env.completed(seen.Findings[i].Hint)
		}
		if err := see(seen); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// roles are what --role says; 0: nothing.
func (p *placesFlags) roles(c *cobra.Command) (certs.Scope, error) {
	if p.role == "" {
		return 0, nil
	}
	for _, k := range nodeKinds {
		if k.name == p.role {
			return k.roles, nil
		}
	}
	return 0, &usageError{err: fmt.Errorf("--role: %q is none of control-plane, worker, etcd", p.role), command: c.CommandPath()}
}

// find takes a directory of the command line for the two that it is, or holds.
func (p *placesFlags) find(c *cobra.Command, dir string) error {
	if dir == "" {
		return nil
	}
	found, err := audit.Find(dir)
	if errors.Is(err, store.ErrNotDir) || errors.Is(err, syscall.ENOTDIR) {
		return &hinted{err, "name the directory that it is in; `pkitool certs show FILE` shows a single file"}
	}
	if err != nil {
		return err
	}
	for flag, value := range map[string]string{"cert-dir": found.Cert, "kubeconfig-dir": found.Kubeconfig} {
		f := c.Flags().Lookup(flag)
		p.text(flag).given = nil
		if err := f.Value.Set(value); err != nil {
			return err
		}
		f.Changed = true // for hints: they name this directory
	}
	return nil
}

// place is where a directory's PKI is. What nobody gave, its files are asked for; never this host, which need not be the
// directory's.
func (p *placesFlags) place(name string, roles certs.Scope, quiet bool) (audit.Place, error) {
	for _, f := range p.ofManifest { // another directory's
		p.text(f).given, p.command.Flags().Lookup(f).Changed = nil, false
	}
	p.ofManifest = nil
	settings, err := p.loadNeeding(quiet, config.Input{
		Files: func(s config.Settings) map[certs.Facts]certs.Found {
			t, err := certs.New(s.Cluster)
			if err != nil {
				return nil // told below
			}
			return known(t, siteOf(s), func() (string, netip.Addr) { return "", netip.Addr{} })
		},
		Needs: func(config.Settings) certs.Facts { return 0 },
	})
	if err != nil {
		return audit.Place{}, err
	}
	p.takeManifest(&settings)
	if roles != 0 {
		settings.Cluster.Nodes[0].Roles = roles
		settings.Cluster.Assumed &^= certs.NodeRoles
	}
	t, err := certs.New(settings.Cluster)
	return audit.Place{Name: name, Site: judge.Site{Dirs: siteOf(settings).Dirs}, Tree: t}, err
}

// takeManifest makes facts of what the API server's static pod says: no guess, the API server runs with it. Hints give
// it on, since a command that writes takes nothing from there that is not given.
func (p *placesFlags) takeManifest(s *config.Settings) {
	manifest := manifestIn(siteOf(*s))
	for _, t := range p.texts {
		if x := s.Cluster.Known[t.field.Fact]; x.Path == manifest && len(t.given) == 0 {
			s.Cluster.Assumed &^= t.field.Fact
			t.given, p.command.Flags().Lookup(t.field.Flag).Changed = x.Values, true
			p.ofManifest = append(p.ofManifest, t.field.Flag)
		}
	}
}

// text is the flag of a setting.
func (s *settingsFlags) text(flag string) *flagText {
	i := slices.IndexFunc(s.texts, func(t *flagText) bool { return t.field.Flag == flag })
	return s.texts[i]
}
