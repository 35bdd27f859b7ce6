package audit_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/audit"
	"github.com/pkitool/pkitool/phases/judge"
)

const dayLong = 24 * time.Hour

// birth is when the certificates of the pictures were made.
var birth = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func TestPicture(t *testing.T) {
	root := authority(t, "corporate", nil)
	ca := authority(t, "kubernetes", nil)
	between := authority(t, "between", &root)
	alice, bob := client(t, "alice", ca), client(t, "bob", ca)
	twin := authority(t, "kubernetes", nil) // same name, another key
	for _, c := range []struct {
		name string
		make func(s *scene)
		want string
	}{
		{"nothing", func(*scene) {}, "\n"},
		{"a CA, what it signed, a key pair", func(s *scene) {
			s.write("pki/ca.crt", ca)
			s.write("pki/apiserver-kubelet-client.crt", bob)
			s.write("pki/apiserver.crt", alice)
			s.conf("admin.conf", ca, map[string]pair{"alice": alice}, "alice")
			s.key("pki/sa.key", bob)
		}, lines("root ca", "  certificate apiserver", "  certificate apiserver-kubelet-client", "  kubeconfig admin.conf", "key-pair sa")},
		{"a bundle of an intermediate and its root", func(s *scene) {
			s.write("pki/ca.crt", between, root)
			s.write("pki/front-proxy-ca.crt", authority(t, "front-proxy", &root), root)
			s.write("pki/apiserver.crt", client(t, "a", between))
		}, lines("root ca#2 =front-proxy-ca#2", "  intermediate ca", "    certificate apiserver", "  intermediate front-proxy-ca")},
		{"an intermediate in the file of its leaf, and in another", func(s *scene) {
			s.write("pki/ca.crt", root)
			s.write("pki/apiserver.crt", client(t, "a", between), between)
			s.write("pki/apiserver-kubelet-client.crt", client(t, "b", between), between)
		}, lines("root ca", "  intermediate apiserver#2", "    certificate apiserver", "    certificate apiserver-kubelet-client")},
		{"the same CA in several places", func(s *scene) {
			s.write("pki/ca.crt", ca)
			s.write("pki/etcd/ca.crt", ca)
			s.write("pki/copy.crt", ca)
			s.write("pki/etcd/server.crt", alice)
			s.write("pki/etcd/peer.crt", alice)
		}, lines("root ca =etcd-ca,copy.crt", "  certificate etcd-server", "  certificate etcd-peer")},
		{"CAs of one name, and another key", func(s *scene) {
			s.write("pki/ca.crt", ca)
			s.write("pki/old.crt", twin)
			s.write("pki/apiserver.crt", client(t, "a", twin))
			s.write("pki/apiserver-kubelet-client.crt", bob)
		}, lines("root ca", "  certificate apiserver-kubelet-client", "root old.crt", "  certificate apiserver")},
		{"an issuer that is not here, though its name is", func(s *scene) {
			s.write("pki/ca.crt", ca)
			s.write("pki/apiserver.crt", client(t, "a", twin))
			s.write("pki/front-proxy-client.crt", client(t, "b", twin))
			s.write("pki/apiserver-kubelet-client.crt", client(t, "c", root))
		}, lines("root ca", "unknown-issuer CN = kubernetes", "  certificate apiserver", "  certificate front-proxy-client", "unknown-issuer CN = corporate", "  certificate apiserver-kubelet-client")},
		{"an issuer whose name has neither CN nor O", func(s *scene) {
			nameless := issue(t, pkix.Name{Country: []string{"XX"}, OrganizationalUnit: []string{"unit"}}, newKey(t), nil, isCA)
			s.write("pki/apiserver.crt", client(t, "a", nameless))
		}, lines("unknown-issuer OU=unit,C=XX", "  certificate apiserver")},
		{"an intermediate whose root is not here", func(s *scene) {
			s.write("pki/ca.crt", between)
			s.write("pki/apiserver.crt", client(t, "a", between))
		}, lines("unknown-issuer CN = corporate", "  intermediate ca", "    certificate apiserver")},
		{"a CA that was renewed with its key", func(s *scene) {
			old := issue(t, ca.cert.Subject, ca.key, nil, func(c *x509.Certificate) { isCA(c); c.NotAfter = birth.Add(dayLong) })
			s.write("pki/ca.crt", old, ca)
			s.write("pki/apiserver.crt", alice)
		}, lines("root ca", "root ca#2", "  certificate apiserver")},
		{"signatures that nobody can check", func(s *scene) {
			s.write("pki/ca.crt", uncheckable(t, ca))
			s.write("pki/apiserver.crt", uncheckable(t, alice))
			s.write("pki/apiserver-kubelet-client.crt", bob)
		}, lines("root ca", "  certificate apiserver-kubelet-client", "unknown-issuer CN = kubernetes", "  certificate apiserver")},
		{"a certificate that signed itself", func(s *scene) {
			s.write("pki/apiserver.crt", issue(t, pkix.Name{CommonName: "lonely"}, newKey(t), nil, nil))
		}, lines("certificate apiserver")},
		{"users without a certificate, further users, further clusters", func(s *scene) {
			s.conf("admin.conf", ca, nil, "token")
			s.conf("scheduler.conf", ca, map[string]pair{"alice": alice, "bob": bob}, "bob", "token", "alice")
			s.conf("dev.kubeconfig", ca, map[string]pair{"alice": alice, "bob": bob}, "bob", "alice")
			s.conf("token.kubeconfig", ca, nil, "token")
		}, lines("root admin.conf cluster k", "  kubeconfig scheduler.conf", "  kubeconfig scheduler.conf user alice", "  kubeconfig dev.kubeconfig", "  kubeconfig dev.kubeconfig user alice",
			"kubeconfig admin.conf", "kubeconfig token.kubeconfig")},
		{"other files", func(s *scene) {
			s.write("pki/ca.crt", ca)
			s.write("pki/z/leaf.crt", bob)
			s.write("pki/z/below.pem", authority(t, "below", &ca))
			s.write("pki/apiserver.crt", alice)
			s.file("pki/readme.txt", []byte("nothing"))
		}, lines("root ca", "  intermediate z/below.pem", "  certificate apiserver", "  certificate z/leaf.crt")},
		{"what cannot be read", func(s *scene) {
			s.file("pki/ca.crt", []byte("garbage"))
			s.file("pki/apiserver.crt", []byte("garbage"))
			s.file("pki/broken.crt", []byte("garbage"))
			s.file("admin.conf", []byte("garbage"))
			s.file("pki/sa.pub", []byte("garbage"))
			s.file("scheduler.conf", []byte(`{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":{"server":"https://a"}}],"users":[{"name":"u","user":{"client-certificate-data":"Z2FyYmFnZQ=="}}]}`))
			s.file("kubelet.conf", []byte(`{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":{"server":"https://a"}}],"users":[{"name":"u","user":{"client-certificate":"/nonexistent/a.pem"}}]}`))
		}, lines("root ca unreadable", "certificate apiserver unreadable", "key-pair sa unreadable", "kubeconfig admin.conf unreadable", "kubeconfig kubelet.conf", "kubeconfig scheduler.conf unreadable", "certificate broken.crt unreadable")},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			c.make(s)
			assert.Equal(t, strings.TrimPrefix(c.want, "\n"), sketch(s.picture()))
		})
	}
}

// TestPictureFleet: each node of a cluster has its rows, below the CA that they share, in the order of the tree.
func TestPictureFleet(t *testing.T) {
	s := newScene(t)
	s.nodes = 2
	ca := authority(t, "kubernetes", nil)
	s.write("pki/ca.crt", ca)
	for _, node := range []string{"cp-2", "cp-1"} {
		s.write("pki/"+node+"/apiserver.crt", client(t, node, ca))
		s.conf(node+"/admin.conf", ca, map[string]pair{"u": client(t, node, ca)}, "u")
	}
	nodes := s.picture()
	assert.Equal(t, lines("root ca", "  certificate apiserver@cp-1", "  kubeconfig cp-1/admin.conf", "  certificate apiserver@cp-2", "  kubeconfig cp-2/admin.conf"), sketch(nodes))
	assert.Equal(t, "admin@cp-2", nodes[0].Issued[3].Row)
}

// TestPictureCircle: CAs that signed each other, and no root of either.
func TestPictureCircle(t *testing.T) {
	x, y := authority(t, "x", nil), authority(t, "y", nil)
	xByY := issue(t, x.cert.Subject, x.key, &y, isCA)
	yByX := issue(t, y.cert.Subject, y.key, &x, isCA)
	leaf := client(t, "leaf", x)
	s := newScene(t)
	s.write("pki/a-leaf.crt", leaf)
	s.write("pki/front-proxy-ca.crt", yByX)
	s.write("pki/x.crt", xByY)
	s.write("pki/apiserver.crt", client(t, "a", y))
	assert.Equal(t, lines("intermediate front-proxy-ca", "  intermediate x.crt", "    certificate a-leaf.crt", "  certificate apiserver"), sketch(s.picture()))

	away := newScene(t) // the leaf is met before the circle
	away.write("pki/apiserver.crt", client(t, "a", y))
	away.write("pki/x.crt", xByY)
	away.write("pki/y.crt", yByX)
	assert.Equal(t, lines("intermediate y.crt", "  intermediate x.crt", "  certificate apiserver"), sketch(away.picture()))

	s.write("pki/ca.crt", x) // the root of one: no circle is left
	assert.Equal(t, lines("root ca", "  intermediate front-proxy-ca", "    intermediate x.crt", "    certificate apiserver", "  certificate a-leaf.crt"), sketch(s.picture()))
}

// TestPictureDeep: a file of CAs below each other is drawn whole, and nothing nests without bound.
func TestPictureDeep(t *testing.T) {
	list := []pair{authority(t, "0", nil)}
	for i := 1; i < 50; i++ {
		list = append(list, authority(t, fmt.Sprint(i), &list[i-1]))
	}
	s := newScene(t)
	s.write("pki/ca.crt", list...)
	nodes := s.picture()
	var count, deep int
	var walk func(list []*audit.Node, depth int)
	walk = func(list []*audit.Node, depth int) {
		for _, n := range list {
			count, deep = count+1, max(deep, depth)
			walk(n.Issued, depth+1)
		}
	}
	walk(nodes, 1)
	assert.Equal(t, 50, count)
	assert.Equal(t, 16, deep)
	assert.Len(t, nodes, 4)
	assert.Equal(t, audit.Root, nodes[0].Kind)
	assert.Equal(t, audit.Intermediate, nodes[1].Kind)
	assert.Equal(t, "CN = 15", nodes[1].Issuer)
}

// TestPictureTwins: of many CAs of one name the right one is found by the identifier of its key, and without one not each
// of them is asked.
func TestPictureTwins(t *testing.T) {
	s := newScene(t)
	var all []pair
	for range 40 {
		all = append(all, authority(t, "twin", nil))
	}
	s.write("pki/ca.crt", all...)
	s.write("pki/apiserver.crt", client(t, "a", all[35]))
	bare := all[35]
	bare.cert = &x509.Certificate{Subject: bare.cert.Subject, RawSubject: bare.cert.RawSubject, PublicKey: bare.cert.PublicKey}
	s.write("pki/front-proxy-client.crt", client(t, "b", bare))
	nodes := s.picture()
	require.Len(t, nodes, 41)
	assert.Equal(t, "apiserver", nodes[35].Issued[0].Name)
	assert.Equal(t, audit.UnknownIssuer, nodes[40].Kind)
	assert.Equal(t, "front-proxy-client", nodes[40].Issued[0].Name)
}

// TestPictureNode: what a node says.
func TestPictureNode(t *testing.T) {
	s := newScene(t)
	ca := authority(t, "kubernetes", nil)
	s.write("pki/ca.crt", ca)
	s.key("pki/ca.key", ca)
	leaf := issue(t, pkix.Name{CommonName: "kube-apiserver", Organization: []string{"a", "b"}}, newKey(t), &ca, func(c *x509.Certificate) {
		c.DNSNames, c.ExtKeyUsage = []string{"a.example.com"}, certs.Peer.ExtKeyUsage()
	})
	s.write("pki/apiserver.crt", leaf)
	s.conf("admin.conf", ca, map[string]pair{"u": client(t, "alice", ca)}, "u")
	s.write("pki/old.crt", issue(t, pkix.Name{CommonName: "old"}, newKey(t), &ca, func(c *x509.Certificate) { c.NotAfter = birth.Add(dayLong) }))
	s.key("pki/sa.key", leaf)
	s.write("pki/young.crt", issue(t, pkix.Name{CommonName: "young"}, newKey(t), &ca, func(c *x509.Certificate) { c.NotBefore = now.Add(dayLong) }))

	nodes := s.picture()
	require.Len(t, nodes, 2)
	root, api, admin, old, young := nodes[0], nodes[0].Issued[0], nodes[0].Issued[1], nodes[0].Issued[2], nodes[0].Issued[3]
	assert.Equal(t, []string{"n1", "n2", "n3", "n4", "n5", "n6"}, []string{root.ID, api.ID, admin.ID, old.ID, young.ID, nodes[1].ID})
	end := birth.Add(400 * dayLong)
	assert.Equal(t, audit.Node{
		ID: "n2", Kind: audit.Certificate, Name: "apiserver", Row: "apiserver", Path: filepath.Join(s.dir, "pki", "apiserver.crt"),
		Subject: &phases.Subject{CommonName: "kube-apiserver", Organization: []string{"a", "b"}}, Issuer: "CN = kubernetes",
		SANs: []string{"DNS:a.example.com"}, Usages: []string{"server", "client"}, KeyAlgorithm: "ECDSA-P256", KeyHere: true, Serial: "2a",
		SHA256: judge.Fingerprint(leaf.cert), NotBefore: &birth, NotAfter: &end, ResidualTime: 224 * 86400, LifeLeft: 224.0 / 400, Issued: []*audit.Node{},
	}, *api, "the key of sa is its key")
	assert.Equal(t, fmt.Sprintf("%x", ca.cert.SubjectKeyId), root.KeyID)
	assert.True(t, root.KeyHere)
	assert.Equal(t, "https://192.0.2.10:6443", admin.Server)
	assert.True(t, admin.KeyHere)
	assert.Negative(t, old.ResidualTime)
	assert.Zero(t, old.LifeLeft)
	assert.False(t, old.KeyHere)
	assert.False(t, old.NotYetValid)
	assert.True(t, young.NotYetValid)
	assert.EqualValues(t, 1, young.LifeLeft)
	assert.Equal(t, "ECDSA-P256", nodes[1].KeyAlgorithm)

	data, err := json.Marshal(nodes)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "PRIVATE")
	assert.NotContains(t, string(data), "null")
}

// TestPictureMarks: a finding is drawn at its row, else at its file, else at its entry of a kubeconfig.
func TestPictureMarks(t *testing.T) {
	s := newScene(t)
	ca := authority(t, "kubernetes", nil)
	s.write("pki/ca.crt", ca)
	s.write("pki/etcd/ca.crt", ca)
	s.write("pki/apiserver.crt", client(t, "a", ca))
	s.write("pki/other.crt", client(t, "b", ca))
	s.conf("dev.conf", ca, map[string]pair{"a": client(t, "a", ca), "b": client(t, "b", ca)}, "a", "b")
	shown := func(f *finding.Finding, severity finding.Severity, row, path string) finding.Shown {
		out := f.At(row, "", path).Shown(finding.Check)
		out.Severity = severity
		return out
	}
	dev := filepath.Join(s.dir, "dev.conf")
	user := shown(finding.New(finding.CertificateExpired, "a", "b"), finding.Error, "", dev)
	user.Kind, user.Name = "user", "b"
	got := sketch(s.picture(
		shown(finding.New(finding.CAShared, "ca"), finding.Warning, "etcd-ca", filepath.Join(s.dir, "pki/etcd/ca.crt")),
		shown(finding.New(finding.CAKeyElsewhere), finding.Notice, "ca", filepath.Join(s.dir, "pki/ca.crt")),
		shown(finding.New(finding.CAKeyElsewhere), finding.Notice, "ca", filepath.Join(s.dir, "pki/ca.crt")),
		shown(finding.New(finding.FileOpen), finding.Error, "", filepath.Join(s.dir, "pki", ".", "other.crt")),
		shown(finding.New(finding.KeyMissing), finding.Error, "", filepath.Join(s.dir, "pki", "apiserver.key")),
		shown(finding.New(finding.CertificateMissing), finding.Error, "scheduler", filepath.Join(s.dir, "scheduler.conf")),
		shown(finding.New(finding.KubeconfigBroken, "x"), finding.Warning, "", dev),
		user,
	))
	assert.Equal(t, lines(
		"root ca =etcd-ca !warning:[ca-shared ca-key-elsewhere]",
		"  certificate apiserver !error:[key-missing]",
		"  kubeconfig dev.conf !warning:[kubeconfig-broken]",
		"  kubeconfig dev.conf user b !error:[certificate-expired]",
		"  certificate other.crt !error:[file-open]",
	), got)
}
