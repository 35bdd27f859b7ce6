package audit

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/internal/tlstest"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

const day = 24 * time.Hour

// made is when the PKI of these tests was made, asked when its components are asked.
var (
	made  = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	asked = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
)

// stand is a directory with a whole PKI, and components that serve from it.
type stand struct {
	t *testing.T
	Place
	dir string
}

func newStand(t *testing.T, nodes ...string) *stand {
	t.Helper()
	c := certs.Cluster{
		Name: "kubernetes", ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")}, DNSDomain: "cluster.local",
		KeyAlgorithm: pki.ECDSAP256, Validity: 365 * day, CAValidity: 3650 * day,
		APIServerSANs: pki.SANs{DNS: []string{"api.example.com"}},
	}
	address := netip.MustParseAddr("192.0.2.10")
	for _, name := range append([]string{"cp-1"}, nodes...) {
		c.Nodes = append(c.Nodes, certs.Node{Name: name, AdvertiseAddress: address, BindPort: 6443})
		address = address.Next()
	}
	tree, err := certs.New(c)
	require.NoError(t, err)
	dir := t.TempDir()
	s := &stand{t, Place{Site: judge.Site{Dirs: judge.Dirs{Cert: filepath.Join(dir, "pki"), Kubeconfig: dir}}, Tree: tree}, dir}
	_, err = phases.Init(t.Context(), tree, s.Site, nil, phases.Options{Now: made, CertMode: 0o644})
	require.NoError(t, err)
	return s
}

func (s *stand) row(role string) certs.Spec {
	s.t.Helper()
	for r := range s.Tree.Rows() {
		if r.ID.String() == role {
			return r
		}
	}
	require.FailNow(s.t, "no row "+role)
	return certs.Spec{}
}

// file is a row's certificate file, or its kubeconfig.
func (s *stand) file(role string) string {
	files := s.Site.Files(s.row(role))
	return files[len(files)-1]
}

// pair is what lies in a row's files.
func (s *stand) pair(role string) tls.Certificate {
	s.t.Helper()
	files := s.Site.Files(s.row(role))
	pair, err := tls.LoadX509KeyPair(files[1], files[0])
	require.NoError(s.t, err)
	return pair
}

// renewed puts a pair into a row's files.
func (s *stand) put(role string, pair tls.Certificate) {
	s.t.Helper()
	files := s.Site.Files(s.row(role))
	key, err := pki.EncodePrivateKey(pair.PrivateKey.(crypto.Signer))
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(files[0], key, 0o600))
	require.NoError(s.t, os.WriteFile(files[1], pki.EncodeCertificates(pair.Leaf), 0o644))
}

// like makes a certificate as a row's, signed by the same CA ten days ago, but for what change does.
func (s *stand) like(role string, change func(*x509.Certificate)) tls.Certificate {
	s.t.Helper()
	old := s.pair(role).Leaf
	return sign(s.t, s.pair(s.row(role).Issuer.Role), func(c *x509.Certificate) {
		c.Subject, c.DNSNames, c.IPAddresses, c.ExtKeyUsage = old.Subject, old.DNSNames, old.IPAddresses, old.ExtKeyUsage
		if change != nil {
			change(c)
		}
	})
}

// sign makes a certificate; by without a key: it signs itself.
func sign(t *testing.T, by tls.Certificate, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	c := &x509.Certificate{
		NotBefore: asked.Add(-10 * day), NotAfter: asked.Add(355 * day),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, DNSNames: []string{"a.example.com"},
	}
	if change != nil {
		change(c)
	}
	return tlstest.Sign(t, c, by)
}

// authority makes a CA.
func authority(t *testing.T, cn string) tls.Certificate {
	return sign(t, tls.Certificate{}, func(c *x509.Certificate) {
		c.Subject, c.IsCA, c.KeyUsage, c.ExtKeyUsage, c.DNSNames = pkix.Name{CommonName: cn}, true, x509.KeyUsageCertSign, nil, nil
	})
}

// listen serves connections until the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
	return tlstest.Listen(t, "127.0.0.1:0", serve)
}

// serve is a component that serves a pair and admits clients of the CAs of roles, and of further ones.
func (s *stand) serve(pair tls.Certificate, auth tls.ClientAuthType, roles []string, further ...tls.Certificate) string {
	s.t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: auth, ClientCAs: x509.NewCertPool()}
	for _, role := range roles {
		config.ClientCAs.AddCert(s.pair(role).Leaf)
	}
	for _, c := range further {
		config.ClientCAs.AddCert(c.Leaf)
	}
	return listen(s.t, func(conn net.Conn) {
		c := tls.Server(conn, config)
		if c.Handshake() == nil {
			_, _ = io.Copy(io.Discard, c)
		}
	})
}

func (s *stand) apiserver(pair tls.Certificate, further ...tls.Certificate) string {
	return s.serve(pair, tls.RequestClientCert, []string{"ca", "front-proxy-ca"}, further...)
}

func (s *stand) etcd(pair tls.Certificate, further ...tls.Certificate) string {
	return s.serve(pair, tls.RequireAndVerifyClientCert, []string{"etcd-ca"}, further...)
}

// shortID is a fingerprint or a key identifier, in its short form.
var shortID = regexp.MustCompile(`\b[0-9a-f]{16}\b`)

// found are the findings of an endpoint, a line each: severity, id and sentence, with what differs at each run replaced.
func (s *stand) found(endpoint string) []string {
	s.t.Helper()
	d, err := Look(s.t.Context(), s.Place, Options{Now: asked, Live: []string{endpoint}, Within: &phases.Threshold{Left: 30 * day}})
	require.NoError(s.t, err)
	at := endpoint[strings.Index(endpoint, "=")+1:]
	out := []string{}
	for _, f := range d.Findings {
		if f.Entry != at {
			continue
		}
		assert.NotEmpty(s.t, f.Hint+f.Reason, f.ID)
		line := strings.NewReplacer(s.dir+"/", "", at, "HOST").Replace(f.Severity.String() + " " + string(f.ID) + ": " + f.String())
		out = append(out, shortID.ReplaceAllString(line, "FP"))
	}
	return out
}

// lead lets a kubeconfig lead to an address.
func (s *stand) lead(role, address string) {
	s.t.Helper()
	text, err := os.ReadFile(s.file(role))
	require.NoError(s.t, err)
	changed := regexp.MustCompile(`server: .*`).ReplaceAllString(string(text), "server: https://"+address)
	require.NotEqual(s.t, string(text), changed)
	require.NoError(s.t, os.WriteFile(s.file(role), []byte(changed), 0o600))
}

// also adds a certificate to a CA's file.
func (s *stand) also(role string, ca tls.Certificate) {
	s.t.Helper()
	text, err := os.ReadFile(s.file(role))
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(s.file(role), append(text, pki.EncodeCertificates(ca.Leaf)...), 0o644))
}
