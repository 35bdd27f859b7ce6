package verify_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pkitool/pkitool/internal/openssltest"
	"github.com/pkitool/pkitool/pki/verify"
)

// The host name, against DNS names and, where there is none, common names.
func TestHostname(t *testing.T) {
	names := func(list ...string) [][]byte {
		var out [][]byte
		for _, n := range list {
			out = append(out, dnsName(n))
		}
		return out
	}
	var list []asked
	for _, row := range []struct {
		host  string
		names []string
		ok    bool
	}{
		{"a.example.com", []string{"a.example.com"}, true},
		{"A.eXample.COM", []string{"a.EXAMPLE.com"}, true},
		{"a.example.com", []string{"b.example.com", "a.example.com"}, true},
		{"a.example.com", []string{"a.example.com."}, false},
		{"a.example.com.", []string{"a.example.com"}, false},
		{"a.example.com.", []string{"a.example.com."}, true},
		{"a_b", []string{"a_b"}, true},
		{"10.0.0.1", []string{"10.0.0.1"}, true},
		{"a.example.com", []string{"*.example.com"}, true},
		{"example.com", []string{"*.example.com"}, false},
		{".example.com", []string{"*.example.com"}, true},
		{"a.b.example.com", []string{"*.example.com"}, false},
		{"a.b.example.com", []string{"*.b.example.com"}, true},
		{"*.example.com", []string{"*.example.com"}, true},
		{"example.com", []string{"*.com"}, false},
		{"*.com", []string{"*.com"}, true},
		{"www.a.com", []string{"w*.a.com"}, true},
		{"w.a.com", []string{"w*.a.com"}, true},
		{"vw.a.com", []string{"*w.a.com"}, true},
		{"foo.a.com", []string{"f*o.a.com"}, false},
		{"f*o.a.com", []string{"f*o.a.com"}, true},
		{"a.b.com", []string{"**.b.com"}, false},
		{"a.b.example.com", []string{"a.*.example.com"}, false},
		{"a.b.c.com", []string{"*.*.c.com"}, false},
		{"xn--a.example.com", []string{"*.example.com"}, true},
		{"xn--a.example.com", []string{"x*.example.com"}, false},
		{"axn--b.example.com", []string{"a*.example.com"}, true},
		{"xn--ab.example.com", []string{"xn--a*.example.com"}, false},
		{"xn--a*.example.com", []string{"xn--a*.example.com"}, true},
		{"a_b.example.com", []string{"*.example.com"}, false},
		{"a-b.example.com", []string{"*.example.com"}, true},
		{"a.exa_mple.com", []string{"*.exa_mple.com"}, false},
		{"a.-b.com", []string{"*.-b.com"}, false},
		{"a.b-.com", []string{"*.b-.com"}, false},
		{"a.b..com", []string{"*.b..com"}, false},
		{"a.b.com.", []string{"*.b.com."}, false},
		{"a-.b.com", []string{"a-*.b.com"}, false},
		{"a.b.com", []string{"a*.b.com"}, true},
		{"ab.b.com", []string{"*.b.com"}, true},
		{".example.com", []string{"a.b.example.com"}, true},
		{".example.com", []string{"example.com"}, false},
		{".example.com", []string{".example.com"}, true},
		{".com", []string{"example.com"}, true},
		{".", []string{"."}, true},
		{".example.com", []string{"x\x00y.example.com"}, false},
		{"a", []string{"a\x00"}, false},
		{"a.example.com", []string{"\x00*.example.com"}, false},
		{"a.example.com", []string{""}, false},
	} {
		want := "62@0"
		if row.ok {
			want = "OK"
		}
		args := []string{"-verify_hostname", row.host}
		list = append(list, asked{name: row.host + " in SAN " + row.names[0], args: args, ca: [][]byte{aRoot()}, target: aLeaf(san(names(row.names...)...)), want: want})
		if len(row.names) == 1 {
			list = append(list, asked{name: row.host + " in CN " + row.names[0], args: args, ca: [][]byte{aRoot()},
				target: parts{subject: forgeCN("other", row.names[0]), exts: [][]byte{notCA, san(mailName("a@b"))}}.make(), want: want})
		}
	}
	host := []string{"-verify_hostname", "a.example.com"}
	ca := [][]byte{aRoot()}
	inCN := func(cn []byte, exts ...[]byte) []byte {
		return parts{subject: subjectOf(attr("2.5.4.3", cn)), exts: exts}.make()
	}
	subjectOnly := func(attrs ...[]byte) []byte { return parts{subject: subjectOf(attrs...)}.make() }
	bits, right := attr("2.5.4.3", forgeTLV(3, []byte("\x00a"))), forgeAttr("2.5.4.3", "a.example.com")
	list = append(list,
		asked{name: "no check", args: []string{"-verify_hostname", ""}, ca: ca, target: aLeaf(), want: "OK"},
		asked{name: "CN does not count beside a DNS name", args: host, ca: ca, target: inCN(forgeTLV(0x0c, []byte("a.example.com")), san(dnsName("b"))), want: "62@0"},
		asked{name: "CN in BMP", args: []string{"-verify_hostname", "ab"}, ca: ca, target: inCN(forgeTLV(0x1e, []byte("\x00a\x00b"))), want: "OK"},
		asked{name: "CN as bits in front", args: host, ca: ca, target: subjectOnly(bits, right), want: "62@0"},
		asked{name: "CN as bits behind", args: host, ca: ca, target: subjectOnly(right, bits), want: "OK"},
		asked{name: "CN of no bits in front", args: host, ca: ca, target: subjectOnly(attr("2.5.4.3", forgeTLV(3, []byte{0})), right), want: "OK"},
		asked{name: "CN as a sequence in front", args: host, ca: ca, target: subjectOnly(attr("2.5.4.3", forgeSeq()), right), want: "62@0"},
		asked{name: "CN as bits", args: []string{"-verify_hostname", "a"}, ca: ca, target: inCN(forgeTLV(3, []byte("\x00a"))), want: "62@0"},
		asked{name: "empty SAN", args: host, ca: ca, target: inCN(forgeTLV(0x0c, []byte("a.example.com")), san()), want: "OK"},
		asked{name: "no subject", args: host, ca: ca, target: parts{subject: forgeSeq()}.make(), want: "62@0"},
	)
	ask(t, list)
}

// The mailbox, against rfc822Names and SmtpUTF8Mailboxes and, where there is none, the subject's addresses.
func TestEmail(t *testing.T) {
	utf8Mailbox := func(tag byte, s string) []byte {
		return forgeTLV(0xa0, forgeOID("1.3.6.1.5.5.7.8.9"), forgeTLV(0xa0, forgeTLV(tag, []byte(s))))
	}
	inSubject := func(s string, exts ...[]byte) []byte {
		return parts{subject: subjectOf(attr("1.2.840.113549.1.9.1", forgeTLV(0x16, []byte(s)))), exts: exts}.make()
	}
	var list []asked
	for name, row := range map[string]struct {
		email  string
		target []byte
		want   string
	}{
		"same":                     {"a@b.c", aLeaf(san(mailName("a@b.c"))), "OK"},
		"domain's case":            {"a@B.c", aLeaf(san(mailName("a@b.C"))), "OK"},
		"local part's case":        {"A@b.c", aLeaf(san(mailName("a@b.c"))), "63@0"},
		"last at":                  {"a@X@b.c", aLeaf(san(mailName("a@x@b.c"))), "63@0"},
		"no at":                    {"abc", aLeaf(san(mailName("abc"))), "OK"},
		"no at, case":              {"abC", aLeaf(san(mailName("abc"))), "63@0"},
		"at first":                 {"@B", aLeaf(san(mailName("@b"))), "63@0"},
		"at first, same":           {"@b", aLeaf(san(mailName("@b"))), "OK"},
		"other length":             {"a@b.c", aLeaf(san(mailName("a@b.cc"))), "63@0"},
		"second":                   {"a@b.c", aLeaf(san(mailName("x@b.c"), mailName("a@b.c"))), "OK"},
		"DNS name only":            {"a@b.c", aLeaf(san(dnsName("a@b.c"))), "63@0"},
		"subject":                  {"a@b.c", inSubject("a@b.c"), "OK"},
		"subject beside DNS names": {"a@b.c", inSubject("a@b.c", san(dnsName("x"))), "OK"},
		"subject beside mailboxes": {"a@b.c", inSubject("a@b.c", san(mailName("x@b.c"))), "63@0"},
		"empty":                    {"", inSubject("a@b.c", san(mailName("x@b.c"))), "63@0"},
		"empty and an empty name":  {"", aLeaf(san(mailName(""))), "63@0"},
		"NUL":                      {"a@b", aLeaf(san(mailName("a@b\x00"))), "63@0"},
		"UTF-8 mailbox":            {"grün@b.c", aLeaf(san(utf8Mailbox(0x0c, "grün@b.c"))), "OK"},
		"UTF-8 mailbox as IA5":     {"a@b.c", aLeaf(san(utf8Mailbox(0x16, "a@b.c"))), "63@0"},
		"UTF-8 mailbox hides":      {"a@b.c", inSubject("a@b.c", san(utf8Mailbox(0x0c, "x@b.c"))), "63@0"},
		"one as IA5 does not":      {"a@b.c", inSubject("a@b.c", san(utf8Mailbox(0x16, "x@b.c"))), "OK"},
		"broken one hides":         {"a@b.c", inSubject("a@b.c", san(utf8Mailbox(0x0c, "\xff"))), "63@0"},
		"Latin-1 in IA5":           {"é@b.c", aLeaf(san(mailName("\xe9@b.c"))), "63@0"},
		"Latin-1 behind UTF-8":     {"é@b.c", aLeaf(san(utf8Mailbox(0x0c, "x@y"), mailName("\xe9@b.c"))), "OK"},
		"Latin-1 behind nothing":   {"é@b.c", aLeaf(san(utf8Mailbox(0x0c, ""), mailName("\xe9@b.c"))), "OK"},
		"octets behind UTF-8":      {"\xe9@b.c", aLeaf(san(utf8Mailbox(0x0c, "x@y"), mailName("\xe9@b.c"))), "63@0"},
		"octets before UTF-8":      {"\xe9@b.c", aLeaf(san(mailName("\xe9@b.c"), utf8Mailbox(0x0c, "x@y"))), "OK"},
		"subject, bits in front":   {"a@b.c", parts{subject: subjectOf(attr("1.2.840.113549.1.9.1", forgeTLV(3, []byte("\x00a"))), attr("1.2.840.113549.1.9.1", forgeTLV(0x16, []byte("a@b.c"))))}.make(), "63@0"},
		"broken UTF-8 mailbox":     {"a@b.c", aLeaf(san(utf8Mailbox(0x0c, "\xff"), mailName("a@b.c"))), "63@0"},
	} {
		list = append(list, asked{name: name, args: []string{"-verify_email", row.email}, ca: [][]byte{aRoot()}, target: row.target, want: row.want})
	}
	ask(t, list)
}

// Addresses are compared octet by octet; what openssl reads as one is its own.
func TestIPAddress(t *testing.T) {
	v4, v6 := ipName(10, 0, 0, 1), ipName(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
	mapped := ipName(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1)
	var list []asked
	for name, row := range map[string]struct {
		ip    string
		names [][]byte
		want  string
	}{
		"same": {"10.0.0.1", [][]byte{v4}, "OK"}, "other": {"10.0.0.2", [][]byte{v4}, "64@0"},
		"second": {"10.0.0.1", [][]byte{v6, v4}, "OK"}, "mapped": {"10.0.0.1", [][]byte{mapped}, "64@0"},
		"of mapped": {"::ffff:10.0.0.1", [][]byte{v4}, "64@0"}, "mapped itself": {"::ffff:a00:1", [][]byte{mapped}, "OK"},
		"IPv6": {"2001:DB8::1", [][]byte{v6}, "OK"}, "DNS name": {"10.0.0.1", [][]byte{dnsName("10.0.0.1")}, "64@0"},
		"leading zeros": {"010.0.0.1", [][]byte{v4}, "OK"}, "blanks and signs": {" +10. 0.-0.1 x", [][]byte{v4}, "OK"},
		"beyond an int": {"4294967306.0.0.1", [][]byte{v4}, "OK"},
	} {
		list = append(list, asked{name: name, args: []string{"-verify_ip", row.ip}, ca: [][]byte{aRoot()}, target: aLeaf(san(row.names...)), want: row.want})
	}
	list = append(list, asked{name: "common name", args: []string{"-verify_ip", "10.0.0.1"}, ca: [][]byte{aRoot()}, target: parts{subject: forgeCN("10.0.0.1")}.make(), want: "64@0"})
	ask(t, list)
}

// ParseIP takes what -verify_ip takes; openssl says nothing and exits with 1 where it does not.
func TestParseIP(t *testing.T) {
	texts := map[string]string{
		"10.0.0.1": "10.0.0.1", "010.08.0.1": "10.8.0.1", "+1.2.3.4": "1.2.3.4", "1.2.3.4 ": "1.2.3.4", "1.2.3.4\tx": "1.2.3.4",
		"1. 2.3.4": "1.2.3.4", "1.2.3.-0": "1.2.3.0", "1 .2.3.4": "", "1.2.3": "", "1.2.3.4.5": "", "1.2.3.256": "", "1.2.3.-1": "",
		"1.2.3.4x": "", "": "", "a": "", "1.2.3.": "", "99999999999999999999.1.1.1": "",
		"::": "::", "::1": "::1", "1::": "1::", "1::2": "1::2", "1:2:3:4:5:6:7:8": "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
		"1:2:3:4:5:6:7:8::": "", "1:2:3:4:5:6:7:8:9": "", "1:2:3:4:5:6:7": "", "::1::": "", "1::2::3": "", ":::": "", ":1": "", "1:": "", ":": "::",
		"::12345": "", "::g": "", "::1%lo": "", "::1.2.3.4": "::102:304", "::ffff:1.2.3.4": "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4": "1:2:3:4:5:6:102:304",
		"1:2:3:4:5:6:7:1.2.3.4": "", "::1.2.3.4:5": "", "1.2.3.4::": "", "::abcd": "::abcd", "::ABCD": "::abcd", ":1:2:3:4:5:6:7": "", "0::0": "::",
	}
	for text, want := range texts {
		ip, ok := verify.ParseIP(text)
		assert.Equal(t, want != "", ok, text)
		if ok {
			assert.Equal(t, want, ip.String(), text)
		}
	}
	for text, want := range texts {
		said, err := openssltest.Verify(openssltest.Path(t), t.TempDir(), []string{"-verify_ip", text, "nothing.pem"})
		assert.NoError(t, err)
		assert.Equal(t, want != "", said.Exit != 1, "openssl with %q", text)
	}
}
