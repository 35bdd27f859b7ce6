package verify_test

import (
	"math/big"
	"testing"
)

// A target's key need not be able to sign, but it must be one: Diffie-Hellman in both forms.
func TestDiffieHellmanKeys(t *testing.T) {
	one := big.NewInt(1)
	p := integerOf(new(big.Int).Sub(new(big.Int).Lsh(one, 1024), one)) // nobody asks whether it is prime
	q, g, y := integerOf(new(big.Int).Sub(new(big.Int).Lsh(one, 160), one)), forgeInt(2), forgeInt(12345)
	key := func(id string, params ...[]byte) []byte {
		return forgeSeq(algorithm(id, forgeSeq(params...)), forgeTLV(3, []byte{0}, y))
	}
	dh := func(params ...[]byte) []byte { return key("1.2.840.113549.1.3.1", params...) }
	dhx := func(params ...[]byte) []byte { return key("1.2.840.10046.2.1", params...) }
	proof := forgeSeq(forgeBits(0, 1, 2), forgeInt(5))
	var list []asked
	for name, row := range map[string]struct {
		spki []byte
		want string
	}{
		"PKCS #3":                  {dh(p, g), "OK"},
		"PKCS #3, length":          {dh(p, g, forgeInt(200)), "OK"},
		"PKCS #3, negative length": {dh(p, g, forgeInt(-1)), "OK"},
		"PKCS #3, length 2^31":     {dh(p, g, forgeInt(1<<31)), "internal"},
		"PKCS #3, something else":  {dh(p, g, []byte{5, 0}), "internal"},
		"PKCS #3, more behind":     {dh(p, g, forgeInt(200), forgeInt(1)), "internal"},
		"PKCS #3, no generator":    {dh(p), "internal"},
		"X9.42":                    {dhx(p, g, q), "OK"},
		"X9.42, factor":            {dhx(p, g, q, forgeInt(2)), "OK"},
		"X9.42, factor and proof":  {dhx(p, g, q, forgeInt(2), proof), "OK"},
		"X9.42, proof":             {dhx(p, g, q, proof), "OK"},
		"X9.42, proof of no seed":  {dhx(p, g, q, forgeSeq(forgeInt(1))), "internal"},
		"X9.42, more behind":       {dhx(p, g, q, proof, forgeInt(1)), "internal"},
		"X9.42, something else":    {dhx(p, g, q, []byte{5, 0}), "internal"},
		"X9.42, no order":          {dhx(p, g), "internal"},
	} {
		list = append(list, asked{name: name, ca: [][]byte{aRoot()}, target: parts{spki: row.spki, exts: [][]byte{notCA}}.make(), want: row.want})
	}
	ask(t, list)
}
