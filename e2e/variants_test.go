package e2e

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/e2e/cluster"
)

// variant is one kind of cluster that every check is run on.
type variant struct {
	name, what string
	// flags are given to pkitool init beside the configuration.
	flags []string
	// configure changes the configuration.
	configure func(*cluster.Config)
	// prepare lays something into the folder before pkitool runs.
	prepare func(*testing.T, *site)
	// address is the loopback address of everything, 127.0.0.1 when empty; secondAddress gets a second API server.
	address, secondAddress string
	// externalEtcd says that etcd runs from a PKI of its own.
	externalEtcd bool
}

// variants is the table.
var variants = []variant{
	{name: "rsa-2048", what: "what a person gets who says nothing: RSA-2048 keys, addresses of IPv4"},
	{name: "ecdsa-p256", what: "ECDSA P-256 keys, the service-account key too", configure: func(c *cluster.Config) { c.Algorithm = "ECDSA-P256" }},
	// kubeadm knows no Ed25519, so it comes by the flag: the configuration stays one that kubeadm reads.
	{name: "ed25519", what: "Ed25519 keys for all certificates, CAs included; an RSA service-account key", flags: []string{"--key-algorithm", "Ed25519"}},
	{name: "intermediate-ca", what: "the cluster's CA is an intermediate under a corporate root, which is in no component's hands", prepare: plantIntermediateCA},
	{name: "ipv6", what: "everything on ::1, IPv6 services", address: "::1", configure: func(c *cluster.Config) {
		c.AdvertiseAddress, c.Endpoint = "2001:db8::10", ""
		c.ServiceSubnet = "fd00:10:96::/112"
		c.CertSANs = []string{"::1", "localhost"}
	}},
	{name: "dual-stack", what: "services of both families, an API server on 127.0.0.1 and one on ::1, ECDSA P-384 keys", secondAddress: "::1", configure: func(c *cluster.Config) {
		c.Algorithm = "ECDSA-P384"
		c.ServiceSubnet = "10.96.0.0/16,fd00:10:96::/112"
		c.CertSANs = []string{"127.0.0.1", "::1", "localhost"}
	}},
	{name: "external-etcd", what: "etcd runs from a PKI of its own", externalEtcd: true, configure: configureExternalEtcd, prepare: plantEtcdClient},
	{name: "external-ca", what: "no CA's key is in the PKI: pkitool made the requests, openssl signed them elsewhere, pkitool brought them back; the controller manager has no signer", prepare: plantExternalCA},
	{name: "made-by-kubeadm", what: "the PKI is kubeadm's, and pkitool init has kept it", prepare: plantKubeadmPKI},
}

func configureExternalEtcd(c *cluster.Config) {
	c.Algorithm = "ECDSA-P256"
	c.ExternalEtcd = &cluster.ExternalEtcd{
		Endpoints: []string{"https://127.0.0.1:2379"}, // overridden by the port that etcd really gets
		CAFile:    filepath.Join(c.PKIDir, "etcd", "ca.crt"),
		CertFile:  filepath.Join(c.PKIDir, "apiserver-etcd-client.crt"),
		KeyFile:   filepath.Join(c.PKIDir, "apiserver-etcd-client.key"),
	}
}

// plantIntermediateCA makes a corporate root and lays an intermediate CA of it down as the cluster's CA, the way that
// an operator who was given one would: the bundle in ca.crt, the intermediate's key beside it, the root's key nowhere.
func plantIntermediateCA(t *testing.T, s *site) {
	root := newAuthority(t, "Corporate Root CA")
	intermediate := root.sign(t, x509.Certificate{
		Subject:               pkix.Name{CommonName: "kubernetes", Organization: []string{"Example Corporation"}},
		NotAfter:              time.Now().AddDate(5, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	})
	require.NoError(t, os.MkdirAll(s.pki(), 0o755))
	require.NoError(t, os.WriteFile(s.pki("ca.crt"), append(intermediate.pem(), root.pem()...), 0o644))
	require.NoError(t, os.WriteFile(s.pki("ca.key"), intermediate.keyPEM(t), 0o600))
}

// plantKubeadmPKI lets the real kubeadm make everything: pkitool then has nothing to do but to agree.
func plantKubeadmPKI(t *testing.T, s *site) {
	kubeadm(t, s, "init", "phase", "certs", "all", "--config", s.configFile())
	kubeadm(t, s, "init", "phase", "kubeconfig", "all", "--config", s.configFile(), "--kubeconfig-dir", s.kubeconfigDir())
}

// plantEtcdClient makes the PKI of an etcd that stands elsewhere, by pkitool too, and brings its CA certificate and the
// client pair of the API server over: all that a cluster with an external etcd has of it.
func plantEtcdClient(t *testing.T, s *site) {
	etcd := s.etcdSite(t)
	etcd.makePKI(t)
	require.NoError(t, copyFiles(etcd.pki(), s.pki(), "etcd/ca.crt", "apiserver-etcd-client.crt", "apiserver-etcd-client.key"))
}

// etcdSite is the site of the external etcd that belongs to s.
func (s *site) etcdSite(t *testing.T) *site {
	t.Helper()
	e := newSite(t, variant{name: "etcd", configure: func(c *cluster.Config) { c.NodeName = "etcd-1" }})
	s.etcd = e
	return e
}
