package pki_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki"
)

func TestParsePrivateKey(t *testing.T) {
	ec, other := newKey(t, pki.ECDSAP256).(*ecdsa.PrivateKey), newKey(t, pki.ECDSAP256)
	rsaKey := newKey(t, pki.RSA2048).(*rsa.PrivateKey)
	ed := newKey(t, pki.Ed25519)
	sec1, err := x509.MarshalECPrivateKey(ec)
	require.NoError(t, err)
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		return der
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	params := block("EC PARAMETERS", []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7})
	cert := pki.EncodeCertificates(newRoot(t, "a").Certificate())
	plain, err := pki.EncodePrivateKey(ec)
	require.NoError(t, err)
	second, err := pki.EncodePrivateKey(other)
	require.NoError(t, err)
	legacy := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("x"),
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}})
	tests := []struct {
		name string
		data []byte
		want crypto.Signer
		err  string
		sign string // why keyutil does not read it
	}{
		{name: "SEC 1", data: plain, want: ec},
		{name: "SEC 1 behind EC PARAMETERS", data: join(params, plain), want: ec},
		{name: "PKCS #8, ECDSA", data: block("PRIVATE KEY", pkcs8(ec)), want: ec},
		{name: "PKCS #8, RSA", data: block("PRIVATE KEY", pkcs8(rsaKey)), want: rsaKey},
		{name: "PKCS #8, Ed25519", data: block("PRIVATE KEY", pkcs8(ed)), want: ed},
		{name: "PKCS #1", data: block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), want: rsaKey},
		{name: "SEC 1 under the wrong label", data: block("PRIVATE KEY", sec1), want: ec, sign: `private key is labelled "PRIVATE KEY", not EC PRIVATE KEY`},
		{name: "PKCS #8 under the wrong label", data: block("RSA PRIVATE KEY", pkcs8(rsaKey)), want: rsaKey, sign: `private key is labelled "RSA PRIVATE KEY", not PRIVATE KEY`},
		{name: "cfssl's label for Ed25519", data: block("Ed25519 PRIVATE KEY", pkcs8(ed)), want: ed, sign: `private key is labelled "Ed25519 PRIVATE KEY", not PRIVATE KEY`},
		{name: "Windows line ends, mark and text", data: crlf(join([]byte("\xef\xbb\xbfkey:\n"), plain)), want: ec},
		{name: "a proxy's file", data: join(cert, plain, block("DH PARAMETERS", []byte{0x30, 0}), cert), want: ec},
		{name: "a mark in front of parameters", data: join([]byte(mark), params, plain), want: ec},
		{name: "a damaged certificate beside", data: join(damage(t, cert), plain), want: ec},

		{name: "empty", data: nil, err: "file is empty"},
		{name: "nonsense", data: []byte("hello"), err: "file holds no PEM block"},
		{name: "DER", data: sec1, err: "file is DER, not PEM"},
		{name: "byte-order mark", data: join([]byte(mark), plain), err: "begins with a byte-order mark, behind which no Kubernetes component finds a PEM block"},
		{name: "UTF-16", data: utf16(plain), err: "file is UTF-16 text"},
		{name: "a certificate only", data: cert, err: `file holds no private key, but a block of type "CERTIFICATE"`},
		{name: "parameters only", data: params, err: `file holds no private key, but a block of type "EC PARAMETERS"`},
		{name: "two keys", data: join(plain, second), err: "file holds more than one private key"},
		{name: "the same key twice", data: join(plain, plain), err: "file holds more than one private key"},
		{name: "a key and a damaged block", data: join(plain, second[:len(second)-30]), err: "PEM is damaged: 1 of 2 blocks can be read"},
		{name: "encrypted PKCS #8", data: block("ENCRYPTED PRIVATE KEY", []byte{0x30, 0}), err: "private key is encrypted"},
		{name: "encrypted in the old way", data: legacy, err: "private key is encrypted"},
		{name: "nonsense in a block", data: block("PRIVATE KEY", []byte("secret words")), err: "private key cannot be read"},
		{name: "torn DER", data: block("EC PRIVATE KEY", sec1[:len(sec1)/2]), err: "private key cannot be read"},
		{name: "a key that only agrees on keys", data: block("PRIVATE KEY", pkcs8(x25519)), err: "private key cannot sign"},
		{name: "huge", data: block("RSA PRIVATE KEY", make([]byte, 17<<10)), err: "private key cannot be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pki.ParsePrivateKey(tt.data)
			signing, signErr := pki.ParseSigningKey(tt.data)
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				assert.EqualError(t, signErr, tt.err)
				assert.Nil(t, got)
				assert.Nil(t, signing)
				return
			}
			require.NoError(t, err)
			assert.True(t, tt.want.(interface{ Equal(crypto.PrivateKey) bool }).Equal(got))
			if tt.sign != "" {
				isFinding(t, signErr, finding.KeyMislabelled, tt.sign)
				return
			}
			require.NoError(t, signErr)
			assert.Equal(t, got, signing)
		})
	}
}

// What openssl writes when it is asked for a passphrase is told apart from what is broken.
func TestEncryptedByOpenSSL(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"pkcs8.pem":    {"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes256", "-pass", "pass:secret", "-out", "pkcs8.pem"},
		"ec.pem":       {"ecparam", "-name", "prime256v1", "-genkey", "-out", "ec.pem"},
		"encrypted.ec": {"ec", "-in", "ec.pem", "-aes128", "-passout", "pass:secret", "-out", "encrypted.ec"},
	} {
		if name == "encrypted.ec" {
			openssl(t, dir, "ecparam", "-name", "prime256v1", "-genkey", "-out", "ec.pem")
		}
		openssl(t, dir, args...)
		key, err := pki.ParsePrivateKey(read(t, dir, name))
		if name == "ec.pem" { // with the EC PARAMETERS block that openssl puts first
			require.NoError(t, err)
			assert.Equal(t, "ECDSA-P256", pki.DescribeKey(key.Public()))
			continue
		}
		isFinding(t, err, finding.KeyEncrypted, "private key is encrypted")
	}
	assert.Contains(t, string(read(t, dir, "encrypted.ec")), "Proc-Type: 4,ENCRYPTED")
	assert.Contains(t, string(read(t, dir, "pkcs8.pem")), "ENCRYPTED PRIVATE KEY")
}

func TestParsePublicKeys(t *testing.T) {
	ec, rsaKey := newKey(t, pki.ECDSAP256), newKey(t, pki.RSA2048).(*rsa.PrivateKey)
	pub := func(key crypto.PublicKey) []byte {
		data, err := pki.EncodePublicKey(key)
		require.NoError(t, err)
		return data
	}
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		return block("PRIVATE KEY", der)
	}
	ecFile, err := pki.EncodePrivateKey(ec)
	require.NoError(t, err)
	rsaFile, err := pki.EncodePrivateKey(rsaKey)
	require.NoError(t, err)
	root := newRoot(t, "a").Certificate()
	ed := newKey(t, pki.Ed25519)
	const (
		secret = "file of the public key holds the private key"
		marked = "begins with a byte-order mark, behind which no Kubernetes component finds a PEM block"
	)
	refused := func(n int, why string) string {
		return fmt.Sprintf("public key %d cannot be read, so tokens of its private key are refused: %s", n, why)
	}
	tests := []struct {
		name  string
		data  []byte
		want  []crypto.PublicKey
		notes []string
		err   string
	}{
		{name: "one", data: pub(ec.Public()), want: []crypto.PublicKey{ec.Public()}},
		{name: "two", data: join(pub(&rsaKey.PublicKey), pub(ec.Public())), want: []crypto.PublicKey{&rsaKey.PublicKey, ec.Public()}},
		{name: "a certificate, as cfssl writes service-account.pem", data: pki.EncodeCertificates(root), want: []crypto.PublicKey{root.PublicKey}},
		{name: "a private key, SEC 1", data: ecFile, want: []crypto.PublicKey{ec.Public()}, notes: []string{secret}},
		{name: "a private key, PKCS #1", data: rsaFile, want: []crypto.PublicKey{&rsaKey.PublicKey}, notes: []string{secret}},
		{name: "a private key, PKCS #8", data: pkcs8(rsaKey), want: []crypto.PublicKey{&rsaKey.PublicKey}, notes: []string{secret}},
		{name: "a public key behind parameters", data: join(block("EC PARAMETERS", []byte{5, 0}), pub(ec.Public())), want: []crypto.PublicKey{ec.Public()}},
		{name: "a wrong label", data: bytes.ReplaceAll(pub(ec.Public()), []byte("PUBLIC KEY"), []byte("X")), want: []crypto.PublicKey{ec.Public()}},
		{name: "a key that is damaged beside a good one", data: join(pub(ec.Public()), block("PUBLIC KEY", []byte("x"))), want: []crypto.PublicKey{ec.Public()},
			notes: []string{refused(2, "it is damaged, or no public key")}},
		{name: "a mark in front of the first of two", data: join([]byte(mark), pub(&rsaKey.PublicKey), pub(ec.Public())), want: []crypto.PublicKey{ec.Public()},
			notes: []string{refused(1, "there is a byte-order mark in front of it")}},
		{name: "a private key that is not read here beside a public one", data: join(pub(ec.Public()), pkcs8(ec)), want: []crypto.PublicKey{ec.Public()},
			notes: []string{refused(2, "it is a private key that kube-apiserver does not read here"), secret}},
		{name: "Ed25519 beside ECDSA", data: join(pub(ed.Public()), pub(ec.Public())), want: []crypto.PublicKey{ec.Public()},
			notes: []string{refused(1, "kube-apiserver knows RSA and ECDSA keys only")}},

		{name: "empty", data: nil, err: "file is empty"},
		{name: "DER", data: root.RawSubjectPublicKeyInfo, err: "file is DER, not PEM"},
		{name: "byte-order mark", data: join([]byte(mark), pub(ec.Public())), err: marked},
		{name: "torn", data: pub(ec.Public())[:70], err: "PEM is damaged: 0 of 1 blocks can be read"},
		{name: "parameters", data: block("EC PARAMETERS", []byte{5, 0}), err: `file holds no public key, but a block of type "EC PARAMETERS"`},
		{name: "PKCS #1", data: block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)), err: "public key 1 cannot be read: it is encoded as PKCS #1, which kube-apiserver does not read"},
		{name: "Ed25519", data: pub(ed.Public()), err: "public key 1 cannot be read: kube-apiserver knows RSA and ECDSA keys only"},
		{name: "a private key, ECDSA in PKCS #8", data: pkcs8(ec), err: "public key 1 cannot be read: it is a private key that kube-apiserver does not read here"},
		{name: "nonsense", data: block("PUBLIC KEY", []byte("x")), err: "public key 1 cannot be read: it is damaged, or no public key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, notes, err := pki.ParsePublicKeys(tt.data)
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				assert.Empty(t, notes)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.notes, texts(notes))
			require.Len(t, got, len(tt.want))
			for i := range got {
				assert.True(t, pki.SameKey(got[i], tt.want[i]))
			}
		})
	}
}
