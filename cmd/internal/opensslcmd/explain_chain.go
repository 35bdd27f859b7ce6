package opensslcmd

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/pki/verify"
)

// secondCA is the usual reason for two CAs of one name.
const secondCA = "was the cluster set up a second time?"

// known are all certificates that could have issued something.
func (r *request) known() []*verify.Certificate {
	return slices.Concat(r.anchors, r.trusted, r.untrusted)
}

func (r *request) isTrusted(c *verify.Certificate) bool {
	return slices.Contains(r.anchors, c) || slices.Contains(r.trusted, c)
}

// issuer explains that nobody was found who issued the last certificate of the chain.
func (x explained) issuer() []string {
	issuer := x.cert.Issuer()
	var named []*verify.Certificate
	for _, k := range x.r.known() {
		if k.Subject().Equal(issuer) {
			named = append(named, k)
		}
	}
	if len(named) == 0 {
		lines := []string{"its issuer is not among the certificates given: " + x.r.names.Name(issuer)}
		if file := x.kubeadmsCA(issuer); file != "" {
			lines = append(lines, "hint: kubeadm keeps that CA in "+file)
		}
		return lines
	}
	if slices.Contains(named, x.cert) || x.r.isTrusted(x.cert) {
		return []string{"it is trusted, and no root: what issued it is not there", "hint: -partial_chain lets any trusted certificate be an anchor"}
	}
	for _, k := range named {
		if wanted, had, differ := keyIdentifiers(x.parsed, k); differ {
			return []string{fmt.Sprintf("its issuer %s has the key identifier %s; the one in %s has %s", x.r.names.Name(issuer), wanted, x.r.sources.of(k), had),
				"hint: this certificate was issued by another CA with the same name: " + secondCA}
		}
	}
	lines := []string{fmt.Sprintf("%d of the certificates given have its issuer's name, %s, and none of them can have issued it", len(named), x.r.names.Name(issuer))}
	return append(lines, x.finding.Detail.Had...)
}

// keyIdentifiers are the authority key identifier of c and the subject key identifier of issuer, where both are
// there and differ.
func keyIdentifiers(c *x509.Certificate, issuer *verify.Certificate) (wanted, had string, differ bool) {
	parsed, err := x509.ParseCertificate(issuer.Raw)
	if err != nil || len(c.AuthorityKeyId) == 0 || len(parsed.SubjectKeyId) == 0 || bytes.Equal(c.AuthorityKeyId, parsed.SubjectKeyId) {
		return "", "", false
	}
	return hex.EncodeToString(c.AuthorityKeyId), hex.EncodeToString(parsed.SubjectKeyId), true
}

// root explains a self-signed certificate that nobody trusts.
func (x explained) root() []string {
	lines := []string{"it is signed by itself, and is not one of the trusted"}
	for _, k := range x.r.known() {
		if x.r.isTrusted(k) && k.Subject().Equal(x.cert.Subject()) {
			return append(lines, "hint: a trusted certificate has the same name and another key or serial number: "+secondCA)
		}
	}
	return append(lines, "hint: if it is the cluster's CA, name it with -CAfile")
}

// validity compares the time checked at with those in the certificate.
func (x explained) validity() []string {
	now := x.r.options.Time.UTC()
	if at, ok := x.cert.NotBefore(); ok && now.Before(at) {
		return []string{fmt.Sprintf("it is valid from %s; the time checked at is %s", at.UTC().Format(time.RFC3339), now.Format(time.RFC3339)),
			"hint: do the clocks of the machine that issued it and of this one agree?"}
	}
	at, ok := x.cert.NotAfter()
	if !ok {
		return nil
	}
	lines := []string{fmt.Sprintf("it was valid until %s, %s before the time checked at", at.UTC().Format(time.RFC3339), roughly(now.Sub(at)))}
	switch command, _ := x.renewal(); {
	case command != "":
		return append(lines, "hint: `"+command+"` issues it anew")
	case x.cert.IsCA():
		return append(lines, "hint: all that trust a CA must get the new one before anything is issued by it")
	}
	return append(lines, "hint: the CA that signed it must issue it anew")
}

func roughly(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	}
	return fmt.Sprintf("%d seconds", int(d.Seconds()))
}

// names compares the name that was asked for with those in the certificate.
func (x explained) names() []string {
	names := "no subject alternative names"
	if had := x.finding.Detail.Had; len(had) > 0 {
		names = strings.Join(had, ", ")
	}
	lines := []string{fmt.Sprintf("wanted is %s; the certificate has %s", x.finding.Detail.Wanted, names)}
	if command := x.adding(x.finding.Detail.Wanted); command != "" {
		lines = append(lines, "hint: `"+command+"` adds it")
	}
	return lines
}

// purpose compares the use that was asked for with the extended key usages.
func (x explained) purpose() []string {
	uses := "no extended key usage"
	if names := usageNames(x.parsed); len(names) > 0 {
		uses = "extended key usages " + strings.Join(names, ", ")
	} else if x.parsed.Raw == nil {
		uses = "other usages"
	}
	wanted := x.finding.Detail.Wanted
	lines := []string{fmt.Sprintf("the purpose is %s; the certificate has %s", wanted, uses)}
	if x.cert != x.target.certificate {
		return lines
	}
	client := slices.Contains(x.parsed.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	server := slices.Contains(x.parsed.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	switch {
	case wanted == "sslserver" && client && !server:
		return append(lines, "hint: this is a client's certificate: is it the file of the server?")
	case wanted == "sslclient" && server && !client:
		return append(lines, "hint: this is a server's certificate: is it the file of the client?")
	}
	return lines
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

// signature explains one that the key of the next certificate in the chain did not make.
func (x explained) signature() []string {
	if x.finding.Depth+1 >= len(x.report.Chain) || x.finding.CRLPath {
		return []string{"its signature does not verify by the key of its issuer"}
	}
	issuer := x.report.Chain[x.finding.Depth+1]
	name := x.r.names.Name(issuer.Subject())
	if file := x.r.sources.of(issuer); file != "" {
		name += " (" + file + ")"
	}
	return []string{"its signature was not made by the key of " + name,
		"hint: a CA with the same name and another key signed it, or the file was changed: " + secondCA}
}
