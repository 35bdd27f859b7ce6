package e2e

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkCertificateRequests asks whether the controller manager signs with our CA pair and whether what it signs is good
// for what it is for. Where the CA is external it must not have a pair, and pkitool signs where the CA is.
func checkCertificateRequests(t T, s *site) {
	manager := s.Flags["kube-controller-manager"]
	if s.vault != "" {
		assert.Contains(t, manager, "--cluster-signing-key-file=")
	} else {
		assert.Contains(t, manager, "--cluster-signing-key-file="+s.pki("ca.key"))
	}
	client := s.request(t, "super-admin.conf", "carol", "kubernetes.io/kube-apiserver-client", "client auth",
		x509.CertificateRequest{Subject: pkix.Name{CommonName: "carol", Organization: []string{"qa"}}})
	s.verify(t, client)
	user, err := s.api(client.pair()).whoAmI(t, s.Server)
	require.NoError(t, err)
	assert.Equal(t, "carol", user.Username)
	assert.ElementsMatch(t, []string{"qa", "system:authenticated"}, user.Groups)

	serving := s.kubeletServing(t)
	s.verify(t, serving)
	assert.Equal(t, "system:node:"+s.config.NodeName, serving.cert.Subject.CommonName)
	assert.Equal(t, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, serving.cert.ExtKeyUsage)
}

// kubeletServing asks for a serving certificate for the node the way its kubelet does: as kubelet.conf, for the names
// of the node and the signer for kubelets.
func (s *site) kubeletServing(t T) authority {
	t.Helper()
	return s.request(t, "kubelet.conf", "serving", "kubernetes.io/kubelet-serving", "server auth", x509.CertificateRequest{
		Subject:     pkix.Name{CommonName: "system:node:" + s.config.NodeName, Organization: []string{"system:nodes"}},
		DNSNames:    []string{s.config.NodeName},
		IPAddresses: s.nodeIPs(),
	})
}

// request sends a CSR with a new key as conf, has it approved, and returns the certificate that the controller manager signed.
func (s *site) request(t T, conf, name, signer, usage string, template x509.CertificateRequest) authority {
	t.Helper()
	key := newAuthority(t, name).key
	der, err := x509.CreateCertificateRequest(rand.Reader, &template, key)
	require.NoError(t, err)
	object, err := json.Marshal(map[string]any{
		"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
		"metadata": map[string]string{"generateName": name + "-"},
		"spec": map[string]any{
			"request":    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
			"signerName": signer,
			"usages":     []string{"digital signature", usage},
		},
	})
	require.NoError(t, err)
	csr, err := s.kubectlRaw(string(object), "--kubeconfig", s.Kubeconfig(conf), "create", "-f", "-", "-o", "name")
	require.NoError(t, err)
	csr = strings.TrimSpace(csr)
	s.must(t, "certificate", "approve", strings.TrimPrefix(csr, "certificatesigningrequest.certificates.k8s.io/"))
	if s.vault != "" {
		s.signElsewhere(t, csr, signer)
	}
	var signed string
	eventually(t, func() error {
		if signed, err = s.kubectl("super-admin.conf", "get", csr, "-o", "jsonpath={.status.certificate}"); err == nil && signed == "" {
			err = errors.New("the controller manager hasn't signed")
		}
		return err
	})
	text, err := base64.StdEncoding.DecodeString(signed)
	require.NoError(t, err)
	return authority{parseCertificates(t, text)[0], key}
}

// verify asks pkitool, and openssl if it is here, whether a certificate is one of the cluster's CA.
func (s *site) verify(t T, a authority) {
	t.Helper()
	file := s.scratch("verify.crt")
	require.NoError(t, os.WriteFile(file, a.pem(), 0o644))
	out, err := runTool(suite.pkitool, "verify", s.pki("ca.crt"), file)
	require.NoError(t, err)
	assert.Equal(t, file+": OK\n", out, "pkitool verify")
	if hasOpenSSL(t) {
		out, err := runTool("openssl", "verify", "-CAfile", s.pki("ca.crt"), file)
		require.NoError(t, err)
		assert.Equal(t, file+": OK\n", out, "openssl verify")
	}
}

// loopback is the address that everything of the site listens on.
func (s *site) loopback() string {
	if s.address != "" {
		return s.address
	}
	return "127.0.0.1"
}
