package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
)

func setEndpoint(s *Settings, v string) error {
	if v == "" { // given to say that there is none
		s.Cluster.Endpoint = certs.Endpoint{}
		return nil
	}
	e, err := parseEndpoint(v)
	s.Cluster.Endpoint = e
	return err
}

// parseEndpoint reads "host", "host:port", "[IPv6]:port" and an IPv6 address
// with or without brackets.
func parseEndpoint(v string) (certs.Endpoint, error) {
	if _, rest, ok := strings.Cut(v, "://"); ok {
		rest, _, _ = strings.Cut(rest, "/")
		return certs.Endpoint{}, withHint(fmt.Errorf("%q is a URL, wanted host or host:port", clip(v)), "write "+clip(rest))
	}
	host, port, hasPort := v, "", false
	switch _, err := netip.ParseAddr(v); {
	case err == nil:
	case strings.HasPrefix(v, "["):
		var after string
		var closed bool
		host, after, closed = strings.Cut(v[1:], "]")
		if _, err := netip.ParseAddr(host); err != nil || !closed || !strings.Contains(host, ":") || after != "" && after[0] != ':' {
			return certs.Endpoint{}, fmt.Errorf("%q is not an IPv6 address in brackets, with :port or without", clip(v))
		}
		if hasPort = after != ""; hasPort {
			port = after[1:]
		}
	default:
		host, port, hasPort = strings.Cut(v, ":")
	}
	e := certs.Endpoint{}
	if hasPort {
		n, err := parsePort(port)
		if err != nil {
			return e, fmt.Errorf("%q: %w", clip(v), err)
		}
		e.Port = n
	}
	host, err := parseHost(host)
	if err != nil {
		return certs.Endpoint{}, fmt.Errorf("%q: %w", clip(v), err)
	}
	e.Host = host
	return e, nil
}

func parseHost(host string) (string, error) {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		host = pki.LowerASCII(host)
		if pki.CheckDNSName(host) == nil {
			return host, nil
		}
		if z := leadingZero(host); z != "" {
			return "", errors.New(z)
		}
		return "", errors.New("the host is neither an IP address nor a DNS name (letters, digits, hyphens and dots)")
	}
	switch addr = addr.Unmap(); {
	case addr.Zone() != "":
		return "", errors.New("an address with a zone has no meaning on other hosts")
	case addr.IsUnspecified():
		return "", errors.New("the address is not one that clients can reach")
	}
	return addr.String(), nil
}

// formatEndpoint writes what kubeadm reads as well: it takes brackets beside a
// port only.
func formatEndpoint(e certs.Endpoint) string {
	if e.Port == 0 {
		return e.Host
	}
	return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
}

func parsePort(v string) (uint16, error) {
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != v {
		return 0, fmt.Errorf("%q is not a port: must be 1 to 65535", clip(v))
	}
	return uint16(n), nil
}

// leadingZero is a sentence about an IPv4 address with a leading zero, which
// some programs read as octal; "" for anything else.
func leadingZero(v string) string {
	if strings.Trim(v, "0123456789.") != "" || !strings.Contains(v, ".") {
		return ""
	}
	for octet := range strings.SplitSeq(v, ".") {
		if len(octet) > 1 && octet[0] == '0' {
			return "an IPv4 address has no leading zeros: " + octet + " is octal to some programs and decimal to others"
		}
	}
	return ""
}

func setServiceCIDRs(d *draft, items []item) {
	ranges := parseCIDRs(d, items)
	if ranges == nil {
		return
	}
	for i, p := range ranges {
		free := p.Addr().BitLen() - p.Bits()
		if free < 4 {
			d.faults.addf(items[i].at, "%q is too small: it has %d addresses, at least 10 are wanted", p, 1<<free)
		}
		if free > 20 { // the API server's own limit
			d.faults.addf(items[i].at, "%q is too large: wanted a prefix length of %d at least", p, p.Addr().BitLen()-20)
		}
	}
	d.Cluster.ServiceCIDRs = ranges
}

func checkPodCIDRs(d *draft, items []item) { parseCIDRs(d, items) }

// parseCIDRs reads one range, or two of different families; nil after a fault.
// Like kubeadm's, a range may be given by any address in it.
func parseCIDRs(d *draft, items []item) []netip.Prefix {
	var ranges []netip.Prefix
	if len(items) > 2 {
		d.faults.addf(items[0].at, "%d ranges: wanted one, or one of IPv4 and one of IPv6", len(items))
		return nil
	}
	for _, it := range items {
		p, err := parseCIDR(it.text)
		if err != nil {
			d.faults.add(it.at, err)
			continue
		}
		ranges = append(ranges, p)
	}
	switch {
	case len(ranges) < len(items):
		return nil
	case len(ranges) == 2 && ranges[0].Addr().Is4() == ranges[1].Addr().Is4():
		d.faults.addf(items[0].at, "%s and %s are of the same family: wanted one range, or one of IPv4 and one of IPv6", ranges[0], ranges[1])
		return nil
	}
	return ranges
}

func parseCIDR(v string) (netip.Prefix, error) {
	if err := checkText(v); err != nil {
		return netip.Prefix{}, err
	}
	p, err := netip.ParsePrefix(v)
	if err == nil && p.Addr().Is4In6() {
		return p, withHint(fmt.Errorf("%q is an IPv4-mapped IPv6 range", v), "write the IPv4 range")
	}
	if err == nil {
		return p.Masked(), nil
	}
	what := "wanted address/prefix-length, such as 10.96.0.0/12"
	addr, bits, slash := strings.Cut(v, "/")
	switch a, err := netip.ParseAddr(addr); {
	case strings.Contains(v, " "):
		what = "it has a space in it"
	case leadingZero(addr) != "":
		what = leadingZero(addr)
	case err == nil && !slash:
		what = "it has no prefix length"
	case err == nil && a.Zone() == "":
		what = fmt.Sprintf("the prefix length %q must be 0 to %d", clip(bits), a.BitLen())
	}
	return p, fmt.Errorf("%q is not a range of addresses: %s", clip(v), what)
}
