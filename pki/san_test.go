package pki_test

import (
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/pki"
)

func TestParseSANs(t *testing.T) {
	long := strings.Repeat("a.", 126) + "a" // 253 characters
	tests := []struct {
		in   []string
		want string
		err  string
	}{
		{in: nil, want: ""},
		{in: []string{"b.example.com", "a.example.com", "10.0.0.2", "10.0.0.1"}, want: "DNS:a.example.com, DNS:b.example.com, IP:10.0.0.2, IP:10.0.0.1"},
		{in: []string{"Foo.Example.COM", "foo.example.com", "10.0.0.1", "::ffff:10.0.0.1"}, want: "DNS:foo.example.com, IP:10.0.0.1"},
		{in: []string{"*.apps.example.com", "localhost", "x", "1a.2b"}, want: "DNS:*.apps.example.com, DNS:1a.2b, DNS:localhost, DNS:x"},
		{in: []string{"FD00::1", "fd00:0:0::1", "::1"}, want: "IP:fd00::1, IP:::1"},
		{in: []string{"xn--bcher-kva.example", long}, want: "DNS:" + long + ", DNS:xn--bcher-kva.example"},
		{in: []string{"42"}, want: "DNS:42"}, // a host may be called so (RFC 1123 2.1)

		{in: []string{""}, err: `"" is neither an IP address nor a DNS name: it is empty`},
		{in: []string{"kube-apiserver:6443"}, err: `"kube-apiserver:6443" is neither an IP address nor a DNS name: it has a port, give the host only`},
		{in: []string{"10.0.0.1:6443"}, err: `"10.0.0.1:6443" is neither an IP address nor a DNS name: it has a port, give the address only`},
		{in: []string{"[::1]:6443"}, err: `"[::1]:6443" is neither an IP address nor a DNS name: it has a port, give the address only`},
		{in: []string{"[::1]"}, err: `"[::1]" is neither an IP address nor a DNS name: give the address without brackets`},
		{in: []string{"10.0.0.0/24"}, err: `"10.0.0.0/24" is neither an IP address nor a DNS name: it looks like a range, give single addresses`},
		{in: []string{"https://api.example.com"}, err: `"https://api.example.com" is neither an IP address nor a DNS name: it looks like a URL, give its host only`},
		{in: []string{" 10.0.0.1"}, err: `" 10.0.0.1" is neither an IP address nor a DNS name: it has a space in it`},
		{in: []string{"a\n"}, err: `"a\n" is neither an IP address nor a DNS name: it has a space in it`},
		{in: []string{"a,b"}, err: `"a,b" is neither an IP address nor a DNS name: it has a comma in it, give each name by itself`},
		{in: []string{"CP_1"}, err: `"CP_1" is neither an IP address nor a DNS name: a DNS name has no underscore`},
		{in: []string{"010.0.0.1"}, err: `"010.0.0.1" is neither an IP address nor a DNS name: it looks like a mistyped IPv4 address`},
		{in: []string{"256.1.1.1"}, err: `"256.1.1.1" is neither an IP address nor a DNS name: it looks like a mistyped IPv4 address`},
		{in: []string{"1.2.3"}, err: `"1.2.3" is neither an IP address nor a DNS name: it looks like a mistyped IPv4 address`},
		{in: []string{"fe80::1%eth0"}, err: `"fe80::1%eth0" is an address with a zone, which no certificate can hold`},
		{in: []string{"system:node:n1"}, err: `"system:node:n1" is neither an IP address nor a DNS name`},
		{in: []string{"bücher.example"}, err: `"bücher.example" is neither an IP address nor a DNS name`},
		{in: []string{"\u212aern.example"}, err: "\"\u212aern.example\" is neither an IP address nor a DNS name"}, // lower-cased, the Kelvin sign is a k
		{in: []string{"user@x"}, err: `"user@x" is neither an IP address nor a DNS name`},
		{in: []string{"*"}, err: `"*" is neither an IP address nor a DNS name`},
		{in: []string{"*.*.a"}, err: `"*.*.a" is neither an IP address nor a DNS name`},
		{in: []string{"a.*.b"}, err: `"a.*.b" is neither an IP address nor a DNS name`},
		{in: []string{"-a", "a-", "a..b", ".a", "a."}, err: `"-a" is neither an IP address nor a DNS name; "a-" is neither an IP address nor a DNS name; ` +
			`"a..b" is neither an IP address nor a DNS name; ".a" is neither an IP address nor a DNS name; "a." is neither an IP address nor a DNS name`},
		{in: []string{"good.example", "/foo", "10.0.0.1"}, err: `"/foo" is neither an IP address nor a DNS name: it looks like a range, give single addresses`},
		{in: []string{long + "a.b"}, err: `"` + long + `a.b" is neither an IP address nor a DNS name`},
		{in: []string{strings.Repeat("a", 64)}, err: `"` + strings.Repeat("a", 64) + `" is neither an IP address nor a DNS name`},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.in, ","), func(t *testing.T) {
			got, err := pki.ParseSANs(tt.in)
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				assert.True(t, got.Empty())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.String())
		})
	}
}

func TestCheckDNSName(t *testing.T) {
	for _, name := range []string{"a", "a.b", "0", "0a.b-c.d", strings.Repeat("a", 63), "cluster.local"} {
		assert.NoError(t, pki.CheckDNSName(name))
	}
	const labels = " is not a DNS name: labels hold lower-case letters, digits and inner hyphens, 1 to 63 characters"
	tests := map[string]string{
		"":                          `"" is not a DNS name: it must have 1 to 253 characters`,
		strings.Repeat("a.", 127):   `"` + strings.Repeat("a.", 127) + `" is not a DNS name: it must have 1 to 253 characters`,
		"A":                         `"A"` + labels,
		"a..b":                      `"a..b"` + labels,
		"a.":                        `"a."` + labels,
		"-a":                        `"-a"` + labels,
		"a-.b":                      `"a-.b"` + labels,
		"a_b":                       `"a_b"` + labels,
		"*.a":                       `"*.a"` + labels,
		"a\x00":                     `"a\x00"` + labels,
		"10.0.0.1":                  `"10.0.0.1" is not a DNS name: it looks like an IPv4 address`,
		"1.2":                       `"1.2" is not a DNS name: it looks like an IPv4 address`,
		strings.Repeat("a", 64):     `"` + strings.Repeat("a", 64) + `"` + labels,
		"a." + "\u0131" + ".b":      "\"a.\u0131.b\"" + labels,
		"a.b." + "\u212a" + "ern.c": "\"a.b.\u212aern.c\"" + labels, // the Kelvin sign, which lower-cases to k
	}
	for name, want := range tests {
		assert.EqualError(t, pki.CheckDNSName(name), want)
	}
	assert.NoError(t, pki.CheckDNSName("cp.1")) // a node's name
}

func TestParseTypedSAN(t *testing.T) {
	tests := []struct{ in, want, err string }{
		{in: "DNS:Foo.example.com", want: "DNS:foo.example.com"},
		{in: "dns:*.b", want: "DNS:*.b"},
		{in: "IP:10.0.0.1", want: "IP:10.0.0.1"},
		{in: "IP:fd00::1", want: "IP:fd00::1"},
		{in: "URI:spiffe://cluster.local/ns/a", want: "URI:spiffe://cluster.local/ns/a"},
		{in: "email:a@Example.com", want: "email:a@Example.com"},
		{in: "a.b", want: "DNS:a.b"},
		{in: "10.0.0.1", want: "IP:10.0.0.1"},
		{in: "fd00::1", want: "IP:fd00::1"},
		{in: "::1", want: "IP:::1"},

		{in: "DNS:10.0.0.1", err: `"DNS:10.0.0.1": the value is not of that type`},
		{in: "IP:a.b", err: `"IP:a.b": the value is not of that type`},
		{in: "IP:10.0.0.0/8", err: `"10.0.0.0/8" is neither an IP address nor a DNS name: it looks like a range, give single addresses`},
		{in: "DNS:", err: `"" is neither an IP address nor a DNS name: it is empty`},
		{in: "URI:a/b", err: `"URI:a/b": not an absolute URI with a host`},
		{in: "URI:urn:x", err: `"URI:urn:x": not an absolute URI with a host`},
		{in: "URI:https://bücher", err: `"URI:https://bücher": not an absolute URI with a host`},
		{in: "URI:https://a b", err: `"URI:https://a b": not an absolute URI with a host`},
		{in: "email:a", err: `"email:a": not a mailbox (local@host)`},
		{in: "email:@b", err: `"email:@b": not a mailbox (local@host)`},
		{in: "email:a@b_c", err: `"email:a@b_c": not a mailbox (local@host)`},
		{in: "email:a@\u212a.c", err: "\"email:a@\u212a.c\": not a mailbox (local@host)"},
		{in: "email:a b@c", err: `"email:a b@c": not a mailbox (local@host)`},
		{in: "email:a@b@c", err: `"email:a@b@c": not a mailbox (local@host)`},
		{in: "otherName:x", err: `"otherName:x" is neither an IP address nor a DNS name`},
		{in: "host:6443", err: `"host:6443" is neither an IP address nor a DNS name: it has a port, give the host only`},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := pki.ParseTypedSAN(tt.in)
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				assert.True(t, got.Empty())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.String())
		})
	}
}

func TestSANSets(t *testing.T) {
	a := pki.SANs{DNS: []string{"b", "a"}, IPs: []netip.Addr{netip.MustParseAddr("10.0.0.2")}, URIs: []string{"x://y"}, Emails: []string{"a@b"}}
	b := pki.SANs{DNS: []string{"a", "c"}, IPs: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}}
	assert.Equal(t, "DNS:a, DNS:b, DNS:c, IP:10.0.0.2, IP:10.0.0.1, URI:x://y, email:a@b", pki.Join(a, b).String())
	assert.Equal(t, "DNS:b, URI:x://y, email:a@b", a.Minus(b).String())
	assert.True(t, a.Minus(a).Empty())
	assert.Equal(t, []string{"b", "a"}, a.DNS, "Join sorts a copy")
	u, err := url.Parse("spiffe://a/b")
	require.NoError(t, err)
	c := &x509.Certificate{DNSNames: []string{"b", "A"}, IPAddresses: []net.IP{net.ParseIP("10.0.0.1"), {1, 2, 3}}, URIs: []*url.URL{u}, EmailAddresses: []string{"x@y"}}
	got := pki.SANsOf(c)
	assert.Equal(t, "DNS:b, DNS:A, IP:10.0.0.1, URI:spiffe://a/b, email:x@y", got.String(), "as they stand there; an address of three bytes is none")
	got.DNS[0] = "z"
	assert.Equal(t, "b", c.DNSNames[0])
}

// A request of 4 MiB holds some hundred thousand names. To look each of them up in a list takes many minutes; the limit
// is a hundred times what it takes.
func TestJoinMany(t *testing.T) {
	var many pki.SANs
	for i := range 400_000 {
		many.DNS = append(many.DNS, "n"+strconv.Itoa(i))
	}
	joined := make(chan pki.SANs, 1)
	go func() { joined <- pki.Join(many, many) }()
	select {
	case got := <-joined:
		assert.Len(t, got.DNS, 400_000)
	case <-time.After(time.Minute):
		t.Fatal("still joining after a minute")
	}
}

// FuzzParseSANs: what is parsed can be written and parsed again to the same,
// holds only names that a certificate can hold, and never panics.
func FuzzParseSANs(f *testing.F) {
	seeds := []string{"a.b", "*.a", "10.0.0.1", "::1", "fe80::1%eth0", "::ffff:1.2.3.4", "URI:a://b/c", "email:a@b", "DNS:x", "IP:1.1.1.1", "a:1", "", "1.2.3", "\u212aern", "\xff", "a\n"}
	require.NotEmpty(f, seeds)
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		defer fuzzbound.Hold(t, len(in))()
		s, err := pki.ParseTypedSAN(in)
		if err != nil {
			require.True(t, s.Empty(), "a fault and a value")
			return
		}
		require.Len(t, s.Strings(), 1)
		again, err := pki.ParseTypedSAN(s.String())
		require.NoError(t, err)
		require.Equal(t, s, again)
		for _, d := range s.DNS {
			require.NoError(t, pki.CheckDNSName(strings.TrimPrefix(d, "*.")))
			require.Equal(t, strings.ToLower(d), d)
		}
		for _, ip := range s.IPs {
			require.True(t, ip.IsValid() && ip.Zone() == "" && !ip.Is4In6())
		}
		for _, v := range slices.Concat(s.URIs, s.Emails) {
			require.False(t, strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }), v)
		}
	})
}
