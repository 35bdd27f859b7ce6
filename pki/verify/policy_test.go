package verify_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/verify"
)

const (
	extPolicies    = "2.5.29.32"
	extMappings    = "2.5.29.33"
	extConstraints = "2.5.29.36"
	extInhibitAny  = "2.5.29.54"
	anyPolicy      = "2.5.29.32.0"
)

// forgePolicies is certificatePolicies; a policy may be followed by its qualifiers.
func forgePolicies(ids ...string) forgedExt {
	var infos [][]byte
	for _, id := range ids {
		infos = append(infos, forgeSeq(forgeOID(id)))
	}
	return forgedExt{extPolicies, false, forgeSeq(infos...)}
}

// forgeMappings takes pairs.
func forgeMappings(ids ...string) forgedExt {
	var pairs [][]byte
	for i := 0; i < len(ids); i += 2 {
		pairs = append(pairs, forgeSeq(forgeOID(ids[i]), forgeOID(ids[i+1])))
	}
	return forgedExt{extMappings, false, forgeSeq(pairs...)}
}

// forgeConstraints makes policyConstraints; a negative number is absent.
func forgeConstraints(explicit, mapping int64) forgedExt {
	var parts [][]byte
	for tag, n := range []int64{explicit, mapping} {
		if n >= 0 {
			part := forgeInt(n)
			part[0] = 0x80 | byte(tag)
			parts = append(parts, part)
		}
	}
	return forgedExt{extConstraints, true, forgeSeq(parts...)}
}

func forgeInhibitAny(n int64) forgedExt { return forgedExt{extInhibitAny, true, forgeInt(n)} }

// forgePath makes a chain from the extensions of each certificate, the anchor's first, all but the
// last CAs.
func forgePath(exts ...[]forgedExt) (root *forgedCert, between []*forgedCert, leaf *forgedCert) {
	var path []*forgedCert
	for i, e := range exts {
		c := forgedCert{name: forgeCN(fmt.Sprintf("c%d", i)), serial: int64(i + 1), exts: e}
		if i > 0 {
			c.issuer = path[i-1]
		}
		if i < len(exts)-1 {
			c.exts = append(append([]forgedExt{}, asRoot...), e...)
		}
		path = append(path, c.issue())
	}
	return path[0], path[1 : len(path)-1], path[len(path)-1]
}

func policyTrial(name string, args []string, exts ...[]forgedExt) trial {
	root, between, leaf := forgePath(exts...)
	return trial{name: name, ca: []*forgedCert{root}, untrusted: between, target: leaf, args: args}
}

func exts(e ...forgedExt) []forgedExt { return e }

func TestPolicyAgreesWithOpenSSL(t *testing.T) {
	check, explicit := []string{"-policy_check", "-policy_print"}, []string{"-explicit_policy", "-policy_print"}
	wants := func(ids ...string) []string {
		args := explicit
		for _, id := range ids {
			args = append(args, "-policy", id)
		}
		return args
	}
	malformed := func(id string) forgedExt { return forgedExt{id, false, []byte{5, 0}} }
	p := func(ids ...string) []forgedExt { return exts(forgePolicies(ids...)) }
	agree(t, []trial{
		policyTrial("none", check, nil, nil),
		policyTrial("none, explicit", explicit, nil, nil),
		policyTrial("anchor alone", explicit, nil, nil, nil),
		policyTrial("one", check, nil, p("1.2.3")),
		policyTrial("one, explicit, nothing wanted", explicit, nil, p("1.2.3")),
		policyTrial("one, wanted", wants("1.2.3"), nil, p("1.2.3")),
		policyTrial("one, other wanted", wants("1.2.4"), nil, p("1.2.3")),
		policyTrial("one, other wanted, not explicit", []string{"-policy", "1.2.4", "-policy_print"}, nil, p("1.2.3")),
		policyTrial("one, any wanted", wants(anyPolicy), nil, p("1.2.3")),
		policyTrial("any, wanted", wants("1.2.3", "1.2.4", "1.2.3"), nil, p(anyPolicy)),
		policyTrial("any and one, wanted", wants("1.2.4", "1.2.3"), nil, p(anyPolicy, "1.2.3")),
		policyTrial("any, any wanted", wants(anyPolicy), nil, p(anyPolicy)),
		policyTrial("any inhibited", append(wants("1.2.3"), "-inhibit_any"), nil, p(anyPolicy)),
		policyTrial("common to both", wants("1.2.3"), nil, p("1.2.3", "1.2.4"), p("1.2.3", "1.2.5")),
		policyTrial("common to none", wants("1.2.3"), nil, p("1.2.4"), p("1.2.3")),
		policyTrial("common to none, not explicit", check, nil, p("1.2.4"), p("1.2.3")),
		policyTrial("missing between", wants("1.2.3"), nil, nil, p("1.2.3")),
		policyTrial("any between", wants("1.2.3"), nil, p(anyPolicy), p("1.2.3")),
		policyTrial("any at the leaf", wants("1.2.3"), nil, p("1.2.3", "1.2.4"), p(anyPolicy)),
		policyTrial("many, in order of length", check, nil, p("1.3.6.1.4.1.99999.1", "1.2.3", "2.999.1", "1.2.2", "1.2.840.113549")),
		policyTrial("anchor's are ignored", wants("1.2.3"), p("1.2.9"), p("1.2.3")),
		policyTrial("anchor's constraints are ignored", check, exts(forgeConstraints(0, -1)), p("1.2.3")),
		policyTrial("constraints of the leaf", check, nil, exts(forgeConstraints(0, -1))),
		policyTrial("constraints of the leaf, 1", check, nil, exts(forgeConstraints(1, -1))),
		policyTrial("constraints between", check, nil, exts(forgeConstraints(0, -1), forgePolicies("1.2.3")), p("1.2.3")),
		policyTrial("constraints between, 1", check, nil, exts(forgeConstraints(1, -1), forgePolicies("1.2.3")), nil),
		policyTrial("constraints between, 2", check, nil, exts(forgeConstraints(2, -1), forgePolicies("1.2.3")), nil),
		policyTrial("mapped", wants("1.2.3"), nil, exts(forgePolicies("1.2.3"), forgeMappings("1.2.3", "1.2.4")), p("1.2.4")),
		policyTrial("mapped, the other wanted", wants("1.2.4"), nil, exts(forgePolicies("1.2.3"), forgeMappings("1.2.3", "1.2.4")), p("1.2.4")),
		policyTrial("mapped to two", wants("1.2.3"), nil, exts(forgePolicies("1.2.3"), forgeMappings("1.2.3", "1.2.4", "1.2.3", "1.2.5")), p("1.2.4", "1.2.5")),
		policyTrial("mapped to two, one left", wants("1.2.3"), nil, exts(forgePolicies("1.2.3"), forgeMappings("1.2.3", "1.2.4", "1.2.3", "1.2.5")), p(anyPolicy, "1.2.5")),
		policyTrial("mapped through any", wants("1.2.3"), nil, exts(forgePolicies(anyPolicy), forgeMappings("1.2.3", "1.2.4")), p("1.2.4")),
		policyTrial("mapped through any, any at the leaf", wants("1.2.3"), nil, exts(forgePolicies(anyPolicy), forgeMappings("1.2.3", "1.2.4")), p(anyPolicy)),
		policyTrial("mapped through any twice", wants("1.2.3"), nil, exts(forgePolicies(anyPolicy), forgeMappings("1.2.3", "1.2.4", "1.2.3", "1.2.5")), p("1.2.5", anyPolicy)),
		policyTrial("mapped, not asserted", wants("1.2.3"), nil, exts(forgePolicies("1.2.9"), forgeMappings("1.2.3", "1.2.4")), p("1.2.4")),
		policyTrial("mapping inhibited", append(wants("1.2.3"), "-inhibit_map"), nil, exts(forgePolicies("1.2.3"), forgeMappings("1.2.3", "1.2.4")), p("1.2.4")),
		policyTrial("mapping inhibited, unmapped at the leaf", append(wants("1.2.3"), "-inhibit_map"), nil, exts(forgePolicies("1.2.3"), forgeMappings("1.2.3", "1.2.4")), p("1.2.3")),
		policyTrial("mapping inhibited above", wants("1.2.3"), nil, exts(forgePolicies("1.2.3"), forgeConstraints(-1, 0)), exts(forgePolicies("1.2.3"), forgeMappings("1.2.3", "1.2.4")), p("1.2.4")),
		policyTrial("any inhibited above", wants("1.2.3"), nil, exts(forgePolicies(anyPolicy), forgeInhibitAny(0)), p(anyPolicy)),
		policyTrial("any inhibited below", wants("1.2.3"), nil, exts(forgePolicies(anyPolicy), forgeInhibitAny(1)), p(anyPolicy), p(anyPolicy)),
		policyTrial("huge skips", wants("1.2.3"), nil, exts(forgePolicies("1.2.3"), forgedExt{extInhibitAny, true, forgeTLV(2, []byte{1}, make([]byte, 20))}), p("1.2.3")),

		policyTrial("malformed policies", check, nil, exts(malformed(extPolicies))),
		policyTrial("malformed policies of the anchor", check, exts(malformed(extPolicies)), nil),
		policyTrial("malformed in two", check, nil, exts(malformed(extPolicies)), exts(malformed(extPolicies))),
		policyTrial("malformed after it is decided", explicit, nil, nil, exts(malformed(extPolicies))),
		policyTrial("malformed before it is decided", explicit, nil, exts(malformed(extPolicies)), nil),
		policyTrial("empty policies", check, nil, exts(forgePolicies())),
		policyTrial("empty policies, explicit", explicit, nil, exts(forgePolicies())),
		policyTrial("empty policies with bad mappings", check, nil, exts(forgePolicies(), malformed(extMappings)), nil),
		policyTrial("twice the same policy", check, nil, p("1.2.3", "1.2.3")),
		policyTrial("twice any", check, nil, p(anyPolicy, anyPolicy)),
		policyTrial("two extensions", check, nil, exts(forgePolicies("1.2.3"), forgePolicies("1.2.4"))),
		policyTrial("octets behind", check, nil, exts(forgedExt{extPolicies, false, append(forgePolicies("1.2.3").value, 5, 0)})),
		policyTrial("mapping from any", check, nil, exts(forgePolicies("1.2.3"), forgeMappings(anyPolicy, "1.2.4")), nil),
		policyTrial("mapping to any", check, nil, exts(forgePolicies("1.2.3"), forgeMappings("1.2.3", anyPolicy)), nil),
		policyTrial("mapping from any without policies", check, nil, exts(forgeMappings(anyPolicy, "1.2.4")), nil),
		policyTrial("empty mappings", check, nil, exts(forgePolicies("1.2.3"), forgeMappings()), nil),
		policyTrial("malformed mappings", check, nil, exts(forgePolicies("1.2.3"), malformed(extMappings)), nil),
		policyTrial("empty constraints", check, nil, exts(forgeConstraints(-1, -1))),
		policyTrial("malformed constraints", check, nil, exts(malformed(extConstraints))),
		policyTrial("negative constraints", check, nil, exts(forgedExt{extConstraints, false, forgeSeq([]byte{0x80, 1, 0xff})})),
		policyTrial("padded constraints", check, nil, exts(forgedExt{extConstraints, false, forgeSeq([]byte{0x80, 2, 0, 1})})),
		policyTrial("malformed inhibitAny", check, nil, exts(forgePolicies("1.2.3"), malformed(extInhibitAny))),
		policyTrial("malformed inhibitAny without policies", check, nil, exts(malformed(extInhibitAny))),
		policyTrial("negative inhibitAny", check, nil, exts(forgePolicies("1.2.3"), forgeInhibitAny(-2))),
		policyTrial("malformed and not asked", nil, nil, exts(malformed(extPolicies))),
	}, map[string]string{
		"none, explicit":                   "error 43 at 0 depth lookup: no explicit policy\nRequire explicit Policy: True\nAuthority Policies: <empty>\n",
		"malformed in two":                 "error 42 at 0",
		"malformed before it is decided":   "error 42 at 1",
		"malformed after it is decided":    "error 43 at 0",
		"any, any wanted":                  "X509v3 Any Policy",
		"mapped to two":                    "OK",
		"one, wanted":                      "User Policies:\n  Policy: 1.2.3\n    Non Critical\n    No Qualifiers\n",
		"empty policies with bad mappings": "OK",
	})
}

func TestPolicyPrintAgreesWithOpenSSL(t *testing.T) {
	str := func(tag byte, s string) []byte { return forgeTLV(tag, []byte(s)) }
	cps := func(s string) []byte { return forgeSeq(forgeOID("1.3.6.1.5.5.7.2.1"), str(0x16, s)) }
	notice := func(parts ...[]byte) []byte { return forgeSeq(forgeOID("1.3.6.1.5.5.7.2.2"), forgeSeq(parts...)) }
	ref := func(org []byte, numbers ...[]byte) []byte { return forgeSeq(org, forgeSeq(numbers...)) }
	policy := func(critical bool, quals ...[]byte) []forgedExt {
		return exts(forgedExt{extPolicies, critical, forgeSeq(forgeSeq(forgeOID("1.2.3"), forgeSeq(quals...)))})
	}
	big := func(octets ...byte) []byte { return forgeTLV(2, octets) }
	quals := map[string][][]byte{
		"empty list":        {},
		"CPS":               {cps("http://cps")},
		"two CPS":           {cps("http://cps"), cps("http://b")},
		"CPS with NUL":      {cps("a\x00b")},
		"CPS not IA5":       {forgeSeq(forgeOID("1.3.6.1.5.5.7.2.1"), str(0x0c, "x"))},
		"notice":            {notice(str(0x0c, "text"))},
		"empty notice":      {notice()},
		"notice BMP":        {notice(str(0x1e, "\x00t"))},
		"notice visible":    {notice(str(0x1a, "visible"))},
		"notice printable":  {notice(str(0x13, "printable"))},
		"reference":         {notice(ref(str(0x0c, "org"), forgeInt(1)))},
		"reference of two":  {notice(ref(str(0x0c, "org"), forgeInt(1), forgeInt(-2)))},
		"reference of none": {notice(ref(str(0x0c, "org")))},
		"reference + text":  {notice(ref(str(0x16, "org"), forgeInt(1)), str(0x0c, "text"))},
		"text + reference":  {notice(str(0x0c, "text"), ref(str(0x16, "org"), forgeInt(1)))},
		"large number":      {notice(ref(str(0x16, "org"), big(bytes.Repeat([]byte{0x7f}, 15)...), big(bytes.Repeat([]byte{0x7f}, 16)...), big(bytes.Repeat([]byte{0x01}, 17)...)))},
		"negative numbers":  {notice(ref(str(0x16, "org"), big(append([]byte{0x80}, make([]byte, 16)...)...)))},
		"unknown":           {forgeSeq(forgeOID("1.2.3.4"), []byte{5, 0})},
		"unknown and CPS":   {forgeSeq(forgeOID("1.2.3.4"), []byte{5, 0}), cps("x")},
		"unknown empty":     {forgeSeq(forgeOID("1.2.3.4"))},
		"large arcs":        {forgeSeq(forgeTLV(6, []byte{0x88, 0x37}, bytes.Repeat([]byte{0xff}, 12), []byte{0x7f}), []byte{5, 0})},
		"all":               {cps("x"), notice(ref(str(0x16, "org"), forgeInt(1)), str(0x0c, "text")), forgeSeq(forgeOID("1.2.3.4"), []byte{5, 0})},
	}
	var trials []trial
	for name, list := range quals {
		for _, critical := range []bool{false, true} {
			trials = append(trials, policyTrial(fmt.Sprintf("%s %v", name, critical), []string{"-policy", "1.2.3", "-explicit_policy", "-policy_print"}, nil, policy(critical, list...)))
		}
	}
	agree(t, trials, map[string]string{
		"reference + text false": "    User Notice:\n      Organization: org\n      Number: 1\n      Explicit Text: text\n",
		"CPS true":               "    Critical\n    CPS: http://cps\n",
	})
}

// Random trees: long chains with few policies, where any, mappings and constraints meet.
func TestPolicyTreesAgreeWithOpenSSL(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	policies := []string{"1.2.1", "1.2.2", "1.2.3", anyPolicy}
	some := func(from []string, n int) []string {
		var out []string
		for _, i := range r.Perm(len(from))[:min(n, len(from))] {
			out = append(out, from[i])
		}
		return out
	}
	var trials []trial
	for n := range 150 {
		var path [][]forgedExt
		for range 2 + r.IntN(4) {
			var e []forgedExt
			if r.IntN(8) > 0 {
				e = append(e, forgePolicies(some(policies, 1+r.IntN(4))...))
			}
			if r.IntN(2) == 0 {
				var pairs []string
				for range 1 + r.IntN(4) {
					pairs = append(pairs, policies[r.IntN(3)], policies[r.IntN(3)])
				}
				e = append(e, forgeMappings(pairs...))
			}
			if r.IntN(6) == 0 {
				e = append(e, forgeConstraints(r.Int64N(4)-1, r.Int64N(3)))
			}
			if r.IntN(6) == 0 {
				e = append(e, forgeInhibitAny(r.Int64N(3)))
			}
			path = append(path, e)
		}
		args := []string{"-policy_check", "-policy_print"}
		for _, p := range some(policies, r.IntN(4)) {
			args = append(args, "-policy", p)
		}
		for _, option := range []string{"-explicit_policy", "-explicit_policy", "-inhibit_any", "-inhibit_map"} {
			if r.IntN(4) == 0 {
				args = append(args, option)
			}
		}
		trials = append(trials, policyTrial(fmt.Sprint("tree ", n), args, path...))
	}
	agree(t, trials, nil)
}

// Self-issued certificates do not count down.
func TestPolicySelfIssuedAgreesWithOpenSSL(t *testing.T) {
	var trials []trial
	for skip := range int64(4) {
		for _, what := range []string{"explicit", "mapping", "any"} {
			for where := range 3 {
				root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
				limit := map[string]forgedExt{"explicit": forgeConstraints(skip, -1), "mapping": forgeConstraints(-1, skip), "any": forgeInhibitAny(skip)}[what]
				issuer := root
				var between []*forgedCert
				for i, name := range []string{"a", "a", "b", "b"} {
					policies := []string{anyPolicy, "1.2.3"}
					e := append([]forgedExt{forgePolicies(policies...), forgeMappings("1.2.3", "1.2.3")}, asRoot...)
					if i == where {
						e = append(e, limit)
					}
					issuer = forgedCert{name: forgeCN(name), issuer: issuer, serial: int64(i + 2), exts: e}.issue()
					between = append(between, issuer)
				}
				for leafName, leafExts := range map[string][]forgedExt{
					"b": exts(forgePolicies(anyPolicy)), "leaf": exts(forgePolicies(anyPolicy)), "leaf without": nil, "leaf with": exts(forgePolicies("1.2.3")),
				} {
					cn, _, _ := strings.Cut(leafName, " ")
					trials = append(trials, trial{
						name: fmt.Sprintf("%s %d at %d, %s", what, skip, where, leafName), ca: []*forgedCert{root}, untrusted: between,
						target: forgedCert{name: forgeCN(cn), issuer: issuer, serial: 9, exts: leafExts}.issue(),
						args:   []string{"-policy_check", "-policy_print", "-policy", "1.2.3"},
					})
				}
			}
		}
	}
	agree(t, trials, map[string]string{"explicit 0 at 0, leaf without": "error 43 at 0"})
}

// CVE-2023-0464: mappings double the tree at every level. openssl gives up at 1000 nodes without a code.
func TestPolicyTreeIsBounded(t *testing.T) {
	double := exts(forgePolicies("1.2.1", "1.2.2"), forgeMappings("1.2.1", "1.2.1", "1.2.1", "1.2.2", "1.2.2", "1.2.1", "1.2.2", "1.2.2"))
	var trials []trial
	for n := 7; n < 13; n++ {
		path := [][]forgedExt{nil}
		for range n {
			path = append(path, double)
		}
		path = append(path, exts(forgePolicies("1.2.1", "1.2.2")))
		trials = append(trials, policyTrial(fmt.Sprint(n, " levels"), []string{"-policy_check", "-policy_print"}, path...))
	}
	agree(t, trials, map[string]string{"7 levels": "OK", "12 levels": "error target.pem: verification failed"})

	root, between, leaf := forgePath(func() (path [][]forgedExt) {
		path = append(path, nil)
		for range 90 {
			path = append(path, double)
		}
		return append(path, exts(forgePolicies("1.2.1")))
	}()...)
	tr := trial{ca: []*forgedCert{root}, untrusted: between, target: leaf, args: []string{"-policy_check"}}
	start := time.Now()
	require.Equal(t, "error target.pem: verification failed\n[2]", tr.ours(t))
	assert.Less(t, time.Since(start), 10*time.Second)
}

func TestPolicyReasonOfAnInternalError(t *testing.T) {
	var path [][]forgedExt
	for range 14 {
		path = append(path, exts(forgePolicies("1.2.1", "1.2.2"), forgeMappings("1.2.1", "1.2.1", "1.2.1", "1.2.2", "1.2.2", "1.2.1", "1.2.2", "1.2.2")))
	}
	root, between, leaf := forgePath(path...)
	tr := trial{ca: []*forgedCert{root}, untrusted: between, target: leaf, args: []string{"-policy_check"}}
	report := verify.Verify(parseForged(t, tr.target), verify.NewStore([]*verify.Certificate{parseForged(t, root)}, nil),
		parseAllForged(t, between), nil, tr.options(t))
	assert.False(t, report.OK)
	assert.True(t, report.Internal)
	assert.Equal(t, "policy tree: more than 1000 nodes", report.Reason)
	assert.Empty(t, report.Findings)
}
