package e2e

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net/http"
	"os"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pkitool runs pkitool where the CAs' keys are.
func (s *site) pkitool(t T, args ...string) {
	t.Helper()
	out, err := runTool(suite.pkitool, append(args, "--cert-dir", s.signer())...)
	require.NoError(t, err, out)
}

// signRequest makes a key and a certificate request in base.key and base.csr and lets pkitool sign it to base.crt.
func (s *site) signRequest(t T, base string, template x509.CertificateRequest, how ...string) {
	t.Helper()
	requester := newAuthority(t, "requester")
	der, err := x509.CreateCertificateRequest(rand.Reader, &template, requester.key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(base+".key", requester.keyPEM(t), 0o600))
	require.NoError(t, os.WriteFile(base+".csr", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), 0o644))
	s.pkitool(t, append([]string{"certs", "sign", base + ".csr", "--out", base}, how...)...)
}

// checkIssued asks whether clients that pkitool issues beside the tree are who they say.
func checkIssued(t T, s *site) {
	issued, signed := s.scratch("grace"), s.scratch("heidi")
	s.pkitool(t, "certs", "issue", "--client", "--cn", "grace", "--org", "dev", "--org", "ops", "--validity", "1h", "--out", issued)
	s.signRequest(t, signed, x509.CertificateRequest{Subject: pkix.Name{CommonName: "heidi", Organization: []string{"qa"}}},
		"--as", "client", "--accept-subject", "--validity", "1h")
	for base, want := range map[string]userInfo{
		issued: {Username: "grace", Groups: []string{"dev", "ops", "system:authenticated"}},
		signed: {Username: "heidi", Groups: []string{"qa", "system:authenticated"}},
	} {
		out, err := s.person(base, "auth", "whoami", "-o", "json")
		require.NoError(t, err)
		user := parseUserInfo(t, out)
		assert.Equal(t, want.Username, user.Username)
		assert.ElementsMatch(t, want.Groups, user.Groups)
	}

	e := s.etcdPKI()
	backup := s.scratch("backup")
	e.pkitool(t, "certs", "issue", "--client", "--signer", "etcd-ca", "--cn", "backup", "--out", backup)
	pair, err := tls.LoadX509KeyPair(backup+".crt", backup+".key")
	require.NoError(t, err)
	status, text, err := caller{ca: e.pki("etcd", "ca.crt"), id: &pair}.do(t, http.MethodPost, e.Etcd.ClientURL()+"/v3/maintenance/status", `{}`)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, status, text)
}

// checkWorker lets a further node join with certificates that pkitool made for it: nothing of it comes from the cluster.
func checkWorker(t T, s *site) {
	const node = "worker-1"
	conf, serving := s.scratch("worker.conf"), s.scratch("worker")
	s.pkitool(t, "kubeconfig", "user", "--cn", "system:node:"+node, "--org", "system:nodes", "--server", s.Server, "--out", conf)
	s.signRequest(t, serving, x509.CertificateRequest{
		Subject:     pkix.Name{CommonName: "system:node:" + node, Organization: []string{"system:nodes"}},
		DNSNames:    []string{node},
		IPAddresses: s.nodeIPs(),
	}, "--as", "kubelet-serving", "--node-name", node, "--node-ip", s.NodeAddress(), "--node-ip", s.loopback())
	k := s.startKubelet(t, node, conf, serving, 0)
	defer s.end(t, k)
	s.runPod(t, k)
	s.bindKubeletClient(t)
	eventually(t, func() error { return s.logs(k) })
	eventually(t, func() error { return s.proxied(k, "/healthz", "ok") })
}
