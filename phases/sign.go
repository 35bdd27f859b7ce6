package phases

import (
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
)

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
	// NodeName is the kubelet's node, as whoever approves knows it: the request does not say whose it is.
	NodeName string
	// NodeIPs are the ranges that a kubelet's serving addresses must lie in.
	NodeIPs []netip.Prefix
	// Reserved grants Kubernetes' own identities, such as O = system:masters, which bypasses RBAC.
	Reserved bool

	cluster certs.Cluster
	taken   pki.SANs // see Protect
	hosts   []string // those of taken that are a node's name
}

// Protect keeps the names of the cluster's own servers, those of the table and those of the certificates that are
// there, from being given to a kubelet.
func (r *SignRules) Protect(t certs.Tree, site judge.Site) {
	rows := judge.Selection{}
	for s := range t.Rows() {
		if s.Kind.Serves() {
			rows[s.ID] = true
		}
	}
	inv := judge.Take(t, judge.Site{Dirs: judge.Dirs{Cert: site.Cert}}, rows)
	bySigner := map[certs.ID]pki.SANs{}
	for s := range t.Rows() {
		if !rows[s.ID] {
			continue
		}
		names := s.SANs
		if h := inv.Held(s.ID); h != nil && len(h.Chain) > 0 {
			names = pki.Join(names, pki.SANsOf(h.Chain[0]))
		}
		bySigner[s.Issuer] = pki.Join(bySigner[s.Issuer], names)
	}
	for _, n := range t.Cluster().Nodes {
		r.hosts = append(r.hosts, n.Name)
	}
	for _, names := range bySigner { // what the API server and etcd have in common is how their node is called
		r.hosts = append(r.hosts, r.taken.Minus(r.taken.Minus(names)).DNS...)
		r.taken = pki.Join(r.taken, names)
	}
	r.cluster = t.Cluster()
}

// Kubelet reports whether the profile is one of a kubelet's.
func (r SignRules) Kubelet() bool { return strings.HasPrefix(r.As, "kubelet-") }

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
	kind, kubelet := r.kind(), r.Kubelet()
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
		if again := twice(t.Subject.Organization); !kubelet && again != "" {
			withHint("--cn and --org give the subject", "asks for the organization %q twice", again)
		}
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

// twice is the first of a list that is there already, "" if none is.
func twice(list []string) string {
	seen := map[string]bool{}
	for _, v := range list {
		if seen[v] {
			return v
		}
		seen[v] = true
	}
	return ""
}

// notGranted is what a request asks for and does not get, and the rule that would grant it.
type notGranted struct{ text, hint string }

func (e *notGranted) Error() string { return e.text }
func (e *notGranted) Hint() string  { return e.hint }

func (r SignRules) kind() certs.Kind {
	switch r.As {
	case "kubelet-client", "client":
		return certs.Client
	case "kubelet-serving", "server":
		return certs.Serving
	case "peer":
		return certs.Peer
	}
	return certs.CA
}

// kubelet holds a request to what the certificates API holds a kubelet's to, and to the node that it is for.
func (r SignRules) kubelet(t pki.Template, kind certs.Kind, validity time.Duration) []error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if err := pki.CheckDNSName(r.NodeName); err != nil {
		fault("node name: %w", err)
	} else if want := "system:node:" + r.NodeName; t.Subject.CommonName != want {
		fault("common name %q is not %s", t.Subject.CommonName, want)
	}
	if !slices.Equal(t.Subject.Organization, []string{"system:nodes"}) {
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
	return append(faults, r.nodeNames(t.SANs)...)
}

// nodeNames refuses what is not the node's: names that nobody who approves gave, and those of the cluster's servers,
// which nobody may give. The node of an API server has its name and its address.
func (r SignRules) nodeNames(names pki.SANs) []error {
	var faults []error
	for _, d := range names.DNS {
		switch own := d == r.NodeName; {
		case r.cluster.Owns(d), slices.Contains(r.taken.DNS, d) && !(own && slices.Contains(r.hosts, d)):
			faults = append(faults, fmt.Errorf("name %s is one of the cluster's own servers', which no node may have", d))
		case !own && r.SANs == nil:
			faults = append(faults, &notGranted{fmt.Sprintf("name %s is not the node's (%s)", d, r.NodeName), "--san gives a node more names"})
		}
	}
	for _, ip := range names.IPs {
		exact := slices.Contains(r.NodeIPs, netip.PrefixFrom(ip, ip.BitLen()))
		switch {
		case r.cluster.OwnsAddress(ip):
			faults = append(faults, fmt.Errorf("address %s is one of the cluster's own, which no node may have", ip))
		case !slices.ContainsFunc(r.NodeIPs, func(p netip.Prefix) bool { return p.Contains(ip) }):
			faults = append(faults, fmt.Errorf("address %s is in no range of --node-ip", ip))
		case !exact && (ip.IsLoopback() || slices.Contains(r.taken.IPs, ip)):
			faults = append(faults, &notGranted{fmt.Sprintf("address %s is one of the cluster's own servers'", ip), "--node-ip " + ip.String() + " says that it is the node's too"})
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
