// Package live asks running components what they serve: it begins a TLS handshake as a client without a certificate, and
// notes what the server shows. It judges nothing, sends nothing behind the handshake, and is the only package that dials.
package live

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// patience bounds one endpoint, from its name's look-up to the end of the handshake.
	patience = 5 * time.Second
	// atOnce is how many endpoints are asked at a time.
	atOnce = 16
)

// Endpoint is where a component is asked: an address or a DNS name, and a port.
type Endpoint struct {
	Host string
	Port uint16
}

// ParseEndpoint reads HOST:PORT. An IPv6 address stands in brackets.
func ParseEndpoint(s string) (Endpoint, error) {
	host, port, err := net.SplitHostPort(s)
	n, portErr := strconv.ParseUint(port, 10, 16)
	_, noAddress := netip.ParseAddr(host)
	noName := host == "" || strings.ContainsAny(host, " \t\r\n/\\@:?#%*\"'`")
	if err != nil || portErr != nil || n == 0 || noAddress != nil && noName {
		return Endpoint{}, fmt.Errorf("%q is not HOST:PORT, such as 192.0.2.10:6443, [2001:db8::10]:6443 or api.example.com:6443", s)
	}
	return Endpoint{host, uint16(n)}, nil
}

// String is HOST:PORT.
func (e Endpoint) String() string { return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port))) }

// Served is what a server shows in a handshake.
type Served struct {
	// Address is where the connection led to: behind a name there may be several.
	Address string
	Version uint16
	// Chain are its certificates, its own first. It has shown that it holds the key of that.
	Chain []*x509.Certificate
	// AsksClient says that it asked for a client certificate, Admits are the subjects (in DER) of the CAs that it named then.
	AsksClient bool
	Admits     [][]byte
}

// Stage is how far an endpoint came.
type Stage int

// The stages at which an endpoint can fail. Unreachable: there is no connection. Silent: what answers, if anything, is no
// TLS. Refused: one of the two ended the handshake.
const (
	Unreachable Stage = iota
	Silent
	Refused
)

// Error is why nothing is known of an endpoint.
type Error struct {
	Stage Stage
	Err   error
}

// Error says why, in one phrase, without the endpoint.
func (e *Error) Error() string {
	var (
		header tls.RecordHeaderError
		name   *net.DNSError
		op     *net.OpError
	)
	switch {
	case errors.Is(e.Err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(e.Err, &header) && string(header.RecordHeader[:]) == "HTTP/":
		return "it speaks HTTP without TLS"
	case errors.As(e.Err, &name):
		return name.Err
	case errors.As(e.Err, &op) && op.Op != "remote error":
		return cmp.Or(errors.Unwrap(op.Err), op.Err).Error() // without the name of the system call
	case e.Stage != Unreachable && strings.HasSuffix(e.Err.Error(), "EOF"):
		return "it closes the connection"
	}
	return e.Err.Error()
}

// Unwrap is the reason itself.
func (e *Error) Unwrap() error { return e.Err }

// Answer is what an endpoint served, or the [Error] that says why that is not known.
type Answer struct {
	Served
	Err error
}

// All asks every endpoint, several at once, and gives the answers in their order.
func All(ctx context.Context, endpoints []Endpoint) []Answer {
	answers := make([]Answer, len(endpoints))
	turn := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, e := range endpoints {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			answers[i].Served, answers[i].Err = Ask(ctx, e)
		})
	}
	all.Wait()
	return answers
}

// Ask begins a TLS handshake as a Go client does, but for a verdict on what it is shown. The error is an
// [Error]. A server that ends the handshake because we have no certificate has shown its own by then: that counts.
func Ask(ctx context.Context, endpoint Endpoint) (Served, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", endpoint.String())
	if err != nil {
		return Served{}, &Error{Unreachable, err}
	}
	heard := &hearing{Conn: conn}
	var got Served
	client := tls.Client(heard, &tls.Config{
		ServerName:         endpoint.Host, // crypto/tls sends a name only, never an address
		InsecureSkipVerify: true,          // who asks judges the chain
		VerifyConnection: func(state tls.ConnectionState) error {
			got.Version, got.Chain = state.Version, state.PeerCertificates
			return nil
		},
		// Called once the server has shown that it holds its key. An empty certificate is how a client says that it has none.
		GetClientCertificate: func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			got.AsksClient, got.Admits = true, r.AcceptableCAs
			return &tls.Certificate{}, nil
		},
	})
	defer client.Close()
	err = client.HandshakeContext(ctx)
	switch {
	case err == nil || got.AsksClient:
		got.Address = conn.RemoteAddr().String()
		return got, nil
	case !heard.any || errors.As(err, new(tls.RecordHeaderError)):
		return Served{}, &Error{Silent, err}
	}
	return Served{}, &Error{Refused, err}
}

// hearing notes whether anything came.
type hearing struct {
	net.Conn
	any bool
}

func (h *hearing) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.any = h.any || n > 0
	return n, err
}
