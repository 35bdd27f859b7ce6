package pki_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki"
)

// Every algorithm makes the key that it names, in the encoding that kubeadm
// uses and that openssl reads, and the file's key is the key.
func TestKeys(t *testing.T) {
	labels := map[pki.KeyAlgorithm]string{
		pki.RSA2048: "RSA PRIVATE KEY", pki.RSA3072: "RSA PRIVATE KEY", pki.RSA4096: "RSA PRIVATE KEY",
		pki.ECDSAP256: "EC PRIVATE KEY", pki.ECDSAP384: "EC PRIVATE KEY", pki.Ed25519: "PRIVATE KEY",
	}
	require.Len(t, pki.KeyAlgorithms(), len(labels))
	for _, a := range pki.KeyAlgorithms() {
		t.Run(string(a), func(t *testing.T) {
			parsed, err := pki.ParseKeyAlgorithm(string(a))
			require.NoError(t, err)
			assert.Equal(t, a, parsed)
			key := newKey(t, a)
			assert.Equal(t, string(a), pki.DescribeKey(key.Public()))
			assert.Empty(t, pki.KeyFault(key.Public()))
			data, err := pki.EncodePrivateKey(key)
			require.NoError(t, err)
			b, rest := pem.Decode(data)
			require.NotNil(t, b)
			assert.Empty(t, rest)
			assert.Equal(t, labels[a], b.Type)
			again, err := pki.ParsePrivateKey(data)
			require.NoError(t, err)
			assert.True(t, pki.SameKey(key.Public(), again.Public()))
			pub, err := pki.EncodePublicKey(key.Public())
			require.NoError(t, err)

			dir := t.TempDir()
			write(t, dir, "key.pem", data)
			assert.Contains(t, openssl(t, dir, "pkey", "-in", "key.pem", "-check", "-noout"), "Key is valid")
			assert.Equal(t, string(pub), openssl(t, dir, "pkey", "-in", "key.pem", "-pubout"))
		})
	}
}

func TestUnknownAlgorithm(t *testing.T) {
	for _, name := range []string{"", "RSA-1024", "rsa-2048", "RSA", "ed25519", "ECDSA-P521"} {
		_, err := pki.ParseKeyAlgorithm(name)
		assert.EqualError(t, err, `unknown key algorithm "`+name+`": must be one of RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384, Ed25519`)
		_, err = pki.GenerateKey(pki.KeyAlgorithm(name))
		assert.EqualError(t, err, `unknown key algorithm "`+name+`"`)
	}
}

func TestKeyFault(t *testing.T) {
	ec := func(c elliptic.Curve) crypto.PublicKey {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		require.NoError(t, err)
		return key.Public()
	}
	bits := func(n int) crypto.PublicKey {
		return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), uint(n-1)), E: 65537}
	}
	tests := []struct {
		key               crypto.PublicKey
		describe, problem string
	}{
		{bits(1024), "RSA-1024", "RSA key of 1024 bits: 2048 to 8192 are accepted"},
		{bits(2047), "RSA-2047", "RSA key of 2047 bits: 2048 to 8192 are accepted"},
		{bits(2048), "RSA-2048", ""},
		{bits(8192), "RSA-8192", ""},
		{bits(16384), "RSA-16384", "RSA key of 16384 bits: 2048 to 8192 are accepted"},
		{ec(elliptic.P224()), "ECDSA-P224", "ECDSA key on curve P-224: P-256, P-384 and P-521 are accepted"},
		{ec(elliptic.P521()), "ECDSA-P521", ""},
		{&ecdsa.PublicKey{}, "ECDSA-unknown", "ECDSA key on curve unknown: P-256, P-384 and P-521 are accepted"},
		{"a key", "unknown", "key of type string is not accepted"},
		{nil, "unknown", "key of type <nil> is not accepted"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.describe, pki.DescribeKey(tt.key))
		assert.Equal(t, tt.problem, pki.KeyFault(tt.key))
	}
	assert.False(t, pki.SameKey(bits(2048), ec(elliptic.P256())))
	assert.False(t, pki.SameKey(nil, nil))
	assert.False(t, pki.SameKey("a key", "a key"), "what cannot be compared is not the same")
}

// A key that is no file (a token, a remote signer) signs, but cannot be written.
func TestForeignSigner(t *testing.T) {
	root, err := pki.SelfSign(caTemplate("hsm-ca"), opaque{newKey(t, pki.ECDSAP256)})
	require.NoError(t, err)
	_, err = root.Issue(leafTemplate("a", clientAuth), opaque{newKey(t, pki.RSA2048)})
	require.NoError(t, err)
	_, err = pki.EncodePrivateKey(opaque{})
	assert.EqualError(t, err, "a key of type pki_test.opaque cannot be written to a file")
}

// opaque hides what a signer is made of.
type opaque struct{ crypto.Signer }

func TestSubject(t *testing.T) {
	long := strings.Repeat("ü", 64)
	tests := []struct {
		subject pki.Subject
		text    string
		problem string
	}{
		{pki.Subject{CommonName: "alice", Organization: []string{"dev", "ops"}}, "O = dev + O = ops, CN = alice", ""},
		{pki.Subject{CommonName: long}, "CN = " + long, ""},
		{pki.Subject{CommonName: "system:node:n1", Organization: []string{"system:nodes"}}, "O = system:nodes, CN = system:node:n1", ""},
		{pki.Subject{}, "CN = ", "common name (CN) is empty"},
		{pki.Subject{Organization: []string{"dev"}}, "O = dev", "common name (CN) is empty"},
		{pki.Subject{CommonName: "a", Organization: []string{""}}, "O = , CN = a", "organization (O) is empty"},
		{pki.Subject{CommonName: long + "x"}, "CN = " + long + "x", `common name (CN) "` + long + `x" is longer than 64 characters`},
		{pki.Subject{CommonName: "a\x00b"}, "CN = a\x00b", `common name (CN) "a\x00b" has a control character`},
		{pki.Subject{CommonName: "a\nb"}, "CN = a\nb", `common name (CN) "a\nb" has a control character`},
		{pki.Subject{CommonName: " a"}, "CN =  a", `common name (CN) " a" begins or ends with a space`},
		{pki.Subject{CommonName: "a\xff"}, "CN = a\xff", `common name (CN) "a\xff" is not UTF-8`},
		{pki.Subject{CommonName: "a", Organization: []string{"dev", "ops\t"}}, "O = dev + O = ops\t, CN = a", `organization (O) "ops\t" has a control character`},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.text, tt.subject.String())
		err := tt.subject.Check()
		if tt.problem == "" {
			assert.NoError(t, err)
			continue
		}
		assert.EqualError(t, err, tt.problem)
	}
	a := pki.Subject{CommonName: "a", Organization: []string{"x", "y"}}
	assert.True(t, a.Equal(pki.Subject{CommonName: "a", Organization: []string{"y", "x", "y"}}), "groups are a set")
	assert.False(t, a.Equal(pki.Subject{CommonName: "a", Organization: []string{"x"}}))
	assert.False(t, a.Equal(pki.Subject{CommonName: "b", Organization: []string{"x", "y"}}))
}
