package inspect

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"

	"github.com/pkitool/pkitool/pki/verify/openssl"
)

const oidPSS = "1.2.840.113549.1.1.10"

type pssParams struct {
	Hash    pkix.AlgorithmIdentifier `asn1:"optional,explicit,tag:0"`
	Mask    pkix.AlgorithmIdentifier `asn1:"optional,explicit,tag:1"`
	Salt    *big.Int                 `asn1:"optional,explicit,tag:2"`
	Trailer *big.Int                 `asn1:"optional,explicit,tag:3"`
}

// defaults are the digests by their numbers, salt length and trailer, with what RFC 4055 section 3.1 puts for what is absent.
func (p pssParams) defaults() (hash, mask string, salt, trailer *big.Int) {
	hash, mask, salt, trailer = oidSHA1, oidSHA1, big.NewInt(20), big.NewInt(1)
	if p.Hash.Algorithm != nil {
		hash = p.Hash.Algorithm.String()
	}
	var inner pkix.AlgorithmIdentifier
	if unmarshal(p.Mask.Parameters.FullBytes, &inner) == nil {
		mask = inner.Algorithm.String()
	}
	if p.Salt != nil {
		salt = p.Salt
	}
	if p.Trailer != nil {
		trailer = p.Trailer
	}
	return hash, mask, salt, trailer
}

// signatureAlgorithm reads the algorithm behind the signed part.
func signatureAlgorithm(raw []byte) (pkix.AlgorithmIdentifier, bool) {
	var signed struct {
		Body      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	_, err := asn1.Unmarshal(raw, &signed)
	return signed.Algorithm, err == nil
}

func signatureName(raw []byte) string {
	a, ok := signatureAlgorithm(raw)
	if !ok {
		return "<unreadable>"
	}
	return openssl.ObjectName(a.Algorithm.String())
}

// signedWith writes the line inside the signed part.
func (w *writer) signedWith(raw []byte) {
	w.WriteString("        Signature Algorithm: " + signatureName(raw))
	w.pss(raw)
	w.WriteByte('\n')
}

func (w *writer) signature(raw, value []byte) {
	w.line(4, "Signature Algorithm: %s", signatureName(raw))
	w.WriteString("    Signature Value:")
	w.pss(raw)
	w.WriteByte('\n')
	w.dump(value, 8, 18, ":")
}

// pss writes the parameters of RSA-PSS, as rsa_pss_param_print does, without the last line's end; nothing for others.
func (w *writer) pss(raw []byte) {
	a, ok := signatureAlgorithm(raw)
	if !ok || a.Algorithm.String() != oidPSS {
		return
	}
	var p pssParams
	indent := strings.Repeat(" ", 8)
	w.WriteString(indent)
	if _, err := asn1.Unmarshal(a.Parameters.FullBytes, &p); err != nil {
		w.WriteString("(INVALID PSS PARAMETERS)")
		return
	}
	hash, mask, salt, trailer := "sha1 (default)", "mgf1 with sha1 (default)", "14 (default)", "01 (default)"
	if p.Hash.Algorithm != nil {
		hash = openssl.ObjectName(p.Hash.Algorithm.String())
	}
	if p.Mask.Algorithm != nil {
		mask = openssl.ObjectName(p.Mask.Algorithm.String()) + " with "
		var inner pkix.AlgorithmIdentifier
		if _, err := asn1.Unmarshal(p.Mask.Parameters.FullBytes, &inner); err != nil {
			mask += "INVALID"
		} else {
			mask += openssl.ObjectName(inner.Algorithm.String())
		}
	}
	if p.Salt != nil {
		salt = integerHex(p.Salt)
	}
	if p.Trailer != nil {
		trailer = integerHex(p.Trailer)
	}
	for _, l := range []string{"Hash Algorithm: " + hash, "Mask Algorithm: " + mask, " Salt Length: 0x" + salt, "Trailer Field: 0x" + trailer} {
		w.WriteString("\n" + indent + l)
	}
}
