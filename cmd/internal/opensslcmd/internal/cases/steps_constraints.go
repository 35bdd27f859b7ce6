package cases

// setupConstraints gives CAs name constraints and the leaf names from the same small alphabet, so that every
// relation of the two occurs.
func setupConstraints(w *world) {
	w.grow(pick(w.r, 1, 1, 2, 2, 3))
	for _, c := range w.chain[1:] {
		if w.r.chance(0.6) {
			c.put(oidNC, pick(w.r, nil, critical), nameConstraints(w.r))
		}
		if w.r.chance(0.15) {
			c.put(oidSAN, nil, seq(constrained(w.r)))
		}
	}
	for _, c := range w.chain[:len(w.chain)-1] {
		if w.r.chance(0.2) && c.issuer != nil {
			c.subject = c.issuer.subject
		}
	}
	leaf := w.leaf()
	var sans [][]byte
	for range w.r.IntN(4) {
		sans = append(sans, constrained(w.r))
	}
	leaf.drop(oidSAN)
	if len(sans) > 0 {
		leaf.put(oidSAN, nil, seq(sans...))
	}
	if w.r.chance(0.7) {
		leaf.subject = constrainedSubject(w.r)
	}
}

func nameConstraints(r *rng) []byte {
	var parts [][]byte
	for _, tag := range []byte{0, 1} {
		var trees [][]byte
		for range r.IntN(3) {
			extra := []byte(nil)
			if r.chance(0.04) {
				extra = pick(r, prim(0, []byte{1}), prim(0, []byte{0}), prim(1, []byte{2}))
			}
			trees = append(trees, seq(constraint(r), extra))
		}
		if len(trees) > 0 || r.chance(0.1) {
			parts = append(parts, cons(tag, trees...))
		}
	}
	return seq(parts...)
}

func constraint(r *rng) []byte {
	switch r.IntN(16) {
	case 0, 1, 2, 3, 4:
		return gnDNS(pick(r, "example.com", ".example.com", "a.example.com", "com", "", "EXAMPLE.com", ".", "example.com.", "*.example.com", "ple.com"))
	case 5, 6, 7:
		return gnEmail(pick(r, "example.com", ".example.com", "a@example.com", "A@example.com", "a@EXAMPLE.COM", "", "@example.com", "a@", "sub.example.com"))
	case 8, 9:
		return gnURI(pick(r, "example.com", ".example.com", "a.example.com", "", "EXAMPLE.com", "https://example.com", "10.0.0.1"))
	case 10, 11:
		return pick(r, gnIP(10, 0, 0, 0, 255, 0, 0, 0), gnIP(10, 0, 0, 0, 255, 0, 255, 0), gnIP(0, 0, 0, 0, 0, 0, 0, 0), gnIP(append(append([]byte{}, v6...), v6...)...), gnIP(10, 0, 0, 1),
			gnIP(10, 0, 0, 1, 255, 255, 255, 255), gnIP(make([]byte, 32)...))
	case 12, 13:
		return gnDir(pick(r, name{}, name{{text(oidO, tagUTF8, "Org")}}, name{{text(oidO, tagPrintable, "  ORG")}}, name{{text(oidC, tagPrintable, "DE")}}, name{{text(oidO, tagUTF8, "Org")}, {text(oidCN, tagUTF8, "leaf")}}))
	}
	return pick(r, gnRID("1.2.3"), gnOther(oidUPN, utf8String("u@example.com")), gnOther(oidSmtpUTF8, utf8String("example.com")), cons(5, seq()), gnOther(oidSmtpUTF8, utf8String("a@example.com")))
}

func constrained(r *rng) []byte {
	switch r.IntN(14) {
	case 0, 1, 2, 3, 4:
		return gnDNS(pick(r, "example.com", "a.example.com", "b.a.example.com", "example.org", "A.EXAMPLE.COM", "", "*.example.com", ".example.com", "notexample.com", "example.com.", "com"))
	case 5, 6, 7:
		return gnEmail(pick(r, "a@example.com", "A@example.com", "b@sub.example.com", "a@EXAMPLE.com", "nobody", "@example.com", "a@", "a@b@example.com", ""))
	case 8, 9:
		return gnURI(pick(r, "https://example.com/", "https://a.example.com:443/x", "http://u@a.example.com", "example.com", "https://", "urn:x", "ldap://EXAMPLE.com", "https://10.0.0.1/", "https://example.com", "://example.com", "https:///x"))
	case 10, 11:
		return pick(r, gnIP(10, 0, 0, 1), gnIP(10, 9, 0, 1), gnIP(192, 168, 0, 1), gnIP(v6...), gnIP(1, 2, 3))
	}
	return pick(r, gnDir(name{{text(oidO, tagUTF8, "org")}, {text(oidCN, tagUTF8, "leaf")}}), gnDir(cn("x")), gnRID("1.2.3"), gnOther(oidUPN, utf8String("u@example.com")),
		gnOther(oidSmtpUTF8, utf8String("a@example.com")), gnOther(oidSmtpUTF8, utf8String("gr\u00fc@sub.example.com")), gnOther(oidSmtpUTF8, ia5String("a@example.com")), gnDir(name{}))
}

func constrainedSubject(r *rng) name {
	var n name
	if r.chance(0.3) {
		n = append(n, []attr{text(oidC, tagPrintable, "DE")})
	}
	if r.chance(0.6) {
		n = append(n, []attr{text(oidO, tagUTF8, pick(r, "Org", "org", "Other"))})
	}
	for range r.IntN(3) {
		n = append(n, []attr{text(oidCN, pick[byte](r, tagUTF8, tagPrintable, tagIA5, tagBMP, tagT61), pick(r, "leaf", "a.example.com", "example.com", "example.org", "a.example.com.", "a..com", "-a.com", "a-.com",
			"a_b.example.com", "*.example.com", "a.example.com\x00", "a.example.com\x00b", "10.0.0.1", ".example.com", "a.-b.com", "gr\u00fc.example.com", "a b.example.com", "com"))})
	}
	for range r.IntN(2) {
		n = append(n, []attr{text(oidEmailAddress, pick[byte](r, tagIA5, tagIA5, tagUTF8), pick(r, "a@example.com", "b@other.org", "nobody", ""))})
	}
	return n
}

// setupPolicy gives every certificate policies, and the run policy options.
func setupPolicy(w *world) {
	w.grow(pick(w.r, 1, 2, 2, 3, 3, 4))
	often := pick(w.r, 0.95, 0.5, 0.1)
	for _, c := range w.chain {
		if w.r.chance(0.8) {
			c.put(oidPolicies, pick(w.r, nil, nil, critical), policies(w.r))
		}
		if w.r.chance(0.3 * often) {
			c.put(oidMappings, pick(w.r, nil, critical), mappings(w.r))
		}
		if w.r.chance(0.25 * often) {
			c.put(oidConstraints, pick(w.r, nil, critical), policyConstraints(w.r))
		}
		if w.r.chance(0.2 * often) {
			c.put(oidInhibitAny, pick(w.r, nil, critical), integer(int64(w.r.IntN(3))))
		}
	}
	for _, c := range w.chain[1 : len(w.chain)-1] {
		if w.r.chance(0.15) && c.issuer != nil {
			c.subject = c.issuer.subject
		}
	}
	for range w.r.IntN(3) {
		w.option("-policy", pick(w.r, append(policyIDs, "2.5.29.32.0", "anyPolicy", "X509v3 Any Policy", "serverAuth")...))
	}
	w.maybe(0.35, "-explicit_policy")
	w.maybe(0.2, "-inhibit_any")
	w.maybe(0.2, "-inhibit_map")
	w.maybe(0.4, "-policy_check")
	w.maybe(0.3, "-policy_print")
	w.maybe(0.02, "-policy", pick(w.r, "nonsense", "1.2.3.", "1..2", "3.1"))
}

var policyIDs = []string{"1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4"}

func policies(r *rng) []byte {
	var list [][]byte
	for range 1 + r.IntN(3) {
		id := pick(r, append(policyIDs, oidAnyPolicy)...)
		var qualifiers []byte
		if r.chance(0.2) {
			qualifiers = pick(r,
				seq(seq(oid("1.3.6.1.5.5.7.2.1"), ia5String("https://cps.example.com"))),
				seq(seq(oid("1.3.6.1.5.5.7.2.2"), seq(utf8String("a notice")))),
				seq(seq(oid("1.3.6.1.5.5.7.2.2"), seq(seq(utf8String("org"), seq(integer(1), integer(2))), utf8String("text")))),
				seq(seq(oid(oidUnknown), null())))
		}
		list = append(list, seq(oid(id), qualifiers))
	}
	return seq(list...)
}

func mappings(r *rng) []byte {
	var list [][]byte
	for range 1 + r.IntN(2) {
		from, to := pick(r, policyIDs...), pick(r, policyIDs...)
		if r.chance(0.03) {
			from = oidAnyPolicy
		}
		if r.chance(0.03) {
			to = oidAnyPolicy
		}
		list = append(list, seq(oid(from), oid(to)))
	}
	return seq(list...)
}

func policyConstraints(r *rng) []byte {
	var parts [][]byte
	if r.chance(0.7) {
		parts = append(parts, prim(0, []byte{byte(r.IntN(4))}))
	}
	if r.chance(0.4) {
		parts = append(parts, prim(1, []byte{byte(r.IntN(3))}))
	}
	return seq(parts...)
}

// policySteps: malformed policy extensions.
func policySteps() []func(*world) {
	return []func(*world){
		func(w *world) {
			w.any().put(oidPolicies, nil, pick(w.r, seq(), []byte{0x30, 1}, seq(seq(oid("1.2.3.1")), seq(oid("1.2.3.1"))), seq(seq()), null(), append(policies(w.r), 0)))
		},
		func(w *world) {
			w.any().put(oidConstraints, nil, pick(w.r, seq(), null(), seq(prim(0, []byte{0x80})), seq(prim(1, []byte{0xff})), seq(prim(0, []byte{})), seq(prim(0, []byte{0, 200}))))
		},
		func(w *world) {
			w.any().put(oidMappings, nil, pick(w.r, seq(), null(), seq(seq()), seq(seq(oid("1.2.3.1")))))
		},
		func(w *world) {
			w.any().put(oidInhibitAny, nil, pick(w.r, integer(-1), null(), []byte{}, integer(1<<40)))
		},
		func(w *world) { c := w.any(); c.add(oidPolicies, nil, policies(w.r)) },
		func(w *world) {
			c := w.any()
			c.add(pick(w.r, oidConstraints, oidMappings, oidInhibitAny), nil, integer(1))
		},
		func(w *world) { w.any().drop(oidPolicies) },
		func(w *world) {
			w.option(pick(w.r, "-policy_check", "-explicit_policy", "-inhibit_any", "-inhibit_map"))
		},
		func(w *world) { w.option("-policy", "anyPolicy") },
	}
}
