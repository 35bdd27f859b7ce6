package pki_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/titanous/rocacheck"
	zx509 "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/weakkeys"
	"github.com/pkitool/pkitool/pki"
)

// modulus is a number of so many bits that looks like the modulus of a good key. It is none: nothing is computed with it.
func modulus(t testing.TB, bits int) *big.Int {
	t.Helper()
	for {
		n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(bits-1)))
		require.NoError(t, err)
		n.SetBit(n, bits-1, 1).SetBit(n, 0, 1)
		small := false
		for p := int64(3); p < 752; p += 2 {
			small = small || new(big.Int).Mod(n, big.NewInt(p)).Sign() == 0
		}
		if !small {
			return n
		}
	}
}

// Each kind of weak RSA key is told, and the libraries that know the kind (zlint, rocacheck) say the same: they judge
// here and not in the program, at whose every start they would take more time than all of it.
func TestWeakRSAKeys(t *testing.T) {
	roca, err := weakkeys.ROCA()
	require.NoError(t, err)
	three, err := weakkeys.Exponent3()
	require.NoError(t, err)
	square, err := weakkeys.Close(true)
	require.NoError(t, err)
	near, err := weakkeys.Close(false)
	require.NoError(t, err)
	factor := func(p int64) *big.Int { return new(big.Int).Mul(modulus(t, 2040), big.NewInt(p)) }
	good := modulus(t, 2048)
	const closeBy, small = "the two primes of the RSA modulus are close together", "RSA modulus has a factor below 752"
	exponents := func(e string) string {
		return "RSA key with the public exponent " + e + ": crypto/rsa takes odd ones from 3 to 2147483647"
	}
	tests := []struct {
		name  string
		key   rsa.PublicKey
		id    finding.ID
		says  string
		lint  string // zlint's, for what it knows
		mayBe bool   // zlint cannot read the certificate, or does not mind
	}{
		{name: "good", key: rsa.PublicKey{N: good, E: 65537}},
		{name: "the largest exponent", key: rsa.PublicKey{N: good, E: 1<<31 - 1}},
		{name: "1024 bits", key: rsa.PublicKey{N: modulus(t, 1024), E: 65537}, id: finding.KeyUnfit, says: "RSA key of 1024 bits: 2048 to 8192 are accepted", lint: "e_rsa_mod_less_than_2048_bits"},
		{name: "ROCA", key: roca.PublicKey, id: finding.KeyWeak, says: "RSA key of a broken library of Infineon (ROCA, CVE-2017-15361)"},
		{name: "the same prime twice", key: rsa.PublicKey{N: square, E: 65537}, id: finding.KeyWeak, says: closeBy, mayBe: true},
		{name: "primes close together", key: rsa.PublicKey{N: near, E: 65537}, id: finding.KeyWeak, says: closeBy, lint: "e_rsa_fermat_factorization"},
		{name: "even", key: rsa.PublicKey{N: factor(256), E: 65537}, id: finding.KeyWeak, says: small, lint: "w_rsa_mod_not_odd"},
		{name: "factor 3", key: rsa.PublicKey{N: factor(729), E: 65537}, id: finding.KeyWeak, says: small, lint: "w_rsa_mod_factors_smaller_than_752"},
		{name: "factor 751", key: rsa.PublicKey{N: factor(751), E: 65537}, id: finding.KeyWeak, says: small, lint: "w_rsa_mod_factors_smaller_than_752"},
		{name: "exponent 1", key: rsa.PublicKey{N: good, E: 1}, id: finding.KeyUnfit, says: exponents("1"), lint: "e_rsa_public_exponent_too_small"},
		{name: "exponent 2", key: rsa.PublicKey{N: good, E: 2}, id: finding.KeyUnfit, says: exponents("2"), lint: "e_rsa_public_exponent_not_odd"},
		{name: "even exponent", key: rsa.PublicKey{N: good, E: 65538}, id: finding.KeyUnfit, says: exponents("65538"), lint: "e_rsa_public_exponent_not_odd"},
		{name: "exponent 0", key: rsa.PublicKey{N: good}, id: finding.KeyUnfit, says: exponents("0"), mayBe: true},
		{name: "exponent of 33 bits", key: rsa.PublicKey{N: good, E: 1<<32 + 1}, id: finding.KeyUnfit, says: exponents("4294967297"), mayBe: true},
		{name: "exponent 3", key: three.PublicKey, id: finding.KeyExponentSmall, says: "RSA key with the public exponent 3, smaller than 65537", lint: "w_rsa_public_exponent_not_in_range"},
		{name: "exponent 65535", key: rsa.PublicKey{N: good, E: 65535}, id: finding.KeyExponentSmall, says: "RSA key with the public exponent 65535, smaller than 65537", lint: "w_rsa_public_exponent_not_in_range"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fault := pki.KeyFault(&tt.key)
			if tt.id == "" {
				assert.Nil(t, fault)
			} else {
				require.NotNil(t, fault)
				assert.Equal(t, tt.id, fault.ID)
				assert.Equal(t, tt.says, fault.Text())
			}
			assert.Equal(t, tt.name == "ROCA", rocacheck.IsWeak(&tt.key))
			if !tt.mayBe {
				assert.Equal(t, tt.lint, weakLint(t, &tt.key))
			}
		})
	}
	all := big.NewInt(11 * 13 * 17 * 19 * 37 * 53)
	all.Mul(all, big.NewInt(61*71*73*79*97)).Mul(all, big.NewInt(103*107*109*127)).Mul(all, big.NewInt(151*157))
	for a := range int64(2000) { // numbers with the mark of ROCA, and their neighbours, which lack a part of it
		n := new(big.Int).Exp(big.NewInt(65537), big.NewInt(a), all)
		assert.True(t, pki.IsROCA(n) && rocacheck.IsWeak(&rsa.PublicKey{N: n}), a)
		n.Add(n, big.NewInt(a))
		assert.Equal(t, rocacheck.IsWeak(&rsa.PublicKey{N: n}), pki.IsROCA(n), a)
	}
}

// weakLint is the lint about keys that a certificate with this key fails first, of those that we know; "" for none.
func weakLint(t *testing.T, key *rsa.PublicKey) string {
	t.Helper()
	names := []string{
		"e_rsa_mod_less_than_2048_bits", "e_rsa_public_exponent_not_odd", "e_rsa_public_exponent_too_small", "w_rsa_mod_not_odd",
		"w_rsa_mod_factors_smaller_than_752", "e_rsa_fermat_factorization", "w_rsa_public_exponent_not_in_range",
	}
	reg, err := lint.GlobalRegistry().Filter(lint.FilterOptions{IncludeNames: names})
	require.NoError(t, err)
	require.Len(t, reg.Names(), len(names), strings.Join(reg.Names(), " "))
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a"}, NotBefore: now, NotAfter: now.AddDate(1, 0, 0), DNSNames: []string{"a.example.com"}, ExtKeyUsage: []x509.ExtKeyUsage{serverAuth}}
	der, err := x509.CreateCertificate(rand.Reader, c, &x509.Certificate{Subject: pkix.Name{CommonName: "ca"}}, key, signer)
	require.NoError(t, err)
	z, err := zx509.ParseCertificate(der)
	require.NoError(t, err)
	results := zlint.LintCertificateEx(z, reg).Results
	for _, name := range names {
		if results[name].Status >= lint.Warn {
			return name
		}
	}
	return ""
}

// TestMayBeSquare: no square is passed over.
func TestMayBeSquare(t *testing.T) {
	large := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 1279), big.NewInt(1))
	for i := range int64(200) {
		n := new(big.Int).Add(large, big.NewInt(i))
		assert.True(t, pki.MayBeSquare(n.Mul(n, n)), i)
	}
	assert.False(t, pki.MayBeSquare(big.NewInt(3)))
}

// TestSmallFactors: each prime below 752 is found, and the next one is not.
func TestSmallFactors(t *testing.T) {
	large := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 1279), big.NewInt(1)) // a Mersenne prime
	assert.False(t, pki.HasSmallFactor(new(big.Int).Mul(large, big.NewInt(757))))
	for p := int64(2); p < 752; p++ {
		assert.True(t, pki.HasSmallFactor(new(big.Int).Mul(large, big.NewInt(p))), p)
	}
}

// TestAboveRoot: around squares, where a root that is off by one would show, and anywhere else.
func TestAboveRoot(t *testing.T) {
	for _, size := range []int{64, 2048, 3072, 8192} {
		for range 50 {
			root, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(size/2)))
			require.NoError(t, err)
			root.SetBit(root, size/2-1, 1)
			n := new(big.Int).Mul(root, root)
			other, err := rand.Int(rand.Reader, root)
			require.NoError(t, err)
			for _, off := range []*big.Int{big.NewInt(-2), big.NewInt(-1), big.NewInt(0), big.NewInt(1), other} {
				m := new(big.Int).Add(n, off)
				want := new(big.Int).Sqrt(m)
				if new(big.Int).Mul(want, want).Cmp(m) < 0 {
					want.Add(want, big.NewInt(1))
				}
				want.Mul(want, want).Sub(want, m)
				assert.Zero(t, want.Cmp(pki.AboveRoot(m)), "%v", m)
			}
		}
	}
}
