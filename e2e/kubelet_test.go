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

// kubelet is a hollow kubelet that runs on a site, and what it was started with.
type kubelet struct {
	*cluster.Process
	node, kubeconfig, serving string
	port                      int
}

// startKubelet starts a hollow kubelet for a node that has that kubeconfig and the serving pair serving.crt and .key,
// and waits until it has registered. Port 0 is any.
func (s *site) startKubelet(t T, node, kubeconfig, serving string, port int) kubelet {
	t.Helper()
	if port == 0 {
		ports, err := s.Ports(s.loopback(), 1)
		require.NoError(t, err)
		port = ports[0]
	}
	root := s.scratch("k-" + node)
	require.NoError(t, os.MkdirAll(root, 0o755))
	p, err := s.Start("kubelet-"+node, "hollow-kubelet",
		"--name", node, "--kubeconfig", kubeconfig, "--client-ca-file", s.pki("ca.crt"),
		"--tls-cert-file", serving+".crt", "--tls-private-key-file", serving+".key",
		"--address", s.loopback(), "--port", strconv.Itoa(port), "--root-dir", root)
	require.NoError(t, err)
	// The kubelet leaves its address to a cloud provider, see its source: that is us.
	eventually(t, func() error {
		_, err := s.kubectl("super-admin.conf", "patch", "node", node, "--subresource=status", "--type=merge", "-p",
			fmt.Sprintf(`{"status":{"addresses":[{"type":"InternalIP","address":%q}]}}`, s.NodeAddress()))
		return err
	})
	return kubelet{p, node, kubeconfig, serving, port}
}

// nodeIPs are the addresses that a kubelet's serving certificate needs: where the API server takes it to be, and where
// the tests find it.
func (s *site) nodeIPs() []net.IP {
	return []net.IP{net.ParseIP(s.NodeAddress()), net.ParseIP(s.loopback())}
}

func (s *site) kubeletURL(k kubelet) string {
	return "https://" + net.JoinHostPort(s.loopback(), strconv.Itoa(k.port))
}

// runPod gives the node of a kubelet a pod of the same name, whose logs can be asked for.
func (s *site) runPod(t T, k kubelet) {
	t.Helper()
	s.apply(t, fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":%q},
		"spec":{"nodeName":%q,"automountServiceAccountToken":false,"containers":[{"name":"c","image":"none"}]}}`, k.node, k.node))
}

// logs asks the API server for the logs of the kubelet's pod, which it fetches from the kubelet. There is no container
// behind a hollow kubelet: that it is waiting to start is the kubelet's answer, and as good as a log.
func (s *site) logs(k kubelet) error {
	_, err := s.kubectl("super-admin.conf", "logs", k.node)
	if err == nil {
		return nil
	}
	return wantText(err, fmt.Sprintf(`container "c" in pod %q is waiting to start`, k.node))
}

// proxied asks the API server for what the kubelet answers to a path, and for an answer that holds text.
func (s *site) proxied(k kubelet, path, text string) error {
	answer, err := s.kubectl("super-admin.conf", "get", "--raw", "/api/v1/nodes/"+k.node+"/proxy"+path)
	if err == nil && !strings.Contains(answer, text) {
		err = fmt.Errorf("the kubelet's %s: %s, want %s in it", path, answer, text)
	}
	return err
}

// end removes a kubelet and what it leaves in the cluster.
func (s *site) end(t T, k kubelet) {
	t.Helper()
	k.Stop(0)
	s.must(t, "delete", "pod", k.node, "--force", "--grace-period=0", "--ignore-not-found")
	s.must(t, "delete", "node", k.node, "--ignore-not-found")
}

// bindKubeletClient gives apiserver-kubelet-client its rights, as kubeadm init does.
func (s *site) bindKubeletClient(t T) {
	t.Helper()
	s.apply(t, `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"kubeadm:apiserver-kubelet-client"},
		"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"system:kubelet-api-admin"},
		"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"kube-apiserver-kubelet-client"}]}`)
}

// checkKubelet asks whether the API server and the kubelet of kubelet.conf, with a serving certificate of the CSR API,
// accept each other, and the kubelet nobody else.
func checkKubelet(t T, s *site) {
	serving := s.scratch("kubelet")
	s.kubeletServing(t).save(t, serving)
	s.must(t, "delete", "node", s.config.NodeName, "--ignore-not-found")
	k := s.startKubelet(t, s.config.NodeName, s.Kubeconfig("kubelet.conf"), serving, 0)
	defer s.end(t, k)
	s.runPod(t, k)
	// Without the binding the kubelet knows who asks, and refuses: both certificates are good, the rights are missing.
	s.must(t, "delete", "clusterrolebinding", "kubeadm:apiserver-kubelet-client", "--ignore-not-found")
	const forbidden = "Forbidden (user=kube-apiserver-kubelet-client, verb=get, resource=nodes, subresource"
	eventually(t, func() error {
		_, err := s.kubectl("super-admin.conf", "logs", k.node)
		return wantText(err, forbidden)
	})
	assert.NoError(t, wantText(s.proxied(k, "/pods", ""), forbidden))
	s.bindKubeletClient(t)
	eventually(t, func() error { return s.logs(k) })
	eventually(t, func() error { return s.proxied(k, "/pods", `"name":"`+k.node+`","namespace":"default"`) })
	assert.NoError(t, s.proxied(k, "/healthz", "ok"))
	assert.Empty(t, s.live(t, "kubelet="+address(s.kubeletURL(k))), "certs audit --live")
	checkKubeletClients(t, s, k)
	checkKubeletServing(t, s, k)
}

// checkKubeletClients asks the kubelet itself whom it lets in.
func checkKubeletClients(t T, s *site, k kubelet) {
	kubeletClient := loadPair(t, s.pki("apiserver-kubelet-client"))
	frontProxy := loadPair(t, s.pki("front-proxy-client"))
	callers := []struct {
		name string
		call caller
		want int
	}{
		{"apiserver-kubelet-client", s.api(&kubeletClient), http.StatusOK},
		{"nobody", s.api(nil), http.StatusUnauthorized},
		{"a client of a foreign CA", s.api(newAuthority(t, "stranger").client(t, "kube-apiserver-kubelet-client", "system:masters").pair()), http.StatusUnauthorized},
		{"a client of the front-proxy CA", s.api(&frontProxy), http.StatusUnauthorized},
		{"a client of our CA without rights", s.api(loadAuthority(t, s.signer("ca")).client(t, "nobody-special").pair()), http.StatusForbidden},
	}
	s.Provoke(func() {
		for _, c := range callers {
			status, text, err := c.call.do(t, http.MethodGet, s.kubeletURL(k)+"/pods", "")
			require.NoError(t, err, c.name)
			assert.Equal(t, c.want, status, "%s: %s", c.name, text)
		}
	})
}

// checkKubeletServing asks whether the API server verifies the kubelet: one with a certificate that its CA didn't sign is
// not talked to.
func checkKubeletServing(t T, s *site, k kubelet) {
	k.Stop(0)
	newAuthority(t, "stranger").sign(t, x509.Certificate{
		Subject: pkix.Name{CommonName: "system:node:" + k.node}, IPAddresses: s.nodeIPs(),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}).save(t, k.serving)
	s.Provoke(func() {
		foreign := s.startKubelet(t, k.node, k.kubeconfig, k.serving, k.port)
		defer foreign.Stop(0)
		const unknown = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
		eventually(t, func() error {
			_, err := s.kubectl("super-admin.conf", "logs", k.node)
			return wantText(err, unknown)
		})
		assert.NoError(t, wantText(s.proxied(k, "/pods", ""), unknown))
	})
}
