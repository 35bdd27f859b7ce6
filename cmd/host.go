package cmd

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/pkitool/pkitool/config"
)

// thisHost answers what configuration leaves to the machine. Nothing is
// looked up on any network: the kernel knows its routes and its addresses.
func thisHost() config.Host {
	return config.Host{Name: hostName, AdvertiseAddress: defaultRouteAddress}
}

func hostName() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("this host's name is not known: %w", err)
	}
	return name, nil
}

// defaultRouteAddress is the first global address of the interface that the
// default route leaves by, IPv4 before IPv6, as kubeadm chooses.
func defaultRouteAddress() (netip.Addr, error) {
	for _, table := range []struct {
		path string
		read func(string) (iface string, metric uint64, ok bool)
		is4  bool
	}{{"/proc/net/route", routeV4, true}, {"/proc/net/ipv6_route", routeV6, false}} {
		iface := bestRoute(table.path, table.read)
		if iface == "" {
			continue
		}
		if a := interfaceAddress(iface, table.is4); a.IsValid() {
			return a, nil
		}
	}
	return netip.Addr{}, errors.New("this host has no default route with a global address")
}

func bestRoute(path string, read func(string) (string, uint64, bool)) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	best, least := "", uint64(0)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if iface, metric, ok := read(lines.Text()); ok && (best == "" || metric < least) {
			best, least = iface, metric
		}
	}
	return best
}

// routeV4 reads a line of /proc/net/route: interface, destination, gateway,
// flags, ..., metric, mask. Flag 1 is "up".
func routeV4(line string) (string, uint64, bool) {
	f := strings.Fields(line)
	if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
		return "", 0, false
	}
	flags, err1 := strconv.ParseUint(f[3], 16, 32)
	metric, err2 := strconv.ParseUint(f[6], 10, 32)
	return f[0], metric, err1 == nil && err2 == nil && flags&1 != 0
}

// routeV6 reads a line of /proc/net/ipv6_route: destination, its length,
// source, its length, next hop, metric, ..., flags, interface. Flag 1 is "up",
// 0x200 is "reject": the kernel lists unreachable defaults too.
func routeV6(line string) (string, uint64, bool) {
	f := strings.Fields(line)
	if len(f) < 10 || strings.Trim(f[0], "0") != "" || f[1] != "00" {
		return "", 0, false
	}
	flags, err1 := strconv.ParseUint(f[8], 16, 32)
	metric, err2 := strconv.ParseUint(f[5], 16, 64)
	return f[9], metric, err1 == nil && err2 == nil && flags&1 != 0 && flags&0x200 == 0
}

func interfaceAddress(name string, is4 bool) netip.Addr {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Addr{}
	}
	addrs, err := iface.Addrs()
	if err != nil {
		return netip.Addr{}
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			if ip := p.Addr().Unmap(); ip.Is4() == is4 && ip.IsGlobalUnicast() {
				return ip
			}
		}
	}
	return netip.Addr{}
}
