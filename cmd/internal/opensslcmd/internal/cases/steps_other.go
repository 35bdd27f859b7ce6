package cases

import (
	"crypto"
	"encoding/hex"
	"strings"
)

// setupUnsupported puts something into the chain that openssl judges and this program does not.
func setupUnsupported(w *world) {
	w.grow(pick(w.r, 0, 1, 2))
	c := w.any()
	switch w.r.IntN(6) {
	case 0:
		c.key = w.key(pick(w.r, "explicit", "rsa512"))
	case 1:
		c.key, c.hash = w.key("rsa1024"), crypto.RIPEMD160
		for _, child := range w.chain {
			if child.parent() == c {
				child.hash = crypto.RIPEMD160
			}
		}
	case 2: // addresses that the anchor has, or has not
		c.put(oidIPBlocks, pick(w.r, nil, critical), seq(seq(octets([]byte{0, 1}), pick(w.r, null(), seq(bitString(0, []byte{10}))))))
	case 3:
		c.put(oidASNumbers, pick(w.r, nil, critical), seq(cons(0, pick(w.r, null(), seq(integer(10))))))
	case 4:
		c.put(oidProxy, critical, seq(seq(oid(oidProxyInherit))))
	case 5: // a point on a curve that this program does not have
		c.spki = seq(seq(oid(oidECKey), oid("1.3.132.0.10")), bitString(0, secp256k1Base))
	}
}

// secp256k1Base is that curve's base point, compressed.
var secp256k1Base = must(hex.DecodeString("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"))

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
