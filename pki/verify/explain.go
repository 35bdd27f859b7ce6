package verify

import (
	"encoding/hex"
	"strings"
)

// nearMisses lists the certificates that have the name of c's issuer and are
// not its issuer, each with the reason, for someone who wonders why none was
// found.
func (b *builder) nearMisses(c *Certificate) []string {
	const most = 8
	var out []string
	list := func(candidates []*Certificate, from string) {
		for _, candidate := range candidates {
			if len(out) == most || !candidate.subject.Equal(c.issuer) {
				continue
			}
			if code := whyNotIssued(c, candidate); code != OK {
				out = append(out, from+" certificate with serial "+hex.EncodeToString(candidate.serial)+": "+candidate.mismatch(c, code))
			}
		}
	}
	list(b.trust.named(c.issuer), "trusted")
	list(b.verifier.untrusted, "untrusted")
	return out
}

// mismatch says why issuer is not the issuer of c.
func (issuer *Certificate) mismatch(c *Certificate, code Code) string {
	switch code {
	case ErrAKIDSKIDMismatch:
		return "its key identifier is " + keyIDText(issuer.subjectKeyID) + ", wanted is " + keyIDText(c.authorityKey.keyID)
	case ErrAKIDIssuerSerialMismatch:
		return "the serial number or issuer name in the authority key identifier is another"
	case ErrUnspecified:
		return "one of the two has a malformed or repeated extension"
	case ErrSignatureAlgorithmMismatch:
		return "its key is of another kind than the signature"
	}
	return code.Text()
}

// keyIDText writes octets as openssl does: pairs of digits with colons.
func keyIDText(id []byte) string {
	var out strings.Builder
	for i, c := range id {
		if i > 0 {
			out.WriteByte(':')
		}
		out.WriteString(strings.ToUpper(hex.EncodeToString([]byte{c})))
	}
	return out.String()
}
