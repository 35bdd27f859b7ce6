package pki

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// SANs are the subject alternative names of a certificate. The values are
// valid: ParseSANs, ParseTypedSAN, SANsOf and Join are the doors. DNS names are
// lower case.
type SANs struct {
	DNS    []string
	IPs    []netip.Addr
	URIs   []string
	Emails []string
}

// Empty reports whether there is no name at all.
func (s SANs) Empty() bool {
	return len(s.DNS)+len(s.IPs)+len(s.URIs)+len(s.Emails) == 0
}

// ParseSANs reads names as kubeadm's certSANs holds them: each is an IP
// address, a DNS name (RFC 1123 subdomain) or a wildcard name ("*.a.b").
// Nothing else is guessed: "host:6443", "10.0.0.0/24", a URL or a name with
// spaces is an error that says what it looks like. Every fault is reported.
func ParseSANs(names []string) (SANs, error) {
	var s SANs
	var faults []string
	for _, n := range names {
		if err := s.add(n); err != nil {
			faults = append(faults, err.Error())
		}
	}
	if len(faults) > 0 {
		return SANs{}, fmt.Errorf("%s", strings.Join(faults, "; "))
	}
	return Join(s), nil
}

func (s *SANs) add(n string) error {
	if ip, err := netip.ParseAddr(n); err == nil {
		if ip.Zone() != "" {
			return fmt.Errorf("%q is an address with a zone, which no certificate can hold", n)
		}
		s.IPs = append(s.IPs, ip.Unmap())
		return nil
	}
	name := LowerASCII(n)
	if err := CheckDNSName(strings.TrimPrefix(name, "*.")); err != nil {
		return fmt.Errorf("%q is neither an IP address nor a DNS name%s", n, sanGuess(n))
	}
	s.DNS = append(s.DNS, name)
	return nil
}

// sanGuess says what a refused name was probably meant to be.
func sanGuess(n string) string {
	switch {
	case n == "":
		return ": it is empty"
	case strings.Contains(n, "://"):
		return ": it looks like a URL, give its host only"
	case strings.TrimSpace(n) != n || strings.ContainsAny(n, " \t\r\n"):
		return ": it has a space in it"
	case strings.Contains(n, ","):
		return ": it has a comma in it, give each name by itself"
	case strings.Contains(n, "/"):
		return ": it looks like a range, give single addresses"
	case strings.Contains(n, "_"):
		return ": a DNS name has no underscore"
	}
	if _, err := netip.ParseAddrPort(n); err == nil {
		return ": it has a port, give the address only"
	}
	if host, port, ok := strings.Cut(n, ":"); ok && host != "" && port != "" && strings.Trim(port, "0123456789") == "" {
		return ": it has a port, give the host only"
	}
	if strings.HasPrefix(n, "[") {
		return ": give the address without brackets"
	}
	if strings.Trim(n, "0123456789.") == "" {
		return ": it looks like a mistyped IPv4 address"
	}
	return ""
}

// CheckDNSName says whether name is an RFC 1123 subdomain in lower case, and
// not an IPv4 address or something that a resolver may take for one: labels of
// 1-63 letters, digits and inner hyphens, 253 characters at most, the last
// label not all digits.
func CheckDNSName(name string) error {
	if name == "" || len(name) > 253 {
		return fmt.Errorf("%q is not a DNS name: it must have 1 to 253 characters", name)
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return fmt.Errorf("%q is not a DNS name: labels hold lower-case letters, digits and inner hyphens, 1 to 63 characters", name)
		}
	}
	if len(labels) > 1 && strings.Trim(name, "0123456789.") == "" {
		return fmt.Errorf("%q is not a DNS name: it looks like an IPv4 address", name)
	}
	return nil
}

// ParseTypedSAN reads one name with its type in front, in openssl's spelling:
// "DNS:a.b", "IP:10.0.0.1", "URI:spiffe://a/b", "email:a@b.c". Without a type
// it is read as ParseSANs does.
func ParseTypedSAN(s string) (SANs, error) {
	kind, value, ok := strings.Cut(s, ":")
	if !ok {
		return ParseSANs([]string{s})
	}
	switch strings.ToUpper(kind) {
	case "DNS", "IP":
		got, err := ParseSANs([]string{value})
		if err == nil && (strings.ToUpper(kind) == "IP") != (len(got.IPs) == 1) {
			return SANs{}, fmt.Errorf("%q: the value is not of that type", s)
		}
		return got, err
	case "URI":
		u, err := url.Parse(value)
		if err != nil || u.Scheme == "" || u.Host == "" || !isASCII(value) {
			return SANs{}, fmt.Errorf("%q: not an absolute URI with a host", s)
		}
		return SANs{URIs: []string{value}}, nil
	case "EMAIL":
		local, host, ok := strings.Cut(value, "@")
		if !ok || local == "" || !isASCII(local) || strings.ContainsAny(local, " <>\"(),:;[]\\") || CheckDNSName(LowerASCII(host)) != nil {
			return SANs{}, fmt.Errorf("%q: not a mailbox (local@host)", s)
		}
		return SANs{Emails: []string{value}}, nil
	}
	return ParseSANs([]string{s}) // an IPv6 address has colons as well
}

// check refuses names that no certificate can hold, or that a reader would take for another name. Names of existing
// certificates go through here too, so it asks for less than the doors above: they say what one may wish for.
func (s SANs) check() error {
	for _, n := range slices.Concat(s.DNS, s.URIs, s.Emails) {
		if n == "" || !isASCII(n) {
			return fmt.Errorf("name %q is empty, or has a space, a control character or one that is not ASCII in it", n)
		}
	}
	for _, n := range s.DNS {
		if _, err := netip.ParseAddr(n); err == nil || len(n) > 253 {
			return fmt.Errorf("%q is not a DNS name: it is an address, or longer than 253 characters", n)
		}
	}
	for _, ip := range s.IPs {
		if !ip.IsValid() || ip.Zone() != "" {
			return fmt.Errorf("%q is not an address that a certificate can hold", ip)
		}
	}
	for _, n := range s.URIs {
		if u, err := url.Parse(n); err != nil || !u.IsAbs() || u.String() != n {
			return fmt.Errorf("%q is not an absolute URI", n)
		} else if u.Host != "" && slices.Contains(strings.Split(u.Host, "."), "") {
			return fmt.Errorf("%q is a URI whose host is no name", n)
		}
	}
	for _, n := range s.Emails {
		if local, host, ok := strings.Cut(n, "@"); !ok || local == "" || host == "" {
			return fmt.Errorf("%q is not a mailbox (local@host)", n)
		}
	}
	return nil
}

// netIPs are the addresses as crypto/x509 takes them.
func (s SANs) netIPs() []net.IP {
	var out []net.IP
	for _, ip := range s.IPs {
		out = append(out, ip.AsSlice())
	}
	return out
}

// urls are the URIs as crypto/x509 takes them.
func (s SANs) urls() ([]*url.URL, error) {
	var out []*url.URL
	for _, n := range s.URIs {
		u, err := url.Parse(n)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

// LowerASCII makes ASCII letters small, and no others: strings.ToLower takes the
// Kelvin sign for a k, and a certificate for another name would come of it.
func LowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// RawSANs is the encoded subject alternative name extension of a certificate
// (Template.RawSANs), nil if it has none.
func RawSANs(c *x509.Certificate) []byte {
	for _, e := range c.Extensions {
		if e.Id.String() == "2.5.29.17" {
			return e.Value
		}
	}
	return nil
}

// SANsOf are the names in an existing certificate, as they stand there.
func SANsOf(c *x509.Certificate) SANs {
	s := SANs{DNS: slices.Clone(c.DNSNames), Emails: slices.Clone(c.EmailAddresses)}
	for _, ip := range c.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			s.IPs = append(s.IPs, a.Unmap())
		}
	}
	for _, u := range c.URIs {
		s.URIs = append(s.URIs, u.String())
	}
	return s
}

// Join merges names in kubeadm's order: DNS names sorted, addresses in the
// order given, nothing twice.
func Join(all ...SANs) SANs {
	var out SANs
	for _, s := range all {
		out.DNS = append(out.DNS, s.DNS...)
		out.IPs = append(out.IPs, s.IPs...)
		out.URIs = append(out.URIs, s.URIs...)
		out.Emails = append(out.Emails, s.Emails...)
	}
	out.DNS, out.IPs, out.URIs, out.Emails = once(out.DNS), once(out.IPs), once(out.URIs), once(out.Emails)
	slices.Sort(out.DNS)
	return out
}

// once drops what is there a second time. A request may ask for as many names
// as fit into a file: to look through the list for each would take minutes.
func once[T comparable](list []T) []T {
	seen := make(map[T]bool, len(list))
	return slices.DeleteFunc(list, func(v T) bool {
		again := seen[v]
		seen[v] = true
		return again
	})
}

// Minus are the names of s that are not in o.
func (s SANs) Minus(o SANs) SANs {
	return SANs{
		DNS:    without(s.DNS, o.DNS),
		IPs:    without(s.IPs, o.IPs),
		URIs:   without(s.URIs, o.URIs),
		Emails: without(s.Emails, o.Emails),
	}
}

func without[T comparable](from, drop []T) []T {
	gone := make(map[T]bool, len(drop))
	for _, v := range drop {
		gone[v] = true
	}
	var out []T
	for _, v := range from {
		if !gone[v] {
			out = append(out, v)
		}
	}
	return out
}

// Strings lists the names with their types, in openssl's spelling:
// "DNS:kubernetes", "IP:10.96.0.1", "URI:...", "email:...".
func (s SANs) Strings() []string {
	var out []string
	for _, v := range s.DNS {
		out = append(out, "DNS:"+v)
	}
	for _, v := range s.IPs {
		out = append(out, "IP:"+v.String())
	}
	for _, v := range s.URIs {
		out = append(out, "URI:"+v)
	}
	for _, v := range s.Emails {
		out = append(out, "email:"+v)
	}
	return out
}

// String joins Strings by ", ".
func (s SANs) String() string { return strings.Join(s.Strings(), ", ") }
