package verify_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// A curve that is spelt out may be spelt in odd ways. The certificate's own signature is good, and is
// checked: an unreadable curve makes it no self-signed one.
func TestSpeltCurves(t *testing.T) {
	p256 := caKey.Curve.Params()
	point, err := caKey.PublicKey.Bytes()
	require.NoError(t, err)
	octets := func(n *big.Int) []byte { return forgeTLV(4, n.FillBytes(make([]byte, 32))) }
	even := append([]byte{byte(2 + p256.Gy.Bit(0))}, p256.Gx.Bytes()...)
	whole := append([]byte{4}, append(p256.Gx.FillBytes(make([]byte, 32)), p256.Gy.FillBytes(make([]byte, 32))...)...)
	a := new(big.Int).Sub(p256.P, big.NewInt(3))
	prime := func(more ...[]byte) []byte {
		return forgeSeq(append([][]byte{forgeOID("1.2.840.10045.1.1"), integerOf(p256.P)}, more...)...)
	}
	coefficients := func(a, b []byte, more ...[]byte) []byte { return forgeSeq(append([][]byte{a, b}, more...)...) }
	usual := [][]byte{forgeInt(1), prime(), coefficients(octets(a), octets(p256.B)), forgeTLV(4, whole), integerOf(p256.N)}
	with := func(at int, b []byte) [][]byte {
		out := append([][]byte{}, usual...)
		out[at] = b
		return out
	}
	version := func(b []byte) [][]byte { return with(0, b) }
	order := func(n *big.Int) [][]byte { return with(4, integerOf(n)) }
	var list []asked
	for name, row := range map[string]struct {
		params [][]byte
		want   string
	}{
		"usual":                   {usual, "OK"},
		"version 0":               {version(forgeInt(0)), "OK"},
		"version of nothing":      {version([]byte{2, 0}), "OK"},
		"version -2^31":           {version(forgeInt(-1 << 31)), "OK"},
		"version -2^31-1":         {version(forgeInt(-1<<31 - 1)), "20@0"},
		"version 2^31-1":          {version(forgeInt(1<<31 - 1)), "OK"},
		"version 2^31":            {version(forgeInt(1 << 31)), "20@0"},
		"version 2^64":            {version(forgeTLV(2, []byte{1}, make([]byte, 8))), "20@0"},
		"padded version":          {version([]byte{2, 2, 0, 1}), "20@0"},
		"field with more":         {with(1, prime(forgeInt(1))), "20@0"},
		"unknown field":           {with(1, forgeSeq(forgeOID("1.2.3"), integerOf(p256.P))), "20@0"},
		"coefficient beyond p":    {with(2, coefficients(forgeTLV(4, new(big.Int).Add(a, p256.P).Bytes()), octets(p256.B))), "OK"},
		"seed":                    {with(2, coefficients(octets(a), octets(p256.B), forgeBits(0, 1, 2))), "OK"},
		"seed of nothing":         {with(2, coefficients(octets(a), octets(p256.B), forgeBits(0))), "20@0"},
		"compressed base":         {with(3, forgeTLV(4, even)), "OK"},
		"base at infinity":        {with(3, []byte{4, 1, 0}), "20@0"},
		"no base":                 {with(3, []byte{4, 0}), "20@0"},
		"order 0":                 {order(new(big.Int)), "20@0"},
		"order of many bits more": {order(new(big.Int).Lsh(p256.N, 2)), "20@0"},
		"twice the order":         {order(new(big.Int).Lsh(p256.N, 1)), "7@0"},
		"cofactor":                {append(with(0, forgeInt(1)), forgeInt(1)), "OK"},
		"negative cofactor":       {append(with(0, forgeInt(1)), forgeInt(-1)), "20@0"},
		"more behind":             {append(with(0, forgeInt(1)), forgeInt(1), forgeInt(1)), "20@0"},
	} {
		var signed []byte
		root := parts{
			subject: forgeCN("ca"), exts: [][]byte{isCA},
			spki: forgeSeq(forgeSeq(forgeOID("1.2.840.10045.2.1"), forgeSeq(row.params...)), forgeBits(0, point...)),
			tbs:  func(tbs []byte) []byte { signed = tbs; return tbs },
			tamper: func([]byte) []byte {
				digest := sha256.Sum256(signed)
				signature, err := ecdsa.SignASN1(rand.Reader, caKey, digest[:])
				require.NoError(t, err)
				return append([]byte{0}, signature...)
			},
		}.make()
		list = append(list, asked{name: name, args: []string{"-check_ss_sig"}, ca: [][]byte{root}, target: root, want: row.want})
	}
	ask(t, list)
}
