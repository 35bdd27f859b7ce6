package verify_test

import (
	"strings"
	"testing"
)

func TestIndirectCRLAgreesWithOpenSSL(t *testing.T) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	otherRoot := forgedCert{name: forgeCN("other root"), exts: asRoot}.issue()
	point := forgeCRLDP(forgeSeq(forgeTLV(0xa2, forgeDir(forgeCN("crl issuer")))))
	leaf := forgedCert{name: forgeCN("leaf"), issuer: root, serial: 7, exts: []forgedExt{point}}.issue()
	base := forgedCert{name: forgeCN("crl issuer"), issuer: root, serial: 8, exts: []forgedExt{forgedCRLKU}}
	good := base.issue()
	with := func(change func(*forgedCert)) *forgedCert {
		c := base
		change(&c)
		return c.issue()
	}
	deep := forgedCert{name: forgeCN("crl ca"), issuer: root, serial: 9, exts: asRoot}.issue()
	issuers := map[string]*forgedCert{
		"good":           good,
		"expired":        with(func(c *forgedCert) { c.to = forgeTime.AddDate(0, 0, -1) }),
		"not yet valid":  with(func(c *forgedCert) { c.from = forgeTime.AddDate(0, 0, 1) }),
		"no CRL signing": with(func(c *forgedCert) { c.exts = []forgedExt{forgedDSKU} }),
		"critical":       with(func(c *forgedCert) { c.exts = append(c.exts, forgedExt{"1.2.3.4", true, []byte{5, 0}}) }),
		"other anchor":   with(func(c *forgedCert) { c.issuer = otherRoot }),
		"unknown anchor": with(func(c *forgedCert) { c.issuer = forgedCert{name: forgeCN("x"), exts: asRoot}.issue() }),
		"below a CA":     with(func(c *forgedCert) { c.issuer = deep }),
		"no key usage":   with(func(c *forgedCert) { c.exts = nil }),
		"points itself":  with(func(c *forgedCert) { c.exts = append(c.exts, point) }),
	}
	indirect := forgeIDP(forgeTLV(0x84, forgedTrue))
	own := forgedEntry{7, []forgedExt{{extCertIss, true, forgeSeq(forgeDir(forgeCN("root")))}}}
	var trials []trial
	for name, issuer := range issuers {
		lists := map[string]forgedCRL{
			"clean":            {exts: []forgedExt{indirect}},
			"listed":           {exts: []forgedExt{indirect}, entries: []forgedEntry{own}},
			"listed for it":    {exts: []forgedExt{indirect}, entries: []forgedEntry{{serial: 7}}},
			"carried on":       {exts: []forgedExt{indirect}, entries: []forgedEntry{{5, own.exts}, {serial: 7}}},
			"not indirect":     {},
			"expired list":     {exts: []forgedExt{indirect}, next: forgeTime},
			"key identifier":   {exts: []forgedExt{indirect, {extAKID, false, forgeSeq(forgeTLV(0x80, issuer.keyID()))}}},
			"other identifier": {exts: []forgedExt{indirect, {extAKID, false, forgeSeq(forgeTLV(0x80, root.keyID()))}}},
		}
		options := map[string][]string{
			"":           {"-crl_check", "-extended_crl"},
			" plain":     {"-crl_check"},
			" all":       {"-crl_check_all", "-extended_crl"},
			" for a":     {"-crl_check", "-extended_crl", "-verify_hostname", "a"},
			" purpose":   {"-crl_check", "-extended_crl", "-purpose", "sslserver"},
			" crlsign":   {"-crl_check", "-extended_crl", "-purpose", "crlsign"},
			" partial":   {"-crl_check", "-extended_crl", "-partial_chain"},
			" policy":    {"-crl_check", "-extended_crl", "-explicit_policy"},
			" policies":  {"-crl_check", "-extended_crl", "-policy_check", "-policy_print"},
			" uncritial": {"-crl_check", "-extended_crl", "-ignore_critical"},
		}
		for list, l := range lists {
			l.issuer = issuer
			for option, args := range options {
				if list != "clean" && option != "" && option != " all" {
					continue
				}
				tr := trial{
					name: name + " " + list + option, ca: []*forgedCert{root, otherRoot}, untrusted: []*forgedCert{issuer, deep},
					target: leaf, crls: [][]byte{l.issue()}, args: args,
				}
				trials = append(trials, tr)
			}
		}
		trials = append(trials, trial{
			name: name + " with a trusted list", trusted: []*forgedCert{root, otherRoot}, untrusted: []*forgedCert{issuer, deep},
			target: leaf, crls: [][]byte{forgedCRL{issuer: issuer, exts: []forgedExt{indirect}}.issue()}, args: []string{"-crl_check", "-extended_crl"},
		})
	}
	agree(t, trials, map[string]string{
		"good clean":  "OK",
		"good listed": "error 23 at 0",
		// What the path of a CRL's issuer goes on after does not make the target fail.
		"expired clean":            "[CRL path] error 10 at 0 depth lookup: certificate has expired\ntarget.pem: OK",
		"other anchor clean":       "error 54 at 0",
		"good with a trusted list": "[CRL path] error 20",
	})
}

// openssl reads a certificate's extensions when it first needs them, and it shows.
func TestCRLIssuerReadLateAgreesWithOpenSSL(t *testing.T) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	point := forgeCRLDP(forgeSeq(forgeTLV(0xa2, forgeDir(forgeCN("crl issuer")))))
	sub := forgedCert{name: forgeCN("sub"), issuer: root, serial: 2, exts: asRoot}.issue()
	low := forgedCert{name: forgeCN("low"), issuer: sub, serial: 3, exts: append([]forgedExt{point}, asRoot...)}.issue()
	old := forgedCert{name: forgeCN("low"), issuer: sub, serial: 4, exts: append([]forgedExt{point}, asRoot...), key: low.key, to: forgeTime}.issue()
	targets := map[string]*forgedCert{
		"of root":     forgedCert{name: forgeCN("leaf"), issuer: root, serial: 7, exts: []forgedExt{point}}.issue(),
		"of sub":      forgedCert{name: forgeCN("leaf"), issuer: sub, serial: 7, exts: []forgedExt{point}}.issue(),
		"of low":      forgedCert{name: forgeCN("leaf"), issuer: low, serial: 7, exts: []forgedExt{point}}.issue(),
		"self-issued": forgedCert{name: forgeCN("sub"), issuer: sub, serial: 7, exts: []forgedExt{point}}.issue(),
	}
	issuers := map[string]*forgedCert{
		"may not sign": forgedCert{name: forgeCN("crl issuer"), issuer: root, serial: 8, exts: []forgedExt{forgedDSKU}}.issue(),
		"may sign":     forgedCert{name: forgeCN("crl issuer"), issuer: root, serial: 8, exts: []forgedExt{forgedCRLKU}}.issue(),
		"named low":    forgedCert{name: forgeCN("low"), issuer: root, serial: 8, exts: []forgedExt{forgedDSKU}}.issue(),
		"named sub":    forgedCert{name: forgeCN("sub"), issuer: root, serial: 8, exts: []forgedExt{forgedDSKU}}.issue(),
	}
	akids := map[string][]forgedExt{
		"no identifier":    nil,
		"own identifier":   nil,
		"other identifier": {{extAKID, false, forgeSeq(forgeTLV(0x80, []byte{1, 2, 3}))}},
		"other serial":     {{extAKID, false, forgeSeq(forgeTLV(0xa1, forgeDir(root.name)), forgeTLV(0x82, []byte{9}))}},
	}
	var trials []trial
	for who, target := range targets {
		for what, issuer := range issuers {
			for akid, exts := range akids {
				for order, untrusted := range map[string][]*forgedCert{
					"first": {issuer, sub, low}, "last": {low, sub, issuer}, "between": {low, issuer, sub}, "old one": {old, issuer, low, sub},
				} {
					exts := exts
					if akid == "own identifier" {
						exts = []forgedExt{{extAKID, false, forgeSeq(forgeTLV(0x80, issuer.keyID()))}}
					}
					list := forgedCRL{issuer: issuer, exts: append([]forgedExt{forgeIDP(forgeTLV(0x84, forgedTrue))}, exts...)}.issue()
					for _, args := range [][]string{{"-crl_check", "-extended_crl"}, {"-crl_check_all", "-extended_crl"}} {
						trials = append(trials, trial{
							name: strings.Join([]string{who, what, akid, order, args[0]}, ", "), ca: []*forgedCert{root},
							untrusted: untrusted, target: target, crls: [][]byte{list}, args: args,
						})
						trials = append(trials, trial{
							name: strings.Join([]string{who, what, akid, order, args[0], "leaf trusted"}, ", "), ca: []*forgedCert{target},
							untrusted: untrusted, target: target, crls: [][]byte{list}, args: append([]string{"-partial_chain"}, args...),
						})
					}
				}
			}
		}
	}
	agree(t, trials, map[string]string{
		"of low, named low, own identifier, first, -crl_check":   "error 35 at 0",
		"of low, named low, own identifier, last, -crl_check":    "[CRL path] error 26 at 0",
		"of sub, may not sign, no identifier, first, -crl_check": "[CRL path] error 26 at 0",
	})
}
