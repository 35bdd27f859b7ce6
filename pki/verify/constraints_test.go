package verify_test

import (
	"strings"
	"testing"
)

var otherMailbox = forgeOID("1.3.6.1.5.5.7.8.9")

// mailbox is an otherName of type SmtpUTF8Mailbox.
func mailbox(tag byte, s string) []byte {
	return forgeTLV(0xa0, otherMailbox, forgeTLV(0xa0, forgeTLV(tag, []byte(s))))
}

// constraint is one name under one permitted or one excluded subtree.
type constraint struct {
	base, name []byte // GeneralNames
	subject    []byte // instead of the name: the target's subject
	permitted  string // the answer if base is permitted
	excluded   string // and if it is excluded
}

func (c constraint) questions(name string) []asked {
	target := parts{subject: forgeSeq(), exts: [][]byte{notCA, san(c.name)}}.make()
	if c.subject != nil {
		target = parts{subject: c.subject, exts: [][]byte{notCA}}.make()
	}
	under := func(tag byte) [][]byte {
		return [][]byte{aRoot(ext("2.5.29.30", true, forgeSeq(forgeTLV(tag, forgeSeq(c.base)))))}
	}
	return []asked{
		{name: name + ", permitted", ca: under(0xa0), target: target, want: c.permitted},
		{name: name + ", excluded", ca: under(0xa1), target: target, want: c.excluded},
	}
}

// Every kind of name, inside, outside, and of a syntax that is none.
func TestNameConstraints(t *testing.T) {
	uriName := func(s string) []byte { return forgeTLV(0x86, []byte(s)) }
	mail := func(s string) []byte { return subjectOf(attr("1.2.840.113549.1.9.1", forgeTLV(0x16, []byte(s)))) }
	const in, out, bad = "OK 48@0", "47@0 OK", "53@0 53@0"
	rows := map[string]struct {
		base, name []byte
		want       string
	}{
		"DNS same":                   {dnsName("example.com"), dnsName("example.com"), in},
		"DNS below":                  {dnsName("example.com"), dnsName("a.EXAMPLE.com"), in},
		"DNS beside":                 {dnsName("example.com"), dnsName("anexample.com"), out},
		"DNS above":                  {dnsName("a.example.com"), dnsName("example.com"), out},
		"DNS all":                    {dnsName(""), dnsName("example.com"), in},
		"DNS empty":                  {dnsName("example.com"), dnsName(""), out},
		"DNS dot":                    {dnsName(".example.com"), dnsName("a.example.com"), in},
		"DNS dot, itself":            {dnsName(".example.com"), dnsName("example.com"), out},
		"DNS dot, same":              {dnsName(".example.com"), dnsName(".example.com"), in},
		"DNS wildcard":               {dnsName("example.com"), dnsName("*.example.com"), in},
		"DNS wildcard over it":       {dnsName("a.example.com"), dnsName("*.example.com"), out},
		"mail same":                  {mailName("a@b.c"), mailName("a@B.c"), in},
		"mail local part's case":     {mailName("a@b.c"), mailName("A@b.c"), out},
		"mail other":                 {mailName("a@b.c"), mailName("x@b.c"), out},
		"mail host":                  {mailName("b.c"), mailName("a@B.C"), in},
		"mail host below":            {mailName("b.c"), mailName("a@x.b.c"), out},
		"mail dot":                   {mailName(".b.c"), mailName("a@x.b.c"), in},
		"mail dot, itself":           {mailName(".b.c"), mailName("a@b.c"), out},
		"mail at":                    {mailName("@b.c"), mailName("a@b.c"), in},
		"mail without at":            {mailName("b.c"), mailName("ab.c"), bad},
		"mail NUL":                   {mailName("a\x00b@c"), mailName("a\x00b@c"), bad},
		"mail empty base":            {mailName(""), mailName("a@b"), out},
		"mail empty host":            {mailName(""), mailName("a@"), in},
		"UTF-8 mailbox":              {mailName("b.c"), mailbox(0x0c, "a@B.c"), in},
		"UTF-8 mailbox in IDN":       {mailName("xn--bcher-kva.c"), mailbox(0x0c, "a@bücher.c"), in},
		"UTF-8 mailbox as A-label":   {mailName("xn--bcher-kva.c"), mailbox(0x0c, "a@xn--bcher-kva.c"), out},
		"UTF-8 mailbox, big prefix":  {mailName("XN--bcher-kva.c"), mailbox(0x0c, "a@bücher.c"), out},
		"UTF-8 mailbox dot":          {mailName(".b.c"), mailbox(0x0c, "a@x.b.c"), out},
		"UTF-8 mailbox two dots":     {mailName(".b.c"), mailbox(0x0c, "a@x..b.c"), in},
		"UTF-8 mailbox, whole base":  {mailName("a@b.c"), mailbox(0x0c, "a@b.c"), out},
		"UTF-8 mailbox, no at":       {mailName("b.c"), mailbox(0x0c, "b.c"), bad},
		"UTF-8 mailbox as IA5":       {mailName("b.c"), mailbox(0x16, "a@b.c"), bad},
		"UTF-8 mailbox, base NUL":    {mailName("b\x00c"), mailbox(0x0c, "a@b.c"), bad},
		"UTF-8 mailbox, odd base":    {mailName("xn--99999999999999"), mailbox(0x0c, "a@b"), "1@0 1@0"},
		"UTF-8 mailbox, base of 254": {mailName(strings.Repeat("a", 254)), mailbox(0x0c, "a@b"), out},
		"UTF-8 mailbox, base of 255": {mailName(strings.Repeat("a", 255)), mailbox(0x0c, "a@b"), "1@0 1@0"},
		"UTF-8 mailbox, dot and 254": {mailName("." + strings.Repeat("a", 253)), mailbox(0x0c, "a@b"), "1@0 1@0"},
		"URI host":                   {uriName("b.c"), uriName("http://B.c/x"), in},
		"URI port":                   {uriName("b.c"), uriName("http://b.c:80/x"), in},
		"URI nothing behind":         {uriName("b.c"), uriName("x://b.c"), in},
		"URI user":                   {uriName("b.c"), uriName("http://u@b.c/"), out},
		"URI colon behind":           {uriName("b.c"), uriName("http://b.c/x:y"), out},
		"URI query":                  {uriName("b.c"), uriName("http://b.c?x"), out},
		"URI below":                  {uriName("b.c"), uriName("http://a.b.c/"), out},
		"URI dot":                    {uriName(".b.c"), uriName("http://a.b.c/"), in},
		"URI dot, itself":            {uriName(".b.c"), uriName("http://b.c/"), out},
		"URI without host":           {uriName("b.c"), uriName("http:///x"), bad},
		"URI without scheme":         {uriName("b.c"), uriName("b.c/x"), bad},
		"URI mail":                   {uriName("b.c"), uriName("mailto:a@b.c"), bad},
		"URI short":                  {uriName("b.c"), uriName("x:/"), bad},
		"IP":                         {ipName(10, 0, 0, 0, 255, 0, 0, 0), ipName(10, 1, 2, 3), in},
		"IP outside":                 {ipName(10, 0, 0, 0, 255, 0, 0, 0), ipName(11, 1, 2, 3), out},
		"IP odd mask":                {ipName(10, 0, 7, 0, 255, 0, 255, 0), ipName(10, 1, 7, 3), in},
		"IP base beyond mask":        {ipName(10, 9, 9, 9, 255, 0, 0, 0), ipName(10, 1, 2, 3), in},
		"IP of the other family":     {ipName(make([]byte, 32)...), ipName(10, 1, 2, 3), out},
		"IPv6":                       {ipName(make([]byte, 32)...), ipName(make([]byte, 16)...), in},
		"IP of 5":                    {ipName(10, 0, 0, 0, 255, 0, 0, 0), ipName(10, 1, 2, 3, 4), bad},
		"IP base of 7":               {ipName(10, 0, 0, 0, 255, 0, 0), ipName(10, 1, 2, 3), bad},
		"directory":                  {forgeDir(forgeCN("a")), forgeDir(forgeCN("A ", "b")), in},
		"directory outside":          {forgeDir(forgeCN("a", "b")), forgeDir(forgeCN("a")), out},
		"directory all":              {forgeDir(forgeSeq()), forgeDir(forgeCN("a")), in},
		"registered":                 {forgeTLV(0x88, []byte{42}), forgeTLV(0x88, []byte{42}), "51@0 51@0"},
		"X.400":                      {forgeTLV(0xa3), forgeTLV(0xa3), "51@0 51@0"},
		"other name":                 {forgeTLV(0xa0, forgeOID("1.2.3"), forgeTLV(0xa0, []byte{5, 0})), forgeTLV(0xa0, forgeOID("1.2.3"), forgeTLV(0xa0, []byte{5, 0})), "51@0 51@0"},
		"other name's other type":    {forgeTLV(0xa0, forgeOID("1.2.4"), forgeTLV(0xa0, []byte{5, 0})), forgeTLV(0xa0, forgeOID("1.2.3"), forgeTLV(0xa0, []byte{5, 0})), "OK OK"},
		"another kind":               {dnsName("a"), mailName("a@b"), "OK OK"},
	}
	var list []asked
	for name, row := range rows {
		permitted, excluded, _ := strings.Cut(row.want, " ")
		list = append(list, constraint{base: row.base, name: row.name, permitted: permitted, excluded: excluded}.questions(name)...)
	}
	for name, row := range map[string]constraint{
		"subject":                  {base: forgeDir(forgeCN("a")), subject: forgeCN("a", "b"), permitted: "OK", excluded: "48@0"},
		"subject outside":          {base: forgeDir(forgeCN("x")), subject: forgeCN("a", "b"), permitted: "47@0", excluded: "OK"},
		"subject's mail":           {base: mailName("b.c"), subject: mail("a@b.c"), permitted: "OK", excluded: "48@0"},
		"subject's mail in UTF-8":  {base: mailName("b.c"), subject: subjectOf(forgeAttr("1.2.840.113549.1.9.1", "a@b.c")), permitted: "53@0", excluded: "53@0"},
		"common name":              {base: dnsName("b.c"), subject: forgeCN("a.b.c"), permitted: "OK", excluded: "48@0"},
		"second common name":       {base: dnsName("b.c"), subject: forgeCN("no host", "a.b.d"), permitted: "47@0", excluded: "OK"},
		"common name of a label":   {base: dnsName("b.c"), subject: forgeCN("host"), permitted: "OK", excluded: "OK"},
		"common name of no host":   {base: dnsName("b.c"), subject: forgeCN("a.b.d e"), permitted: "OK", excluded: "OK"},
		"common name, underscore":  {base: dnsName("b.c"), subject: forgeCN("_a_.b.c_"), permitted: "47@0", excluded: "OK"},
		"common name, hyphens":     {base: dnsName("b.c"), subject: forgeCN("a--x.b.d"), permitted: "47@0", excluded: "OK"},
		"common name, dot hyphen":  {base: dnsName("b.c"), subject: forgeCN("a.-b.d"), permitted: "OK", excluded: "OK"},
		"common name, hyphen dot":  {base: dnsName("b.c"), subject: forgeCN("a-.b.d"), permitted: "OK", excluded: "OK"},
		"common name, two dots":    {base: dnsName("b.c"), subject: forgeCN("a..d"), permitted: "OK", excluded: "OK"},
		"common name, dot at end":  {base: dnsName("b.c"), subject: forgeCN("a.d."), permitted: "OK", excluded: "OK"},
		"common name, NULs at end": {base: dnsName("b.c"), subject: forgeCN("a.d\x00\x00"), permitted: "47@0", excluded: "OK"},
		"common name, NUL inside":  {base: mailName("b.c"), subject: forgeCN("a\x00.d"), permitted: "53@0", excluded: "53@0"},
		"common name of bits":      {base: dnsName("b.c"), subject: subjectOf(attr("2.5.4.3", forgeTLV(3, []byte("\x00a.d")))), permitted: "internal", excluded: "internal"},
		"common name, a sequence":  {base: mailName("b.c"), subject: subjectOf(attr("2.5.4.3", forgeSeq())), permitted: "internal", excluded: "internal"},
		"common name in BMP":       {base: dnsName("b"), subject: subjectOf(attr("2.5.4.3", forgeTLV(0x1e, []byte("\x00a\x00.\x00d")))), permitted: "47@0", excluded: "OK"},
	} {
		list = append(list, row.questions(name)...)
	}
	ask(t, list)
}

// Whom constraints bind, and in which order they speak.
func TestNameConstraintsInChains(t *testing.T) {
	trees := func(tag byte, bases ...[]byte) []byte {
		var list [][]byte
		for _, b := range bases {
			list = append(list, forgeSeq(b))
		}
		return forgeTLV(tag, list...)
	}
	nc := func(fields ...[]byte) []byte { return ext("2.5.29.30", false, forgeSeq(fields...)) }
	permit := func(bases ...[]byte) []byte { return nc(trees(0xa0, bases...)) }
	exclude := func(bases ...[]byte) []byte { return nc(trees(0xa1, bases...)) }
	limited := func(field ...byte) []byte {
		return nc(forgeTLV(0xa0, forgeSeq(dnsName("a"), field)))
	}
	leaf := func(names ...[]byte) []byte { return aLeaf(san(names...)) }
	selfIssued := parts{subject: forgeCN("ca"), serial: []byte{2, 1, 9}, spki: forgeSPKI(interKey), exts: [][]byte{isCA, san(dnsName("x.bad")), akid(forgeTLV(0x80, []byte{5})), skid(6)}}.make()
	underSelfIssued := parts{by: interKey, exts: [][]byte{akid(forgeTLV(0x80, []byte{6}))}}.make()
	many := func(n int) [][]byte {
		var out [][]byte
		for range n {
			out = append(out, dnsName("a"))
		}
		return out
	}
	root := func(exts ...[]byte) [][]byte { return [][]byte{aRoot(exts...)} }
	alone := aRoot(exclude(forgeDir(forgeCN("ca"))))
	ask(t, []asked{
		{name: "one of several permitted", ca: root(permit(dnsName("x"), dnsName("b"))), target: leaf(dnsName("a.b")), want: "OK"},
		{name: "permitted and excluded", ca: root(nc(trees(0xa0, dnsName("b")), trees(0xa1, dnsName("a.b")))), target: leaf(dnsName("a.b")), want: "48@0"},
		{name: "second name", ca: root(permit(dnsName("b"))), target: leaf(dnsName("b"), dnsName("c")), want: "47@0"},
		{name: "minimum 0", ca: root(limited(0x80, 1, 0)), target: leaf(dnsName("a")), want: "OK"},
		{name: "minimum 1", ca: root(limited(0x80, 1, 1)), target: leaf(dnsName("a")), want: "49@0"},
		{name: "maximum", ca: root(limited(0x81, 1, 9)), target: leaf(dnsName("a")), want: "49@0"},
		{name: "minimum of a kind that is not there", ca: root(limited(0x80, 1, 1)), target: leaf(mailName("a@b")), want: "OK"},
		{name: "intermediate's subject", ca: root(permit(forgeDir(forgeCN("x")))), untrusted: [][]byte{anIntermediate()}, target: under(), want: "47@1"},
		{name: "intermediate's own constraints", ca: root(), untrusted: [][]byte{anIntermediate(exclude(dnsName("b")))}, target: under(san(dnsName("a.b"))), want: "48@0"},
		{name: "anchor's before the intermediate's", ca: root(exclude(dnsName("a"))), untrusted: [][]byte{anIntermediate(permit(dnsName("b")))}, target: under(san(dnsName("a"))), want: "48@0"},
		{name: "not the constraining one itself", ca: root(), untrusted: [][]byte{anIntermediate(exclude(forgeDir(forgeCN("inter"))))}, target: under(), want: "OK"},
		{name: "self-issued passes", ca: [][]byte{parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), exts: [][]byte{isCA, exclude(dnsName("x.bad")), skid(5)}}.make()},
			untrusted: [][]byte{selfIssued}, target: underSelfIssued, want: "OK"},
		{name: "self-issued target does not", ca: [][]byte{parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), exts: [][]byte{isCA, exclude(dnsName("x.bad")), skid(5)}}.make()},
			target: selfIssued, want: "48@0"},
		{name: "anchor alone", ca: [][]byte{alone}, target: alone, want: "OK"},
		{name: "common name beside a DNS name", ca: root(exclude(dnsName("b"))), target: parts{subject: forgeCN("a.b"), exts: [][]byte{san(dnsName("c"))}}.make(), want: "OK"},
		{name: "common name beside a mailbox", ca: root(exclude(dnsName("b"))), target: parts{subject: forgeCN("a.b"), exts: [][]byte{san(mailName("a@c"))}}.make(), want: "48@0"},
		{name: "as many as may be", ca: root(permit(many(1024)...)), target: parts{subject: forgeSeq(), exts: [][]byte{san(many(1024)...)}}.make(), want: "OK"},
		{name: "one too many", ca: root(permit(many(1024)...)), target: parts{subject: forgeSeq(), exts: [][]byte{san(many(1025)...)}}.make(), want: "1@0"},
	})
}
