package cluster

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTunnelEndsOnLoopback(t *testing.T) {
	c := &Cluster{Machine: newTestMachine(t), Options: Options{Address: "127.0.0.1"}}
	_, err := c.openTunnel()
	require.NoError(t, err)
	node, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer node.Close()
	go func() {
		for {
			conn, err := node.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	port := strconv.Itoa(node.Addr().(*net.TCPAddr).Port)
	for target, want := range map[string]int{
		net.JoinHostPort(c.NodeAddress(), port):  http.StatusOK,
		net.JoinHostPort("127.0.0.1", port):      http.StatusOK,
		net.JoinHostPort("192.0.2.21", port):     http.StatusBadGateway,
		net.JoinHostPort("localhost.test", port): http.StatusBadGateway,
	} {
		conn, err := net.Dial("unix", filepath.Join(c.Dir, "tunnel.sock"))
		require.NoError(t, err)
		fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", target)
		answer := bufio.NewReader(conn)
		response, err := http.ReadResponse(answer, nil)
		require.NoError(t, err, target)
		assert.Equal(t, want, response.StatusCode, target)
		if want == http.StatusOK {
			fmt.Fprintln(conn, "hello")
			line, err := answer.ReadString('\n')
			require.NoError(t, err, target)
			assert.Equal(t, "hello\n", line, target)
		}
		conn.Close()
	}
	c.Options.Address = "::1"
	assert.Equal(t, "2001:db8::20", c.NodeAddress())
}
