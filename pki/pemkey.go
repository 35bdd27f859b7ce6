package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strconv"
	"strings"

	"github.com/pkitool/pkitool/finding"
)

// maxKeyDER bounds the encoding of a private key: RSA-16384 needs 9.3 KiB.
// Larger "keys" only serve to keep the reader busy.
const maxKeyDER = 16 << 10

// The labels of private keys, each with its encoding.
const (
	pkcs1 = "RSA PRIVATE KEY"
	sec1  = "EC PRIVATE KEY"
	pkcs8 = "PRIVATE KEY"
)

func isPrivateKey(kind string) bool { return strings.HasSuffix(kind, "PRIVATE KEY") }

// ParsePrivateKey reads the private key of a PEM file as crypto/tls does: PKCS #8, PKCS #1 or SEC 1, whatever the label
// says, beside certificates and parameters. Two keys are an error, since neither is meant more than the other. Errors are
// findings, and hold nothing of the key.
func ParsePrivateKey(data []byte) (crypto.Signer, error) {
	key, _, err := parsePrivateKey(data)
	return key, err
}

// ParseSigningKey reads the key of a CA or of service accounts, as client-go's keyutil does for
// kube-controller-manager, kube-apiserver and kubeadm: as ParsePrivateKey, but the label has to fit.
func ParseSigningKey(data []byte) (crypto.Signer, error) {
	key, labels, err := parsePrivateKey(data)
	if err == nil && labels[0] != labels[1] {
		return nil, finding.New(finding.KeyMislabelled, strconv.Quote(labels[0])).Want(labels[1])
	}
	return key, err
}

// parsePrivateKey gives the label that the key has too, and the one that fits.
func parsePrivateKey(data []byte) (key crypto.Signer, labels [2]string, err error) {
	all, err := parts(data, "pkey")
	if err != nil {
		return nil, labels, err
	}
	for _, p := range all {
		if !p.may(isPrivateKey) {
			continue
		}
		if p.block == nil {
			return nil, labels, p.unseen
		}
		if key != nil {
			return nil, labels, finding.New(finding.KeySeveral)
		}
		if key, labels[1], err = privateKey(p.block); err != nil {
			return nil, labels, err
		}
		labels[0] = p.kind
	}
	if key == nil {
		return nil, labels, finding.New(finding.KeyNone, firstKind(all))
	}
	return key, labels, nil
}

func privateKey(b *pem.Block) (key crypto.Signer, label string, err error) {
	if b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, "", finding.New(finding.KeyEncrypted)
	}
	// The cause may quote the input, which is a secret: it stays here.
	if len(b.Bytes) > maxKeyDER {
		return nil, "", finding.New(finding.KeyBroken)
	}
	if k, err := x509.ParsePKCS1PrivateKey(b.Bytes); err == nil {
		return k, pkcs1, nil
	}
	if k, err := x509.ParseECPrivateKey(b.Bytes); err == nil {
		return k, sec1, nil
	}
	k, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		return nil, "", finding.New(finding.KeyBroken)
	}
	s, ok := k.(crypto.Signer)
	if !ok {
		return nil, "", finding.New(finding.KeyUnfit, "private key cannot sign")
	}
	return s, pkcs8, nil
}

// ParsePublicKeys reads a file of public keys for service accounts as kube-apiserver does (client-go's
// keyutil.ParsePublicKeysPEM): RSA and ECDSA keys, in order, from public keys (PKIX), certificates and private keys,
// whatever the labels say. notes tell of a private key in the file and of keys that are passed over. Errors are findings.
func ParsePublicKeys(data []byte) (keys []crypto.PublicKey, notes []finding.Finding, err error) {
	all, err := parts(data, "pkey -pubin")
	if err != nil {
		return nil, nil, err
	}
	var first *finding.Finding
	secret := false
	for i, p := range all {
		secret = secret || isPrivateKey(p.kind)
		var key crypto.PublicKey
		var why string
		fault := p.unseen
		if p.block == nil {
			why = p.why()
		} else {
			var private bool
			key, private, why = publicKey(p.block.Bytes)
			secret = secret || private
			fault = finding.New(finding.PublicKeyBroken, strconv.Itoa(i+1), why)
		}
		switch {
		case key != nil:
			keys = append(keys, key)
		case strings.HasSuffix(p.kind, "PARAMETERS"):
		default:
			if first == nil {
				first = fault
			}
			notes = append(notes, *finding.New(finding.PublicKeyPartRefused, strconv.Itoa(i+1), why))
		}
	}
	if len(keys) == 0 && first == nil {
		first = finding.New(finding.PublicKeyNone, firstKind(all))
	}
	if len(keys) == 0 {
		return nil, nil, first
	}
	if secret {
		notes = append(notes, *finding.New(finding.SAPublicSecret))
	}
	return keys, notes, nil
}

// publicKey is the key that kube-apiserver finds in a block, nil if it finds none, and why.
func publicKey(der []byte) (key crypto.PublicKey, private bool, why string) {
	if len(der) <= maxKeyDER {
		if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
			return k.Public(), true, ""
		}
		if k, err := x509.ParseECPrivateKey(der); err == nil {
			return k.Public(), true, ""
		}
		switch k, err := x509.ParsePKCS8PrivateKey(der); k := k.(type) {
		case *rsa.PrivateKey:
			return k.Public(), true, ""
		default:
			if err == nil {
				return nil, true, "it is a private key that kube-apiserver does not read here"
			}
		}
	}
	if _, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return nil, false, "it is encoded as PKCS #1, which kube-apiserver does not read"
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, false, "it is damaged, or no public key"
		}
		key = c.PublicKey
	}
	switch key.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		return key, false, ""
	}
	return nil, false, "kube-apiserver knows RSA and ECDSA keys only"
}
