package verify_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/verify"
)

// Names are compared in canonical form, whatever their encoding.
func TestNameComparison(t *testing.T) {
	cn := func(tag byte, value string) []byte { return subjectOf(attr("2.5.4.3", forgeTLV(tag, []byte(value)))) }
	two := forgeSeq(forgeTLV(0x31, forgeAttr("2.5.4.3", "a"), forgeAttr("2.5.4.10", "b")))
	rows := map[string]struct {
		subject, issuer []byte // the CA's own name, and how the target writes it
		want            string
	}{
		"same":                  {forgeCN("ca"), forgeCN("ca"), "OK"},
		"case":                  {forgeCN("Root CA"), forgeCN("rOOT ca"), "OK"},
		"case beyond ASCII":     {forgeCN("É"), forgeCN("é"), "20@0"},
		"spaces":                {forgeCN("root ca"), forgeCN(" \t root \r\n\v\f  ca "), "OK"},
		"space within":          {forgeCN("rootca"), forgeCN("root ca"), "20@0"},
		"only spaces":           {forgeCN(""), forgeCN("  "), "OK"},
		"no-break space":        {forgeCN("a\u00a0b"), forgeCN("a b"), "20@0"},
		"PrintableString":       {forgeCN("ca"), cn(0x13, "ca"), "OK"},
		"IA5String":             {forgeCN("ca"), cn(0x16, "CA"), "OK"},
		"T61String":             {forgeCN("é"), cn(0x14, "\xe9"), "OK"},
		"BMPString":             {forgeCN("ca"), cn(0x1e, "\x00c\x00a"), "OK"},
		"UniversalString":       {forgeCN("ca"), cn(0x1c, "\x00\x00\x00c\x00\x00\x00a"), "OK"},
		"NumericString":         {forgeCN("12"), cn(0x12, "12"), "20@0"},
		"two NumericStrings":    {cn(0x12, "1 2"), cn(0x12, "1 2"), "OK"},
		"NumericString, spaces": {cn(0x12, "1 2"), cn(0x12, "1  2"), "20@0"},
		"BIT STRING":            {cn(3, "\x00a"), cn(3, "\x00A"), "20@0"},
		"unused bits":           {cn(3, "\x04\xf0"), cn(3, "\x04\xff"), "OK"},
		"other type":            {forgeCN("ca"), subjectOf(forgeAttr("2.5.4.10", "ca")), "20@0"},
		"two RDNs or one":       {two, subjectOf(forgeAttr("2.5.4.3", "a"), forgeAttr("2.5.4.10", "b")), "20@0"},
		"order in an RDN":       {two, forgeSeq(forgeTLV(0x31, forgeAttr("2.5.4.10", "b"), forgeAttr("2.5.4.3", "a"))), "OK"},
		"order of RDNs":         {forgeCN("a", "b"), forgeCN("b", "a"), "20@0"},
		"empty RDN":             {forgeCN("ca"), forgeSeq(forgeTLV(0x31), forgeTLV(0x31, forgeAttr("2.5.4.3", "ca"))), "OK"},
		"both empty":            {forgeSeq(), forgeSeq(), "OK"},
		"prefix":                {forgeCN("ca"), forgeCN("ca", "b"), "20@0"},
		"in pieces":             {forgeCN("ca"), subjectOf(attr("2.5.4.3", pieces(0x0c, []byte("c"), []byte("a")))), "OK"},
	}
	var list []asked
	for name, row := range rows {
		ca := parts{issuer: row.subject, subject: row.subject, spki: forgeSPKI(caKey), exts: [][]byte{isCA}}.make()
		list = append(list, asked{name: name, ca: [][]byte{ca}, target: parts{issuer: row.issuer, exts: [][]byte{notCA}}.make(), want: row.want})
	}
	ask(t, list)
}

// The authority key identifier, and the kind of key, choose among issuers of one name.
func TestLikelyIssuer(t *testing.T) {
	leaf := func(fields ...[]byte) []byte { return aLeaf(akid(fields...)) }
	keyID, serial := forgeTLV(0x80, []byte{1, 2}), forgeTLV(0x82, []byte{1})
	dir := func(names ...[]byte) []byte { return forgeTLV(0xa1, names...) }
	with, without := aRoot(skid(1, 2)), aRoot()
	rsaSigned := forgeSeq(forgeOID("1.2.840.113549.1.1.11"), []byte{5, 0})
	otherCurve := forgeKey(elliptic.P384())
	twin := parts{subject: forgeCN("ca"), spki: forgeSPKI(otherCurve), by: otherCurve, exts: [][]byte{isCA}}.make()
	rows := map[string]struct {
		ca     [][]byte
		target []byte
		want   string
	}{
		"identifiers match":               {[][]byte{with}, leaf(keyID), "OK"},
		"other identifier":                {[][]byte{with}, leaf(forgeTLV(0x80, []byte{1, 3})), "20@0"},
		"issuer without identifier":       {[][]byte{without}, leaf(keyID), "OK"},
		"target without identifier":       {[][]byte{with}, aLeaf(), "OK"},
		"empty identifier":                {[][]byte{with}, leaf(forgeTLV(0x80)), "20@0"},
		"two empty identifiers":           {[][]byte{aRoot(skid())}, leaf(forgeTLV(0x80)), "OK"},
		"serial":                          {[][]byte{with}, leaf(keyID, serial), "OK"},
		"other serial":                    {[][]byte{with}, leaf(keyID, forgeTLV(0x82, []byte{2})), "20@0"},
		"issuer's issuer":                 {[][]byte{with}, leaf(dir(forgeDir(forgeCN("CA")))), "OK"},
		"other issuer":                    {[][]byte{with}, leaf(dir(forgeDir(forgeCN("x")))), "20@0"},
		"first directory name counts":     {[][]byte{with}, leaf(dir(dnsName("x"), forgeDir(forgeCN("ca")), forgeDir(forgeCN("x")))), "OK"},
		"no directory name":               {[][]byte{with}, leaf(dir(dnsName("x"))), "OK"},
		"signature of another kind":       {[][]byte{with}, parts{inner: rsaSigned}.make(), "20@0"},
		"outer algorithm plays no part":   {[][]byte{with}, parts{outer: rsaSigned}.make(), "7@0"},
		"twin of another curve is chosen": {[][]byte{twin, with}, aLeaf(), "7@0"},
		"second twin with the identifier": {[][]byte{aRoot(skid(9)), with}, leaf(keyID), "OK"},
		"self-signed of another identifier is no anchor": {
			[][]byte{aRoot(skid(1, 2), akid(forgeTLV(0x80, []byte{9})))}, aLeaf(), "2@1",
		},
	}
	var list []asked
	for name, row := range rows {
		list = append(list, asked{name: name, ca: row.ca, target: row.target, want: row.want})
	}
	ask(t, list)
}

// The algorithm stands twice in a certificate. What its parameters are is compared, not how they are encoded.
func TestAlgorithmTwice(t *testing.T) {
	alg := func(params ...byte) []byte { return forgeSeq(forgeOID("1.2.840.10045.4.3.2"), params) }
	var list []asked
	for name, row := range map[string]struct {
		inner, outer []byte
		want         string
	}{
		"same":                {alg(5, 0), alg(5, 0), "OK"},
		"NULL or none":        {alg(5, 0), alg(), "7@0"},
		"long string":         {alg(0x0c, 1, 'a'), alg(0x0c, 0x81, 1, 'a'), "OK"},
		"other string type":   {alg(0x0c, 1, 'a'), alg(0x16, 1, 'a'), "7@0"},
		"long sequence":       {alg(0x30, 2, 5, 0), alg(0x30, 0x81, 2, 5, 0), "7@0"},
		"negative":            {alg(2, 1, 1), alg(2, 1, 0xff), "7@0"},
		"true in two ways":    {alg(1, 1, 1), alg(1, 1, 0xff), "7@0"},
		"bits":                {alg(3, 2, 0, 0x80), alg(3, 2, 0, 0x81), "7@0"},
		"unused bits":         {alg(3, 2, 0, 0x80), alg(3, 2, 1, 0x80), "OK"},
		"unused bits are set": {alg(3, 2, 1, 0x80), alg(3, 2, 1, 0x81), "OK"},
	} {
		list = append(list, asked{name: name, ca: [][]byte{aRoot()}, target: parts{inner: row.inner, outer: row.outer}.make(), want: row.want})
	}
	ask(t, list)
}

// One path is built, without a second try, from trusted certificates if possible.
func TestChainBuilding(t *testing.T) {
	root, inter, leaf := aRoot(), anIntermediate(), under()
	noMore := func(n byte) []byte { return ext("2.5.29.19", true, forgeSeq([]byte{1, 1, 0xff}, []byte{2, 1, n})) }
	old := parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), to: utcTime("260101000000Z"), exts: [][]byte{isCA}}.make()
	older := parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), to: utcTime("250201000000Z"), exts: [][]byte{isCA}}.make()
	impostor := forgeKey(elliptic.P256())
	mimic := parts{subject: forgeCN("ca"), spki: forgeSPKI(impostor), by: impostor, exts: [][]byte{isCA}}.make()
	otherMimic := parts{subject: forgeCN("ca"), serial: []byte{2, 1, 9}, spki: forgeSPKI(caKey), exts: [][]byte{isCA}}.make()
	selfLeaf := parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), exts: [][]byte{notCA}}.make()
	// two CAs that certify each other
	aKey, bKey := forgeKey(elliptic.P256()), forgeKey(elliptic.P256())
	ab := parts{issuer: forgeCN("b"), subject: forgeCN("a"), spki: forgeSPKI(aKey), by: bKey, exts: [][]byte{isCA}}.make()
	ba := parts{issuer: forgeCN("a"), subject: forgeCN("b"), spki: forgeSPKI(bKey), by: aKey, exts: [][]byte{isCA}}.make()
	ofA := parts{issuer: forgeCN("a"), by: aKey, exts: [][]byte{notCA}}.make()

	ask(t, []asked{
		{name: "direct", ca: [][]byte{root}, target: aLeaf(), want: "OK"},
		{name: "through an intermediate", ca: [][]byte{root}, untrusted: [][]byte{inter}, target: leaf, want: "OK"},
		{name: "intermediate missing", ca: [][]byte{root}, target: leaf, want: "20@0"},
		{name: "root missing", ca: [][]byte{aRoot(skid(1))}, untrusted: [][]byte{anIntermediate(akid(forgeTLV(0x80, []byte{2})))}, target: leaf, want: "20@1"},
		{name: "root among the untrusted", trusted: [][]byte{mimic}, untrusted: [][]byte{inter, root}, target: leaf, want: "7@1"},
		{name: "root only untrusted", trusted: [][]byte{aLeaf()}, untrusted: [][]byte{inter, root}, target: leaf, want: "19@2"},
		{name: "self-signed target", trusted: [][]byte{inter}, target: root, want: "18@0"},
		{name: "self-signed target that is trusted", ca: [][]byte{root}, target: root, want: "OK"},
		{name: "self-signed end entity that is trusted", ca: [][]byte{selfLeaf}, target: selfLeaf, want: "OK"},
		{name: "mimic of the anchor", ca: [][]byte{root}, target: mimic, want: "18@0"},
		{name: "mimic with the anchor's key", ca: [][]byte{root}, target: otherMimic, want: "18@0"},
		{name: "mimic as the root", ca: [][]byte{otherMimic}, untrusted: [][]byte{inter, root}, target: leaf, want: "OK"},
		{name: "trusted intermediate alone", ca: [][]byte{inter}, target: leaf, want: "2@1"},
		{name: "trusted intermediate alone, partial", args: []string{"-partial_chain"}, ca: [][]byte{inter}, target: leaf, want: "OK"},
		{name: "trusted intermediate and untrusted root", ca: [][]byte{inter}, untrusted: [][]byte{root}, target: leaf, want: "2@1"},
		{name: "trusted target", ca: [][]byte{leaf}, target: leaf, want: "20@0"},
		{name: "trusted target, partial", args: []string{"-partial_chain"}, ca: [][]byte{leaf}, target: leaf, want: "OK"},
		{name: "trusted target with its issuer, partial", args: []string{"-partial_chain"}, trusted: [][]byte{leaf}, untrusted: [][]byte{inter}, target: leaf, want: "OK"},

		{name: "expired twin first", ca: [][]byte{old, root}, target: aLeaf(), want: "OK"},
		{name: "expired twin first in a list", trusted: [][]byte{old, root}, target: aLeaf(), want: "OK"},
		{name: "of expired ones the latest", trusted: [][]byte{older, old}, target: aLeaf(), want: "10@1"},
		{name: "no check of time takes the first", args: []string{"-no_check_time"}, ca: [][]byte{older, mimic}, target: aLeaf(), want: "OK"},
		{name: "wrong key first", ca: [][]byte{mimic, root}, target: aLeaf(), want: "7@0"},
		{name: "wrong key second", ca: [][]byte{root, mimic}, target: aLeaf(), want: "OK"},
		{name: "untrusted list in order", ca: [][]byte{root}, untrusted: [][]byte{mimic, inter}, target: leaf, want: "OK"},

		{name: "loop of untrusted", ca: [][]byte{root}, untrusted: [][]byte{ab, ba}, target: ofA, want: "20@2"},
		{name: "loop of trusted", ca: [][]byte{ab, ba}, target: ofA, want: "22@101"},
		{name: "loop of trusted, short", args: []string{"-verify_depth", "3"}, ca: [][]byte{ab, ba}, target: ofA, want: "22@4"},
		{name: "depth 1", args: []string{"-verify_depth", "1"}, ca: [][]byte{root}, untrusted: [][]byte{inter}, target: leaf, want: "OK"},
		{name: "depth 0", args: []string{"-verify_depth", "0"}, ca: [][]byte{root}, untrusted: [][]byte{inter}, target: leaf, want: "22@1"},
		{name: "depth 0, direct", args: []string{"-verify_depth", "0"}, ca: [][]byte{root}, target: aLeaf(), want: "OK"},
		{name: "profile sets the depth", args: []string{"-verify_depth", "0", "-verify_name", "default"}, ca: [][]byte{root}, untrusted: [][]byte{inter}, target: leaf, want: "OK"},
		{name: "path length", ca: [][]byte{parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), exts: [][]byte{noMore(0)}}.make()}, untrusted: [][]byte{inter}, target: leaf, want: "25@2"},
		{name: "path length of the last CA", ca: [][]byte{root}, untrusted: [][]byte{parts{subject: forgeCN("inter"), spki: forgeSPKI(interKey), exts: [][]byte{noMore(0)}}.make()}, target: leaf, want: "OK"},
	})
}

// A bundle of one subject's certificates, as many as there are, is read in a time by its size.
func TestManyOfOneSubject(t *testing.T) {
	serial := []byte{2, 4, 0x7a, 0x11, 0x22, 0x33}
	mold := parts{subject: forgeCN("ca"), serial: serial, spki: forgeSPKI(caKey), exts: [][]byte{isCA}}.make()
	at := bytes.Index(mold, serial)
	require.Positive(t, at)
	var all []*verify.Certificate
	for n := range 60_000 {
		der := bytes.Clone(mold)
		binary.BigEndian.PutUint32(der[at+2:], 0x10000000+uint32(n))
		c, err := verify.ParseCertificate(der)
		require.NoError(t, err)
		all = append(all, c, c)
	}
	start := time.Now()
	trust := verify.NewStore(all, nil)
	assert.Less(t, time.Since(start), 10*time.Second)
	assert.Len(t, trust.Certificates(), 60_000)
}

// A chain names its certificates and says which of them are trusted.
func TestReportedChain(t *testing.T) {
	certs := map[string]*verify.Certificate{}
	for name, der := range map[string][]byte{"root": aRoot(), "inter": anIntermediate(), "leaf": under()} {
		var err error
		certs[name], err = verify.ParseCertificate(der)
		require.NoError(t, err)
	}
	root, inter, leaf := certs["root"], certs["inter"], certs["leaf"]
	list := func(c ...*verify.Certificate) []*verify.Certificate { return c }
	r := verify.Verify(leaf, verify.NewStore(list(root), nil), list(root, inter), nil, verify.NewOptions(askedTime))
	require.True(t, r.OK)
	assert.Equal(t, list(leaf, inter, root), r.Chain)
	assert.Equal(t, 2, r.NumUntrusted)

	o := verify.NewOptions(askedTime)
	o.PartialChain = true
	again, err := verify.ParseCertificate(leaf.Raw)
	require.NoError(t, err)
	r = verify.Verify(leaf, verify.NewTrustedList(list(again)), list(inter), nil, o)
	require.True(t, r.OK)
	assert.Equal(t, list(again, inter), r.Chain, "the trusted copy takes the target's place, what was found above stays")
	assert.Equal(t, 0, r.NumUntrusted)

	store := verify.NewStore(list(leaf, again, root), nil)
	assert.Equal(t, list(leaf, root), store.Certificates(), "a certificate is held once")
}

// What an error says beyond its code.
func TestFindingsExplain(t *testing.T) {
	parse := func(der []byte) *verify.Certificate {
		c, err := verify.ParseCertificate(der)
		require.NoError(t, err)
		return c
	}
	first := func(target *verify.Certificate, o verify.Options, anchors ...*verify.Certificate) verify.Finding {
		r := verify.Verify(target, verify.NewStore(anchors, nil), nil, nil, o)
		require.False(t, r.OK)
		require.NotEmpty(t, r.Findings)
		return r.Findings[0]
	}
	o := verify.NewOptions(askedTime)
	f := first(parse(aLeaf(akid(forgeTLV(0x80, []byte{0xab, 1})))), o, parse(aRoot(skid(0xcd, 2))))
	assert.Equal(t, verify.ErrUnableToGetIssuerCertLocally, f.Code)
	assert.Equal(t, verify.Detail{
		What: "issuer", Wanted: "CN=ca",
		Had: []string{"trusted certificate with serial 01: its key identifier is CD:02, wanted is AB:01"},
	}, f.Detail)

	o.Hostname = "b.example"
	f = first(parse(aLeaf(san(dnsName("a.example"), ipName(10, 0, 0, 1)))), o, parse(aRoot()))
	assert.Equal(t, verify.ErrHostnameMismatch, f.Code)
	assert.Equal(t, verify.Detail{What: "host name", Wanted: "b.example", Had: []string{"DNS:a.example", "IP:10.0.0.1"}}, f.Detail)
	f = first(parse(aLeaf()), o, parse(aRoot()))
	assert.Equal(t, []string{"CN=leaf"}, f.Detail.Had, "without a DNS name, the common name counts")

	o.Hostname, o.Time = "", askedTime.AddDate(5, 0, 0)
	f = first(parse(aLeaf()), o, parse(aRoot()))
	assert.Equal(t, verify.ErrCertHasExpired, f.Code)
	assert.Equal(t, verify.Detail{What: "notAfter", Wanted: "2031-06-01T12:00:00Z", Had: []string{"2030-01-01T00:00:00Z"}}, f.Detail)

	constraint := ext("2.5.29.30", true, forgeSeq(forgeTLV(0xa0, forgeSeq(dnsName("b.example")))))
	f = first(parse(aLeaf(san(dnsName("a.example\x1b")))), verify.NewOptions(askedTime), parse(aRoot(constraint)))
	assert.Equal(t, verify.ErrPermittedViolation, f.Code)
	assert.Equal(t, []string{`DNS:a.example\x1b`}, f.Detail.Had, "what a terminal would obey is escaped")
}
