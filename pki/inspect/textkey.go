package inspect

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"

	"github.com/pkitool/pkitool/pki/verify/openssl"
)

type keyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Key       asn1.BitString
}

func parseKeyInfo(spki []byte) (k keyInfo, ok bool) {
	_, err := asn1.Unmarshal(spki, &k)
	return k, err == nil
}

func keyName(spki []byte) string {
	k, ok := parseKeyInfo(spki)
	if !ok {
		return "<unreadable>"
	}
	return openssl.ObjectName(k.Algorithm.Algorithm.String())
}

const keyPerLine = 15

// publicKey writes a SubjectPublicKeyInfo as EVP_PKEY_print_public does.
func (w *writer) publicKey(spki []byte, indent int) {
	info, _ := parseKeyInfo(spki)
	switch k := publicKeyOf(spki).(type) {
	case *rsa.PublicKey:
		w.rsaKey(k, indent)
	case *ecdsa.PublicKey:
		w.line(indent, "Public-Key: (%d bit)", k.Params().BitSize)
		w.line(indent, "pub:")
		w.dump(info.Key.Bytes, indent+4, keyPerLine, ":")
		var curve asn1.ObjectIdentifier
		if _, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &curve); err == nil {
			w.line(indent, "ASN1 OID: %s", openssl.ObjectShortName(curve.String()))
		}
		w.line(indent, "NIST CURVE: %s", k.Params().Name)
	case ed25519.PublicKey:
		w.line(indent, "ED25519 Public-Key:")
		w.line(indent, "pub:")
		w.dump(k, indent+4, keyPerLine, ":")
	default:
		if !w.rareKey(info, indent) {
			w.line(indent, "Unable to load Public Key")
		}
	}
}

func (w *writer) rsaKey(k *rsa.PublicKey, indent int) {
	w.line(indent, "Public-Key: (%d bit)", k.N.BitLen())
	w.line(indent, "Modulus:")
	w.dump(unsigned(k.N), indent+4, keyPerLine, ":")
	w.line(indent, "Exponent: %d (0x%x)", k.E, k.E)
}

// unsigned are the octets of a number as an INTEGER has them.
func unsigned(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) > 0 && b[0] >= 0x80 {
		b = append([]byte{0}, b...)
	}
	return b
}
