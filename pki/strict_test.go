package pki_test

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
)

// TestStrict makes every certificate of the table with every algorithm. zlint's
// RFC sources find neither an error nor a warning; what Python 3.13's
// VERIFY_X509_STRICT and openssl's -x509_strict ask for is there; and openssl
// reads every request for one and finds its signature good.
func TestStrict(t *testing.T) {
	c := certs.Cluster{
		Name: "kubernetes", DNSDomain: "cluster.local", Validity: 365 * 24 * hour, CAValidity: 3650 * 24 * hour,
		ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("fd00::/108")},
		Nodes:        []certs.Node{{Name: "cp-1", AdvertiseAddress: netip.MustParseAddr("192.0.2.10"), BindPort: 6443}},
		KeyAlgorithm: pki.ECDSAP256,
	}
	extra, err := pki.ParseSANs([]string{"*.api.example.com", "198.51.100.1", "2001:db8::1"})
	require.NoError(t, err)
	c.APIServerSANs = extra
	tree, err := certs.New(c)
	require.NoError(t, err)
	for _, a := range pki.KeyAlgorithms() {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			key := newKey(t, a)
			dir := t.TempDir()
			cas := map[string]*pki.Authority{}
			n := 0
			for s := range tree.Rows() {
				if s.Kind == certs.KeyPair {
					continue
				}
				n++
				signature := map[pki.KeyAlgorithm]x509.SignatureAlgorithm{pki.ECDSAP256: x509.ECDSAWithSHA256, pki.ECDSAP384: x509.ECDSAWithSHA384, pki.Ed25519: x509.PureEd25519}[a]
				if signature == 0 {
					signature = x509.SHA256WithRSA // of every size, as kubeadm's
				}
				tmpl := s.Template()
				tmpl.NotBefore, tmpl.NotAfter = pki.Window(now, s.Validity)
				if s.Kind == certs.CA {
					root, err := pki.SelfSign(t.Context(), tmpl, key)
					require.NoError(t, err)
					cas[s.Name] = root
					strictCA(t, root.Certificate())
					assert.Equal(t, signature, root.Certificate().SignatureAlgorithm)
					continue
				}
				chain, err := cas[s.Issuer.Role].Issue(t.Context(), tmpl, key)
				require.NoError(t, err)
				strictLeaf(t, chain[0], cas[s.Issuer.Role].Certificate())
				assert.Equal(t, signature, chain[0].SignatureAlgorithm)
				request(t, dir, tmpl, key)
			}
			assert.Equal(t, 15, n)
		})
	}
}

// TestShapes makes every shape that a certificate can have: what it is for, its algorithm and its CA's, its kinds of
// names. The proof passes, zlint finds nothing, and of a long name that it is long.
func TestShapes(t *testing.T) {
	roles := map[string]pki.Template{
		"intermediate": {CA: true}, "serving": {ExtKeyUsage: []x509.ExtKeyUsage{serverAuth}},
		"client": {ExtKeyUsage: []x509.ExtKeyUsage{clientAuth}}, "peer": {ExtKeyUsage: []x509.ExtKeyUsage{serverAuth, clientAuth}},
	}
	kinds := map[string]pki.SANs{
		"none": {}, "DNS": {DNS: []string{"*.a.example", "kubernetes"}}, "IP": {IPs: manySANs.IPs},
		"URI": {URIs: []string{"spiffe://cluster.local/ns/a"}}, "email": {Emails: []string{"a@b.example"}},
		"all":  {DNS: manySANs.DNS, IPs: manySANs.IPs, URIs: []string{"spiffe://cluster.local/ns/a"}, Emails: []string{"a@b.example"}},
		"many": {DNS: []string{strings.Repeat(strings.Repeat("a", 62)+".", 4) + "x"}},
	}
	subjects := map[string]pki.Subject{
		"plain": {CommonName: "x"}, "groups": {CommonName: "alice", Organization: []string{"ops", "dev"}}, "UTF-8": {CommonName: "bücher"},
		"long": {CommonName: "system:node:" + strings.Repeat("a.", 126) + "a", Organization: []string{"system:nodes"}, Long: true},
	}
	algorithms := []pki.KeyAlgorithm{pki.RSA2048, pki.ECDSAP256, pki.ECDSAP384, pki.Ed25519}
	for _, caAlgorithm := range algorithms {
		root, err := pki.SelfSign(t.Context(), caTemplate("root"), newKey(t, caAlgorithm))
		require.NoError(t, err)
		lintClean(t, root.Certificate())
		for _, a := range algorithms {
			key := newKey(t, a)
			for role, tmpl := range roles {
				for kind, sans := range kinds {
					for name, subject := range subjects {
						if tmpl.CA && kind != "none" || name != "plain" && kind != "none" && kind != "all" {
							continue
						}
						what := fmt.Sprintf("%s of %s: %s %s, names %s", a, caAlgorithm, name, role, kind)
						tmpl.Subject, tmpl.SANs, tmpl.NotBefore, tmpl.NotAfter = subject, sans, now, now.Add(hour)
						chain, err := root.Issue(t.Context(), tmpl, key)
						require.NoError(t, err, what)
						got := faults(t, chain[0].Raw)
						if name == "long" {
							require.Len(t, got, 1, what)
							assert.Contains(t, got[0], "e_subject_common_name_max_length", what)
							continue
						}
						assert.Empty(t, got, what)
					}
				}
			}
		}
	}
}

func lintClean(t *testing.T, c *x509.Certificate) {
	t.Helper()
	assert.Empty(t, faults(t, c.Raw), c.Subject)
}

func has(c *x509.Certificate, oid string, critical bool) bool {
	return slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.String() == oid && e.Critical == critical })
}

// strictCA: RFC 5280 4.2.1.2 (SKI), 4.2.1.3 (key usage), 4.2.1.9 (critical basic constraints).
func strictCA(t *testing.T, c *x509.Certificate) {
	t.Helper()
	lintClean(t, c)
	assert.True(t, has(c, "2.5.29.19", true), "critical basic constraints")
	assert.True(t, has(c, "2.5.29.15", true), "critical key usage")
	assert.True(t, has(c, "2.5.29.14", false), "subject key identifier")
	assert.True(t, c.IsCA)
	assert.NotZero(t, c.KeyUsage&x509.KeyUsageCertSign)
	assert.False(t, has(c, "2.5.29.17", false), "a CA has no names")
	assert.False(t, has(c, "2.5.29.37", false), "nor extended usages")
}

// strictLeaf: RFC 5280 4.2.1.1 (AKI), no keyCertSign, names not critical beside a subject.
func strictLeaf(t *testing.T, c, ca *x509.Certificate) {
	t.Helper()
	lintClean(t, c)
	assert.True(t, has(c, "2.5.29.35", false), "authority key identifier")
	assert.Equal(t, ca.SubjectKeyId, c.AuthorityKeyId)
	assert.True(t, has(c, "2.5.29.14", false), "subject key identifier")
	assert.True(t, has(c, "2.5.29.19", true), "critical basic constraints")
	assert.True(t, has(c, "2.5.29.37", false), "extended key usage")
	assert.Zero(t, c.KeyUsage&x509.KeyUsageCertSign)
	assert.False(t, c.IsCA)
	assert.NotEmpty(t, c.Subject.CommonName)
	assert.False(t, c.NotAfter.After(ca.NotAfter))
	assert.False(t, c.NotBefore.Before(ca.NotBefore))
}

// request asks for what tmpl says, and reads the request with Go and with openssl.
func request(t *testing.T, dir string, tmpl pki.Template, key crypto.Signer) {
	t.Helper()
	der, err := pki.NewCSR(tmpl, key)
	require.NoError(t, err)
	req, err := x509.ParseCertificateRequest(der)
	require.NoError(t, err)
	require.NoError(t, req.CheckSignature())
	assert.True(t, pki.SubjectOf(req.Subject, req.RawSubject).Equal(tmpl.Subject))
	assert.Equal(t, tmpl.SANs.String(), pki.SANsOf(&x509.Certificate{DNSNames: req.DNSNames, IPAddresses: req.IPAddresses}).String())
	var oids []string
	for _, e := range req.Extensions {
		oids = append(oids, e.Id.String())
	}
	assert.Contains(t, oids, "2.5.29.15", "the usages stand in the request")
	assert.Contains(t, oids, "2.5.29.37")
	write(t, dir, "request.csr", pki.EncodeCSR(der))
	out := openssl(t, dir, "req", "-in", "request.csr", "-verify", "-noout", "-text")
	assert.Contains(t, out, "verify OK")
	for _, u := range tmpl.ExtKeyUsage {
		assert.Contains(t, out, map[x509.ExtKeyUsage]string{serverAuth: "TLS Web Server Authentication", clientAuth: "TLS Web Client Authentication"}[u])
	}
}

// A request with names and usages that cfssl cannot write comes out whole as well.
func TestRequestErrors(t *testing.T) {
	key := newKey(t, pki.ECDSAP256)
	_, err := pki.NewCSR(pki.Template{}, key)
	assert.EqualError(t, err, "common name (CN) is empty")
	_, err = pki.NewCSR(leafTemplate("a", 99), key)
	assert.EqualError(t, err, "extended key usage 99 is not known")
	tmpl := leafTemplate("a", clientAuth)
	tmpl.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{9, 9}}
	_, err = pki.NewCSR(tmpl, key)
	assert.EqualError(t, err, "invalid oid")
	_, err = pki.NewCSR(withSANs(leafTemplate("a"), pki.SANs{DNS: []string{""}}), key)
	assert.EqualError(t, err, `name "" is empty, or has a space, a control character or one that is not ASCII in it`)
	tmpl = withSANs(leafTemplate("a", x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageAny), pki.SANs{URIs: []string{"spiffe://a/b"}, Emails: []string{"a@b.c"}, DNS: []string{"x.y"}})
	der, err := pki.NewCSR(tmpl, key)
	require.NoError(t, err)
	req, err := x509.ParseCertificateRequest(der)
	require.NoError(t, err)
	assert.Equal(t, "spiffe://a/b", req.URIs[0].String())
	assert.Equal(t, []string{"a@b.c"}, req.EmailAddresses)
	assert.Equal(t, []string{"x.y"}, req.DNSNames)
}
