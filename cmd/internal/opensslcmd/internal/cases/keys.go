package cases

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	_ "crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"encoding/binary"
	"fmt"
	"math/big"
	"sync"

	//lint:ignore SA1019 openssl verifies such signatures
	_ "golang.org/x/crypto/ripemd160"
)

// kind is the type of a key as openssl sees it: the SubjectPublicKeyInfo's algorithm.
type kind int

const (
	kindRSA kind = iota
	kindPSS      // an RSA key whose algorithm is id-RSASSA-PSS
	kindEC
	kindEd25519
)

// key is one key pair of the pool: the same in every run, because it is derived from its name.
type key struct {
	name string
	kind kind
	spki []byte
	bits []byte // the public key's BIT STRING without its first octet: what key identifiers are made of
	raw  func(h crypto.Hash, message []byte) []byte
	pss  func(h crypto.Hash, message []byte) []byte // RSA only
}

// id is the key identifier of RFC 5280 4.2.1.2 (1).
func (k *key) id() []byte {
	sum := sha1.Sum(k.bits)
	return sum[:]
}

var (
	poolMu sync.Mutex
	pool   = map[string]*key{}
)

// keyNamed makes, once, the key of that name: rsa1024/0, p256/3, ed25519/1, pss1024/0, explicit/0.
func keyNamed(algorithm string, n int) *key {
	name := fmt.Sprintf("%s/%d", algorithm, n)
	poolMu.Lock()
	defer poolMu.Unlock()
	if k, ok := pool[name]; ok {
		return k
	}
	k := makeKey(algorithm, &stream{label: name})
	k.name = name
	pool[name] = k
	return k
}

func makeKey(algorithm string, rand *stream) *key {
	switch algorithm {
	case "rsa512":
		return rsaKey(512, rand)
	case "rsa1024":
		return rsaKey(1024, rand)
	case "rsa1536":
		return rsaKey(1536, rand)
	case "rsa2048":
		return rsaKey(2048, rand)
	case "rsa3072":
		return rsaKey(3072, rand)
	case "pss1024":
		k := rsaKey(1024, rand)
		k.kind = kindPSS
		k.spki = seq(seq(oid(oidPSS)), bitString(0, k.bits))
		return k
	case "p224":
		return ecKey(elliptic.P224(), oidP224, rand)
	case "p256":
		return ecKey(elliptic.P256(), oidP256, rand)
	case "p384":
		return ecKey(elliptic.P384(), oidP384, rand)
	case "p521":
		return ecKey(elliptic.P521(), oidP521, rand)
	case "explicit":
		return explicitKey(rand)
	case "ed25519":
		return ed25519Key(rand)
	}
	panic("key algorithm " + algorithm)
}

// stream is a deterministic random stream: SHA-256 of a label and a counter.
type stream struct {
	label string
	count uint64
	rest  []byte
}

func (s *stream) Read(p []byte) (int, error) {
	for i := range p {
		if len(s.rest) == 0 {
			s.count++
			sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(s.label), s.count))
			s.rest = sum[:]
		}
		p[i], s.rest = s.rest[0], s.rest[1:]
	}
	return len(p), nil
}

func (s *stream) number(bits int) *big.Int {
	b := make([]byte, (bits+7)/8)
	_, _ = s.Read(b)
	n := new(big.Int).SetBytes(b)
	return n.Rsh(n, uint(8*len(b)-bits))
}

// primes are those of a key of that size. They have their two highest bits set, so that the product has full length.
func (s *stream) primes(bits int) (p, q *big.Int) {
	var out [2]*big.Int
	for i, before := range composites[s.label] {
		for range before + 1 {
			out[i] = s.number(bits / 2)
		}
		out[i].SetBit(out[i], 0, 1).SetBit(out[i], bits/2-1, 1).SetBit(out[i], bits/2-2, 1)
	}
	return out[0], out[1]
}

func ecKey(curve elliptic.Curve, curveOID string, rand *stream) *key {
	size := (curve.Params().BitSize + 7) / 8
	d := rand.number(curve.Params().BitSize - 1)
	private, err := ecdsa.ParseRawPrivateKey(curve, d.FillBytes(make([]byte, size)))
	if err != nil {
		panic(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return &key{
		kind: kindEC, bits: point,
		spki: seq(seq(oid(oidECKey), oid(curveOID)), bitString(0, point)),
		raw: func(h crypto.Hash, message []byte) []byte {
			return must(private.Sign(nil, digest(h, message), h))
		},
	}
}

// explicitKey is a P-256 key whose curve is written out (RFC 3279), which RFC 5480 forbids.
func explicitKey(rand *stream) *key {
	k := ecKey(elliptic.P256(), oidP256, rand)
	p := elliptic.P256().Params()
	a := new(big.Int).Sub(p.P, big.NewInt(3))
	base := append([]byte{4}, append(p.Gx.FillBytes(make([]byte, 32)), p.Gy.FillBytes(make([]byte, 32))...)...)
	parameters := seq(integer(1),
		seq(oid("1.2.840.10045.1.1"), bigInteger(p.P)),
		seq(octets(a.Bytes()), octets(p.B.Bytes())),
		octets(base), bigInteger(p.N), integer(1))
	k.spki = seq(seq(oid(oidECKey), parameters), bitString(0, k.bits))
	return k
}

func ed25519Key(rand *stream) *key {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed)
	private := ed25519.NewKeyFromSeed(seed)
	public := []byte(private.Public().(ed25519.PublicKey))
	return &key{
		kind: kindEd25519, bits: public, spki: seq(seq(oid(oidEd25519)), bitString(0, public)),
		raw: func(_ crypto.Hash, message []byte) []byte { return ed25519.Sign(private, message) },
	}
}

func digest(h crypto.Hash, message []byte) []byte {
	d := h.New()
	d.Write(message)
	return d.Sum(nil)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
