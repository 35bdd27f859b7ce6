package opensslcmd

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/pki/verify"
)

// role is what Kubernetes asks of a certificate in one of its places.
type role struct {
	name       string
	doc        string
	purpose    verify.Purpose
	further    []verify.Purpose // for which it has to be good as well
	identifies bool             // the API server takes a user and groups from it
	serves     bool             // others reach it by name or address
}

func roles() []role {
	return []role{
		{name: "apiserver", doc: "serves the Kubernetes API", purpose: verify.PurposeSSLServer, serves: true},
		{name: "etcd-server", doc: "serves etcd's clients", purpose: verify.PurposeSSLServer, serves: true},
		{name: "etcd-peer", doc: "serves other etcd members and calls them", purpose: verify.PurposeSSLServer, further: []verify.Purpose{verify.PurposeSSLClient}, serves: true},
		{name: "kubelet-server", doc: "serves the kubelet's API", purpose: verify.PurposeSSLServer, serves: true},
		{name: "client", doc: "logs in to the API server", purpose: verify.PurposeSSLClient, identifies: true},
	}
}

func roleNames() []string {
	var names []string
	for _, r := range roles() {
		names = append(names, r.name)
	}
	return names
}

func setRole(r *request, value string) error {
	all := roles()
	i := slices.IndexFunc(all, func(x role) bool { return x.name == value })
	if i < 0 {
		return badUse("Role \"%s\" is none of %s", value, strings.Join(roleNames(), ", "))
	}
	r.role = &all[i]
	return nil
}

// prepare sets what the role asks for. A purpose beside it would be a second answer to the same question.
func (x *role) prepare(r *request) error {
	if r.options.Purpose != verify.PurposeNone {
		return badUse("--as %s sets the purpose: leave -purpose and -verify_name away", x.name)
	}
	if !x.serves && (r.options.Hostname != "" || r.options.IP.IsValid()) {
		return badUse("--as %s takes no host name or address: the API server does not look where a client comes from", x.name)
	}
	r.options.Purpose = x.purpose
	return nil
}

// identity is whom the API server takes the holder of a client certificate for.
type identity struct {
	User   string   `json:"user" yaml:"user"`
	Groups []string `json:"groups" yaml:"groups"`
	// Refused says why the API server takes it for nobody.
	Refused string `json:"refused,omitempty" yaml:"refused,omitempty"`
}

// identityOf reads the subject as the API server's x509 authenticator does: Go's parser, the last common name, every
// organization in order, and the group that all who log in are in.
func identityOf(c *verify.Certificate) *identity {
	parsed, err := x509.ParseCertificate(c.Raw)
	if err != nil {
		return &identity{Groups: []string{}, Refused: "the API server cannot read this certificate: " + strings.TrimPrefix(err.Error(), "x509: ")}
	}
	if parsed.Subject.CommonName == "" {
		return &identity{Groups: []string{}, Refused: "it has no common name, so the API server takes its holder for nobody"}
	}
	return &identity{User: parsed.Subject.CommonName, Groups: append(slices.Clone(parsed.Subject.Organization), "system:authenticated")}
}

// writeIdentity tells the user and the groups, one a line.
func (x *role) writeIdentity(p *piece, c *verify.Certificate) {
	if !x.identifies {
		return
	}
	who := identityOf(c)
	if who.Refused != "" {
		p.write("  ", who.Refused, "\n")
		return
	}
	p.write(fmt.Sprintf("  user: %s\n", printable(who.User)))
	for _, g := range who.Groups {
		p.write(fmt.Sprintf("  group: %s\n", printable(g)))
	}
}

// printable keeps what a certificate says from steering a terminal.
func printable(s string) string {
	clean := true
	for _, c := range s {
		clean = clean && c >= ' ' && c != 0x7f && (c < 0x80 || c > 0x9f)
	}
	if clean {
		return s
	}
	return fmt.Sprintf("%q", s)
}

// usageNames are a certificate's extended key usages in words, or in numbers where there are none.
func usageNames(c *x509.Certificate) []string {
	var out []string
	for _, u := range c.ExtKeyUsage {
		out = append(out, u.String())
	}
	for _, u := range c.UnknownExtKeyUsage {
		out = append(out, u.String())
	}
	return out
}
