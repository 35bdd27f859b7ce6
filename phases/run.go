package phases

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// ProofError says that what was written is not what was meant, when it is read again.
// It should never be seen: the disk lies, or somebody else writes there too.
type ProofError struct{ Findings []finding.Finding }

// Error names every row that failed.
func (e *ProofError) Error() string {
	var lines []string
	for _, f := range e.Findings {
		lines = append(lines, "after it was written: "+f.String())
	}
	return strings.Join(lines, "\n")
}

// Init makes what is missing of the chosen rows (nil: all), under a lock, and then proves it: everything is read again
// and judged. The report is whole even where the error is a *RefusedError.
func Init(ctx context.Context, t certs.Tree, site judge.Site, chosen judge.Selection, o Options) (Report, error) {
	return run(ctx, t, site, chosen, "InitReport", o, func(inv judge.Inventory) (Plan, error) {
		return DecideInit(judge.Judge(t, inv, chosen, o.Now), chosen, o), nil
	})
}

// RenewRows makes the chosen rows anew, under a lock, and proves them. The report is whole even where the error is a
// *RefusedError; then nothing was changed.
func RenewRows(ctx context.Context, t certs.Tree, site judge.Site, chosen judge.Selection, o RenewOptions) (Report, error) {
	return run(ctx, t, site, chosen, "RenewReport", o.Options, func(inv judge.Inventory) (Plan, error) {
		return DecideRenewal(judge.Judge(t, inv, chosen, o.Now), chosen, o), nil
	})
}

// run is what every command that changes rows does: lock, read, judge, decide; then apply, read again, judge again.
func run(ctx context.Context, t certs.Tree, site judge.Site, chosen judge.Selection, kind string, o Options, decide func(judge.Inventory) (Plan, error)) (r Report, err error) {
	var lock *store.Locked
	dirs := lockDirs(t, site, chosen)
	if o.DryRun {
		err = unsettled(ctx, dirs)
	} else if lock, err = lockAll(ctx, t, site, dirs); err == nil {
		defer func() { err = errors.Join(err, lock.Unlock()) }()
		lock.SweepBackups(o.Backup)
	}
	if err != nil {
		return Report{}, err
	}
	inv := judge.Take(t, site, chosen)
	if err := inv.Err(); err != nil {
		return Report{}, err
	}
	plan, err := decide(inv)
	if err != nil {
		return Report{}, err
	}
	r = newReport(kind, plan)
	if r.DryRun = o.DryRun; o.DryRun {
		if len(plan.Refused()) > 0 {
			return r, &RefusedError{Plan: plan}
		}
		return r, nil
	}
	r.Swept, r.Finished = lock.Swept(), lock.Finished()
	if len(plan.Refused()) == 0 && !r.Changed { // it was read and judged just now
		for i, a := range plan.Actions {
			r.Rows[i].describe(a.Spec, a.Held)
		}
		return r, nil
	}
	_, r.Backup, err = plan.Apply(ctx, lock)
	if err != nil {
		return r, err
	}
	return r, prove(t, site, chosen, plan, &r)
}

// InterruptedError says that a run was stopped in the midst of replacing files, and that this one may not finish it.
type InterruptedError struct{ Dir string }

// Error names the directory.
func (e *InterruptedError) Error() string {
	return fmt.Sprintf("a run was stopped in the midst of a change, or is at work (%s)", e.Dir)
}

// Hint says what finishes it.
func (e *InterruptedError) Hint() string {
	return "`pkitool certs check-expiration` finishes the change, or takes it back, as a user who may write there"
}

// settled finishes what a killed run left half done in dirs, for a command that only reads.
func settled(ctx context.Context, dirs []string) (finished []string, err error) {
	finished, err = store.Settle(ctx, dirs...)
	if errors.Is(err, fs.ErrPermission) {
		err = unsettled(ctx, dirs)
	}
	return finished, err
}

// unsettled is an *InterruptedError where something is half done in dirs and nobody is at work on it.
func unsettled(ctx context.Context, dirs []string) error {
	if half := store.Interrupted(dirs...); len(half) == 0 {
		return nil
	}
	if err := store.Wait(ctx, dirs...); err != nil {
		return err
	}
	if half := store.Interrupted(dirs...); len(half) > 0 {
		return &InterruptedError{Dir: half[0]}
	}
	return nil
}

// prove reads everything again. What was made must be right, and what it replaces must be covered by it.
func prove(t certs.Tree, site judge.Site, chosen judge.Selection, done Plan, r *Report) error {
	inv := judge.Take(t, site, chosen)
	if err := inv.Err(); err != nil {
		return err
	}
	j := judge.Judge(t, inv, chosen, done.now)
	bad := &ProofError{}
	for i, a := range done.Actions {
		c, ok := j.Case(a.Spec.ID)
		if !ok {
			continue
		}
		if a.changes() {
			bad.Findings = append(bad.Findings, proofOf(a, c, done)...)
		}
		r.Rows[i].describe(c.Spec, c.Held)
	}
	if len(bad.Findings) > 0 {
		return bad
	}
	return nil
}

// proofOf says what is wrong with a row that was written.
func proofOf(a Action, c judge.Case, done Plan) []finding.Finding {
	var out []finding.Finding
	add := func(f *finding.Finding, path string) {
		out = append(out, *f.At(a.Spec.ID.String(), a.Spec.Phase(), path))
	}
	files := done.Files(a)
	path := files[len(files)-1]
	for _, x := range a.Tighten {
		if now := judge.ReadFile(x.Path); now.Exists && now.Mode.Perm()&^x.To != 0 {
			add(finding.New(finding.ModeLoose, finding.Mode(now.Mode)).Want(fmt.Sprintf("%04o", x.To)), x.Path)
		}
	}
	if a.Verb != Create && a.Verb != Renew {
		return out
	}
	h := c.Held
	switch {
	case a.Spec.Kind == certs.KeyPair:
		if len(h.Pubs) == 0 || h.Signer == nil {
			add(finding.New(finding.NotThere), path)
		}
	case len(h.Chain) == 0:
		add(finding.New(finding.NotThere), path)
	case a.Verb == Renew && a.Make.Template.Subject.CommonName != "" && len(a.Held.Chain) > 0 && h.Chain[0].Equal(a.Held.Chain[0]):
		add(finding.New(finding.StillOld), path)
	default:
		if lost := a.Spec.SANs.Minus(pki.SANsOf(h.Chain[0])); !lost.Empty() {
			add(finding.New(finding.NamesMissing).Want(lost.Strings()...), path)
		}
	}
	return append(out, c.Errors()...)
}

// lockAll locks the directories of a run, and those of the site in which an earlier one was stopped: whoever comes next
// finishes that, whatever it is about.
func lockAll(ctx context.Context, t certs.Tree, site judge.Site, dirs []string) (*store.Locked, error) {
	return store.Lock(ctx, append(dirs, store.Interrupted(lockDirs(t, site, nil)...)...)...)
}

// lockDirs are the directories that the chosen rows and their CAs lie in.
func lockDirs(t certs.Tree, site judge.Site, chosen judge.Selection) []string {
	seen := map[string]bool{}
	var out []string
	add := func(s certs.Spec) {
		if s.Given {
			return
		}
		for _, f := range site.Files(s) {
			if d := filepath.Dir(f); !seen[d] {
				seen[d] = true
				out = append(out, d)
			}
		}
	}
	for s := range t.Rows() {
		if chosen.Has(s.ID) {
			add(s)
			if ca, ok := t.Row(s.Issuer); ok {
				add(ca)
			}
		}
	}
	return out
}
