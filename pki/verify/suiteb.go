package verify

// suiteB is a set of levels of security of RFC 6460, openssl's bits without their offset.
type suiteB uint8

const (
	suiteB128Only suiteB = 1 << iota // P-256 allowed
	suiteB192                        // P-384 allowed

	suiteB128 = suiteB128Only | suiteB192
)

// levels returns the set that the option stands for.
func (s SuiteB) levels() suiteB {
	switch s {
	case SuiteB128Only:
		return suiteB128Only
	case SuiteB128:
		return suiteB128
	case SuiteB192:
		return suiteB192
	}
	return 0
}

const (
	oidP256            = "\x2a\x86\x48\xce\x3d\x03\x01\x07"
	oidP384            = "\x2b\x81\x04\x00\x22"
	oidECDSAWithSHA256 = "\x2a\x86\x48\xce\x3d\x04\x03\x02"
	oidECDSAWithSHA384 = "\x2a\x86\x48\xce\x3d\x04\x03\x03"
)

// checkSuiteB asks for the algorithms of Suite B, if that is wanted.
func (v *verifier) checkSuiteB() outcome {
	code, depth := v.opts.SuiteB.levels().checkChain(v.chain)
	if code != OK && !v.find(code, depth, v.chain[depth], Detail{}) {
		return stop
	}
	return proceed
}

// checkKey judges a key, and the algorithm of a signature made with it ("" for none). Once P-384
// was met, the issuers above must be of that curve too: the level of P-256 is taken off.
func (s *suiteB) checkKey(key *publicKey, signature string) Code {
	if key == nil || key.kind != keyEC {
		return ErrSuiteBInvalidAlgorithm
	}
	switch key.suiteBCurve() {
	case oidP384:
		switch {
		case signature != "" && signature != oidECDSAWithSHA384:
			return ErrSuiteBInvalidSignatureAlg
		case *s&suiteB192 == 0:
			return ErrSuiteBLOSNotAllowed
		}
		*s &^= suiteB128Only
	case oidP256:
		switch {
		case signature != "" && signature != oidECDSAWithSHA256:
			return ErrSuiteBInvalidSignatureAlg
		case *s&suiteB128Only == 0:
			return ErrSuiteBLOSNotAllowed
		}
	default:
		return ErrSuiteBInvalidCurve
	}
	return OK
}

// suiteBCurve returns the curve's name. A curve that is spelt out has its name, too, if openssl knows
// the parameters; only chains of one certificate may have one.
func (k *publicKey) suiteBCurve() string {
	c, ok := k.curve.(*primeCurve)
	if !k.explicit || !ok {
		return k.named
	}
	for _, oid := range []string{oidP256, oidP384} {
		if known, ok := curveByOID(oid).(*primeCurve); ok && known.same(c) {
			return oid
		}
	}
	return ""
}

func (c *primeCurve) same(o *primeCurve) bool {
	return c.p.Cmp(o.p) == 0 && c.a.Cmp(o.a) == 0 && c.b.Cmp(o.b) == 0 && c.n.Cmp(o.n) == 0 &&
		c.g.x.Cmp(o.g.x) == 0 && c.g.y.Cmp(o.g.y) == 0 && c.g.z.Cmp(o.g.z) == 0
}

// checkChain judges a whole chain from the leaf on and returns the depth of the fault.
func (s suiteB) checkChain(chain []*Certificate) (Code, int) {
	if s == 0 {
		return OK, 0
	}
	level := s
	leaf := chain[0]
	if leaf.version != 2 {
		return ErrSuiteBInvalidVersion, 0
	}
	if code := level.checkKey(leaf.publicKey(), ""); code != OK {
		return s.explain(code, level), 0
	}
	signed := leaf
	for i, c := range chain[1:] {
		depth := i + 1
		if c.version != 2 {
			return ErrSuiteBInvalidVersion, depth
		}
		if code := level.checkKey(c.publicKey(), signed.outerAlg.oid); code != OK {
			return s.explain(code, level), blame(code, depth)
		}
		signed = c
	}
	// The top certificate's own signature, as if it were its own issuer's.
	if code := level.checkKey(signed.publicKey(), signed.outerAlg.oid); code != OK {
		return s.explain(code, level), blame(code, len(chain))
	}
	return OK, 0
}

// blame is the depth to report: a wrong signature algorithm or level is the signed certificate's.
func blame(code Code, depth int) int {
	if code == ErrSuiteBInvalidSignatureAlg || code == ErrSuiteBLOSNotAllowed {
		return depth - 1
	}
	return depth
}

// explain tells a curve that is never allowed from one that was, until P-384 was met.
func (s suiteB) explain(code Code, level suiteB) Code {
	if code == ErrSuiteBLOSNotAllowed && level != s {
		return ErrSuiteBCannotSignP384WithP256
	}
	return code
}
