package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

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
