package verify

import "bytes"

// likelyIssued reports whether issuer is one that may have issued subject: the
// names fit, neither is invalid, the authority key identifier does not speak
// against it, and the signature is of the issuer's kind of key. Nothing here is
// proof, and neither the CA flag nor key usage nor validity play a part.
func (v *verifier) likelyIssued(subject, issuer *Certificate) bool {
	return v.readBoth(subject, issuer) && whyNotIssued(subject, issuer) == OK
}

// whyNotIssued is likelyIssued with openssl's reason, when both have been read.
func whyNotIssued(subject, issuer *Certificate) Code {
	if !issuer.subject.Equal(subject.issuer) {
		return ErrSubjectIssuerMismatch
	}
	if issuer.invalid || subject.invalid {
		return ErrUnspecified
	}
	if code := issuer.matchesAuthorityKey(subject.authorityKey); code != OK {
		return code
	}
	if !subject.signatureFits(issuer) {
		return ErrSignatureAlgorithmMismatch
	}
	return OK
}

// matchesAuthorityKey compares an authority key identifier with the issuer that
// it should name. What one side does not have is not compared.
func (c *Certificate) matchesAuthorityKey(a *authorityKeyID) Code {
	switch {
	case a == nil:
		return OK
	case a.keyID != nil && c.subjectKeyID != nil && !bytes.Equal(a.keyID, c.subjectKeyID):
		return ErrAKIDSKIDMismatch
	case a.serial != nil && !bytes.Equal(a.serial, c.serial):
		return ErrAKIDIssuerSerialMismatch
	case a.hasIssuer && !a.issuer.Equal(c.issuer):
		return ErrAKIDIssuerSerialMismatch
	}
	return OK
}

// signatureFits reports whether c's signature algorithm, the one inside, is one
// for issuer's kind of key. A key that cannot be read fits nothing.
func (c *Certificate) signatureFits(issuer *Certificate) bool {
	alg, ok := signatureAlgorithm(c.innerAlg.oid)
	if !ok {
		return false
	}
	key := issuer.publicKey()
	return key != nil && (key.kind == alg.key || key.kind == keyRSA && alg.key == keyRSAPSS)
}
