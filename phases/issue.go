package phases

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
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
	p, err := withAuthority(ctx, t, site, signer, now)
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
// *RefusedError; one whose key is elsewhere is found out when something is to be signed.
func withAuthority(ctx context.Context, t certs.Tree, site judge.Site, id certs.ID, now time.Time) (planner, error) {
	if _, err := settled(ctx, lockDirs(t, site, nil)); err != nil {
		return planner{}, err
	}
	chosen := judge.Selection{id: true}
	inv := judge.Take(t, site, chosen)
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

// SignRules say what of a request is granted. Nothing is by itself.
type SignRules struct {
	// As is the profile: kubelet-client, kubelet-serving, client, server or peer.
	As string
	// Subject, where set, is given instead of what was asked for. SANs, where set, are given: all names that were asked
	// for have to be among them.
	Subject *pki.Subject
	SANs    *pki.SANs
	// AcceptSubject and AcceptSANs grant what was asked for.
	AcceptSubject, AcceptSANs bool
	// NodeIPs are the ranges that a kubelet's serving addresses must lie in.
	NodeIPs []netip.Prefix
	// Reserved grants Kubernetes' own identities, such as O = system:masters, which bypasses RBAC.
	Reserved bool
}

// SignProfiles are the names for SignRules.As.
func SignProfiles() []string {
	return []string{"kubelet-client", "kubelet-serving", "client", "server", "peer"}
}

// maxKubeletValidity is how long a kubelet's certificate may be valid at most
// (kubelet-csr-approver's bound).
const maxKubeletValidity = 367 * 24 * time.Hour

// Template decides what a request gets. The error joins every fault: what was
// asked for and is not granted is refused, never dropped without a word. Where
// a rule would grant it, the fault's Hint() names the rule.
func (r SignRules) Template(c inspect.Request, validity time.Duration) (pki.Template, error) {
	kind, kubelet := r.kind()
	if kind == certs.CA {
		return pki.Template{}, fmt.Errorf("unknown profile %q: must be one of %s", r.As, strings.Join(SignProfiles(), ", "))
	}
	var faults []error
	withHint := func(hint, format string, args ...any) {
		faults = append(faults, &notGranted{text: fmt.Sprintf(format, args...), hint: hint})
	}
	fault := func(format string, args ...any) { withHint("", format, args...) }
	t := pki.Template{ExtKeyUsage: kind.ExtKeyUsage()}
	if c.CA {
		fault("asks to be a CA, which no profile grants")
	}
	for _, name := range c.AuthorityUsages() {
		fault("asks for the key usage %s, which no profile grants", name)
	}
	for _, e := range c.MoreExtensions {
		fault("asks for %s, which no profile grants", e)
	}
	for _, u := range c.Usages {
		if !slices.Contains(t.ExtKeyUsage, u) {
			fault("asks for the extended key usage %s, which %s does not grant", u, r.As)
		}
	}
	for _, u := range c.UnknownUsages {
		fault("asks for the extended key usage %s, which %s does not grant", u, r.As)
	}
	switch {
	case r.Subject != nil:
		t.Subject = *r.Subject
	case kubelet || r.AcceptSubject:
		t.Subject = pki.Subject{CommonName: c.Subject.CommonName, Organization: c.Subject.Organization}
		for _, a := range c.MoreSubject {
			withHint("--cn and --org give the subject", "asks for %s in its subject, which cannot be granted", a)
		}
	default:
		withHint("--accept-subject grants it, --cn and --org give another", "asks for the subject %q", c.Subject)
	}
	switch {
	case r.SANs != nil, kubelet, r.AcceptSANs:
		asked, bad := validNames(c.SANs)
		faults = append(faults, bad...)
		if r.SANs == nil {
			t.SANs = asked
			break
		}
		t.SANs = *r.SANs
		if dropped := asked.Minus(t.SANs); !dropped.Empty() {
			withHint("give them with --san too, or ask for a request without them", "asks for the names %s, which --san does not give", dropped)
		}
	case !c.SANs.Empty():
		withHint("--accept-sans grants them", "asks for the names %s", c.SANs)
	}
	for _, n := range c.MoreNames {
		fault("asks for %s, which cannot be granted", n)
	}
	if kubelet {
		faults = append(faults, r.kubelet(t, kind, validity)...)
	}
	if f := Identity(t.Subject, r.Subject == nil, r.Reserved); !kubelet && f != nil && f.Severity == finding.Error {
		withHint(f.Remedy(finding.Check), "%s", f.Text())
	}
	return t, errors.Join(faults...)
}

// notGranted is what a request asks for and does not get, and the rule that would grant it.
type notGranted struct{ text, hint string }

func (e *notGranted) Error() string { return e.text }
func (e *notGranted) Hint() string  { return e.hint }

func (r SignRules) kind() (kind certs.Kind, kubelet bool) {
	switch r.As {
	case "kubelet-client":
		return certs.Client, true
	case "kubelet-serving":
		return certs.Serving, true
	case "client":
		return certs.Client, false
	case "server":
		return certs.Serving, false
	case "peer":
		return certs.Peer, false
	}
	return certs.CA, false
}

// kubelet holds a request to what the certificates API holds a kubelet's to.
func (r SignRules) kubelet(t pki.Template, kind certs.Kind, validity time.Duration) []error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	node, ok := strings.CutPrefix(t.Subject.CommonName, "system:node:")
	if !ok || pki.CheckDNSName(node) != nil {
		fault("common name %q is not system:node:NAME", t.Subject.CommonName)
	}
	if !t.Subject.Equal(pki.Subject{CommonName: t.Subject.CommonName, Organization: []string{"system:nodes"}}) {
		fault("the groups of a kubelet are exactly system:nodes, not %q", t.Subject.Organization)
	}
	if validity > maxKubeletValidity {
		fault("a kubelet's certificate is valid for %s at most", maxKubeletValidity)
	}
	if kind == certs.Client {
		if !t.SANs.Empty() {
			fault("a kubelet's client certificate has no names, it asks for %s", t.SANs)
		}
		return faults
	}
	if len(t.SANs.DNS)+len(t.SANs.IPs) == 0 {
		fault("a kubelet's serving certificate needs a DNS name or an address")
	}
	if len(t.SANs.URIs)+len(t.SANs.Emails) > 0 {
		fault("a kubelet's serving certificate has no URI and no email names")
	}
	for _, d := range t.SANs.DNS {
		if d != node && !strings.HasPrefix(d, node+".") {
			fault("name %s is not the node's (%s)", d, node)
		}
	}
	for _, ip := range t.SANs.IPs {
		if !slices.ContainsFunc(r.NodeIPs, func(p netip.Prefix) bool { return p.Contains(ip) }) {
			fault("address %s is in no range of --node-ip", ip)
		}
	}
	return faults
}

// validNames puts requested names through the doors that names on a command
// line go through: whoever wrote the request may have written anything.
func validNames(asked pki.SANs) (pki.SANs, []error) {
	var all []pki.SANs
	var faults []error
	for _, text := range asked.Strings() {
		s, err := pki.ParseTypedSAN(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("asks for a name that cannot be granted: %w", err))
		}
		all = append(all, s)
	}
	return pki.Join(all...), faults
}
