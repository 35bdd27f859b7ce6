package cases

import "strings"

// setupIdentity gives the leaf random names and asks for one that may be among them.
func setupIdentity(w *world) {
	w.grow(pick(w.r, 0, 1, 1, 2))
	c := w.leaf()
	var sans [][]byte
	for range w.r.IntN(4) {
		sans = append(sans, hostName(w.r))
	}
	c.drop(oidSAN)
	if len(sans) > 0 || w.r.chance(0.2) {
		c.put(oidSAN, pick(w.r, nil, critical), seq(sans...))
	}
	if w.r.chance(0.6) {
		c.subject = hostSubject(w.r)
	}
	for range pick(w.r, 1, 1, 1, 1, 2) {
		w.identityOption()
	}
	if w.r.chance(0.5) { // ask for what is there, or nearly
		w.options = nil
		name := pick(w.r, hostQuestions...)
		c.put(oidSAN, nil, seq(append(sans, gnDNS(pick(w.r, name, "*"+strings.TrimLeft(name, "abwx"), strings.ToUpper(name))))...))
		w.option("-verify_hostname", name)
	}
}

var hostPatterns = []string{"a.example.com", "example.com", "*.example.com", "b.a.example.com", "w*.example.com", "*w.example.com", "f*o.example.com", "*.com", "*",
	"**.example.com", "*.*.example.com", "a.*.example.com", "xn--*.example.com", "*.xn--p1ai.example", "xn--p1ai.example.com", "A.Example.COM", "a.example.com.", "*.example.com.",
	".example.com", "a_b.example.com", "*.a_b.com", "*.-a.com", "*.a-.com", "*..com", "*.example..com", "", "10.0.0.1", "a.example.com\x00.evil.com", "a b.example.com", "*.b", "*.b.c", "w.example.com", "*-.example.com", "-*.example.com"}

var hostQuestions = []string{"a.example.com", "example.com", "b.a.example.com", "w.example.com", "ww.example.com", "foo.example.com", "x.com", "com", "*.example.com",
	"xn--p1ai.example.com", "xn--a.example.com", "A.EXAMPLE.com", "a.example.com.", ".example.com", ".com", ".", "", "a_b.example.com", "c.a_b.com", "10.0.0.1", "x.b.c", "a b.example.com", "-.example.com",
	"a-.example.com", "leaf.example.com", "second", "*", "w*.example.com", "example.com.", "x.xn--p1ai.example", "gr\u00fc.example.com"}

var emails = []string{"a@example.com", "A@example.com", "a@EXAMPLE.com", "b@example.com", "a@b@example.com", "example.com", "@example.com", "a@", "a@.example.com", "a@sub.example.com", "", "\"a b\"@example.com", "a@example.com\x00x"}

func hostName(r *rng) []byte {
	switch r.IntN(8) {
	case 0, 1, 2, 3:
		return gnDNS(pick(r, hostPatterns...))
	case 4:
		return gnEmail(pick(r, emails...))
	case 5:
		return pick(r, gnIP(10, 0, 0, 1), gnIP(10, 0, 0, 2), gnIP(v6...), gnIP(append(mapped, 10, 0, 0, 1)...), gnIP(10, 0, 0), gnIP())
	case 6:
		return gnOther(oidSmtpUTF8, utf8String(pick(r, "a@example.com", "gr\u00fc@example.com", "a@EXAMPLE.com")))
	}
	return pick(r, gnURI("https://a.example.com/x"), gnDir(cn("dir")), gnRID("1.2.3"), gnOther(oidUPN, utf8String("u@x")))
}

var (
	v6     = []byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	mapped = []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}
)

func hostSubject(r *rng) name {
	n := name{{text(oidO, tagUTF8, "org")}}
	for range r.IntN(3) {
		n = append(n, []attr{text(oidCN, pick[byte](r, tagUTF8, tagPrintable, tagIA5, tagT61, tagBMP, tagUniversal), pick(r, hostPatterns...))})
	}
	for range r.IntN(2) {
		n = append(n, []attr{text(oidEmailAddress, pick[byte](r, tagIA5, tagUTF8), pick(r, emails...))})
	}
	return n
}

func (w *world) identityOption() {
	switch w.r.IntN(5) {
	case 0, 1, 2:
		w.option("-verify_hostname", pick(w.r, hostQuestions...))
	case 3:
		w.option("-verify_email", strings.ReplaceAll(pick(w.r, emails...), "\x00", ""))
	case 4:
		if w.r.chance(0.7) { // mostly one that can be read
			w.option("-verify_ip", pick(w.r, "10.0.0.1", "10.0.0.1", "10.0.0.2", "2001:db8::1", "::ffff:10.0.0.1", "010.0.0.1"))
			return
		}
		w.option("-verify_ip", pick(w.r, "10.0.0.1", "10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:DB8:0:0:0:0:0:1", "::ffff:10.0.0.1", "::ffff:a00:1", "010.0.0.1", "+10.0.0.1", " 10.0.0.1", "10.0.0.1 ",
			"10.0.0", "10.0.0.256", "::", "1::2::3", "1:2:3:4:5:6:7:8::", "fe80::1%eth0", "", "x", "10.0.0.1x", "1:2:3:4:5:6:10.0.0.1", "::10.0.0.1", "12345::", "10.0.0.-1", "::1:"))
	}
}

// identitySteps are asked on any chain.
func identitySteps() []func(*world) {
	return []func(*world){
		func(w *world) { w.identityOption() },
		func(w *world) { w.option("-verify_hostname", "leaf.example.com") },
		func(w *world) { w.option("-verify_ip", "10.0.0.1") },
		func(w *world) { w.option("-verify_email", "a@example.com") },
		func(w *world) { w.leaf().put(oidSAN, nil, oddSAN(w.r)); w.option("-verify_hostname", "a") },
	}
}
