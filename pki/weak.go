package pki

import (
	"crypto/rsa"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"slices"
	"sync"

	"github.com/pkitool/pkitool/finding"
)

// rsaFault says why an RSA key is not one to rest anything on. The numbers are judged, not trusted: whoever made the key
// may have been mistaken, or have meant it.
func rsaFault(k *rsa.PublicKey) *finding.Finding {
	n := k.N.BitLen()
	switch {
	case n < 2048 || n > 8192:
		return finding.New(finding.KeyUnfit, fmt.Sprintf("RSA key of %d bits: 2048 to 8192 are accepted", n))
	case k.E < 3 || k.E%2 == 0 || k.E > 1<<31-1:
		return finding.New(finding.KeyUnfit, fmt.Sprintf("RSA key with the public exponent %d: crypto/rsa takes odd ones from 3 to 2147483647", k.E))
	}
	if why := rsaWeakness(k.N); why != "" {
		return finding.New(finding.KeyWeak, why)
	}
	if k.E < 1<<16+1 {
		return finding.New(finding.KeyExponentSmall, fmt.Sprint(k.E))
	}
	return nil
}

// rsaWeakness says why the private key can be computed from a modulus, "" if nothing is known: what the CA/Browser Forum
// has its members look for (Baseline Requirements 6.1.1.3), but for Debian's keys of 2006 to 2008, whose list is too long to link.
func rsaWeakness(n *big.Int) string {
	if hasSmallFactor(n) {
		return "RSA modulus has a factor below 752"
	}
	// One round of Fermat's search: it finds primes that are the same, or have the first half of their bits in common.
	if rest := aboveRoot(n); mayBeSquare(rest) && isSquare(rest, new(big.Int).Sqrt(rest)) {
		return "the two primes of the RSA modulus are close together"
	}
	if isROCA(n) {
		return "RSA key of a broken library of Infineon (ROCA, CVE-2017-15361)"
	}
	return ""
}

func isSquare(n, root *big.Int) bool { return new(big.Int).Mul(root, root).Cmp(n) == 0 }

// mayBeSquare is false where the last bits of a number say already that it is no square: of 64 endings 12 are those of
// squares. A root takes longer than all else that is asked of a key.
func mayBeSquare(n *big.Int) bool {
	const endings = uint64(0x0202021202030213)
	last := uint64(0)
	for i := range 6 {
		last |= uint64(n.Bit(i)) << i
	}
	return endings>>last&1 == 1
}

// aboveRoot is how much the smallest square that is not below n is larger than n. The root of a big.Float takes half as long
// as that of a big.Int, and may be off by one.
func aboveRoot(n *big.Int) *big.Int {
	f := new(big.Float).SetPrec(uint(n.BitLen()/2 + 64)).SetInt(n)
	root, _ := f.Sqrt(f).Int(nil)
	one, rest, next := big.NewInt(1), new(big.Int), new(big.Int)
	above := func(root, out *big.Int) *big.Int { return out.Sub(out.Mul(root, root), n) }
	for above(root, rest).Sign() < 0 {
		root.Add(root, one)
	}
	for above(root.Sub(root, one), next).Sign() >= 0 {
		rest.Set(next)
	}
	return rest
}

// smallPrimes are the primes below 752, as NIST SP 800-89 has them divided out: groups whose product is one word.
var smallPrimes = sync.OnceValue(func() (groups [][]uint) {
	product := uint(math.MaxUint)
	for p := uint(2); p < 752; p++ {
		if !big.NewInt(int64(p)).ProbablyPrime(0) { // certain below 2^64
			continue
		}
		if product > math.MaxUint/p {
			groups, product = append(groups, nil), 1
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], p)
		product *= p
	}
	return groups
})

// hasSmallFactor divides by all small primes: half the time of a greatest common divisor, of every key in a directory.
func hasSmallFactor(n *big.Int) bool {
	for _, primes := range smallPrimes() {
		product, rest := uint(1), uint(0)
		for _, p := range primes {
			product *= p
		}
		for _, word := range slices.Backward(n.Bits()) {
			_, rest = bits.Div(rest, uint(word), product)
		}
		if slices.ContainsFunc(primes, func(p uint) bool { return rest%p == 0 }) {
			return true
		}
	}
	return false
}

// isROCA reports whether a modulus has the mark of ROCA: modulo each of these primes it is a power of 65537. Other keys
// have it by chance once in 2^27. The list is that of the discoverers' own detector (crocs-muni/roca).
func isROCA(n *big.Int) bool {
	var rest big.Int
	for _, p := range [...]int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157} {
		want := rest.Mod(n, big.NewInt(p)).Int64()
		power := int64(1)
		for power != want {
			if power = power * 65537 % p; power == 1 {
				return false
			}
		}
	}
	return true
}
