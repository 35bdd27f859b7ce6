package phases_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

type certificate = x509.Certificate

const day = 24 * time.Hour

// birth is when the PKI of the tests was made, now is when it is looked at.
var (
	birth = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	now   = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
)

// cluster is one node with names of every sort. P-256 keys are quick to make.
func cluster() certs.Cluster {
	return certs.Cluster{
		Name:          "kubernetes",
		ServiceCIDRs:  []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
		DNSDomain:     "cluster.local",
		Nodes:         []certs.Node{{Name: "cp-1", AdvertiseAddress: netip.MustParseAddr("192.0.2.10"), BindPort: 6443}},
		KeyAlgorithm:  pki.ECDSAP256,
		Validity:      365 * day,
		CAValidity:    3650 * day,
		APIServerSANs: pki.SANs{DNS: []string{"api.example.com"}},
	}
}

func treeOf(t testing.TB, c certs.Cluster) certs.Tree {
	t.Helper()
	tree, err := certs.New(c)
	require.NoError(t, err)
	return tree
}

func at(now time.Time) phases.Options { return phases.Options{Now: now, CertMode: 0o644} }

func reissue() phases.Options {
	o := at(now)
	o.Reissue = true
	return o
}

// pristine is the content of every file of a complete PKI, by path below its directory.
var pristine = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "phases-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	tree, err := certs.New(cluster())
	if err != nil {
		return nil, err
	}
	if _, err := phases.Init(context.Background(), tree, siteIn(dir), nil, at(birth)); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	return files, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		files[rel], err = os.ReadFile(path)
		return err
	})
})

func siteIn(dir string) judge.Site {
	return judge.Site{Dirs: judge.Dirs{Cert: filepath.Join(dir, "pki"), Kubeconfig: dir}}
}

// world is a directory with a PKI in it, and what it should be.
type world struct {
	t    testing.TB
	dir  string
	site judge.Site
	tree certs.Tree
}

// empty is a world without files.
func empty(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	return &world{t: t, dir: dir, site: siteIn(dir), tree: treeOf(t, cluster())}
}

// complete is a world with a whole PKI, made at birth.
func complete(t testing.TB) *world {
	t.Helper()
	files, err := pristine()
	require.NoError(t, err)
	require.Len(t, files, 27, "kubeadm's 22 files of certs and 5 kubeconfigs")
	w := empty(t)
	for rel, data := range files {
		w.write(filepath.Join(w.dir, rel), data)
	}
	return w
}

// write makes a file, old enough that any later change shows in its times.
func (w *world) write(path string, data []byte) {
	w.t.Helper()
	mode := fs.FileMode(0o600)
	if strings.HasSuffix(path, ".crt") {
		mode = 0o644
	}
	require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(w.t, os.WriteFile(path, data, mode))
	require.NoError(w.t, os.Chmod(path, mode)) // whatever the umask
	require.NoError(w.t, os.Chtimes(path, birth, birth))
}

func (w *world) read(path string) []byte {
	w.t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(w.t, err)
	return data
}

func (w *world) remove(paths ...string) {
	w.t.Helper()
	for _, p := range paths {
		require.NoError(w.t, os.Remove(p))
	}
}

func (w *world) row(name string) certs.Spec {
	w.t.Helper()
	s, ok := w.tree.Row(certs.ID{Role: name})
	require.True(w.t, ok, name)
	return s
}

// certFile and keyFile are where a row's certificate and key lie: in one file for a kubeconfig.
func (w *world) certFile(s certs.Spec) string {
	files := w.site.Files(s)
	return files[len(files)-1]
}

func (w *world) keyFile(s certs.Spec) string { return w.site.Files(s)[0] }

// bundle is what lies in a CA's certificate file.
func (w *world) bundle(ca string) []*x509.Certificate {
	w.t.Helper()
	list, _, err := pki.ParseTrust(w.read(w.certFile(w.row(ca))), pki.ClientTrust)
	require.NoError(w.t, err)
	return list
}

func (w *world) key(s certs.Spec) crypto.Signer {
	w.t.Helper()
	data := w.read(w.keyFile(s))
	if s.Place.Kubeconfig != "" {
		data = w.entry(s).User.ClientKey
	}
	key, err := pki.ParsePrivateKey(data)
	require.NoError(w.t, err)
	return key
}

func (w *world) entry(s certs.Spec) kubeconfig.Entry {
	w.t.Helper()
	c, err := kubeconfig.Parse(w.read(w.certFile(s)))
	require.NoError(w.t, err)
	e, err := c.Current()
	require.NoError(w.t, err)
	return e
}

// chain are the certificates in a row's file.
func (w *world) chain(s certs.Spec) []*x509.Certificate {
	w.t.Helper()
	data := w.read(w.certFile(s))
	if s.Place.Kubeconfig != "" {
		data = w.entry(s).User.ClientCert
	}
	list, err := pki.ParseCertificates(data)
	require.NoError(w.t, err)
	return list
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func pemOf(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	data, err := pki.EncodePrivateKey(key)
	require.NoError(t, err)
	return data
}

// template is a row's certificate as it should be, for the standard library:
// tests make wrong certificates with it, which our own engine refuses to.
func template(s certs.Spec) *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: s.Subject.CommonName, Organization: slices.Clone(s.Subject.Organization)},
		DNSNames:              slices.Clone(s.SANs.DNS),
		NotBefore:             birth,
		NotAfter:              birth.Add(365 * day),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           s.Kind.ExtKeyUsage(),
		BasicConstraintsValid: true,
	}
	for _, ip := range s.SANs.IPs {
		c.IPAddresses = append(c.IPAddresses, net.IP(ip.AsSlice()))
	}
	if s.Kind == certs.CA {
		c.IsCA, c.NotAfter, c.KeyUsage = true, birth.Add(3650*day), x509.KeyUsageDigitalSignature|x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	}
	return c
}

// certify signs; parent nil is a root.
func certify(t testing.TB, c, parent *x509.Certificate, key, parentKey crypto.Signer) *x509.Certificate {
	t.Helper()
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	require.NoError(t, err)
	out, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return out
}

// forge puts a certificate that change has spoilt in a row's place, signed by
// the row's CA for a new key.
func (w *world) forge(s certs.Spec, change func(*x509.Certificate)) *x509.Certificate {
	w.t.Helper()
	key, c := newKey(w.t), template(s)
	change(c)
	cert := certify(w.t, c, w.bundle(s.Issuer.Role)[0], key, w.key(w.row(s.Issuer.Role)))
	w.place(s, key, cert)
	return cert
}

// place writes a row's files.
func (w *world) place(s certs.Spec, key crypto.Signer, chain ...*x509.Certificate) {
	w.t.Helper()
	if s.Place.Kubeconfig != "" {
		w.conf(s, func(c *kubeconfig.Single) {
			c.ClientCert, c.ClientKey = pki.EncodeCertificates(chain...), pemOf(w.t, key)
		})
		return
	}
	w.write(w.keyFile(s), pemOf(w.t, key))
	w.write(w.certFile(s), pki.EncodeCertificates(chain...))
}

// conf changes something in a row's kubeconfig.
func (w *world) conf(s certs.Spec, change func(*kubeconfig.Single)) {
	w.t.Helper()
	c := w.entry(s).Single()
	change(&c)
	data, err := c.Render()
	require.NoError(w.t, err)
	w.write(w.certFile(s), data)
}

// only are the rows of some roles; none: nil, for everything.
func (w *world) only(roles ...string) judge.Selection {
	w.t.Helper()
	if len(roles) == 0 {
		return nil
	}
	out := judge.Selection{}
	for s := range w.tree.Rows() {
		if slices.Contains(roles, s.Name) {
			out[s.ID] = true
		}
	}
	require.GreaterOrEqual(w.t, len(out), len(roles), roles)
	return out
}

// init makes the rows of some roles, or everything.
func (w *world) init(o phases.Options, roles ...string) (phases.Report, error) {
	w.t.Helper()
	return phases.Init(context.Background(), w.tree, w.site, w.only(roles...), o)
}

// settled asserts that a run keeps everything, and changes nothing.
func (w *world) settled(roles ...string) phases.Report {
	w.t.Helper()
	before := w.snapshot()
	r, err := w.init(at(now), roles...)
	require.NoError(w.t, err)
	assert.False(w.t, r.Changed)
	for _, row := range r.Rows {
		assert.Equal(w.t, phases.Keep, row.Verb, row.Name)
	}
	w.unchanged(before)
	return r
}

// entry of a snapshot: everything about a file that a user could notice.
type seen struct {
	mode  fs.FileMode
	mtime time.Time
	link  string
	data  string
}

// snapshot is every name below the directory.
func (w *world) snapshot() map[string]seen {
	w.t.Helper()
	out := map[string]seen{}
	require.NoError(w.t, filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		s := seen{mode: info.Mode()}
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			s.mtime, s.data = info.ModTime(), string(data)
		case info.Mode().Type() == fs.ModeSymlink:
			if s.link, err = os.Readlink(path); err != nil {
				return err
			}
		}
		out[path] = s
		return nil
	}))
	return out
}

// unchanged asserts that nothing below the directory differs from before.
func (w *world) unchanged(before map[string]seen, except ...string) {
	w.t.Helper()
	after := w.snapshot()
	for _, m := range []map[string]seen{before, after} {
		for _, p := range slices.Sorted(maps.Keys(m)) {
			if !slices.Contains(except, p) && before[p] != after[p] {
				assert.Fail(w.t, "changed", "%s: %s", p, difference(before[p], after[p]))
			}
		}
	}
}

func difference(a, b seen) string {
	switch {
	case a.mode == 0:
		return "appeared"
	case b.mode == 0:
		return "is gone"
	case a.data != b.data:
		return "has other content"
	}
	return fmt.Sprintf("%v %v is now %v %v", a.mode, a.mtime, b.mode, b.mtime)
}

// tidy asserts what holds after every run, however it ended well: no staging
// file, and no private key that others can read.
func (w *world) tidy() {
	w.t.Helper()
	for path, s := range w.snapshot() {
		assert.NotContains(w.t, filepath.Base(path), ".pkitool", "left over")
		if bytes.Contains([]byte(s.data), []byte("PRIVATE KEY")) || strings.HasSuffix(path, ".conf") {
			assert.Equal(w.t, fs.FileMode(0o600), s.mode, path)
		}
	}
}
