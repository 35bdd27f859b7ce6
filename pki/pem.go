package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// maxKeyDER bounds the encoding of a private key: RSA-16384 needs 9.3 KiB.
// Larger "keys" only serve to keep the reader busy.
const maxKeyDER = 16 << 10

// ErrEncryptedKey is what ParsePrivateKey returns for a key under a passphrase.
var ErrEncryptedKey = errors.New("private key is encrypted")

// blocks reads all PEM blocks of a file as they are found in the wild: text
// before and between them, CRLF, a byte-order mark. A block that begins and
// cannot be decoded is an error with its number: pem.Decode would skip it
// without a word, and half a bundle would pass for a whole one.
func blocks(data []byte) ([]*pem.Block, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("file is empty")
	}
	begins := bytes.Count(data, []byte("-----BEGIN "))
	var out []*pem.Block
	for rest := data; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		out = append(out, b)
	}
	if begins != len(out) {
		return nil, fmt.Errorf("PEM is damaged: %d of %d blocks can be read", len(out), begins)
	}
	if len(out) == 0 {
		if data[0] == 0x30 {
			return nil, errors.New("file is DER, not PEM")
		}
		return nil, errors.New("file holds no PEM block")
	}
	return out, nil
}

// ParseCertificates reads every certificate of a PEM file, in order. Blocks of
// other kinds are passed over. No certificate at all is an error.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	bs, err := blocks(data)
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for _, b := range bs {
		if b.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read: %s", len(out)+1, strings.TrimPrefix(err.Error(), "x509: "))
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("file holds no certificate, but %s", kinds(bs))
	}
	return out, nil
}

// kinds says what a file holds instead of what was looked for. The type is
// whatever stands there: quoted, so that it cannot write on a terminal.
func kinds(bs []*pem.Block) string {
	t := bs[0].Type
	if len(t) > 40 {
		t = strings.ToValidUTF8(t[:40], "") + "..."
	}
	return fmt.Sprintf("a block of type %q", t)
}

// ParsePrivateKey reads the private key of a PEM file: PKCS #8, PKCS #1 or
// SEC 1, an EC PARAMETERS block or a certificate before it passed over. Two
// keys are an error, since neither is meant more than the other.
func ParsePrivateKey(data []byte) (crypto.Signer, error) {
	bs, err := blocks(data)
	if err != nil {
		return nil, err
	}
	var key crypto.Signer
	for _, b := range bs {
		if !strings.HasSuffix(b.Type, "PRIVATE KEY") {
			continue
		}
		if key != nil {
			return nil, errors.New("file holds more than one private key")
		}
		if key, err = privateKey(b); err != nil {
			return nil, err
		}
	}
	if key == nil {
		return nil, fmt.Errorf("file holds no private key, but %s", kinds(bs))
	}
	return key, nil
}

func privateKey(b *pem.Block) (crypto.Signer, error) {
	if b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, ErrEncryptedKey
	}
	if len(b.Bytes) > maxKeyDER {
		return nil, errors.New("private key is too large")
	}
	// The label says what it should be; files from elsewhere carry the wrong
	// one often enough (SEC 1 under PRIVATE KEY), so all three are tried.
	if k, err := x509.ParsePKCS1PrivateKey(b.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(b.Bytes); err == nil {
		return k, nil
	}
	k, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		// The cause may quote the input, which is a secret: it stays here.
		return nil, errors.New("private key cannot be read")
	}
	s, ok := k.(crypto.Signer)
	if !ok {
		return nil, errors.New("private key cannot sign")
	}
	return s, nil
}

// ParsePublicKeys reads every public key of a PEM file (PKIX or PKCS #1), in
// order: while service-account keys are rotated, sa.pub holds several.
func ParsePublicKeys(data []byte) ([]crypto.PublicKey, error) {
	bs, err := blocks(data)
	if err != nil {
		return nil, err
	}
	var out []crypto.PublicKey
	for _, b := range bs {
		var k crypto.PublicKey
		switch b.Type {
		case "PUBLIC KEY":
			k, err = x509.ParsePKIXPublicKey(b.Bytes)
		case "RSA PUBLIC KEY":
			k, err = x509.ParsePKCS1PublicKey(b.Bytes)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("public key %d cannot be read", len(out)+1)
		}
		out = append(out, k)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("file holds no public key, but %s", kinds(bs))
	}
	return out, nil
}

// EncodeCertificates is the PEM of certificates, in order.
func EncodeCertificates(certs ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, c := range certs {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return out.Bytes()
}

// EncodePrivateKey is the PEM of a key in kubeadm's encodings: PKCS #1 for
// RSA, SEC 1 for ECDSA; PKCS #8 for Ed25519, which has no other that openssl reads.
func EncodePrivateKey(key crypto.Signer) ([]byte, error) {
	var b pem.Block
	var err error
	switch k := key.(type) {
	case *rsa.PrivateKey:
		b = pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}
	case *ecdsa.PrivateKey:
		b.Type = "EC PRIVATE KEY"
		b.Bytes, err = x509.MarshalECPrivateKey(k)
	case ed25519.PrivateKey:
		b.Type = "PRIVATE KEY"
		b.Bytes, err = x509.MarshalPKCS8PrivateKey(k)
	default:
		return nil, fmt.Errorf("a key of type %T cannot be written to a file", key)
	}
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&b), nil
}

// EncodePublicKey is the PEM of a public key (PKIX).
func EncodePublicKey(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// EncodeCSR is the PEM of a PKCS #10 request.
func EncodeCSR(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}
