package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/e2e/cluster"
)

// caller is a TLS client as simple as it can be: kubectl without its own mind. It sends its certificate even when the
// server's list of acceptable CAs says that it is pointless, as a forger would.
type caller struct {
	ca     string // file of the CAs it trusts the server by
	name   string // name to verify, the URL's host when empty
	id     *tls.Certificate
	header http.Header
}

// api is a caller of the site's API server.
func (s *site) api(id *tls.Certificate) caller { return caller{ca: s.pki("ca.crt"), id: id} }

// with returns a caller that sends one header more.
func (c caller) with(name, value string) caller {
	c.header = c.header.Clone()
	if c.header == nil {
		c.header = http.Header{}
	}
	c.header.Add(name, value)
	return c
}

// tls is the caller's side of a connection.
func (c caller) tls(t T) *tls.Config {
	t.Helper()
	config := &tls.Config{RootCAs: pool(t, c.ca), ServerName: c.name}
	if c.id != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.id, nil }
	}
	return config
}

// alert connects to a server that refuses the caller's certificate and returns the TLS alert that it sends. In TLS 1.3
// that comes after the client's handshake is done; a client that writes first may see a broken pipe instead.
func (c caller) alert(t T, url string) error {
	t.Helper()
	address := strings.TrimPrefix(url, "https://")
	plain, err := cluster.DialLoopback(context.Background(), "tcp", address)
	require.NoError(t, err)
	defer plain.Close()
	require.NoError(t, plain.SetDeadline(time.Now().Add(patience(t))))
	config := c.tls(t)
	config.ServerName, _, err = net.SplitHostPort(address)
	require.NoError(t, err)
	_, err = tls.Client(plain, config).Read(make([]byte, 1))
	return err
}

// do sends one request over a connection of its own. The error is one of the connection; a refusal by HTTP is a status.
func (c caller) do(t T, method, url, body string) (status int, answer string, err error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: c.tls(t), DialContext: cluster.DialLoopback, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), patience(t))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header = c.header.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	if request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// userInfo is whom the API server takes a caller for.
type userInfo struct {
	Username string
	Groups   []string
	Extra    map[string][]string
}

// whoAmI asks the API server at server who the caller is; another status than 201 is an error.
func (c caller) whoAmI(t T, server string) (userInfo, error) {
	t.Helper()
	status, text, err := c.do(t, http.MethodPost, server+"/apis/authentication.k8s.io/v1/selfsubjectreviews",
		`{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`)
	if err != nil {
		return userInfo{}, err
	}
	if status != http.StatusCreated {
		return userInfo{}, fmt.Errorf("%d: %s", status, text)
	}
	return parseUserInfo(t, text), nil
}

// parseUserInfo reads the user out of a SelfSubjectReview.
func parseUserInfo(t T, text string) userInfo {
	t.Helper()
	var review struct{ Status struct{ UserInfo userInfo } }
	require.NoError(t, json.Unmarshal([]byte(text), &review), text)
	return review.Status.UserInfo
}
