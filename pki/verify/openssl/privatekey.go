package openssl

import (
	"encoding/asn1"
	"errors"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// passKey passes over a block that is no certificate and no CRL, unless it is called a private key and is none:
// openssl fails on that in a file of anchors. Encrypted keys are not decrypted.
func passKey(b block) error {
	before, _, ok := strings.Cut(b.label, "PRIVATE KEY")
	if !ok {
		return nil
	}
	if b.header != "" {
		if err := encryptionHeader(b.header); err != nil {
			return err
		}
	}
	if b.headed() || b.label == "ENCRYPTED PRIVATE KEY" {
		return nil
	}
	wanted := noKey
	if before != "" {
		wanted = keyNamed(before[:len(before)-1])
	}
	kind := keyIn(b.data)
	if kind == noKey || wanted != noKey && kind != wanted {
		return errors.New("damaged private key")
	}
	return nil
}

// keyKind is what a private key is for.
type keyKind int

const (
	noKey keyKind = iota
	rsaKey
	pssKey
	dsaKey
	dhKey
	dhxKey
	ecKey // and SM2, which openssl reads as one
	ed25519Key
	ed448Key
	x25519Key
	x448Key
)

// keyNamed is the kind that a label is about, noKey for any.
func keyNamed(name string) keyKind {
	switch strings.ToUpper(name) {
	case "RSA":
		return rsaKey
	case "RSA-PSS":
		return pssKey
	case "DSA":
		return dsaKey
	case "DH":
		return dhKey
	case "DHX", "X9.42 DH":
		return dhxKey
	case "EC", "SM2":
		return ecKey
	case "ED25519":
		return ed25519Key
	case "ED448":
		return ed448Key
	case "X25519":
		return x25519Key
	case "X448":
		return x448Key
	}
	if dotted, ok := ObjectID(name); ok && !strings.ContainsAny(name[:1], "0123456789") {
		return keyOfAlgorithm(dotted)
	}
	return noKey
}

func keyOfAlgorithm(dotted string) keyKind {
	switch dotted {
	case "1.2.840.113549.1.1.1":
		return rsaKey
	case "1.2.840.113549.1.1.10":
		return pssKey
	case "1.2.840.10040.4.1", "1.2.840.10040.4.3", "1.3.14.3.2.12", "1.3.14.3.2.13", "1.3.14.3.2.27": // the old ones too
		return dsaKey
	case "1.2.840.113549.1.3.1":
		return dhKey
	case "1.2.840.10046.2.1":
		return dhxKey
	case "1.2.840.10045.2.1":
		return ecKey
	case "1.3.101.112":
		return ed25519Key
	case "1.3.101.113":
		return ed448Key
	case "1.3.101.110":
		return x25519Key
	case "1.3.101.111":
		return x448Key
	}
	return noKey
}

// keyIn is the kind of the private key that the octets hold, in PKCS #8 or in the form of its kind. Only the form
// counts, as for openssl: numbers may be any, and what stands behind the key is not looked at.
func keyIn(der []byte) keyKind {
	if kind, ok := pkcs8(der); ok {
		return kind
	}
	switch {
	case isRSA(der):
		return rsaKey
	case isSEC1(der, false):
		return ecKey
	case areIntegers(der, 6):
		return dsaKey
	}
	return noKey
}

// pkcs8 reads a PrivateKeyInfo; ok says that it is one, of whatever kind.
func pkcs8(der []byte) (kind keyKind, ok bool) {
	in := cryptobyte.String(der)
	var info, algorithm, key cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) || !info.SkipASN1(cbasn1.INTEGER) || !info.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!info.ReadASN1(&key, cbasn1.OCTET_STRING) || !algorithm.ReadASN1ObjectIdentifier(&oid) {
		return noKey, false
	}
	if !info.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) || !info.Empty() {
		return noKey, true // attributes may follow, the public key may not
	}
	kind = keyOfAlgorithm(oid.String())
	switch kind {
	case rsaKey, pssKey:
		ok = isRSA(key)
	case ecKey:
		ok = isCurve(algorithm) && isSEC1(key, true)
	case dsaKey, dhKey, dhxKey:
		ok = algorithm.PeekASN1Tag(cbasn1.SEQUENCE) && key.SkipASN1(cbasn1.INTEGER)
	default:
		size := map[keyKind]int{ed25519Key: 32, x25519Key: 32, ed448Key: 57, x448Key: 56}[kind]
		ok = size > 0 && algorithm.Empty() && key.ReadASN1(&key, cbasn1.OCTET_STRING) && len(key) == size
	}
	if !ok {
		kind = noKey
	}
	return kind, true
}

// isRSA reports whether it is an RSAPrivateKey: nine numbers, and more primes in one of version 1.
func isRSA(der []byte) bool {
	in := cryptobyte.String(der)
	var key, version cryptobyte.String
	if !in.ReadASN1(&key, cbasn1.SEQUENCE) || !key.ReadASN1(&version, cbasn1.INTEGER) || !skipIntegers(&key, 8) {
		return false
	}
	var primes cryptobyte.String
	if !key.ReadOptionalASN1(&primes, nil, cbasn1.SEQUENCE) || len(version) == 1 && version[0] == 1 && primes.Empty() {
		return false
	}
	return key.Empty()
}

// areIntegers reports whether it is a sequence of n numbers and nothing else.
func areIntegers(der []byte, n int) bool {
	in := cryptobyte.String(der)
	var numbers cryptobyte.String
	return in.ReadASN1(&numbers, cbasn1.SEQUENCE) && skipIntegers(&numbers, n) && numbers.Empty()
}

func skipIntegers(in *cryptobyte.String, n int) bool {
	for range n {
		if !in.SkipASN1(cbasn1.INTEGER) {
			return false
		}
	}
	return true
}

// isSEC1 reports whether it is an ECPrivateKey on a curve that it names, or that is known already. A public key in it
// is believed to lie there.
func isSEC1(der []byte, curveKnown bool) bool {
	in := cryptobyte.String(der)
	var key, curve cryptobyte.String
	if !in.ReadASN1(&key, cbasn1.SEQUENCE) || !key.SkipASN1(cbasn1.INTEGER) || !key.SkipASN1(cbasn1.OCTET_STRING) {
		return false
	}
	var named bool
	if !key.ReadOptionalASN1(&curve, &named, cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return false
	}
	if named {
		curveKnown = isCurve(curve)
	}
	return key.SkipOptionalASN1(cbasn1.Tag(1).ContextSpecific().Constructed()) && curveKnown && key.Empty()
}

// isCurve reports whether it is ECParameters: the name of a curve that openssl has, or all that makes one.
func isCurve(parameters cryptobyte.String) bool {
	var oid asn1.ObjectIdentifier
	if parameters.PeekASN1Tag(cbasn1.SEQUENCE) {
		return true
	}
	if !parameters.ReadASN1ObjectIdentifier(&oid) {
		return false
	}
	dotted := oid.String()
	if _, _, known := objectNames(dotted); !known {
		return false
	}
	for _, arc := range []string{"1.2.840.10045.3.0.", "1.2.840.10045.3.1.", "1.3.132.0.", "1.3.36.3.3.2.8.1.1.", "2.23.43.1.4.", "1.2.156.10197.1.301"} {
		if strings.HasPrefix(dotted, arc) {
			return true
		}
	}
	return false
}
