package phases

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// RenewOptions are what a renewal is decided by, beside the judgement.
type RenewOptions struct {
	Options
	// Due leaves alone what lives longer; nil: everything is renewed.
	Due *Threshold
	// ReuseKey certifies the keys that are there.
	ReuseKey bool
	// KeyAlgorithm is for new keys; "" is each old certificate's own.
	KeyAlgorithm pki.KeyAlgorithm
	// DropSANs are names that are taken away.
	DropSANs pki.SANs
	// All says that the rows were not named one by one: what is not there may be passed over.
	All bool
}

// Renewable reports whether a role can be renewed: leaves and kubeconfigs. A CA's
// end is the end of its cluster's trust, and a key pair does not end.
func Renewable(r certs.Role) bool {
	return r.Kind != certs.CA && r.Kind != certs.KeyPair && !r.Given
}

// DecideRenewal is the policy of renew: what is there, and is the row's own, is made anew. Everything that the old
// certificate says is kept, unless somebody gave another value.
func DecideRenewal(j judge.Judgement, chosen judge.Selection, o RenewOptions) Plan {
	p := planner{j, o.Options}
	var actions []Action
	told := map[certs.ID]bool{}
	for c := range j.Cases() {
		if !chosen.Has(c.Spec.ID) || !Renewable(*c.Spec.Role) {
			continue
		}
		a := p.action(c, finding.Renew)
		a.Findings = nil
		p.renew(&a, c, o)
		if ca, ok := j.Case(a.Because); ok && !told[a.Because] {
			told[a.Because] = true
			cause := p.action(ca, finding.Renew)
			cause.refuseErrors(ca)
			actions = append(actions, cause)
		}
		p.tighten(&a)
		actions = append(actions, a)
	}
	if len(actions) > 0 && !slices.ContainsFunc(actions, func(a Action) bool { return a.Verb != Skip }) {
		a := &actions[0]
		a.Verb, a.Findings = Refuse, []finding.Finding{*finding.New(finding.NothingHere).At("", "", p.Site.Cert)}
	}
	p.covered(actions)
	return p.plan(actions)
}

// renew decides one row.
func (p planner) renew(a *Action, c judge.Case, o RenewOptions) {
	ca, h := c.CA, c.Held
	certPath := p.certPath(a.Spec)
	if p.nothingToRenew(a, c, o) {
		return
	}
	leaf := h.Chain[0]
	switch {
	case o.Due != nil && !o.Due.Met(leaf, p.Now):
		a.Verb, a.Reason = Keep, "valid until "+finding.Stamp(leaf.NotAfter)
		return
	case o.All && h.Elsewhere() && p.Now.Before(leaf.NotAfter):
		a.Verb, a.Reason = Keep, finding.New(finding.FilesElsewhere, h.Entry.User.ClientCertFile).Text()
		return
	case ca.Fault != nil:
		a.Because = ca.ID
		a.refuse(finding.New(finding.IssuerRefused, ca.ID.String()).At("", "", certPath))
		return
	case ca.External:
		a.refuse(finding.New(finding.CAExternal).At("", "", ca.Path))
		return
	case ca.Signer == nil:
		a.refuse(finding.New(finding.CAMissing).At(ca.ID.String(), "certs", ca.Path))
		return
	}
	if p.foreign(a, c) {
		return
	}
	a.Verb, a.Reason = Renew, "was valid until "+finding.Stamp(leaf.NotAfter)
	if !p.Now.Before(leaf.NotAfter) {
		a.Reason = "expired on " + finding.Stamp(leaf.NotAfter)
	}
	a.Make = &Order{Signer: a.Spec.Issuer, Validity: a.Spec.Validity, UntilCA: p.Tree.Cluster().Assumed.Has(certs.LeafValidity)}
	p.renewal(a, o)
	if !p.chooseKey(a, o) {
		return
	}
	if p.permitted(a, ca); a.Verb == Refuse {
		return
	}
	a.behind(ca)
	p.renewOutputs(a)
}

// renewOutputs are the files of a renewal: what was closed to others stays closed, and a kubeconfig keeps all that is
// not certificate, key and CA.
func (p planner) renewOutputs(a *Action) {
	h := a.Held
	p.outputs(a)
	for i := range a.Outputs {
		switch out := &a.Outputs[i]; out.Kind {
		case CertificateFile:
			out.Mode &= h.Cert.Mode.Perm() | 0o600
		case KubeconfigFile:
			out.Conf = &Conf{Base: h.Conf.Data, Single: kubeconfig.Single{}}
			a.Spec.Place.Server, a.Spec.Place.Cluster = server(h), h.Entry.Cluster.Name
			if h.Elsewhere() {
				a.note("holds its certificate from now on, instead of naming %s", h.Entry.User.ClientCertFile)
			}
		}
	}
}

// foreign refuses a certificate that the row's CA did not sign for the row: whoever can write the file would have any
// identity signed.
func (p planner) foreign(a *Action, c judge.Case) bool {
	for _, f := range c.Findings {
		if slices.Contains(foreignIDs, f.ID) {
			a.refuse(&f)
		}
	}
	return a.Verb == Refuse
}

// nothingToRenew refuses, or passes over, a row whose old certificate is not there or cannot be read.
func (p planner) nothingToRenew(a *Action, c judge.Case, o RenewOptions) bool {
	h, certPath := c.Held, p.certPath(a.Spec)
	// Not every node has every file: etcd may be elsewhere, and a node that joined has no super-admin.conf.
	passOver := o.All && (h.Conf.Path != "" || c.CA.Absent || c.CA.External)
	switch {
	case h.Nothing() && passOver, len(h.Chain) == 0 && h.ChainErr == nil && h.EntryErr == nil && h.Conf.Exists && o.All:
		a.Verb, a.Reason = Skip, "not there"
		if h.Conf.Exists {
			a.Reason = finding.New(finding.ClientCertMissing).Text()
		}
	case h.Conf.Path == "" && !h.Cert.Exists, h.Conf.Path != "" && !h.Conf.Exists:
		a.refuse(finding.New(finding.CertificateMissing).At("", "", certPath))
	case h.EntryErr != nil:
		a.refuse(copyOf(h.EntryErr).At("", "", certPath))
	case h.ChainErr != nil:
		a.refuse(copyOf(h.ChainErr).At("", "", certPath))
	case len(h.Chain) == 0:
		a.refuse(finding.New(finding.ClientCertMissing).At("", "", certPath))
	default:
		return false
	}
	return true
}

func copyOf(f *finding.Finding) *finding.Finding {
	g := *f
	return &g
}

// noKeyOf is why the certificate's private key is not here; nil: it is.
func noKeyOf(h *judge.Held) *finding.Finding {
	switch {
	case h.KeyErr != nil:
		return copyOf(h.KeyErr)
	case h.Signer == nil:
		return finding.New(finding.KeyMissing)
	case !pki.SameKey(h.Chain[0].PublicKey, h.Signer.Public()):
		return finding.New(finding.KeyMismatch)
	}
	return nil
}

// chooseKey decides on the key: the one that is there, or a new one of a known algorithm.
func (p planner) chooseKey(a *Action, o RenewOptions) bool {
	h, leaf := a.Held, a.Held.Chain[0]
	if o.ReuseKey {
		bad := noKeyOf(h)
		if bad == nil {
			bad = pki.KeyFault(h.Signer.Public())
		}
		if bad != nil {
			a.refuse(finding.New(finding.KeyNotReused, bad.Text()).At("", "", p.Site.Files(a.Spec)[0]))
			return false
		}
		a.Make.Key = h.Signer
		return true
	}
	if a.Make.Algorithm = o.KeyAlgorithm; a.Make.Algorithm == "" {
		old, err := pki.ParseKeyAlgorithm(pki.DescribeKey(leaf.PublicKey))
		if err != nil {
			a.refuse(finding.New(finding.KeyNotMade, pki.DescribeKey(leaf.PublicKey)).At("", "", p.certPath(a.Spec)))
			return false
		}
		a.Make.Algorithm = old
	}
	return true
}

// covered refuses a server's certificate without the name by which a kubeconfig of the same CA reaches the server: what
// was covered before is covered after, and where the old one is lost and nobody gave the address, nothing is guessed.
// Kubeconfigs that the same plan writes with their server do not count.
func (p planner) covered(actions []Action) {
	anew := judge.Selection{}
	for _, a := range actions {
		anew[a.Spec.ID] = (a.Verb == Renew || a.Verb == Create) && a.Asker != finding.Renew
	}
	stay := map[certs.ID][]*judge.Held{} // by their CA
	for s, h := range p.Leading() {
		if !anew[s.ID] && !h.Entry.Cluster.InsecureSkipTLSVerify {
			stay[s.Issuer] = append(stay[s.Issuer], h)
		}
	}
	for i := range actions {
		a := &actions[i]
		if confs := stay[a.Spec.Issuer]; (a.Verb == Renew || a.Verb == Create) && a.Spec.Kind.Serves() && len(confs) > 0 {
			p.coveredBy(a, confs)
		}
	}
}

// coveredBy is covered for one server and the kubeconfigs that may lead to it.
func (p planner) coveredBy(a *Action, confs []*judge.Held) {
	lost, old := len(a.Held.Chain) == 0, pki.SANs{}
	if !lost {
		old = pki.SANsOf(a.Held.Chain[0])
	}
	c := p.Tree.Cluster()
	for _, h := range confs {
		switch to := server(h); {
		case covers(a.Spec.SANs, h.Entry.Cluster):
		case lost && !c.Assumed.Has(certs.AdvertiseAddress):
			a.note("does not cover %s, to which %s leads", to, h.Conf.Path)
		case lost || covers(old, h.Entry.Cluster):
			a.refuseOnly(finding.New(finding.ServerNotCovered, to, h.Conf.Path).At("", "", p.certPath(a.Spec)))
			return
		}
	}
	if _, known := c.Known[certs.ServiceCIDRs]; lost && !known && c.Assumed.Has(certs.ServiceCIDRs) && a.Spec.Takes.Has(certs.ServiceCIDRs) {
		a.note("the service address and the DNS domain are kubeadm's defaults: if the cluster has others, give --service-cidr and --service-dns-domain")
	}
}

// covers reports whether the server of a kubeconfig can be reached by a certificate with these names.
func covers(names pki.SANs, c kubeconfig.Cluster) bool {
	host := c.TLSServerName
	if u, err := url.Parse(c.Server); host == "" && err == nil {
		host = u.Hostname()
	}
	x := x509.Certificate{DNSNames: names.DNS}
	for _, ip := range names.IPs {
		x.IPAddresses = append(x.IPAddresses, ip.AsSlice())
	}
	return x.VerifyHostname(host) == nil
}

// ChooseRenewal turns names into rows of the tree: a role's name, or the file of
// a kubeconfig as kubeadm names it ("admin.conf"). None: all that can be renewed.
func ChooseRenewal(t certs.Tree, names []string) (judge.Selection, error) {
	chosen := judge.Selection{}
	if len(names) == 0 {
		for s := range t.Rows() {
			if Renewable(*s.Role) {
				chosen[s.ID] = true
			}
		}
	}
	for _, name := range names {
		r, ok := certs.RoleNamed(name)
		switch {
		case !ok || r.Given:
			return nil, fmt.Errorf("unknown name %q: must be one of all, %s", name, strings.Join(RoleNames(Renewable), ", "))
		case r.Kind == certs.CA:
			return nil, fmt.Errorf("%s is a CA: it is replaced by a rotation, not renewed", name)
		case r.Kind == certs.KeyPair:
			return nil, fmt.Errorf("%s is a key pair: it has no end", name)
		}
		n := len(chosen)
		for s := range t.Rows() {
			if s.Name == r.Name {
				chosen[s.ID] = true
			}
		}
		if len(chosen) == n {
			return nil, fmt.Errorf("%s: the configuration's node has none", name)
		}
	}
	return chosen, nil
}

// RoleNames are the names of the roles that are wanted, in the order of the table.
func RoleNames(wanted func(certs.Role) bool) []string {
	var out []string
	for _, r := range certs.Roles() {
		if !r.Given && wanted(r) {
			out = append(out, r.Name)
		}
	}
	return out
}

// BackupPrefix begins the name of a backup directory.
const BackupPrefix = judge.BackupPrefix
