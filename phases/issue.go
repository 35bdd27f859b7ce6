package phases

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
)

// Issued is a certificate made outside the table, in PEM: with the CA
// certificates that belong behind it, and the key if it was made here. Key is secret.
type Issued struct {
	Cert, Key   []byte
	Certificate *x509.Certificate
}

// IssueRequest asks for any certificate by a CA of the directory.
type IssueRequest struct {
	Signer       string // the CA's row
	Template     pki.Template
	Validity     time.Duration
	KeyAlgorithm pki.KeyAlgorithm
	// Key is an existing key; nil: a new one is made.
	Key crypto.Signer
	// Public is somebody else's key, of which only this half is known.
	Public crypto.PublicKey
}

// Issue makes a certificate. Nothing is written.
func Issue(t certs.Tree, dirs Dirs, now time.Time, r IssueRequest) (Issued, error) {
	ca, err := signer(t, dirs, r.Signer, now)
	if err != nil {
		return Issued{}, err
	}
	return ca.issue(now, r)
}

// issue makes a certificate by this CA; r.Signer is not looked at.
func (a *authority) issue(now time.Time, r IssueRequest) (out Issued, err error) {
	if a.signer == nil {
		return Issued{}, &ExternalCAError{Path: a.path}
	}
	if r.Template.NotBefore, r.Template.NotAfter, err = a.signer.Window(now, r.Validity); err != nil {
		return Issued{}, err
	}
	if r.Public == nil && r.Key == nil {
		if r.Key, err = pki.GenerateKey(r.KeyAlgorithm); err != nil {
			return Issued{}, err
		}
		if out.Key, err = pki.EncodePrivateKey(r.Key); err != nil {
			return Issued{}, err
		}
	}
	chain, err := a.certify(r.Template, r.Key, r.Public, now)
	if err != nil {
		return Issued{}, err
	}
	out.Cert, out.Certificate = pki.EncodeCertificates(chain...), chain[0]
	return out, nil
}

// SignRules say what of a request is granted. Nothing is by itself.
type SignRules struct {
	// As is the profile: kubelet-client, kubelet-serving, client, server or peer.
	As string
	// Subject and SANs, where set, are given instead of what was asked for.
	Subject *pki.Subject
	SANs    *pki.SANs
	// AcceptSubject and AcceptSANs grant what was asked for.
	AcceptSubject, AcceptSANs bool
	// NodeIPs are the ranges that a kubelet's serving addresses must lie in.
	NodeIPs []netip.Prefix
	// Masters grants O = system:masters, which bypasses RBAC.
	Masters bool
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
	if slices.Contains(t.Subject.Organization, "system:masters") && !r.Masters {
		withHint("--allow-system-masters grants it", "group system:masters bypasses RBAC and cannot be revoked")
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
