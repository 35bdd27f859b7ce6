package pki_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
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
			assert.Nil(t, pki.KeyFault(key.Public()))
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
		return &rsa.PublicKey{N: modulus(t, n), E: 65537}
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
		fault := pki.KeyFault(tt.key)
		if tt.problem == "" {
			assert.Nil(t, fault)
			continue
		}
		require.NotNil(t, fault)
		assert.Equal(t, finding.KeyUnfit, fault.ID)
		assert.EqualError(t, fault, tt.problem)
	}
	assert.False(t, pki.SameKey(bits(2048), ec(elliptic.P256())))
	assert.False(t, pki.SameKey(nil, nil))
	assert.False(t, pki.SameKey("a key", "a key"), "what cannot be compared is not the same")
}

// A key that is no file (a token, a remote signer) signs whatever its algorithm, but cannot be written.
func TestForeignSigner(t *testing.T) {
	for _, a := range []pki.KeyAlgorithm{pki.RSA2048, pki.ECDSAP256, pki.ECDSAP384, pki.Ed25519} {
		key := opaque{newKey(t, a)}
		root, err := pki.SelfSign(t.Context(), caTemplate("hsm-ca"), key)
		require.NoError(t, err, a)
		again, err := pki.NewAuthority(root.Bundle(), key, now)
		require.NoError(t, err, a)
		chain, err := again.Issue(t.Context(), leafTemplate("a", clientAuth), opaque{newKey(t, pki.ECDSAP256)})
		require.NoError(t, err, a)
		assert.NoError(t, chain[0].CheckSignatureFrom(root.Certificate()), a)
		_, err = pki.NewCSR(leafTemplate("a", clientAuth), key)
		require.NoError(t, err, a)
	}
	_, err := pki.EncodePrivateKey(opaque{})
	assert.EqualError(t, err, "a key of type pki_test.opaque cannot be written to a file")
}

// liar signs something else than it is given.
type liar struct{ crypto.Signer }

func (l liar) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	digest = bytes.Clone(digest)
	digest[0] ^= 1
	return l.Signer.Sign(r, digest, o)
}

// refuser is a signer whose owner says no.
type refuser struct{ crypto.Signer }

func (refuser) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the owner said no")
}

// What a signer makes wrongly is not given out, and its own error is the error.
func TestSignerErrors(t *testing.T) {
	for _, a := range []pki.KeyAlgorithm{pki.RSA2048, pki.ECDSAP256, pki.Ed25519} {
		key := newKey(t, a)
		root, err := pki.SelfSign(t.Context(), caTemplate("ca"), key)
		require.NoError(t, err)
		for _, tt := range []struct {
			signer crypto.Signer
			err    string
		}{{liar{key}, "signature returned by signer is invalid"}, {refuser{key}, "the owner said no"}} {
			ca, err := pki.NewAuthority(root.Bundle(), tt.signer, now)
			require.NoError(t, err)
			chain, err := ca.Issue(t.Context(), leafTemplate("a", clientAuth), newKey(t, pki.ECDSAP256))
			assert.ErrorContains(t, err, tt.err)
			assert.Nil(t, chain)
			_, err = pki.SelfSign(t.Context(), caTemplate("ca"), tt.signer)
			assert.ErrorContains(t, err, tt.err)
			_, err = pki.NewCSR(leafTemplate("a", clientAuth), tt.signer)
			assert.Error(t, err)
		}
	}
}

// A run that has ended asks no signer any more, and says why it ended.
func TestContext(t *testing.T) {
	key := newKey(t, pki.ECDSAP256)
	root, err := pki.SelfSign(t.Context(), caTemplate("ca"), key)
	require.NoError(t, err)
	ca, err := pki.NewAuthority(root.Bundle(), refuser{key}, now)
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	_, err = ca.Issue(ctx, leafTemplate("a", clientAuth), key)
	assert.EqualError(t, err, "interrupted")
	_, err = ca.IssuePublic(ctx, leafTemplate("a", clientAuth), key.Public())
	assert.EqualError(t, err, "interrupted")
	_, err = pki.SelfSign(ctx, caTemplate("ca"), refuser{key})
	assert.EqualError(t, err, "interrupted")
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
		{pki.Subject{CommonName: long + "x", Long: true}, "CN = " + long + "x", ""},
		{pki.Subject{CommonName: "a", Organization: []string{long + "x"}}, "O = " + long + "x, CN = a", `organization (O) "` + long + `x" is longer than 64 characters`},
		{pki.Subject{CommonName: "a\x00b"}, "CN = a\x00b", `common name (CN) "a\x00b" has a control character`},
		{pki.Subject{CommonName: "a\u202eb"}, "CN = a\u202eb", `common name (CN) "a\u202eb" has a control character`},
		{pki.Subject{CommonName: "a\u2028b"}, "CN = a\u2028b", `common name (CN) "a\u2028b" has a control character`},
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
