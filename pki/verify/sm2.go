package verify

import (
	"encoding/binary"
	"math/big"
)

// verifySM2 checks an SM2 signature (GB/T 32918.2-2016). `openssl verify` gives
// no distinguishing identifier, so that the one hashed in is empty.
func (k *publicKey) verifySM2(message, signature []byte) bool {
	c, ok := k.curve.(*primeCurve)
	r, s, okPair := signaturePair(signature)
	if !ok || !okPair || k.q.infinite() || r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(c.n) >= 0 || s.Cmp(c.n) >= 0 {
		return false
	}
	z := binary.BigEndian.AppendUint16(nil, 0) // bits of the identifier
	size := (c.p.BitLen() + 7) / 8
	for _, n := range []*big.Int{c.a, c.b, c.g.x, c.g.y, k.q.x, k.q.y} {
		z = append(z, n.FillBytes(make([]byte, size))...)
	}
	digest := sumSM3(nil, append(sumSM3(nil, z), message...))
	t := new(big.Int).Add(r, s)
	if t.Mod(t, c.n).Sign() == 0 {
		return false
	}
	sum := c.combine(s, t, k.q)
	if sum.infinite() {
		return false
	}
	inverse := new(big.Int).ModInverse(sum.z, c.p)
	x := c.mul(sum.x, c.mul(inverse, inverse))
	x.Add(x, new(big.Int).SetBytes(digest))
	return x.Mod(x, c.n).Cmp(r) == 0
}
