package verify_test

import "testing"

func TestCRLScopeAgreesWithOpenSSL(t *testing.T) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	cert := func(exts ...forgedExt) *forgedCert {
		return forgedCert{name: forgeCN("leaf"), issuer: root, serial: 7, exts: exts}.issue()
	}
	relative := forgeTLV(0xa0, forgeTLV(0xa1, forgeAttr("2.5.4.11", "a")))
	a, b := forgeFullName(forgeURI("http://a")), forgeFullName(forgeURI("http://b"))
	dirA := forgeFullName(forgeDir(forgeCN("root", "A")))
	reasons := func(tag byte, octets ...byte) []byte { return forgeTLV(tag, []byte{0}, octets) }
	elsewhere := forgeTLV(0xa2, forgeDir(forgeCN("elsewhere")))
	relativeTo := func(attrs ...[]byte) []byte { return forgeTLV(0xa0, forgeTLV(0xa1, attrs...)) }
	unitA, nameB := forgeAttr("2.5.4.11", "a"), forgeAttr("2.5.4.3", "b")
	unmade := relativeTo(attr("2.5.4.11", forgeTLV(0x0c, []byte{0xff}))) // no UTF-8
	rdn := func(attrs ...[]byte) []byte { return forgeTLV(0x31, attrs...) }
	ofRoot := func(rdns ...[]byte) []byte {
		return forgeFullName(forgeDir(forgeSeq(append([][]byte{rdn(forgeAttr("2.5.4.3", "root"))}, rdns...)...)))
	}
	points := map[string]*forgedCert{
		"no point":             cert(),
		"point a":              cert(forgeCRLDP(forgeSeq(a))),
		"points b, a":          cert(forgeCRLDP(forgeSeq(b), forgeSeq(a))),
		"relative point":       cert(forgeCRLDP(forgeSeq(relative))),
		"relative point a, b":  cert(forgeCRLDP(forgeSeq(relativeTo(unitA, nameB)))),
		"relative point b, a":  cert(forgeCRLDP(forgeSeq(relativeTo(nameB, unitA)))),
		"unmade point":         cert(forgeCRLDP(forgeSeq(unmade))),
		"unmade point, then a": cert(forgeCRLDP(forgeSeq(unmade), forgeSeq(a))),
		"a, then unmade point": cert(forgeCRLDP(forgeSeq(a), forgeSeq(unmade))),
		"two in an RDN":        cert(forgeCRLDP(forgeSeq(ofRoot(rdn(unitA, nameB))))),
		"two RDNs":             cert(forgeCRLDP(forgeSeq(ofRoot(rdn(unitA), rdn(nameB))))),
		"point of no name":     cert(forgeCRLDP(forgeSeq(forgeFullName(forgeDir(forgeSeq()))))),
		"directory point":      cert(forgeCRLDP(forgeSeq(dirA))),
		"foreign issuer":       cert(forgeCRLDP(forgeSeq(a, elsewhere))),
		"own issuer":           cert(forgeCRLDP(forgeSeq(a, forgeTLV(0xa2, forgeDir(forgeCN("ROOT")))))),
		"point for some":       cert(forgeCRLDP(forgeSeq(a, reasons(0x81, 0x40)))),
		"point for none":       cert(forgeCRLDP(forgeSeq(a, reasons(0x81)))),
		"points by reason":     cert(forgeCRLDP(forgeSeq(a, reasons(0x81, 0x60)), forgeSeq(b, reasons(0x81, 0x1f, 0x80)))),
		"ca":                   cert(forgedCA, forgedCAUse),
	}
	lists := map[string][]forgedExt{
		"plain":              nil,
		"empty":              {forgeIDP()},
		"malformed":          {{extIDP, true, []byte{0x30, 5}}},
		"two":                {forgeIDP(forgeTLV(0x82, forgedTrue)), forgeIDP(forgeTLV(0x82, forgedTrue))},
		"a":                  {forgeIDP(a)},
		"b":                  {forgeIDP(b)},
		"c and a":            {forgeIDP(forgeFullName(forgeURI("http://c"), forgeURI("http://a")))},
		"upper case a":       {forgeIDP(forgeFullName(forgeURI("HTTP://A")))},
		"relative":           {forgeIDP(relative)},
		"relative a, b":      {forgeIDP(relativeTo(unitA, nameB))},
		"unmade":             {forgeIDP(unmade)},
		"directory":          {forgeIDP(forgeFullName(forgeDir(forgeSeq(forgeTLV(0x31, forgeAttr("2.5.4.3", "root")), forgeTLV(0x31, forgeAttr("2.5.4.11", "A"))))))},
		"other case of it":   {forgeIDP(forgeFullName(forgeDir(forgeCN("Root", "a"))))},
		"users":              {forgeIDP(forgeTLV(0x81, forgedTrue))},
		"users, true as 1":   {forgeIDP(forgeTLV(0x81, []byte{1}))},
		"cas":                {forgeIDP(forgeTLV(0x82, forgedTrue))},
		"attributes":         {forgeIDP(forgeTLV(0x85, forgedTrue))},
		"users and cas":      {forgeIDP(forgeTLV(0x81, forgedTrue), forgeTLV(0x82, forgedTrue))},
		"indirect":           {forgeIDP(forgeTLV(0x84, forgedTrue))},
		"indirect a":         {forgeIDP(a, forgeTLV(0x84, forgedTrue))},
		"some reasons":       {forgeIDP(reasons(0x83, 0x40))},
		"no reasons":         {forgeIDP(reasons(0x83))},
		"unknown reasons":    {forgeIDP(reasons(0x83, 0x80))},
		"all reasons":        {forgeIDP(reasons(0x83, 0x7f, 0x80))},
		"a for some reasons": {forgeIDP(a, reasons(0x83, 0x60))},
	}
	var trials []trial
	for point, leaf := range points {
		for list, exts := range lists {
			for _, extended := range []bool{false, true} {
				tr := trial{
					name: point + " against " + list, ca: []*forgedCert{root}, target: leaf, args: []string{"-crl_check"},
					crls: [][]byte{forgedCRL{issuer: root, exts: exts}.issue()},
				}
				if extended {
					tr.name += " extended"
					tr.args = append(tr.args, "-extended_crl")
				}
				trials = append(trials, tr)
			}
		}
	}
	some := func(exts ...forgedExt) []byte { return forgedCRL{issuer: root, exts: exts}.issue() }
	for name, crls := range map[string][][]byte{
		"two lists cover all":       {some(forgeIDP(a, reasons(0x83, 0x60))), some(forgeIDP(b, reasons(0x83, 0x1f, 0x80)))},
		"two lists cover not all":   {some(forgeIDP(a, reasons(0x83, 0x60))), some(forgeIDP(b, reasons(0x83, 0x0f, 0x80)))},
		"plain beside some reasons": {some(forgeIDP(a, reasons(0x83, 0x60))), some()},
		"second list expired": {
			some(forgeIDP(a, reasons(0x83, 0x60))),
			forgedCRL{issuer: root, next: forgeTime, exts: []forgedExt{forgeIDP(b, reasons(0x83, 0x1f, 0x80))}, entries: []forgedEntry{{serial: 7}}}.issue(),
		},
	} {
		for _, point := range []string{"points by reason", "no point", "points b, a"} {
			trials = append(trials, trial{
				name: name + " for " + point, ca: []*forgedCert{root}, target: points[point], crls: crls,
				args: []string{"-crl_check", "-extended_crl"},
			})
		}
	}
	// The same name in other octets.
	otherName := func(value []byte) []byte {
		return forgeFullName(forgeTLV(0xa0, forgeOID("1.2.3"), forgeTLV(0xa0, value)))
	}
	ediName := func(party ...byte) []byte { return forgeFullName(forgeTLV(0xa5, forgeTLV(0xa1, party))) }
	for kind, names := range map[string]map[string][]byte{
		"other name": {
			"a": otherName([]byte{0x0c, 1, 'a'}), "long a": otherName([]byte{0x0c, 0x81, 1, 'a'}), "a in pieces": otherName(pieces(0x0c, []byte("a"), nil)),
			"a in IA5": otherName([]byte{0x16, 1, 'a'}), "a bit": otherName(forgeBits(7, 0x80)), "8 bits": otherName(forgeBits(0, 0x80)),
			"sequence": otherName([]byte{0x30, 2, 5, 0}), "long sequence": otherName([]byte{0x30, 0x81, 2, 5, 0}),
		},
		"EDI party": {"a": ediName(0x0c, 1, 'a'), "long a": ediName(0x0c, 0x81, 1, 'a'), "printable a": ediName(0x13, 1, 'a')},
		"X.400":     {"address": forgeFullName([]byte{0xa3, 2, 5, 0}), "long address": forgeFullName([]byte{0xa3, 0x81, 2, 5, 0})},
	} {
		for name, point := range names {
			for list, idp := range names {
				trials = append(trials, trial{
					name: kind + ", " + name + " against " + list, ca: []*forgedCert{root}, target: cert(forgeCRLDP(forgeSeq(point))),
					args: []string{"-crl_check"}, crls: [][]byte{forgedCRL{issuer: root, exts: []forgedExt{forgeIDP(idp)}}.issue()},
				})
			}
		}
	}
	// A point without name and issuer makes a certificate invalid, which an anchor may be.
	for name, points := range map[string]forgedExt{
		"empty point":              forgeCRLDP(forgeSeq()),
		"reasons only":             forgeCRLDP(forgeSeq(reasons(0x81, 0x40))),
		"empty point, then a":      forgeCRLDP(forgeSeq(), forgeSeq(a)),
		"a, then an empty point":   forgeCRLDP(forgeSeq(a), forgeSeq()),
		"empty point and relative": forgeCRLDP(forgeSeq(elsewhere), forgeSeq(), forgeSeq(relative)),
	} {
		anchor := forgedCert{name: forgeCN("root"), exts: append([]forgedExt{points}, asRoot...)}.issue()
		for list, exts := range lists {
			trials = append(trials, trial{
				name: name + " in an anchor against " + list, ca: []*forgedCert{anchor}, target: anchor,
				args: []string{"-partial_chain", "-crl_check"}, crls: [][]byte{forgedCRL{issuer: anchor, exts: exts}.issue()},
			})
		}
	}
	agree(t, trials, map[string]string{
		"point a against b":                                    "error 44 at 0",
		"two in an RDN against relative a, b":                  "error 44 at 0",
		"two RDNs against relative a, b":                       "OK",
		"relative point b, a against relative a, b":            "error 44 at 0",
		"unmade point against unmade":                          "error 44 at 0",
		"point of no name against unmade":                      "error 44 at 0",
		"unmade point, then a against a":                       "error 3 at 0",
		"other name, a bit against 8 bits":                     "OK",
		"other name, sequence against long sequence":           "error 44 at 0",
		"EDI party, a against long a":                          "OK",
		"X.400, address against long address":                  "error 44 at 0",
		"a, then unmade point against a":                       "OK",
		"reasons only in an anchor against a":                  "error 3 at 0",
		"a, then an empty point in an anchor against a":        "OK",
		"points by reason against a for some reasons extended": "error 3 at 0",
		"two lists cover all for points by reason":             "OK",
	})
}
