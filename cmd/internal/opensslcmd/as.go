package opensslcmd

import (
	"crypto/x509"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/cmd/internal/terminal"
	"github.com/pkitool/pkitool/pki/verify"
)

// role is what Kubernetes asks of a certificate in one of its places: the value of --as. All of --as is in this file;
// on a nil role, which is a run without it, every method does nothing.
type role struct {
	name       string
	purpose    verify.Purpose
	further    []verify.Purpose // for which it has to be good as well
	identifies bool             // the API server takes a user and groups from it
	serves     bool             // others reach it by name or address
}

func roles() []role {
	return []role{
		{name: "apiserver", purpose: verify.PurposeSSLServer, serves: true},
		{name: "etcd-server", purpose: verify.PurposeSSLServer, serves: true},
		{name: "etcd-peer", purpose: verify.PurposeSSLServer, further: []verify.Purpose{verify.PurposeSSLClient}, serves: true},
		{name: "kubelet-server", purpose: verify.PurposeSSLServer, serves: true},
		{name: "client", purpose: verify.PurposeSSLClient, identifies: true},
	}
}

// asOption is the option --as.
func asOption() option {
	var names []string
	for _, x := range roles() {
		names = append(names, x.name)
	}
	return option{
		name: "as", kind: textValue, what: "role", words: names,
		help: "check as Kubernetes does: apiserver, etcd-server, etcd-peer, kubelet-server or client; -verify_hostname and -verify_ip give the name",
		apply: func(r *request, value string) error {
			i := slices.Index(names, value)
			if i < 0 {
				return badUse("Role \"%s\" is none of %s", value, strings.Join(names, ", "))
			}
			r.role = &roles()[i]
			return nil
		},
	}
}

// prepare sets what the role asks for. A purpose beside it would be a second answer to the same question.
func (x *role) prepare(o *verify.Options) error {
	switch {
	case x == nil:
		return nil
	case o.Purpose != verify.PurposeNone:
		return badUse("--as %s sets the purpose: leave -purpose and -verify_name away", x.name)
	case !x.serves && (o.Hostname != "" || o.IP.IsValid()):
		return badUse("--as %s takes no host name or address: the API server does not look where a client comes from", x.name)
	}
	o.Purpose = x.purpose
	return nil
}

// judge asks for the purposes that the role has besides its first, and returns the first report that is not good.
func (x *role) judge(report verify.Report, o verify.Options, judge func(verify.Options) verify.Report) verify.Report {
	if x == nil {
		return report
	}
	for _, purpose := range x.further {
		if report.OK {
			o.Purpose = purpose
			report = judge(o)
		}
	}
	return report
}

// identity is whom the API server takes the holder of a client certificate for.
type identity struct {
	User   string   `json:"user" yaml:"user"`
	Groups []string `json:"groups" yaml:"groups"`
	// Refused says why the API server takes it for nobody.
	Refused string `json:"refused,omitempty" yaml:"refused,omitempty"`
}

// identity reads the subject of a good certificate as the API server's x509 authenticator does: Go's parser, the last
// common name, every organization in order, and the group that all who log in are in. It is nil where nobody logs in.
func (x *role) identity(c *verify.Certificate) *identity {
	if x == nil || !x.identifies {
		return nil
	}
	parsed, err := x509.ParseCertificate(c.Raw)
	if err != nil {
		return &identity{Groups: []string{}, Refused: "the API server cannot read this certificate: " + strings.TrimPrefix(err.Error(), "x509: ")}
	}
	if parsed.Subject.CommonName == "" {
		return &identity{Groups: []string{}, Refused: "it has no common name, so the API server takes its holder for nobody"}
	}
	return &identity{User: parsed.Subject.CommonName, Groups: append(slices.Clone(parsed.Subject.Organization), "system:authenticated")}
}

// write says the user and the groups, one a line.
func (who *identity) write(a *answer) {
	switch {
	case who == nil:
	case who.Refused != "":
		a.stdout("  ", who.Refused, "\n")
	default:
		a.stdout("  user: ", terminal.Line(who.User), "\n")
		for _, g := range who.Groups {
			a.stdout("  group: ", terminal.Line(g), "\n")
		}
	}
}
