package audit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/phases/live"
	"github.com/pkitool/pkitool/pki"
)

// Endpoint is where a running component is asked, and what it is taken for.
type Endpoint struct {
	live.Endpoint
	// Role is the role of the row that it serves; "": it is found out.
	Role string
}

// ParseEndpoint reads HOST:PORT or ROW=HOST:PORT.
func ParseEndpoint(s string) (Endpoint, error) {
	var e Endpoint
	if name, at, named := strings.Cut(s, "="); named {
		r, ok := certs.RoleNamed(name)
		if !ok || r.Port == 0 {
			return Endpoint{}, fmt.Errorf("unknown name %q: must be one of %s", name, strings.Join(serving(), ", "))
		}
		e.Role, s = r.Name, at
	}
	var err error
	e.Endpoint, err = live.ParseEndpoint(s)
	return e, err
}

// serving are the roles whose component can be asked.
func serving() (names []string) {
	for _, r := range certs.Roles() {
		if r.Port != 0 {
			names = append(names, r.Name)
		}
	}
	return names
}

// ask judges what runs at the endpoints against the directory. Nothing is sent there but the beginning of a handshake.
func (a *auditor) ask(ctx context.Context) error {
	var where []Endpoint
	var addresses []live.Endpoint
	for _, s := range a.Live {
		e, err := ParseEndpoint(s)
		if err != nil {
			return err
		}
		where, addresses = append(where, e), append(addresses, e.Endpoint)
	}
	answers := live.All(ctx, addresses)
	if err := ctx.Err(); err != nil {
		return err
	}
	for i, answer := range answers {
		c := component{auditor: a, at: where[i], Answer: answer}
		c.find()
		c.judge()
	}
	return nil
}

// component is one that was asked, and the row that it serves.
type component struct {
	*auditor
	live.Answer
	at Endpoint
	// row is the row that it is taken for; its Spec is zero where it is none's.
	row judge.Case
	// onDisk are the certificates of the row's file; nil: it has none, or is a client.
	onDisk []*x509.Certificate
}

// add notes a finding about the endpoint; path is the file that it was compared with, "" for none.
func (c *component) add(f *finding.Finding, path string) {
	g := *f
	g.Entry = c.at.String()
	if c.row.Spec.Role != nil {
		g.At(c.row.Spec.ID.String(), c.row.Spec.Phase(), path)
	}
	c.out = append(c.out, found{g, finding.Live})
}

// find finds out which row serves there: the one that was named, whose certificate is served, whose certificate has the
// same subject and issuer, or whose port it is usually. Of several it is the one that has the host among its names.
func (c *component) find() {
	var rows []judge.Case
	for x := range c.j.Cases() {
		if x.Spec.Port != 0 && (c.at.Role == "" || x.Spec.Name == c.at.Role) {
			rows = append(rows, x)
		}
	}
	sure := c.at.Role != ""
	narrow := func(decides bool, fits func(judge.Case) bool) {
		fitting := slices.DeleteFunc(slices.Clone(rows), func(x judge.Case) bool { return !fits(x) })
		if len(fitting) > 0 {
			rows, sure = fitting, sure || decides
		}
	}
	leaf := func(x judge.Case) *x509.Certificate {
		if chain := pairOf(x); len(chain) > 0 && len(c.Chain) > 0 {
			return chain[0]
		}
		return nil
	}
	narrow(true, func(x judge.Case) bool { l := leaf(x); return l != nil && l.Equal(c.Chain[0]) })
	if !sure || len(rows) > 1 {
		narrow(true, func(x judge.Case) bool {
			l := leaf(x)
			return l != nil && bytes.Equal(l.RawSubject, c.Chain[0].RawSubject) && bytes.Equal(l.RawIssuer, c.Chain[0].RawIssuer)
		})
	}
	narrow(true, func(x judge.Case) bool { return x.Spec.Port == c.at.Port })
	narrow(false, func(x judge.Case) bool { l := leaf(x); return l != nil && l.VerifyHostname(host(c.at)) == nil })
	if sure && len(rows) > 0 {
		c.row, c.onDisk = rows[0], pairOf(rows[0])
	}
}

// pairOf are the certificates that a row's component serves; a client's row has none.
func pairOf(x judge.Case) []*x509.Certificate {
	if !x.Spec.Kind.Serves() {
		return nil
	}
	return x.Held.Chain
}

// judge says what is wrong with what was seen.
func (c *component) judge() {
	var failed *live.Error
	if errors.As(c.Err, &failed) {
		id := map[live.Stage]finding.ID{live.Unreachable: finding.LiveUnreachable, live.Silent: finding.LiveNoTLS, live.Refused: finding.LiveHandshakeFails}[failed.Stage]
		c.add(finding.New(id, failed.Error()), "")
		return
	}
	c.certificate()
	c.clients()
}

// certificate judges the chain that is served. Of one that is the file's all is told by the row's own findings.
func (c *component) certificate() {
	if slices.EqualFunc(c.Chain, c.onDisk, (*x509.Certificate).Equal) {
		c.name()
		return
	}
	trust := c.trust()
	if c.selfMade(trust) {
		if !c.nobodyVerifies() {
			c.add(finding.New(finding.LiveSelfSigned, finding.Quote(subject(c.Chain[len(c.Chain)-1].RawSubject))), "")
		}
		return
	}
	faults := judge.Certificate(c.Chain, trust, judge.Purpose{Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, c.Now)
	if name, conf := c.uncovered(); name != "" {
		faults = append(faults, *finding.New(finding.LiveServerNotCovered, name, conf))
	}
	if c.old(faults) {
		c.notReloaded(faults)
		return
	}
	if f := c.expiring(c.Chain[0]); f != nil {
		faults = append(faults, *f)
	}
	for _, f := range faults {
		if c.ownPair() { // by default no component verifies it: what is wrong with it will hurt
			f.Severity = min(f.Severity, finding.Warning)
		}
		c.add(&f, "")
	}
	if len(c.onDisk) > 0 && !slices.ContainsFunc(faults, isError) {
		c.differs()
	}
	c.name()
}

func isError(f finding.Finding) bool { return f.Severity == finding.Error }

// trust is the CA of the row; of what is no row's the CA here that signed it, or else the cluster's.
func (c *component) trust() *judge.Trust {
	ca := c.row.CA
	if ca == nil {
		for x := range c.j.Cases() {
			if x.Spec.Kind == certs.CA && (ca == nil || slices.ContainsFunc(x.CA.Bundle, c.signedBy)) {
				ca = x.CA
			}
		}
	}
	if ca == nil || len(ca.Bundle) == 0 {
		return nil
	}
	return judge.NewTrust(ca.Path, ca.Bundle)
}

func (c *component) signedBy(p *x509.Certificate) bool { return judge.SignedBy(c.Chain[0], p) }

// ownPair reports whether the row is of a component that serves with a pair that is not of this PKI: it is a client here.
func (c *component) ownPair() bool { return c.row.Spec.Role != nil && c.row.Spec.Conf != "" }

// selfMade reports whether such a component made its certificate itself: kubelet, controller manager and scheduler do so
// where they are given none. They serve a CA of their own behind it.
func (c *component) selfMade(trust *judge.Trust) bool {
	root := c.Chain[len(c.Chain)-1]
	return c.ownPair() && bytes.Equal(root.RawSubject, root.RawIssuer) && (trust == nil || !slices.ContainsFunc(trust.Bundle, root.Equal))
}

// nobodyVerifies reports whether it is a component that serves on its own node only, as kubeadm sets up the controller
// manager and the scheduler: it may well serve what it made for itself.
func (c *component) nobodyVerifies() bool {
	return c.ownPair() && c.row.Spec.Scope == certs.ControlPlane
}

// old reports whether what is served is what the file was before it was renewed: the same subject of the same CA, with the
// names of the same node, and older. A renewal may have added names, or dropped some.
func (c *component) old(faults []finding.Finding) bool {
	if len(c.onDisk) == 0 || c.fileOf() != "" || slices.ContainsFunc(faults, func(f finding.Finding) bool { return f.ID == finding.OtherCA || f.ID == finding.OtherCASameName }) {
		return false
	}
	is, file := c.Chain[0], c.onDisk[0]
	// Every certificate that kubeadm issues begins when its CA does: there the end tells.
	older := cmp.Or(is.NotBefore.Compare(file.NotBefore), is.NotAfter.Compare(file.NotAfter)) < 0
	return older && bytes.Equal(is.RawSubject, file.RawSubject) && c.sameNode()
}

// fileOf is the row whose file the served certificate lies in; "" for none.
func (c *component) fileOf() string {
	for x := range c.j.Cases() {
		if len(x.Held.Chain) > 0 && x.Held.Chain[0].Equal(c.Chain[0]) {
			return x.Spec.ID.String()
		}
	}
	return ""
}

// sameNode reports whether one of the served certificate and the file's has all names of the other.
func (c *component) sameNode() bool {
	has, wants := pki.SANsOf(c.Chain[0]), pki.SANsOf(c.onDisk[0])
	return has.Minus(wants).Empty() || wants.Minus(has).Empty()
}

// notReloaded says so, and what clients mind of the old certificate: the new one mends that.
func (c *component) notReloaded(faults []finding.Finding) {
	minded := ""
	i := slices.IndexFunc(faults, isError)
	if i >= 0 {
		minded = ", which clients refuse: " + faults[i].Text()
	}
	f := finding.New(finding.LiveNotReloaded, named(c.Chain[0])+minded, uptake(c.row.Spec, c.row.Spec.UsedBy[0])).Want(named(c.onDisk[0]))
	if i >= 0 {
		f.Severity = finding.Error
	}
	c.add(f, c.row.Held.Cert.Path)
}

// differs says that a certificate is served that is good, and not the file's.
func (c *component) differs() {
	path, is, file := c.row.Held.Cert.Path, c.Chain[0], c.onDisk[0]
	switch row := c.fileOf(); {
	case is.Equal(file): // with others behind it, which do no harm
	case row != "":
		c.add(finding.New(finding.LiveOtherCertificate, "that of "+row).Want(named(file)), path)
	case c.sameNode():
		c.add(finding.New(finding.LiveOtherCertificate, named(is)).Want(named(file)), path)
	default:
		c.add(finding.New(finding.LiveOtherNode, pki.SANsOf(is).Strings()...).Want(pki.SANsOf(file).Strings()...), path)
	}
}

// name says that the host is not among the names, where no kubeconfig minds that and it is no way that only leads there
// from the same host, or through a tunnel.
func (c *component) name() {
	ip, err := netip.ParseAddr(c.at.Host)
	if err == nil && ip.IsLoopback() || strings.EqualFold(c.at.Host, "localhost") || c.Chain[0].VerifyHostname(host(c.at)) == nil {
		return
	}
	if name, _ := c.uncovered(); name == "" {
		c.add(finding.New(finding.LiveNameMissing, pki.SANsOf(c.Chain[0]).Strings()...), "")
	}
}

// uncovered is a name by which a kubeconfig that leads to the endpoint would not know the server, and that kubeconfig.
func (c *component) uncovered() (name, conf string) {
	for _, h := range c.j.Leading() {
		u, err := url.Parse(h.Entry.Cluster.Server)
		if err != nil || !c.leads(u) {
			continue
		}
		name := u.Hostname()
		if h.Entry.Cluster.TLSServerName != "" {
			name = h.Entry.Cluster.TLSServerName
		}
		if c.Chain[0].VerifyHostname(name) != nil {
			return name, h.Conf.Path
		}
	}
	return "", ""
}

// leads reports whether a URL leads to the endpoint.
func (c *component) leads(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	a, aErr := netip.ParseAddr(u.Hostname())
	b, bErr := netip.ParseAddr(c.at.Host)
	same := strings.EqualFold(u.Hostname(), c.at.Host) || aErr == nil && bErr == nil && a.Unmap() == b.Unmap()
	return u.Scheme == "https" && same && port == strconv.Itoa(int(c.at.Port))
}

// host is the host of an endpoint as a certificate would have it: without the zone of an address.
func host(e Endpoint) string {
	if ip, err := netip.ParseAddr(e.Host); err == nil {
		return ip.WithZone("").String()
	}
	return e.Host
}

// named tells a certificate from others of the same names.
func named(c *x509.Certificate) string {
	return judge.Fingerprint(c)[:16] + " valid until " + c.NotAfter.UTC().Format(time.RFC3339)
}
