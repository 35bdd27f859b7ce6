package audit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/phases/live"
)

// TestLive has, for every finding about a component that runs, one that has exactly this fault; and sound ones.
func TestLive(t *testing.T) {
	none := []string{}
	earlier := func(days int) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.NotBefore = made.Add(-time.Duration(days) * day)
			c.NotAfter = c.NotBefore.Add(365 * day)
		}
	}
	tests := map[string]struct {
		start func(s *stand) string
		want  []string
	}{
		"sound API server":     {func(s *stand) string { return s.apiserver(s.pair("apiserver")) }, none},
		"sound etcd":           {func(s *stand) string { return s.etcd(s.pair("etcd-server")) }, none},
		"sound etcd for peers": {func(s *stand) string { return "etcd-peer=" + s.etcd(s.pair("etcd-peer")) }, none},

		"nobody": {func(s *stand) string {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(s.t, err)
			l.Close()
			return "apiserver=" + l.Addr().String()
		}, []string{"error live-unreachable: apiserver: HOST: cannot be reached: connection refused"}},
		"no TLS": {func(s *stand) string {
			return listen(s.t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 1<<16))
				_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			})
		}, []string{"error live-no-tls: HOST: does not answer as a TLS server: it speaks HTTP without TLS"}},
		"no certificate": {func(s *stand) string {
			return s.apiserver(tls.Certificate{Certificate: [][]byte{[]byte("none")}, PrivateKey: s.pair("apiserver").PrivateKey})
		}, []string{"error live-handshake-fails: HOST: the TLS handshake fails: tls: failed to parse certificate from server: x509: malformed certificate"}},

		"renewed and not reloaded": {func(s *stand) string {
			old := s.pair("apiserver")
			s.put("apiserver", s.like("apiserver", func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "more.example.com") }))
			return s.apiserver(old)
		}, []string{"warning live-not-reloaded: apiserver: HOST: still serves the old certificate, FP valid until 2027-06-01T12:00:00Z; the file has a newer one, FP valid until 2027-11-14T12:00:00Z (pki/apiserver.crt)"}},
		"renewed with fewer names and not reloaded": {func(s *stand) string {
			old := s.pair("apiserver")
			s.put("apiserver", s.like("apiserver", func(c *x509.Certificate) { c.DNSNames = c.DNSNames[1:] }))
			return "apiserver=" + s.apiserver(old)
		}, []string{"warning live-not-reloaded: apiserver: HOST: still serves the old certificate, FP valid until 2027-06-01T12:00:00Z; the file has a newer one, FP valid until 2027-11-14T12:00:00Z (pki/apiserver.crt)"}},
		"renewed, not reloaded, and expired": {func(s *stand) string { return "etcd-peer=" + s.etcd(s.like("etcd-peer", earlier(200))) },
			[]string{"error live-not-reloaded: etcd-peer: HOST: still serves the old certificate, FP valid until 2026-11-13T12:00:00Z, which clients refuse: certificate has expired on 2026-11-13T12:00:00Z; the file has a newer one, FP valid until 2027-06-01T12:00:00Z (pki/etcd/peer.crt)"}},
		"renewed for a name, and not reloaded": {func(s *stand) string {
			at := s.apiserver(s.pair("apiserver"))
			s.put("apiserver", s.like("apiserver", func(c *x509.Certificate) { c.IPAddresses = append(c.IPAddresses, net.IPv4(127, 0, 0, 1)) }))
			s.lead("admin", at)
			return at
		}, []string{"error live-not-reloaded: apiserver: HOST: still serves the old certificate, FP valid until 2027-06-01T12:00:00Z, which clients refuse: its certificate does not cover 127.0.0.1, which admin.conf leads to; the file has a newer one, FP valid until 2027-11-14T12:00:00Z (pki/apiserver.crt)"}},
		"newer than the file": {func(s *stand) string { return s.apiserver(s.like("apiserver", nil)) },
			[]string{"warning live-other-certificate: apiserver: HOST: serves neither the certificate of the file nor an older one of it, but FP valid until 2027-11-14T12:00:00Z; the file has FP valid until 2027-06-01T12:00:00Z (pki/apiserver.crt)"}},
		"another row's": {func(s *stand) string { return "etcd-server=" + s.etcd(s.pair("etcd-peer")) },
			[]string{"warning live-other-certificate: etcd-server: HOST: serves neither the certificate of the file nor an older one of it, but that of etcd-peer; the file has FP valid until 2027-06-01T12:00:00Z (pki/etcd/server.crt)"}},
		"another row's, that is older": {func(s *stand) string {
			s.put("etcd-server", s.like("etcd-server", nil))
			return "etcd-server=" + s.etcd(s.pair("etcd-peer"))
		}, []string{"warning live-other-certificate: etcd-server: HOST: serves neither the certificate of the file nor an older one of it, but that of etcd-peer; the file has FP valid until 2027-11-14T12:00:00Z (pki/etcd/server.crt)"}},
		"older, of another subject": {func(s *stand) string {
			return "apiserver=" + s.apiserver(s.like("apiserver", func(c *x509.Certificate) { earlier(100)(c); c.Subject.CommonName = "by-hand" }))
		}, []string{"warning live-other-certificate: apiserver: HOST: serves neither the certificate of the file nor an older one of it, but FP valid until 2027-02-21T12:00:00Z; the file has FP valid until 2027-06-01T12:00:00Z (pki/apiserver.crt)"}},
		"renewed as kubeadm does, and not reloaded": {func(s *stand) string { // all begin when the CA does
			return s.apiserver(s.like("apiserver", func(c *x509.Certificate) {
				c.NotBefore, c.NotAfter = s.pair("apiserver").Leaf.NotBefore, asked.Add(day)
			}))
		}, []string{"warning live-not-reloaded: apiserver: HOST: still serves the old certificate, FP valid until 2026-11-25T12:00:00Z; the file has a newer one, FP valid until 2027-06-01T12:00:00Z (pki/apiserver.crt)"}},
		"another node": {func(s *stand) string {
			return s.apiserver(s.like("apiserver", func(c *x509.Certificate) { c.DNSNames = []string{"cp-2", "kubernetes"} }))
		}, []string{"notice live-other-node: apiserver: HOST: serves another certificate than the file, with other names: DNS:cp-2, DNS:kubernetes, IP:10.96.0.1, IP:192.0.2.10 (pki/apiserver.crt)"}},

		"another CA": {func(s *stand) string {
			ca := authority(s.t, "corporate")
			pair := sign(s.t, ca, nil)
			pair.Certificate = append(pair.Certificate, ca.Certificate...)
			return "apiserver=" + s.apiserver(pair)
		}, []string{`error other-ca: apiserver: HOST: certificate is signed by another CA: "CN = corporate"`}},
		"another cluster": {func(s *stand) string {
			other := newStand(s.t)
			s.put("apiserver", s.like("apiserver", nil))
			return s.apiserver(other.pair("apiserver"))
		}, []string{"error other-ca-same-name: apiserver: HOST: certificate is signed by another CA of the same name: it names the key FP, the CA here has FP"}},
		"expired, and of no row": {func(s *stand) string {
			return s.apiserver(sign(s.t, s.pair("ca"), earlier(200)))
		}, []string{"error certificate-expired: HOST: certificate has expired on 2026-11-13T12:00:00Z"}},
		"of no row, and sound": {func(s *stand) string { return s.apiserver(sign(s.t, s.pair("etcd-ca"), nil)) }, none},
		"a client's": {func(s *stand) string { return "etcd-server=" + s.etcd(s.pair("etcd-healthcheck-client")) },
			[]string{"error usage-missing: etcd-server: HOST: certificate lacks the extended key usage serverAuth", "error names-none: etcd-server: HOST: certificate of a server has no DNS name and no address"}},

		"kubelet that made its own": {func(s *stand) string {
			ca := authority(s.t, "node-ca@1780000000")
			pair := sign(s.t, ca, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "node@1780000000"} })
			pair.Certificate = append(pair.Certificate, ca.Certificate...)
			return "kubelet=" + s.serve(pair, tls.RequestClientCert, []string{"ca"})
		}, []string{`warning live-self-signed: kubelet: HOST: serves a certificate that it made for itself, issued by "CN = node-ca@1780000000"`}},
		"kubelet with a certificate of the CA": {func(s *stand) string {
			return "kubelet=" + s.serve(sign(s.t, s.pair("ca"), nil), tls.RequestClientCert, []string{"ca"})
		}, none},
		"kubelet with an expired one": {func(s *stand) string {
			return "kubelet.conf=" + s.serve(sign(s.t, s.pair("ca"), earlier(200)), tls.RequestClientCert, []string{"ca"})
		}, []string{"warning certificate-expired: kubelet: HOST: certificate has expired on 2026-11-13T12:00:00Z"}},
		"kubelet with one that ends soon": {func(s *stand) string {
			return "kubelet=" + s.serve(sign(s.t, s.pair("ca"), func(c *x509.Certificate) { c.NotAfter = asked.Add(5 * day) }), tls.RequestClientCert, []string{"ca"})
		}, []string{"warning certificate-expiring: kubelet: HOST: expires on 2026-11-29T12:00:00Z, in 5d"}},
		"scheduler": {func(s *stand) string {
			return "scheduler=" + s.apiserver(authority(s.t, "localhost@1780000000"))
		}, none},
		"scheduler that still admits an old CA": {func(s *stand) string {
			return "scheduler=" + s.apiserver(authority(s.t, "localhost@1780000000"), authority(s.t, "kubernetes"))
		}, []string{`warning live-client-ca-stale: scheduler: HOST: also lets in clients of a CA named "CN = kubernetes" that is not in pki/ca.crt, pki/front-proxy-ca.crt`}},
		"scheduler that does not admit the front proxy": {func(s *stand) string {
			return "scheduler=" + s.serve(authority(s.t, "localhost@1780000000"), tls.RequestClientCert, []string{"ca"})
		}, none},
		"scheduler that asks for nothing": {func(s *stand) string {
			return "scheduler=" + s.serve(authority(s.t, "localhost@1780000000"), tls.NoClientCert, nil)
		}, none},

		"a kubeconfig leads to what is not covered": {func(s *stand) string {
			at := s.apiserver(s.like("apiserver", nil))
			s.lead("scheduler", at)
			return at
		}, []string{"error live-server-not-covered: apiserver: HOST: its certificate does not cover 127.0.0.1, which scheduler.conf leads to"}},
		"a kubeconfig with the name that is covered": {func(s *stand) string {
			at := s.apiserver(s.like("apiserver", func(c *x509.Certificate) { c.NotBefore = asked.Add(-9 * day) }))
			s.lead("scheduler", at+"\n    tls-server-name: kubernetes")
			return at
		}, []string{"warning live-other-certificate: apiserver: HOST: serves neither the certificate of the file nor an older one of it, but FP valid until 2027-11-14T12:00:00Z; the file has FP valid until 2027-06-01T12:00:00Z (pki/apiserver.crt)"}},
		"the file does not cover it either": {func(s *stand) string { // so its row says it
			at := s.apiserver(s.pair("apiserver"))
			s.lead("scheduler", at)
			return at
		}, none},

		"no client certificate asked for": {func(s *stand) string { return s.serve(s.pair("etcd-server"), tls.NoClientCert, nil) },
			[]string{"error live-clients-not-asked: etcd-server: HOST: asks its clients for no certificate"}},
		"any client certificate asked for": {func(s *stand) string { return s.serve(s.pair("apiserver"), tls.RequestClientCert, nil) }, none},
		"clients of another CA": {func(s *stand) string {
			return s.serve(s.pair("etcd-server"), tls.RequireAndVerifyClientCert, []string{"ca"})
		}, []string{
			`error live-client-ca-other: etcd-server: HOST: does not let in clients of "CN = etcd-ca", only of "CN = kubernetes" (pki/etcd/ca.crt)`,
			`warning live-client-ca-stale: etcd-server: HOST: also lets in clients of a CA named "CN = kubernetes" that is not in pki/etcd/ca.crt`,
		}},
		"no front proxy": {func(s *stand) string { return s.serve(s.pair("apiserver"), tls.RequestClientCert, []string{"ca"}) },
			[]string{`error live-client-ca-other: apiserver: HOST: does not let in clients of "CN = front-proxy-ca", only of "CN = kubernetes" (pki/front-proxy-ca.crt)`}},
		"a bundle that was not taken up": {func(s *stand) string {
			at := s.etcd(s.pair("etcd-server"))
			s.also("etcd-ca", authority(s.t, "etcd-ca"))
			return at
		}, []string{`warning live-client-ca-partial: etcd-server: HOST: lets in clients of fewer CAs named "CN = etcd-ca" than there are in pki/etcd/ca.crt (pki/etcd/ca.crt)`}},
		"a bundle with a new name that was not taken up": {func(s *stand) string {
			at := s.etcd(s.pair("etcd-server"))
			s.also("etcd-ca", authority(s.t, "etcd-ca-2027"))
			return at
		}, []string{`error live-client-ca-other: etcd-server: HOST: does not let in clients of "CN = etcd-ca-2027", only of "CN = etcd-ca" (pki/etcd/ca.crt)`}},
		"a bundle, taken up": {func(s *stand) string {
			next := authority(s.t, "etcd-ca")
			at := s.etcd(s.pair("etcd-server"), next)
			s.also("etcd-ca", next)
			s.also("etcd-ca", next) // twice in the file, once in a pool
			return at
		}, none},
		"an old CA": {func(s *stand) string { return s.etcd(s.pair("etcd-server"), authority(s.t, "etcd-ca")) },
			[]string{`warning live-client-ca-stale: etcd-server: HOST: also lets in clients of a CA named "CN = etcd-ca" that is not in pki/etcd/ca.crt`}},
		"CAs that are not here": {func(s *stand) string {
			at := s.apiserver(s.pair("apiserver"), authority(s.t, "old"))
			for _, f := range s.Site.Files(s.row("front-proxy-ca")) {
				require.NoError(s.t, os.Remove(f))
			}
			return at
		}, none},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			assert.Equal(t, tt.want, s.found(tt.start(s)))
		})
	}
}

// TestLiveOrder asks many: the findings are in the order of the endpoints.
func TestLiveOrder(t *testing.T) {
	s := newStand(t)
	var endpoints, want, got []string
	for range 9 {
		at := s.serve(s.pair("apiserver"), tls.NoClientCert, nil)
		endpoints, want = append(endpoints, at), append(want, at)
	}
	d, err := Look(t.Context(), s.Place, Options{Now: asked, Live: endpoints})
	require.NoError(t, err)
	for _, f := range d.Findings {
		if f.ID == finding.LiveClientsNotAsked {
			got = append(got, f.Entry)
		}
	}
	assert.Equal(t, want, got)
}

// TestLiveRow finds the row of what is served, without a connection: by name, certificate, subject, port and names.
func TestLiveRow(t *testing.T) {
	s := newStand(t, "cp-2")
	inv, _, err := phases.Look(t.Context(), s.Tree, s.Site, nil)
	require.NoError(t, err)
	j := judge.Judge(s.Tree, inv, nil, asked)
	stranger := sign(t, authority(t, "corporate"), nil)
	for _, tt := range []struct {
		endpoint string
		served   tls.Certificate
		want     string
	}{
		{"192.0.2.11:6443", s.pair("apiserver@cp-2"), "apiserver@cp-2"},
		{"192.0.2.10:6443", s.pair("apiserver@cp-2"), "apiserver@cp-2"},
		{"192.0.2.10:8443", s.pair("etcd-peer@cp-1"), "etcd-peer@cp-1"},
		{"etcd-server=192.0.2.10:8443", s.pair("etcd-peer@cp-1"), "etcd-server@cp-1"},
		{"192.0.2.11:8443", s.like("apiserver@cp-2", nil), "apiserver@cp-2"},
		{"192.0.2.10:8443", s.like("apiserver@cp-2", nil), "apiserver@cp-1"},
		{"192.0.2.10:2380", s.like("etcd-peer@cp-1", nil), "etcd-peer@cp-1"},
		{"192.0.2.10:2379", s.like("etcd-peer@cp-1", nil), "etcd-server@cp-1"},
		{"192.0.2.11:2379", stranger, "etcd-server@cp-2"},
		{"cp-2:6443", stranger, "apiserver@cp-2"},
		{"192.0.2.10:10250", stranger, "kubelet@cp-1"},
		{"192.0.2.10:10257", stranger, "controller-manager@cp-1"},
		{"192.0.2.10:10259", stranger, "scheduler@cp-1"},
		{"apiserver=192.0.2.10:1", stranger, "apiserver@cp-1"},
		{"192.0.2.10:443", stranger, ""},
		{"192.0.2.10:443", tls.Certificate{}, ""},
		{"192.0.2.10:6443", tls.Certificate{}, "apiserver@cp-1"},
	} {
		at, err := ParseEndpoint(tt.endpoint)
		require.NoError(t, err)
		c := component{auditor: &auditor{j: j, Options: Options{Now: asked}}, at: at}
		if tt.served.Leaf != nil {
			c.Chain = []*x509.Certificate{tt.served.Leaf}
		}
		c.find()
		got := ""
		if c.row.Spec.Role != nil {
			got = c.row.Spec.ID.String()
		}
		assert.Equal(t, tt.want, got, tt.endpoint)
	}
}

// TestLiveName: who asks by a name that is not there is told, but for the ways that lead there from the host itself.
func TestLiveName(t *testing.T) {
	s := newStand(t)
	inv, _, err := phases.Look(t.Context(), s.Tree, s.Site, nil)
	require.NoError(t, err)
	j := judge.Judge(s.Tree, inv, nil, asked)
	for endpoint, want := range map[string][]string{
		"192.0.2.10:6443": nil, "api.example.com:6443": nil, "127.0.0.1:6443": nil, "[::1]:6443": nil, "[::ffff:127.0.0.1]:6443": nil, "localhost:6443": nil,
		"192.0.2.99:6443":     {"apiserver: 192.0.2.99:6443: its certificate does not have this name or address, but "},
		"lb.example.com:6443": {"apiserver: lb.example.com:6443: its certificate does not have this name or address, but "},
	} {
		at, err := ParseEndpoint(endpoint)
		require.NoError(t, err)
		answer := live.Answer{Served: live.Served{Chain: []*x509.Certificate{s.pair("apiserver").Leaf}, AsksClient: true}}
		c := component{auditor: &auditor{j: j, Options: Options{Now: asked}}, at: at, Answer: answer}
		c.find()
		c.judge()
		var got []string
		for _, f := range c.out {
			assert.Equal(t, finding.LiveNameMissing, f.ID)
			assert.Equal(t, finding.Notice, f.Severity)
			text, names, _ := strings.Cut(f.String(), "DNS:api.example.com, DNS:cp-1, ")
			assert.Contains(t, names, "IP:192.0.2.10")
			got = append(got, text)
		}
		assert.Equal(t, want, got, endpoint)
	}
}

// TestLiveRemedies: what has to be done is the component's, as the table of rows says.
func TestLiveRemedies(t *testing.T) {
	s := newStand(t)
	for _, tt := range []struct{ row, component, want string }{
		{"apiserver", "kube-apiserver", "kube-apiserver takes up a changed pair by itself"},
		{"etcd-peer", "etcd", "etcd reads the pair anew at every handshake"},
		{"ca", "kube-apiserver", "kube-apiserver takes up a changed file by itself"},
		{"ca", "kubelet", "kubelet reads the file once, at its start: restart it"},
		{"etcd-ca", "etcd", "etcd reads the file once, at its start: restart it"},
		{"ca", "kube-scheduler", "kube-scheduler takes its client CAs from the ConfigMap extension-apiserver-authentication in kube-system, which only gains some: delete it once the old CA is gone everywhere, and the API server makes it anew"},
	} {
		assert.Equal(t, tt.want, uptake(s.row(tt.row), tt.component))
	}
	f := finding.New(finding.LiveNotReloaded, "a", uptake(s.row("apiserver"), "kube-apiserver"))
	assert.Equal(t, "ask again in two minutes; if the old one is still served then, restart it, and see that its flags name this file: kube-apiserver takes up a changed pair by itself", f.Remedy(finding.Live))
	assert.Contains(t, finding.New(finding.CertificateExpired, "x").At("apiserver", "certs", "").Remedy(finding.Live), "see in the component's flags which file it reads")
}

// TestLiveAddressRefused: an address that is none is refused before anything is asked, and so is everything once it is over.
func TestLiveAddressRefused(t *testing.T) {
	for s, want := range map[string]string{
		"192.0.2.10":         `"192.0.2.10" is not HOST:PORT, such as 192.0.2.10:6443, [2001:db8::10]:6443 or api.example.com:6443`,
		"apiserver=cp-1":     `"cp-1" is not HOST:PORT, such as 192.0.2.10:6443, [2001:db8::10]:6443 or api.example.com:6443`,
		"ca=192.0.2.10:6443": `unknown name "ca": must be one of apiserver, etcd-server, etcd-peer, kubelet, controller-manager, scheduler`,
		"=192.0.2.10:6443":   `unknown name "": must be one of apiserver, etcd-server, etcd-peer, kubelet, controller-manager, scheduler`,
	} {
		_, err := ParseEndpoint(s)
		assert.EqualError(t, err, want)
		assert.EqualError(t, (&auditor{Options: Options{Live: []string{s}}}).ask(t.Context()), want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, (&auditor{Options: Options{Live: []string{"127.0.0.1:6443"}}}).ask(ctx), context.Canceled)
}
