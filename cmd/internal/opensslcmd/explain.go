package opensslcmd

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/internal/terminal"
	"github.com/pkitool/pkitool/pki/verify"
)

// explained is one error to explain: what was compared with what, and what may help.
type explained struct {
	r       *request
	target  target
	report  verify.Report
	finding verify.Finding
	cert    *verify.Certificate // that the error is about; nil where openssl names none
	parsed  *x509.Certificate   // the same for those whom Go can read, else empty
}

// writeExplanation says the explanation of an error, behind it.
func (r *request) writeExplanation(a *answer, t target, report verify.Report, f verify.Finding) {
	for _, line := range r.explanation(t, report, f) {
		a.stderr("  ", terminal.Line(line), "\n")
	}
}

// explanation is one or two sentences about an error. One that starts with "hint: " says what to do.
func (r *request) explanation(t target, report verify.Report, f verify.Finding) []string {
	if f.Unsupported != "" {
		return []string{"no Kubernetes component takes it, so it is not judged here; openssl would judge it"}
	}
	x := explained{r: r, target: t, report: report, finding: f, cert: f.Cert, parsed: new(x509.Certificate)}
	if x.cert != nil {
		if parsed, err := x509.ParseCertificate(x.cert.Raw); err == nil {
			x.parsed = parsed
		}
		if special := x.special(); special != nil {
			return special
		}
	}
	var lines []string
	if int(f.Code) < len(inWords) && inWords[f.Code] != "" {
		lines = append(lines, inWords[f.Code])
	}
	if line := detailLine(f.Detail); line != "" {
		lines = append(lines, line)
	}
	return lines
}

// special are explanations that look at the certificates.
func (x explained) special() []string {
	switch x.finding.Code {
	case verify.ErrUnableToGetIssuerCert, verify.ErrUnableToGetIssuerCertLocally:
		return x.issuer()
	case verify.ErrDepthZeroSelfSignedCert, verify.ErrSelfSignedCertInChain:
		return x.root()
	case verify.ErrCertHasExpired, verify.ErrCertNotYetValid:
		return x.validity()
	case verify.ErrHostnameMismatch, verify.ErrIPAddressMismatch, verify.ErrEmailMismatch:
		return x.names()
	case verify.ErrInvalidPurpose:
		return x.purpose()
	case verify.ErrCertSignatureFailure:
		return x.signature()
	case verify.ErrInvalidCA, verify.ErrKeyUsageNoCertSign:
		return x.authority()
	case verify.ErrPathLengthExceeded:
		return x.pathLength()
	case verify.ErrCertChainTooLong:
		return []string{fmt.Sprintf("there are more than %d CAs between the certificate and its anchor, or the CAs certify each other in a circle", x.r.options.Depth)}
	case verify.ErrUnableToGetCRL:
		return []string{"there is no revocation list by " + x.r.names.Name(x.cert.Issuer()) + " for it",
			"hint: Kubernetes has no revocation lists; leave -crl_check away, or give one with -CRLfile"}
	case verify.ErrCertRevoked:
		return []string{fmt.Sprintf("serial number %s is in the revocation list of %s", hexSerial(x.cert.Serial()), x.r.names.Name(x.cert.Issuer()))}
	case verify.ErrUnhandledCriticalExtension:
		return x.critical()
	}
	return nil
}

// detailLine says what the engine compared.
func detailLine(d verify.Detail) string {
	if d.Wanted == "" && len(d.Had) == 0 {
		return ""
	}
	line := d.What
	if d.Wanted != "" {
		line += ": wanted is " + d.Wanted
	}
	if len(d.Had) > 0 {
		line += "; there is " + strings.Join(d.Had, ", ")
	}
	return line
}

// inWords are the errors that need no look at the certificates.
var inWords = [...]string{
	verify.ErrUnspecified:                   "a public key on the path cannot be read, or there are too many names and constraints to compare",
	verify.ErrUnableToVerifyLeafSignature:   "its issuer is not there, so its signature cannot be checked",
	verify.ErrUnableToDecodeIssuerPublicKey: "the public key that should verify a signature cannot be read",
	verify.ErrCRLSignatureFailure:           "the revocation list's signature does not verify by the key of the CA that it names",
	verify.ErrErrorInCertNotBeforeField:     "the time from which it is valid is not written as RFC 5280 wants it",
	verify.ErrErrorInCertNotAfterField:      "the time until which it is valid is not written as RFC 5280 wants it",
	verify.ErrErrorInCRLLastUpdateField:     "the time of the revocation list is not written as RFC 5280 wants it",
	verify.ErrErrorInCRLNextUpdateField:     "the time of the next revocation list is not written as RFC 5280 wants it",
	verify.ErrCRLNotYetValid:                "the revocation list is from after the time checked at",
	verify.ErrCRLHasExpired:                 "the next revocation list should have been published before the time checked at",
	verify.ErrCertRejected:                  "the trust settings of this certificate reject the use that is asked for",
	verify.ErrUnableToGetCRLIssuer:          "the CA that issued the revocation list is not on the path",
	verify.ErrKeyUsageNoCRLSign:             "the CA that issued the revocation list has a key usage without cRLSign",
	verify.ErrUnhandledCriticalCRLExtension: "the revocation list, or one of its entries, has a critical extension that is not understood",
	verify.ErrDifferentCRLScope:             "the revocation list is about other certificates than this one",
	verify.ErrCRLPathValidationError:        "the revocation list's own issuer has no path to the same anchor",
	verify.ErrInvalidExtension:              "an extension on the path is malformed, or contradicts another",
	verify.ErrInvalidPolicyExtension:        "a policy extension is malformed, or maps from or to anyPolicy",
	verify.ErrNoExplicitPolicy:              "no policy is left that all CAs assert and that was asked for; without -policy nothing is asked for (-policy anyPolicy asks for all)",
	verify.ErrPermittedViolation:            "one of its names is not among those that a CA above permits",
	verify.ErrExcludedViolation:             "one of its names is among those that a CA above excludes",
	verify.ErrSubtreeMinMax:                 "a name constraint has a minimum or maximum, which nobody supports",
	verify.ErrUnsupportedConstraintType:     "a name constraint is about a kind of names that cannot be compared",
	verify.ErrUnsupportedConstraintSyntax:   "a name constraint is malformed",
	verify.ErrUnsupportedNameSyntax:         "one of its names is malformed, so constraints cannot be applied",
	verify.ErrEEKeyTooSmall:                 "its key is weaker than -auth_level asks for",
	verify.ErrCAKeyTooSmall:                 "the key of this CA is weaker than -auth_level asks for",
	verify.ErrCAMDTooWeak:                   "its signature is made with a digest weaker than -auth_level asks for",
	verify.ErrPathlenInvalidForNonCA:        "it sets a path length, and is no CA (RFC 5280 4.2.1.9)",
	verify.ErrPathlenWithoutKUKeyCertSign:   "it sets a path length, and its key usage lacks keyCertSign (RFC 5280 4.2.1.9)",
	verify.ErrKUKeyCertSignInvalidForNonCA:  "it may sign certificates by its key usage, and is no CA (RFC 5280 4.2.1.3)",
	verify.ErrIssuerNameEmpty:               "it does not name its issuer (RFC 5280 4.1.2.4)",
	verify.ErrSubjectNameEmpty:              "it has no subject, and is a CA, may sign CRLs, or has no alternative names (RFC 5280 4.1.2.6)",
	verify.ErrMissingAuthorityKeyIdentifier: "it lacks an authority key identifier (RFC 5280 4.2.1.1)",
	verify.ErrMissingSubjectKeyIdentifier:   "it is a CA and lacks a subject key identifier (RFC 5280 4.2.1.2)",
	verify.ErrEmptySubjectAltName:           "its list of alternative names is empty (RFC 5280 4.2.1.6)",
	verify.ErrEmptySubjectSANNotCritical:    "it has no subject, and its alternative names are not critical (RFC 5280 4.1.2.6)",
	verify.ErrCABConsNotCritical:            "it is a CA, and its basic constraints are not critical (RFC 5280 4.2.1.9)",
	verify.ErrCACertMissingKeyUsage:         "it is a CA and lacks a key usage (RFC 5280 4.2.1.3)",
	verify.ErrExtensionsRequireVersion3:     "it has extensions, and is not of version 3 (RFC 5280 4.1.2.1)",
	verify.ErrSignatureAlgInconsistency:     "the algorithm inside what is signed is not the one outside (RFC 5280 4.1.1.2)",
}

// authority explains a CA that may not be one.
func (x explained) authority() []string {
	why := "its basic constraints do not say CA:TRUE"
	switch {
	case x.parsed.IsCA && x.parsed.KeyUsage != 0 && x.parsed.KeyUsage&x509.KeyUsageCertSign == 0:
		why = "its key usage lacks keyCertSign"
	case x.parsed.Raw != nil && !x.parsed.BasicConstraintsValid:
		why = "it has no basic constraints"
	}
	return []string{"it is used as a CA in the chain, and may not sign certificates: " + why,
		"hint: is a server's or a client's certificate among the CAs?"}
}

func (x explained) pathLength() []string {
	if x.parsed.BasicConstraintsValid && (x.parsed.MaxPathLen > 0 || x.parsed.MaxPathLenZero) {
		return []string{fmt.Sprintf("it allows %d CAs between itself and a certificate; in this chain there are more", x.parsed.MaxPathLen)}
	}
	return []string{"it allows fewer CAs below itself than there are in this chain"}
}

// critical names the critical extensions that are not understood.
func (x explained) critical() []string {
	var oids []string
	for _, e := range x.parsed.Extensions {
		if e.Critical && !slices.Contains(understood, e.Id.String()) {
			oids = append(oids, e.Id.String())
		}
	}
	if len(oids) == 0 {
		return []string{"it has a critical extension that is not understood; -ignore_critical passes over it"}
	}
	return []string{"it has critical extensions that are not understood: " + strings.Join(oids, ", ") + "; -ignore_critical passes over them"}
}

// understood are the extensions that may be critical.
var understood = []string{"2.16.840.1.113730.1.1", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.32", "2.5.29.31", "2.5.29.37", "1.3.6.1.5.5.7.1.7",
	"1.3.6.1.5.5.7.1.8", "1.3.6.1.5.5.7.48.1.5", "2.5.29.36", "1.3.6.1.5.5.7.1.14", "2.5.29.30", "2.5.29.33", "2.5.29.54"}
