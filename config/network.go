package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
)

func setEndpoint(d *draft, it item) (err error) {
	d.Cluster.Endpoint, err = d.endpoint(it)
	return err
}

// setDiscovery keeps where a joining node finds the API server: host:port.
func setDiscovery(d *draft, it item) (err error) {
	d.discovery, err = d.endpoint(it)
	if err == nil && d.discovery.Port == 0 {
		err = fmt.Errorf("%q has no port, wanted host:port", clip(it.text))
	}
	return err
}

// endpoint reads "host", "host:port", "[IPv6]:port" and an IPv6 address with or
// without brackets; an empty text says that there is none.
func (d *draft) endpoint(it item) (certs.Endpoint, error) {
	v := it.text
	if v == "" {
		return certs.Endpoint{}, nil
	}
	if _, rest, ok := strings.Cut(v, "://"); ok {
		rest, _, _ = strings.Cut(rest, "/")
		return certs.Endpoint{}, withHint(fmt.Errorf("%q is a URL, wanted host or host:port", clip(v)), "write "+clip(rest))
	}
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		host = v
	}
	if _, err := netip.ParseAddrPort(v + ":1"); err == nil { // an address without port, IPv6 in brackets
		host = strings.Trim(v, "[]")
	}
	e := certs.Endpoint{}
	if port != "" {
		if e.Port, err = parsePort(port); err != nil {
			return certs.Endpoint{}, fmt.Errorf("%q: %w", clip(v), err)
		}
	}
	if e.Host, err = parseHost(d.decimal(it.at, host)); err != nil {
		return certs.Endpoint{}, fmt.Errorf("%q: %w", clip(v), err)
	}
	if a, err := netip.ParseAddr(e.Host); err == nil && a.IsUnspecified() {
		d.note(it.at, "%s is not an address that other hosts can reach", e.Host)
	}
	return e, nil
}

// parseHost lower-cases a name: those of load balancers have capital letters,
// and DNS compares without case.
func parseHost(host string) (string, error) {
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil && addr.Zone() != "":
		return "", errors.New("an address with a zone has no meaning on other hosts")
	case err == nil:
		return addr.Unmap().String(), nil
	}
	if host = pki.LowerASCII(host); pki.CheckDNSName(host) != nil {
		return "", errors.New("the host is neither an IP address nor a DNS name (letters, digits, hyphens and dots)")
	}
	return host, nil
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
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a port: must be 1 to 65535", clip(v))
	}
	return uint16(n), nil
}

// decimal drops the leading zeros of an IPv4 address, as kubeadm does, and says
// so: to some programs such an octet is octal.
func (d *draft) decimal(at Origin, v string) string {
	octets := strings.Split(v, ".")
	for i, o := range octets {
		octets[i] = cmp.Or(strings.TrimLeft(o, "0"), "0")
	}
	plain := strings.Join(octets, ".")
	if addr, err := netip.ParseAddr(plain); err != nil || !addr.Is4() || slices.Contains(strings.Split(v, "."), "") {
		return v
	}
	if plain != v {
		d.note(at, "%s is read as %s, as kubeadm does; some programs take leading zeros for octal", clip(v), plain)
	}
	return plain
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
		p, err := d.cidr(it)
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

func (d *draft) cidr(it item) (netip.Prefix, error) {
	v := it.text
	if err := checkText(v); err != nil {
		return netip.Prefix{}, err
	}
	addr, bits, slash := strings.Cut(v, "/")
	if slash {
		v = d.decimal(it.at, addr) + "/" + bits
	}
	p, err := netip.ParsePrefix(v)
	if err == nil && p.Addr().Is4In6() {
		return p, withHint(fmt.Errorf("%q is an IPv4-mapped IPv6 range", v), "write the IPv4 range")
	}
	if err == nil {
		return p.Masked(), nil
	}
	what := "wanted address/prefix-length, such as 10.96.0.0/12"
	switch a, err := netip.ParseAddr(addr); {
	case strings.Contains(v, " "):
		what = "it has a space in it"
	case err == nil && !slash:
		what = "it has no prefix length"
	case err == nil && a.Zone() == "":
		what = fmt.Sprintf("the prefix length %q must be 0 to %d", clip(bits), a.BitLen())
	}
	return p, fmt.Errorf("%q is not a range of addresses: %s", clip(v), what)
}
