// Package cfssl is the one door to Cloudflare's PKI library, which makes keys and requests.
// Its signer is not linked: it starts zlint, a database driver and protobuf at each call of the program.
package cfssl

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/cloudflare/cfssl/csr"
	cferr "github.com/cloudflare/cfssl/errors"
	"github.com/cloudflare/cfssl/log"
)

// cfssl logs to stderr what fails: a library must not, and its logger is a package variable of theirs.
var silence = sync.OnceFunc(func() { log.Level = log.LevelFatal + 1 })

// NewKey makes a private key: "rsa" with 2048, 3072 or 4096 bits, "ecdsa" with
// 256 or 384, "ed25519" with 0.
func NewKey(algorithm string, bits int) (crypto.Signer, error) {
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

// Request makes a PKCS #10 request (DER), signed by key. What cfssl would
// rewrite or leave out goes to the standard library.
func Request(r *x509.CertificateRequest, key crypto.Signer) ([]byte, error) {
	if r.RawSubject != nil || len(r.URIs)+len(r.EmailAddresses) > 0 || slices.ContainsFunc(r.DNSNames, ambiguous) {
		return x509.CreateCertificateRequest(rand.Reader, r, key)
	}
	cr := &csr.CertificateRequest{CN: r.Subject.CommonName, Extensions: r.ExtraExtensions}
	for _, o := range r.Subject.Organization {
		cr.Names = append(cr.Names, csr.Name{O: o})
	}
	cr.Hosts = slices.Clone(r.DNSNames)
	for _, ip := range r.IPAddresses {
		cr.Hosts = append(cr.Hosts, ip.String())
	}
	silence()
	der, err := csr.GenerateDER(key, cr)
	return der, plain(err)
}

// ambiguous reports whether cfssl, which guesses the type of a name, could take a DNS name for another kind.
func ambiguous(name string) bool { return strings.ContainsAny(name, "@:/") || net.ParseIP(name) != nil }

// plain turns cfssl's errors, which are JSON, into text.
func plain(err error) error {
	var c *cferr.Error
	if errors.As(err, &c) {
		return errors.New(c.Message)
	}
	return err
}
