package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

// nodeAddresses are where nodes are said to be: addresses for documentation, which nobody has.
var nodeAddresses = [...]string{"192.0.2.20", "2001:db8::20"}

// NodeAddress is the address for the status and the serving certificate of a kubelet that listens on Options.Address.
// The API server doesn't proxy to a node on loopback ("address not allowed"), so it connects to nodes the way one lets
// it reach those in a network of their own: through a tunnel, whose other end is loopback here. It verifies the
// kubelet by this address, and no packet goes there.
func (c *Cluster) NodeAddress() string {
	if net.ParseIP(c.Options.Address).To4() != nil {
		return nodeAddresses[0]
	}
	return nodeAddresses[1]
}

// tunnel is an HTTP CONNECT proxy for what the API server connects to in the cluster: nodes, and webhooks on loopback.
type tunnel struct {
	loopback string // where nodes really are
}

// openTunnel listens on a socket in the machine's folder until the machine is closed, and returns the name of the
// egress configuration by which an API server uses it.
func (c *Cluster) openTunnel() (string, error) {
	socket, config := filepath.Join(c.Dir, "tunnel.sock"), filepath.Join(c.Dir, "egress.yaml")
	text := fmt.Sprintf(`apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      uds:
        udsName: %q
`, socket)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return "", fmt.Errorf("cluster: %w", err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return "", fmt.Errorf("cluster: %w", err)
	}
	go http.Serve(listener, tunnel{c.Options.Address}) // until the listener is closed
	go func() {
		<-c.stopped
		listener.Close()
	}()
	return config, nil
}

// ServeHTTP connects the two ends until one of them is done.
func (t tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	node, err := t.dial(r.Context(), r.URL.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer node.Close()
	server, _, err := http.NewResponseController(w).Hijack() // nothing is buffered: the client waits for our answer
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer server.Close()
	if _, err := io.WriteString(server, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{}, 2)
	for _, way := range [2][2]net.Conn{{server, node}, {node, server}} {
		go func() {
			_, _ = io.Copy(way[0], way[1]) // either end may go at any time
			done <- struct{}{}
		}()
	}
	<-done
}

// dial connects to a node, or to what is on loopback anyway.
func (t tunnel) dial(ctx context.Context, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	for _, node := range nodeAddresses {
		if host == node {
			address = net.JoinHostPort(t.loopback, port)
		}
	}
	return DialLoopback(ctx, "tcp", address)
}
