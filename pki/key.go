package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"strings"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki/internal/cfssl"
)

// KeyAlgorithm names a kind of key and its size, in kubeadm's spelling
// (ClusterConfiguration.encryptionAlgorithm). The zero value names none.
type KeyAlgorithm string

// The algorithms a key can be made with. Ed25519 is for certificates only:
// no Kubernetes component signs a service-account token with it.
const (
	RSA2048   KeyAlgorithm = "RSA-2048"
	RSA3072   KeyAlgorithm = "RSA-3072"
	RSA4096   KeyAlgorithm = "RSA-4096"
	ECDSAP256 KeyAlgorithm = "ECDSA-P256"
	ECDSAP384 KeyAlgorithm = "ECDSA-P384"
	Ed25519   KeyAlgorithm = "Ed25519"
)

// KeyAlgorithms lists every algorithm, in the order help texts show them.
func KeyAlgorithms() []KeyAlgorithm {
	return []KeyAlgorithm{RSA2048, RSA3072, RSA4096, ECDSAP256, ECDSAP384, Ed25519}
}

// ParseKeyAlgorithm reads an algorithm's name. Like kubeadm it is exact in
// spelling and case; the error lists the names there are.
func ParseKeyAlgorithm(s string) (KeyAlgorithm, error) {
	var names []string
	for _, a := range KeyAlgorithms() {
		if string(a) == s {
			return a, nil
		}
		names = append(names, string(a))
	}
	return "", fmt.Errorf("unknown key algorithm %q: must be one of %s", s, strings.Join(names, ", "))
}

// GenerateKey makes a new private key. The randomness is the system's.
func GenerateKey(a KeyAlgorithm) (crypto.Signer, error) {
	switch a {
	case RSA2048:
		return cfssl.NewKey("rsa", 2048)
	case RSA3072:
		return cfssl.NewKey("rsa", 3072)
	case RSA4096:
		return cfssl.NewKey("rsa", 4096)
	case ECDSAP256:
		return cfssl.NewKey("ecdsa", 256)
	case ECDSAP384:
		return cfssl.NewKey("ecdsa", 384)
	case Ed25519:
		return cfssl.NewKey("ed25519", 0)
	}
	return nil, fmt.Errorf("unknown key algorithm %q", a)
}

// DescribeKey says what a public key is, in the same words as KeyAlgorithm
// where one fits ("RSA-2048") and in their manner where none does
// ("RSA-1024", "ECDSA-P521", "unknown").
func DescribeKey(pub crypto.PublicKey) string {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA-%d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA-" + strings.ReplaceAll(curveName(k.Curve), "-", "")
	case ed25519.PublicKey:
		return string(Ed25519)
	}
	return "unknown"
}

func curveName(c elliptic.Curve) string {
	if c == nil || c.Params() == nil {
		return "unknown"
	}
	return c.Params().Name
}

// SameKey reports whether two public keys are the same key.
func SameKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// KeyFault says why a public key is not one to sign for, or nil: RSA below 2048
// bits is broken or soon will be, above 8192 Go's TLS refuses it; of the curves
// Go's TLS knows P-256, P-384 and P-521. One that is only a warning works.
func KeyFault(pub crypto.PublicKey) *finding.Finding {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return rsaFault(k)
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		return finding.New(finding.KeyUnfit, "ECDSA key on curve "+curveName(k.Curve)+": P-256, P-384 and P-521 are accepted")
	case ed25519.PublicKey:
		return nil
	}
	return finding.New(finding.KeyUnfit, fmt.Sprintf("key of type %T is not accepted", pub))
}
