package verify_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/verify"
)

// Trust settings decide what an anchor is, and stand above its purpose.
func TestTrustSettings(t *testing.T) {
	email, anyUse := forgeOID("1.3.6.1.5.5.7.3.4"), forgeOID("2.5.29.37.0")
	settings := func(cert []byte, fields ...[]byte) []byte {
		return append(append([]byte{}, cert...), forgeSeq(fields...)...)
	}
	trust := func(ids ...[]byte) []byte { return forgeSeq(ids...) }
	reject := func(ids ...[]byte) []byte { return forgeTLV(0xa0, ids...) }
	root, inter := aRoot(), anIntermediate()
	mailRoot := aRoot(uses(email))
	server, client := []string{"-purpose", "sslserver"}, []string{"-purpose", "sslclient"}
	rows := []asked{
		{name: "no settings", args: server, ca: [][]byte{root}, want: "OK"},
		{name: "none in the sequence", args: server, ca: [][]byte{settings(root)}, want: "OK"},
		{name: "trusted for the purpose", args: server, ca: [][]byte{settings(root, trust(serverUse))}, want: "OK"},
		{name: "trusted for another", args: client, ca: [][]byte{settings(root, trust(serverUse))}, want: "28@1"},
		{name: "trusted for any", args: client, ca: [][]byte{settings(root, trust(anyUse))}, want: "OK"},
		{name: "trusted for nothing", args: client, ca: [][]byte{settings(root, trust())}, want: "28@1"},
		{name: "rejected for the purpose", args: server, ca: [][]byte{settings(root, reject(serverUse))}, want: "28@1"},
		{name: "rejected for another", args: client, ca: [][]byte{settings(root, reject(serverUse))}, want: "OK"},
		{name: "rejected for any", args: client, ca: [][]byte{settings(root, reject(anyUse))}, want: "28@1"},
		{name: "rejected and trusted", args: server, ca: [][]byte{settings(root, trust(serverUse), reject(serverUse))}, want: "28@1"},
		{name: "without purpose, trusted for one", ca: [][]byte{settings(root, trust(serverUse))}, want: "28@1"},
		{name: "without purpose, rejected for one", ca: [][]byte{settings(root, reject(serverUse))}, want: "OK"},
		{name: "without purpose, trusted for any", ca: [][]byte{settings(root, trust(anyUse))}, want: "OK"},
		{name: "crlsign asks for no settings, but the target signs no CRLs", args: []string{"-purpose", "crlsign"}, ca: [][]byte{settings(root, reject(anyUse))}, want: "26@0"},
		{name: "profile before purpose", args: []string{"-verify_name", "ssl_client", "-purpose", "any"}, ca: [][]byte{settings(root, trust(serverUse))}, want: "28@1"},
		{name: "settings replace the anchor's uses", args: server, ca: [][]byte{settings(mailRoot, trust(serverUse))}, want: "OK"},
		{name: "without them they count", args: server, ca: [][]byte{mailRoot}, want: "26@1"},
		{name: "first of two equal ones counts", args: client, ca: [][]byte{settings(root, trust(clientUse)), settings(root, trust(serverUse))}, want: "OK"},
		{name: "alias, key and others", args: server, ca: [][]byte{settings(root, trust(serverUse), forgeTLV(0x0c, []byte("x")), forgeTLV(4, []byte{1}), forgeTLV(0xa1, forgeSeq(serverUse)))}, want: "OK"},
	}
	for i := range rows {
		rows[i].label, rows[i].target = "TRUSTED CERTIFICATE", aLeaf()
		same := rows[i]
		same.name += ", as a list"
		same.trusted, same.ca = same.ca, nil
		rows = append(rows, same)
	}
	expired := parts{subject: forgeCN("inter"), spki: forgeSPKI(interKey), to: utcTime("260101000000Z"), exts: [][]byte{isCA}}.make()
	rows = append(rows,
		asked{name: "trusted intermediate is an anchor", args: server, label: "TRUSTED CERTIFICATE", ca: [][]byte{settings(inter, trust(serverUse))}, target: under(), want: "OK"},
		asked{name: "and its time does not count", args: server, label: "TRUSTED CERTIFICATE", ca: [][]byte{settings(expired, trust(serverUse))}, target: under(), want: "OK"},
		asked{name: "but with partial chains it does", args: append([]string{"-partial_chain"}, server...), label: "TRUSTED CERTIFICATE", ca: [][]byte{settings(expired, trust(serverUse))}, target: under(), want: "10@1"},
		asked{name: "rejected intermediate below a root", args: server, label: "TRUSTED CERTIFICATE", ca: [][]byte{settings(inter, reject(serverUse)), root}, target: under(), want: "28@1"},
		asked{name: "rejected target", args: append([]string{"-partial_chain"}, server...), label: "TRUSTED CERTIFICATE", ca: [][]byte{settings(under(), reject(serverUse))}, target: under(), want: "28@0"},
	)
	rows[len(rows)-1].ca[0] = settings(rows[len(rows)-1].target, reject(serverUse))
	ask(t, rows)

	for name, aux := range map[string][]byte{
		"no sequence": {5, 0}, "object identifier": settings(nil, trust([]byte{5, 0})), "alias": settings(nil, []byte{0x0c, 5}),
		"too much": settings(nil, []byte{5, 0}), "others": settings(nil, forgeTLV(0xa1, []byte{5, 0})),
	} {
		_, err := verify.ParseTrustedCertificate(append(aRoot(), aux...))
		assert.EqualError(t, err, "malformed trust settings after the certificate", name)
	}
}

// What may be a CA, below the top and at the top.
func TestAuthorities(t *testing.T) {
	v1 := func(p parts) parts { p.version, p.noExts = []byte{}, true; return p }
	rootParts := parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey)}
	interParts := parts{subject: forgeCN("inter"), spki: forgeSPKI(interKey)}
	with := func(p parts, exts ...[]byte) []byte { p.exts = exts; return p.make() }
	certSign := ext("2.5.29.15", true, forgeBits(2, 4))
	netscape := func(bits byte) []byte { return ext("2.16.840.1.113730.1.1", false, forgeBits(0, bits)) }
	var list []asked
	for _, row := range []struct {
		name         string
		root         []byte
		want, strict string
	}{
		{"cA", with(rootParts, isCA), "OK", "92@1 86@1"},
		{"not cA", with(rootParts, notCA), "79@1", "79@1"},
		{"cA without keyCertSign", with(rootParts, isCA, leafUse), "79@1 32@1", ""},
		{"version 1", v1(rootParts).make(), "OK", "79@1"},
		{"only keyCertSign", with(rootParts, certSign), "OK", "79@1 82@1"},
		{"no extension", with(rootParts), "79@1", "79@1"},
		{"Netscape's CA", with(rootParts, netscape(1)), "OK", "79@1"},
		{"Netscape's server", with(rootParts, netscape(0x40)), "79@1", "79@1"},
	} {
		list = append(list, asked{name: "root: " + row.name, ca: [][]byte{row.root}, target: aLeaf(), want: row.want})
		if row.strict != "" {
			list = append(list, asked{name: "strict root: " + row.name, args: []string{"-x509_strict"}, ca: [][]byte{row.root},
				target: aLeaf(akid(forgeTLV(0x80, []byte{1}))), want: row.strict})
		}
	}
	for name, row := range map[string]struct {
		inter []byte
		want  string
	}{
		"cA": {with(interParts, isCA), "OK"}, "version 1": {v1(interParts).make(), "79@1"},
		"only keyCertSign": {with(interParts, certSign), "79@1"}, "Netscape's CA": {with(interParts, netscape(7)), "79@1"},
		"not cA": {with(interParts, notCA), "79@1"},
	} {
		list = append(list, asked{name: "intermediate: " + name, ca: [][]byte{aRoot()}, untrusted: [][]byte{row.inter}, target: under(), want: row.want})
	}
	unknown := ext("1.2.3", true, nil)
	pathLen := ext("2.5.29.19", true, forgeSeq([]byte{1, 1, 0xff}, []byte{2, 1, 0}))
	selfIssued := parts{issuer: forgeCN("ca"), subject: forgeCN("ca"), serial: []byte{2, 1, 7}, spki: forgeSPKI(interKey), exts: [][]byte{isCA, akid(forgeTLV(0x80, []byte{5})), skid(6)}}.make()
	bySelfIssued := parts{issuer: forgeCN("ca"), by: interKey, exts: [][]byte{notCA, akid(forgeTLV(0x80, []byte{6}))}}.make()
	list = append(list,
		asked{name: "unknown critical extension", ca: [][]byte{aRoot()}, target: aLeaf(unknown), want: "34@0"},
		asked{name: "in the anchor, too", ca: [][]byte{aRoot(unknown)}, target: aLeaf(unknown), want: "34@0 34@1"},
		asked{name: "ignored", args: []string{"-ignore_critical"}, ca: [][]byte{aRoot(unknown)}, target: aLeaf(unknown), want: "OK"},
		asked{name: "critical key identifiers", ca: [][]byte{aRoot()}, target: aLeaf(ext("2.5.29.14", true, []byte{4, 1, 1})), want: "34@0"},
		asked{name: "critical issuerAltName", ca: [][]byte{aRoot()}, target: aLeaf(ext("2.5.29.18", true, forgeSeq())), want: "34@0"},
		asked{name: "critical OCSP no check", ca: [][]byte{aRoot()}, target: aLeaf(ext("1.3.6.1.5.5.7.48.1.5", true, []byte{5, 0})), want: "OK"},
		asked{name: "self-issued ones do not count for a path length", ca: [][]byte{parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), exts: [][]byte{pathLen, skid(5)}}.make()},
			untrusted: [][]byte{selfIssued}, target: bySelfIssued, want: "OK"},
		asked{name: "path length of an end entity", ca: [][]byte{aRoot()}, untrusted: [][]byte{anIntermediate()}, target: under(ext("2.5.29.15", false, forgeBits(0, 0x80))), want: "OK"},
		asked{name: "undecodable key below an untrusted issuer", ca: [][]byte{aRoot()}, untrusted: [][]byte{anIntermediate()},
			target: parts{issuer: forgeCN("inter"), by: interKey, spki: forgeSeq(forgeSeq(forgeOID("1.2.3")), forgeBits(0, 1)), exts: [][]byte{notCA}}.make(), want: "1@0"},
	)
	ask(t, list)
}

// Every purpose, against key usages, extended key usages and Netscape's types, as an end entity and as a CA.
func TestPurposes(t *testing.T) {
	use := func(id string) []byte { return uses(forgeOID(id)) }
	usage := func(bits ...byte) []byte { return ext("2.5.29.15", true, forgeBits(0, bits...)) }
	netscape := func(bits byte) []byte { return ext("2.16.840.1.113730.1.1", false, forgeBits(0, bits)) }
	stamping := ext("2.5.29.37", true, forgeSeq(forgeOID("1.3.6.1.5.5.7.3.8")))
	exts := map[string][][]byte{
		"plain": nil, "serverAuth": {use("1.3.6.1.5.5.7.3.1")}, "clientAuth": {use("1.3.6.1.5.5.7.3.2")},
		"email": {use("1.3.6.1.5.5.7.3.4")}, "anyUse": {use("2.5.29.37.0")}, "unknown use": {use("1.2.3")}, "no use": {uses()},
		"msSGC": {use("1.3.6.1.4.1.311.10.3.3")}, "nsSGC": {use("2.16.840.1.113730.4.1")},
		"stamping": {stamping}, "stamping, signing": {stamping, usage(0xc0)}, "stamping, enciphering": {stamping, usage(0xa0)},
		"stamping not critical": {use("1.3.6.1.5.5.7.3.8")},
		"stamping and unknown":  {ext("2.5.29.37", true, forgeSeq(forgeOID("1.3.6.1.5.5.7.3.8"), forgeOID("1.2.3")))},
		"signature":             {usage(0x80)}, "nonRepudiation": {usage(0x40)}, "keyEncipherment": {usage(0x20)}, "keyAgreement": {usage(0x08)},
		"cRLSign": {usage(0x02)}, "decipherOnly": {usage(0, 0x80)},
		"ns client": {netscape(0x80)}, "ns server": {netscape(0x40)}, "ns mail": {netscape(0x20)}, "ns CA": {netscape(0x07)},
		"ns mail CA": {netscape(2)}, "ns SSL CA": {netscape(4)}, "ns object CA": {netscape(1)},
	}
	wants := map[string]string{
		"sslserver serverAuth target": "OK", "sslserver clientAuth target": "26@0", "sslserver anyUse target": "26@0",
		"sslserver no use target": "26@0", "sslclient keyEncipherment target": "26@0", "nssslserver signature target": "26@0",
		"smimesign ns client target": "OK", "crlsign cRLSign target": "OK", "timestampsign stamping target": "OK",
		"timestampsign stamping not critical target": "26@0", "any no use target": "OK", "sslserver email anchor": "26@1",
		"sslclient serverAuth anchor": "26@1", "timestampsign email anchor": "26@0", "sslserver ns mail CA root": "26@1",
		"smimesign ns SSL CA root": "26@1", "smimeencrypt ns mail CA root": "OK",
	}
	var list []asked
	asking := 0
	for _, purpose := range verify.PurposeNames() {
		for name, e := range exts {
			plain := []asked{
				{name: "target", ca: [][]byte{aRoot()}, target: parts{exts: e}.make()},
				{name: "anchor", ca: [][]byte{parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), exts: append([][]byte{isCA}, e...)}.make()}, target: purposeLeaf},
				{name: "root", ca: [][]byte{parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), exts: append([][]byte{}, e...)}.make()}, target: purposeLeaf},
			}
			for _, a := range plain {
				a.name = fmt.Sprintf("%s %s %s", purpose, name, a.name)
				a.args = []string{"-purpose", purpose}
				want, ok := wants[a.name]
				if !ok {
					want = a.ours(t) // openssl alone knows
				} else {
					asking++
				}
				a.want = want
				list = append(list, a)
				a.args, a.name = append(a.args, "-x509_strict"), a.name+" strict"
				a.want = a.ours(t)
				list = append(list, a)
			}
		}
	}
	require.Equal(t, len(wants), asking)
	sampled(t, list, func(a asked) bool { _, ok := wants[a.name]; return ok })
}

// purposeLeaf serves every purpose but time stamping.
var purposeLeaf = parts{exts: [][]byte{
	ext("2.5.29.15", true, forgeBits(0, 0xea)),
}}.make()

// The checks of -x509_strict, in their order.
func TestStrict(t *testing.T) {
	id := skid(1)
	of := akid(forgeTLV(0x80, []byte{1}))
	root := aRoot(id)
	noSubject := func(exts ...[]byte) []byte { return parts{subject: forgeSeq(), exts: append(exts, of)}.make() }
	pathLen := func(ca []byte, critical bool) []byte {
		return ext("2.5.29.19", critical, forgeSeq(ca, []byte{2, 1, 3}))
	}
	yes := []byte{1, 1, 0xff}
	rootWith := func(exts ...[]byte) []byte {
		return parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), exts: exts}.make()
	}
	good := aLeaf(of)
	list := []asked{
		{name: "good", ca: [][]byte{root}, target: good, want: "OK"},
		{name: "alone", ca: [][]byte{rootWith(pathLen(nil, false))}, want: "OK"},
		{name: "path length of a non-CA", ca: [][]byte{root}, target: parts{exts: [][]byte{pathLen(nil, true), of}}.make(), want: "80@0 81@0"},
		{name: "path length without usage", ca: [][]byte{rootWith(pathLen(yes, true), id)}, target: good, want: "81@1 92@1"},
		{name: "basicConstraints not critical", ca: [][]byte{rootWith(pathLen(yes, false), caUse, id)}, target: good, want: "89@1"},
		{name: "keyCertSign of a non-CA", ca: [][]byte{root}, target: parts{exts: [][]byte{notCA, caUse, of}}.make(), want: "82@0"},
		{name: "no subject", ca: [][]byte{root}, target: noSubject(), want: "84@0"},
		{name: "no subject but names", ca: [][]byte{root}, target: noSubject(san(dnsName("a"))), want: "88@0"},
		{name: "critical names", ca: [][]byte{root}, target: noSubject(ext("2.5.29.17", true, forgeSeq(dnsName("a")))), want: "OK"},
		{name: "critical names behind an unknown one", args: []string{"-ignore_critical"}, ca: [][]byte{root},
			target: noSubject(ext("1.2.3", true, nil), ext("2.5.29.17", true, forgeSeq(dnsName("a")))), want: "88@0"},
		{name: "no subject, signs CRLs", ca: [][]byte{root}, target: noSubject(ext("2.5.29.15", true, forgeBits(1, 2)), ext("2.5.29.17", true, forgeSeq(dnsName("a")))), want: "84@0"},
		{name: "empty names", ca: [][]byte{root}, target: aLeaf(of, san()), want: "87@0"},
		{name: "algorithms differ", ca: [][]byte{root}, target: parts{outer: forgedSHA384, exts: [][]byte{of}}.make(), want: "78@0 7@0"},
		{name: "no authority key", ca: [][]byte{root}, target: aLeaf(), want: "85@0"},
		{name: "authority key of a serial", ca: [][]byte{root}, target: aLeaf(akid(forgeTLV(0x82, []byte{1}))), want: "85@0"},
		{name: "CA without subject key", ca: [][]byte{aRoot()}, target: good, want: "86@1"},
		{name: "version 1", ca: [][]byte{root}, target: parts{version: []byte{}, exts: [][]byte{of}}.make(), want: "93@0"},
		{name: "version 1 without extensions", ca: [][]byte{root}, target: parts{version: []byte{}, noExts: true}.make(), want: "OK"},
		{name: "no issuer", ca: [][]byte{parts{issuer: forgeSeq(), subject: forgeSeq(), spki: forgeSPKI(caKey), exts: [][]byte{isCA, caUse, id}}.make()},
			target: parts{issuer: forgeSeq(), exts: [][]byte{of}}.make(), want: "83@0 83@1 84@1"},
	}
	for i := range list {
		if list[i].target == nil {
			list[i].target = list[i].ca[0]
		}
		list[i].args = append(list[i].args, "-x509_strict")
	}
	ask(t, list)
}

// The first error printed is not the worst: openssl's order of checks shows.
func TestOrder(t *testing.T) {
	expiredRoot := parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), to: utcTime("260101000000Z"), exts: [][]byte{isCA}}.make()
	host := []string{"-verify_hostname", "x.example.com"}
	purpose := []string{"-purpose", "sslclient"}
	leaf := aLeaf(uses(serverUse), ext("1.2.3", true, nil))
	broken := parts{exts: [][]byte{notCA}, to: utcTime("260101000000Z"), tamper: func(s []byte) []byte { s[len(s)-1] ^= 1; return s }}.make()
	ask(t, []asked{
		{name: "host before the anchor's time", args: host, ca: [][]byte{expiredRoot}, target: aLeaf(), want: "62@0"},
		{name: "extensions before it", args: append(purpose, host...), ca: [][]byte{expiredRoot}, target: leaf, want: "34@0 26@0 62@0"},
		{name: "time last", args: purpose, ca: [][]byte{expiredRoot}, target: leaf, want: "34@0 26@0 10@1"},
		{name: "self-signed, and all the rest", args: append(purpose, "-attime", "1"), target: parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), exts: [][]byte{uses(serverUse)}}.make(), ca: [][]byte{aLeaf()}, want: "18@0 26@0 9@0"},
		{name: "signature before time", ca: [][]byte{aRoot()}, target: broken, want: "7@0"},
		{name: "weak key first", args: append([]string{"-auth_level", "5"}, host...), ca: [][]byte{expiredRoot}, target: leaf, want: "66@0"},
	})
}

// Validity is from notBefore on and before notAfter, in the one form of RFC 5280.
func TestTimes(t *testing.T) {
	at := func(s string) []string {
		moment, err := time.Parse("20060102150405", s)
		require.NoError(t, err)
		return []string{"-attime", fmt.Sprint(moment.Unix())}
	}
	root := parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), from: generalTime("00000101000000Z"), to: generalTime("99991231235959Z"), exts: [][]byte{isCA}}.make()
	var list []asked
	for name, row := range map[string]struct {
		from, to []byte
		at, want string
	}{
		"first second":        {utcTime("250101000000Z"), nil, "20250101000000", "OK"},
		"the one before":      {utcTime("250101000000Z"), nil, "20241231235959", "9@0"},
		"last second":         {nil, utcTime("260101000000Z"), "20251231235959", "OK"},
		"notAfter itself":     {nil, utcTime("260101000000Z"), "20260101000000", "10@0"},
		"1950":                {utcTime("500101000000Z"), nil, "19500101000000", "OK"},
		"2049":                {nil, utcTime("491231235959Z"), "20491231235958", "OK"},
		"general before 2050": {generalTime("20250101000000Z"), nil, "20250101000000", "OK"},
		"leap day":            {utcTime("240229000000Z"), nil, "20250101000000", "OK"},
		"no leap day":         {utcTime("250229000000Z"), nil, "20250301000000", "13@0"},
		"1900 has none":       {generalTime("19000229000000Z"), nil, "20250101000000", "13@0"},
		"2000 has one":        {generalTime("20000229000000Z"), nil, "20250101000000", "OK"},
		"31 April":            {utcTime("240431000000Z"), nil, "20250101000000", "13@0"},
		"month 13":            {utcTime("241301000000Z"), nil, "20250101000000", "13@0"},
		"month 0":             {utcTime("240001000000Z"), nil, "20250101000000", "13@0"},
		"day 0":               {utcTime("240100000000Z"), nil, "20250101000000", "13@0"},
		"hour 24":             {utcTime("240101240000Z"), nil, "20250101000000", "13@0"},
		"second 60":           {utcTime("240101000060Z"), nil, "20250101000000", "13@0"},
		"no seconds":          {utcTime("2401010000Z"), nil, "20250101000000", "13@0"},
		"offset":              {utcTime("240101000000+0000"), nil, "20250101000000", "13@0"},
		"no zone":             {utcTime("240101000000"), nil, "20250101000000", "13@0"},
		"small z":             {utcTime("240101000000z"), nil, "20250101000000", "13@0"},
		"a blank":             {utcTime("24010100000 Z"), nil, "20250101000000", "13@0"},
		"fraction":            {nil, generalTime("20300101000000.5Z"), "20250101000000", "14@0"},
		"short general":       {nil, generalTime("300101000000Z"), "20250101000000", "14@0"},
		"in pieces":           {nil, pieces(0x17, []byte("300101"), []byte("000000Z")), "20250101000000", "OK"},
	} {
		list = append(list, asked{name: name, args: at(row.at), ca: [][]byte{root}, target: parts{from: row.from, to: row.to, exts: [][]byte{notCA}}.make(), want: row.want})
	}
	leaf := parts{from: generalTime("00000101000000Z"), to: generalTime("99991231235959Z")}.make()
	for seconds, want := range map[string]string{
		"-62167219200": "OK", "-62167219201": "13@1", "253402300798": "OK", "253402300799": "10@1 10@0", "253402300800": "13@1", "-1": "OK", "0": "OK",
	} {
		list = append(list, asked{name: "at " + seconds, args: []string{"-attime", seconds}, ca: [][]byte{root}, target: leaf, want: want})
	}
	list = append(list,
		asked{name: "no check", args: []string{"-no_check_time"}, ca: [][]byte{root}, target: parts{from: utcTime("x"), to: utcTime("")}.make(), want: "OK"},
		asked{name: "anchor's own time", ca: [][]byte{parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), to: utcTime("260101000000Z"), exts: [][]byte{isCA}}.make()}, target: aLeaf(), want: "10@1"},
	)
	ask(t, list)
}

// Of issuers none of which is valid now the last to expire is taken, and there times are read more
// freely: an odd one that was read and found later shows by error 14 instead of 10.
func TestLastToExpire(t *testing.T) {
	issuer := func(serial byte, to []byte) []byte {
		return parts{subject: forgeCN("ca"), serial: []byte{2, 1, serial}, spki: forgeSPKI(caKey), to: to, exts: [][]byte{isCA}}.make()
	}
	var list []asked
	for name, row := range map[string]struct{ plain, odd, want string }{
		"fraction":                 {"20000101000000Z", "20010101000000.5Z", "14@1"},
		"fraction without a digit": {"20000101000000Z", "20010101000000.Z", "10@1"},
		"no seconds":               {"20000101000000Z", "200101010000Z", "14@1"},
		"no minutes":               {"20000101000000Z", "2001010100Z", "10@1"},
		"offset":                   {"20000101000000Z", "20000101000000-0001", "14@1"},
		"offset back":              {"20000101000000Z", "20000101000000+0001", "10@1"},
		"offset of hours":          {"20000101000000Z", "20010101000000+01", "10@1"},
		"offset of 13 hours":       {"20000101000000Z", "20010101000000-1300", "10@1"},
		"moved from 1899":          {"18981231000000Z", "18991231235959-0100", "14@1"},
		"moved to 1899":            {"18981231000000Z", "19000101000000+0100", "10@1"},
		"moved by nothing in 1899": {"18981231000000Z", "18991231000000+0000", "14@1"},
		"moved beyond 9999":        {"20000101000000Z", "99991231235959-0100", "10@1"},
	} {
		a, b := issuer(1, generalTime(row.plain)), issuer(2, generalTime(row.odd))
		list = append(list, asked{name: name, ca: [][]byte{a, b}, target: aLeaf(), want: row.want})
	}
	ask(t, list)
}
