package e2e

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/e2e/cluster"
)

// checkNodeIdentity asks whether kubelet.conf is the node that it names: it may make and change its own Node, and
// neither another's nor anything else.
func checkNodeIdentity(t T, s *site) {
	node := s.config.NodeName
	create := func(name string) error {
		_, err := s.kubectlRaw(fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":%q}}`, name),
			"--kubeconfig", s.Kubeconfig("kubelet.conf"), "create", "-f", "-")
		return err
	}
	s.must(t, "delete", "node", node, "--ignore-not-found")
	require.NoError(t, create(node))
	self := clientPair(t, s.original("kubelet.conf"))
	status, text, err := s.api(&self).with("Content-Type", "application/merge-patch+json").do(t, http.MethodPatch,
		s.Server+"/api/v1/nodes/"+node+"/status", `{"status":{"nodeInfo":{"architecture":"by-the-node"}}}`)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, status, text)
	assert.Equal(t, "by-the-node", s.must(t, "get", "node", node, "-o", "jsonpath={.status.nodeInfo.architecture}"))

	assert.ErrorContains(t, create("another"), fmt.Sprintf("node %q is not allowed to modify node %q", node, "another"))
	s.apply(t, `{"apiVersion":"v1","kind":"Node","metadata":{"name":"another"}}`)
	_, err = s.kubectl("kubelet.conf", "label", "node", "another", "mine=yes")
	assert.ErrorContains(t, err, `nodes "another" is forbidden: User "system:node:`+node+`"`)
	_, err = s.kubectl("kubelet.conf", "get", "secrets", "-n", "kube-system")
	assert.ErrorContains(t, err, `User "system:node:`+node+`" cannot list resource "secrets"`)
	s.must(t, "delete", "node", node, "another")
}

// kubelet is a hollow kubelet that runs on a site.
type kubelet struct {
	*cluster.Process
	url string
}

// startKubelet starts a hollow kubelet for the site's node, with kubelet.conf as its identity and a serving certificate
// of the CSR API, and waits until it has registered.
func (s *site) startKubelet(t T) kubelet {
	t.Helper()
	serving := s.scratch("kubelet")
	s.kubeletServing(t).save(t, serving)
	ports, err := cluster.Ports(s.loopback(), 1)
	require.NoError(t, err)
	root := s.scratch("k")
	require.NoError(t, os.MkdirAll(root, 0o755))
	s.must(t, "delete", "node", s.config.NodeName, "--ignore-not-found")
	p, err := s.Start("hollow-kubelet", "hollow-kubelet",
		"--name", s.config.NodeName, "--kubeconfig", s.Kubeconfig("kubelet.conf"), "--client-ca-file", s.pki("ca.crt"),
		"--tls-cert-file", serving+".crt", "--tls-private-key-file", serving+".key",
		"--address", s.loopback(), "--port", strconv.Itoa(ports[0]), "--root-dir", root)
	require.NoError(t, err)
	// The kubelet leaves its address to a cloud provider, see its source: that is us.
	eventually(t, func() error {
		_, err := s.kubectl("super-admin.conf", "patch", "node", s.config.NodeName, "--subresource=status", "--type=merge", "-p",
			fmt.Sprintf(`{"status":{"addresses":[{"type":"InternalIP","address":%q}]}}`, s.loopback()))
		return err
	})
	return kubelet{p, "https://" + net.JoinHostPort(s.loopback(), strconv.Itoa(ports[0]))}
}

// checkKubelet asks whether the API server and a kubelet accept each other's certificates, in both directions, and the
// kubelet nobody else.
func checkKubelet(t T, s *site) {
	k := s.startKubelet(t)
	defer k.Stop(0)
	s.apply(t, fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"hollow"},
		"spec":{"nodeName":%q,"automountServiceAccountToken":false,"containers":[{"name":"c","image":"none"}]}}`, s.config.NodeName))
	defer s.must(t, "delete", "pod", "hollow", "--force", "--grace-period=0")
	logs := func() error {
		_, err := s.kubectl("super-admin.conf", "logs", "hollow")
		return err
	}
	// Without the binding the kubelet knows who asks, and refuses: both certificates are good, the rights are missing.
	s.must(t, "delete", "clusterrolebinding", "kubeadm:apiserver-kubelet-client", "--ignore-not-found")
	eventually(t, func() error {
		return wantText(logs(), "Forbidden (user=kube-apiserver-kubelet-client, verb=get, resource=nodes, subresource")
	})
	s.must(t, "create", "clusterrolebinding", "kubeadm:apiserver-kubelet-client", "--clusterrole=system:kubelet-api-admin", "--user=kube-apiserver-kubelet-client")
	eventually(t, func() error { // there is no container behind the kubelet: its own answer is the proof
		err := logs()
		if err == nil {
			return nil
		}
		return wantText(err, `container "c" in pod "hollow" is waiting to start`)
	})
	checkKubeletClients(t, s, k)
	checkKubeletServing(t, s, k)
}

// checkKubeletClients asks the kubelet itself whom it lets in.
func checkKubeletClients(t T, s *site, k kubelet) {
	kubeletClient := loadPair(t, s.pki("apiserver-kubelet-client"))
	frontProxy := loadPair(t, s.pki("front-proxy-client"))
	for _, c := range []struct {
		name string
		call caller
		want int
	}{
		{"apiserver-kubelet-client", s.api(&kubeletClient), http.StatusOK},
		{"nobody", s.api(nil), http.StatusUnauthorized},
		{"a client of a foreign CA", s.api(newAuthority(t, "stranger").client(t, "kube-apiserver-kubelet-client", "system:masters").pair()), http.StatusUnauthorized},
		{"a client of the front-proxy CA", s.api(&frontProxy), http.StatusUnauthorized},
		{"a client of our CA without rights", s.api(loadAuthority(t, s.pki("ca")).client(t, "nobody-special").pair()), http.StatusForbidden},
	} {
		s.Provoke(func() {
			status, text, err := c.call.do(t, http.MethodGet, k.url+"/pods", "")
			require.NoError(t, err, c.name)
			assert.Equal(t, c.want, status, "%s: %s", c.name, text)
		})
	}
}

// checkKubeletServing asks whether the API server verifies the kubelet: one with a certificate that its CA didn't sign is
// not talked to.
func checkKubeletServing(t T, s *site, k kubelet) {
	_, port, err := net.SplitHostPort(strings.TrimPrefix(k.url, "https://"))
	require.NoError(t, err)
	k.Stop(0)
	serving := s.scratch("kubelet")
	newAuthority(t, "stranger").sign(t, x509.Certificate{
		Subject: pkix.Name{CommonName: "system:node:" + s.config.NodeName}, IPAddresses: []net.IP{net.ParseIP(s.loopback())},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}).save(t, serving)
	s.Provoke(func() {
		p, err := s.Start("hollow-kubelet-self-signed", "hollow-kubelet",
			"--name", s.config.NodeName, "--kubeconfig", s.Kubeconfig("kubelet.conf"), "--client-ca-file", s.pki("ca.crt"),
			"--tls-cert-file", serving+".crt", "--tls-private-key-file", serving+".key",
			"--address", s.loopback(), "--port", port, "--root-dir", s.scratch("k"))
		require.NoError(t, err)
		defer p.Stop(0)
		eventually(t, func() error {
			_, err := s.kubectl("super-admin.conf", "logs", "hollow")
			return wantText(err, "tls: failed to verify certificate: x509: certificate signed by unknown authority")
		})
	})
}
