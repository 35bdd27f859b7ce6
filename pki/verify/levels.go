package verify

import "strconv"

// levelBits are the bits that a security level asks for.
var levelBits = [...]int{0, 80, 112, 128, 192, 256}

// minBits returns the bits that -auth_level asks for; 0 is no limit.
func (v *verifier) minBits() int {
	return levelBits[min(max(v.opts.SecLevel, 0), len(levelBits)-1)]
}

// strongKey reports whether c's key is as strong as the level asks; one that
// cannot be decoded is not. Of one that is not supported checkSupported tells.
func (v *verifier) strongKey(c *Certificate) bool {
	if v.opts.SecLevel <= 0 {
		return true
	}
	key := c.publicKey()
	return key != nil && (key.bits >= v.minBits() || key.unsupported != "")
}

func (v *verifier) keyDetail(c *Certificate) Detail {
	d := Detail{What: "bits of security of the key", Wanted: strconv.Itoa(v.minBits())}
	if key := c.publicKey(); key != nil {
		d.Had = []string{strconv.Itoa(key.bits)}
	}
	return d
}

// checkLevels asks for the strength of the issuers' keys and of all signatures
// but the anchor's own.
func (v *verifier) checkLevels() outcome {
	if v.opts.SecLevel <= 0 {
		return proceed
	}
	for i, c := range v.chain {
		if i > 0 && !v.strongKey(c) && !v.find(ErrCAKeyTooSmall, i, c, v.keyDetail(c)) {
			return stop
		}
		if i == len(v.chain)-1 {
			continue
		}
		if bits := c.signatureBits(); bits < v.minBits() {
			d := Detail{What: "bits of security of the signature", Wanted: strconv.Itoa(v.minBits()), Had: []string{strconv.Itoa(bits)}}
			if !v.find(ErrCAMDTooWeak, i, c, d) {
				return stop
			}
		}
	}
	return proceed
}

// signatureBits is the strength of c's signature by its outer algorithm, -1 if
// openssl cannot tell.
func (c *Certificate) signatureBits() int {
	sig, ok := signatureAlgorithm(c.outerAlg.oid)
	if !ok || !c.finished() {
		return -1
	}
	switch sig.key {
	case keyEd25519:
		return 128
	case keyRSAPSS:
		p, ok := parsePSSParams(&c.outerAlg)
		if !ok || p.hash == nil || p.mask == nil || p.salt < 0 || p.trailer != 1 {
			return -1
		}
		return p.hash.bits
	}
	switch sig.hash { // known to openssl, though it verifies nothing with them
	case "MD4", "MDC-2":
		return 64
	}
	hash := hashByName(sig.hash)
	if hash == nil || sig.own {
		return -1
	}
	return hash.bits
}
