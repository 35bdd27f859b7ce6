package verify

// checkPurpose asks whether the certificate at depth i may serve the purpose,
// as an end entity or as a CA. Of a trusted certificate, explicit trust settings
// decide first.
func (v *verifier) checkPurpose(i int, purpose Purpose, mustBeCA int) bool {
	if purpose == PurposeNone {
		return true
	}
	c := v.chain[i]
	settings := undecided
	if i >= v.numUntrusted && purpose == v.opts.Purpose {
		settings = c.trustFor(v.trustID, false)
	}
	switch settings {
	case trusted:
		return true
	case undecided:
		fits := c.serves(purpose, mustBeCA > 0)
		if fits == 1 || fits != 0 && !v.strict() {
			return true
		}
	}
	return v.find(ErrInvalidPurpose, i, c, Detail{What: "purpose", Wanted: purpose.String()})
}

// serves is openssl's X509_check_purpose: 0 is no, 1 is yes, and any other
// number is a yes with reservations, which -x509_strict does not take.
func (c *Certificate) serves(purpose Purpose, asCA bool) int {
	if c.invalid {
		return -1
	}
	switch purpose {
	case PurposeSSLClient:
		return c.servesTLS(xkuClientAuth, nsClient, kuDigitalSignature|kuKeyAgreement, asCA)
	case PurposeSSLServer, PurposeNSSSLServer:
		fits := c.servesTLS(xkuServerAuth|xkuSGC, nsServer, kuDigitalSignature|kuKeyEncipherment|kuKeyAgreement, asCA)
		if purpose == PurposeNSSSLServer && !asCA && !c.allowsUsage(kuKeyEncipherment) {
			return 0
		}
		return fits
	case PurposeSMIMESign:
		return c.servesMail(kuDigitalSignature|kuNonRepudiation, asCA)
	case PurposeSMIMEEncrypt:
		return c.servesMail(kuKeyEncipherment, asCA)
	case PurposeCRLSign:
		if asCA {
			return int(c.caKind())
		}
		return yes(c.allowsUsage(kuCRLSign))
	case PurposeOCSPHelper:
		if asCA {
			return int(c.caKind())
		}
	case PurposeTimestamp:
		if asCA {
			return int(c.caKind())
		}
		return yes(c.servesTimestamps())
	}
	return 1
}

func yes(ok bool) int {
	if ok {
		return 1
	}
	return 0
}

func (c *Certificate) servesTLS(extUsage uint16, nsType uint8, usage uint16, asCA bool) int {
	if !c.allowsExtUsage(extUsage) {
		return 0
	}
	if asCA {
		kind := c.caKind()
		return yes(kind != caNo && (kind != caNetscape || c.nsCertType&nsSSLCA != 0))
	}
	return yes(c.allowsUsage(usage) && c.allowsNSType(nsType))
}

func (c *Certificate) servesMail(usage uint16, asCA bool) int {
	if !c.allowsExtUsage(xkuEmail) {
		return 0
	}
	if asCA {
		kind := c.caKind()
		if kind == caNetscape && c.nsCertType&nsEmailCA == 0 {
			return 0
		}
		return int(kind)
	}
	switch {
	case !c.allowsUsage(usage):
		return 0
	case c.allowsNSType(nsEmail):
		return 1
	case c.nsCertType&nsClient != 0: // a workaround in openssl for certificates of its time
		return 2
	}
	return 0
}

// servesTimestamps follows RFC 3161 section 2.3: time stamping is the only use,
// and critical.
func (c *Certificate) servesTimestamps() bool {
	const signing = kuDigitalSignature | kuNonRepudiation
	if c.hasKeyUsage && (c.keyUsage&^signing != 0 || c.keyUsage&signing == 0) {
		return false
	}
	if !c.hasExtKeyUsage || c.extKeyUsage != xkuTimeStamping {
		return false
	}
	x, _ := c.extension(oidExtKeyUsage)
	return x.critical
}
