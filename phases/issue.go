package phases

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// IssueRequest asks for any certificate by a CA of the directory.
type IssueRequest struct {
	Order
	// Outputs are the files to write; those without a path are only made.
	Outputs []Output
}

// Issued is what became of an order.
type Issued struct {
	Made
	Verb   Verb   // Keep: all was there already
	Reason string // where some of it was
	Signed bool   // the certificate is new
}

// Issue makes a certificate, and writes what has a path. What is there already and is what is asked for is kept, by the
// rules of a row: see planner.resume. Anything else that is there is a *RefusedError, and then nothing is written.
func Issue(ctx context.Context, t certs.Tree, site judge.Site, now time.Time, r IssueRequest) (Issued, error) {
	made, err := issueAll(ctx, t, site, now, []Action{{Make: &r.Order, Outputs: r.Outputs, Verb: Create}}, r.Signer)
	if err != nil {
		return Issued{}, err
	}
	return made[0], nil
}

// issueAll makes certificates by one CA, all or none.
func issueAll(ctx context.Context, t certs.Tree, site judge.Site, now time.Time, actions []Action, signer certs.ID) (out []Issued, err error) {
	signs := slices.ContainsFunc(actions, func(a Action) bool { return !a.Make.Unsigned })
	p, err := withAuthority(ctx, t, site, signer, now, signs)
	if err != nil {
		return nil, err
	}
	plan, apply := p.plan(actions), Plan.Render
	if dirs := plan.dirs(); len(dirs) > 0 {
		lock, err := store.Lock(ctx, dirs...)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, lock.Unlock()) }()
		apply = func(p Plan, ctx context.Context) ([]Made, error) {
			made, _, err := p.Apply(ctx, lock)
			return made, err
		}
	}
	judge.AtOnce(len(actions), func(i int) {
		if a := &actions[i]; a.Outputs[0].Conf != nil && a.Outputs[0].Conf.Into != "" {
			p.merged(plan, a)
		} else {
			p.resume(plan, a)
		}
	})
	for i := range actions {
		if a := &actions[i]; a.Verb != Refuse && !a.Make.Unsigned {
			if f := unfit(a.Make, plan.cas[signer], now); f != nil {
				return nil, labelled(a.Label, f)
			}
		}
	}
	made, err := apply(plan, ctx)
	if err != nil {
		return nil, err
	}
	for i, a := range actions {
		if a.Held != nil && len(a.Held.Chain) > 0 {
			made[i].Chain = a.Held.Chain
		}
		out = append(out, Issued{made[i], a.Verb, a.Reason, !a.Make.Unsigned})
	}
	return out, nil
}

// unfit says why a CA cannot sign an order, or why nobody would accept the certificate; nil if it can.
func unfit(o *Order, ca *judge.CA, now time.Time) error {
	if ca.Signer == nil {
		return &ExternalCAError{Path: ca.Path}
	}
	if o.Key != nil { // a request's key is judged as it is read
		if fault := pki.KeyFault(o.Key.Public()); fault != nil {
			fault.Severity = finding.Error // a warning where it is in use; here it need not come into use
			return fault
		}
	}
	t := o.Template
	if slices.Contains(t.ExtKeyUsage, certs.Serving.ExtKeyUsage()[0]) && len(t.SANs.DNS)+len(t.SANs.IPs) == 0 {
		return finding.New(finding.ServerWithoutNames)
	}
	if _, _, err := ca.Signer.Window(now, o.Validity); err != nil && !o.UntilCA {
		return err
	}
	if text := forbidden(t, ca, now); text != "" {
		return finding.New(finding.CAForbids, text)
	}
	return nil
}

// withAuthority is a planner that can sign by a CA of the directory, as it is there. A CA that cannot sign is a
// *RefusedError; one whose key is elsewhere is found out when something is to be signed. Where nothing is signed its key
// is not asked for.
func withAuthority(ctx context.Context, t certs.Tree, site judge.Site, id certs.ID, now time.Time, signs bool) (planner, error) {
	if _, err := settled(ctx, lockDirs(t, site, nil)); err != nil {
		return planner{}, err
	}
	chosen := judge.Selection{id: true}
	inv := judge.Take(t, site, chosen)
	if s, ok := t.Row(id); ok && !signs {
		s.Place.Key = ""
		inv = inv.With(map[certs.ID]*judge.Held{id: judge.TakeRow(s, site)})
	}
	if err := inv.Err(); err != nil {
		return planner{}, err
	}
	p := planner{judge.Judge(t, inv, chosen, now), Options{Now: now, CertMode: 0o644}}
	c, _ := p.Case(id)
	a := p.action(c, finding.Check)
	a.Findings = nil
	switch {
	case c.CA.Fault != nil:
		a.refuse(c.CA.Fault)
	case c.CA.Absent || len(c.CA.Bundle) == 0:
		a.refuse(finding.New(finding.CAMissing).At("", "", c.CA.Path))
	}
	if a.Verb == Refuse {
		return planner{}, &RefusedError{Plan: p.plan([]Action{a})}
	}
	return p, nil
}

// ExternalCAError says that a certificate cannot be signed here.
type ExternalCAError struct{ Path string }

func (e *ExternalCAError) Error() string {
	return fmt.Sprintf("the CA's key is not here (%s)", e.Path)
}

// Hint says what to do instead.
func (e *ExternalCAError) Hint() string {
	return "make a request with `openssl req`, or with `pkitool certs generate-csr` for a row of the cluster, and have it signed where the key is"
}

// Identity is the one guard for Kubernetes' own identities, system:masters above all. From the operator's own word
// they are a warning; asked for by somebody else's request they are refused, unless allowed. nil: an identity like any other.
func Identity(s pki.Subject, asked, allowed bool) *finding.Finding {
	why := certs.Reserved(s)
	if why == "" {
		return nil
	}
	f := finding.New(finding.IdentityReserved, why)
	if asked && !allowed {
		f.Severity = finding.Error
	}
	return f
}
