package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// engine signs whatever it is told, as a faulty signing engine would.
type engine struct {
	template Template
	key      crypto.Signer
	parent   *x509.Certificate
	signer   crypto.Signer
}

func newEngine(t *testing.T) engine {
	t.Helper()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	caKey, err := GenerateKey(ECDSAP256)
	require.NoError(t, err)
	key, err := GenerateKey(ECDSAP256)
	require.NoError(t, err)
	root, err := SelfSign(t.Context(), Template{Subject: Subject{CommonName: "root"}, CA: true, NotBefore: at, NotAfter: at.Add(2 * time.Hour)}, caKey)
	require.NoError(t, err)
	return engine{
		template: Template{
			Subject: Subject{CommonName: "leaf", Organization: []string{"dev"}}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
			SANs:      SANs{DNS: []string{"a.b"}, IPs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}},
			NotBefore: at, NotAfter: at.Add(time.Hour),
		},
		key: key, parent: root.cert, signer: caKey,
	}
}

func (e engine) certificate(t *testing.T) *x509.Certificate {
	t.Helper()
	c, err := e.template.certificate(e.key.Public())
	require.NoError(t, err)
	c.SerialNumber, c.RawSubject, c.Subject, c.SubjectKeyId = big.NewInt(7), nil, e.template.Subject.name(), []byte{1, 2, 3}
	return c
}

// Every way in which what was signed can differ from what was asked for is
// found, and named.
func TestProve(t *testing.T) {
	e := newEngine(t)
	other, err := GenerateKey(ECDSAP256)
	require.NoError(t, err)
	foreign, err := SelfSign(t.Context(), Template{Subject: Subject{CommonName: "foreign"}, CA: true, NotBefore: e.template.NotBefore, NotAfter: e.template.NotAfter}, other)
	require.NoError(t, err)
	oid := asn1.ObjectIdentifier{1, 2, 3}
	zero := 0
	tests := []struct {
		name   string
		change func(*x509.Certificate)
		sign   func(*engine)
		want   func(*Template)
		err    string
	}{
		{name: "nothing"},
		{name: "serial of zero", change: func(c *x509.Certificate) { c.SerialNumber = new(big.Int) }, err: "serial number"},
		{name: "serial too long", change: func(c *x509.Certificate) { c.SerialNumber = new(big.Int).Lsh(big.NewInt(1), 159) }, err: "serial number"},
		{name: "common name", change: func(c *x509.Certificate) { c.Subject.CommonName = "other" }, err: "subject"},
		{name: "a group lost", change: func(c *x509.Certificate) { c.Subject.Organization = nil }, err: "subject"},
		{name: "a group more", change: func(c *x509.Certificate) { c.Subject.Organization = append(c.Subject.Organization, "system:masters") }, err: "subject"},
		{name: "other issuer", sign: func(e *engine) { e.parent, e.signer = foreign.cert, other }, err: "issuer, authority key identifier"},
		{name: "other key", sign: func(e *engine) { e.key = other }, err: "public key"},
		{name: "begins later", change: func(c *x509.Certificate) { c.NotBefore = c.NotBefore.Add(time.Second) }, err: "validity"},
		{name: "ends earlier", change: func(c *x509.Certificate) { c.NotAfter = c.NotAfter.Add(-time.Second) }, err: "validity"},
		{name: "a name lost", change: func(c *x509.Certificate) { c.DNSNames = nil }, err: "subject alternative names"},
		{name: "an address lost", change: func(c *x509.Certificate) { c.IPAddresses = nil }, err: "subject alternative names"},
		{name: "an address as a name", change: func(c *x509.Certificate) { c.IPAddresses = nil; c.DNSNames = append(c.DNSNames, "10.0.0.1") }, err: "subject alternative names"},
		{name: "a mailbox more", change: func(c *x509.Certificate) { c.EmailAddresses = []string{"a@b"} }, err: "subject alternative names"},
		{name: "key usage lost", change: func(c *x509.Certificate) { c.KeyUsage = 0 }, err: "key usage"},
		{name: "key usage more", change: func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageKeyEncipherment }, err: "key usage"},
		{name: "usage dropped", change: func(c *x509.Certificate) { c.ExtKeyUsage = nil }, err: "extended key usage"},
		{name: "usage more", change: func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) }, err: "extended key usage"},
		{name: "usage without a name", change: func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{oid} }, err: "extended key usage"},
		{name: "usage without a name dropped", want: func(t *Template) { t.UnknownExtKeyUsage = []asn1.ObjectIdentifier{oid} }, err: "extended key usage"},
		{name: "a CA of a leaf", change: func(c *x509.Certificate) { c.IsCA = true; c.KeyUsage |= x509.KeyUsageCertSign }, err: "key usage, basic constraints"},
		{name: "no basic constraints", change: func(c *x509.Certificate) { c.BasicConstraintsValid = false }, err: "basic constraints"},
		{name: "a leaf of a CA", want: func(t *Template) { t.CA, t.ExtKeyUsage = true, nil }, err: "key usage, extended key usage, basic constraints"},
		{name: "path length dropped", want: func(t *Template) { t.CA, t.PathLen, t.ExtKeyUsage = true, &zero, nil },
			change: func(c *x509.Certificate) {
				c.IsCA, c.ExtKeyUsage, c.KeyUsage = true, nil, x509.KeyUsageDigitalSignature|x509.KeyUsageCertSign|x509.KeyUsageCRLSign
			}, err: "basic constraints"},
		{name: "other key identifier", want: func(t *Template) { t.SubjectKeyID = []byte{9} }, err: "subject key identifier"},
		{name: "an extension more", change: func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{{Id: oid, Value: []byte{5, 0}}} }, err: "unasked extension 1.2.3"},
		{name: "CRL distribution points", change: func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://x"} }, err: "unasked extension 2.5.29.31"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			made := e
			c := e.certificate(t)
			if tt.change != nil {
				tt.change(c)
			}
			if tt.sign != nil {
				tt.sign(&made)
			}
			want := e.template
			if tt.want != nil {
				tt.want(&want)
			}
			der, err := x509.CreateCertificate(rand.Reader, c, made.parent, made.key.Public(), made.signer)
			require.NoError(t, err)
			got, err := prove(der, want, e.key.Public(), e.parent)
			if tt.err == "" {
				require.NoError(t, err)
				assert.Equal(t, der, got.Raw)
				return
			}
			assert.EqualError(t, err, "signed certificate is not what was asked for: "+tt.err)
			assert.Nil(t, got)
		})
	}
}

// What cannot be read back is not given out.
func TestProveUnreadable(t *testing.T) {
	e := newEngine(t)
	_, err := prove([]byte("nonsense"), e.template, e.key.Public(), e.parent)
	assert.EqualError(t, err, "signed certificate cannot be read back: x509: malformed certificate")
}
