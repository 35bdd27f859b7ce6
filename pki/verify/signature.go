package verify

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
)

// sigAlgorithm is a signature algorithm: the kind of key it belongs to and its
// hash.
type sigAlgorithm struct {
	oid  string
	key  keyKind
	hash string // "": none, or said in the parameters
	own  bool   // hash is what openssl falls back to; the algorithm itself names none
}

// sigAlgorithms is openssl's table (OBJ_find_sigid_algs), without the key
// agreements and without GOST, whose keys it cannot decode. What is not here is
// nobody's signature: no issuer is ever found for it.
var sigAlgorithms = [...]sigAlgorithm{
	{oid: "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", key: keyRSA, hash: "SHA-256"},
	{oid: "\x2a\x86\x48\xce\x3d\x04\x03\x02", key: keyEC, hash: "SHA-256"},
	{oid: "\x2a\x86\x48\xce\x3d\x04\x03\x03", key: keyEC, hash: "SHA-384"},
	{oid: "\x2a\x86\x48\xce\x3d\x04\x03\x04", key: keyEC, hash: "SHA-512"},
	{oid: "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", key: keyRSA, hash: "SHA-384"},
	{oid: "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", key: keyRSA, hash: "SHA-512"},
	{oid: "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", key: keyRSA, hash: "SHA-1"},
	{oid: oidEd25519, key: keyEd25519},
	{oid: oidEd448, key: keyEd448},
	{oid: oidRSASSAPSS, key: keyRSAPSS},
	{oid: "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e", key: keyRSA, hash: "SHA-224"},
	{oid: "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", key: keyRSA, hash: "MD5"},
	{oid: "\x2b\x0e\x03\x02\x1d", key: keyRSA, hash: "SHA-1"}, // OIW
	{oid: "\x2b\x0e\x03\x02\x03", key: keyRSA, hash: "MD5"},   // OIW
	{oid: "\x2b\x24\x03\x03\x01\x02", key: keyRSA, hash: "RIPEMD-160"},
	{oid: "\x60\x86\x48\x01\x65\x03\x04\x03\x0d", key: keyRSA, hash: "SHA3-224"},
	{oid: "\x60\x86\x48\x01\x65\x03\x04\x03\x0e", key: keyRSA, hash: "SHA3-256"},
	{oid: "\x60\x86\x48\x01\x65\x03\x04\x03\x0f", key: keyRSA, hash: "SHA3-384"},
	{oid: "\x60\x86\x48\x01\x65\x03\x04\x03\x10", key: keyRSA, hash: "SHA3-512"},
	{oid: "\x2a\x86\x48\xce\x3d\x04\x01", key: keyEC, hash: "SHA-1"},
	{oid: "\x2a\x86\x48\xce\x3d\x04\x03\x01", key: keyEC, hash: "SHA-224"},
	{oid: "\x2a\x86\x48\xce\x3d\x04\x02", key: keyEC, hash: "SHA-256", own: true}, // ecdsa-with-Recommended
	{oid: "\x2a\x86\x48\xce\x3d\x04\x03", key: keyEC, hash: "SHA-256", own: true}, // ecdsa-with-Specified
	{oid: "\x2a\x86\x48\xce\x38\x04\x03", key: keyDSA, hash: "SHA-1"},
	{oid: "\x2b\x0e\x03\x02\x1b", key: keyDSA, hash: "SHA-1"}, // OIW
	{oid: "\x60\x86\x48\x01\x65\x03\x04\x03\x01", key: keyDSA, hash: "SHA-224"},
	{oid: "\x60\x86\x48\x01\x65\x03\x04\x03\x02", key: keyDSA, hash: "SHA-256"},
	{oid: "\x2a\x81\x1c\xcf\x55\x01\x83\x75", key: keySM2, hash: "SM3"},
	{oid: "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02", key: keyRSA, hash: "MD2"},
	{oid: "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x03", key: keyRSA, hash: "MD4"},
	{oid: "\x55\x08\x03\x64", key: keyRSA, hash: "MDC-2"},
	{oid: "\x2b\x0e\x03\x02\x0f", key: keyRSA, hash: "SHA-0"}, // OIW
	{oid: "\x2b\x0e\x03\x02\x0d", key: keyDSA, hash: "SHA-0"}, // OIW
}

func signatureAlgorithm(oid string) (*sigAlgorithm, bool) {
	for i := range sigAlgorithms {
		if sigAlgorithms[i].oid == oid {
			return &sigAlgorithms[i], true
		}
	}
	return nil, false
}

// verifySignature checks signature over message. alg is the outer algorithm
// identifier; that it equals the inner one is checked by the caller. unused is
// the number of unused bits in the signature's BIT STRING. unsupported names
// what openssl might verify and this package does not.
func (k *publicKey) verifySignature(alg *algorithm, message, signature []byte, unused int) (ok bool, unsupported string) {
	sig, known := signatureAlgorithm(alg.oid)
	if !known || unused != 0 {
		return false, ""
	}
	if k.unsupported != "" {
		return false, "key type " + k.unsupported
	}
	if sig.key == keyRSAPSS && (k.kind == keyRSA || k.kind == keyRSAPSS) {
		return k.verifyPSS(alg, message, signature)
	}
	if sig.key != k.kind {
		return false, ""
	}
	if k.kind == keyEd25519 {
		return ed25519.Verify(k.edwards, message, signature), ""
	}
	hash := hashByName(sig.hash)
	switch {
	case hash == nil:
		return false, ""
	case hash.std == 0:
		return false, "the hash function " + hash.name
	case k.kind == keyEC:
		return ecdsa.VerifyASN1(k.ec, hash.sum(message), signature), ""
	case k.rsa == nil:
		return false, k.refusedRSA()
	}
	return rsa.VerifyPKCS1v15(k.rsa, hash.std, hash.sum(message), signature) == nil, ""
}
