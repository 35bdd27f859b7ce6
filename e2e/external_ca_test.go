package e2e

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/e2e/cluster"
)

// externalCAs are the rows of the CAs and their files.
var externalCAs = map[string]string{"ca": "ca", "front-proxy-ca": "front-proxy-ca", "etcd-ca": "etcd/ca"}

// plantExternalCA makes CAs in a folder of their own and lays only their certificates down in the PKI; everything that
// they have to sign comes to them as a request and goes back as a certificate.
func plantExternalCA(t *testing.T, s *site) {
	s.vault = s.scratch("vault")
	for row, file := range externalCAs {
		require.NoError(t, os.MkdirAll(filepath.Dir(s.signer(file)), 0o755))
		newAuthority(t, "Example "+row).save(t, s.signer(file))
		require.NoError(t, copyFiles(s.vault, s.pki(), file+".crt"))
	}
	_, err := runTool(suite.pkitool, "init", "phase", "certs", "sa", "--config", s.configFile(), "--cert-dir", s.pki())
	require.NoError(t, err)
	s.requestAndImport(t, s.configFile(), "all")
}

// startExternalCA starts the control plane with the flags that kubeadm gives it where the CA is external: it judges the
// certificates and kubeconfigs first, and insists on finding these in /etc/kubernetes.
func (s *site) startExternalCA(t *testing.T) {
	root := newRoot(t)
	kubeadmIn(t, root, "version") // skips the test where that cannot be
	s.copyTo(t, root, s.pki(), []byte(s.read(t, s.configFile())))
	s.start(t, func(o *cluster.Options) { o.KubeadmRoot, o.Config = root, "/kubeadm.yaml" })
}

// requestAndImport lets pkitool make the requests of rows, has each signed by its CA, and lets pkitool bring them back.
func (s *site) requestAndImport(t T, config string, rows ...string) {
	t.Helper()
	where := []string{"--config", config, "--cert-dir", s.pki(), "--kubeconfig-dir", s.kubeconfigDir()}
	out, err := runTool(suite.pkitool, append(append([]string{"certs", "generate-csr", "-o", "json"}, rows...), where...)...)
	require.NoError(t, err)
	var report struct {
		Rows []struct {
			Name, Issuer string
			Files        []string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report), out)
	signed := s.scratch("signed")
	require.NoError(t, os.RemoveAll(signed))
	require.NoError(t, os.MkdirAll(signed, 0o755))
	files := []string{"certs", "import"}
	for _, row := range report.Rows {
		request := row.Files[len(row.Files)-1]
		require.True(t, strings.HasSuffix(request, ".csr"), request)
		files = append(files, filepath.Join(signed, row.Name+".pem"))
		signAsAsked(t, request, s.signer(externalCAs[row.Issuer]), files[len(files)-1])
	}
	_, err = runTool(suite.pkitool, append(files, where...)...)
	require.NoError(t, err)
	for _, name := range s.files(t, s.pki()) {
		assert.NotEqual(t, ".csr", filepath.Ext(name), "spent requests go")
	}
}

// signAsAsked signs a request with the CA ca.crt and ca.key, its extensions copied: with openssl, or without where none is.
func signAsAsked(t T, request, ca, to string) {
	t.Helper()
	if hasOpenSSL(t) {
		_, err := runTool("openssl", "x509", "-req", "-in", request, "-CA", ca+".crt", "-CAkey", ca+".key", "-copy_extensions", "copyall",
			"-set_serial", fmt.Sprint(time.Now().UnixNano()), "-days", "30", "-out", to)
		require.NoError(t, err)
		return
	}
	text, err := os.ReadFile(request)
	require.NoError(t, err)
	block, _ := pem.Decode(text)
	require.NotNil(t, block, request)
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	require.NoError(t, err)
	issuer := loadAuthority(t, ca)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), RawSubject: csr.RawSubject, ExtraExtensions: csr.Extensions,
		NotBefore: time.Now(), NotAfter: time.Now().AddDate(0, 0, 30),
	}, issuer.cert, csr.PublicKey, issuer.key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
}

// signElsewhere does what stands in for the controller manager's signers where the CA is external: it takes an approved
// request from the CSR API, lets pkitool sign it where the CA's key is, and puts the certificate into its status.
func (s *site) signElsewhere(t T, csr, signer string) {
	t.Helper()
	encoded := s.must(t, "get", csr, "-o", "jsonpath={.spec.request}")
	request, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	base := s.scratch(filepath.Base(csr))
	require.NoError(t, os.WriteFile(base+".csr", request, 0o644))
	how := []string{"--as", "client", "--accept-subject"}
	if signer == "kubernetes.io/kubelet-serving" {
		// Who has asked, the API server knows; what the request says is not looked at.
		node := strings.TrimPrefix(s.must(t, "get", csr, "-o", "jsonpath={.spec.username}"), "system:node:")
		how = []string{"--as", "kubelet-serving", "--node-name", node, "--node-ip", s.NodeAddress(), "--node-ip", s.loopback()}
	}
	s.pkitool(t, append([]string{"certs", "sign", base + ".csr", "--out", base}, how...)...)
	certificate, err := json.Marshal(map[string]any{"status": map[string][]byte{"certificate": []byte(s.read(t, base+".crt"))}})
	require.NoError(t, err)
	s.must(t, "patch", csr, "--subresource=status", "--type=merge", "-p", string(certificate))
}
