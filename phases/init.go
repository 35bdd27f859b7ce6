package phases

import (
	"fmt"
	"slices"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
)

// DecideInit is the policy of init: what is missing is made, what is there and right is kept, what is wrong is refused,
// or replaced where Reissue allows it. What others own is told of and stops nothing.
func DecideInit(j judge.Judgement, chosen judge.Selection, o Options) Plan {
	p := planner{j, o}
	var actions []Action
	told := map[certs.ID]bool{}
	planned := map[certs.ID]bool{} // CAs that this plan makes
	for c := range j.Cases() {
		if !chosen.Has(c.Spec.ID) {
			continue
		}
		a := p.init(c, planned)
		if c.Spec.Kind == certs.CA && a.Verb == Create {
			planned[c.Spec.ID] = true
		}
		p.tighten(&a)
		told[c.Spec.ID] = true
		if ca, ok := j.Case(a.Because); ok && !told[a.Because] {
			// The cause was not asked for, and has to be told all the same.
			told[a.Because] = true
			actions = append(actions, p.init(ca, planned))
		}
		actions = append(actions, a)
	}
	p.covered(actions)
	return p.plan(actions)
}

func (p planner) init(c judge.Case, planned map[certs.ID]bool) Action {
	a := p.action(c, finding.Init)
	switch {
	case c.Spec.Given:
		a.Verb, a.Reason = Keep, "named in the configuration"
		if c.Held.Nothing() {
			a.Verb = Skip
		}
	case c.Spec.Kind == certs.CA:
		p.initCA(&a, c)
	case c.Spec.Kind == certs.KeyPair:
		p.initPair(&a, c)
	default:
		p.initLeaf(&a, c, planned)
	}
	return a
}

func (p planner) initCA(a *Action, c judge.Case) {
	h := c.Held
	switch {
	case h.Nothing() && p.Tree.Cluster().Joins:
		a.refuseOnly(finding.New(finding.CASharedMissing).At("", "", h.Cert.Path))
	case len(c.Errors()) > 0:
		a.refuseErrors(c)
	case h.Cert.Exists:
		a.Verb, a.Reason = Keep, "complete"
		switch n := len(h.Chain); {
		case c.CA.External:
			a.Reason = finding.New(finding.CAKeyElsewhere).Text()
		case n > 1:
			a.Reason = fmt.Sprintf("complete, a bundle of %d certificates", n)
		}
	default:
		a.Verb, a.Reason = Create, "nothing there"
		if h.Key.Exists { // what a killed run leaves
			a.Reason = "certifies the key that is there"
		}
		p.order(a, nil, h.Signer)
		p.outputs(a)
	}
}

// initPair decides the service-account key pair. The private key is never made
// anew where any part of the pair exists: every token would die with it.
func (p planner) initPair(a *Action, c judge.Case) {
	h := c.Held
	switch {
	case h.Nothing() && p.Tree.Cluster().Joins:
		a.refuse(finding.New(finding.CASharedMissing).At("", "", h.Key.Path))
	case len(c.Errors()) > 0:
		a.refuseErrors(c)
	case h.Cert.Exists && h.Key.Exists:
		a.Verb, a.Reason = Keep, "complete"
		if n := len(h.Pubs); n > 1 {
			a.Reason = fmt.Sprintf("complete, %d public keys", n)
		}
	default:
		a.Verb, a.Reason = Create, "nothing there"
		if h.Key.Exists {
			a.Reason = "public key is derived from the key that is there"
		}
		a.Make = &Order{Key: h.Signer, Algorithm: a.Spec.KeyAlgorithm}
		p.outputs(a)
	}
}

func (p planner) initLeaf(a *Action, c judge.Case, planned map[certs.ID]bool) {
	h, ca := c.Held, c.CA
	switch {
	case ca.Fault != nil, ca.Absent && p.Tree.Cluster().Joins:
		a.Because = ca.ID
		a.refuseOnly(finding.New(finding.IssuerRefused, ca.ID.String()).At("", "", p.Site.Files(a.Spec)[0]))
	case len(ca.Bundle) == 0 && !planned[ca.ID]: // there is nothing, or its key alone
		a.refuseOnly(finding.New(finding.CAMissing).At(ca.ID.String(), "certs", ca.Path))
	case h.Conf.Exists || h.Cert.Exists && h.Key.Exists:
		p.have(a, c)
	case h.Cert.Exists: // without its key
		p.wrong(a, c)
	case ca.External:
		a.refuse(finding.New(finding.CertificateMissing).At("", "", p.certPath(a.Spec)))
	case h.Key.Exists && len(c.Errors()) > 0:
		p.wrong(a, c)
	case h.Key.Exists:
		a.Verb, a.Reason = Create, "certifies the key that is there"
		p.order(a, ca, h.Signer)
	default:
		a.Verb, a.Reason = Create, "nothing there"
		p.order(a, ca, nil)
	}
	if a.Verb != Refuse && a.Make != nil && a.Outputs == nil {
		p.outputs(a)
	}
}

// have decides a row that is there as a whole.
func (p planner) have(a *Action, c judge.Case) {
	if len(c.Errors()) == 0 && !(p.o.Reissue && slices.ContainsFunc(c.Findings, reissues)) {
		a.Verb, a.Reason = Keep, "complete"
		return
	}
	if c.CA.External && onlyFrame(c) && c.Held.Conf.Exists {
		p.frame(a, c)
		return
	}
	p.wrong(a, c)
}

// frameIDs are what is wrong around the user of a kubeconfig: whom it trusts and where it goes.
var frameIDs = []finding.ID{finding.TrustMissing, finding.TrustOther, finding.TrustNamesake, finding.TrustPartial, finding.TrustMore, finding.ServerDiffers}

// onlyFrame reports whether no certificate is needed to set a kubeconfig right.
func onlyFrame(c judge.Case) bool {
	return !slices.ContainsFunc(c.Findings, func(f finding.Finding) bool {
		around := f.Entry == "certificate authority" || slices.Contains(frameIDs, f.ID)
		return (f.Severity == finding.Error || reissues(f)) && !around
	})
}

// frame decides a kubeconfig of an external CA that trusts or goes wrong.
func (p planner) frame(a *Action, c judge.Case) {
	if !p.o.Reissue {
		a.refuseErrors(c)
		return
	}
	a.Verb, a.Reason = Renew, reasonOf(c)+"; the client certificate is kept"
	to := "" // as it is
	if c.Has(finding.ServerDiffers) {
		to = a.Spec.Place.Server
	}
	a.Outputs = []Output{{Kind: KubeconfigFile, Path: c.Held.Conf.Path, Mode: 0o600, Replaces: true,
		Conf: &Conf{Base: c.Held.Conf.Data, Frame: true, Single: kubeconfig.Single{Server: to}}}}
	a.Make = &Order{Signer: a.Spec.Issuer, Key: c.Held.Signer}
}

// reasonOf is the text of the first finding that a new certificate mends.
func reasonOf(c judge.Case) string {
	for _, f := range c.Findings {
		if f.Severity == finding.Error || reissues(f) {
			return f.Text()
		}
	}
	return "was asked for"
}

// reissues reports whether a finding is one, short of an error, that a new certificate mends.
func reissues(f finding.Finding) bool {
	rule, _ := finding.Lookup(f.ID)
	return rule.Reissue
}

// wrong refuses what is there, or replaces it where that was asked for and can be done. What a new one would change
// without anybody asking for it is kept: the names and the groups of the old certificate.
func (p planner) wrong(a *Action, c judge.Case) {
	if !p.o.Reissue || c.CA.External {
		a.refuseErrors(c)
		return
	}
	a.Verb, a.Reason = Renew, reasonOf(c)
	p.inherit(&a.Spec, c)
	p.order(a, c.CA, nil)
}
