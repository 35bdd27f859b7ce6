package verify_test

import (
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/verify"
)

// longCRL has n entries with random serial numbers of 16 octets and, last, the serial number 7.
func longCRL(issuer *forgedCert, n int) []byte {
	l := forgedCRL{issuer: issuer}
	date := forgeUTCTime(forgeTime)
	random := make([]byte, 16*n)
	_, _ = rand.Read(random)
	entries := make([]byte, 0, 40*n)
	for ; len(random) > 0; random = random[16:] {
		serial := append([]byte{0x30, 0, 2, 16}, random[:16]...)
		serial[4] = 0x40 | serial[4]&0x3f // positive and not padded
		serial = append(serial, date...)
		serial[1] = byte(len(serial) - 2)
		entries = append(entries, serial...)
	}
	return l.issueWith(append(entries, forgeSeq(forgeInt(7), date)...))
}

func BenchmarkParseCRL100k(b *testing.B) {
	der := longCRL(forgedCert{name: forgeCN("root"), exts: asRoot}.issue(), 100_000)
	b.SetBytes(int64(len(der)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verify.ParseCRL(der); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyCRL100k validates against a parsed list: what each target after the first costs.
func BenchmarkVerifyCRL100k(b *testing.B) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	list, err := verify.ParseCRL(longCRL(root, 100_000))
	require.NoError(b, err)
	leaf, err := verify.ParseCertificate(forgedCert{name: forgeCN("leaf"), issuer: root, serial: 8}.issue().der)
	require.NoError(b, err)
	anchor, err := verify.ParseCertificate(root.der)
	require.NoError(b, err)
	trust := verify.NewStore([]*verify.Certificate{anchor}, nil)
	opts := verify.NewOptions(forgeTime)
	opts.CRLCheck = true
	for b.Loop() {
		if r := verify.Verify(leaf, trust, nil, []*verify.CRL{list}, opts); !r.OK {
			b.Fatal(r.Findings)
		}
	}
}

// BenchmarkFirstCRL100k is what a single target costs: reading the list, one signature, one look-up.
func BenchmarkFirstCRL100k(b *testing.B) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	der := longCRL(root, 100_000)
	leaf, err := verify.ParseCertificate(forgedCert{name: forgeCN("leaf"), issuer: root, serial: 8}.issue().der)
	require.NoError(b, err)
	anchor, err := verify.ParseCertificate(root.der)
	require.NoError(b, err)
	trust := verify.NewStore([]*verify.Certificate{anchor}, nil)
	opts := verify.NewOptions(forgeTime)
	opts.CRLCheck = true
	for b.Loop() {
		list, err := verify.ParseCRL(der)
		require.NoError(b, err)
		if r := verify.Verify(leaf, trust, nil, []*verify.CRL{list}, opts); !r.OK {
			b.Fatal(r.Findings)
		}
	}
}
