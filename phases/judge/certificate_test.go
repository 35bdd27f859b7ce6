package judge_test

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/judge"
)

var (
	server = judge.Purpose{Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	client = judge.Purpose{Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, Identity: true}
	peer   = judge.Purpose{Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
)

// TestCertificate holds every verdict on a certificate to its sentence, and compares each with Go's own: what crypto/x509
// refuses for a usage is an error, and only that, but for what the API server refuses beyond it.
func TestCertificate(t *testing.T) {
	ca, other, twin := authority(t, "ca", nil), authority(t, "other", nil), authority(t, "ca", nil)
	sub := authority(t, "intermediate", &ca)
	stray := authority(t, "stray intermediate", &other)
	usage := func(u ...x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtKeyUsage = u }
	}
	leaf := func(by *pair, change func(*x509.Certificate)) []*x509.Certificate {
		return []*x509.Certificate{issued(t, "a", by, change).cert}
	}
	pinned := issued(t, "self", nil, nil)
	for _, tt := range []struct {
		name   string
		chain  []*x509.Certificate
		trust  []*x509.Certificate // nil: the CA
		p      judge.Purpose
		want   []string
		beyond bool // an error although Go takes the chain
	}{
		{name: "good", chain: leaf(&ca, nil), p: peer},
		{name: "any usage", chain: leaf(&ca, usage(x509.ExtKeyUsageAny)), p: peer},
		{name: "no usage at all", chain: leaf(&ca, usage()), p: peer},
		{name: "an intermediate in its own file", chain: append(leaf(&sub, nil), sub.cert), p: peer},
		{name: "an intermediate as the only anchor", chain: leaf(&sub, nil), trust: []*x509.Certificate{sub.cert}, p: peer},
		{name: "itself as the anchor", chain: []*x509.Certificate{pinned.cert}, trust: []*x509.Certificate{pinned.cert}, p: server},
		{name: "one of two CAs", chain: leaf(&ca, nil), trust: []*x509.Certificate{other.cert, ca.cert}, p: peer},
		{name: "another CA", chain: leaf(&other, nil), p: peer, want: []string{`certificate is signed by another CA: "CN = other"`}},
		{name: "an intermediate of another CA in its file", chain: append(leaf(&stray, nil), stray.cert), p: peer, want: []string{`certificate is signed by another CA: "CN = other"`}},
		{name: "an intermediate that is nowhere", chain: leaf(&sub, nil), p: peer, want: []string{`certificate is signed by another CA: "CN = intermediate"`}},
		{name: "a loop in its file", chain: append(leaf(&other, nil), other.cert, other.cert), p: peer, want: []string{`certificate is signed by another CA: "CN = other"`}},
		{name: "another CA of the name", chain: leaf(&twin, nil), p: peer,
			want: []string{"certificate is signed by another CA of the same name: it names the key " + short(twin.cert.SubjectKeyId) + ", the CA here has " + short(ca.cert.SubjectKeyId)}},
		{name: "SHA-1", chain: leaf(&ca, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }), p: peer,
			want: []string{"certificate is signed with ECDSA-SHA1, which Kubernetes components refuse"}},
		{name: "expired", chain: leaf(&ca, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) }), p: peer, want: []string{"certificate has expired on 2026-11-24T11:59:59Z"}},
		{name: "too early", chain: leaf(&ca, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }), p: peer, want: []string{"certificate is not valid before 2026-11-24T12:00:01Z"}},
		{name: "no serverAuth", chain: leaf(&ca, usage(x509.ExtKeyUsageClientAuth)), p: server, want: []string{"certificate lacks the extended key usage serverAuth"}},
		{name: "no clientAuth", chain: leaf(&ca, usage(x509.ExtKeyUsageServerAuth)), p: client, want: []string{"certificate lacks the extended key usage clientAuth"}},
		{name: "no names", chain: leaf(&ca, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil }), p: server, beyond: true, want: []string{"certificate of a server has no DNS name and no address"}},
		{name: "no names, and it only dials", chain: leaf(&ca, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil }), p: client},
		{name: "no common name", chain: leaf(&ca, func(c *x509.Certificate) { c.Subject.CommonName = "" }), p: client, beyond: true,
			want: []string{"certificate has no common name: the API server takes its holder for nobody"}},
		{name: "a NUL in its name", chain: leaf(&ca, func(c *x509.Certificate) { c.Subject.CommonName = "admin\x00x" }), p: client, want: []string{`subject has a control character: "CN = admin\x00x"`}},
		{name: "a group written the other way round", chain: leaf(&ca, func(c *x509.Certificate) { c.Subject.Organization = []string{"\u202edev"} }), p: client, want: []string{`subject has a control character: "O = \u202edev, CN = a"`}},
		{name: "no common name, and nobody reads it", chain: leaf(&ca, func(c *x509.Certificate) { c.Subject.CommonName = "" }), p: peer},
		{name: "a CA", chain: leaf(&ca, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign }), p: peer, beyond: true,
			want: []string{"certificate is a CA: whoever holds its key can sign for anybody"}},
		{name: "longer than its CA", chain: leaf(&ca, func(c *x509.Certificate) { c.NotAfter = birth.Add(3651 * day) }), p: peer,
			want: []string{"certificate outlives its CA: valid until 2036-05-30T12:00:00Z, the CA ends 2036-05-29T12:00:00Z"}},
		{name: "without digitalSignature", chain: leaf(&ca, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), p: peer,
			want: []string{"certificate lacks the key usage digitalSignature"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trust := tt.trust
			if trust == nil {
				trust = []*x509.Certificate{ca.cert}
			}
			var got []string
			bad := false
			for _, f := range judge.Certificate(tt.chain, judge.NewTrust("ca.crt", trust), tt.p, now) {
				got = append(got, f.Text())
				bad = bad || f.Severity == finding.Error
			}
			assert.Equal(t, tt.want, got)
			assert.Equal(t, refused(tt.chain, trust, tt.p) || tt.beyond, bad, "crypto/x509 is of another mind")
		})
	}
}

// refused reports whether crypto/x509 refuses a chain for a usage, at now.
func refused(chain, trust []*x509.Certificate, p judge.Purpose) bool {
	o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, c := range trust {
		o.Roots.AddCert(c)
	}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	return slices.ContainsFunc(p.Usages, func(u x509.ExtKeyUsage) bool {
		o.KeyUsages = []x509.ExtKeyUsage{u}
		_, err := chain[0].Verify(o)
		return err != nil
	})
}

// Without trust only the certificate itself is judged.
func TestCertificateAlone(t *testing.T) {
	c := issued(t, "a", nil, nil)
	assert.Empty(t, judge.Certificate([]*x509.Certificate{c.cert}, nil, peer, now))
}

func short(id []byte) string {
	const hex = "0123456789abcdef"
	var out []byte
	for _, b := range id[:8] {
		out = append(out, hex[b>>4], hex[b&15])
	}
	return string(out)
}
