package cases

import (
	"bytes"
	"crypto"
	"slices"
)

// setupCRL gives every CA a CRL, mostly with others' serials in it, and switches the check on.
func setupCRL(w *world) {
	w.grow(pick(w.r, 1, 1, 2, 2, 3))
	for _, c := range w.chain[1:] {
		if w.r.chance(0.9) {
			w.publish(w.crl(c))
		}
	}
	w.option(pick(w.r, "-crl_check", "-crl_check_all", "-crl_check_all"))
	w.maybe(0.3, "-extended_crl")
	w.maybe(0.15, "-use_deltas")
}

// crl is a list of issuer's as it should be: a third of them revoke something that issuer signed.
func (w *world) crl(issuer *cert) *crl {
	l := &crl{
		issuer: issuer, version: integer(1), hash: crypto.SHA256,
		thisUpdate: timeDER(base - int64(1+w.r.IntN(20))*day), nextUpdate: timeDER(base + 40*year),
	}
	for range w.r.IntN(2) {
		l.entries = append(l.entries, entryFor([]byte{byte(w.r.IntN(100)), 1, 2, 3}))
	}
	if w.r.chance(0.3) {
		l.entries = append(l.entries, entryFor(w.pickIssued(issuer).serial))
	}
	if w.r.chance(0.7) {
		l.exts = append(l.exts, ext{oidAKID, nil, func(c *cert) []byte { return akid(c.keyID(), nil, nil) }})
		l.put(oidCRLNumber, nil, integer(int64(1+w.r.IntN(5))))
	}
	return l
}

func entryFor(serial []byte) revoked {
	return revoked{serial: serial, date: timeDER(base - 30*day)}
}

// publish puts l into -CRLfile or, where there is one, into -CAfile.
func (w *world) publish(l *crl) {
	if w.useStore && w.r.chance(0.3) {
		w.storeCRLs = append(w.storeCRLs, l)
		return
	}
	if w.r.chance(0.5) {
		w.crls = append([]*crl{l}, w.crls...)
		return
	}
	w.crls = append(w.crls, l)
}

func (w *world) pickIssued(issuer *cert) *cert {
	for _, c := range w.chain {
		if c.issuer == issuer {
			return c
		}
	}
	return issuer
}

// list is any CRL of the case; a case without one gets one.
func (w *world) list() *crl {
	all := append(slices.Clone(w.crls), w.storeCRLs...)
	if len(all) == 0 {
		l := w.crl(w.ca())
		w.publish(l)
		w.option("-crl_check")
		return l
	}
	return pick(w.r, all...)
}

// crlSteps: everything that may be odd about a CRL.
func crlSteps() []func(*world) {
	steps := []func(*world){
		func(w *world) { l := w.list(); l.entries = append(l.entries, entryFor(w.any().serial)) },
		func(w *world) { // revoked, with a reason
			l := w.list()
			e := entryFor(w.pickIssued(l.issuer).serial)
			e.exts = []ext{{oidReason, nil, fixed(tlv(0x0a, []byte{byte(w.r.IntN(12))}))}}
			l.entries = append(l.entries, e)
		},
		func(w *world) { // an entry with a critical extension
			l := w.list()
			e := entryFor(pick(w.r, w.pickIssued(l.issuer).serial, []byte{1, 2, 3}))
			e.exts = []ext{{pick(w.r, oidUnknown, oidReason, oidCertIssuer), critical, fixed(null())}}
			l.entries = append(l.entries, e)
			w.maybe(0.4, "-ignore_critical")
		},
		func(w *world) { // certificateIssuer, which stays in force for the entries behind
			l := w.list()
			e := entryFor([]byte{1, 2})
			e.exts = []ext{{oidCertIssuer, critical, fixed(seq(gnDir(pick(w.r, cn("nobody"), l.issuer.subject, w.any().subject))))}}
			l.entries = append(l.entries, e, entryFor(w.pickIssued(l.issuer).serial))
			w.maybe(0.6, "-extended_crl")
		},
		func(w *world) { w.list().thisUpdate = timeDER(base + pick[int64](w.r, -1, 0, 1, day, -10*year)) },
		func(w *world) { w.list().nextUpdate = timeDER(base + pick[int64](w.r, -1, 0, 1, day, -year)) },
		func(w *world) { w.list().nextUpdate = nil },
		func(w *world) { w.list().thisUpdate = oddTime(w.r) },
		func(w *world) { w.list().nextUpdate = oddTime(w.r) },
		func(w *world) { w.list().signer = w.key("") },
		func(w *world) { l := w.list(); l.outerAlg = oddAlgorithm(w.r) },
		func(w *world) { l := w.list(); l.innerAlg = oddAlgorithm(w.r) },
		func(w *world) { w.list().breakSig = oddSignature(w.r) },
		func(w *world) { w.list().hash = crypto.SHA1 },
		func(w *world) { w.list().version = pick(w.r, nil, integer(0), integer(2), integer(-1)) },
		func(w *world) { l := w.list(); n := l.issuer.subject.variant(w.r); l.issuerName = &n },
		func(w *world) { l := w.list(); n := cn("nobody"); l.issuerName = &n },
		func(w *world) { w.list().put(oidAKID, nil, akid(bytes.Repeat([]byte{9}, 20), nil, nil)) },
		func(w *world) { w.list().put(oidAKID, nil, akid(nil, gnDir(cn("nobody")), []byte{4})) },
		func(w *world) { w.list().put(oidUnknown, pick(w.r, nil, critical), null()) },
		func(w *world) {
			w.list().put(pick(w.r, oidAKID, oidIDP, oidCRLNumber, oidDelta, oidFreshest), pick(w.r, nil, critical), pick(w.r, null(), []byte{0x30, 4}, seq(), []byte{}))
		},
		func(w *world) {
			w.list().put(oidIDP, pick(w.r, nil, critical), idp(w.r))
			w.maybe(0.5, "-extended_crl")
		},
		func(w *world) {
			w.list().put(oidIDP, critical, idp(w.r))
			w.any().put(oidCRLDP, nil, distPoints(w.r, w))
		},
		func(w *world) { w.any().put(oidCRLDP, nil, distPoints(w.r, w)); w.maybe(0.3, "-extended_crl") },
		func(w *world) { c := w.ca(); c.put(oidKeyUsage, critical, namedBits(kuCertSign)) },
		func(w *world) { w.crls = nil },
		func(w *world) { w.storeCRLs = append(w.storeCRLs, w.crls...); w.crls = nil; w.useStore = true },
		func(w *world) { w.list().put(oidCRLNumber, critical, integer(4)) },
		func(w *world) { l := w.list(); l.exts = append(l.exts, l.exts...) },
	}
	return append(steps, crlTwinSteps()...)
}

func crlTwinSteps() []func(*world) {
	return []func(*world){
		func(w *world) { // a newer or older list of the same issuer with other entries
			l := w.list().twin()
			l.entries = nil
			if w.r.chance(0.6) {
				l.entries = []revoked{entryFor(w.pickIssued(l.issuer).serial)}
			}
			l.thisUpdate = timeDER(base - int64(1+w.r.IntN(40))*day)
			w.publish(l)
		},
		func(w *world) { // an expired one beside it
			l := w.list().twin()
			l.nextUpdate = timeDER(base - day)
			w.publish(l)
		},
		func(w *world) { // two halves by reason
			l := w.list()
			t := l.twin()
			l.put(oidIDP, critical, seq(prim(3, []byte{0, 0x7f})))
			t.put(oidIDP, critical, seq(prim(3, pick(w.r, []byte{7, 0xff, 0x80}, []byte{0, 0x60}))))
			w.publish(t)
			w.option("-extended_crl")
		},
		func(w *world) { // signed by a twin of the issuer that lies elsewhere
			l := w.list()
			t := l.issuer.twin()
			t.key, t.serial = w.key(""), []byte{92}
			l.issuer = t
			w.place(t)
			w.maybe(0.7, "-extended_crl")
		},
		func(w *world) { // the CRL of a renamed or re-keyed root
			c := w.root()
			w.publish(w.crl(c))
		},
	}
}

func reasonFlags(r *rng) []byte {
	b := namedBits(1+r.IntN(8), 1+r.IntN(8))
	return b[2:]
}

func idp(r *rng) []byte {
	var parts [][]byte
	if r.chance(0.4) {
		parts = append(parts, cons(0, distName(r)))
	}
	for _, tag := range []byte{1, 2} {
		if r.chance(0.2) {
			parts = append(parts, prim(tag, []byte{pick[byte](r, 0xff, 0xff, 0)}))
		}
	}
	if r.chance(0.3) {
		parts = append(parts, prim(3, reasonFlags(r)))
	}
	if r.chance(0.3) {
		parts = append(parts, prim(4, []byte{0xff}))
	}
	if r.chance(0.08) {
		parts = append(parts, prim(5, []byte{0xff}))
	}
	return seq(parts...)
}

// distName is a DistributionPointName: full names, or relative to the issuer.
func distName(r *rng) []byte {
	uri := gnURI(pick(r, "http://crl.example.com/1", "http://crl.example.com/2"))
	switch r.IntN(5) {
	case 0:
		rdn := set(seq(oid(oidCN), utf8String(pick(r, "one", "ONE", "two"))))
		rdn[0] = 0xa1
		return rdn
	case 1:
		return cons(0, gnDir(name{{text(oidCN, tagUTF8, "intermediate 1")}, {text(oidCN, tagUTF8, "one")}}))
	case 2:
		return cons(0, uri, gnDir(cn("root")))
	}
	return cons(0, uri)
}

func distPoint(r *rng) []byte { return cons(0, distName(r)) }

func distPoints(r *rng, w *world) []byte {
	var points [][]byte
	for range 1 + r.IntN(2) {
		var parts [][]byte
		if r.chance(0.7) {
			parts = append(parts, distPoint(r))
		}
		if r.chance(0.3) {
			parts = append(parts, prim(1, reasonFlags(r)))
		}
		if r.chance(0.35) || len(parts) == 0 {
			parts = append(parts, cons(2, gnDir(pick(r, w.any().subject, cn("CRL issuer"), cn("nobody")))))
		}
		points = append(points, seq(parts...))
	}
	return seq(points...)
}

// setupIndirect has an issuer of CRLs that is not on the path.
func setupIndirect(w *world) {
	w.grow(pick(w.r, 1, 2, 2, 3))
	parent := w.ca()
	signer := w.cert(parent, cn("CRL issuer"), w.key(""))
	if w.r.chance(0.25) { // a separate key of the CA itself
		signer.subject = pick(w.r, parent.subject, w.leaf().parent().subject)
	}
	w.dressIDs(signer)
	signer.put(oidKeyUsage, critical, pick(w.r, namedBits(kuCRLSign), namedBits(kuCRLSign), namedBits(kuCRLSign, kuCertSign), namedBits(kuDigitalSignature)))
	if w.r.chance(0.3) {
		signer.put(oidBC, critical, basicConstraints(w.r.chance(0.7), noPathLen))
	}
	if w.r.chance(0.1) {
		signer.issuer = nil
	}
	list := pick(w.r, &w.untrusted, &w.untrusted, &w.untrusted, &w.anchors)
	w.placeIn(list, signer)
	l := w.crl(signer)
	if w.r.chance(0.85) {
		l.put(oidIDP, critical, pick(w.r, seq(prim(4, []byte{0xff})), seq(prim(4, []byte{0xff})), idp(w.r)))
	}
	target := w.issued()
	e := entryFor(pick(w.r, target.serial, []byte{3, 3, 3}))
	e.exts = []ext{{oidCertIssuer, critical, fixed(seq(gnDir(target.parent().subject)))}}
	l.entries = append(l.entries, e)
	w.publish(l)
	for _, c := range w.chain {
		if w.r.chance(0.75) {
			c.put(oidCRLDP, nil, seq(seq(distPart(w.r), cons(2, gnDir(signer.subject)))))
		}
	}
	for _, c := range w.chain[1:] {
		if w.r.chance(0.7) {
			w.publish(w.crl(c))
		}
	}
	w.option(pick(w.r, "-crl_check", "-crl_check", "-crl_check_all"))
	w.maybe(0.9, "-extended_crl")
	if w.r.chance(0.7) {
		w.useStore = true
	}
}

func distPart(r *rng) []byte {
	if r.chance(0.3) {
		return distPoint(r)
	}
	return nil
}

// setupDelta has base and delta CRLs.
func setupDelta(w *world) {
	w.grow(pick(w.r, 1, 2))
	for _, c := range w.chain[1:] {
		complete := w.crl(c)
		complete.put(oidCRLNumber, nil, integer(5))
		if w.r.chance(0.6) {
			complete.put(oidFreshest, nil, seq(seq(distPoint(w.r))))
		}
		w.publish(complete)
		for range 1 + w.r.IntN(2) {
			delta := complete.twin()
			delta.entries = nil
			if w.r.chance(0.6) {
				e := entryFor(w.pickIssued(c).serial)
				if w.r.chance(0.5) {
					e.exts = []ext{{oidReason, nil, fixed(tlv(0x0a, []byte{pick[byte](w.r, 8, 1, 6)}))}}
				}
				delta.entries = []revoked{e}
			}
			delta.drop(oidFreshest)
			delta.put(oidCRLNumber, nil, integer(int64(4+w.r.IntN(5))))
			delta.put(oidDelta, critical, integer(int64(3+w.r.IntN(4))))
			if w.r.chance(0.2) {
				delta.nextUpdate = timeDER(base - day)
			}
			if w.r.chance(0.1) {
				delta.thisUpdate = timeDER(base + day)
			}
			w.publish(delta)
		}
		if w.r.chance(0.4) {
			w.pickIssued(c).put(oidFreshest, nil, seq(seq(distPoint(w.r))))
		}
	}
	w.option(pick(w.r, "-crl_check", "-crl_check_all"))
	w.maybe(0.85, "-use_deltas")
	w.maybe(0.3, "-extended_crl")
}
