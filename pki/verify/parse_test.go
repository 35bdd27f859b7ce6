package verify_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/pki/verify"
)

// long writes an element's length in more octets than it needs.
func long(element []byte, octets int) []byte {
	body := contents(element)
	out := []byte{element[0], 0x80 | byte(octets+2)}
	out = append(out, make([]byte, octets)...)
	return append(append(out, byte(len(body)>>8), byte(len(body))), body...)
}

// contents is what stands behind tag and length.
func contents(element []byte) []byte {
	switch element[1] {
	case 0x81:
		return element[3:]
	case 0x82:
		return element[4:]
	}
	return element[2:]
}

// endless gives a constructed element an indefinite length.
func endless(tag byte, body []byte) []byte {
	return append(append([]byte{tag, 0x80}, body...), 0, 0)
}

// pieces makes a string of two parts.
func pieces(tag byte, a, b []byte) []byte {
	return forgeTLV(tag|0x20, forgeTLV(tag, a), forgeTLV(tag, b))
}

func attr(id string, value []byte) []byte { return forgeSeq(forgeOID(id), value) }

func subjectOf(attrs ...[]byte) []byte {
	var rdns [][]byte
	for _, a := range attrs {
		rdns = append(rdns, forgeTLV(0x31, a))
	}
	return forgeSeq(rdns...)
}

// What section 4 of RFC 5280's syntax openssl insists on when it reads a certificate, and what it lets pass.
func TestReading(t *testing.T) {
	root := aRoot()
	leaf := parts{exts: [][]byte{notCA}}
	with := func(change func(*parts)) []byte {
		p := leaf
		change(&p)
		return p.make()
	}
	cn := func(tag byte, value ...byte) func(*parts) {
		return func(p *parts) { p.subject = subjectOf(attr("2.5.4.3", forgeTLV(tag, value))) }
	}
	rows := map[string]struct {
		der  []byte
		want string
	}{
		"plain":                     {leaf.make(), "OK"},
		"version 1 with extensions": {with(func(p *parts) { p.version = []byte{} }), "OK"},
		"version 9":                 {with(func(p *parts) { p.version = []byte{0xa0, 3, 2, 1, 8} }), "OK"},
		"negative version":          {with(func(p *parts) { p.version = []byte{0xa0, 3, 2, 1, 0xff} }), "OK"},
		"padded version":            {with(func(p *parts) { p.version = []byte{0xa0, 4, 2, 2, 0, 1} }), "unreadable"},
		"two versions":              {with(func(p *parts) { p.version = []byte{0xa0, 6, 2, 1, 2, 2, 1, 2} }), "unreadable"},
		"negative serial":           {with(func(p *parts) { p.serial = []byte{2, 1, 0x80} }), "OK"},
		"zero serial":               {with(func(p *parts) { p.serial = []byte{2, 1, 0} }), "OK"},
		"long serial":               {with(func(p *parts) { p.serial = forgeTLV(2, bytes.Repeat([]byte{0x41}, 100)) }), "OK"},
		"padded serial":             {with(func(p *parts) { p.serial = []byte{2, 2, 0, 1} }), "unreadable"},
		"padded negative serial":    {with(func(p *parts) { p.serial = []byte{2, 2, 0xff, 0x80} }), "unreadable"},
		"empty serial":              {with(func(p *parts) { p.serial = []byte{2, 0} }), "unreadable"},
		"serial in pieces":          {with(func(p *parts) { p.serial = pieces(2, []byte{1}, []byte{2}) }), "unreadable"},
		"no extensions":             {with(func(p *parts) { p.noExts = true }), "OK"},
		"unique identifiers":        {with(func(p *parts) { p.ids = append(forgeTLV(0x81, []byte{0, 1}), forgeTLV(0x82, []byte{3, 8})...) }), "OK"},
		"odd unique identifier":     {with(func(p *parts) { p.ids = forgeTLV(0x81, []byte{9, 1}) }), "unreadable"},
		"identifiers swapped":       {with(func(p *parts) { p.ids = append(forgeTLV(0x82, []byte{0, 1}), forgeTLV(0x81, []byte{0, 8})...) }), "unreadable"},
		"time of another type":      {with(func(p *parts) { p.from = forgeTLV(0x16, []byte("250101000000Z")) }), "unreadable"},
		"time of nothing":           {with(func(p *parts) { p.from = utcTime("") }), "13@0"},
		"three times":               {with(func(p *parts) { p.to = append(utcTime("300101000000Z"), utcTime("300101000000Z")...) }), "unreadable"},
		"unknown extensions twice":  {with(func(p *parts) { p.exts = [][]byte{notCA, ext("1.2.3", false, nil), ext("1.2.3", false, nil)} }), "OK"},
		"critical false":            {with(func(p *parts) { p.exts = [][]byte{forgeSeq(forgeOID("1.2.3"), []byte{1, 1, 0}, []byte{4, 0})} }), "OK"},
		"critical 1":                {with(func(p *parts) { p.exts = [][]byte{forgeSeq(forgeOID("1.2.3"), []byte{1, 1, 1}, []byte{4, 0})} }), "34@0"},
		"critical of two octets":    {with(func(p *parts) { p.exts = [][]byte{forgeSeq(forgeOID("1.2.3"), []byte{1, 2, 0, 0}, []byte{4, 0})} }), "unreadable"},
		"extension without value":   {with(func(p *parts) { p.exts = [][]byte{forgeSeq(forgeOID("1.2.3"))} }), "unreadable"},
		"extension with more":       {with(func(p *parts) { p.exts = [][]byte{forgeSeq(forgeOID("1.2.3"), []byte{4, 0}, []byte{5, 0})} }), "unreadable"},
		"extension value in pieces": {with(func(p *parts) { p.exts = [][]byte{forgeSeq(forgeOID("2.5.29.19"), pieces(4, []byte{0x30}, []byte{0}))} }), "OK"},
		"padded object identifier":  {with(func(p *parts) { p.exts = [][]byte{forgeSeq([]byte{6, 2, 0x80, 1}, []byte{4, 0})} }), "unreadable"},
		"open object identifier":    {with(func(p *parts) { p.exts = [][]byte{forgeSeq([]byte{6, 2, 1, 0x81}, []byte{4, 0})} }), "unreadable"},
		"empty object identifier":   {with(func(p *parts) { p.exts = [][]byte{forgeSeq([]byte{6, 0}, []byte{4, 0})} }), "unreadable"},

		"inner and outer algorithm differ": {with(func(p *parts) { p.outer = forgedSHA384 }), "7@0"},
		"null beside absent parameters":    {with(func(p *parts) { p.outer = forgeSeq(forgeOID("1.2.840.10045.4.3.2"), []byte{5, 0}) }), "7@0"},
		"parameters of an odd integer":     {with(func(p *parts) { p.outer = forgeSeq(forgeOID("1.2.840.10045.4.3.2"), []byte{2, 2, 0, 1}) }), "unreadable"},
		"parameters of an odd sequence":    {with(func(p *parts) { p.outer = forgeSeq(forgeOID("1.2.840.10045.4.3.2"), []byte{0x30, 2, 2, 0}) }), "7@0"},
		"end of contents for parameters":   {with(func(p *parts) { p.outer = forgeSeq(forgeOID("1.2.840.10045.4.3.2"), []byte{0, 0}) }), "unreadable"},
		"unknown signature algorithm":      {with(func(p *parts) { p.inner, p.outer = forgeSeq(forgeOID("1.2.3")), forgeSeq(forgeOID("1.2.3")) }), "20@0"},

		"unknown key":        {with(func(p *parts) { p.spki = forgeSeq(forgeSeq(forgeOID("1.2.3")), forgeBits(0, 1)) }), "internal"},
		"malformed key":      {with(func(p *parts) { p.spki = forgeSeq(forgeSeq(forgeOID("1.2.840.113549.1.1.1")), forgeBits(0, 1)) }), "internal"},
		"key off the curve":  {with(func(p *parts) { p.spki = slices.Clone(forgeSPKI(leafKey)); p.spki[len(p.spki)-1] ^= 1 }), "internal"},
		"key with more":      {with(func(p *parts) { p.spki = forgeSeq(forgeSPKI(leafKey)[2:], []byte{5, 0}) }), "unreadable"},
		"key as a string":    {with(func(p *parts) { p.spki = forgeSeq(forgeSeq(forgeOID("1.2.3")), []byte{4, 1, 0}) }), "unreadable"},
		"key's header of 5":  {with(func(p *parts) { p.spki = long(forgeSPKI(leafKey), 1) }), "OK"},
		"key's header of 8":  {with(func(p *parts) { p.spki = long(forgeSPKI(leafKey), 4) }), "internal"},
		"key's header of 11": {with(func(p *parts) { p.spki = long(forgeSPKI(leafKey), 7) }), "internal"},
		"endless key":        {with(func(p *parts) { p.spki = endless(0x30, forgeSPKI(leafKey)[2:]) }), "OK"},

		"UTF-8":                 {with(cn(0x0c, []byte("grün")...)), "OK"},
		"broken UTF-8":          {with(cn(0x0c, 'a', 0xff)), "unreadable"},
		"overlong UTF-8":        {with(cn(0x0c, 0xc0, 0x80)), "unreadable"},
		"surrogate in UTF-8":    {with(cn(0x0c, 0xed, 0xa0, 0x80)), "unreadable"},
		"UTF-8 above Unicode":   {with(cn(0x0c, 0xf4, 0x90, 0x80, 0x80)), "unreadable"},
		"odd PrintableString":   {with(cn(0x13, []byte("a_b@c")...)), "OK"},
		"Latin PrintableString": {with(cn(0x13, 0xe9)), "OK"},
		"NumericString":         {with(cn(0x12, []byte("a")...)), "OK"},
		"IA5String":             {with(cn(0x16, 0xe9)), "OK"},
		"T61String":             {with(cn(0x14, 0xe9)), "OK"},
		"BMPString":             {with(cn(0x1e, 0, 'a')), "OK"},
		"BMPString of odd size": {with(cn(0x1e, 0, 'a', 0)), "unreadable"},
		"surrogate BMPString":   {with(cn(0x1e, 0xd8, 0)), "unreadable"},
		"UniversalString":       {with(cn(0x1c, 0, 1, 0xf6, 0)), "OK"},
		"UniversalString of 3":  {with(cn(0x1c, 0, 0, 'a')), "unreadable"},
		"UniversalString high":  {with(cn(0x1c, 0, 0x11, 0, 0)), "unreadable"},
		"VisibleString":         {with(cn(0x1a, 'a')), "unreadable"},
		"GeneralString":         {with(cn(0x1b, 'a')), "unreadable"},
		"OctetString":           {with(cn(4, 'a')), "unreadable"},
		"BitString":             {with(cn(3, 0, 'a')), "OK"},
		"time":                  {with(cn(0x17, []byte("250101000000Z")...)), "unreadable"},
		"integer":               {with(cn(2, 1)), "unreadable"},
		"sequence":              {with(cn(0x30, 5, 0)), "OK"},
		"unknown type":          {with(cn(7, 'a')), "OK"},
		"context-specific type": {with(cn(0x80, 'a')), "unreadable"},
		"empty string":          {with(cn(0x0c)), "OK"},
		"NUL":                   {with(cn(0x0c, 'a', 0, 'b')), "OK"},
		"string in pieces":      {with(func(p *parts) { p.subject = subjectOf(attr("2.5.4.3", pieces(0x0c, []byte("a"), []byte("b")))) }), "OK"},
		"empty name":            {with(func(p *parts) { p.subject = forgeSeq() }), "OK"},
		"empty RDN":             {with(func(p *parts) { p.subject = forgeSeq([]byte{0x31, 0}) }), "OK"},
		"attribute alone":       {with(func(p *parts) { p.subject = forgeSeq(attr("2.5.4.3", []byte{0x0c, 1, 'a'})) }), "unreadable"},
		"attribute with more":   {with(func(p *parts) { p.subject = subjectOf(forgeSeq(forgeOID("2.5.4.3"), []byte{0x0c, 0}, []byte{5, 0})) }), "unreadable"},
		"name of a megabyte":    {with(cn(0x0c, bytes.Repeat([]byte{'a'}, 1<<20)...)), "unreadable"},

		"endless certificate": {with(func(p *parts) { p.certificate = func(body []byte) []byte { return endless(0x30, body) } }), "OK"},
		"endless contents":    {with(func(p *parts) { p.tbs = func(tbs []byte) []byte { return endless(0x30, contents(tbs)) } }), "OK"},
		"overlong contents":   {with(func(p *parts) { p.tbs = func(tbs []byte) []byte { return long(tbs, 3) } }), "OK"},
		"nine length octets":  {with(func(p *parts) { p.tbs = func(tbs []byte) []byte { return long(tbs, 9) } }), "OK"},
		"long tag":            {with(func(p *parts) { p.serial = []byte{0x1f, 2, 1, 5} }), "OK"},
		"more at the end":     {with(func(p *parts) { p.certificate = func(body []byte) []byte { return forgeTLV(0x30, body, []byte{5, 0}) } }), "unreadable"},
		"trailing octets":     {append(leaf.make(), 1, 2, 3), "OK"},
		"truncated":           {leaf.make()[:200], "unreadable"},
		"set for sequence":    {with(func(p *parts) { p.certificate = func(body []byte) []byte { return forgeTLV(0x31, body) } }), "unreadable"},
		"nothing":             {[]byte{0x30, 0}, "unreadable"},
	}
	var list []asked
	for name, row := range rows {
		list = append(list, asked{name: name, ca: [][]byte{root}, target: row.der, want: row.want})
	}
	ask(t, list)
}

// A known extension that is malformed, or there twice, makes a certificate nobody's subject and nobody's issuer.
func TestInvalidCertificates(t *testing.T) {
	rows := map[string]struct {
		exts [][]byte
		want string
	}{
		"basicConstraints garbage":     {[][]byte{ext("2.5.29.19", true, []byte{1, 2, 3})}, "20@0"},
		"basicConstraints twice":       {[][]byte{notCA, notCA}, "20@0"},
		"basicConstraints with more":   {[][]byte{ext("2.5.29.19", true, append(forgeSeq(), 5, 0))}, "OK"},
		"basicConstraints plus inside": {[][]byte{ext("2.5.29.19", true, forgeSeq([]byte{5, 0}))}, "20@0"},
		"negative path length":         {[][]byte{ext("2.5.29.19", true, forgeSeq([]byte{2, 1, 0xff}))}, "20@0"},
		"huge path length":             {[][]byte{ext("2.5.29.19", true, forgeSeq(forgeTLV(2, []byte{1}, make([]byte, 20))))}, "OK"},
		"keyUsage garbage":             {[][]byte{ext("2.5.29.15", true, []byte{4, 1, 0})}, "20@0"},
		"keyUsage of no bit":           {[][]byte{ext("2.5.29.15", true, forgeBits(0, 0))}, "20@0"},
		"keyUsage of nothing":          {[][]byte{ext("2.5.29.15", true, forgeBits(0))}, "20@0"},
		"keyUsage of unused bits":      {[][]byte{ext("2.5.29.15", true, forgeBits(7, 0x7f))}, "20@0"},
		"keyUsage in the third octet":  {[][]byte{ext("2.5.29.15", true, forgeBits(0, 0, 0, 1))}, "20@0"},
		"extKeyUsage empty":            {[][]byte{uses()}, "OK"},
		"extKeyUsage garbage":          {[][]byte{uses([]byte{5, 0})}, "20@0"},
		"nsCertType garbage":           {[][]byte{ext("2.16.840.1.113730.1.1", false, nil)}, "20@0"},
		"nsCertType empty":             {[][]byte{ext("2.16.840.1.113730.1.1", false, forgeBits(0))}, "OK"},
		"subject key garbage":          {[][]byte{ext("2.5.29.14", false, []byte{5, 0})}, "20@0"},
		"authority key garbage":        {[][]byte{akid([]byte{5, 0})}, "20@0"},
		"authority key empty":          {[][]byte{akid()}, "OK"},
		"authority key out of order":   {[][]byte{akid(forgeTLV(0x82, []byte{1}), forgeTLV(0x80, []byte{1}))}, "20@0"},
		"SAN empty":                    {[][]byte{san()}, "OK"},
		"SAN garbage":                  {[][]byte{san([]byte{5, 0})}, "20@0"},
		"SAN of an unknown kind":       {[][]byte{san(forgeTLV(0x89, nil))}, "20@0"},
		"SAN with a bad IP length":     {[][]byte{san(ipName(1, 2, 3))}, "OK"},
		"SAN with a bad URI":           {[][]byte{san(forgeTLV(0x86, []byte(":")))}, "OK"},
		"SAN not in ASCII":             {[][]byte{san(dnsName("grün"))}, "OK"},
		"SAN other name":               {[][]byte{san(forgeTLV(0xa0, forgeOID("1.2.3"), forgeTLV(0xa0, []byte{5, 0})))}, "OK"},
		"SAN other name of nothing":    {[][]byte{san(forgeTLV(0xa0, forgeOID("1.2.3")))}, "20@0"},
		"SAN X.400":                    {[][]byte{san(forgeTLV(0xa3, nil))}, "OK"},
		"SAN X.400 primitive":          {[][]byte{san(forgeTLV(0x83, nil))}, "20@0"},
		"SAN EDI party":                {[][]byte{san(forgeTLV(0xa5, forgeTLV(0xa1, []byte{0x0c, 1, 'a'})))}, "OK"},
		"SAN EDI party, both":          {[][]byte{san(forgeTLV(0xa5, forgeTLV(0xa0, []byte{0x13, 1, 'a'}), forgeTLV(0xa1, []byte{0x0c, 1, 'a'})))}, "OK"},
		"SAN EDI party, one wrong":     {[][]byte{san(forgeTLV(0xa5, forgeTLV(0xa0, []byte{0x13, 1, 'a'})))}, "20@0"},
		"SAN EDI party, other string":  {[][]byte{san(forgeTLV(0xa5, forgeTLV(0xa1, []byte{0x16, 1, 'a'})))}, "20@0"},
		"SAN registered":               {[][]byte{san(forgeTLV(0x88, []byte{1}))}, "OK"},
		"SAN registered, open":         {[][]byte{san(forgeTLV(0x88, []byte{0x81}))}, "20@0"},
		"SAN directory":                {[][]byte{san(forgeDir(forgeCN("a")))}, "OK"},
		"SAN directory, no Unicode":    {[][]byte{san(forgeDir(subjectOf(attr("2.5.4.3", []byte{0x0c, 1, 0xff}))))}, "20@0"},
		"issuerAltName garbage":        {[][]byte{ext("2.5.29.18", false, []byte{1})}, "OK"},
		"name constraints garbage":     {[][]byte{ext("2.5.29.30", true, []byte{5, 0})}, "20@0"},
		"name constraints empty":       {[][]byte{ext("2.5.29.30", true, forgeSeq())}, "OK"},
		"name constraints base gone":   {[][]byte{ext("2.5.29.30", true, forgeSeq(forgeTLV(0xa0, forgeSeq())))}, "20@0"},
		"CRL points garbage":           {[][]byte{ext("2.5.29.31", false, forgeSeq([]byte{5, 0}))}, "20@0"},
		"CRL points empty":             {[][]byte{ext("2.5.29.31", false, forgeSeq())}, "OK"},
		"CRL point of nothing":         {[][]byte{ext("2.5.29.31", false, forgeSeq(forgeSeq()))}, "20@0"},
		"CRL point of reasons":         {[][]byte{ext("2.5.29.31", false, forgeSeq(forgeSeq(forgeTLV(0x81, []byte{0, 1}))))}, "20@0"},
		"CRL point of an issuer":       {[][]byte{ext("2.5.29.31", false, forgeSeq(forgeSeq(forgeTLV(0xa2, forgeDir(forgeCN("a"))))))}, "OK"},
		"CRL point relative":           {[][]byte{ext("2.5.29.31", false, forgeSeq(forgeSeq(forgeTLV(0xa0, forgeTLV(0xa1, forgeAttr("2.5.4.3", "x"))))))}, "OK"},
		"CRL point, two names":         {[][]byte{ext("2.5.29.31", false, forgeSeq(forgeSeq(forgeTLV(0xa0, forgeTLV(0xa0), forgeTLV(0xa0)))))}, "20@0"},
		"policies garbage":             {[][]byte{ext("2.5.29.32", false, []byte{1})}, "OK"},
	}
	var list []asked
	for name, row := range rows {
		list = append(list,
			asked{name: name, ca: [][]byte{aRoot()}, target: parts{exts: row.exts}.make(), want: row.want})
	}
	broken := aRoot(notCA)
	list = append(list,
		asked{name: "invalid issuer", ca: [][]byte{broken}, target: aLeaf(), want: "20@0"},
		asked{name: "invalid anchor", ca: [][]byte{broken}, target: broken, want: "20@0"},
		asked{name: "invalid target that is trusted", args: []string{"-partial_chain"}, ca: [][]byte{broken}, target: broken, want: "OK"},
		asked{name: "with a purpose", args: []string{"-partial_chain", "-purpose", "sslserver"}, ca: [][]byte{broken}, target: broken, want: "OK"},
		asked{name: "with a purpose, strictly", args: []string{"-partial_chain", "-purpose", "sslserver", "-x509_strict"}, ca: [][]byte{broken}, target: broken, want: "26@0"})
	ask(t, list)
}

// What a certificate says of itself.
func TestCertificateFields(t *testing.T) {
	c, err := verify.ParseCertificate(append(parts{serial: []byte{2, 2, 0xff, 0x7f}, from: generalTime("20491231235959Z")}.make(), 9, 9))
	require.NoError(t, err)
	assert.Equal(t, "-129", c.Serial().String())
	assert.Equal(t, 2, c.Version())
	from, ok := c.NotBefore()
	assert.True(t, ok)
	assert.Equal(t, "2049-12-31T23:59:59Z", from.Format("2006-01-02T15:04:05Z07:00"))
	assert.Equal(t, "CN=leaf", c.Subject().String())
	assert.Equal(t, "CN=ca", c.Issuer().String())
	assert.False(t, c.IsCA())
	assert.False(t, c.SelfSigned())
	assert.NotEqual(t, byte(9), c.Raw[len(c.Raw)-1], "what follows the certificate is not part of it")
	root, err := verify.ParseCertificate(aRoot())
	require.NoError(t, err)
	assert.True(t, root.IsCA())
	assert.True(t, root.SelfSigned())
	assert.True(t, root.Equal(root))
	assert.False(t, root.Equal(c))
	odd, err := verify.ParseCertificate(parts{from: utcTime("2501010000Z")}.make())
	require.NoError(t, err)
	_, ok = odd.NotBefore()
	assert.False(t, ok, "without seconds it is no time")
}

// No input makes the reader panic, and what it reads it reads again from the certificate's own octets.
func FuzzParseCertificate(f *testing.F) {
	f.Add(aRoot())
	f.Add(aLeaf(san(dnsName("a"), ipName(1, 2, 3, 4), forgeDir(forgeCN("x"))), akid(forgeTLV(0x80, []byte{1}))))
	f.Add(endless(0x30, contents(aRoot())))
	f.Fuzz(func(t *testing.T, der []byte) {
		defer fuzzbound.Hold(t, len(der))()
		c, err := verify.ParseCertificate(der)
		if err != nil {
			return
		}
		again, err := verify.ParseCertificate(c.Raw)
		require.NoError(t, err)
		require.True(t, c.Equal(again))
		_ = c.Subject().String()
		opts := verify.NewOptions(askedTime)
		opts.Strict, opts.SecLevel, opts.CheckSSSig, opts.Purpose = true, 1, true, verify.PurposeSSLServer
		opts.Hostname, opts.HasEmail = "a.b.c", true
		verify.Verify(c, verify.NewStore([]*verify.Certificate{again}, nil), []*verify.Certificate{again, c}, nil, opts)
		opts.PartialChain = true
		verify.Verify(c, verify.NewTrustedList([]*verify.Certificate{again}), nil, nil, opts)
	})
}
