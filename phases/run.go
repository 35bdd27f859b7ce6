package phases

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki/store"
)

// RefusedError says that a plan was refused: something that lies there is
// wrong, and nothing was changed.
type RefusedError struct{ Plan Plan }

// Error gives every refusal, one a line: "row: text (path)".
func (e *RefusedError) Error() string { return faultLines(e.Plan.Refused()) }

func faultLines(actions []Action) string {
	var lines []string
	for _, a := range actions {
		for _, f := range a.Faults {
			lines = append(lines, a.Spec.Name+": "+f.String())
		}
	}
	return strings.Join(lines, "\n")
}

// ProofError says that what was written does not stand when it is read again.
// It should never be seen; it means a disk that lies or a hand in between.
type ProofError struct{ Plan Plan }

// Error names every row that failed.
func (e *ProofError) Error() string {
	var lines []string
	for _, a := range e.Plan.actions {
		if a.Verb == Keep && len(a.Tighten) == 0 {
			continue
		}
		text := "is not there"
		switch {
		case len(a.Faults) > 0:
			text = a.Faults[0].String()
		case len(a.Tighten) > 0:
			text = fmt.Sprintf("mode %04o is looser than %04o (%s)", a.Tighten[0].From, a.Tighten[0].To, a.Tighten[0].Path)
		}
		lines = append(lines, fmt.Sprintf("%s: does not stand after it was written: %s", a.Spec.Name, text))
	}
	return strings.Join(lines, "\n")
}

// Init makes what is missing of the chosen rows (nil: all), under a lock, and
// then proves it: everything is read again, and a second plan must keep every
// row. The report is whole even where the error is a *RefusedError.
func Init(ctx context.Context, t certs.Tree, dirs Dirs, chosen []string, o Options) (r Report, err error) {
	lock, err := store.Lock(ctx, lockDirs(t, dirs, chosen)...)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	plan, err := plan(t, dirs, chosen, o)
	if err != nil {
		return Report{}, err
	}
	r = newReport(plan, dirs)
	r.Swept = lock.Swept()
	if err := plan.Apply(ctx, lock, o); err != nil {
		return r, err
	}
	proof, err := prove(t, dirs, chosen, o)
	if err != nil {
		return r, err
	}
	r.fill(proof)
	return r, nil
}

// DryRun is Init without its deeds: it reads, decides and reports. No lock is
// taken and no directory made.
func DryRun(t certs.Tree, dirs Dirs, chosen []string, o Options) (Report, error) {
	plan, err := plan(t, dirs, chosen, o)
	if err != nil {
		return Report{}, err
	}
	r := newReport(plan, dirs)
	r.DryRun = true
	if len(plan.Refused()) > 0 {
		return r, &RefusedError{Plan: plan}
	}
	return r, nil
}

func plan(t certs.Tree, dirs Dirs, chosen []string, o Options) (Plan, error) {
	inv, err := Take(t, dirs, needed(t, chosen))
	if err != nil {
		return Plan{}, err
	}
	return Decide(t, inv, chosen, o), nil
}

// prove reads everything again. What was wrong and was mended, what was made
// and what was kept must all be kept now.
func prove(t certs.Tree, dirs Dirs, chosen []string, o Options) (Plan, error) {
	again, err := plan(t, dirs, chosen, Options{Now: o.Now, CertMode: o.CertMode})
	if err != nil {
		return Plan{}, err
	}
	for _, a := range again.actions {
		if a.Verb != Keep || len(a.Tighten) > 0 {
			return Plan{}, &ProofError{Plan: again}
		}
	}
	return again, nil
}

// needed are the chosen rows and the CAs that sign them; nil for all.
func needed(t certs.Tree, chosen []string) []string {
	if chosen == nil {
		return nil
	}
	out := append([]string{}, chosen...)
	for _, name := range chosen {
		if s, ok := t.Row(name); ok && s.Issuer != "" {
			out = append(out, s.Issuer)
		}
	}
	return out
}

// lockDirs are the directories that the chosen rows and their CAs lie in.
func lockDirs(t certs.Tree, dirs Dirs, chosen []string) []string {
	names := needed(t, chosen)
	seen := map[string]bool{}
	var out []string
	for _, s := range t.Rows() {
		wanted := names == nil
		for _, n := range names {
			wanted = wanted || n == s.Name
		}
		if s.Given || !wanted {
			continue
		}
		for _, f := range dirs.Files(s) {
			if d := filepath.Dir(f); !seen[d] {
				seen[d] = true
				out = append(out, d)
			}
		}
	}
	return out
}
