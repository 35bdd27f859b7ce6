// Package audit looks at whole directories, whoever made them: what is wrong in them, row by row and across rows, and the
// picture of who signed whom. It reads, and never writes, but for what a run that was stopped left half done.
package audit

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
)

// Place is a directory to look at, and what is known of the cluster and the node that it belongs to.
type Place struct {
	// Name is what an operator calls it; "" for the only one.
	Name string
	Site judge.Site
	Tree certs.Tree
}

// Options say what is looked at, and when.
type Options struct {
	Now time.Time
	// Within, if not nil, also finds the certificates whose end is near.
	Within *phases.Threshold
	// Kubeconfigs are further kubeconfigs, such as a person's: they are judged as they are, and against the cluster's CA.
	Kubeconfigs []string
	// Live are the addresses of components that run, each "HOST:PORT" or "ROW=HOST:PORT": what they serve is judged too.
	Live []string
	// Picture also fills Directory.Trust.
	Picture bool
}

// Directory is what was seen in a place. Nothing in it is secret.
type Directory struct {
	Name          string `json:"name,omitempty"`
	CertDir       string `json:"certDir"`
	KubeconfigDir string `json:"kubeconfigDir,omitempty"`
	// Certificates is how many were looked at.
	Certificates int `json:"certificates"`
	// Findings are what is wrong, or worth knowing: of rows in the order of the tree, then of other files by path.
	Findings []finding.Shown `json:"findings"`
	// Trust are the roots of the picture.
	Trust []*Node `json:"trust,omitempty"`
	// Finished are files that a run that was stopped had begun to replace: now they are new, or old again, as a whole.
	Finished []string `json:"-"`
}

// auditor is one look at a place.
type auditor struct {
	Options
	place   Place
	j       judge.Judgement
	present judge.Present
	// authorities are the CAs of the place, bySubject their certificates.
	authorities []judge.Case
	bySubject   map[string][]*x509.Certificate
	serving     []*x509.Certificate // the API servers' certificates
	leads       map[string]bool     // the hosts that rows' kubeconfigs lead to
	keys        map[digest]holder
	serials     map[digest]issued
	linked      map[string]bool // where rows' files that are links lead
	named       map[string]bool // the files of keys that rows' kubeconfigs name
	out         []found
	certs       int
	others      []judge.Other // for the picture
}

// found is a finding, and who asks for its remedy.
type found struct {
	finding.Finding
	asker finding.Asker
}

// Look judges a place. The error joins what could not be read as a directory; what could be is told beside it.
func Look(ctx context.Context, p Place, o Options) (Directory, error) {
	d := Directory{Name: p.Name, CertDir: p.Site.Cert, KubeconfigDir: p.Site.Kubeconfig, Findings: []finding.Shown{}}
	inv, finished, err := phases.Look(ctx, p.Tree, p.Site, nil)
	if err != nil {
		return d, err
	}
	a := &auditor{Options: o, place: p, j: judge.Judge(p.Tree, inv, nil, o.Now), bySubject: map[string][]*x509.Certificate{}, leads: map[string]bool{}, keys: map[digest]holder{}, serials: map[digest]issued{}, linked: map[string]bool{}, named: map[string]bool{}}
	a.present = a.j.Present()
	a.rows()
	err = a.beside(ctx)
	for _, name := range o.Kubeconfigs {
		err = errors.Join(err, a.kubeconfig(name))
	}
	switch {
	case a.certs == 0:
		a.out = slices.Insert(a.out, 0, found{*finding.New(finding.NothingHere).At("", "", p.Site.Cert), finding.Beside})
	case a.nameless():
		a.out = slices.Insert(a.out, 0, found{*finding.New(finding.LayoutOther).At("", "", p.Site.Cert), finding.Beside})
	}
	if askErr := a.ask(ctx); askErr != nil {
		return d, errors.Join(err, askErr)
	}
	d.Finished, d.Certificates = finished, a.certs
	d.Findings = a.shown()
	if o.Picture {
		d.Trust = picture(a.j, a.others, d.Findings, o.Now)
	}
	return d, err
}

// nameless reports whether no file of any row is here.
func (a *auditor) nameless() bool {
	for c := range a.j.Cases() {
		if !c.Spec.Given && !c.Held.Nothing() {
			return false
		}
	}
	return true
}

// note adds a finding about a file that is no row's, or about a directory.
func (a *auditor) note(f *finding.Finding, path string) {
	if f != nil {
		g := *f
		a.out = append(a.out, found{*g.At("", "", path), finding.Beside})
	}
}

// of adds a finding about a row.
func (a *auditor) of(c judge.Case, f *finding.Finding, path string) {
	if f == nil {
		return
	}
	g := *f
	a.out = append(a.out, found{*g.At(c.Spec.ID.String(), c.Spec.Phase(), path), phases.AskerOf(c, finding.Check)})
}

// shown are the findings as reports print them. One that only follows from another says so.
func (a *auditor) shown() []finding.Shown {
	ids := map[string]map[finding.ID]bool{} // by row, or by path for what is no row's
	at := func(f finding.Finding) string {
		if f.Row != "" {
			return "row " + f.Row
		}
		return f.Path
	}
	for _, f := range a.out {
		if ids[at(f.Finding)] == nil {
			ids[at(f.Finding)] = map[finding.ID]bool{}
		}
		ids[at(f.Finding)][f.ID] = true
	}
	issuers := map[string]string{}
	for c := range a.j.Cases() {
		issuers["row "+c.Spec.ID.String()] = "row " + c.Spec.Issuer.String()
	}
	out := make([]finding.Shown, 0, len(a.out))
	for _, f := range a.out {
		s := f.Shown(f.asker)
		rule, _ := finding.Lookup(f.ID)
		for _, id := range rule.Follows {
			if here := at(f.Finding); ids[here][id] || ids[issuers[here]][id] || ids[a.place.Site.Cert][id] {
				s.Follows = id
				break
			}
		}
		out = append(out, s)
	}
	return out
}
