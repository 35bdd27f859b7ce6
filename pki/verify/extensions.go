package verify

// What the next certificate up must be.
const (
	caUnknown = -1 // the target may be anything
	caAlways  = 1
)

// checkExtensions judges what the certificates of the chain say of themselves,
// from the target up (openssl's check_extensions).
func (v *verifier) checkExtensions() outcome {
	mustBeCA, plen := caUnknown, int64(0) // plen: CA certificates below that count for path lengths
	purpose := v.opts.Purpose
	if v.parent != nil {
		purpose = PurposeCRLSign
	}
	for i, c := range v.chain {
		goOn := v.check(!v.opts.IgnoreCritical && c.unhandledCritical, ErrUnhandledCriticalExtension, i) &&
			v.checkCA(i, mustBeCA) &&
			v.checkKey(i) &&
			v.checkStrict(i) &&
			v.checkPurpose(i, purpose, mustBeCA) &&
			v.check(i > 1 && c.pathLen != -1 && plen > c.pathLen, ErrPathLengthExceeded, i)
		if !goOn {
			return stop
		}
		if i > 0 && !c.selfIssued {
			plen++
		}
		mustBeCA = caAlways
	}
	return proceed
}

// caKind is openssl's answer to whether a certificate may be a CA's.
type caKind int

const (
	caNo       caKind = 0
	caYes      caKind = 1 // basicConstraints says so
	caV1Root   caKind = 3 // a self-signed v1 certificate
	caKeyUsage caKind = 4 // no basicConstraints, but keyCertSign
	caNetscape caKind = 5 // neither, but Netscape's certificate type
)

// caKind returns what kind of CA certificate c is (openssl's check_ca).
func (c *Certificate) caKind() caKind {
	switch {
	case c.invalid, !c.allowsUsage(kuKeyCertSign):
		return caNo
	case c.hasBasicConstraints && c.ca:
		return caYes
	case c.hasBasicConstraints:
		return caNo
	case c.version == 0 && c.selfSigned:
		return caV1Root
	case c.hasKeyUsage:
		return caKeyUsage
	case c.hasNSCertType && c.nsCertType&nsAnyCA != 0:
		return caNetscape
	}
	return caNo
}

// allowsUsage reports whether keyUsage is absent or has one of the bits.
func (c *Certificate) allowsUsage(bits uint16) bool { return !c.hasKeyUsage || c.keyUsage&bits != 0 }

// allowsExtUsage reports whether extKeyUsage is absent or names one of the uses.
func (c *Certificate) allowsExtUsage(bits uint16) bool {
	return !c.hasExtKeyUsage || c.extKeyUsage&bits != 0
}

func (c *Certificate) allowsNSType(bits uint8) bool {
	return !c.hasNSCertType || c.nsCertType&bits != 0
}

// checkCA asks for a CA certificate where there must be one. Below the top only
// basicConstraints counts.
func (v *verifier) checkCA(i, mustBeCA int) bool {
	kind := v.chain[i].caKind()
	if mustBeCA == caUnknown {
		return v.check(v.strict() && kind != caYes && kind != caNo, ErrInvalidCA, i)
	}
	top := i+1 == len(v.chain) && !v.strict()
	return v.check(kind == caNo || !top && kind != caYes, ErrInvalidCA, i)
}

// checkKey asks, in chains of more than one certificate, for a key that can be
// decoded: openssl looks at the curve here.
func (v *verifier) checkKey(i int) bool {
	return len(v.chain) == 1 || v.chain[i].publicKey() != nil ||
		v.find(ErrUnspecified, i, v.chain[i], Detail{What: "public key", Wanted: "one that can be decoded"})
}

// checkStrict makes the checks of -x509_strict (RFC 5280), on chains of more
// than one certificate.
func (v *verifier) checkStrict(i int) bool {
	if !v.strict() || len(v.chain) == 1 {
		return true
	}
	c := v.chain[i]
	noSubject := c.subject.Empty()
	last := i+1 == len(v.chain)
	v3 := c.version >= 2
	return v.check(c.pathLen != -1 && !c.ca, ErrPathlenInvalidForNonCA, i) &&
		v.check(c.pathLen != -1 && c.keyUsage&kuKeyCertSign == 0, ErrPathlenWithoutKUKeyCertSign, i) &&
		v.check(c.ca && !c.bconsCritical, ErrCABConsNotCritical, i) &&
		v.check(c.ca && !c.hasKeyUsage, ErrCACertMissingKeyUsage, i) &&
		v.check(!c.ca && c.keyUsage&kuKeyCertSign != 0, ErrKUKeyCertSignInvalidForNonCA, i) &&
		v.check(c.issuer.Empty(), ErrIssuerNameEmpty, i) &&
		v.check(noSubject && (c.ca || c.keyUsage&kuCRLSign != 0 || !c.hasAltNames), ErrSubjectNameEmpty, i) &&
		v.check(noSubject && c.hasAltNames && !c.altNamesCritical, ErrEmptySubjectSANNotCritical, i) &&
		v.check(c.hasAltNames && len(c.altNames) == 0, ErrEmptySubjectAltName, i) &&
		v.check(!c.outerAlg.equal(&c.innerAlg), ErrSignatureAlgInconsistency, i) &&
		v.check(v3 && !last && (c.authorityKey == nil || c.authorityKey.keyID == nil), ErrMissingAuthorityKeyIdentifier, i) &&
		v.check(v3 && c.ca && c.subjectKeyID == nil, ErrMissingSubjectKeyIdentifier, i) &&
		v.check(!v3 && len(c.exts) > 0, ErrExtensionsRequireVersion3, i)
}
