package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// authority is a certificate with its key, made by the tests and not by pkitool: the corporate root, the stranger, the
// forger, the person with openssl.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// newAuthority makes a self-signed CA with that common name.
func newAuthority(t T, name string) authority {
	t.Helper()
	return authority{}.sign(t, x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotAfter:              time.Now().AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	})
}

// loadAuthority reads the CA whose files are base.crt and base.key. Of a bundle, the first certificate is it.
func loadAuthority(t T, base string) authority {
	t.Helper()
	pair := loadPair(t, base)
	return authority{pair.Leaf, pair.PrivateKey.(crypto.Signer)}
}

// loadPair reads base.crt and base.key.
func loadPair(t T, base string) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	require.NoError(t, err)
	return pair
}

// sign issues a certificate with a new P-256 key. What the template leaves open is filled in: serial, one hour of
// validity. The zero authority signs with the new key itself.
func (a authority) sign(t T, template x509.Certificate) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	template.SerialNumber = serial
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Now().Add(-time.Minute)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = &template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, key.Public(), signer)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{cert, key}
}

// client issues a client certificate for a user and groups.
func (a authority) client(t T, user string, groups ...string) authority {
	t.Helper()
	return a.sign(t, clientTemplate(user, groups...))
}

func clientTemplate(user string, groups ...string) x509.Certificate {
	return x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// pair is the certificate and key as TLS takes them.
func (a authority) pair() *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{a.cert.Raw}, PrivateKey: a.key, Leaf: a.cert}
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

func (a authority) keyPEM(t T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// save writes base.crt and base.key, over what may be there.
func (a authority) save(t T, base string) {
	t.Helper()
	require.NoError(t, os.WriteFile(base+".crt", a.pem(), 0o644))
	require.NoError(t, os.WriteFile(base+".key", a.keyPEM(t), 0o600))
}

// certificates reads every certificate of a PEM file.
func certificates(t T, file string) []*x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return parseCertificates(t, text)
}

func parseCertificates(t T, text []byte) []*x509.Certificate {
	t.Helper()
	var found []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		found = append(found, cert)
	}
	require.NotEmpty(t, found, "no certificate")
	return found
}

// pool is a CertPool of a PEM file.
func pool(t T, file string) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	for _, cert := range certificates(t, file) {
		p.AddCert(cert)
	}
	return p
}

var _ T = (*testing.T)(nil)
