package live_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/tlstest"
	"github.com/pkitool/pkitool/phases/live"
)

// pair is a certificate and its key.
func pair(t *testing.T, cn string, by *tls.Certificate) tls.Certificate {
	t.Helper()
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: cn}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: by == nil, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if by == nil {
		by = &tls.Certificate{}
	}
	return tlstest.Sign(t, c, *by)
}

// listen serves every connection to an address with serve, and ends with the test.
func listen(t *testing.T, address string, serve func(net.Conn)) live.Endpoint {
	t.Helper()
	e, err := live.ParseEndpoint(tlstest.Listen(t, address, serve))
	require.NoError(t, err)
	return e
}

// speak serves TLS, and hands on what the server saw.
func speak(config *tls.Config, done chan<- seen) func(net.Conn) {
	return func(conn net.Conn) {
		s := tls.Server(conn, config)
		err := s.Handshake()
		var rest []byte
		if err == nil {
			rest, _ = io.ReadAll(s)
		}
		if done != nil {
			done <- seen{s.ConnectionState(), rest, err}
		}
	}
}

type seen struct {
	tls.ConnectionState
	rest []byte
	err  error
}

func pool(list ...tls.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range list {
		p.AddCert(c.Leaf)
	}
	return p
}

// TestAsk asks servers of both versions of TLS, with every wish for a client certificate.
func TestAsk(t *testing.T) {
	ca, other := pair(t, "a-ca", nil), pair(t, "another-ca", nil)
	server := pair(t, "server", &ca)
	server.Certificate = append(server.Certificate, ca.Certificate...)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, auth := range []tls.ClientAuthType{tls.NoClientCert, tls.RequestClientCert, tls.RequireAnyClientCert, tls.RequireAndVerifyClientCert} {
			t.Run(tls.VersionName(version)+"/"+auth.String(), func(t *testing.T) {
				done := make(chan seen, 1)
				e := listen(t, "127.0.0.1:0", speak(&tls.Config{
					Certificates: []tls.Certificate{server}, MinVersion: version, MaxVersion: version, ClientAuth: auth, ClientCAs: pool(ca, other),
				}, done))
				got, err := live.Ask(t.Context(), e)
				require.NoError(t, err)
				assert.Equal(t, version, got.Version)
				assert.Equal(t, e.String(), got.Address)
				require.Len(t, got.Chain, 2)
				assert.True(t, got.Chain[0].Equal(server.Leaf))
				assert.Equal(t, auth != tls.NoClientCert, got.AsksClient)
				if auth != tls.NoClientCert {
					assert.ElementsMatch(t, [][]byte{ca.Leaf.RawSubject, other.Leaf.RawSubject}, got.Admits)
				}
				saw := <-done
				assert.Empty(t, saw.PeerCertificates, "no certificate is given")
				assert.Empty(t, saw.rest, "nothing is sent behind the handshake")
				assert.Empty(t, saw.ServerName, "an address is no server name")
				assert.Equal(t, auth >= tls.RequireAnyClientCert, saw.err != nil)
			})
		}
	}
}

// TestAskAny asks a server that wants a client certificate of whatever CA.
func TestAskAny(t *testing.T) {
	server := pair(t, "server", nil)
	got, err := live.Ask(t.Context(), listen(t, "127.0.0.1:0", speak(&tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequestClientCert}, nil)))
	require.NoError(t, err)
	assert.True(t, got.AsksClient)
	assert.Empty(t, got.Admits)
}

// TestAskByName asks by a DNS name: the server is told it. And by an IPv6 address.
func TestAskByName(t *testing.T) {
	server := pair(t, "server", nil)
	done := make(chan seen, 1)
	config := &tls.Config{Certificates: []tls.Certificate{server}}
	e := listen(t, "127.0.0.1:0", speak(config, done))
	e.Host = "localhost"
	got, err := live.Ask(t.Context(), e)
	require.NoError(t, err)
	assert.True(t, got.Chain[0].Equal(server.Leaf))
	assert.Equal(t, "localhost", (<-done).ServerName)

	t.Run("IPv6", func(t *testing.T) {
		if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
			t.Skip("SKIPPED: this machine has no ::1: " + err.Error())
		} else {
			l.Close()
		}
		e := listen(t, "[::1]:0", speak(config, nil))
		assert.True(t, strings.HasPrefix(e.String(), "[::1]:"))
		got, err := live.Ask(t.Context(), e)
		require.NoError(t, err)
		assert.True(t, got.Chain[0].Equal(server.Leaf))
	})
}

// hello reads the client's first message whole, so that closing the connection loses nothing of what was answered.
func hello(conn net.Conn) {
	var header [5]byte
	_, _ = io.ReadFull(conn, header[:])
	_, _ = io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint16(header[3:])))
}

// TestAskFails asks what is no sound TLS server. Every one of them ends, and says why.
func TestAskFails(t *testing.T) {
	ca := pair(t, "ca", nil)
	server := pair(t, "server", &ca)
	// A key that is not the certificate's: crypto/tls serves what it is given.
	thief := pair(t, "thief", &ca)
	thief.PrivateKey = server.PrivateKey
	broken := server
	broken.Certificate = [][]byte{[]byte("no certificate")}
	huge := server
	for range 2000 {
		huge.Certificate = append(huge.Certificate, ca.Certificate...)
	}
	tests := map[string]struct {
		serve func(net.Conn)
		stage live.Stage
		want  string
	}{
		"silent":  {func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }, live.Silent, "no answer in time"},
		"closing": {hello, live.Silent, "it closes the connection"},
		"garbage": {func(conn net.Conn) {
			hello(conn)
			_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.2p1\r\n")
		}, live.Silent, "tls: first record does not look like a TLS handshake"},
		"HTTP": {func(conn net.Conn) {
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
		}, live.Silent, "it speaks HTTP without TLS"},
		"endless text": {func(conn net.Conn) {
			for {
				if _, err := io.WriteString(conn, strings.Repeat("0", 1<<16)); err != nil {
					return
				}
			}
		}, live.Silent, "tls: first record does not look like a TLS handshake"},
		"endless handshake": {func(conn net.Conn) {
			hello(conn)
			record := append([]byte{22, 3, 3, 0x40, 0}, make([]byte, 0x4000)...) // a message of type 0 ...
			copy(record[5:], []byte{2, 0xff, 0xff, 0xff})                        // ... or a ServerHello of 16 MiB
			for {
				if _, err := conn.Write(record); err != nil {
					return
				}
			}
		}, live.Refused, "tls: handshake message of length 16777215 bytes exceeds maximum of 65536 bytes"},
		"endless alerts": {func(conn net.Conn) {
			hello(conn)
			for {
				if _, err := conn.Write([]byte{21, 3, 3, 0, 2, 1, 90}); err != nil { // user canceled, a warning
					return
				}
			}
		}, live.Refused, "tls: too many ignored records"},
		"half of it": {func(conn net.Conn) {
			hello(conn)
			_, _ = conn.Write([]byte{22, 3, 3, 0x40, 0, 2})
		}, live.Refused, "it closes the connection"},
		"huge chain":                      {speak(&tls.Config{Certificates: []tls.Certificate{huge}}, nil), live.Refused, "tls: handshake message of length"},
		"no certificate that can be read": {speak(&tls.Config{Certificates: []tls.Certificate{broken}}, nil), live.Refused, "tls: failed to parse certificate from server: x509:"},
		"another's certificate, TLS 1.2":  {speak(&tls.Config{Certificates: []tls.Certificate{thief}, MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert}, nil), live.Refused, "tls: invalid signature by the server certificate"},
		"another's certificate, TLS 1.3":  {speak(&tls.Config{Certificates: []tls.Certificate{thief}, ClientAuth: tls.RequestClientCert}, nil), live.Refused, "tls: invalid signature by the server certificate"},
		"refusing":                        {speak(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("none") }}, nil), live.Refused, "remote error: tls: internal error"},
		"too old":                         {speak(&tls.Config{Certificates: []tls.Certificate{server}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, nil), live.Refused, "remote error: tls: protocol version not supported"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := live.Ask(t.Context(), listen(t, "127.0.0.1:0", tt.serve))
			var fault *live.Error
			require.ErrorAs(t, err, &fault)
			assert.Equal(t, tt.stage, fault.Stage)
			assert.True(t, strings.HasPrefix(err.Error(), tt.want), err.Error())
			assert.Empty(t, got.Chain)
		})
	}
}

// TestAskNowhere asks where nobody listens.
func TestAskNowhere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody, err := live.ParseEndpoint(l.Addr().String())
	require.NoError(t, err)
	l.Close()
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		ctx  context.Context
		at   live.Endpoint
		want string
	}{
		{t.Context(), nobody, "connection refused"},
		{stopped, nobody, "operation was canceled"},
	} {
		_, err := live.Ask(tt.ctx, tt.at)
		var fault *live.Error
		require.ErrorAs(t, err, &fault)
		assert.Equal(t, live.Unreachable, fault.Stage)
		assert.EqualError(t, err, tt.want, "the endpoint is said by who asks")
	}
	// No name is looked up in a test: what the resolver says of one that there is not is its own error.
	none := &live.Error{Err: &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "api.example.com", Server: "192.0.2.53:53"}}}
	assert.EqualError(t, none, "no such host")
}

// TestAll asks more endpoints than are asked at once: the answers are in order, and nothing is left running.
func TestAll(t *testing.T) {
	ca := pair(t, "ca", nil)
	var endpoints []live.Endpoint
	var want []tls.Certificate
	for i := range 40 {
		c := pair(t, "server", &ca)
		want = append(want, c)
		if i%10 == 3 {
			endpoints = append(endpoints, listen(t, "127.0.0.1:0", hello))
			continue
		}
		endpoints = append(endpoints, listen(t, "127.0.0.1:0", speak(&tls.Config{Certificates: []tls.Certificate{c}, ClientAuth: tls.RequireAnyClientCert}, nil)))
	}
	before := runtime.NumGoroutine()
	got := live.All(t.Context(), endpoints)
	require.Len(t, got, len(endpoints))
	for i, a := range got {
		if i%10 == 3 {
			assert.Error(t, a.Err)
			continue
		}
		require.NoError(t, a.Err)
		assert.True(t, a.Chain[0].Equal(want[i].Leaf))
	}
	assert.Empty(t, live.All(t.Context(), nil))
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "goroutines are left")
	}
}

func TestParseEndpoint(t *testing.T) {
	for s, want := range map[string]live.Endpoint{
		"192.0.2.10:6443":       {Host: "192.0.2.10", Port: 6443},
		"[2001:db8::10]:6443":   {Host: "2001:db8::10", Port: 6443},
		"[fe80::1%eth0]:2379":   {Host: "fe80::1%eth0", Port: 2379},
		"api.example.com:65535": {Host: "api.example.com", Port: 65535},
		"my_host:1":             {Host: "my_host", Port: 1},
	} {
		got, err := live.ParseEndpoint(s)
		require.NoError(t, err, s)
		assert.Equal(t, want, got)
		assert.Equal(t, s, got.String())
	}
	for _, s := range []string{"", ":6443", "192.0.2.10", "192.0.2.10:", "192.0.2.10:0", "192.0.2.10:65536", "192.0.2.10:https", "192.0.2.10:+1",
		"2001:db8::10:6443", "https://192.0.2.10:6443", "a b:1", "user@host:22", "host/path:1", "*.example.com:6443", "[host%x]:1", "host\n:1", "a:1,b:2"} {
		_, err := live.ParseEndpoint(s)
		if assert.Error(t, err, s) {
			assert.Contains(t, err.Error(), " is not HOST:PORT, such as 192.0.2.10:6443, [2001:db8::10]:6443 or api.example.com:6443")
		}
	}
}
