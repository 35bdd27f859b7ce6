package cases

import (
	"crypto"
	"strings"
)

// setupProxy ends the chain in one or two proxy certificates of RFC 3820.
func setupProxy(w *world) {
	w.grow(pick(w.r, 1, 2))
	w.maybe(0.85, "-allow_proxy_certs")
	w.maybe(0.2, "-purpose", pick(w.r, "sslclient", "sslserver"))
	for range 1 + w.r.IntN(3) {
		holder := w.leaf()
		p := w.cert(holder, append(holder.subject.clone(), []attr{text(oidCN, tagUTF8, pick(w.r, "proxy", "123"))}), w.key(""))
		p.put(oidKeyUsage, critical, namedBits(kuDigitalSignature))
		p.put(oidProxy, critical, proxyInfo(w.r))
		w.dressIDs(p)
		if w.r.chance(0.3) {
			holder.put(oidKeyUsage, critical, usage(w.r))
		}
		if w.r.chance(0.3) {
			holder.drop(oidKeyUsage)
		}
		w.untrusted = append(w.untrusted, plain(holder))
		w.chain = append([]*cert{p}, w.chain...)
	}
	w.targets = []*cert{w.leaf()}
}

func proxyInfo(r *rng) []byte {
	var pathLen []byte
	if r.chance(0.4) {
		pathLen = integer(int64(r.IntN(3)))
	}
	policy := pick(r, seq(oid(oidProxyInherit)), seq(oid(oidProxyIndepend)), seq(oid(oidProxyAny), octets([]byte("x"))), seq(oid(oidProxyInherit), octets([]byte("x"))), seq(oid(oidUnknown)))
	return seq(pathLen, policy)
}

// proxySteps: what RFC 3820 forbids.
func proxySteps() []func(*world) {
	return []func(*world){
		func(w *world) { w.leaf().subject = cn("unrelated") },
		func(w *world) {
			w.leaf().subject = append(w.leaf().parent().subject.clone(), []attr{text(oidO, tagUTF8, "x")})
		},
		func(w *world) {
			w.leaf().subject = append(w.leaf().parent().subject.clone(), []attr{text(oidCN, tagUTF8, "x"), text(oidCN, tagUTF8, "y")})
		},
		func(w *world) { w.leaf().subject = w.leaf().parent().subject },
		func(w *world) { w.leaf().put(oidSAN, nil, seq(gnDNS("x"))) },
		func(w *world) { w.leaf().put(oidIAN, nil, seq(gnDNS("x"))) },
		func(w *world) { w.leaf().put(oidBC, nil, basicConstraints(true, noPathLen)) },
		func(w *world) {
			w.leaf().put(oidProxy, nil, pick(w.r, null(), seq(), seq(integer(-1), seq(oid(oidProxyInherit)))))
		},
		func(w *world) { w.any().put(oidProxy, critical, proxyInfo(w.r)) },
		func(w *world) { w.leaf().put(oidProxy, critical, seq(integer(0), seq(oid(oidProxyInherit)))) },
		func(w *world) { w.option("-allow_proxy_certs") },
	}
}

// setupResources gives the chain RFC 3779 blocks.
func setupResources(w *world) {
	w.grow(pick(w.r, 1, 2, 3))
	for _, c := range w.chain {
		if w.r.chance(0.8) {
			c.put(oidIPBlocks, pick(w.r, nil, critical), ipBlocks(w.r))
		}
		if w.r.chance(0.6) {
			c.put(oidASNumbers, pick(w.r, nil, critical), asNumbers(w.r))
		}
	}
}

func ipBlocks(r *rng) []byte {
	if r.chance(0.08) {
		return pick(r, null(), seq(seq(octets([]byte{0, 1}), seq())), seq(seq(octets([]byte{1}), null())))
	}
	family := func(afi ...byte) []byte {
		if r.chance(0.25) {
			return seq(octets(afi), null())
		}
		prefixes := [][]byte{}
		for _, p := range [][]byte{bitString(0, []byte{10}), bitString(0, []byte{10, 1}), seq(bitString(0, []byte{20}), bitString(0, []byte{22, 1})), bitString(1, []byte{0x40}), bitString(0, []byte{192, 168})} {
			if r.chance(0.45) {
				prefixes = append(prefixes, p)
			}
		}
		if len(prefixes) > 1 && r.chance(0.1) {
			prefixes[0], prefixes[1] = prefixes[1], prefixes[0]
		}
		return seq(octets(afi), seq(prefixes...))
	}
	parts := [][]byte{family(0, 1)}
	if r.chance(0.3) {
		parts = append(parts, family(0, 1, 1))
	}
	if r.chance(0.4) {
		parts = append(parts, family(0, 2))
	}
	return seq(parts...)
}

func asNumbers(r *rng) []byte {
	choice := func() []byte {
		if r.chance(0.25) {
			return null()
		}
		var ids [][]byte
		for _, id := range [][]byte{integer(10), seq(integer(20), integer(30)), integer(25), seq(integer(64512), integer(65534))} {
			if r.chance(0.5) {
				ids = append(ids, id)
			}
		}
		return seq(ids...)
	}
	parts := [][]byte{cons(0, choice())}
	if r.chance(0.2) {
		parts = append(parts, cons(1, choice()))
	}
	if r.chance(0.06) {
		return pick(r, null(), seq(), seq(cons(0, seq(integer(-1)))), seq(cons(0, seq(seq(integer(9), integer(3))))))
	}
	return seq(parts...)
}

// setupSuiteB: RFC 5759 profiles, with keys and digests of and beside them.
func setupSuiteB(w *world) {
	w.algorithm = pick(w.r, "p256", "p384", "p384")
	w.grow(pick(w.r, 0, 1, 2))
	for _, c := range w.chain {
		c.hash = crypto.SHA256
		if c.parent().key.bits != nil && len(c.parent().key.bits) == 97 {
			c.hash = crypto.SHA384
		}
		if w.r.chance(0.15) {
			c.hash = pick(w.r, crypto.SHA256, crypto.SHA384, crypto.SHA1)
		}
	}
	if w.r.chance(0.5) {
		w.any().key = w.key(pick(w.r, "p256", "p384", "p521", "rsa2048", "ed25519"))
	}
	if w.r.chance(0.1) {
		w.any().version = nil
	}
	if w.r.chance(0.3) && len(w.chain) > 1 {
		w.publish(w.crl(w.leaf().parent()))
		w.option("-crl_check")
	}
	w.option(pick(w.r, "-suiteB_128", "-suiteB_128_only", "-suiteB_192"))
}

// fileSteps: how PEM files are written. Only the text changes, never a certificate.
func fileSteps() []func(*world) {
	var steps []func(*world)
	for _, spoil := range []func(*rng, string) string{
		func(_ *rng, s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		func(_ *rng, s string) string { return "text before\n" + s + "text behind\n" },
		func(_ *rng, s string) string { return strings.TrimSuffix(s, "\n") },
		func(_ *rng, s string) string { return "\ufeff" + s },
		func(_ *rng, s string) string { return strings.ReplaceAll(s, "CERTIFICATE", "X509 CERTIFICATE") },
		func(_ *rng, s string) string { return strings.ReplaceAll(s, "CERTIFICATE", "TRUSTED CERTIFICATE") },
		func(_ *rng, s string) string {
			return strings.ReplaceAll(s, "BEGIN CERTIFICATE-----\n", "BEGIN CERTIFICATE-----\n\n")
		},
		func(_ *rng, s string) string { return strings.Replace(s, "\n", "\nComment: x\n\n", 1) },
		func(_ *rng, s string) string {
			return strings.Replace(s, "END CERTIFICATE", "END TRUSTED CERTIFICATE", 1)
		},
		func(_ *rng, s string) string { return strings.ReplaceAll(s, "\n", " \t\n") },
		func(_ *rng, s string) string { return strings.ReplaceAll(s, "\n", "\n ") },
		func(_ *rng, s string) string { return oneLine(s) },
		func(_ *rng, s string) string {
			return "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + s
		},
		func(_ *rng, s string) string {
			return s + "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"
		},
		func(_ *rng, s string) string { return s + "-----BEGIN CERTIFICATE-----\nMIIB" },
		func(_ *rng, s string) string {
			return "-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n" + s
		},
		func(r *rng, s string) string { return s[:r.IntN(len(s))] },
		func(r *rng, s string) string { i := r.IntN(len(s)); return s[:i] + "\n" + s[i:] },
		func(r *rng, s string) string {
			i := r.IntN(len(s))
			return s[:i] + pick(r, "A", "=", "-", "\x00", "*", "\n\n") + s[i+1:]
		},
		func(_ *rng, _ string) string { return "" },
		func(_ *rng, s string) string { return s + s },
		func(_ *rng, s string) string { return strings.ReplaceAll(s, "-----\n", "----- \n") },
		func(_ *rng, s string) string { return strings.ReplaceAll(s, "-----BEGIN", "----BEGIN") },
		func(_ *rng, s string) string { return strings.ToLower(s) },
	} {
		steps = append(steps, func(w *world) {
			if w.spoil == nil {
				w.spoil = map[string]func(string) string{}
			}
			file := pick(w.r, "ca.pem", "trusted0.pem", "untrusted0.pem", "target0.pem", "target0.pem", "crls0.pem")
			w.spoil[file] = func(s string) string {
				if s == "" {
					return s
				}
				return spoil(w.r, s)
			}
		})
	}
	return append(steps, func(w *world) { c := w.any(); c.trailer = []byte{0, 1, 2} })
}

// oneLine joins the base64 of every block.
func oneLine(s string) string {
	var out strings.Builder
	for line := range strings.SplitSeq(s, "\n") {
		out.WriteString(line)
		if strings.HasPrefix(line, "-----") {
			out.WriteString("\n")
		} else if len(line) < 64 && line != "" {
			out.WriteString("\n")
		}
	}
	return out.String()
}
