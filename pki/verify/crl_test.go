package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pkitool/pkitool/internal/openssltest"
)

const (
	extNumber   = "2.5.29.20"
	extReason   = "2.5.29.21"
	extDelta    = "2.5.29.27"
	extIDP      = "2.5.29.28"
	extCertIss  = "2.5.29.29"
	extCRLDP    = "2.5.29.31"
	extAKID     = "2.5.29.35"
	extFreshest = "2.5.29.46"
)

var forgedTrue = []byte{0xff}

func forgeIDP(parts ...[]byte) forgedExt { return forgedExt{extIDP, true, forgeSeq(parts...)} }

// forgeFullName is a distributionPoint field with a full name.
func forgeFullName(names ...[]byte) []byte { return forgeTLV(0xa0, forgeTLV(0xa0, names...)) }

func forgeCRLDP(points ...[]byte) forgedExt { return forgedExt{extCRLDP, false, forgeSeq(points...)} }

func TestCRLAgreesWithOpenSSL(t *testing.T) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	leaf := forgedCert{name: forgeCN("leaf"), issuer: root, serial: 7}.issue()
	other := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	negative := forgedCert{name: forgeCN("leaf"), issuer: root, serial: -100}.issue()
	listed := []forgedEntry{{serial: 7}}
	day := func(n int) time.Time { return forgeTime.AddDate(0, 0, n) }
	critical := forgedExt{"1.2.3.4", true, []byte{5, 0}}
	badReason := forgedExt{extReason, false, []byte{5, 0}}
	remove := forgedExt{extReason, false, []byte{10, 1, 8}}

	reasoned := func(number ...byte) forgedCRL {
		return forgedCRL{entries: []forgedEntry{{7, []forgedExt{{extReason, false, forgeTLV(10, number)}}}}}
	}
	one := func(name string, l forgedCRL, args ...string) trial {
		if l.issuer == nil {
			l.issuer = root
		}
		return trial{
			name: name, ca: []*forgedCert{root}, target: leaf, crls: [][]byte{l.issue()},
			args: append([]string{"-crl_check"}, args...),
		}
	}
	agree(t, []trial{
		one("not listed", forgedCRL{}),
		one("listed", forgedCRL{entries: listed}),
		one("not asked for", forgedCRL{entries: listed}, "-policy_check"),
		one("listed among others", forgedCRL{entries: []forgedEntry{{serial: 3}, {serial: 7}, {serial: 700}}}),
		one("listed with a reason", forgedCRL{entries: []forgedEntry{{7, []forgedExt{{extReason, false, []byte{10, 1, 6}}}}}}),
		one("removed", forgedCRL{entries: []forgedEntry{{7, []forgedExt{remove}}}}),
		one("removed by a reason of five octets", reasoned(1, 0, 0, 0, 8)),
		one("removed by a negative reason", reasoned(0xff, 0, 0, 0, 8)),
		one("listed with a reason of nine octets", reasoned(0, 0xff, 0, 0, 0, 0, 0, 0, 8)),
		one("removed, then listed", forgedCRL{entries: []forgedEntry{{7, []forgedExt{remove}}, {serial: 7}}}),
		one("listed, then removed", forgedCRL{entries: []forgedEntry{{serial: 7}, {7, []forgedExt{remove}}}}),
		one("whole chain", forgedCRL{}, "-crl_check_all"),
		one("root listed", forgedCRL{entries: []forgedEntry{{serial: 1}}}, "-crl_check_all"),
		one("no nextUpdate", forgedCRL{endless: true}),
		one("expired", forgedCRL{next: day(-1)}),
		one("expired this second", forgedCRL{next: forgeTime}),
		one("made this second", forgedCRL{this: forgeTime}),
		one("expired and listed", forgedCRL{next: day(-1), entries: listed}),
		one("not yet valid", forgedCRL{this: day(1)}),
		one("neither", forgedCRL{this: day(2), next: day(-2)}),
		one("foreign signature", forgedCRL{key: other.key}),
		one("foreign issuer", forgedCRL{name: forgeCN("elsewhere")}),
		one("issuer in other spelling", forgedCRL{name: forgeCN(" ROOT"), entries: listed}),
		one("key identifier", forgedCRL{exts: []forgedExt{{extAKID, false, forgeSeq(forgeTLV(0x80, root.keyID()))}}}),
		one("other key identifier", forgedCRL{exts: []forgedExt{{extAKID, false, forgeSeq(forgeTLV(0x80, other.keyID()))}}}),
		one("malformed key identifier", forgedCRL{exts: []forgedExt{{extAKID, false, []byte{5, 0}}}}),
		one("v1", forgedCRL{v1: true}),
		one("v1 with extensions", forgedCRL{v1: true, exts: []forgedExt{{extNumber, false, forgeInt(1)}}}),
		one("unknown critical extension", forgedCRL{exts: []forgedExt{critical}}),
		one("unknown critical extension and listed", forgedCRL{exts: []forgedExt{critical}, entries: listed}),
		one("unknown critical extension ignored", forgedCRL{exts: []forgedExt{critical}, entries: listed}, "-ignore_critical"),
		one("critical entry extension", forgedCRL{entries: []forgedEntry{{5, []forgedExt{critical}}}}),
		one("critical reason", forgedCRL{entries: []forgedEntry{{5, []forgedExt{{extReason, true, []byte{10, 1, 1}}}}}}),
		one("critical CRL number", forgedCRL{exts: []forgedExt{{extNumber, true, forgeInt(1)}}}),
		one("malformed CRL number", forgedCRL{exts: []forgedExt{{extNumber, false, []byte{5, 0}}}}),
		one("malformed reason", forgedCRL{entries: []forgedEntry{{7, []forgedExt{badReason}}}}),
		one("malformed reason hides a critical mark", forgedCRL{entries: []forgedEntry{{5, []forgedExt{badReason}}, {6, []forgedExt{critical}}}}),
		one("malformed reason hides a removal", forgedCRL{entries: []forgedEntry{{5, []forgedExt{badReason}}, {7, []forgedExt{remove}}}}),
		one("two reasons", forgedCRL{entries: []forgedEntry{{7, []forgedExt{remove, remove}}}}),
		one("other algorithm in the list", forgedCRL{alg: forgedSHA384}),
		one("certificate issuer without indirect", forgedCRL{entries: []forgedEntry{{7, []forgedExt{{extCertIss, true, forgeSeq(forgeDir(forgeCN("elsewhere")))}}}}}),
		one("certificate issuer carries on", forgedCRL{entries: []forgedEntry{{5, []forgedExt{{extCertIss, true, forgeSeq(forgeDir(forgeCN("elsewhere")))}}}, {serial: 7}}}),
		one("certificate issuer set back", forgedCRL{entries: []forgedEntry{
			{5, []forgedExt{{extCertIss, true, forgeSeq(forgeDir(forgeCN("elsewhere")))}}}, {7, []forgedExt{{extCertIss, true, forgeSeq(forgeDir(forgeCN("root")))}}},
		}}),
		one("malformed certificate issuer", forgedCRL{entries: []forgedEntry{{5, []forgedExt{{extCertIss, true, []byte{5, 0}}}}, {serial: 7}}}),
		{name: "no CRL", ca: []*forgedCert{root}, target: leaf, args: []string{"-crl_check"}},
		{name: "CRL of the store", ca: []*forgedCert{root}, target: leaf, storeCRLs: [][]byte{forgedCRL{issuer: root, entries: listed}.issue()}, args: []string{"-crl_check"}},
		{
			name: "negative serial number", ca: []*forgedCert{root}, target: negative, args: []string{"-crl_check"},
			crls: [][]byte{forgedCRL{issuer: root, entries: []forgedEntry{{serial: 100}}}.issue()},
		},
		{
			name: "negative serial number listed", ca: []*forgedCert{root}, target: negative, args: []string{"-crl_check"},
			crls: [][]byte{forgedCRL{issuer: root, entries: []forgedEntry{{serial: 100}, {serial: -100}}}.issue()},
		},
	}, map[string]string{
		"listed":                       "error 23 at 0",
		"removed by a negative reason": "OK",
		"root listed":                  "error 23 at 1",
		"unknown critical extension":   "error 36 at 0",
		"foreign signature":            "error 8 at 0",
		"other key identifier":         "error 3 at 0",
		"expired and listed":           "error 12 at 0",
	})
}

func TestCRLChoiceAgreesWithOpenSSL(t *testing.T) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	sub := forgedCert{name: forgeCN("sub"), issuer: root, serial: 2, exts: asRoot}.issue()
	mute := forgedCert{name: forgeCN("mute"), issuer: root, serial: 3, exts: []forgedExt{forgedCA, forgedCSKU}}.issue()
	leaf := forgedCert{name: forgeCN("leaf"), issuer: sub, serial: 7}.issue()
	muteLeaf := forgedCert{name: forgeCN("leaf"), issuer: mute, serial: 7}.issue()
	day := func(n int) time.Time { return forgeTime.AddDate(0, 0, n) }
	listed := []forgedEntry{{serial: 7}}
	list := func(days int, entries []forgedEntry, exts ...forgedExt) []byte {
		return forgedCRL{issuer: sub, this: day(days), entries: entries, exts: exts}.issue()
	}
	rootList := forgedCRL{issuer: root}.issue()
	late := forgedCRL{issuer: sub, this: day(-9), next: day(-1), entries: listed}.issue()
	critical := forgedExt{"1.2.3.4", true, []byte{5, 0}}
	chain := func(name string, lists, stored [][]byte, args ...string) trial {
		return trial{
			name: name, ca: []*forgedCert{root}, untrusted: []*forgedCert{sub}, target: leaf, crls: lists, storeCRLs: stored,
			args: append([]string{"-crl_check"}, args...),
		}
	}
	agree(t, []trial{
		chain("newer wins", [][]byte{list(-3, listed), list(-2, nil)}, nil),
		chain("newer wins in any order", [][]byte{list(-2, nil), list(-3, listed)}, nil),
		chain("first of equals wins", [][]byte{list(-2, nil), list(-2, listed)}, nil),
		chain("first of equals wins again", [][]byte{list(-2, listed), list(-2, nil)}, nil),
		chain("given before stored", [][]byte{list(-3, listed)}, [][]byte{list(-2, nil)}),
		chain("expired gives way to stored", [][]byte{late}, [][]byte{list(-2, nil)}),
		chain("expired against expired", [][]byte{late}, [][]byte{forgedCRL{issuer: sub, this: day(-20), next: day(-2)}.issue()}),
		chain("critical against expired", [][]byte{late, list(-2, nil, critical)}, nil),
		chain("critical given, good stored", [][]byte{list(-2, listed, critical)}, [][]byte{list(-2, nil)}),
		chain("whole chain", [][]byte{list(-2, nil), rootList}, nil, "-crl_check_all"),
		chain("whole chain without the root's", [][]byte{list(-2, nil)}, nil, "-crl_check_all"),
		chain("whole chain, intermediate listed", [][]byte{list(-2, nil), forgedCRL{issuer: root, entries: []forgedEntry{{serial: 2}}}.issue()}, nil, "-crl_check_all"),
		{
			name: "issuer may not sign CRLs", ca: []*forgedCert{root}, untrusted: []*forgedCert{mute}, target: muteLeaf,
			crls: [][]byte{forgedCRL{issuer: mute}.issue()}, args: []string{"-crl_check"},
		},
		{
			name: "trusted list", trusted: []*forgedCert{root}, untrusted: []*forgedCert{sub}, target: leaf,
			crls: [][]byte{list(-2, listed)}, args: []string{"-crl_check"},
		},
		{
			name: "issuer's issuer", ca: []*forgedCert{root}, untrusted: []*forgedCert{sub}, target: leaf,
			crls: [][]byte{forgedCRL{issuer: root, exts: []forgedExt{forgeIDP(forgeTLV(0x84, forgedTrue))}}.issue()},
			args: []string{"-crl_check", "-extended_crl"},
		},
	}, map[string]string{
		"issuer may not sign CRLs":       "error 35 at 0",
		"whole chain without the root's": "error 3 at 1",
		"newer wins":                     "OK",
		"first of equals wins again":     "error 23 at 0",
	})
}

func TestDeltaCRLAgreesWithOpenSSL(t *testing.T) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	freshest := forgedExt{extFreshest, false, forgeSeq(forgeSeq(forgeFullName(forgeURI("http://d"))))}
	fresh := forgedCert{name: forgeCN("leaf"), issuer: root, serial: 7, exts: []forgedExt{freshest}}.issue()
	plain := forgedCert{name: forgeCN("leaf"), issuer: root, serial: 7}.issue()
	listed := []forgedEntry{{serial: 7}}
	number := func(n int64) forgedExt { return forgedExt{extNumber, false, forgeInt(n)} }
	baseOf := func(n int64) forgedExt { return forgedExt{extDelta, true, forgeInt(n)} }
	akid := forgedExt{extAKID, false, forgeSeq(forgeTLV(0x80, root.keyID()))}
	day := func(n int) time.Time { return forgeTime.AddDate(0, 0, n) }
	bases := map[string]forgedCRL{
		"base":          {exts: []forgedExt{number(5)}},
		"listing base":  {exts: []forgedExt{number(5)}, entries: listed},
		"expired base":  {exts: []forgedExt{number(5)}, this: day(-9), next: day(-1)},
		"fresh base":    {exts: []forgedExt{number(5), freshest}},
		"unnumbered":    {},
		"base with key": {exts: []forgedExt{number(5), akid}},
	}
	deltas := map[string]forgedCRL{
		"delta":           {exts: []forgedExt{number(6), baseOf(5)}},
		"listing delta":   {exts: []forgedExt{number(6), baseOf(5)}, entries: listed},
		"removing delta":  {exts: []forgedExt{number(6), baseOf(5)}, entries: []forgedEntry{{7, []forgedExt{{extReason, false, []byte{10, 1, 8}}}}}},
		"older delta":     {exts: []forgedExt{number(5), baseOf(4)}, entries: listed},
		"delta of newer":  {exts: []forgedExt{number(9), baseOf(6)}, entries: listed},
		"expired delta":   {exts: []forgedExt{number(6), baseOf(5)}, this: day(-9), next: day(-1), entries: listed},
		"delta with key":  {exts: []forgedExt{number(6), baseOf(5), akid}, entries: listed},
		"forged delta":    {exts: []forgedExt{number(6), baseOf(5)}, key: fresh.key, entries: listed},
		"critical delta":  {exts: []forgedExt{number(6), baseOf(5), {"1.2.3.4", true, []byte{5, 0}}}},
		"huge numbers":    {exts: []forgedExt{{extNumber, false, forgeTLV(2, make([]byte, 1), forgedTrue, make([]byte, 30))}, baseOf(5)}, entries: listed},
		"negative number": {exts: []forgedExt{number(-6), baseOf(5)}, entries: listed},
	}
	var trials []trial
	for baseName, base := range bases {
		base.issuer = root
		for deltaName, delta := range deltas {
			delta.issuer = root
			for which, leaf := range map[string]*forgedCert{"fresh": fresh, "plain": plain} {
				for option, args := range map[string][]string{
					"": {"-crl_check", "-extended_crl", "-use_deltas"}, " unused": {"-crl_check", "-extended_crl"},
				} {
					trials = append(trials, trial{
						name: baseName + ", " + deltaName + ", " + which + option, ca: []*forgedCert{root}, target: leaf, args: args,
						crls: [][]byte{base.issue(), delta.issue()},
					})
				}
			}
		}
	}
	trials = append(trials, trial{
		name: "delta alone", ca: []*forgedCert{root}, target: fresh, args: []string{"-crl_check", "-extended_crl", "-use_deltas"},
		crls: [][]byte{forgedCRL{issuer: root, exts: []forgedExt{number(6), baseOf(5)}}.issue()},
	})
	agree(t, trials, map[string]string{
		"base, listing delta, fresh":          "error 23 at 0",
		"listing base, removing delta, fresh": "OK",
		"expired base, delta, fresh":          "OK",
		"delta alone":                         "error 3 at 0",
	})
}

// The two places where later releases of 3.0 differ from 3.0.19, and we are with the later.
func TestCRLWhereOpenSSLChanged(t *testing.T) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	leaf := forgedCert{name: forgeCN("leaf"), issuer: root, serial: 7}.issue()
	delta := []forgedExt{{extNumber, false, forgeInt(2)}, {extDelta, true, forgeInt(1)}}
	for name, list := range map[string]struct {
		crl       forgedCRL
		old, ours string
	}{
		"a delta CRL as a complete one": {
			forgedCRL{issuer: root, exts: delta}, "target.pem: OK\n[0]",
			"CN = leaf\nerror 3 at 0 depth lookup: unable to get certificate CRL\nerror target.pem: verification failed\n[2]",
		},
		"another algorithm outside": {
			forgedCRL{issuer: root, outer: forgeSeq(forgeOID("1.2.840.10045.4.3.2"), []byte{5, 0})}, "target.pem: OK\n[0]",
			"CN = leaf\nerror 8 at 0 depth lookup: CRL signature failure\nerror target.pem: verification failed\n[2]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := trial{ca: []*forgedCert{root}, target: leaf, crls: [][]byte{list.crl.issue()}, args: []string{"-crl_check"}}
			assert.Equal(t, list.ours, tr.ours(t))
			want := list.ours
			if patch, ok := strings.CutPrefix(openssltest.Version(t), "3.0."); ok && (len(patch) == 1 || patch < "20") {
				want = list.old
			}
			assert.Equal(t, want, tr.openssl(t), "no exception any more: openssl %s agrees", openssltest.Version(t))
		})
	}
}
