package verify_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/internal/openssltest"
	"github.com/pkitool/pkitool/pki/verify"
)

func TestParseCRL(t *testing.T) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	der := forgedCRL{
		issuer: root, entries: []forgedEntry{{serial: 5}, {serial: 6}},
		exts: []forgedExt{{extNumber, false, forgeInt(12)}, {extDelta, true, forgeInt(11)}},
	}.issue()
	l, err := verify.ParseCRL(append(bytes.Clone(der), "and more"...))
	require.NoError(t, err)
	assert.Equal(t, der, l.Raw)
	assert.Equal(t, "CN=root", l.Issuer().String())
	assert.Equal(t, 2, l.Len())
	assert.Equal(t, "12", l.Number().String())
	assert.True(t, l.IsDelta())
	this, ok := l.ThisUpdate()
	assert.True(t, ok)
	assert.Equal(t, forgeTime.AddDate(0, 0, -1), this)
	next, ok := l.NextUpdate()
	assert.True(t, ok)
	assert.Equal(t, forgeTime.AddDate(0, 0, 7), next)

	l, err = verify.ParseCRL(forgedCRL{issuer: root, endless: true}.issue())
	require.NoError(t, err)
	assert.Nil(t, l.Number())
	assert.False(t, l.IsDelta())
	assert.Zero(t, l.Len())
	_, ok = l.NextUpdate()
	assert.False(t, ok)
}

// What openssl cannot read, ParseCRL refuses, and nothing else.
func TestParseCRLRefusesWhatOpenSSLRefuses(t *testing.T) {
	path := openssltest.Path(t)
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	entry := func(parts ...[]byte) []byte { return forgedCRL{issuer: root}.issueWith(forgeSeq(parts...)) }
	now := forgeUTCTime(forgeTime)
	tbs := func(parts ...[]byte) []byte {
		return forgeSign(root.key, forgeSeq(parts...), forgedSHA256, forgedSHA256)
	}
	plain := forgedCRL{issuer: root, entries: []forgedEntry{{serial: 5}}, exts: []forgedExt{{extNumber, false, forgeInt(1)}}}.issue()
	for name, der := range map[string][]byte{
		"plain":                     plain,
		"cut":                       plain[:len(plain)-1],
		"octets behind":             append(bytes.Clone(plain), 1, 2, 3),
		"nothing":                   {},
		"a certificate":             root.der,
		"padded serial number":      entry([]byte{2, 2, 0, 5}, now),
		"negative serial number":    entry([]byte{2, 1, 0x85}, now),
		"empty serial number":       entry([]byte{2, 0}, now),
		"no revocation date":        entry(forgeInt(5)),
		"revocation date not one":   entry(forgeInt(5), forgeInt(5)),
		"revocation date garbage":   entry(forgeInt(5), forgeTLV(0x17, []byte("garbage"))),
		"generalized date":          entry(forgeInt(5), forgeTLV(0x18, []byte("20260101000000Z"))),
		"entry with more":           entry(forgeInt(5), now, forgeSeq(), forgeInt(1)),
		"entry without extensions":  entry(forgeInt(5), now, forgeSeq()),
		"entry with odd extensions": entry(forgeInt(5), now, forgeInt(1)),
		"extension without value":   entry(forgeInt(5), now, forgeSeq(forgeSeq(forgeOID(extReason)))),
		"entry not a sequence":      forgedCRL{issuer: root}.issueWith(forgeInt(5)),
		"primitive entry":           forgedCRL{issuer: root}.issueWith(append([]byte{0x10, 18}, append(forgeInt(5), now...)...)),
		"padded version":            tbs([]byte{2, 2, 0, 1}, forgedSHA256, root.name, now),
		"version 9":                 tbs(forgeInt(9), forgedSHA256, root.name, now),
		"no algorithm":              tbs(root.name, now),
		"no issuer":                 tbs(forgedSHA256, now),
		"issuer not UTF-8":          tbs(forgedSHA256, forgeCN("\xff"), now),
		"empty issuer":              tbs(forgedSHA256, forgeSeq(), now),
		"no thisUpdate":             tbs(forgedSHA256, root.name),
		"thisUpdate a number":       tbs(forgedSHA256, root.name, forgeInt(1)),
		"thisUpdate garbage":        tbs(forgedSHA256, root.name, forgeTLV(0x17)),
		"empty list":                tbs(forgedSHA256, root.name, now, now, forgeSeq()),
		"no list but extensions":    tbs(forgedSHA256, root.name, now, forgeTLV(0xa0, forgeExts(nil))),
		"two lists":                 tbs(forgedSHA256, root.name, now, forgeSeq(), forgeSeq()),
		"two sets of extensions":    tbs(forgedSHA256, root.name, now, forgeTLV(0xa0, forgeSeq(), forgeSeq())),
		"malformed extension value": tbs(forgedSHA256, root.name, now, forgeTLV(0xa0, forgeExts([]forgedExt{{extIDP, true, nil}}))),
		"three updates":             tbs(forgedSHA256, root.name, now, now, now),
		"signature not a string":    forgeSeq(forgeSeq(forgedSHA256, root.name, now), forgedSHA256, forgeInt(1)),
		"odd bits of a signature":   forgeSeq(forgeSeq(forgedSHA256, root.name, now), forgedSHA256, forgeBits(9, 1)),
		"indefinite length":         append(append([]byte{0x30, 0x80}, plain[3:]...), 0, 0),
		"long length":               append([]byte{0x30, 0x83, 0, 0, plain[2]}, plain[3:]...),
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, byte(0x81), plain[1], "the rows above cut off a header of three octets")
			file := filepath.Join(t.TempDir(), "crl.der")
			require.NoError(t, os.WriteFile(file, der, 0o600))
			refused := exec.Command(path, "crl", "-inform", "DER", "-in", file, "-noout").Run() != nil
			_, err := verify.ParseCRL(der)
			if refused {
				assert.EqualError(t, err, "not a certificate revocation list")
			} else {
				assert.NoError(t, err)
			}
		})
	}
}

func TestCRLIsUsedByManyAtOnce(t *testing.T) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	list, err := verify.ParseCRL(longCRL(root, 5000))
	require.NoError(t, err)
	trust := verify.NewStore(parseAllForged(t, []*forgedCert{root}), nil)
	good := parseForged(t, forgedCert{name: forgeCN("leaf"), issuer: root, serial: 8}.issue())
	bad := parseForged(t, forgedCert{name: forgeCN("leaf"), issuer: root, serial: 7}.issue())
	opts := verify.NewOptions(forgeTime)
	opts.CRLCheck = true
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				assert.True(t, verify.Verify(good, trust, nil, []*verify.CRL{list}, opts).OK)
				r := verify.Verify(bad, trust, nil, []*verify.CRL{list}, opts)
				if assert.Len(t, r.Findings, 1) {
					assert.Equal(t, verify.ErrCertRevoked, r.Findings[0].Code)
					assert.Equal(t, verify.Detail{What: "revocation date", Wanted: "7", Had: []string{"2026-06-01T12:00:00Z"}}, r.Findings[0].Detail)
				}
			}
		})
	}
	all.Wait()
}

// A signature that was good with one key is not good with another.
func TestCRLProofIsOfOneKey(t *testing.T) {
	one := forgedCert{name: forgeCN("root"), exts: asRoot, bare: true}.issue()
	two := forgedCert{name: forgeCN("root"), exts: asRoot, bare: true}.issue()
	list, err := verify.ParseCRL(forgedCRL{issuer: one}.issue())
	require.NoError(t, err)
	opts := verify.NewOptions(forgeTime)
	opts.CRLCheck = true
	for range 2 {
		for root, code := range map[*forgedCert]verify.Code{one: verify.OK, two: verify.ErrCRLSignatureFailure} {
			leaf := parseForged(t, forgedCert{name: forgeCN("leaf"), issuer: root, serial: 8, bare: true}.issue())
			trust := verify.NewStore(parseAllForged(t, []*forgedCert{root}), nil)
			r := verify.Verify(leaf, trust, nil, []*verify.CRL{list}, opts)
			assert.Equal(t, code == verify.OK, r.OK)
			for _, f := range r.Findings {
				assert.Equal(t, code, f.Code)
			}
		}
	}
}

// Entries that all say the same must not make reading or looking up quadratic.
func TestCRLOfEqualEntriesIsRead(t *testing.T) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	names := bytes.Repeat(forgeDir(forgeCN("boot")), 20_000)
	elsewhere := forgeExts([]forgedExt{{extCertIss, true, forgeSeq(names)}})
	date := forgeUTCTime(forgeTime)
	entries := forgeSeq(forgeInt(7), date, elsewhere)
	entries = append(entries, bytes.Repeat(forgeSeq(forgeInt(7), date), 300_000)...)
	start := time.Now()
	list, err := verify.ParseCRL(forgedCRL{issuer: root}.issueWith(entries))
	require.NoError(t, err)
	opts := verify.NewOptions(forgeTime)
	opts.CRLCheck = true
	leaf := parseForged(t, forgedCert{name: forgeCN("leaf"), issuer: root, serial: 7}.issue())
	r := verify.Verify(leaf, verify.NewStore(parseAllForged(t, []*forgedCert{root}), nil), nil, []*verify.CRL{list}, opts)
	assert.True(t, r.OK, fmt.Sprint(r.Findings))
	assert.Less(t, time.Since(start), 5*time.Second)
}

// FuzzParseCRL: whatever comes, reading and using it ends; what is read is read the same again.
func FuzzParseCRL(f *testing.F) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	point := forgeCRLDP(forgeSeq(forgeFullName(forgeURI("http://a")), forgeTLV(0x81, []byte{0, 0x60})))
	anchor, err := verify.ParseCertificate(root.der)
	require.NoError(f, err)
	leaf, err := verify.ParseCertificate(forgedCert{name: forgeCN("leaf"), issuer: root, serial: 7, exts: exts(point)}.issue().der)
	require.NoError(f, err)
	for _, l := range []forgedCRL{
		{}, {entries: []forgedEntry{{serial: 7}}}, {endless: true, v1: true},
		{exts: []forgedExt{{extNumber, false, forgeInt(2)}, {extDelta, true, forgeInt(1)}}},
		{exts: []forgedExt{forgeIDP(forgeFullName(forgeURI("http://a")), forgeTLV(0x83, []byte{0, 0x40}), forgeTLV(0x84, forgedTrue))}},
		{entries: []forgedEntry{{7, []forgedExt{{extCertIss, true, forgeSeq(forgeDir(root.name))}, {extReason, false, []byte{10, 1, 8}}}}}},
	} {
		l.issuer = root
		f.Add(l.issue())
	}
	trust := verify.NewStore([]*verify.Certificate{anchor}, nil)
	opts := verify.NewOptions(forgeTime)
	opts.CRLCheck, opts.CRLCheckAll, opts.ExtendedCRL, opts.UseDeltas, opts.IgnoreCritical = true, true, true, true, true
	f.Fuzz(func(t *testing.T, der []byte) {
		defer fuzzbound.Hold(t, len(der))()
		l, err := verify.ParseCRL(der)
		if err != nil {
			return
		}
		again, err := verify.ParseCRL(l.Raw)
		require.NoError(t, err)
		assert.Equal(t, l.Len(), again.Len())
		assert.True(t, l.Issuer().Equal(again.Issuer()))
		assert.Equal(t, verify.Verify(leaf, trust, []*verify.Certificate{anchor}, []*verify.CRL{l, again}, opts).Findings,
			verify.Verify(leaf, trust, []*verify.Certificate{anchor}, []*verify.CRL{again, l}, opts).Findings)
	})
}

// Very many names of distribution points, in a certificate and in many lists, must not be compared each with each.
func TestDistributionPointsAreBounded(t *testing.T) {
	uris := func(host string, n int) []byte {
		var names [][]byte
		for i := range n {
			names = append(names, forgeURI(fmt.Sprintf("http://%s/%d", host, i)))
		}
		return forgeFullName(names...)
	}
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	list, err := verify.ParseCRL(forgedCRL{issuer: root, exts: []forgedExt{forgeIDP(uris("a", 20_000))}}.issue())
	require.NoError(t, err)
	opts := verify.NewOptions(forgeTime)
	opts.CRLCheck = true
	leaf := parseForged(t, forgedCert{name: forgeCN("leaf"), issuer: root, exts: []forgedExt{forgeCRLDP(forgeSeq(uris("b", 20_000)))}}.issue())
	start := time.Now()
	r := verify.Verify(leaf, verify.NewStore(parseAllForged(t, []*forgedCert{root}), nil), nil, slices.Repeat([]*verify.CRL{list}, 500), opts)
	require.Len(t, r.Findings, 1, fmt.Sprint(r.Findings))
	assert.Equal(t, verify.ErrDifferentCRLScope, r.Findings[0].Code)
	assert.Less(t, time.Since(start), 10*time.Second)
}

// Very many lists that might be of very many issuers must not be compared each with each.
func TestCRLIssuersAreBounded(t *testing.T) {
	root := forgedCert{name: forgeCN("root"), exts: asRoot}.issue()
	other := parseForged(t, forgedCert{name: forgeCN("near"), issuer: root}.issue())
	stranger := forgedCert{name: forgeCN("near")}.issue()
	indirect := forgeIDP(forgeTLV(0x84, forgedTrue))
	opts := verify.NewOptions(forgeTime)
	opts.CRLCheck, opts.ExtendedCRL = true, true
	leaf := parseForged(t, forgedCert{name: forgeCN("leaf"), issuer: root}.issue())
	trust := verify.NewStore(parseAllForged(t, []*forgedCert{root}), nil)
	for name, list := range map[string]forgedCRL{
		"of another name":   {issuer: stranger, name: forgeCN("fear"), exts: []forgedExt{indirect}},
		"of another serial": {issuer: stranger, exts: []forgedExt{indirect, {extAKID, false, forgeSeq(forgeTLV(0x82, []byte{9}))}}},
	} {
		l, err := verify.ParseCRL(list.issue())
		require.NoError(t, err, name)
		start := time.Now()
		r := verify.Verify(leaf, trust, slices.Repeat([]*verify.Certificate{other}, 50_000), slices.Repeat([]*verify.CRL{l}, 50_000), opts)
		require.Len(t, r.Findings, 1, name, fmt.Sprint(r.Findings))
		assert.Equal(t, verify.ErrUnableToGetCRL, r.Findings[0].Code, name)
		assert.Less(t, time.Since(start), 10*time.Second, name)
	}
}
