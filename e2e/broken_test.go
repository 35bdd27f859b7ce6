package e2e

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/pkitool/pkitool/e2e/cluster"
)

// recorder is a T that lets a check fail without failing the test: it stops at the first failure and keeps its words.
type recorder struct {
	failure string
}

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) FailNow()            { runtime.Goexit() }
func (r *recorder) Errorf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// patience is how long eventually waits: with a broken PKI, for nothing.
func patience(t T) time.Duration {
	if _, ok := t.(*recorder); ok {
		return 10 * time.Second
	}
	return time.Minute
}

// failureOf runs a check and returns the words with which it fails, "" if it doesn't.
func failureOf(check func(T)) string {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(r)
	}()
	<-done
	return r.failure
}

// broken is a PKI with one fault that pkitool would never make.
type broken struct {
	name  string
	spoil func(*testing.T, *site)
	check func(T, *site)
	says  string // what the check that exists for it says
}

var brokenPKIs = []broken{
	{"apiserver-without-ip", func(t *testing.T, s *site) {
		names := certificates(t, s.pki("apiserver.crt"))[0].DNSNames
		loadAuthority(t, s.pki("ca")).sign(t, x509.Certificate{
			Subject: certificates(t, s.pki("apiserver.crt"))[0].Subject, DNSNames: names,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}).save(t, s.pki("apiserver"))
	}, checkServingNames, "cannot validate certificate for 192.0.2.10 because it doesn't contain any IP SANs"},
	{"front-proxy-client-of-another-ca", func(t *testing.T, s *site) {
		impostor(t, loadAuthority(t, s.pki("front-proxy-ca"))).client(t, "front-proxy-client").save(t, s.pki("front-proxy-client"))
	}, checkFrontProxy, "401: {\"kind\":\"Status\""},
	{"foreign-sa-pub", func(t *testing.T, s *site) {
		der, err := x509.MarshalPKIXPublicKey(newAuthority(t, "stranger").key.Public())
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(s.pki("sa.pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600))
	}, checkServiceAccounts, "token of the API server is not signed with sa.key"},
	{"admin-of-another-group", func(t *testing.T, s *site) {
		config := mustLoad(t, s.original("admin.conf"))
		admin := loadAuthority(t, s.pki("ca")).client(t, "kubernetes-admin", "kubeadm:cluster-admin")
		for _, user := range config.AuthInfos {
			user.ClientCertificateData, user.ClientKeyData = admin.pem(), admin.keyPEM(t)
		}
		require.NoError(t, clientcmd.WriteToFile(config, s.original("admin.conf")))
	}, checkIdentities, "kubeadm:cluster-admins"},
}

// peerWithoutClientAuth is the broken PKI that takes two members of etcd and no API server.
const peerWithoutClientAuth = "peer-without-client-auth"

// TestBroken is the proof that the suite can fail: each broken PKI is caught by the check that exists for it.
func TestBroken(t *testing.T) {
	for _, b := range brokenPKIs {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, variant{name: b.name, configure: func(c *cluster.Config) { c.Algorithm = "ECDSA-P256" }})
			s.makePKI(t)
			b.spoil(t, s)
			s.start(t, func(o *cluster.Options) { o.APIServerOnly = true })
			require.Contains(t, failureOf(func(t T) { b.check(t, s) }), b.says)
			suite.report.passed("broken", b.name)
		})
	}
	t.Run(peerWithoutClientAuth, func(t *testing.T) {
		t.Parallel()
		q := newQuorum(t, 2, "--key-algorithm", "ECDSA-P256")
		for _, s := range q.sites {
			peer := certificates(t, s.pki("etcd", "peer.crt"))[0]
			loadAuthority(t, s.pki("etcd", "ca")).sign(t, x509.Certificate{
				Subject: peer.Subject, DNSNames: peer.DNSNames, IPAddresses: peer.IPAddresses,
				KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			}).save(t, s.pki("etcd", "peer"))
		}
		q.start(t)
		require.NotEmpty(t, failureOf(func(t T) { checkQuorum(t, q) }))
		complaints, err := q.Complaints()
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(complaints), "x509: certificate specifies an incompatible key usage")
		suite.report.passed("broken", peerWithoutClientAuth)
	})
}
