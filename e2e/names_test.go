package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/e2e/cluster"
)

// checkServingNames shakes hands with the API server and with etcd by every name that their certificates must carry, and
// by every other that they do carry, and expects a refusal by a name and by an address that are in no certificate.
func checkServingNames(t T, s *site) {
	apiserver := append([]string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		s.config.NodeName, s.config.AdvertiseAddress}, s.config.CertSANs...)
	if s.config.Endpoint != "" {
		apiserver = append(apiserver, strings.TrimSuffix(s.config.Endpoint, ":6443"))
	}
	apiserver = append(apiserver, firstServiceAddresses(t, s.config.ServiceSubnet)...)
	s.Provoke(func() { checkNames(t, s.Server, s.pki("ca.crt"), s.pki("apiserver.crt"), apiserver) })
	if s.SecondServer != "" {
		s.Provoke(func() { checkNames(t, s.SecondServer, s.pki("ca.crt"), s.pki("apiserver.crt"), apiserver) })
	}
	e := s.etcdPKI()
	e.Provoke(func() { // etcd ends every one of these connections for want of a client certificate, after the handshake
		checkNames(t, e.Etcd.ClientURL(), e.pki("etcd", "ca.crt"), e.pki("etcd", "server.crt"),
			[]string{e.config.NodeName, "localhost", "127.0.0.1", "::1", e.config.AdvertiseAddress})
	})
}

// checkNames does so for one server whose certificate is in the file crt.
func checkNames(t T, server, ca, crt string, wanted []string) {
	t.Helper()
	cert := certificates(t, crt)[0]
	carried := append([]string{}, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		carried = append(carried, ip.String())
	}
	for _, name := range append(wanted, carried...) {
		name = strings.Replace(name, "*", "any", 1) // a wildcard stands for one label
		assert.NoError(t, handshake(t, server, ca, name), "%s by %s", server, name)
	}
	for _, name := range []string{"not.in.the.certificate.test", "two.labels.pkitool.test", "203.0.113.9", "2001:db8::9"} {
		err := handshake(t, server, ca, name)
		var wrongName x509.HostnameError
		assert.ErrorAs(t, err, &wrongName, "%s by %s", server, name)
	}
}

// handshake connects to server and verifies its certificate for name.
func handshake(t T, server, ca, name string) error {
	t.Helper()
	address := strings.TrimPrefix(server, "https://")
	plain, err := cluster.DialLoopback(context.Background(), "tcp", address)
	require.NoError(t, err)
	defer plain.Close()
	require.NoError(t, plain.SetDeadline(time.Now().Add(patience(t))))
	return tls.Client(plain, &tls.Config{RootCAs: pool(t, ca), ServerName: name}).Handshake()
}

// firstServiceAddresses are the addresses of the kubernetes Service: the first of each range.
func firstServiceAddresses(t T, subnets string) []string {
	t.Helper()
	if subnets == "" {
		subnets = "10.96.0.0/12"
	}
	var addresses []string
	for subnet := range strings.SplitSeq(subnets, ",") {
		prefix, err := netip.ParsePrefix(subnet)
		require.NoError(t, err)
		addresses = append(addresses, prefix.Masked().Addr().Next().String())
	}
	return addresses
}
