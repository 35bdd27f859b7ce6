// Package sign is the one door to the signing engine. Ordinary keys, requests
// and certificates are cfssl's work; what cfssl cannot express (a subject kept
// byte for byte, unknown usages, URI names, a foreign public key) goes to the
// standard library. Nobody above can tell which of the two ran, and nobody has
// to trust either: package pki compares every result with what it asked for.
package sign

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/cloudflare/cfssl/config"
	"github.com/cloudflare/cfssl/csr"
	cferr "github.com/cloudflare/cfssl/errors"
	"github.com/cloudflare/cfssl/log"
	"github.com/cloudflare/cfssl/signer"
	"github.com/cloudflare/cfssl/signer/local"
)

// Request is everything that goes into a certificate but the key and the issuer.
type Request struct {
	Subject    pkix.Name
	RawSubject []byte // if not nil, used instead of Subject, byte for byte

	DNSNames       []string
	IPAddresses    []net.IP
	EmailAddresses []string
	URIs           []*url.URL
	RawSANs        []byte // if not nil, used instead of the names above, byte for byte

	CA                 bool
	MaxPathLen         int // -1: no constraint
	KeyUsage           x509.KeyUsage
	ExtKeyUsage        []x509.ExtKeyUsage
	UnknownExtKeyUsage []asn1OID

	NotBefore, NotAfter time.Time
	// SubjectKeyID is kept as given, so that a CA renewed with its old key
	// stays the issuer that its leaves name; nil: SHA-1 of the key (RFC 5280 4.2.1.2).
	SubjectKeyID []byte
}

// cfssl logs to stderr by default ("signed certificate with serial number
// ..."): a library must not, and its logger is a package variable of theirs.
var silence = sync.OnceFunc(func() { log.Level = log.LevelFatal + 1 })

// NewKey makes a private key: "rsa" with 2048, 3072 or 4096 bits, "ecdsa" with
// 256 or 384, "ed25519" with 0.
func NewKey(algorithm string, bits int) (crypto.Signer, error) {
	silence()
	key, err := (&csr.KeyRequest{A: algorithm, S: bits}).Generate()
	if err != nil {
		return nil, plain(err)
	}
	s, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s key of %d bits cannot sign", algorithm, bits)
	}
	return s, nil
}

// Certificate makes the certificate that req describes for the public key pub,
// signed by parentKey as parent. parent nil: a root, signed by parentKey
// itself. key is the private half of pub, or nil if it is not ours. The result is DER.
func Certificate(req Request, pub crypto.PublicKey, key crypto.Signer, parent *x509.Certificate, parentKey crypto.Signer) ([]byte, error) {
	silence()
	if parent != nil && len(parent.SubjectKeyId) == 0 {
		// kubeadm built with Go 1.14 or older made such CAs, for ten years. The
		// standard library would leave the AKI out, which no certificate may lack.
		named := *parent
		id, err := KeyID(parent)
		if err != nil {
			return nil, err
		}
		named.SubjectKeyId, parent = id, &named
	}
	usages, ordinary := usageNames(req)
	if !ordinary || key == nil || req.RawSubject != nil || req.SubjectKeyID != nil || req.RawSANs != nil || len(req.URIs)+len(req.EmailAddresses) > 0 {
		return direct(req, pub, parent, parentKey)
	}
	return byCFSSL(req, usages, key, parent, parentKey)
}

// KeyID is the key identifier by which a certificate names ca as its issuer:
// ca's own, or, where ca has none, SHA-1 of its key (RFC 5280 4.2.1.2 method 1).
func KeyID(ca *x509.Certificate) ([]byte, error) {
	if len(ca.SubjectKeyId) > 0 {
		return ca.SubjectKeyId, nil
	}
	id, err := signer.ComputeSKI(ca)
	return id, plain(err)
}

func byCFSSL(req Request, usages []string, key crypto.Signer, parent *x509.Certificate, parentKey crypto.Signer) ([]byte, error) {
	der, err := x509CSR(req, key, nil)
	if err != nil {
		return nil, err
	}
	profile := &config.SigningProfile{
		Usage:  usages,
		Expiry: req.NotAfter.Sub(req.NotBefore),
		CAConstraint: config.CAConstraint{
			IsCA:           req.CA,
			MaxPathLen:     req.MaxPathLen,
			MaxPathLenZero: req.MaxPathLen == 0,
		},
	}
	// A signer without a parent turns itself into the root it signs first, so
	// each certificate gets a signer of its own.
	s, err := local.NewSigner(parentKey, parent, signatureAlgorithm(parentKey), &config.Signing{Default: profile})
	if err != nil {
		return nil, plain(err)
	}
	out, err := s.Sign(signer.SignRequest{
		Request:   string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})),
		NotBefore: req.NotBefore,
		NotAfter:  req.NotAfter,
	})
	if err != nil {
		return nil, plain(err)
	}
	block, _ := pem.Decode(out)
	if block == nil {
		return nil, errors.New("signer returned no certificate")
	}
	return block.Bytes, nil
}

// direct signs with the standard library.
func direct(req Request, pub crypto.PublicKey, parent *x509.Certificate, parentKey crypto.Signer) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 159))
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               req.Subject,
		RawSubject:            req.RawSubject,
		DNSNames:              req.DNSNames,
		IPAddresses:           req.IPAddresses,
		EmailAddresses:        req.EmailAddresses,
		URIs:                  req.URIs,
		BasicConstraintsValid: true,
		IsCA:                  req.CA,
		KeyUsage:              req.KeyUsage,
		ExtKeyUsage:           req.ExtKeyUsage,
		NotBefore:             req.NotBefore,
		NotAfter:              req.NotAfter,
		SubjectKeyId:          req.SubjectKeyID,
		PublicKey:             pub,
		SignatureAlgorithm:    signatureAlgorithm(parentKey),
	}
	t.UnknownExtKeyUsage = append(t.UnknownExtKeyUsage, req.UnknownExtKeyUsage...)
	if req.CA {
		t.MaxPathLen, t.MaxPathLenZero = req.MaxPathLen, req.MaxPathLen == 0
	}
	if req.RawSANs != nil {
		t.ExtraExtensions = []pkix.Extension{{Id: asn1OID{2, 5, 29, 17}, Value: req.RawSANs}}
	}
	if t.SubjectKeyId == nil {
		if t.SubjectKeyId, err = signer.ComputeSKI(t); err != nil {
			return nil, plain(err)
		}
	}
	if parent == nil {
		parent = t
	}
	return x509.CreateCertificate(rand.Reader, t, parent, pub, parentKey)
}

// signatureAlgorithm is what a key signs certificates with: SHA-256 for RSA of
// every size (as kubeadm), the curve's own hash for ECDSA.
func signatureAlgorithm(key crypto.Signer) x509.SignatureAlgorithm {
	if a := signer.DefaultSigAlgo(key); a != x509.SHA384WithRSA && a != x509.SHA512WithRSA {
		return a
	}
	return x509.SHA256WithRSA
}

// usageNames are cfssl's words for the usages of req. ok is false if it has no
// word for one of them: it would be dropped without a sound.
func usageNames(req Request) (names []string, ok bool) {
	left := req.KeyUsage
	for _, name := range []string{"digital signature", "key encipherment", "cert sign", "crl sign"} {
		if bit := config.KeyUsage[name]; left&bit != 0 {
			names, left = append(names, name), left&^bit
		}
	}
	words := []string{"server auth", "client auth"}
	for _, eku := range req.ExtKeyUsage {
		i := slices.IndexFunc(words, func(w string) bool { return config.ExtKeyUsage[w] == eku })
		if i < 0 {
			return nil, false
		}
		names = append(names, words[i])
	}
	return names, left == 0 && len(req.UnknownExtKeyUsage) == 0 && len(names) > 0
}

// plain turns cfssl's errors, which are JSON, into text.
func plain(err error) error {
	var c *cferr.Error
	if errors.As(err, &c) {
		return errors.New(c.Message)
	}
	return err
}
