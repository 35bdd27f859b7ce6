package phases

import (
	"context"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
)

// requestPath is where a row's request lies: beside its certificate, or beside its kubeconfig.
func requestPath(h *judge.Held) string {
	if h.Conf.Path != "" {
		return h.Conf.Path + ".csr"
	}
	return strings.TrimSuffix(h.Cert.Path, ".crt") + ".csr"
}

// Requestable reports whether a request can be made for a role: a CA signs it. CAs and key pairs sign themselves or
// are not signed at all.
func Requestable(r certs.Role) bool { return r.Issuer != "" && !r.Given }

// Requests makes certificate requests for the chosen rows, with keys that are kept where they exist: pairs get KEY and
// .csr files, kubeconfigs are made without their certificate, and a .conf.csr beside them. A request that says what is
// planned is kept.
func Requests(ctx context.Context, t certs.Tree, site judge.Site, chosen judge.Selection, o Options) (Report, error) {
	return run(ctx, t, site, chosen, "RequestReport", o, func(inv judge.Inventory) (Plan, error) {
		return DecideRequests(judge.Judge(t, inv, chosen, o.Now), chosen, o), nil
	})
}

// DecideRequests is the policy of generate-csr.
func DecideRequests(j judge.Judgement, chosen judge.Selection, o Options) Plan {
	p := planner{j, o}
	var actions []Action
	for c := range j.Cases() {
		if chosen.Has(c.Spec.ID) && Requestable(*c.Spec.Role) {
			a := p.action(c, finding.Request)
			a.Findings = nil
			p.request(&a, c)
			a.unlinked()
			actions = append(actions, a)
		}
	}
	return p.plan(actions)
}

// request decides one row: whether its key and its request are kept or made.
func (p planner) request(a *Action, c judge.Case) {
	h := c.Held
	keyPath := p.Site.Files(a.Spec)[0]
	bad := h.EntryErr
	if bad == nil && h.Signer != nil {
		if fault := pki.KeyFault(h.Signer.Public()); fault != nil && fault.Severity == finding.Error {
			bad = fault
		}
	} else if bad == nil {
		bad = h.KeyErr
	}
	if bad != nil {
		a.refuse(copyOf(bad).At("", "", keyPath))
		return
	}
	p.inherit(&a.Spec, c)
	if lacking := p.lacking(a.Spec); len(lacking) > 0 {
		a.refuse(lacking...)
		return
	}
	old := judge.ReadFile(requestPath(h))
	if h.Signer != nil && old.Exists && asks(old.Data, a.Spec, h) {
		a.Verb, a.Reason = Keep, "existing request is up to date"
		return
	}
	a.Verb, a.Reason = Request, "new key"
	a.Make = &Order{Signer: a.Spec.Issuer, Template: a.Spec.Template(), Key: h.Signer, Algorithm: a.Spec.KeyAlgorithm}
	p.tellKnown(a)
	if h.Signer != nil {
		a.Reason = "key is kept"
	} else {
		p.requestKey(a)
	}
	if old.Exists && !isRequest(old.Data) {
		a.refuse(taken(old.Path, "it holds no certificate request"))
		return
	}
	a.Outputs = append(a.Outputs, Output{Kind: RequestFile, Path: old.Path, Mode: 0o600, Replaces: old.There()})
}

// isRequest reports whether a file beside a row may be replaced or removed, without a copy: it is a request, or empty.
func isRequest(data []byte) bool {
	objects, faults := inspect.Parse(data)
	other := func(o inspect.Object) bool { return o.Kind != inspect.KindRequest }
	return len(data) == 0 || len(faults) == 0 && !slices.ContainsFunc(objects, other)
}

// requestKey is the file that holds a new key: the key itself, or a kubeconfig that waits for its certificate. It
// carries the CA where that is known.
func (p planner) requestKey(a *Action) {
	h, s := a.Held, a.Spec
	if s.Place.Kubeconfig == "" {
		a.Outputs = []Output{{Kind: KeyFile, Path: h.Key.Path, Mode: 0o600}}
		return
	}
	conf := &Conf{Single: kubeconfig.Single{Cluster: s.Place.Cluster, Server: s.Place.Server, User: s.User()}}
	if h.Conf.Exists { // a kubeconfig without any key: it is completed, and keeps what else it says
		conf = &Conf{Base: h.Conf.Data}
	}
	a.Outputs = []Output{{Kind: KubeconfigFile, Path: h.Conf.Path, Mode: 0o600, Replaces: h.Conf.Exists, Conf: conf}}
}

// asks reports whether a request asks for what a row wants, for the key that is there. One
// without the usages, such as kubeadm's, leaves them to the signer's guess.
func asks(data []byte, s certs.Spec, h *judge.Held) bool {
	pub := h.Signer.Public()
	r, err := inspect.ReadRequest(data)
	if err != nil || r.CA || r.KeyUsage != s.Template().KeyUsage(pub) {
		return false
	}
	for _, want := range s.Kind.ExtKeyUsage() {
		if !slices.Contains(r.Usages, want) {
			return false
		}
	}
	return pki.SameKey(r.Public, pub) && r.Subject.Equal(s.Subject) && r.SANs.Minus(s.SANs).Empty() && s.SANs.Minus(r.SANs).Empty()
}
