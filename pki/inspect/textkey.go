package inspect

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"math/big"
	"strings"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

const keyPerLine = 15

// readKeyInfo takes a SubjectPublicKeyInfo apart.
func readKeyInfo(spki []byte) (a verify.Algorithm, key []byte) {
	r := verify.NewReader(spki).Sequence()
	a = r.Algorithm()
	return a, r.Bits(r.Any())
}

func (w *writer) subjectKey(spki []byte) {
	a, _ := readKeyInfo(spki)
	w.line(8, "Subject Public Key Info:")
	w.line(12, "Public Key Algorithm: %s", openssl.ObjectName(a.OID))
	w.publicKey(spki, 16, 12)
}

// publicKey writes a SubjectPublicKeyInfo as EVP_PKEY_print_public does; of a key whose type is not supported, which
// Kubernetes components do not take either, its name and its octets.
func (w *writer) publicKey(spki []byte, indent, faultIndent int) {
	a, octets := readKeyInfo(spki)
	pub, other := verify.PublicKey(spki)
	if a.OID == oidPSS && other != "" {
		w.rsaKey(octets, indent)
		w.restrictions(a.Parameters, indent)
		return
	}
	switch k := pub.(type) {
	case *rsa.PublicKey:
		w.rsaKey(octets, indent)
	case *ecdsa.PublicKey:
		w.line(indent, "Public-Key: (%d bit)", k.Params().BitSize)
		w.line(indent, "pub:")
		w.dump(octets, indent+4, keyPerLine)
		w.line(indent, "ASN1 OID: %s", openssl.ObjectShortName(verify.NewReader(a.Parameters.Raw()).OID()))
		w.line(indent, "NIST CURVE: %s", k.Params().Name)
	case ed25519.PublicKey:
		w.line(indent, "ED25519 Public-Key:")
		w.line(indent, "pub:")
		w.dump(k, indent+4, keyPerLine)
	default:
		if other == "" {
			w.line(faultIndent, "Unable to load Public Key")
			return
		}
		w.line(indent, "%s Public-Key:", other)
		w.line(indent, "pub:")
		w.dump(octets, indent+4, keyPerLine)
	}
}

func (w *writer) rsaKey(octets []byte, indent int) {
	r := verify.NewReader(octets).Sequence()
	n, e := new(big.Int), new(big.Int)
	for _, number := range []*big.Int{n, e} { // openssl takes them for unsigned
		number.SetBytes(r.Any().Octets())
	}
	w.line(indent, "Public-Key: (%d bit)", n.BitLen())
	w.number(indent, "Modulus:", n)
	w.number(indent, "Exponent:", e)
}

// number writes as print_labeled_bignum does: small ones behind the label, others below it.
func (w *writer) number(indent int, label string, n *big.Int) {
	switch {
	case n.Sign() == 0:
		w.line(indent, "%s 0", label)
	case n.IsUint64():
		w.line(indent, "%s %d (0x%x)", label, n, n)
	default:
		octets := n.Bytes()
		if octets[0] >= 0x80 { // as an INTEGER has them
			octets = append([]byte{0}, octets...)
		}
		w.line(indent, "%s", label)
		w.dump(octets, indent+4, keyPerLine)
	}
}

// restrictions are what an RSASSA-PSS key allows of its signatures (RFC 4055 section 3.3).
func (w *writer) restrictions(parameters verify.Element, indent int) {
	p, ok := readPSS(parameters)
	if !ok {
		w.line(indent, "No PSS parameter restrictions")
		return
	}
	with := func(format, value, fallback string) {
		if value == "" || value == fallback {
			value = fallback + " (default)"
		}
		w.line(indent+2, format, value)
	}
	number := func(n *big.Int, base int) string {
		if n == nil {
			return ""
		}
		return n.Text(base)
	}
	w.line(indent, "PSS parameter restrictions:")
	with("Hash Algorithm: %s", digestName(p.hash), "SHA1")
	with("Mask Algorithm: MGF1 with %s", digestName(p.maskHash), "SHA1")
	with("Minimum Salt Length: %s", number(p.salt, 10), "20")
	with("Trailer Field: 0x%s", number(p.trailer, 16), "1")
}

// digestName is a digest's name among openssl's providers.
func digestName(oid string) string {
	name := strings.ToUpper(openssl.ObjectShortName(oid))
	if rest, ok := strings.CutPrefix(name, "SHA"); ok && rest != "1" {
		return "SHA2-" + strings.TrimPrefix(rest, "-")
	}
	return name
}
