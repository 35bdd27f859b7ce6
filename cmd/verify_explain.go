package cmd

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/pki/verify"
)

// writeExplanation says, behind an error, what was compared with what, and what may help.
func (r *verifyRequest) writeExplanation(p *piece, t target, report verify.Report, f verify.Finding) {
	for _, line := range r.explanation(t, report, f) {
		p.write("  ", line, "\n")
	}
}

// explanation is one or two sentences about an error; a last one that starts with "hint: " says what to do.
func (r *verifyRequest) explanation(t target, report verify.Report, f verify.Finding) []string {
	var lines []string
	subject := f.Cert
	if subject == nil {
		return detailLine(nil, f.Detail)
	}
	switch f.Code {
	case verify.ErrUnableToGetIssuerCert, verify.ErrUnableToGetIssuerCertLocally, verify.ErrUnableToVerifyLeafSignature:
		lines = r.explainIssuer(subject)
	case verify.ErrDepthZeroSelfSignedCert, verify.ErrSelfSignedCertInChain:
		lines = r.explainRoot(subject)
	case verify.ErrCertHasExpired, verify.ErrCertNotYetValid:
		lines = r.explainTime(t, subject)
	case verify.ErrHostnameMismatch, verify.ErrIPAddressMismatch, verify.ErrEmailMismatch:
		lines = r.explainIdentity(subject)
	case verify.ErrInvalidPurpose:
		lines = r.explainPurpose(t, subject)
	case verify.ErrCertSignatureFailure:
		lines = r.explainSignature(report, f)
	case verify.ErrInvalidCA, verify.ErrKeyUsageNoCertSign:
		lines = []string{"this certificate stands as a CA in the chain, but is not allowed to sign certificates",
			"hint: is a server's or client's certificate among the CAs? The CA's file has CA:TRUE (`openssl x509 -noout -text`)"}
	case verify.ErrUnableToGetCRL:
		lines = []string{"there is no revocation list by " + r.names.Name(subject.Issuer()) + " for it",
			"hint: Kubernetes has no revocation lists; leave -crl_check away, or give one with -CRLfile"}
	case verify.ErrCertRevoked:
		lines = []string{fmt.Sprintf("serial number %s is in the list of %s", hexSerial(subject.Serial()), r.names.Name(subject.Issuer()))}
	case verify.ErrCertRejected:
		lines = []string{"the trust settings of this certificate speak against the use that is asked for"}
	}
	return detailLine(lines, f.Detail)
}

// detailLine adds what the engine compared, where nothing else says it.
func detailLine(lines []string, d verify.Detail) []string {
	if d.What == "" || len(lines) > 0 {
		return lines
	}
	line := d.What
	if d.Wanted != "" {
		line += ": wanted " + printable(d.Wanted)
	}
	if len(d.Had) > 0 {
		line += ", there is " + printable(strings.Join(d.Had, ", "))
	}
	return append(lines, line)
}

// known are all certificates that could have issued something.
func (r *verifyRequest) known() []*verify.Certificate {
	return slices.Concat(r.anchors, r.trusted, r.untrusted)
}

// kubernetesCAs are where kubeadm puts the CA of that common name.
var kubernetesCAs = map[string]string{
	"kubernetes": "pki/ca.crt", "kubernetes-ca": "pki/ca.crt", "etcd-ca": "pki/etcd/ca.crt",
	"front-proxy-ca": "pki/front-proxy-ca.crt", "kubernetes-front-proxy-ca": "pki/front-proxy-ca.crt",
}

func (r *verifyRequest) explainIssuer(c *verify.Certificate) []string {
	issuer := c.Issuer()
	var named []*verify.Certificate
	for _, k := range r.known() {
		if k.Subject().Equal(issuer) && !k.Equal(c) {
			named = append(named, k)
		}
	}
	if len(named) == 0 {
		lines := []string{"its issuer is not among the certificates given: " + r.names.Name(issuer)}
		if file, ok := kubernetesCAs[commonName(issuer)]; ok {
			lines = append(lines, "hint: kubeadm keeps that CA in "+file)
		}
		return lines
	}
	lines := []string{fmt.Sprintf("%d of the certificates given have its issuer's name, %s, but none can have issued it", len(named), r.names.Name(issuer))}
	if wanted, had, ok := keyIdentifiers(c, named[0]); ok {
		lines = []string{fmt.Sprintf("its issuer %s has the key identifier %s; the one in %s has %s",
			r.names.Name(issuer), wanted, r.sources.of(named[0]), had)}
	} else if report := "the issuer is there, but not trusted and no root"; c.Issuer().Equal(named[0].Subject()) && r.isTrusted(named[0]) {
		lines = append(lines, report+": -partial_chain accepts it as an anchor")
	}
	return append(lines, "hint: this certificate was issued by another CA with the same name: was the cluster set up a second time?")
}

func (r *verifyRequest) isTrusted(c *verify.Certificate) bool {
	return slices.Contains(r.anchors, c) || slices.Contains(r.trusted, c)
}

// keyIdentifiers are the authority key identifier of c and the subject key identifier of issuer, where both are
// there and differ.
func keyIdentifiers(c, issuer *verify.Certificate) (wanted, had string, differ bool) {
	a, errA := x509.ParseCertificate(c.Raw)
	b, errB := x509.ParseCertificate(issuer.Raw)
	if errA != nil || errB != nil || len(a.AuthorityKeyId) == 0 || len(b.SubjectKeyId) == 0 || bytes.Equal(a.AuthorityKeyId, b.SubjectKeyId) {
		return "", "", false
	}
	return hex.EncodeToString(a.AuthorityKeyId), hex.EncodeToString(b.SubjectKeyId), true
}

func commonName(n verify.Name) string {
	for _, a := range n.Attributes() {
		if a.Type == "2.5.4.3" {
			return string(a.Value)
		}
	}
	return ""
}

func (r *verifyRequest) explainRoot(c *verify.Certificate) []string {
	lines := []string{"it is signed by itself, and is not one of the trusted"}
	for _, k := range r.known() {
		if r.isTrusted(k) && k.Subject().Equal(c.Subject()) {
			return append(lines, "hint: a trusted certificate has the same name and another key or serial number: was the cluster set up a second time?")
		}
	}
	return append(lines, "hint: if it is the cluster's CA, name it with -CAfile")
}

func (r *verifyRequest) explainTime(t target, c *verify.Certificate) []string {
	now := r.options.Time.UTC()
	if at, ok := c.NotBefore(); ok && now.Before(at) {
		return []string{fmt.Sprintf("it is valid from %s; the time checked at is %s", at.UTC().Format(time.RFC3339), now.Format(time.RFC3339)),
			"hint: do the clocks of the machine that issued it and of this one agree?"}
	}
	at, ok := c.NotAfter()
	if !ok {
		return nil
	}
	lines := []string{fmt.Sprintf("it was valid until %s, %s before the time checked at", at.UTC().Format(time.RFC3339), roughly(now.Sub(at)))}
	if c == t.certificate {
		name := strings.TrimSuffix(filepath.Base(t.name), ".crt")
		return append(lines, fmt.Sprintf("hint: `kubeadm certs renew %s` renews a certificate of kubeadm's", name))
	}
	return append(lines, "hint: a CA is not renewed in place without thought: all that trust it must get the new one first")
}

func roughly(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()))
}

func (r *verifyRequest) explainIdentity(c *verify.Certificate) []string {
	wanted := r.options.Hostname
	if r.options.IP.IsValid() && wanted == "" {
		wanted = r.options.IP.String()
	}
	if r.options.HasEmail && wanted == "" {
		wanted = r.options.Email
	}
	lines := []string{fmt.Sprintf("wanted %s", printable(wanted))}
	if parsed, err := x509.ParseCertificate(c.Raw); err == nil {
		var names []string
		for _, n := range parsed.DNSNames {
			names = append(names, "DNS:"+printable(n))
		}
		for _, ip := range parsed.IPAddresses {
			names = append(names, "IP:"+ip.String())
		}
		for _, m := range parsed.EmailAddresses {
			names = append(names, "email:"+printable(m))
		}
		have := strings.Join(names, ", ")
		if have == "" {
			have = "no subject alternative names"
		}
		lines[0] += "; the certificate has " + have
	}
	return append(lines, "hint: names are added with --apiserver-cert-extra-sans (in kubeadm's file apiServer.certSANs), and the certificate issued anew")
}

func (r *verifyRequest) explainPurpose(t target, c *verify.Certificate) []string {
	parsed, err := x509.ParseCertificate(c.Raw)
	if err != nil {
		return nil
	}
	uses := "no extended key usage"
	if names := usageNames(parsed); len(names) > 0 {
		uses = "extended key usages " + strings.Join(names, ", ")
	}
	lines := []string{fmt.Sprintf("the purpose is %s; the certificate has %s", r.options.Purpose, uses)}
	if c == t.certificate && r.options.Purpose == verify.PurposeSSLServer && slices.Contains(parsed.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		return append(lines, "hint: this is a client's certificate: is it the file of the server?")
	}
	if c == t.certificate && r.options.Purpose == verify.PurposeSSLClient && slices.Contains(parsed.ExtKeyUsage, x509.ExtKeyUsageServerAuth) {
		return append(lines, "hint: this is a server's certificate: is it the file of the client?")
	}
	return lines
}

func (r *verifyRequest) explainSignature(report verify.Report, f verify.Finding) []string {
	if f.Depth+1 >= len(report.Chain) {
		return []string{"its own signature does not verify"}
	}
	issuer := report.Chain[f.Depth+1]
	return []string{fmt.Sprintf("its signature was not made by the key of %s", where(r.names.Name(issuer.Subject()), r.sources.of(issuer))),
		"hint: another CA with the same name and key identifier signed it, or the file was changed: was the cluster set up a second time?"}
}

func where(name, file string) string {
	if file == "" {
		return name
	}
	return name + " (" + file + ")"
}
