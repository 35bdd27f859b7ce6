package cases

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A case has to be the same on every machine, or a printed seed would be worth nothing.
func TestGenerateIsReproducible(t *testing.T) {
	for n := range 20 {
		a, b := Generate(7, n), Generate(7, n)
		assert.Equal(t, a.Args, b.Args)
		assert.Equal(t, a.Files, b.Files, "%s", a)
	}
}

// Every class has to come up, and enough of what is made has to be an ordinary certificate.
func TestGenerateReachesEveryClass(t *testing.T) {
	seen := map[string]int{}
	parsed, total := 0, 0
	for n := range 500 {
		c := Generate(1, n)
		seen[c.Class]++
		for _, f := range c.Files {
			for rest := f.Data; ; {
				var block *pem.Block
				if block, rest = pem.Decode(rest); block == nil {
					break
				}
				if block.Type != "CERTIFICATE" {
					continue
				}
				total++
				if _, err := x509.ParseCertificate(block.Bytes); err == nil {
					parsed++
				}
			}
		}
	}
	for _, c := range classes() {
		assert.Positive(t, seen[c.name], c.name)
	}
	assert.Greater(t, parsed, total/2)
	assert.Less(t, parsed, total, "nothing that Go refuses")
}

// Signatures of every key and digest have to be right: a generator that signs wrongly would only test error 7.
func TestSignaturesVerify(t *testing.T) {
	for _, algorithm := range []string{"rsa1024", "rsa2048", "p256", "p384", "p521", "ed25519"} {
		k := keyNamed(algorithm, 0)
		w := &world{r: newRNG(1, 1), keys: map[string]int{}}
		root := w.cert(nil, cn("root"), k)
		w.dressCA(root)
		root.hash = 5 // SHA-256
		parsed, err := x509.ParseCertificate(root.der())
		require.NoError(t, err)
		assert.NoError(t, parsed.CheckSignature(parsed.SignatureAlgorithm, parsed.RawTBSCertificate, parsed.Signature), algorithm)
	}
	rsa := keyNamed("rsa1024", 0)
	w := &world{r: newRNG(1, 1), keys: map[string]int{}}
	root := w.cert(nil, cn("root"), rsa)
	root.hash, root.pss = 5, true
	parsed, err := x509.ParseCertificate(root.der())
	require.NoError(t, err)
	require.Equal(t, x509.SHA256WithRSAPSS, parsed.SignatureAlgorithm)
	assert.NoError(t, parsed.CheckSignature(parsed.SignatureAlgorithm, parsed.RawTBSCertificate, parsed.Signature))
}

// The table of where the primes are has to be right, and to have every key that the generator may ask for.
func TestPrimes(t *testing.T) {
	for algorithm, bits := range map[string]int{"rsa512": 512, "rsa1024": 1024, "rsa1536": 1536, "rsa2048": 2048, "rsa3072": 3072, "pss1024": 1024} {
		for n := range 3 {
			label := fmt.Sprintf("%s/%d", algorithm, n)
			require.Contains(t, composites, label)
			p, q := (&stream{label: label}).primes(bits)
			for _, prime := range []*big.Int{p, q} {
				assert.True(t, prime.ProbablyPrime(1), label)
			}
			assert.Equal(t, bits, new(big.Int).Mul(p, q).BitLen(), label)
		}
	}
}

func TestIntegerOctets(t *testing.T) {
	for n, want := range map[int64][]byte{0: {2, 1, 0}, 127: {2, 1, 127}, 128: {2, 2, 0, 128}, -1: {2, 1, 255}, -128: {2, 1, 128}, -129: {2, 2, 0xff, 0x7f}, 256: {2, 2, 1, 0}} {
		assert.True(t, slices.Equal(integer(n), want), "%d: %x", n, integer(n))
	}
}

// No case may keep another from being made, however odd the two are.
func TestGenerateNeverPanics(t *testing.T) {
	for n := range 500 {
		assert.NotEmpty(t, Generate(3, n).Args)
	}
}
