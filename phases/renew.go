package phases

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// RenewOptions are what a renewal is decided by, beside the tree and the inventory.
type RenewOptions struct {
	Now time.Time
	// CertMode is the loosest mode of certificate files: 0644, or 0600. A tighter one on disk is kept.
	CertMode fs.FileMode
	// Due leaves alone what lives longer; nil: everything is renewed.
	Due *Threshold
	// ReuseKey certifies the keys that are there.
	ReuseKey bool
	// Configured says that the tree is this cluster's: names come from it. Else the
	// tree only says what lies where, the names are those of the old certificate,
	// and the tree's Extra names are added to them.
	Configured bool
	// KeyAlgorithm is for new keys; "" is each old certificate's own.
	KeyAlgorithm pki.KeyAlgorithm
	// Backup is the directory in which a new, dated directory gets copies of the
	// files that are replaced; "" for none.
	Backup string
	// All says that the rows were not named one by one: what is not there may be passed over.
	All bool
}

func (o RenewOptions) options() Options { return Options{Now: o.Now, CertMode: o.CertMode} }

// Renewable are the rows that can be renewed: leaves and kubeconfigs. A CA's
// end is the end of its cluster's trust, and a key pair does not end.
func Renewable(t certs.Tree) []certs.Spec {
	return slices.DeleteFunc(t.Rows(), func(s certs.Spec) bool {
		return s.Kind == certs.CA || s.Kind == certs.KeyPair || s.Given
	})
}

// ChooseRenewal turns names into rows of the tree: a row's name, or the file of
// a kubeconfig as kubeadm names it ("admin.conf"). known is as in Choose.
func ChooseRenewal(t, known certs.Tree, names []string) ([]string, error) {
	is := func(s certs.Spec, name string) bool {
		plain, _, _ := strings.Cut(s.Name, "@")
		return name == s.Name || name == plain || s.Place.Kubeconfig != "" && name == path.Base(s.Place.Kubeconfig)
	}
	var chosen []string
	for _, name := range names {
		n := len(chosen)
		for _, s := range Renewable(t) {
			if is(s, name) {
				chosen = append(chosen, s.Name)
			}
		}
		if len(chosen) > n {
			continue
		}
		for _, s := range known.Rows() {
			switch {
			case !is(s, name):
			case s.Kind == certs.CA:
				return nil, fmt.Errorf("%s is a CA: it is replaced by a rotation, not renewed", name)
			case s.Kind == certs.KeyPair:
				return nil, fmt.Errorf("%s is a key pair: it has no end", name)
			default:
				return nil, fmt.Errorf("%s: the configuration's cluster has none of its own", name)
			}
		}
		var all []string
		for _, s := range Renewable(known) {
			all = append(all, s.Name)
		}
		return nil, fmt.Errorf("unknown name %q: must be one of all, %s", name, strings.Join(all, ", "))
	}
	return chosen, nil
}

// RenewRows makes the chosen rows anew, under a lock, and proves them: they are
// read again and judged by what they were meant to be. The report is whole
// even where the error is a *RefusedError; then nothing was changed.
func RenewRows(ctx context.Context, t certs.Tree, dirs Dirs, chosen []string, o RenewOptions) (r Report, err error) {
	lock, err := store.Lock(ctx, lockDirs(t, dirs, chosen)...)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	plan, err := planRenewal(t, dirs, chosen, o)
	if err != nil {
		return Report{}, err
	}
	r = renewReport(plan, dirs)
	r.Swept = lock.Swept()
	if len(plan.Refused()) > 0 {
		return r, &RefusedError{Plan: plan}
	}
	if r.Changed && o.Backup != "" {
		if r.Backup, err = backup(lock, plan, o); err != nil {
			return Report{}, err
		}
	}
	if err := plan.Apply(ctx, lock, o.options()); err != nil {
		return r, err
	}
	proof, err := proveRenewal(t, dirs, plan, o)
	if err != nil {
		return r, err
	}
	r.fill(proof)
	return r, nil
}

// RenewDryRun is RenewRows without its deeds.
func RenewDryRun(t certs.Tree, dirs Dirs, chosen []string, o RenewOptions) (Report, error) {
	plan, err := planRenewal(t, dirs, chosen, o)
	if err != nil {
		return Report{}, err
	}
	r := renewReport(plan, dirs)
	r.DryRun = true
	if len(plan.Refused()) > 0 {
		return r, &RefusedError{Plan: plan}
	}
	return r, nil
}

func planRenewal(t certs.Tree, dirs Dirs, chosen []string, o RenewOptions) (Plan, error) {
	inv, err := Take(t, dirs, needed(t, chosen))
	if err != nil {
		return Plan{}, err
	}
	return DecideRenewal(t, inv, chosen, o), nil
}

func renewReport(p Plan, dirs Dirs) Report {
	r := newReport(p, dirs)
	r.Kind = "RenewReport"
	for i, a := range p.actions {
		row := &r.Rows[i]
		row.Notes = a.Notes
		if a.Verb == Renew {
			row.Uptake = a.Spec.Uptakes()
		} else {
			// The tree may be nobody's in particular: only what lies there is told.
			row.Subject, row.SANs, row.Server = nil, nil, strings.TrimSuffix(a.held.entry.Cluster.Server, "/")
			row.describe(a)
		}
		if a.Spec.Kind != certs.CA && len(a.held.chain) > 0 {
			end := a.held.chain[0].NotAfter.UTC()
			row.Before = &end
		}
	}
	return r
}

// backup copies what will be replaced into a new directory that has the
// layout of /etc/kubernetes. Two runs within a second get two directories.
func backup(l *store.Locked, p Plan, o RenewOptions) (string, error) {
	var files []store.Copy
	for _, a := range p.actions {
		if a.Verb != Renew {
			continue
		}
		for i, name := range a.Spec.Place.Files() {
			if f := a.Files[i]; f == a.held.key.path && !a.held.key.exists {
				continue
			}
			if a.Spec.Place.Root == certs.CertDir {
				name = path.Join("pki", name)
			}
			files = append(files, store.Copy{Path: a.Files[i], Name: name})
		}
	}
	base := filepath.Join(o.Backup, BackupPrefix+o.Now.UTC().Format("20060102T150405Z"))
	dir := base
	for n := 2; ; n++ {
		err := l.Backup(dir, files...)
		if !errors.Is(err, fs.ErrExist) || n > 1000 {
			return dir, err
		}
		dir = fmt.Sprintf("%s-%d", base, n)
	}
}

// BackupPrefix begins the name of a backup directory; the time of the run, in UTC, ends it.
const BackupPrefix = "pkitool-backup-"

// proveRenewal reads everything again: what was renewed must be what it was meant to be.
func proveRenewal(t certs.Tree, dirs Dirs, done Plan, o RenewOptions) (Plan, error) {
	var names []string
	for _, a := range done.actions {
		names = append(names, a.Spec.Name)
	}
	inv, err := Take(t, dirs, needed(t, names))
	if err != nil {
		return Plan{}, err
	}
	d := newDecider(t, inv, o.options(), func(certs.Spec) bool { return false })
	var proof, bad Plan
	for _, a := range done.actions {
		again := Action{Spec: a.Spec, Verb: a.Verb, Files: a.Files, held: inv.rows[a.Spec.Name]}
		if a.Verb == Renew {
			d.leafRow(&again, again.held)
			if again.Verb == Keep && again.held.chain[0].Equal(a.held.chain[0]) {
				again.refuse(Fault{Text: "is the old certificate still", Path: a.Files[len(a.Files)-1]})
			}
			if again.Verb != Keep {
				bad.actions = append(bad.actions, again)
			}
		}
		proof.actions = append(proof.actions, again)
	}
	if len(bad.actions) > 0 {
		return Plan{}, &ProofError{Plan: bad}
	}
	return proof, nil
}
