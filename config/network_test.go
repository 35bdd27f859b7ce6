package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEndpoints(t *testing.T) {
	for text, want := range map[string]string{
		"api.example.com":          "api.example.com",
		"API.example.com:6443":     "api.example.com:6443",
		"10.0.0.1":                 "10.0.0.1",
		"10.0.0.1:443":             "10.0.0.1:443",
		"fd00::1":                  "fd00::1",
		"[fd00::1]":                "fd00::1",
		"[FD00:0::1]:65535":        "[fd00::1]:65535",
		"::ffff:10.0.0.1":          "10.0.0.1",
		"[::ffff:10.0.0.1]:6443":   "10.0.0.1:6443",
		"":                         "",
		"127.0.0.1:1":              "127.0.0.1:1",
		"a:b":                      `fault: "a:b": "b" is not a port: must be 1 to 65535`,
		"a:65536":                  `fault: "a:65536": "65536" is not a port: must be 1 to 65535`,
		"a:":                       "a",
		"cp.1:06443":               "cp.1:6443",
		"[a.b]:1":                  "a.b:1",
		"010.0.0.001:1":            "10.0.0.1:1",
		"0.0.0.0:6443":             "0.0.0.0:6443",
		"[10.0.0.1]:6443":          "10.0.0.1:6443",
		":6443":                    `fault: ":6443": the host is neither an IP address nor a DNS name (letters, digits, hyphens and dots)`,
		"a_b":                      `fault: "a_b": the host is neither an IP address nor a DNS name (letters, digits, hyphens and dots)`,
		"010.0.0.1":                "10.0.0.1",
		"1.2.3":                    `fault: "1.2.3": the host is neither an IP address nor a DNS name (letters, digits, hyphens and dots)`,
		"fe80::1%eth0":             `fault: "fe80::1%eth0": an address with a zone has no meaning on other hosts`,
		"[fd00::1":                 `fault: "[fd00::1": the host is neither an IP address nor a DNS name (letters, digits, hyphens and dots)`,
		"[fd00::1]6443":            `fault: "[fd00::1]6443": the host is neither an IP address nor a DNS name (letters, digits, hyphens and dots)`,
		"fd00::1:zz":               `fault: "fd00::1:zz": the host is neither an IP address nor a DNS name (letters, digits, hyphens and dots)`,
		"https://api.example.com/": `fault: "https://api.example.com/" is a URL, wanted host or host:port`,
	} {
		s, _, err := Load(Input{Host: NeutralHost(), Flags: map[string][]string{"control-plane-endpoint": {text}}})
		if reason, ok := strings.CutPrefix(want, "fault: "); ok {
			assert.EqualError(t, err, "--control-plane-endpoint: "+reason, text)
			continue
		}
		require.NoError(t, err, text)
		assert.Equal(t, want, formatEndpoint(s.Cluster.Endpoint), text)
	}
}

func TestServiceCIDRs(t *testing.T) {
	for text, want := range map[string]string{
		"10.96.0.1/12":                 "[10.96.0.0/12]",
		"fd00::5/108,10.0.0.0/28":      "[fd00::/108 10.0.0.0/28]",
		"10.0.0.0/29":                  `fault: "10.0.0.0/29" is too small: it has 8 addresses, at least 10 are wanted`,
		"10.0.0.0/11":                  `fault: "10.0.0.0/11" is too large: wanted a prefix length of 12 at least`,
		"10.0.0.0/33":                  `fault: "10.0.0.0/33" is not a range of addresses: the prefix length "33" must be 0 to 32`,
		"fd00::/x":                     `fault: "fd00::/x" is not a range of addresses: the prefix length "x" must be 0 to 128`,
		"10.0.0.0":                     `fault: "10.0.0.0" is not a range of addresses: it has no prefix length`,
		"010.0.0.0/16":                 "[10.0.0.0/16]",
		"10.0.0.0/16, fd00::/108":      `fault: " fd00::/108" is not a range of addresses: it has a space in it`,
		"fe80::%a/108":                 `fault: "fe80::%a/108" is not a range of addresses: wanted address/prefix-length, such as 10.96.0.0/12`,
		"::ffff:10.0.0.0/112":          `fault: "::ffff:10.0.0.0/112" is an IPv4-mapped IPv6 range`,
		"10.0.0.0/16,fd00::/108,":      `fault: 3 ranges: wanted one, or one of IPv4 and one of IPv6`,
		"fd00::/108,fd01::/108":        `fault: fd00::/108 and fd01::/108 are of the same family: wanted one range, or one of IPv4 and one of IPv6`,
		"a":                            `fault: "a" is not a range of addresses: wanted address/prefix-length, such as 10.96.0.0/12`,
		"10.0.0.0/1\u202e6":            `fault: "10.0.0.0/1\u202e6" has a character that cannot be printed`,
		"10.0.0.0/16" + "\x00":         `fault: "10.0.0.0/16\x00" has a character that cannot be printed`,
		strings.Repeat("1", maxText*2): `fault: is longer than 4096 bytes`,
	} {
		s, _, err := Load(Input{Host: NeutralHost(), Flags: map[string][]string{"service-cidr": {text}}})
		if reason, ok := strings.CutPrefix(want, "fault: "); ok {
			assert.EqualError(t, err, "--service-cidr: "+reason, text)
			continue
		}
		require.NoError(t, err, text)
		assert.Equal(t, want, fmt.Sprint(s.Cluster.ServiceCIDRs), text)
	}
}
