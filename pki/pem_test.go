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
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki"
)

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func crlf(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")) }

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func TestParseCertificates(t *testing.T) {
	a, b := newRoot(t, "a"), newRoot(t, "b")
	pa, pb := pki.EncodeCertificates(a.Certificate()), pki.EncodeCertificates(b.Certificate())
	key, err := pki.EncodePrivateKey(newKey(t, pki.ECDSAP256))
	require.NoError(t, err)
	damaged := bytes.Replace(pb, []byte("MII"), []byte("M!I"), 1)
	damaged = bytes.Replace(damaged, []byte("MIIB"), []byte("M*IB"), 1)
	require.NotEqual(t, pb, damaged)
	tests := []struct {
		name string
		data []byte
		want []string
		err  string
	}{
		{name: "one", data: pa, want: []string{"a"}},
		{name: "two, in their order", data: join(pb, pa), want: []string{"b", "a"}},
		{name: "the same twice", data: join(pa, pa), want: []string{"a", "a"}},
		{name: "Windows line ends", data: crlf(join(pa, pb)), want: []string{"a", "b"}},
		{name: "byte-order mark", data: join([]byte("\xef\xbb\xbf"), pa), want: []string{"a"}},
		{name: "text around", data: join([]byte("Certificate:\n    Data: ...\n"), pa, []byte("# next\n"), pb, []byte("end")), want: []string{"a", "b"}},
		{name: "no newline at the end", data: bytes.TrimSpace(pa), want: []string{"a"}},
		{name: "a key beside", data: join(key, pa), want: []string{"a"}},
		{name: "bag attributes of openssl pkcs12", data: join([]byte("Bag Attributes\n    friendlyName: x\nsubject=CN = a\n\nissuer=CN = a\n\n"), pa), want: []string{"a"}},

		{name: "empty", data: nil, err: "file is empty"},
		{name: "white space", data: []byte(" \r\n\t"), err: "file is empty"},
		{name: "a mark and nothing", data: []byte("\xef\xbb\xbf"), err: "file is empty"},
		{name: "nonsense", data: []byte("hello"), err: "file holds no PEM block"},
		{name: "DER", data: a.Certificate().Raw, err: "file is DER, not PEM"},
		{name: "UTF-16", data: []byte("\xff\xfe-\x00-\x00"), err: "file holds no PEM block"},
		{name: "a key", data: key, err: `file holds no certificate, but a block of type "EC PRIVATE KEY"`},
		{name: "a request", data: block("CERTIFICATE REQUEST", []byte{0x30, 0}), err: `file holds no certificate, but a block of type "CERTIFICATE REQUEST"`},
		{name: "a type that writes on the terminal", data: block("X\x1b[2JY", nil), err: `file holds no certificate, but a block of type "X\x1b[2JY"`},
		{name: "a long type", data: block(strings.Repeat("x", 9000), nil), err: `file holds no certificate, but a block of type "` + strings.Repeat("x", 40) + `..."`},
		{name: "a damaged block in a bundle", data: join(pa, damaged, pa), err: "PEM is damaged: 2 of 3 blocks can be read"},
		{name: "torn", data: pa[:len(pa)-30], err: "PEM is damaged: 0 of 1 blocks can be read"},
		{name: "a block that is no certificate", data: join(pa, block("CERTIFICATE", []byte("nonsense"))), err: "certificate 2 cannot be read: malformed certificate"},
		{name: "a certificate with something behind it", data: block("CERTIFICATE", append(slices.Clone(a.Certificate().Raw), 0)), err: "certificate 1 cannot be read: trailing data"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pki.ParseCertificates(tt.data)
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			var names []string
			for _, c := range got {
				names = append(names, c.Subject.CommonName)
			}
			assert.Equal(t, tt.want, names)
			again, err := pki.ParseCertificates(pki.EncodeCertificates(got...))
			require.NoError(t, err)
			assert.Equal(t, got, again)
		})
	}
}

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
	}{
		{name: "SEC 1", data: plain, want: ec},
		{name: "SEC 1 behind EC PARAMETERS", data: join(params, plain), want: ec},
		{name: "PKCS #8, ECDSA", data: block("PRIVATE KEY", pkcs8(ec)), want: ec},
		{name: "PKCS #8, RSA", data: block("PRIVATE KEY", pkcs8(rsaKey)), want: rsaKey},
		{name: "PKCS #8, Ed25519", data: block("PRIVATE KEY", pkcs8(ed)), want: ed},
		{name: "PKCS #1", data: block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), want: rsaKey},
		{name: "SEC 1 under the wrong label", data: block("PRIVATE KEY", sec1), want: ec},
		{name: "PKCS #8 under the wrong label", data: block("RSA PRIVATE KEY", pkcs8(rsaKey)), want: rsaKey},
		{name: "cfssl's label for Ed25519", data: block("Ed25519 PRIVATE KEY", pkcs8(ed)), want: ed},
		{name: "Windows line ends, mark and text", data: crlf(join([]byte("\xef\xbb\xbfkey:\n"), plain)), want: ec},
		{name: "a certificate before it", data: join(cert, plain), want: ec},

		{name: "empty", data: nil, err: "file is empty"},
		{name: "nonsense", data: []byte("hello"), err: "file holds no PEM block"},
		{name: "DER", data: sec1, err: "file is DER, not PEM"},
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
		{name: "huge", data: block("RSA PRIVATE KEY", make([]byte, 17<<10)), err: "private key is too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pki.ParsePrivateKey(tt.data)
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				assert.Nil(t, got)
				return
			}
			require.NoError(t, err)
			assert.True(t, tt.want.(interface{ Equal(crypto.PrivateKey) bool }).Equal(got))
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
		assert.ErrorIs(t, err, pki.ErrEncryptedKey, name)
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
	tests := []struct {
		name string
		data []byte
		want []crypto.PublicKey
		err  string
	}{
		{name: "one", data: pub(ec.Public()), want: []crypto.PublicKey{ec.Public()}},
		{name: "two", data: join(pub(&rsaKey.PublicKey), pub(ec.Public())), want: []crypto.PublicKey{&rsaKey.PublicKey, ec.Public()}},
		{name: "PKCS #1", data: block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)), want: []crypto.PublicKey{&rsaKey.PublicKey}},
		{name: "empty", data: nil, err: "file is empty"},
		{name: "a certificate", data: pki.EncodeCertificates(newRoot(t, "a").Certificate()), err: `file holds no public key, but a block of type "CERTIFICATE"`},
		{name: "nonsense behind a good one", data: join(pub(ec.Public()), block("PUBLIC KEY", []byte("x"))), err: "public key 2 cannot be read"},
		{name: "torn", data: pub(ec.Public())[:70], err: "PEM is damaged: 0 of 1 blocks can be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pki.ParsePublicKeys(tt.data)
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Len(t, got, len(tt.want))
			for i := range got {
				assert.True(t, pki.SameKey(got[i], tt.want[i]))
			}
		})
	}
}

// A file of 4 MiB, whatever is in it, is judged in no time and no space to speak of.
func TestParseHuge(t *testing.T) {
	for name, data := range map[string][]byte{
		"begins":    bytes.Repeat([]byte("-----BEGIN CERTIFICATE-----\n"), 4<<20/28),
		"dashes":    bytes.Repeat([]byte("-"), 4<<20),
		"one block": block("CERTIFICATE", make([]byte, 3<<20)),
		"zeros":     make([]byte, 4<<20),
	} {
		_, err := pki.ParseCertificates(data)
		assert.Error(t, err, name)
		_, err = pki.ParsePrivateKey(data)
		assert.Error(t, err, name)
	}
}

// FuzzParsePEM: no input makes a reader panic; what was read, written and read
// again is the same; and no error about a private key repeats a secret.
func FuzzParsePEM(f *testing.F) {
	root := newRoot(f, "a")
	key, err := pki.EncodePrivateKey(newKey(f, pki.Ed25519))
	require.NoError(f, err)
	pub, err := pki.EncodePublicKey(root.Certificate().PublicKey)
	require.NoError(f, err)
	seeds := [][]byte{key, pub, pki.EncodeCertificates(root.Certificate()), crlf(key), join(key, key), []byte("-----BEGIN "), block("ENCRYPTED PRIVATE KEY", nil)}
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := pki.ParseCertificates(data); err == nil {
			require.NotEmpty(t, list)
			again, err := pki.ParseCertificates(pki.EncodeCertificates(list...))
			require.NoError(t, err)
			require.Equal(t, list, again)
		}
		if key, err := pki.ParsePrivateKey(data); err == nil {
			out, err := pki.EncodePrivateKey(key)
			require.NoError(t, err)
			again, err := pki.ParsePrivateKey(out)
			require.NoError(t, err)
			require.True(t, pki.SameKey(key.Public(), again.Public()))
		} else {
			require.Less(t, len(err.Error()), 400)
		}
		if keys, err := pki.ParsePublicKeys(data); err == nil {
			require.NotEmpty(t, keys)
		}
	})
}
