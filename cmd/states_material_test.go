//go:build unix

package cmd_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/cmd"
	"github.com/pkitool/pkitool/pki"
)

// material is what the files of a state are made of: two clusters, and whatever else may lie in a file's place. It is
// made once.
type material struct {
	good, other map[string][]byte // by the path below a directory
	certs, keys [][]byte          // that belong to nothing, or to the wrong thing
	confs       [][]byte
	any         [][]byte // what is neither
	request     []byte
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newMaterial(dir string) *material {
	m := &material{good: cluster(filepath.Join(dir, "good")), other: cluster(filepath.Join(dir, "other"))}
	m.good["manifests/kube-apiserver.yaml"] = []byte("spec:\n  containers:\n  - command: [kube-apiserver, --advertise-address=192.0.2.10, --secure-port=6443, --service-cluster-ip-range=10.96.0.0/12]\n")
	m.good["var/kubelet-client-current.pem"] = append(slices.Clone(m.good["pki/apiserver-kubelet-client.crt"]), m.good["pki/apiserver-kubelet-client.key"]...)
	ca, key := certificateOf(m.good["pki/ca.crt"]), must(pki.ParsePrivateKey(m.good["pki/ca.key"]))
	foreign, foreignKey := certificateOf(m.other["pki/ca.crt"]), must(pki.ParsePrivateKey(m.other["pki/ca.key"]))
	leaf := certificateOf(m.good["pki/apiserver.crt"])
	make := func(parent *x509.Certificate, signer crypto.Signer, change func(*x509.Certificate)) {
		c := &x509.Certificate{SerialNumber: big.NewInt(int64(len(m.certs) + 2)), Subject: pkix.Name{CommonName: "kube-apiserver"}, NotBefore: testNow.Add(-time.Hour), NotAfter: testNow.Add(time.Hour),
			DNSNames: []string{"kubernetes"}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true}
		change(c)
		m.certs = append(m.certs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: must(x509.CreateCertificate(rand.Reader, c, parent, leaf.PublicKey, signer))}))
	}
	for _, change := range []func(*x509.Certificate){
		func(*x509.Certificate) {},
		func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = testNow.AddDate(-2, 0, 0), testNow.AddDate(-1, 0, 0)
		},
		func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = testNow.AddDate(1, 0, 0), testNow.AddDate(2, 0, 0)
		},
		func(c *x509.Certificate) { c.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) },
		func(c *x509.Certificate) { c.Subject = pkix.Name{} },
		func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: "system:node:a\x00b\x1b[31m", Organization: []string{"system:masters", "\u202e"}}
		},
		func(c *x509.Certificate) { c.Subject.CommonName = strings.Repeat("long", 100) },
		func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign },
		func(c *x509.Certificate) { c.IsCA, c.KeyUsage, c.Subject = true, x509.KeyUsageCertSign, pkix.Name{} },
		func(c *x509.Certificate) {
			c.IsCA, c.MaxPathLenZero, c.PermittedDNSDomains = true, true, []string{"example.com"}
		},
		func(c *x509.Certificate) { c.DNSNames, c.ExtKeyUsage = nil, nil },
		func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment },
		func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 },
		func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
		},
	} {
		make(ca, key, change)
		make(foreign, foreignKey, change)
	}
	for _, a := range []pki.KeyAlgorithm{pki.Ed25519, pki.ECDSAP256} {
		k := must(pki.GenerateKey(a))
		m.keys = append(m.keys, must(pki.EncodePrivateKey(k)))
		m.any = append(m.any, must(pki.EncodePublicKey(k.Public())))
	}
	block, _ := pem.Decode(m.keys[0])
	for _, label := range []string{"ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "CERTIFICATE", "X509 CRL", "PUBLIC KEY"} {
		m.keys = append(m.keys, pem.EncodeToMemory(&pem.Block{Type: label, Bytes: block.Bytes}))
	}
	m.any = append(m.any, nil, []byte("\n"), []byte("garbage\n"), bytes.Repeat([]byte{0}, 4096), block.Bytes, ca.Raw, []byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
		[]byte("-----BEGIN CERTIFICATE-----\nMIIB"), []byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"a": "b"}, Bytes: ca.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: must(x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: testNow, NextUpdate: testNow}, ca, key))}))
	m.request = pki.EncodeCSR(must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "alice"}, DNSNames: []string{"a.example.com"}}, key)))
	m.any = append(m.any, m.request)
	m.confs = brokenConfs(m.good["admin.conf"])
	return m
}

// cluster is a whole set of files, as init makes it.
func cluster(dir string) map[string][]byte {
	r := runAt(testNow, nil, append([]string{"init", "-q", "--key-algorithm", "ECDSA-P256"}, here(dir)...)...)
	if r.code != 0 {
		panic(r.stderr)
	}
	out := map[string][]byte{}
	for _, f := range cmd.RowFiles() {
		out[f] = must(os.ReadFile(filepath.Join(dir, f)))
	}
	return out
}

func certificateOf(data []byte) *x509.Certificate {
	block, _ := pem.Decode(data)
	return must(x509.ParseCertificate(block.Bytes))
}

// brokenConfs are kubeconfigs that lack something, or say it otherwise.
func brokenConfs(good []byte) [][]byte {
	text := string(good)
	lines := strings.Split(text, "\n")
	out := [][]byte{[]byte("{}"), []byte("[]"), []byte("null\n"), []byte("apiVersion: v1\nkind: Config\nclusters: null\nusers: null\ncontexts: null\n"), []byte("apiVersion: v1\nkind: List\n"), []byte("a: &a [*a]\n"), []byte("users: [{}]\nclusters: [{}]\ncontexts: [{}]\n"), []byte("---\n" + text + "---\n" + text)}
	for i, l := range lines { // without one line each
		out = append(out, []byte(strings.Join(slices.Delete(slices.Clone(lines), i, i+1), "\n")))
		if key, _, ok := strings.Cut(l, ": "); ok {
			for _, v := range []string{"", "~", "[]", "{}", "!!int 1", "\"\\0\"", "bm90aGluZw==", "/nowhere", "pki", "var/kubelet-client-current.pem"} {
				changed := slices.Clone(lines)
				changed[i] = key + ": " + v
				out = append(out, []byte(strings.Join(changed, "\n")))
				changed[i] = strings.TrimSuffix(key, "-data") + ": " + v
				out = append(out, []byte(strings.Join(changed, "\n")))
			}
		}
	}
	return out
}

// change is one way in which a file of a state is not what it should be.
type change struct {
	name string
	do   func(m *material, r *mrand.Rand, path, rel string) error
}

func content(name string, of func(m *material, r *mrand.Rand, rel string) []byte) change {
	return change{name, func(m *material, r *mrand.Rand, path, rel string) error {
		mode := os.FileMode(0o600)
		if r.IntN(8) == 0 {
			mode = 0o666
		}
		return os.WriteFile(path, of(m, r, rel), mode)
	}}
}

func pick[T any](r *mrand.Rand, list []T) T { return list[r.IntN(len(list))] }

// changes are what can be wrong with any file.
func changes() []change {
	edit := func(name string, f func(data []byte, r *mrand.Rand) []byte) change {
		return content(name, func(m *material, r *mrand.Rand, rel string) []byte { return f(slices.Clone(m.good[rel]), r) })
	}
	return append(systemChanges(),
		content("another cluster's", func(m *material, _ *mrand.Rand, rel string) []byte { return m.other[rel] }),
		content("another row's", func(m *material, r *mrand.Rand, _ string) []byte { return m.good[pick(r, cmd.RowFiles())] }),
		content("another cluster's other row's", func(m *material, r *mrand.Rand, _ string) []byte { return m.other[pick(r, cmd.RowFiles())] }),
		content("a certificate", func(m *material, r *mrand.Rand, _ string) []byte { return pick(r, m.certs) }),
		content("a certificate", func(m *material, r *mrand.Rand, _ string) []byte { return pick(r, m.certs) }),
		content("a key", func(m *material, r *mrand.Rand, _ string) []byte { return pick(r, m.keys) }),
		content("a kubeconfig", func(m *material, r *mrand.Rand, _ string) []byte { return pick(r, m.confs) }),
		content("something", func(m *material, r *mrand.Rand, _ string) []byte { return pick(r, m.any) }),
		content("two of them", func(m *material, r *mrand.Rand, rel string) []byte { return slices.Concat(m.good[rel], m.other[rel]) }),
		content("with a stranger in front", func(m *material, r *mrand.Rand, rel string) []byte {
			return slices.Concat(pick(r, m.certs), m.good[rel])
		}),
		edit("with a mark", func(d []byte, _ *mrand.Rand) []byte { return append([]byte("\xef\xbb\xbf"), d...) }),
		edit("with CRLF", func(d []byte, _ *mrand.Rand) []byte { return bytes.ReplaceAll(d, []byte("\n"), []byte("\r\n")) }),
		edit("UTF-16", func(d []byte, _ *mrand.Rand) []byte {
			out := []byte("\xff\xfe")
			for _, b := range d {
				out = append(out, b, 0)
			}
			return out
		}),
		edit("cut", func(d []byte, r *mrand.Rand) []byte { return d[:r.IntN(len(d)+1)] }),
		edit("with another octet", func(d []byte, r *mrand.Rand) []byte {
			if len(d) > 0 {
				d[r.IntN(len(d))] = byte(r.IntN(256))
			}
			return d
		}),
		edit("with another octet inside", func(d []byte, r *mrand.Rand) []byte {
			block, _ := pem.Decode(d)
			if block == nil {
				return bytes.Replace(d, []byte("LS0t"), []byte(base64.StdEncoding.EncodeToString([]byte{45, 45, byte(r.IntN(256))})), 1)
			}
			block.Bytes[r.IntN(len(block.Bytes))] ^= byte(1 + r.IntN(255))
			return pem.EncodeToMemory(block)
		}),
		edit("twice", func(d []byte, _ *mrand.Rand) []byte { return append(d, d...) }),
	)
}

// systemChanges are those that are no content.
func systemChanges() []change {
	written := func(name string, mode os.FileMode) change {
		return change{name, func(m *material, _ *mrand.Rand, path, rel string) error {
			if err := os.WriteFile(path, m.good[rel], 0o600); err != nil {
				return err
			}
			return os.Chmod(path, mode)
		}}
	}
	link := func(name string, to func(path string) string) change {
		return change{name, func(_ *material, _ *mrand.Rand, path, _ string) error { return os.Symlink(to(path), path) }}
	}
	absent := change{"absent", func(*material, *mrand.Rand, string, string) error { return nil }}
	return []change{
		absent, absent, absent,
		{"a directory", func(_ *material, _ *mrand.Rand, path, _ string) error { return os.Mkdir(path, 0o755) }},
		{"a pipe", func(_ *material, _ *mrand.Rand, path, _ string) error { return makePipe(path) }},
		link("a link to nothing", func(string) string { return "nowhere" }),
		link("a link to itself", filepath.Base),
		link("a link to a device", func(string) string { return "/dev/zero" }),
		link("a link to another file", func(path string) string { return filepath.Join(filepath.Dir(path), "ca.crt") }),
		written("unreadable", 0), written("unreadable", 0), written("loose", 0o666), written("read only", 0o400),
		{"too large", func(m *material, _ *mrand.Rand, path, rel string) error {
			if err := os.WriteFile(path, m.good[rel], 0o600); err != nil {
				return err
			}
			return os.Truncate(path, 4<<20+1)
		}},
	}
}

// build fills an empty directory with a state, and says in words what it is.
func (m *material) build(r *mrand.Rand, dir string) (said []string) {
	all := changes()
	share := pick(r, []int{0, 3, 10, 30, 100}) // of a hundred files
	for _, d := range []string{"pki/etcd", "manifests", "var", "out"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			panic(err)
		}
	}
	files := append(cmd.RowFiles(), "manifests/kube-apiserver.yaml", "var/kubelet-client-current.pem")
	for _, rel := range files {
		path := filepath.Join(dir, rel)
		c := change{"", func(m *material, _ *mrand.Rand, path, rel string) error {
			return os.WriteFile(path, m.good[rel], 0o600)
		}}
		if r.IntN(100) < share {
			c = pick(r, all)
			said = append(said, rel+": "+c.name)
		}
		if err := c.do(m, r, path, rel); err != nil {
			panic(fmt.Sprint(rel, ": ", c.name, ": ", err))
		}
	}
	if r.IntN(5) == 0 { // what is no row's
		rel := pick(r, []string{"pki/extra.crt", "pki/apiserver.csr", "pki/.pkitool-AAAAAAAAAAAAAAAAAAAAAAAAAA", "extra.conf", "pki/\x1b[31m\n.crt"})
		c := pick(r, all)
		said = append(said, fmt.Sprintf("%q: %s", rel, c.name))
		_ = c.do(m, r, filepath.Join(dir, rel), pick(r, files))
	}
	if r.IntN(6) == 0 { // a run that was stopped, or names that look like it
		save := ".pkitool-" + strings.Repeat(pick(r, []string{"A", "B"}), 26)
		for i := range 1 + r.IntN(4) {
			kind := pick(r, []string{"next", "new", "old", "going"})
			rel := fmt.Sprintf("pki/%s-%d-%d-%s-%s", save, r.IntN(2), r.IntN(2), kind, pick(r, []string{"ca.key", "ca.crt", "apiserver.key", "apiserver.crt", "sa.key", "etcd", ".", "new.crt"}))
			c := pick(r, all)
			said = append(said, fmt.Sprintf("%d %s: %s", i, rel, c.name))
			_ = c.do(m, r, filepath.Join(dir, rel), pick(r, files))
		}
	}
	if r.IntN(6) == 0 {
		said = append(said, m.buildDir(r, dir))
	}
	return said
}

// buildDir makes a whole directory odd.
func (m *material) buildDir(r *mrand.Rand, dir string) string {
	rel := pick(r, []string{"pki", "pki/etcd", "manifests", "out", "."})
	path := filepath.Join(dir, rel)
	mode := pick(r, []os.FileMode{0, 0o111, 0o444, 0o555, 0o777})
	if how := r.IntN(8); how > 3 || rel == "." {
		if err := os.Chmod(path, mode); err != nil {
			panic(err)
		}
		return fmt.Sprintf("%s: mode %04o", rel, mode)
	}
	if err := os.RemoveAll(path); err != nil {
		panic(err)
	}
	c := pick(r, systemChanges())
	if err := c.do(m, r, path, "pki/ca.crt"); err != nil {
		panic(err)
	}
	return rel + ": " + c.name
}
