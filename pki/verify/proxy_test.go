package verify_test

import (
	"fmt"
	"testing"
)

const extProxy = "1.3.6.1.5.5.7.1.14"

// forgeProxyInfo makes proxyCertInfo; limit is the encoded path length or nothing.
func forgeProxyInfo(limit []byte) forgedExt {
	return forgedExt{extProxy, true, forgeSeq(limit, forgeSeq(forgeOID("1.3.6.1.5.5.7.21.1")))}
}

func TestProxyAgreesWithOpenSSL(t *testing.T) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	user := forgedCert{name: forgeCN("user"), issuer: root, serial: 2, exts: exts(forgedDSKU)}.issue()
	anyUse := forgedCert{name: forgeCN("user"), issuer: root, serial: 3}.issue()
	signer := forgedCert{name: forgeCN("user"), issuer: root, serial: 4, exts: exts(forgedCSKU)}.issue()
	ca := forgedCert{name: forgeCN("user"), issuer: root, serial: 5, exts: asRoot}.issue()
	proxy := func(issuer *forgedCert, name []byte, e ...forgedExt) *forgedCert {
		return forgedCert{name: name, issuer: issuer, serial: 9, exts: e}.issue()
	}
	plain := forgeProxyInfo(nil)
	limit := func(n int64) forgedExt { return forgeProxyInfo(forgeInt(n)) }
	name := forgeCN("user", "p")
	attrs := func(sets ...[]byte) []byte { return forgeSeq(sets...) }
	set := func(list ...[]byte) []byte { return forgeTLV(0x31, list...) }
	userRDN := set(forgeAttr("2.5.4.3", "user"))

	var trials []trial
	add := func(title string, target *forgedCert, between []*forgedCert, args ...string) {
		for _, allow := range []bool{true, false} {
			tr := trial{name: title, ca: []*forgedCert{root}, untrusted: between, target: target, args: args}
			if allow {
				tr.args = append([]string{"-allow_proxy_certs"}, args...)
			} else {
				tr.name += ", not allowed"
			}
			trials = append(trials, tr)
		}
	}
	users := []*forgedCert{user}
	add("proxy", proxy(user, name, plain), users)
	add("proxy with revocation", proxy(user, name, plain), users, "-crl_check")
	add("proxy with a purpose", proxy(user, name, plain), users, "-purpose", "sslclient")
	add("of a user without key usage", proxy(anyUse, name, plain), []*forgedCert{anyUse})
	add("of a user who may not sign", proxy(signer, name, plain), []*forgedCert{signer})
	add("of a CA", proxy(ca, name, plain), []*forgedCert{ca})
	add("of the root", proxy(root, forgeCN("root", "p"), plain), nil)
	for title, subject := range map[string][]byte{
		"same name": forgeCN("user"), "other name": forgeCN("other", "p"), "two more": forgeCN("user", "p", "q"),
		"other case": forgeCN(" USER", "p"), "not a CN": attrs(userRDN, set(forgeAttr("2.5.4.10", "p"))),
		"in one RDN":              attrs(set(forgeAttr("2.5.4.3", "user"), forgeAttr("2.5.4.3", "p"))),
		"more in the last":        attrs(userRDN, set(forgeAttr("2.5.4.3", "p"), forgeAttr("2.5.4.10", "q"))),
		"in front":                forgeCN("p", "user"),
		"an empty RDN behind":     attrs(userRDN, set(forgeAttr("2.5.4.3", "p")), set()),
		"an empty RDN in between": attrs(userRDN, set(), set(forgeAttr("2.5.4.3", "p"))),
		"nothing":                 attrs(),
	} {
		add("subject: "+title, proxy(user, subject, plain), users)
	}
	for title, e := range map[string][]forgedExt{
		"ca":              {plain, forgedCA},
		"with names":      {plain, {"2.5.29.17", false, forgeSeq(forgeTLV(0x82, []byte("a")))}},
		"with issuer's":   {plain, {"2.5.29.18", false, forgeSeq(forgeTLV(0x82, []byte("a")))}},
		"key usage":       {plain, forgedDSKU},
		"certSign":        {plain, forgedCSKU},
		"twice":           {plain, plain},
		"malformed":       {{extProxy, true, []byte{5, 0}}},
		"no policy":       {{extProxy, true, forgeSeq(forgeInt(1))}},
		"policy text":     {{extProxy, true, forgeSeq(forgeSeq(forgeOID("1.2.3"), forgeTLV(4, []byte("x"))))}},
		"policy garbage":  {{extProxy, true, forgeSeq(forgeSeq(forgeOID("1.2.3"), forgeInt(1)))}},
		"more behind":     {{extProxy, true, forgeSeq(forgeSeq(forgeOID("1.2.3")), forgeInt(1))}},
		"limit 0":         {limit(0)},
		"limit -1":        {limit(-1)},
		"limit -5":        {limit(-5)},
		"huge limit":      {forgeProxyInfo(forgeTLV(2, []byte{1}, make([]byte, 20)))},
		"padded limit":    {forgeProxyInfo([]byte{2, 2, 0, 1})},
		"not critical":    {{extProxy, false, plain.value}},
		"octets behind":   {{extProxy, true, append(append([]byte{}, plain.value...), 5, 0)}},
		"path length too": {plain, {"2.5.29.19", true, forgeSeq(forgeInt(3))}},
	} {
		add("extensions: "+title, proxy(user, name, e...), users)
	}
	for first := int64(-1); first < 3; first++ {
		for second := int64(-1); second < 3; second++ {
			of := func(n int64) forgedExt {
				if n < 0 {
					return plain
				}
				return limit(n)
			}
			one := proxy(user, name, of(first))
			two := proxy(one, forgeCN("user", "p", "q"), of(second))
			three := proxy(two, forgeCN("user", "p", "q", "r"), plain)
			add(fmt.Sprintf("two, limits %d %d", first, second), two, []*forgedCert{one, user})
			add(fmt.Sprintf("three, limits %d %d", first, second), three, []*forgedCert{two, one, user})
		}
	}
	// openssl keeps a limit in a long and counts in an int.
	narrow := forgedCert{name: forgeCN("top"), exts: exts(forgedExt{"2.5.29.19", true, forgeSeq([]byte{1, 1, 0xff}, forgeInt(0))}, forgedCAUse)}.issue()
	sub := forgedCert{name: forgeCN("sub"), issuer: narrow, serial: 3, exts: asRoot}.issue()
	under := forgedCert{name: forgeCN("user"), issuer: sub, serial: 4}.issue()
	for title, n := range map[string]int64{"2^31-1": 1<<31 - 1, "2^31": 1 << 31, "2^32-1": 1<<32 - 1, "2^32": 1 << 32, "2^63-1": 1<<63 - 1} {
		trials = append(trials, trial{
			name: title + " and a path length", ca: []*forgedCert{narrow}, untrusted: []*forgedCert{under, sub},
			target: proxy(under, name, limit(n)), args: []string{"-allow_proxy_certs"},
		})
		for second := int64(0); second < 3; second++ {
			one := proxy(user, name, limit(second))
			two := proxy(one, forgeCN("user", "p", "q"), limit(n))
			three := proxy(two, forgeCN("user", "p", "q", "r"), limit(n))
			add(fmt.Sprintf("three, limits %d %s", second, title), three, []*forgedCert{two, one, user})
		}
	}
	agree(t, trials, map[string]string{
		"three, limits 0 2^31-1":        "OK",
		"three, limits 0 2^32":          "error 38 at 2",
		"2^63-1 and a path length":      "error 25 at 3",
		"2^32 and a path length":        "error 25 at 3",
		"2^31 and a path length":        "error 25 at 3",
		"three, limits 1 2^32":          "OK",
		"proxy":                         "OK",
		"proxy, not allowed":            "error 40 at 0",
		"of a CA":                       "error 37 at 1",
		"of a user who may not sign":    "error 39 at 1",
		"subject: other name":           "error 72 at 0",
		"two, limits 0 -1":              "error 38 at 1",
		"extensions: with names":        "error 20 at 0",
		"proxy with revocation":         "OK",
		"subject: more in the last":     "error 72 at 0",
		"extensions: limit -5":          "error 38 at 0",
		"two, limits 0 -1, not allowed": "error 40 at 0",
		"extensions: key usage":         "OK",
		"extensions: huge limit":        "OK",
		"subject: other case":           "OK",
		"of a user without key usage":   "OK",
		"proxy with a purpose":          "OK",
		"three, limits -1 -1":           "OK",
		"extensions: malformed":         "error 20 at 0",
		"of the root":                   "error 37 at 1",
	})
}
