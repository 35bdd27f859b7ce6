package cases

import (
	"bytes"
	"crypto"
	"math/big"
)

func anyHash(r *rng) crypto.Hash {
	return pick(r, crypto.MD5, crypto.SHA1, crypto.SHA224, crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA512_224,
		crypto.SHA512_256, crypto.SHA3_224, crypto.SHA3_256, crypto.SHA3_384, crypto.SHA3_512)
}

// signatureSteps: digests, schemes, damaged signatures, algorithm identifiers and keys.
func signatureSteps() []func(*world) {
	return []func(*world){
		func(w *world) { w.any().hash = anyHash(w.r) },
		func(w *world) {
			c := w.ca()
			c.key = w.key(pick(w.r, "rsa1024", "rsa2048"))
			w.hashBelow(c)
		},
		func(w *world) { // RSA-PSS signatures
			c := w.ca()
			c.key = w.key(pick(w.r, "rsa1024", "rsa2048", "pss1024"))
			w.hashBelow(c)
			for _, child := range w.chain {
				if child.parent() == c {
					child.pss = true
				}
			}
		},
		func(w *world) {
			c := w.ca()
			c.key = w.key(pick(w.r, "p224", "p384", "p521", "ed25519"))
			w.hashBelow(c)
		},
		func(w *world) { // one bit flipped
			at, bit := w.r.IntN(1<<20), byte(1)<<w.r.IntN(8)
			w.any().breakSig = func(sig []byte) []byte {
				sig = bytes.Clone(sig)
				sig[at%len(sig)] ^= bit
				return bitString(0, sig)
			}
		},
		func(w *world) { // one bit of the signed part: the last octet is the end of an extension or of the key
			w.any().breakTBS = func(tbs []byte) []byte {
				tbs = bytes.Clone(tbs)
				tbs[len(tbs)-1] ^= 1
				return tbs
			}
		},
		func(w *world) { // signed by another key
			w.any().signer = w.key(pick(w.r, "", "p256", "rsa1024"))
		},
		func(w *world) { w.any().breakSig = oddSignature(w.r) },
		func(w *world) { w.any().outerAlg = oddAlgorithm(w.r) },
		func(w *world) { w.any().innerAlg = oddAlgorithm(w.r) },
		func(w *world) { c := w.any(); c.outerAlg = oddAlgorithm(w.r); c.innerAlg = oddAlgorithm(w.r) },
		func(w *world) { // no NULL behind rsaEncryption's digest OIDs, or one behind others
			c := w.any()
			k := c.parent().key
			if k.kind == kindRSA {
				c.innerAlg = seq(oid(rsaOID[c.hash]))
				return
			}
			algorithm := k.algorithm(c.hash, false)
			c.innerAlg = seq(algorithm[2:], null())
		},
		func(w *world) { c := w.any(); c.outerAlg = seq(c.parent().key.algorithm(c.hash, c.pss)[2:], null()) },
		func(w *world) { w.any().spki = oddKey(w.r, w.any().key) },
		func(w *world) { w.ca().spki = oddKey(w.r, w.ca().key) },
		func(w *world) {
			w.root().breakSig = func(sig []byte) []byte { return bitString(0, make([]byte, len(sig))) }
			w.maybe(0.6, "-check_ss_sig")
		},
		func(w *world) { w.option("-check_ss_sig") },
		func(w *world) { // the scheme does not fit the key
			c := w.any()
			c.innerAlg = pick(w.r, seq(oid(ecdsaOID[crypto.SHA256])), seq(oid(oidEd25519)), seq(oid(rsaOID[crypto.SHA256]), null()), pssAlgorithm(crypto.SHA256))
		},
	}
}

// hashBelow gives what c signed a digest that c's key has a name for.
func (w *world) hashBelow(c *cert) {
	for _, child := range w.chain {
		if child.parent() == c && w.r.chance(0.7) {
			child.hash = anyHash(w.r)
		}
	}
}

func oddSignature(r *rng) func([]byte) []byte {
	n := r.IntN(9)
	return func(sig []byte) []byte {
		switch n {
		case 0:
			return bitString(1, append(bytes.Clone(sig[:len(sig)-1]), 0))
		case 1:
			return bitString(0, nil)
		case 2:
			return bitString(0, append(bytes.Clone(sig), 0))
		case 3:
			return bitString(0, sig[:len(sig)-1])
		case 4:
			return bitString(0, append([]byte{0}, sig...))
		case 5: // an ECDSA signature in BER
			if len(sig) > 2 && sig[0] == 0x30 {
				return bitString(0, append([]byte{0x30, 0x81, sig[1]}, sig[2:]...))
			}
		case 6:
			return bitString(0, seq(integer(0), integer(0)))
		case 7:
			return bitString(0, seq(integer(-5), integer(5)))
		case 8:
			if len(sig) > 4 && sig[0] == 0x30 && int(sig[3])+4 <= len(sig) { // r with a superfluous leading zero
				body := append([]byte{2, sig[3] + 1, 0}, sig[4:]...)
				return bitString(0, seq(body))
			}
		}
		return bitString(0, sig)
	}
}

func oddAlgorithm(r *rng) []byte {
	return pick(r,
		seq(oid(rsaOID[crypto.SHA256]), null()), seq(oid(rsaOID[crypto.SHA256])), seq(oid(rsaOID[crypto.SHA1]), null()),
		seq(oid(ecdsaOID[crypto.SHA256])), seq(oid(ecdsaOID[crypto.SHA256]), null()), seq(oid(ecdsaOID[crypto.SHA512])),
		seq(oid(oidEd25519)), seq(oid(oidEd25519), null()), seq(oid(oidEd448)),
		seq(oid(oidRSA), null()), seq(oid(oidECKey)), seq(oid(oidUnknown)), seq(oid("1.2.840.113549.1.1.3"), null()), seq(oid("1.2.840.113549.1.1.2"), null()),
		seq(oid(oidPSS)), seq(oid(oidPSS), seq()), pssAlgorithm(crypto.SHA1), pssAlgorithm(crypto.SHA256),
		seq(oid(oidPSS), seq(cons(0, seq(oid(digestOID[crypto.SHA256]), null())))),
		seq(oid(oidPSS), null()), seq(oid("1.3.14.3.2.29"), null()), seq(oid(digestOID[crypto.SHA256]), null()), seq(oid("1.2.156.10197.1.501")))
}

// oddKey is k's SubjectPublicKeyInfo damaged.
func oddKey(r *rng, k *key) []byte {
	point := bytes.Clone(k.bits)
	switch r.IntN(10) {
	case 0:
		return seq(seq(oid(oidUnknown)), bitString(0, k.bits))
	case 1:
		return seq(seq(oid(oidRSA), null()), bitString(0, []byte{1, 2, 3}))
	case 2: // not on the curve
		point[len(point)-1] ^= 1
		return seq(seq(oid(oidECKey), oid(oidP256)), bitString(0, point))
	case 3:
		return seq(seq(oid(oidECKey), oid(oidUnknown)), bitString(0, k.bits))
	case 4:
		return seq(seq(oid(oidEd25519)), bitString(0, k.bits[:min(31, len(k.bits))]))
	case 5:
		return seq(seq(oid(oidRSA), null()), bitString(0, seq(bigInteger(big.NewInt(0)), integer(3))))
	case 6:
		return seq(seq(oid(oidECKey)), bitString(0, k.bits))
	case 7: // compressed, where it is a P-256 point
		if k.kind == kindEC && len(k.bits) == 65 {
			return seq(seq(oid(oidECKey), oid(oidP256)), bitString(0, append([]byte{2 + k.bits[64]&1}, k.bits[1:33]...)))
		}
		return seq(seq(oid(oidRSA)), bitString(0, k.bits))
	case 8:
		return seq(seq(oid(oidDSA)), bitString(0, integer(7)))
	}
	return seq(seq(oid(oidECKey), null()), bitString(0, nil))
}

// timeSteps: validity periods around the checked time, and odd encodings of times.
func timeSteps() []func(*world) {
	edges := []int64{-day, -1, 0, 1, day}
	return []func(*world){
		func(w *world) { w.any().notAfter = timeDER(base + pick(w.r, edges...)) },
		func(w *world) { w.any().notBefore = timeDER(base + pick(w.r, edges...)) },
		func(w *world) { c := w.any(); c.notBefore, c.notAfter = w.window() },
		func(w *world) { c := w.any(); c.notBefore, c.notAfter = c.notAfter, c.notBefore },
		func(w *world) { w.any().notAfter = oddTime(w.r) },
		func(w *world) { w.any().notBefore = oddTime(w.r) },
		func(w *world) { w.any().notAfter = generalizedTime(base + pick(w.r, edges...)) },
		func(w *world) {
			w.attime = pick(w.r, 0, -1, 1, 1<<31, 1<<32, -1<<33, 253402300799, base+40*year, 2524607999, 2524608000)
		},
		func(w *world) { w.option("-no_check_time") },
		func(w *world) { // the real clock
			w.noTime = true
			if w.r.chance(0.5) {
				w.any().notAfter = timeDER(base - 100*day)
			}
			if w.r.chance(0.2) {
				w.any().notBefore = timeDER(base + 29*year)
			}
		},
		func(w *world) {
			for _, c := range w.chain {
				if w.r.chance(0.5) {
					c.notBefore, c.notAfter = w.window()
				}
			}
		},
	}
}

func oddTime(r *rng) []byte {
	return pick(r,
		tlv(0x17, []byte("2506151200Z")), tlv(0x17, []byte("250615120000+0000")), tlv(0x17, []byte("250615120000")), tlv(0x17, []byte("251315120000Z")),
		tlv(0x17, []byte("250230120000Z")), tlv(0x17, []byte("300615120060Z")), tlv(0x17, []byte("500615120000Z")), tlv(0x17, []byte("490615120000Z")),
		tlv(0x17, []byte("991231235959Z")), tlv(0x17, nil), tlv(0x18, []byte("20300615120000.5Z")), tlv(0x18, []byte("203006151200Z")),
		tlv(0x18, []byte("20300615120000+0100")), tlv(0x18, []byte("99991231235959Z")), tlv(0x18, []byte("00000101000000Z")), tlv(0x18, []byte("19700101000000Z")),
		tlv(0x18, []byte("20000229000000Z")), tlv(0x18, []byte("21000229000000Z")), tlv(0x18, []byte("2030061512000 Z")), tlv(0x17, []byte("25061a120000Z")),
		tlv(0x16, []byte("250615120000Z")), tlv(0x18, []byte("20300615240000Z")), tlv(0x17, []byte("300615236000Z")), tlv(0x17, []byte("000615230000Z")))
}
