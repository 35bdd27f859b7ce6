package cases

import "strconv"

// extensionSteps: unknown, critical, malformed and repeated extensions, versions.
func extensionSteps() []func(*world) {
	garbage := func(w *world) []byte {
		return pick(w.r, []byte{}, []byte{0x30, 0x05}, []byte{5, 0}, seq(), octets(nil), []byte{0x30, 0x80, 0, 0}, []byte{1, 1, 0xff}, []byte{0x30, 2, 2, 9})
	}
	known := []string{oidBC, oidKeyUsage, oidEKU, oidNSCertType, oidSKID, oidAKID, oidSAN, oidNC, oidCRLDP,
		oidIAN, oidPolicies, oidMappings, oidConstraints, oidInhibitAny, oidFreshest, oidUnknown, oidNoCheck}
	return []func(*world){
		func(w *world) { w.any().add(pick(w.r, known...), nil, garbage(w)) },
		func(w *world) { w.any().put(pick(w.r, known...), nil, garbage(w)) },
		func(w *world) { w.any().put(pick(w.r, known...), critical, garbage(w)) },
		func(w *world) { // a second one of what is there
			c := w.any()
			if len(c.exts) > 0 {
				c.exts = append(c.exts, pick(w.r, c.exts...))
			}
		},
		func(w *world) { // trailing bytes in a value
			c := w.any()
			if len(c.exts) > 0 {
				e := &c.exts[w.r.IntN(len(c.exts))]
				value := e.value
				e.value = func(c *cert) []byte { return append(append([]byte{}, value(c)...), 0, 1) }
			}
		},
		func(w *world) { // truncated
			c := w.any()
			if len(c.exts) > 0 {
				e := &c.exts[w.r.IntN(len(c.exts))]
				value := e.value
				e.value = func(c *cert) []byte { v := value(c); return v[:len(v)-min(1, len(v))] }
			}
		},
		func(w *world) { w.any().add(oidUnknown, critical, null()) },
		func(w *world) { w.any().add(oidUnknown, critical, null()); w.option("-ignore_critical") },
		func(w *world) { w.any().add(oidUnknown, notCritical, null()) },
		func(w *world) { c := w.any(); c.add(oidUnknown, nil, null()); c.add(oidUnknown, nil, null()) },
		func(w *world) { // criticality changed
			c := w.any()
			if len(c.exts) > 0 {
				c.exts[w.r.IntN(len(c.exts))].critical = pick(w.r, nil, critical, criticalBER, notCritical)
			}
		},
		func(w *world) { // an unhandled critical one first
			c := w.any()
			c.exts = append([]ext{{oidUnknown, critical, fixed(null())}}, c.exts...)
			w.maybe(0.5, "-ignore_critical")
			w.maybe(0.5, "-x509_strict")
		},
		func(w *world) {
			c := w.any()
			w.r.Shuffle(len(c.exts), func(i, j int) { c.exts[i], c.exts[j] = c.exts[j], c.exts[i] })
		},
		func(w *world) { w.any().exts = nil },
		func(w *world) { c := w.any(); c.version = nil; c.exts = nil },
		func(w *world) {
			w.any().version = pick(w.r, nil, cons(0, integer(0)), cons(0, integer(1)), cons(0, integer(3)), cons(0, integer(-1)), cons(0, integer(300)))
		},
		func(w *world) {
			w.any().put(oidCRLDP, nil, pick(w.r, seq(), seq(seq()), seq(seq(prim(1, []byte{1, 0x40}))), seq(distPoint(w.r))))
		},
		func(w *world) { w.any().put(oidIAN, pick(w.r, nil, critical), seq(gnDNS("x"))) },
		func(w *world) { w.any().put(oidSAN, pick(w.r, nil, critical), oddSAN(w.r)) },
	}
}

func oddSAN(r *rng) []byte {
	return seq(pick(r, gnIP(1, 2, 3), gnURI("http://["), gnDNS("gr\xc3\xbc"), gnDNS(""), gnDNS("a\x00b"), gnOther(oidUPN, utf8String("u")),
		gnOther(oidUPN, nil), gnRID("1.2.3"), prim(9, []byte{1}), cons(5, seq()), cons(3, seq()), prim(4, []byte{1}), gnDir(name{}), []byte{5, 0}, gnEmail("@"), prim(8, nil)))
}

// authoritySteps: what makes a CA, and path lengths.
func authoritySteps() []func(*world) {
	return []func(*world){
		func(w *world) { w.ca().drop(oidBC) },
		func(w *world) { w.ca().put(oidBC, critical, basicConstraints(false, noPathLen)) },
		func(w *world) { w.any().put(oidBC, pick(w.r, nil, critical), basicConstraints(true, w.r.IntN(3))) },
		func(w *world) { w.any().put(oidBC, nil, basicConstraints(false, w.r.IntN(2))) },
		func(w *world) {
			w.any().put(oidBC, critical, pick(w.r, basicConstraints(true, -1), seq(boolean(1)), seq(boolean(0)), seq(boolean(0xff), integer(0)), seq(), seq(boolean(0xff), tlv(2, []byte{1, 0, 0, 0, 0}, make([]byte, 8)))))
		},
		func(w *world) { w.ca().put(oidBC, critical, basicConstraints(true, 0)) },
		func(w *world) { w.ca().put(oidBC, critical, basicConstraints(true, 1)) },
		func(w *world) { w.ca().drop(oidKeyUsage) },
		func(w *world) { w.any().put(oidKeyUsage, critical, usage(w.r)) },
		func(w *world) { w.ca().put(oidKeyUsage, critical, usage(w.r)) },
		func(w *world) {
			w.any().put(oidKeyUsage, critical, pick(w.r, bitString(0, nil), bitString(0, []byte{0}), bitString(7, []byte{0x80, 0x80}), bitString(0, []byte{0x04, 0, 0}), bitString(1, []byte{0x07}), bitString(9, []byte{4})))
		},
		func(w *world) { c := w.ca(); c.drop(oidBC); c.put(oidKeyUsage, nil, namedBits(kuCertSign)) },
		func(w *world) {
			c := w.ca()
			c.drop(oidBC)
			c.drop(oidKeyUsage)
			c.put(oidNSCertType, nil, nsType(w.r))
		},
		func(w *world) { c := w.ca(); c.version = nil; c.exts = nil },
		func(w *world) { c := w.root(); c.version = nil; c.exts = nil },
		func(w *world) { c := w.root(); c.exts = nil },
		func(w *world) { // self-issued intermediates in a row
			var issuer *cert
			for _, c := range w.chain {
				if issuer = c.issuer; issuer != nil && c != w.leaf() && w.r.chance(0.6) {
					c.subject = issuer.subject
				}
			}
		},
		func(w *world) { // path lengths everywhere
			for _, c := range w.chain {
				if w.r.chance(0.6) {
					c.put(oidBC, critical, basicConstraints(c != w.leaf(), w.r.IntN(4)))
				}
			}
		},
	}
}

func usage(r *rng) []byte {
	var bits []int
	for b := kuDigitalSignature; b <= kuDecipherOnly; b++ {
		if r.chance(0.35) {
			bits = append(bits, b)
		}
	}
	return namedBits(bits...)
}

func nsType(r *rng) []byte {
	return pick(r, namedBits(0), namedBits(1), namedBits(2), namedBits(3), namedBits(5), namedBits(6), namedBits(7), namedBits(0, 1, 5), namedBits(5, 6, 7),
		bitString(0, []byte{0}), namedBits(4), bitString(0, nil))
}

func setupPurpose(w *world) {
	w.option("-purpose", pick(w.r, "sslclient", "sslserver", "nssslserver", "smimesign", "smimeencrypt", "crlsign", "any", "ocsphelper", "timestampsign"))
	w.maybe(0.05, "-verify_name", pick(w.r, "ssl_server", "smime_sign", "default"))
}

// purposeSteps: extended key usages, key usages and Netscape types against a purpose.
func purposeSteps() []func(*world) {
	return []func(*world){
		func(w *world) { w.leaf().put(oidEKU, nil, uses(w.r)) },
		func(w *world) { w.leaf().put(oidEKU, critical, uses(w.r)) },
		func(w *world) { w.any().put(oidEKU, pick(w.r, nil, critical), uses(w.r)) },
		func(w *world) { w.ca().put(oidEKU, nil, uses(w.r)) },
		func(w *world) { w.leaf().put(oidEKU, critical, eku(oidTimeStamping)) },
		func(w *world) { w.leaf().drop(oidEKU) },
		func(w *world) { w.leaf().put(oidKeyUsage, critical, usage(w.r)) },
		func(w *world) { w.leaf().put(oidKeyUsage, critical, namedBits(w.r.IntN(9))) },
		func(w *world) { w.leaf().drop(oidKeyUsage) },
		func(w *world) { w.any().put(oidNSCertType, nil, nsType(w.r)) },
		func(w *world) { w.leaf().put(oidNSCertType, nil, nsType(w.r)) },
		func(w *world) {
			c := w.ca()
			c.drop(oidBC)
			c.drop(oidKeyUsage)
			c.put(oidNSCertType, nil, nsType(w.r))
		},
		func(w *world) { w.root().drop(oidBC) },
		func(w *world) { w.option("-x509_strict") },
		func(w *world) { w.settle(&w.anchors) },
		func(w *world) {
			w.leaf().put(oidBC, critical, basicConstraints(true, noPathLen))
			w.leaf().put(oidKeyUsage, nil, namedBits(kuCRLSign, kuCertSign))
		},
	}
}

func uses(r *rng) []byte {
	var ids []string
	for range r.IntN(4) {
		ids = append(ids, pick(r, oidServerAuth, oidClientAuth, oidEmail, oidTimeStamping, oidCodeSigning, oidOCSPSigning, oidMSSGC, oidNSSGC, oidAnyEKU, oidUnknown))
	}
	return eku(ids...)
}

func setupStrict(w *world) {
	w.grow(pick(w.r, 1, 2, 2, 3))
	w.option("-x509_strict")
	w.maybe(0.3, "-purpose", pick(w.r, "sslserver", "smimesign", "any", "crlsign"))
}

// strictSteps: every rule of -x509_strict.
func strictSteps() []func(*world) {
	return []func(*world){
		func(w *world) { w.any().put(oidBC, nil, basicConstraints(true, noPathLen)) },
		func(w *world) { w.any().put(oidBC, critical, basicConstraints(false, 1)) },
		func(w *world) { w.any().put(oidBC, critical, basicConstraints(true, 5)); w.ca().drop(oidKeyUsage) },
		func(w *world) { w.ca().drop(oidKeyUsage) },
		func(w *world) { w.leaf().put(oidKeyUsage, critical, namedBits(kuCertSign)) },
		func(w *world) { w.leaf().put(oidKeyUsage, critical, namedBits(kuCRLSign)); w.leaf().subject = name{} },
		func(w *world) { w.any().subject = name{} },
		func(w *world) { n := name{}; w.any().issuerName = &n },
		func(w *world) {
			w.leaf().subject = name{}
			w.leaf().put(oidSAN, pick(w.r, nil, critical), seq(gnDNS("a.example.com")))
		},
		func(w *world) { w.leaf().subject = name{}; w.leaf().drop(oidSAN) },
		func(w *world) { w.any().put(oidSAN, nil, seq()) },
		func(w *world) { w.any().drop(oidAKID) },
		func(w *world) { w.any().drop(oidSKID) },
		func(w *world) { c := w.any(); c.version = pick(w.r, nil, cons(0, integer(1))) },
		func(w *world) { c := w.any(); c.version, c.exts = nil, nil },
		func(w *world) { c := w.any(); c.outerAlg = seq(oid(oidUnknown)) },
		func(w *world) { c := w.any(); c.innerAlg = seq(oid(rsaOID[5]), null()) },
		func(w *world) { c := w.any(); c.put(oidAKID, critical, akid(c.parent().keyID(), nil, nil)) },
		func(w *world) {
			c := w.any()
			c.put(oidSKID, critical, octets(c.keyID()))
			w.option("-ignore_critical")
		},
		func(w *world) {
			c := w.leaf()
			c.put(oidAKID, nil, akid(nil, gnDir(decodeName(c.parent())), c.parent().serial))
		},
		func(w *world) { w.any().drop(oidBC) },
	}
}

func setupLevel(w *world) {
	w.algorithm = ""
	if w.r.chance(0.7) {
		w.algorithm = pick(w.r, "rsa1024", "rsa1536", "rsa2048", "rsa2048", "rsa3072", "p224", "p256", "p256", "p384", "p384", "p521", "ed25519", "ed25519", "pss1024")
	}
	w.option("-auth_level", strconv.Itoa(pick(w.r, -1, 0, 1, 1, 2, 2, 3, 4, 5, 6, 1000)))
	w.grow(pick(w.r, 0, 1, 1, 2, 3))
}

// levelSteps: keys and digests of every strength.
func levelSteps() []func(*world) {
	return append([]func(*world){
		func(w *world) {
			c := w.any()
			c.key = w.key(pick(w.r, "rsa1024", "rsa1536", "rsa2048", "rsa3072", "p224", "p256", "p384", "p521", "ed25519"))
		},
		func(w *world) {
			for _, c := range w.chain {
				c.hash = anyHash(w.r)
			}
		},
		func(w *world) { w.any().hash = anyHash(w.r) },
	}, signatureSteps()[:4]...)
}
