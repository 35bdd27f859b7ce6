package verify

import (
	"strconv"
	"time"
)

// checkSignatures verifies signatures and validity from the anchor down to the
// target (openssl's internal_verify): of each certificate first the signature,
// then the times.
func (v *verifier) checkSignatures() outcome {
	n := len(v.chain) - 1
	issuer, subject := v.chain[n], v.chain[n]
	if !v.likelyIssued(issuer, issuer) && !v.opts.PartialChain {
		if n == 0 {
			if !v.find(ErrUnableToVerifyLeafSignature, 0, issuer, Detail{}) {
				return stop
			}
		} else { // an anchor that is none by itself: neither its signature nor its times count
			n--
			subject = v.chain[n]
		}
	}
	for {
		if !v.checkSignature(n, subject, issuer) || !v.checkTimes(n, subject) {
			return stop
		}
		if n == 0 {
			return proceed
		}
		n--
		issuer, subject = subject, v.chain[n]
	}
}

// checkSignature verifies the signature of subject, at depth n, with issuer's
// key. An anchor's own signature proves nothing and is left out unless asked for;
// then that of an anchor that is invalid (with partial chains) is verified, too.
func (v *verifier) checkSignature(n int, subject, issuer *Certificate) bool {
	depth := n + 1
	if subject == issuer {
		if !v.opts.CheckSSSig || !issuer.selfSigned {
			return true
		}
		depth = n
	}
	if (subject != issuer || issuer.ca) && !issuer.allowsUsage(kuKeyCertSign) {
		return v.find(ErrKeyUsageNoCertSign, depth, issuer, Detail{})
	}
	key := issuer.publicKey()
	if key == nil {
		return v.find(ErrUnableToDecodeIssuerPublicKey, depth, issuer, Detail{})
	}
	if subject.outerAlg.equal(&subject.innerAlg) {
		ok, unsupported := key.verifySignature(&subject.outerAlg, subject.rawTBS, subject.signature, subject.sigUnused)
		if unsupported != "" {
			return v.refuse(ErrUnspecified, n, subject, unsupported)
		}
		if ok {
			return true
		}
	}
	return v.find(ErrCertSignatureFailure, n, subject, Detail{What: "signature", Wanted: "one made with the key of " + issuer.subject.String()})
}

// checkTimes judges the validity of c at depth n.
func (v *verifier) checkTimes(n int, c *Certificate) bool {
	if v.now.off {
		return true
	}
	switch v.now.compare(&c.notBefore) {
	case 0:
		if !v.find(ErrErrorInCertNotBeforeField, n, c, v.timeDetail("notBefore", &c.notBefore)) {
			return false
		}
	case 1:
		if !v.find(ErrCertNotYetValid, n, c, v.timeDetail("notBefore", &c.notBefore)) {
			return false
		}
	}
	switch v.now.compare(&c.notAfter) {
	case 0:
		return v.find(ErrErrorInCertNotAfterField, n, c, v.timeDetail("notAfter", &c.notAfter))
	case -1:
		return v.find(ErrCertHasExpired, n, c, v.timeDetail("notAfter", &c.notAfter))
	}
	return true
}

// timeDetail states the moment that was asked for and the time that is there,
// as text where it is no time.
func (v *verifier) timeDetail(what string, e *element) Detail {
	d := Detail{What: what, Wanted: time.Unix(v.now.seconds, 0).UTC().Format(time.RFC3339)}
	if t, ok := readTime(e, true); ok {
		d.Had = []string{t.Format(time.RFC3339)}
	} else {
		text, _ := stringContents(e)
		d.Had = []string{strconv.QuoteToASCII(string(text))}
	}
	return d
}
