package verify_test

import (
	"crypto/elliptic"
	"strings"
	"testing"
)

func TestSuiteBAgreesWithOpenSSL(t *testing.T) {
	curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
	algs := map[string][]byte{"SHA-256": forgedSHA256, "SHA-384": forgedSHA384}
	levels := []string{"-suiteB_128_only", "-suiteB_128", "-suiteB_192"}
	keys := []string{"P-256 SHA-256", "P-256 SHA-384", "P-384 SHA-256", "P-384 SHA-384", "P-521 SHA-256"}
	var trials []trial
	// Every key signs with its own hash.
	for _, top := range keys {
		curve, hash, _ := strings.Cut(top, " ")
		root := forgedCert{name: forgeCN("root"), exts: asRoot, key: forgeKey(curves[curve]), alg: algs[hash]}.issue()
		for _, middle := range keys {
			mCurve, mHash, _ := strings.Cut(middle, " ")
			sub := forgedCert{name: forgeCN("sub"), issuer: root, serial: 2, exts: asRoot, key: forgeKey(curves[mCurve]), alg: algs[hash]}.issue()
			for _, low := range []string{"P-256", "P-384", "P-521"} {
				leaf := forgedCert{name: forgeCN("leaf"), issuer: sub, serial: 3, key: forgeKey(curves[low]), alg: algs[mHash]}.issue()
				for _, level := range levels {
					trials = append(trials, trial{
						name: strings.Join([]string{low, middle, top, level}, ", "), ca: []*forgedCert{root}, untrusted: []*forgedCert{sub},
						target: leaf, args: []string{level},
					})
				}
			}
		}
		for _, level := range levels {
			for name, target := range map[string]*forgedCert{
				"root alone": root,
				"spelt out":  forgedCert{name: forgeCN("root"), exts: asRoot, key: forgeKey(curves[curve]), alg: algs[hash], spelt: true}.issue(),
				"v1 leaf":    forgedCert{name: forgeCN("leaf"), issuer: root, serial: 3, version: -1, bare: true, alg: algs[hash]}.issue(),
			} {
				trials = append(trials, trial{
					name: strings.Join([]string{name, top, level}, ", "), ca: []*forgedCert{target, root}, target: target, args: []string{level},
				})
			}
			leaf := forgedCert{name: forgeCN("leaf"), issuer: root, serial: 3, alg: algs[hash]}.issue()
			for crlHash, alg := range algs {
				trials = append(trials, trial{
					name: strings.Join([]string{"CRL with " + crlHash, top, level}, ", "), ca: []*forgedCert{root}, target: leaf, args: []string{level, "-crl_check"},
					crls: [][]byte{forgedCRL{issuer: root, alg: alg}.issue()},
				})
			}
		}
	}
	v1 := forgedCert{name: forgeCN("root"), version: -1, bare: true}.issue()
	trials = append(trials, trial{
		name: "v1 root", ca: []*forgedCert{v1}, target: forgedCert{name: forgeCN("leaf"), issuer: v1, serial: 3, bare: true}.issue(), args: levels[:1],
	})
	agree(t, trials, map[string]string{
		"spelt out, P-256 SHA-256, -suiteB_128":                 "OK",
		"spelt out, P-521 SHA-256, -suiteB_128":                 "error 58 at 0",
		"v1 root":                                               "error 56 at 1",
		"v1 leaf, P-256 SHA-256, -suiteB_128":                   "error 56 at 0",
		"P-521, P-256 SHA-256, P-256 SHA-256, -suiteB_128":      "error 58 at 0",
		"P-256, P-256 SHA-384, P-256 SHA-256, -suiteB_128":      "error 59 at 0",
		"P-256, P-256 SHA-256, P-256 SHA-256, -suiteB_192":      "error 60 at 0",
		"P-384, P-384 SHA-384, P-256 SHA-256, -suiteB_128":      "error 61 at 1",
		"P-384, P-384 SHA-384, P-384 SHA-384, -suiteB_192":      "OK",
		"P-256, P-256 SHA-256, P-256 SHA-384, -suiteB_128":      "error 59 at 1",
		"CRL with SHA-384, P-256 SHA-256, -suiteB_128":          "error 59 at 0",
		"P-256, P-384 SHA-384, P-384 SHA-384, -suiteB_128_only": "error 60 at 0",
		"root alone, P-384 SHA-256, -suiteB_192":                "error 59 at 0",
	})
}
