package inspect

import (
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"strings"

	"github.com/pkitool/pkitool/pki/verify/openssl"
)

const oidRSA, oidEC, oidPrimeField = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.2.840.10045.1.1"

// rareKey writes keys that crypto/x509 does not read; false for what is not known here either.
func (w *writer) rareKey(info keyInfo, indent int) bool {
	switch info.Algorithm.Algorithm.String() {
	case "1.3.101.110", "1.3.101.111", "1.3.101.113": // X25519, X448, Ed448
		w.line(indent, "%s Public-Key:", openssl.ObjectName(info.Algorithm.Algorithm.String()))
		w.line(indent, "pub:")
		w.dump(info.Key.Bytes, indent+4, keyPerLine, ":")
		return true
	case oidRSA, oidPSS:
		k, err := x509.ParsePKCS1PublicKey(info.Key.Bytes)
		if err != nil {
			return false
		}
		w.rsaKey(k, indent)
		if info.Algorithm.Algorithm.String() == oidPSS {
			w.restrictions(info.Algorithm.Parameters.FullBytes, indent)
		}
		return true
	case oidEC:
		var named asn1.ObjectIdentifier
		if unmarshal(info.Algorithm.Parameters.FullBytes, &named) == nil {
			return w.namedCurve(info.Key.Bytes, openssl.ObjectShortName(named.String()), indent)
		}
		return w.explicitCurve(info, indent)
	}
	return false
}

// restrictions are what an RSASSA-PSS key allows of its signatures (RFC 4055 section 3.3).
func (w *writer) restrictions(params []byte, indent int) {
	var p pssParams
	if len(params) == 0 || unmarshal(params, &p) != nil {
		w.line(indent, "No PSS parameter restrictions")
		return
	}
	hash, mask, salt, trailer := p.defaults()
	fallback := func(is bool) string {
		if is {
			return " (default)"
		}
		return ""
	}
	w.line(indent, "PSS parameter restrictions:")
	w.line(indent+2, "Hash Algorithm: %s%s", digestName(hash), fallback(hash == oidSHA1))
	w.line(indent+2, "Mask Algorithm: MGF1 with %s%s", digestName(mask), fallback(mask == oidSHA1))
	w.line(indent+2, "Minimum Salt Length: %d%s", salt, fallback(salt.Cmp(big.NewInt(20)) == 0))
	w.line(indent+2, "Trailer Field: 0x%x%s", trailer, fallback(trailer.Cmp(big.NewInt(1)) == 0))
}

const oidSHA1 = "1.3.14.3.2.26"

// digestName is a digest's name among openssl's providers.
func digestName(oid string) string {
	name := strings.ToUpper(openssl.ObjectShortName(oid))
	if rest, ok := strings.CutPrefix(name, "SHA"); ok && rest != "1" {
		return "SHA2-" + strings.TrimPrefix(rest, "-")
	}
	return name
}

// curveBits are the sizes of the orders of prime curves that are neither NIST's nor rare.
var curveBits = map[string]int{
	"secp192k1": 192, "secp224k1": 225, "secp256k1": 256,
	"brainpoolP160r1": 160, "brainpoolP192r1": 192, "brainpoolP224r1": 224, "brainpoolP256r1": 256, "brainpoolP320r1": 320, "brainpoolP384r1": 384, "brainpoolP512r1": 512,
	"brainpoolP160t1": 160, "brainpoolP192t1": 192, "brainpoolP224t1": 224, "brainpoolP256t1": 256, "brainpoolP320t1": 320, "brainpoolP384t1": 384, "brainpoolP512t1": 512,
}

func (w *writer) namedCurve(point []byte, name string, indent int) bool {
	bits, ok := curveBits[name]
	if !ok {
		return false
	}
	w.line(indent, "Public-Key: (%d bit)", bits)
	w.line(indent, "pub:")
	w.dump(point, indent+4, keyPerLine, ":")
	w.line(indent, "ASN1 OID: %s", name)
	return true
}

// explicitCurve writes a curve over a prime field that is spelt out (RFC 3279 section 2.3.5).
func (w *writer) explicitCurve(info keyInfo, indent int) bool {
	var p struct {
		Version int
		Field   struct {
			ID    asn1.ObjectIdentifier
			Prime *big.Int
		}
		Curve struct {
			A, B []byte
			Seed asn1.BitString `asn1:"optional"`
		}
		Base     []byte
		Order    *big.Int
		Cofactor *big.Int `asn1:"optional"`
	}
	forms := map[byte]string{2: "compressed", 3: "compressed", 4: "uncompressed", 6: "hybrid", 7: "hybrid"}
	if unmarshal(info.Algorithm.Parameters.FullBytes, &p) != nil || p.Field.ID.String() != oidPrimeField || len(p.Base) == 0 || forms[p.Base[0]] == "" {
		return false
	}
	w.line(indent, "Public-Key: (%d bit)", p.Order.BitLen())
	w.line(indent, "pub:")
	w.dump(info.Key.Bytes, indent+4, keyPerLine, ":")
	w.line(indent, "Field Type: prime-field")
	w.number(indent, "Prime:", p.Field.Prime)
	w.number(indent, "A:   ", new(big.Int).SetBytes(p.Curve.A))
	w.number(indent, "B:   ", new(big.Int).SetBytes(p.Curve.B))
	w.line(indent, "Generator (%s):", forms[p.Base[0]])
	w.dump(p.Base, indent+4, keyPerLine, ":")
	w.number(indent, "Order: ", p.Order)
	if p.Cofactor != nil {
		w.number(indent, "Cofactor: ", p.Cofactor)
	}
	if len(p.Curve.Seed.Bytes) > 0 {
		w.line(indent, "Seed:")
		w.dump(p.Curve.Seed.Bytes, indent+4, keyPerLine, ":")
	}
	return true
}

// number writes as print_labeled_bignum does: small ones behind the label, others below it.
func (w *writer) number(indent int, label string, n *big.Int) {
	switch {
	case n.Sign() == 0:
		w.line(indent, "%s 0", label)
	case n.IsUint64():
		w.line(indent, "%s %d (0x%x)", label, n, n)
	default:
		w.line(indent, "%s", label)
		w.dump(unsigned(n), indent+4, keyPerLine, ":")
	}
}
