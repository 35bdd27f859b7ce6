package pki_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki"
)

const (
	serverAuth = x509.ExtKeyUsageServerAuth
	clientAuth = x509.ExtKeyUsageClientAuth
	hour       = time.Hour
)

var manySANs = pki.SANs{
	DNS:  []string{"*.apps.example.com", "kubernetes", "kubernetes.default"},
	IPs:  []netip.Addr{netip.MustParseAddr("10.96.0.1"), netip.MustParseAddr("fd00::1")},
	URIs: nil,
}

// What comes out is what was asked for, field by field, for every kind of
// certificate and every algorithm.
func TestIssue(t *testing.T) {
	oid := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}
	two := 2
	tests := []struct {
		name     string
		template pki.Template
		ecdsa    x509.KeyUsage
		rsa      x509.KeyUsage
	}{
		{"serving", withSANs(leafTemplate("server", serverAuth), manySANs), x509.KeyUsageDigitalSignature, x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment},
		{"client", leafTemplate("client", clientAuth), x509.KeyUsageDigitalSignature, x509.KeyUsageDigitalSignature},
		{"peer", withSANs(leafTemplate("peer", serverAuth, clientAuth), manySANs), x509.KeyUsageDigitalSignature, x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment},
		{"URI and mailbox", withSANs(leafTemplate("uri", clientAuth), pki.SANs{URIs: []string{"spiffe://cluster.local/ns/a"}, Emails: []string{"a@b.c"}}),
			x509.KeyUsageDigitalSignature, x509.KeyUsageDigitalSignature},
		{"a usage without a name", pki.Template{Subject: pki.Subject{CommonName: "x"}, ExtKeyUsage: []x509.ExtKeyUsage{clientAuth}, UnknownExtKeyUsage: []asn1.ObjectIdentifier{oid},
			NotBefore: now, NotAfter: now.Add(hour)}, x509.KeyUsageDigitalSignature, x509.KeyUsageDigitalSignature},
		{"code signing", leafTemplate("code", x509.ExtKeyUsageCodeSigning), x509.KeyUsageDigitalSignature, x509.KeyUsageDigitalSignature},
		{"groups", pki.Template{Subject: pki.Subject{CommonName: "alice", Organization: []string{"ops", "dev", "a,b", "dev"}}, ExtKeyUsage: []x509.ExtKeyUsage{clientAuth},
			NotBefore: now, NotAfter: now.Add(hour)}, x509.KeyUsageDigitalSignature, x509.KeyUsageDigitalSignature},
		{"CA below", pki.Template{Subject: pki.Subject{CommonName: "sub"}, CA: true, PathLen: &two, NotBefore: now, NotAfter: now.Add(hour)}, caUsage, caUsage},
		{"CA below with the old key's identifier", pki.Template{Subject: pki.Subject{CommonName: "sub"}, CA: true, SubjectKeyID: []byte{1, 2, 3, 4}, NotBefore: now, NotAfter: now.Add(hour)}, caUsage, caUsage},
	}
	keys := map[pki.KeyAlgorithm]crypto.Signer{}
	for _, a := range []pki.KeyAlgorithm{pki.RSA2048, pki.ECDSAP256, pki.ECDSAP384, pki.Ed25519} { // TestStrict has the others
		keys[a] = newKey(t, a)
	}
	for _, caAlgorithm := range []pki.KeyAlgorithm{pki.ECDSAP256, pki.RSA2048} {
		root, err := pki.SelfSign(t.Context(), caTemplate("root"), newKey(t, caAlgorithm))
		require.NoError(t, err)
		for _, tt := range tests {
			for a, key := range keys {
				t.Run(string(caAlgorithm)+"/"+tt.name+"/"+string(a), func(t *testing.T) {
					want := tt.ecdsa
					if a == pki.RSA2048 {
						want = tt.rsa
					}
					for name, issue := range map[string]func() ([]*x509.Certificate, error){
						"own key":     func() ([]*x509.Certificate, error) { return root.Issue(t.Context(), tt.template, key) },
						"another key": func() ([]*x509.Certificate, error) { return root.IssuePublic(t.Context(), tt.template, key.Public()) },
					} {
						chain, err := issue()
						require.NoError(t, err, name)
						require.Len(t, chain, 1)
						sameAsAsked(t, chain[0], tt.template, key, root.Certificate(), want)
					}
				})
			}
		}
	}
}

const caUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign

func withSANs(t pki.Template, s pki.SANs) pki.Template { t.SANs = s; return t }

func sameAsAsked(t *testing.T, c *x509.Certificate, want pki.Template, key crypto.Signer, ca *x509.Certificate, usage x509.KeyUsage) {
	t.Helper()
	assert.Equal(t, 3, c.Version)
	assert.Equal(t, want.Subject.CommonName, c.Subject.CommonName)
	assert.True(t, pki.CertificateSubject(c).Equal(want.Subject))
	assert.True(t, pki.SameKey(key.Public(), c.PublicKey))
	assert.Equal(t, want.SANs.String(), pki.SANsOf(c).String())
	assert.Equal(t, usage, c.KeyUsage)
	assert.Equal(t, want.ExtKeyUsage, c.ExtKeyUsage)
	assert.Equal(t, want.UnknownExtKeyUsage, c.UnknownExtKeyUsage)
	assert.Equal(t, want.NotBefore.UTC(), c.NotBefore.UTC())
	assert.Equal(t, want.NotAfter.UTC(), c.NotAfter.UTC())
	assert.True(t, c.BasicConstraintsValid)
	assert.Equal(t, want.CA, c.IsCA)
	if want.PathLen != nil {
		assert.Equal(t, *want.PathLen, c.MaxPathLen)
	} else {
		assert.True(t, c.MaxPathLen == -1 || !c.IsCA)
	}
	assert.NotEmpty(t, c.SubjectKeyId)
	if want.SubjectKeyID != nil {
		assert.Equal(t, want.SubjectKeyID, c.SubjectKeyId)
	}
	assert.Equal(t, ca.SubjectKeyId, c.AuthorityKeyId)
	assert.NoError(t, c.CheckSignatureFrom(ca))
	assert.NotContains(t, []x509.SignatureAlgorithm{x509.SHA384WithRSA, x509.SHA512WithRSA, x509.SHA1WithRSA}, c.SignatureAlgorithm)
	for _, e := range c.Extensions {
		critical := e.Id.String() == "2.5.29.15" || e.Id.String() == "2.5.29.19"
		assert.Equal(t, critical, e.Critical, e.Id)
	}
}

// Serial numbers are random, positive, and use all of 159 bits.
func TestSerials(t *testing.T) {
	root := newRoot(t, "root")
	seen := map[string]bool{}
	most := 0
	key := newKey(t, pki.ECDSAP256)
	for range 100 {
		chain, err := root.Issue(t.Context(), leafTemplate("a", clientAuth), key)
		require.NoError(t, err)
		n := chain[0].SerialNumber
		assert.Equal(t, 1, n.Sign())
		assert.LessOrEqual(t, n.BitLen(), 159)
		assert.False(t, seen[n.String()], "a serial number twice")
		seen[n.String()] = true
		most = max(most, n.BitLen())
	}
	assert.Greater(t, most, 150, "a hundred numbers without a long one are not random over 159 bits")
}

func TestSelfSign(t *testing.T) {
	key := newKey(t, pki.ECDSAP256)
	root, err := pki.SelfSign(t.Context(), caTemplate("root"), key)
	require.NoError(t, err)
	c := root.Certificate()
	assert.Equal(t, []*x509.Certificate{c}, root.Bundle())
	assert.Equal(t, c.RawSubject, c.RawIssuer)
	assert.True(t, len(c.AuthorityKeyId) == 0 || string(c.AuthorityKeyId) == string(c.SubjectKeyId))
	assert.Empty(t, c.DNSNames, "a CA has no names, unlike kubeadm's")
	assert.Empty(t, c.ExtKeyUsage)
	assert.Equal(t, caUsage, c.KeyUsage)
	assert.Nil(t, pki.SigningFault(c, now))

	_, err = pki.SelfSign(t.Context(), leafTemplate("a", clientAuth), key)
	assert.EqualError(t, err, "only a CA signs itself")
}

// What must not be signed is refused with a sentence.
func TestIssueErrors(t *testing.T) {
	root := newRoot(t, "root")
	zero, one, negative := 0, 1, -1
	narrow := caTemplate("narrow")
	narrow.PathLen = &zero
	flat, err := pki.SelfSign(t.Context(), narrow, newKey(t, pki.ECDSAP256))
	require.NoError(t, err)
	narrow.PathLen = &one
	oneStep, err := pki.SelfSign(t.Context(), narrow, newKey(t, pki.ECDSAP256))
	require.NoError(t, err)
	change := func(f func(*pki.Template)) pki.Template {
		tmpl := leafTemplate("a", clientAuth)
		f(&tmpl)
		return tmpl
	}
	sub := change(func(t *pki.Template) { t.CA, t.ExtKeyUsage = true, nil })
	weak := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	tests := []struct {
		name string
		ca   *pki.Authority
		t    pki.Template
		pub  crypto.PublicKey
		err  string
	}{
		{"no name", root, change(func(t *pki.Template) { t.Subject.CommonName = "" }), nil, "common name (CN) is empty"},
		{"the CA's name", root, change(func(t *pki.Template) { t.Subject.CommonName = "root" }), nil, `subject "CN = root" is the CA's own subject`},
		{"outlives", root, change(func(t *pki.Template) { t.NotAfter = now.Add(11 * 365 * 24 * hour) }), nil,
			"would outlive its CA: valid until 2037-11-21T12:00:00Z, the CA ends 2036-11-21T12:00:00Z"},
		{"ends before it begins", root, change(func(t *pki.Template) { t.NotAfter = t.NotBefore }), nil, "validity ends (2026-11-24T11:55:00Z) before it begins (2026-11-24T11:55:00Z)"},
		{"less than a second", root, change(func(t *pki.Template) { t.NotAfter = t.NotBefore.Add(hour / 36000) }), nil, "validity ends (2026-11-24T11:55:00Z) before it begins (2026-11-24T11:55:00Z)"},
		{"no usage", root, change(func(t *pki.Template) { t.ExtKeyUsage = nil }), nil, "a certificate that is not a CA needs an extended key usage"},
		{"path length of a leaf", root, change(func(t *pki.Template) { t.PathLen = &one }), nil, "path length 1: only a CA has one, and it is not negative"},
		{"negative path length", root, change(func(t *pki.Template) { t.CA, t.PathLen = true, &negative }), nil, "path length -1: only a CA has one, and it is not negative"},
		{"CA below a flat CA", flat, sub, nil, "the CA's path length 0 allows no CA below it"},
		{"unbounded CA below a bounded one", oneStep, sub, nil, "a CA below this one needs a path length of 0 or less"},
		{"CA as long as the one above", oneStep, change(func(t *pki.Template) { t.CA, t.ExtKeyUsage, t.PathLen = true, nil, &one }), nil, "a CA below this one needs a path length of 0 or less"},
		{"a name with a line break", root, withSANs(leafTemplate("a", clientAuth), pki.SANs{DNS: []string{"a\nb"}}), nil,
			`name "a\nb" is empty, or has a space, a control character or one that is not ASCII in it`},
		{"an empty mailbox", root, withSANs(leafTemplate("a", clientAuth), pki.SANs{Emails: []string{""}}), nil,
			`name "" is empty, or has a space, a control character or one that is not ASCII in it`},
		{"half a mailbox", root, withSANs(leafTemplate("a", clientAuth), pki.SANs{Emails: []string{"a@"}}), nil, `"a@" is not a mailbox (local@host)`},
		{"an address as a DNS name", root, withSANs(leafTemplate("a", clientAuth), pki.SANs{DNS: []string{"10.0.0.1"}}), nil,
			`"10.0.0.1" is not a DNS name: it is an address, or longer than 253 characters`},
		{"no address", root, withSANs(leafTemplate("a", clientAuth), pki.SANs{IPs: []netip.Addr{{}}}), nil, `"invalid IP" is not an address that a certificate can hold`},
		{"a zone", root, withSANs(leafTemplate("a", clientAuth), pki.SANs{IPs: []netip.Addr{netip.MustParseAddr("fe80::1%eth0")}}), nil, `"fe80::1%eth0" is not an address that a certificate can hold`},
		{"a relative URI", root, withSANs(leafTemplate("a", clientAuth), pki.SANs{URIs: []string{"a/b"}}), nil, `"a/b" is not an absolute URI`},
		{"a URI that Go cannot read", root, withSANs(leafTemplate("a", clientAuth), pki.SANs{URIs: []string{"a://%"}}), nil, `"a://%" is not an absolute URI`},
		{"a URI whose host is no name", root, withSANs(leafTemplate("a", clientAuth), pki.SANs{URIs: []string{"a://.b/"}}), nil, `"a://.b/" is a URI whose host is no name`},
		{"unknown usage", root, leafTemplate("a", 99), nil, "x509: unknown extended key usage"},
		{"weak key", root, leafTemplate("a", clientAuth), weak, "RSA key of 1024 bits: 2048 to 8192 are accepted"},
		{"no key", root, leafTemplate("a", clientAuth), "a key", "key of type string is not accepted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pub := tt.pub
			if pub == nil {
				pub = newKey(t, pki.ECDSAP256).Public()
			}
			chain, err := tt.ca.IssuePublic(t.Context(), tt.t, pub)
			assert.EqualError(t, err, tt.err)
			assert.Nil(t, chain)
			if tt.pub == nil && tt.name != "unknown usage" {
				assert.EqualError(t, tt.ca.Check(tt.t), tt.err, "the same without a signature")
			}
		})
	}
	assert.NoError(t, root.Check(leafTemplate("a", clientAuth)))
	chain, err := oneStep.Issue(t.Context(), change(func(t *pki.Template) { t.CA, t.ExtKeyUsage, t.PathLen = true, nil, &zero }), newKey(t, pki.ECDSAP256))
	require.NoError(t, err)
	assert.True(t, chain[0].MaxPathLenZero)
}

func TestNewAuthority(t *testing.T) {
	key, other := newKey(t, pki.ECDSAP256), newKey(t, pki.ECDSAP256)
	cert := func(change func(*x509.Certificate)) *x509.Certificate {
		c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: now.Add(-hour), NotAfter: now.Add(hour),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: caUsage}
		change(c)
		return spoil(t, c, c, key.Public(), key)
	}
	good := cert(func(*x509.Certificate) {})
	longer := cert(func(c *x509.Certificate) { c.NotAfter = now.Add(2 * hour) })
	stranger := newRoot(t, "stranger").Certificate()
	tests := []struct {
		name   string
		bundle []*x509.Certificate
		key    crypto.Signer
		want   *x509.Certificate
		err    string
		id     finding.ID
	}{
		{name: "one", bundle: []*x509.Certificate{good}, key: key, want: good},
		{name: "behind a stranger", bundle: []*x509.Certificate{stranger, good}, key: key, want: good},
		{name: "before a stranger", bundle: []*x509.Certificate{good, stranger}, key: key, want: good},
		{name: "renewed, old first", bundle: []*x509.Certificate{good, longer}, key: key, want: longer},
		{name: "renewed, new first", bundle: []*x509.Certificate{longer, good}, key: key, want: longer},
		{name: "renewed, the new one is not valid yet", bundle: []*x509.Certificate{cert(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(hour), now.Add(3*hour) }), good}, key: key, want: good},
		{name: "renewed, the old one has expired", bundle: []*x509.Certificate{cert(func(c *x509.Certificate) { c.NotAfter = now }), longer}, key: key, want: longer},
		{name: "old CA without key usage", bundle: []*x509.Certificate{cert(func(c *x509.Certificate) { c.KeyUsage = 0 })}, key: key},
		{name: "none", key: key, err: "there is no CA", id: finding.CAMissing},
		{name: "other key", bundle: []*x509.Certificate{good, stranger}, key: other, err: "key does not match certificate", id: finding.CANoneOfKey},
		{name: "not a CA", bundle: []*x509.Certificate{cert(func(c *x509.Certificate) { c.IsCA = false })}, key: key, err: "certificate is not a CA", id: finding.NotACA},
		{name: "no basic constraints", bundle: []*x509.Certificate{cert(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = false, false })}, key: key, err: "certificate is not a CA", id: finding.NotACA},
		{name: "may not sign", bundle: []*x509.Certificate{cert(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })}, key: key,
			err: "certificate may not sign certificates (its key usage lacks keyCertSign)", id: finding.CAMayNotSign},
		{name: "nameless", bundle: []*x509.Certificate{cert(func(c *x509.Certificate) { c.Subject = pkix.Name{} })}, key: key,
			err: "certificate has no subject, so it cannot be named as an issuer", id: finding.CAWithoutSubject},
		{name: "expired", bundle: []*x509.Certificate{cert(func(c *x509.Certificate) { c.NotAfter = now })}, key: key, err: "CA has expired on 2026-11-24T12:00:00Z", id: finding.CAExpired},
		{name: "early", bundle: []*x509.Certificate{cert(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) })}, key: key, err: "CA is not valid before 2026-11-24T12:00:01Z", id: finding.CANotYetValid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := pki.NewAuthority(tt.bundle, tt.key, now)
			if tt.err != "" {
				isFinding(t, err, tt.id, tt.err)
				return
			}
			require.NoError(t, err)
			if tt.want != nil {
				assert.Equal(t, tt.want, a.Certificate())
			}
			assert.Equal(t, tt.bundle, a.Bundle())
			chain, err := a.Issue(t.Context(), pki.Template{Subject: pki.Subject{CommonName: "a"}, ExtKeyUsage: []x509.ExtKeyUsage{clientAuth}, NotBefore: now, NotAfter: now.Add(hour)}, other)
			require.NoError(t, err)
			assert.NoError(t, chain[0].CheckSignatureFrom(a.Certificate()))
		})
	}
}

func TestWindow(t *testing.T) {
	at := now.Add(123456789 * time.Nanosecond)
	from, to := pki.Window(at, hour)
	assert.Equal(t, now.Add(-5*time.Minute), from)
	assert.Equal(t, now.Add(hour), to)
	root := newRoot(t, "root") // begins five minutes before now
	from, _, err := root.Window(now.Add(-2*time.Minute), hour)
	require.NoError(t, err)
	assert.Equal(t, now.Add(-5*time.Minute), from, "not before the CA itself")
	_, to, err = root.Window(now, 10*365*24*hour)
	require.NoError(t, err)
	assert.Equal(t, root.Certificate().NotAfter, to, "to the CA's last second, and no longer")

	_, _, err = root.Window(now.Add(time.Second), 10*365*24*hour)
	assert.EqualError(t, err, "would outlive its CA: valid until 2036-11-21T12:00:01Z, the CA ends 2036-11-21T12:00:00Z")
	hint := func(err error) string { return finding.Of(err, finding.NotACA).Remedy(finding.Init) }
	assert.Equal(t, "give --validity 87599h or less, or replace the CA first", hint(err))
	end := root.Certificate().NotAfter
	_, _, err = root.Window(end.Add(-59*time.Minute), hour)
	assert.Equal(t, "give --validity 59m or less, or replace the CA first", hint(err))
	_, _, err = root.Window(end.Add(-30*time.Second), hour)
	assert.Equal(t, "give --validity 30s or less, or replace the CA first", hint(err))
	// The hint's advice works.
	_, _, err = root.Window(now.Add(time.Second), 87599*hour)
	assert.NoError(t, err)
}

// Intermediates are what stands between a leaf and its root, in order, however
// the bundle is sorted, and it ends however hostile the bundle is.
func TestIntermediates(t *testing.T) {
	root := newRoot(t, "root")
	ca := func(a *pki.Authority, cn string) *pki.Authority {
		key := newKey(t, pki.ECDSAP256)
		tmpl := caTemplate(cn)
		tmpl.NotAfter = tmpl.NotAfter.Add(-hour)
		chain, err := a.Issue(t.Context(), tmpl, key)
		require.NoError(t, err)
		out, err := pki.NewAuthority(append(chain, a.Bundle()...), key, now)
		require.NoError(t, err)
		return out
	}
	tmpl := caTemplate("one")
	tmpl.NotAfter = tmpl.NotAfter.Add(-hour)
	key := newKey(t, pki.ECDSAP256)
	chain, err := root.Issue(t.Context(), tmpl, key)
	require.NoError(t, err)
	one, err := pki.NewAuthority(append(root.Bundle(), chain...), key, now)
	require.NoError(t, err)
	two := ca(one, "two")
	c2, c1, c0 := two.Certificate(), one.Certificate(), root.Certificate()

	assert.Empty(t, pki.Intermediates(c0, []*x509.Certificate{c0}))
	assert.Equal(t, []*x509.Certificate{c1}, pki.Intermediates(c1, []*x509.Certificate{c0, c1}))
	assert.Equal(t, []*x509.Certificate{c2, c1}, pki.Intermediates(c2, []*x509.Certificate{c0, c1, c2}))
	assert.Equal(t, []*x509.Certificate{c2, c1}, pki.Intermediates(c2, []*x509.Certificate{c2, c1}), "without the root")
	assert.Equal(t, []*x509.Certificate{c2}, pki.Intermediates(c2, []*x509.Certificate{c2, c0}), "with a gap")
	stranger := newRoot(t, "one").Certificate()
	assert.Equal(t, []*x509.Certificate{c2}, pki.Intermediates(c2, []*x509.Certificate{stranger, c2}), "one of the same name with another key")

	leaf, err := two.Issue(t.Context(), leafTemplate("leaf", clientAuth), newKey(t, pki.ECDSAP256))
	require.NoError(t, err)
	assert.Equal(t, []*x509.Certificate{c2, c1}, leaf[1:])

	// Two CAs that signed each other: a ring.
	ka, kb := newKey(t, pki.ECDSAP256), newKey(t, pki.ECDSAP256)
	ring := func(cn string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, NotBefore: now, NotAfter: now.Add(hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: caUsage}
	}
	a := spoil(t, ring("a"), ring("b"), ka.Public(), kb)
	b := spoil(t, ring("b"), ring("a"), kb.Public(), ka)
	assert.LessOrEqual(t, len(pki.Intermediates(a, []*x509.Certificate{a, b})), 3)
}

// A subject that an existing certificate has is carried on byte for byte, with
// the attributes that Subject has no field for.
func TestForeignSubject(t *testing.T) {
	root := newRoot(t, "root")
	key := newKey(t, pki.ECDSAP256)
	name := pkix.Name{CommonName: "alice", Organization: []string{"dev"}, OrganizationalUnit: []string{"team"}, Country: []string{"CH"},
		ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, Value: "uid-7"}}}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: name}, key)
	require.NoError(t, err)
	req, err := x509.ParseCertificateRequest(csr)
	require.NoError(t, err)
	tmpl := leafTemplate("", clientAuth)
	tmpl.Subject = pki.SubjectOf(req.Subject, req.RawSubject)
	chain, err := root.IssuePublic(t.Context(), tmpl, req.PublicKey)
	require.NoError(t, err)
	assert.Equal(t, req.RawSubject, chain[0].RawSubject)
	again, err := root.Issue(t.Context(), pki.Template{Subject: pki.CertificateSubject(chain[0]), ExtKeyUsage: tmpl.ExtKeyUsage, NotBefore: now, NotAfter: now.Add(hour)}, key)
	require.NoError(t, err)
	assert.Equal(t, req.RawSubject, again[0].RawSubject)
}

// A node's name may be longer than RFC 5280's 64 characters where the caller says so, and is encoded as kubeadm encodes
// it. Once issued, it is carried on; in a request it is not.
func TestLongName(t *testing.T) {
	root := newRoot(t, "root")
	key := newKey(t, pki.ECDSAP256)
	tmpl := leafTemplate("system:node:"+strings.Repeat("a", 61), clientAuth)
	refused := `common name (CN) "` + tmpl.Subject.CommonName + `" is longer than 64 characters`
	_, err := root.Issue(t.Context(), tmpl, key)
	assert.EqualError(t, err, refused)
	_, err = pki.NewCSR(tmpl, key)
	assert.EqualError(t, err, refused)

	tmpl.Subject.Long = true
	chain, err := root.Issue(t.Context(), tmpl, key)
	require.NoError(t, err)
	kubeadms := spoil(t, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: tmpl.Subject.CommonName}}, &x509.Certificate{Subject: pkix.Name{CommonName: "theirs"}}, key.Public(), key)
	assert.Equal(t, kubeadms.RawSubject, chain[0].RawSubject)
	der, err := pki.NewCSR(tmpl, key)
	require.NoError(t, err)
	req, err := x509.ParseCertificateRequest(der)
	require.NoError(t, err)
	assert.Equal(t, kubeadms.RawSubject, req.RawSubject)

	assert.NoError(t, pki.CertificateSubject(kubeadms).Check())
	assert.EqualError(t, pki.SubjectOf(req.Subject, req.RawSubject).Check(), refused)
	foreign := spoil(t, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: tmpl.Subject.CommonName, Country: []string{"CH"}}}, &x509.Certificate{Subject: pkix.Name{CommonName: "theirs"}}, key.Public(), key)
	assert.NoError(t, pki.CertificateSubject(foreign).Check())
	assert.EqualError(t, pki.SubjectOf(foreign.Subject, foreign.RawSubject).Check(), refused, "with other attributes too")
}

// A CA without a subject key identifier, as kubeadm made them when it was built
// with Go 1.14, is named by what its identifier would have been.
func TestIssuerWithoutKeyID(t *testing.T) {
	key, other := newKey(t, pki.ECDSAP256), newKey(t, pki.ECDSAP256)
	// Go gives an identifier to whatever it knows to be a CA.
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"}, NotBefore: now.Add(-hour), NotAfter: now.Add(10 * 365 * 24 * hour), KeyUsage: caUsage,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}}}}
	old := spoil(t, tmpl, tmpl, key.Public(), key)
	require.Empty(t, old.SubjectKeyId)
	ca, err := pki.NewAuthority([]*x509.Certificate{old}, key, now)
	require.NoError(t, err)
	root, err := pki.SelfSign(t.Context(), caTemplate("same key"), key)
	require.NoError(t, err)
	ours, err := ca.Issue(t.Context(), leafTemplate("a", clientAuth), other)
	require.NoError(t, err)
	theirs, err := ca.IssuePublic(t.Context(), leafTemplate("a", clientAuth), other.Public())
	require.NoError(t, err)
	for _, chain := range [][]*x509.Certificate{ours, theirs} {
		assert.Equal(t, root.Certificate().SubjectKeyId, chain[0].AuthorityKeyId)
		assert.NoError(t, chain[0].CheckSignatureFrom(old))
	}
	dir := t.TempDir()
	write(t, dir, "ca.crt", pki.EncodeCertificates(old))
	write(t, dir, "a.crt", pki.EncodeCertificates(ours...))
	assert.Equal(t, "a.crt: OK\n", openssl(t, dir, "verify", "-attime", strconv.FormatInt(now.Unix(), 10), "-CAfile", "ca.crt", "a.crt"))
}
