package audit_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/audit"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// pair is a certificate and its key.
type pair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// scene is a directory in the making.
type scene struct {
	t     testing.TB
	dir   string
	nodes int // 0: one
}

func newScene(t testing.TB) *scene { return &scene{t: t, dir: t.TempDir()} }

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// issue makes a certificate of a subject for a key. by nil: it signs itself.
func issue(t testing.TB, name pkix.Name, key crypto.Signer, by *pair, change func(*x509.Certificate)) pair {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(0x2a), Subject: name, NotBefore: birth, NotAfter: birth.Add(400 * dayLong),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	if change != nil {
		change(c)
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	require.NoError(t, err)
	out, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return pair{out, key}
}

func isCA(c *x509.Certificate) {
	c.IsCA, c.KeyUsage, c.ExtKeyUsage, c.NotAfter = true, x509.KeyUsageCertSign, nil, birth.Add(3650*dayLong)
}

func authority(t testing.TB, cn string, by *pair) pair {
	return issue(t, pkix.Name{CommonName: cn}, newKey(t), by, isCA)
}

func client(t testing.TB, cn string, by pair) pair {
	return issue(t, pkix.Name{CommonName: cn, Organization: []string{"dev"}}, newKey(t), &by, nil)
}

// uncheckable is the certificate with a signature of an algorithm that nobody knows.
func uncheckable(t testing.TB, p pair) pair {
	t.Helper()
	sha256 := []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02} // ecdsa-with-SHA256
	unknown := append(bytes.Clone(sha256[:7]), 0x7f)
	c, err := x509.ParseCertificate(bytes.ReplaceAll(p.cert.Raw, sha256, unknown))
	require.NoError(t, err)
	require.Equal(t, x509.UnknownSignatureAlgorithm, c.SignatureAlgorithm)
	return pair{c, p.key}
}

// write writes certificates.
func (s *scene) write(name string, list ...pair) {
	s.t.Helper()
	var all []*x509.Certificate
	for _, p := range list {
		all = append(all, p.cert)
	}
	s.file(name, pki.EncodeCertificates(all...))
}

func (s *scene) key(name string, p pair) {
	s.t.Helper()
	data, err := pki.EncodePrivateKey(p.key)
	require.NoError(s.t, err)
	s.file(name, data)
}

func (s *scene) file(name string, data []byte) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(s.t, os.WriteFile(path, data, 0o600))
}

// conf writes a kubeconfig whose first user is the current one.
func (s *scene) conf(name string, ca pair, users map[string]pair, order ...string) {
	s.t.Helper()
	b64 := func(data []byte) string { return base64.StdEncoding.EncodeToString(data) }
	var out strings.Builder
	fmt.Fprintf(&out, "apiVersion: v1\nkind: Config\ncurrent-context: c-%s\nclusters:\n- name: k\n  cluster: {server: 'https://192.0.2.10:6443', certificate-authority-data: %s}\ncontexts:\n", order[0], b64(pki.EncodeCertificates(ca.cert)))
	for _, u := range order {
		fmt.Fprintf(&out, "- name: c-%s\n  context: {cluster: k, user: %s}\n", u, u)
	}
	out.WriteString("users:\n")
	for _, u := range order {
		if p := users[u]; p.cert != nil {
			key, err := pki.EncodePrivateKey(p.key)
			require.NoError(s.t, err)
			fmt.Fprintf(&out, "- name: %s\n  user: {client-certificate-data: %s, client-key-data: %s}\n", u, b64(pki.EncodeCertificates(p.cert)), b64(key))
		} else {
			fmt.Fprintf(&out, "- name: %s\n  user: {token: abc}\n", u)
		}
	}
	s.file(name, []byte(out.String()))
}

func (s *scene) tree() certs.Tree {
	s.t.Helper()
	c := certs.Cluster{
		Name: "kubernetes", ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")}, DNSDomain: "cluster.local",
		KeyAlgorithm: pki.ECDSAP256, Validity: 365 * dayLong, CAValidity: 3650 * dayLong,
	}
	for i := range max(s.nodes, 1) {
		c.Nodes = append(c.Nodes, certs.Node{Name: fmt.Sprintf("cp-%d", i+1), AdvertiseAddress: netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}), BindPort: 6443})
	}
	tree, err := certs.New(c)
	require.NoError(s.t, err)
	return tree
}

func (s *scene) site() judge.Site {
	return judge.Site{Dirs: judge.Dirs{Cert: filepath.Join(s.dir, "pki"), Kubeconfig: s.dir}}
}

// picture reads everything and draws it.
func (s *scene) picture(found ...finding.Shown) []*audit.Node {
	s.t.Helper()
	var others []judge.Other
	require.NoError(s.t, judge.Others(s.tree(), s.site(), 1000, func(path string) { others = append(others, judge.ReadOther(path)) }))
	return audit.Picture(judge.Judge(s.tree(), judge.Take(s.tree(), s.site(), nil), nil, now), others, found, now)
}

// sketch is a picture in lines: depth, kind, name, where else it lies, and what is wrong.
func sketch(nodes []*audit.Node) string {
	var out strings.Builder
	var draw func(n *audit.Node, indent string)
	draw = func(n *audit.Node, indent string) {
		fmt.Fprintf(&out, "%s%s %s", indent, n.Kind, n.Name)
		if len(n.Also) > 0 {
			fmt.Fprintf(&out, " =%s", strings.Join(n.Also, ","))
		}
		if n.Severity != nil {
			fmt.Fprintf(&out, " !%s:%v", n.Severity, n.Findings)
		}
		if n.Unreadable {
			out.WriteString(" unreadable")
		}
		out.WriteString("\n")
		for _, b := range n.Issued {
			draw(b, indent+"  ")
		}
	}
	for _, n := range nodes {
		draw(n, "")
	}
	return out.String()
}

func lines(list ...string) string { return strings.Join(list, "\n") + "\n" }
