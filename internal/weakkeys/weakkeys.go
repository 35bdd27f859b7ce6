// Package weakkeys makes RSA keys as they must not be; for tests.
package weakkeys

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"sync"
)

var one = big.NewInt(1)

// ROCA is a key as Infineon's library made them (CVE-2017-15361): its primes are k*M + (65537^a mod M), with M the
// product of the first 126 primes.
var ROCA = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	m, found := big.NewInt(1), 0
	for p := int64(2); found < 126; p++ {
		if n := big.NewInt(p); n.ProbablyPrime(0) {
			m.Mul(m, n)
			found++
		}
	}
	prime := func() (*big.Int, error) {
		for {
			a, err := rand.Int(rand.Reader, m)
			if err != nil {
				return nil, err
			}
			k, err := rand.Prime(rand.Reader, 1024-m.BitLen()) // its upper two bits are set
			if err != nil {
				return nil, err
			}
			p := k.Mul(k, m)
			p.Add(p, a.Exp(big.NewInt(65537), a, m))
			if p.BitLen() == 1024 && p.ProbablyPrime(20) {
				return p, nil
			}
		}
	}
	return key(65537, prime)
})

// Exponent3 is a sound key with the public exponent 3.
var Exponent3 = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	return key(3, func() (*big.Int, error) { return rand.Prime(rand.Reader, 1024) })
})

// key is a key of 2048 bits and two primes.
func key(e int, prime func() (*big.Int, error)) (*rsa.PrivateKey, error) {
	for range 1000 {
		p, err := prime()
		if err != nil {
			return nil, err
		}
		q, err := prime()
		if err != nil {
			return nil, err
		}
		n := new(big.Int).Mul(p, q)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(big.NewInt(int64(e)), phi)
		if d == nil || n.BitLen() != 2048 {
			continue
		}
		k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: e}, D: d, Primes: []*big.Int{p, q}}
		k.Precompute()
		return k, k.Validate()
	}
	return nil, errors.New("no such key found")
}

// Close is a modulus whose primes have most of their bits in common, or are the same.
func Close(same bool) (*big.Int, error) {
	p, err := rand.Prime(rand.Reader, 1024)
	if err != nil || same {
		return p.Mul(p, p), err
	}
	q := new(big.Int).Add(p, big.NewInt(2))
	for !q.ProbablyPrime(20) {
		q.Add(q, big.NewInt(2))
	}
	return q.Mul(q, p), nil
}
