package inspect

import (
	"math/big"
	"strings"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

const (
	oidPSS  = "1.2.840.113549.1.1.10"
	oidMGF1 = "1.2.840.113549.1.1.8"
	oidSHA1 = "1.3.14.3.2.26"

	signaturePerLine = 18
)

// pssParams are RSASSA-PSS-params (RFC 4055 section 3.1); "" and nil for what is absent.
type pssParams struct {
	hash, maskHash string
	salt, trailer  *big.Int
}

func readPSS(e verify.Element) (p pssParams, ok bool) {
	top := verify.NewReader(e.Raw())
	r := top.Sequence()
	if r.AtContext(0) {
		inner := r.Explicit(0)
		p.hash = inner.Algorithm().OID
		inner.End()
	}
	if r.AtContext(1) {
		inner := r.Explicit(1)
		mask := inner.Algorithm()
		inner.End()
		of := verify.NewReader(mask.Parameters.Raw())
		p.maskHash = of.Algorithm().OID
		r.Require(mask.OID == oidMGF1 && of.OK())
	}
	for tag, n := range []**big.Int{2: &p.salt, 3: &p.trailer} {
		if n != nil && r.AtContext(tag) {
			inner := r.Explicit(tag)
			*n = inner.Int()
			inner.End()
		}
	}
	r.End()
	return p, top.OK()
}

// signedWith writes the line inside the signed part.
func (w *writer) signedWith(a verify.Algorithm) {
	w.line(8, "Signature Algorithm: %s%s", openssl.ObjectName(a.OID), pssText(a))
}

func (w *writer) signature(a verify.Algorithm, value []byte) {
	w.line(4, "Signature Algorithm: %s", openssl.ObjectName(a.OID))
	w.line(4, "Signature Value:%s", pssText(a))
	w.dump(value, 8, signaturePerLine)
}

// pssText writes the parameters of RSA-PSS, as rsa_pss_param_print does, without the last line's end; nothing for others.
func pssText(a verify.Algorithm) string {
	if a.OID != oidPSS {
		return ""
	}
	indent := strings.Repeat(" ", 8)
	p, ok := readPSS(a.Parameters)
	if !ok {
		return indent + "(INVALID PSS PARAMETERS)"
	}
	hash, mask, salt, trailer := "sha1 (default)", "mgf1 with sha1 (default)", "14 (default)", "01 (default)"
	if p.hash != "" {
		hash = openssl.ObjectName(p.hash)
	}
	if p.maskHash != "" {
		mask = "mgf1 with " + openssl.ObjectName(p.maskHash)
	}
	if p.salt != nil {
		salt = integerHex(p.salt)
	}
	if p.trailer != nil {
		trailer = integerHex(p.trailer)
	}
	return indent + strings.Join([]string{"", "Hash Algorithm: " + hash, "Mask Algorithm: " + mask,
		" Salt Length: 0x" + salt, "Trailer Field: 0x" + trailer}, "\n"+indent)
}
