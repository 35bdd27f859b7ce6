package phases_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

func (w *world) expirations(within *phases.Threshold, roles ...string) phases.Expirations {
	w.t.Helper()
	return w.expiry(phases.ExpiryOptions{Now: now, Within: within}, roles...)
}

func (w *world) expiry(o phases.ExpiryOptions, roles ...string) phases.Expirations {
	w.t.Helper()
	x, err := phases.CheckExpiration(w.t.Context(), w.tree, w.site, w.only(roles...), o)
	require.NoError(w.t, err)
	return x
}

// findings are the causes, without the directory of the test.
func (w *world) findings(x phases.Expirations) []string {
	var out []string
	for _, f := range x.Findings {
		whole := finding.Finding{ID: f.ID, Row: f.Row, Path: f.Path, Entry: f.Entry, Had: f.Had, Wanted: f.Wanted}
		out = append(out, strings.ReplaceAll(whole.String(), w.dir+"/", ""))
	}
	return out
}

func listed(list []phases.Expiration) []string {
	var out []string
	for _, e := range list {
		out = append(out, e.Name)
	}
	return out
}

func TestExpirationsOfAWholePKI(t *testing.T) {
	w := complete(t).neutral(pki.SANs{})
	x := w.expirations(nil)
	assert.Empty(t, x.Findings)
	assert.Equal(t, []string{
		"apiserver", "apiserver-kubelet-client", "front-proxy-client", "etcd-server", "etcd-peer", "etcd-healthcheck-client", "apiserver-etcd-client",
		"admin.conf", "super-admin.conf", "kubelet.conf", "controller-manager.conf", "scheduler.conf",
	}, listed(x.Certificates), "the order of the tree")
	assert.Equal(t, []string{"ca", "front-proxy-ca", "etcd-ca"}, listed(x.Authorities))
	e := x.Certificates[2]
	assert.Equal(t, birth.Add(365*day), *e.ExpirationDate)
	assert.Equal(t, int64(189*24*3600), e.ResidualTime)
	assert.Equal(t, "front-proxy-ca", e.CAName)
	assert.False(t, e.ExternallyManaged || e.Missing)
	assert.Len(t, x.Metrics, 7+3+5*2, "every kubeconfig has a user and a cluster")
}

func TestExpirationsFind(t *testing.T) {
	in := func(d time.Duration) *phases.Threshold { return &phases.Threshold{Left: d} }
	for _, c := range []struct {
		name   string
		spoil  func(w *world)
		within *phases.Threshold
		rows   []string
		want   []string
	}{
		{"nothing within the time", nil, in(188 * day), []string{"scheduler"}, nil},
		{"the very moment", nil, in(189 * day), []string{"scheduler", "ca"}, []string{"scheduler.conf: expires on 2027-06-01T12:00:00Z, in 189d (scheduler.conf)"}},
		{"less than the part of its life", nil, &phases.Threshold{Percent: 51}, []string{"scheduler"}, nil},
		{"the part of its life", nil, &phases.Threshold{Percent: 52}, []string{"scheduler"}, []string{"scheduler.conf: expires on 2027-06-01T12:00:00Z, in 189d (scheduler.conf)"}},
		{"a CA too", nil, in(11 * 365 * day), []string{"front-proxy-ca"}, []string{"front-proxy-ca: expires on 2036-05-29T12:00:00Z, in 9y (pki/front-proxy-ca.crt)"}},
		{"expired to the second", func(w *world) { w.forge(w.row("etcd-peer"), func(c *x509.Certificate) { c.NotAfter = now }) }, nil, nil,
			[]string{"etcd-peer: certificate has expired on 2026-11-24T12:00:00Z (pki/etcd/peer.crt)"}},
		{"not yet valid", func(w *world) {
			w.forge(w.row("etcd-peer"), func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) })
			w.conf(w.row("admin"), func(c *kubeconfig.Single) {
				early := template(w.row("admin"))
				early.NotBefore = now.Add(day)
				key := newKey(w.t)
				c.ClientCert, c.ClientKey = pki.EncodeCertificates(certify(w.t, early, w.bundle("ca")[0], key, w.key(w.row("ca")))), pemOf(w.t, key)
			})
			ca := template(w.row("ca"))
			ca.NotBefore = now.Add(day)
			w.write(w.certFile(w.row("ca")), append(w.read(w.certFile(w.row("ca"))), pki.EncodeCertificates(certify(w.t, ca, nil, newKey(w.t), nil))...))
		}, in(400 * day), []string{"ca", "etcd-peer", "admin"}, []string{
			"ca#2: CA is not valid before 2026-11-25T12:00:00Z (pki/ca.crt)", "etcd-peer: certificate is not valid before 2026-11-24T12:00:01Z (pki/etcd/peer.crt)",
			"admin.conf: certificate is not valid before 2026-11-25T12:00:00Z (admin.conf)",
		}},
		{"missing", func(w *world) {
			w.remove(w.certFile(w.row("apiserver")), w.certFile(w.row("super-admin")), w.certFile(w.row("etcd-ca")))
		}, nil, nil,
			[]string{"apiserver: certificate is missing (pki/apiserver.crt)", "etcd-ca: certificate is missing (pki/etcd/ca.crt)"}},
		{"garbage", func(w *world) {
			w.write(w.certFile(w.row("apiserver")), []byte("garbage"))
			w.write(w.certFile(w.row("admin")), []byte("a: [b\n"))
			w.conf(w.row("scheduler"), func(c *kubeconfig.Single) { c.ClientCert, c.ClientKey, c.Token = nil, nil, "t" })
		}, nil, nil, []string{
			"apiserver: file holds no PEM block (pki/apiserver.crt)", "admin.conf: line 1: not YAML: did not find expected ',' or ']' (admin.conf)", "scheduler.conf: holds no client certificate (scheduler.conf)",
		}},
		{"the second certificate of a file", func(w *world) {
			key := newKey(w.t)
			old := template(w.row("ca"))
			old.NotAfter = now.Add(-day)
			both := append(w.read(w.certFile(w.row("ca"))), pki.EncodeCertificates(certify(w.t, old, nil, key, nil))...)
			w.write(w.certFile(w.row("ca")), both)
		}, nil, []string{"ca"}, []string{"ca#2: CA has expired on 2026-11-23T12:00:00Z (pki/ca.crt)"}},
		{"certificates of no row", func(w *world) {
			key := newKey(w.t)
			c := template(w.row("apiserver"))
			c.NotAfter = now.Add(-day)
			cert := certify(w.t, c, w.bundle("ca")[0], key, w.key(w.row("ca")))
			w.write(filepath.Join(w.site.Cert, "nodes", "a.pem"), append(pemOf(w.t, key), pki.EncodeCertificates(cert)...))
			w.write(filepath.Join(w.site.Cert, "der.cer"), cert.Raw)
			w.write(filepath.Join(w.site.Cert, "broken.crt"), []byte("garbage"))
			w.write(filepath.Join(w.site.Cert, "notes.txt"), []byte("garbage"))
			w.write(filepath.Join(w.site.Cert, "pkitool-backup-20250101T000000Z", "pki", "apiserver.crt"), pki.EncodeCertificates(cert))
			conf, err := kubeconfig.Single{Cluster: "c", Server: "https://a", CA: pki.EncodeCertificates(w.bundle("ca")...), User: "alice", ClientCert: pki.EncodeCertificates(cert), ClientKey: pemOf(w.t, key)}.Render()
			require.NoError(w.t, err)
			w.write(filepath.Join(w.site.Kubeconfig, "alice.conf"), conf)
			w.write(filepath.Join(w.site.Kubeconfig, "other.conf"), []byte("a = b\n"))
			w.write(filepath.Join(w.site.Kubeconfig, "deeper", "bob.conf"), conf)
		}, nil, nil, []string{
			"file holds no PEM block (pki/broken.crt)", "certificate has expired on 2026-11-23T12:00:00Z (pki/der.cer)",
			"certificate has expired on 2026-11-23T12:00:00Z (pki/nodes/a.pem)", "alice.conf: certificate has expired on 2026-11-23T12:00:00Z (alice.conf)",
		}},
		{"another user of a kubeconfig", func(w *world) {
			s := w.row("admin")
			key := newKey(w.t)
			c := template(s)
			c.NotAfter = now.Add(-day)
			cert := certify(w.t, c, w.bundle("ca")[0], key, w.key(w.row("ca")))
			spare, err := kubeconfig.Single{Cluster: "c2", Server: "https://a", CA: pki.EncodeCertificates(certify(w.t, template(w.row("ca")), nil, key, nil)), User: "bob", ClientCert: pki.EncodeCertificates(cert), ClientKey: pemOf(w.t, key)}.Render()
			require.NoError(w.t, err)
			m, err := kubeconfig.Merge(w.read(w.certFile(s)), spare, kubeconfig.MergeOptions{})
			require.NoError(w.t, err)
			w.write(w.certFile(s), m.Data)
		}, in(30 * day), []string{"admin"}, []string{"admin.conf user bob: certificate has expired on 2026-11-23T12:00:00Z (admin.conf)"}},
		{"a file that a kubeconfig names", func(w *world) {
			w.conf(w.row("kubelet"), func(c *kubeconfig.Single) {
				c.ClientCert, c.ClientKey, c.ClientCertFile, c.ClientKeyFile = nil, nil, "gone.pem", "gone.pem"
			})
		}, nil, []string{"kubelet"}, []string{"kubelet.conf: the client certificate it names is missing (gone.pem) (kubelet.conf)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := complete(t)
			if c.spoil != nil {
				c.spoil(w)
			}
			w.neutral(pki.SANs{})
			before := w.snapshot()
			assert.Equal(t, c.want, w.findings(w.expirations(c.within, c.rows...)))
			w.unchanged(before)
		})
	}
}

// While a pair is replaced its certificate is away for an instant: that is waited for, and is not reported as missing.
func TestExpirationsDuringARenewal(t *testing.T) {
	w := complete(t).neutral(pki.SANs{})
	cert := w.site.Files(w.row("apiserver"))[1]
	data, err := os.ReadFile(cert)
	require.NoError(t, err)
	lock, err := store.Lock(t.Context(), filepath.Dir(cert))
	require.NoError(t, err)
	require.NoError(t, os.Remove(cert))
	go func() {
		time.Sleep(50 * time.Millisecond)
		assert.NoError(t, os.WriteFile(cert, data, 0o644))
		assert.NoError(t, lock.Unlock())
	}()
	assert.Empty(t, w.findings(w.expirations(nil)))
	require.NoError(t, os.Remove(cert))
	assert.Len(t, w.findings(w.expirations(nil)), 1, "nobody is at work: it is missing")
}

func TestExpirationsOfAnExternalCA(t *testing.T) {
	w := complete(t)
	w.remove(w.keyFile(w.row("front-proxy-ca")))
	x := w.neutral(pki.SANs{}).expirations(nil)
	assert.Empty(t, x.Findings)
	for _, e := range append(x.Certificates, x.Authorities...) {
		assert.Equal(t, strings.HasPrefix(e.Name, "front-proxy"), e.ExternallyManaged, e.Name)
	}
}

// No private key is needed: one that cannot be read is no alarm. A certificate that cannot is one, and the others are
// told of all the same.
func TestExpirationsThatCannotBeRead(t *testing.T) {
	w := complete(t)
	for _, path := range []string{w.keyFile(w.row("etcd-peer")), w.keyFile(w.row("ca")), w.keyFile(w.row("sa")), w.certFile(w.row("apiserver")), w.certFile(w.row("scheduler"))} {
		w.remove(path)
		require.NoError(t, os.Mkdir(path, 0o755))
	}
	x := w.expirations(nil)
	assert.Equal(t, []string{"apiserver: is a directory (pki/apiserver.crt)", "scheduler.conf: is a directory (scheduler.conf)"}, w.findings(x))
	assert.True(t, x.Certificates[0].Unreadable)
	assert.False(t, x.Certificates[0].Missing, "it is there")
	assert.Len(t, x.Certificates, 12)
	for _, e := range x.Certificates {
		assert.False(t, e.ExternallyManaged, "%s: a key is there", e.Name)
	}
}

// Hints name rows as commands do, for who can follow them; of what is no row's nothing is said.
func TestExpirationHints(t *testing.T) {
	w := complete(t)
	w.forge(w.row("scheduler"), expiredCert)
	w.forge(w.row("front-proxy-client"), expiredCert)
	w.remove(w.certFile(w.row("controller-manager")), w.keyFile(w.row("front-proxy-ca")))
	own, _ := w.ownFile("ca", expiredCert)
	require.NoError(t, os.Rename(own, filepath.Join(w.site.Cert, "own.crt")))
	var got []string
	for _, f := range w.expirations(nil).Findings {
		got = append(got, f.Row+": "+f.Hint)
	}
	assert.Equal(t, []string{
		"front-proxy-client: the CA's key is not here: make a request with `pkitool certs generate-csr front-proxy-client`, have it signed, and bring the certificate back with `pkitool certs import FILE`",
		"controller-manager.conf: `pkitool init phase kubeconfig controller-manager` makes it", "scheduler.conf: `pkitool certs renew scheduler` renews it", ": ",
	}, got)
}

// What a node may rightly lack is absent, without alarm; what lacks a part of a whole is missing. A configuration
// knows the node's role.
func TestExpirationsByRole(t *testing.T) {
	control := cluster()
	control.Nodes[0].Roles = certs.JoinedNode
	worker := cluster()
	worker.Nodes[0].Roles = certs.WorkerNode
	for _, tt := range []struct {
		name       string
		keep       []string // nil: all
		remove     []string
		cluster    *certs.Cluster
		configured bool
		want       []string
	}{
		{name: "a joined node", remove: []string{"super-admin"}},
		{name: "a joined node, by its configuration", remove: []string{"super-admin"}, cluster: &control, configured: true},
		{name: "the first node, by its configuration", remove: []string{"super-admin"}, configured: true},
		{name: "a worker", keep: []string{"ca", "kubelet"}},
		{name: "a worker, by its configuration", keep: []string{"ca", "kubelet"}, cluster: &worker, configured: true},
		{name: "a worker without its kubelet's, by its configuration", keep: []string{"ca"}, cluster: &worker, configured: true, want: []string{"kubelet.conf: certificate is missing (kubelet.conf)"}},
		{name: "etcd elsewhere", remove: []string{"etcd-ca", "etcd-server", "etcd-peer", "etcd-healthcheck-client", "apiserver-etcd-client"}},
		{name: "etcd in part", remove: []string{"etcd-peer"}, want: []string{"etcd-peer: certificate is missing (pki/etcd/peer.crt)"}},
		{name: "a control plane in part", remove: []string{"controller-manager"}, want: []string{"controller-manager.conf: certificate is missing (controller-manager.conf)"}},
		{name: "nothing", keep: []string{"none"}, want: []string{"no certificate of a cluster is in this directory (pki)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := complete(t)
			for s := range w.tree.Rows() {
				if slices.Contains(tt.remove, s.Name) || tt.keep != nil && !slices.Contains(tt.keep, s.Name) {
					w.remove(w.site.Files(s)...)
				}
			}
			if tt.name == "a worker" || tt.cluster == &worker { // which has no key of the CA
				w.remove(w.keyFile(w.row("ca")))
			}
			w.neutral(pki.SANs{})
			if tt.configured {
				w.tree = treeOf(t, cluster())
			}
			if tt.cluster != nil {
				w.tree = treeOf(t, *tt.cluster)
			}
			x := w.expiry(phases.ExpiryOptions{Now: now})
			assert.Equal(t, tt.want, w.findings(x))
		})
	}
}

// TestExpirationsEqualKubeadms compares with what the real kubeadm prints of the same directory.
func TestExpirationsEqualKubeadms(t *testing.T) {
	kubeadm := os.Getenv("PKITOOL_KUBEADM")
	if kubeadm == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI needs PKITOOL_KUBEADM, the path of kubeadm")
		}
		t.Skip("SKIPPED: PKITOOL_KUBEADM names no kubeadm")
	}
	w := empty(t)
	_, err := w.init(at(time.Now()))
	require.NoError(t, err)
	w.remove(w.certFile(w.row("etcd-peer")))
	w.forge(w.row("etcd-server"), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-48 * time.Hour) })
	out, err := exec.Command(kubeadm, "certs", "check-expiration", "--cert-dir", w.site.Cert, "-o", "json").Output()
	require.NoError(t, err)
	// kubeadm knows one directory for kubeconfigs only, and not kubelet.conf.
	theirs, err := decode(out)
	require.NoError(t, err)
	x, err := phases.CheckExpiration(t.Context(), w.tree, w.site, nil, phases.ExpiryOptions{Now: time.Now()})
	require.NoError(t, err)
	text, err := json.Marshal(x)
	require.NoError(t, err)
	ours, err := decode(text)
	require.NoError(t, err)
	assert.Equal(t, theirs["kind"], ours["kind"])
	assert.Equal(t, theirs["apiVersion"], ours["apiVersion"])
	n := 0
	for _, list := range []string{"certificates", "certificateAuthorities"} {
		mine := map[any]map[string]any{}
		for _, e := range ours[list].([]any) {
			mine[e.(map[string]any)["name"]] = e.(map[string]any)
		}
		for _, e := range theirs[list].([]any) {
			want := e.(map[string]any)
			got := mine[want["name"]]
			if strings.HasSuffix(want["name"].(string), ".conf") {
				assert.NotNil(t, got, want["name"])
				continue
			}
			n++
			left := func(m map[string]any) float64 { v, _ := m["residualTime"].(float64); return v }
			assert.InDelta(t, left(want), left(got), 5, want["name"])
			delete(want, "residualTime")
			delete(got, "residualTime")
			assert.Equal(t, want, got)
		}
	}
	assert.Equal(t, 7+3, n)
}

func decode(data []byte) (map[string]any, error) {
	var m map[string]any
	err := json.Unmarshal(data, &m)
	return m, err
}

func TestResidualIsKubectls(t *testing.T) {
	const m, h, d, y = 60, 3600, 86400, 365 * 86400
	for seconds, want := range map[int64]string{
		-5: "<invalid>", -2: "<invalid>", -1: "0s", 0: "0s", 119: "119s", 2 * m: "2m", 2*m + 5: "2m5s", 10 * m: "10m", 10*m + 5: "10m", 179 * m: "179m",
		3 * h: "3h", 3*h + 30*m: "3h30m", 8*h + 30*m: "8h", 47 * h: "47h", 2 * d: "2d", 2*d + 5*h: "2d5h", 8*d + 5*h: "8d", 365*d - 1: "364d", 2*y - 1: "729d",
		2 * y: "2y", 2*y + 3*d: "2y3d", 8*y + 3*d: "8y", 8000 * y: "8000y",
	} {
		assert.Equal(t, want, phases.Residual(seconds), "%d s", seconds)
	}
}

func TestMetricsText(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, phases.WriteMetrics(&b, []phases.Metric{
		{Labels: []string{"filename", "a\"b\\c\nd\xff", "serial_number", "7"}, NotBefore: 1, NotAfter: 253402300799, Expired: true},
	}))
	assert.Equal(t, `# HELP x509_cert_not_before Unix time from which the certificate is valid.
# TYPE x509_cert_not_before gauge
x509_cert_not_before{filename="a\"b\\c\nd`+"\uFFFD"+`",serial_number="7"} 1
# HELP x509_cert_not_after Unix time until which the certificate is valid.
# TYPE x509_cert_not_after gauge
x509_cert_not_after{filename="a\"b\\c\nd`+"\uFFFD"+`",serial_number="7"} 253402300799
# HELP x509_cert_expired Whether the certificate has expired: 1 or 0.
# TYPE x509_cert_expired gauge
x509_cert_expired{filename="a\"b\\c\nd`+"\uFFFD"+`",serial_number="7"} 1
`, b.String())
	t.Run("no series twice", func(t *testing.T) {
		w := complete(t)
		ca := w.read(w.certFile(w.row("ca")))
		w.write(w.certFile(w.row("ca")), append(ca, ca...))
		seen := map[string]bool{}
		for _, m := range w.expirations(nil).Metrics {
			key := strings.Join(m.Labels, "\n")
			assert.False(t, seen[key], key)
			seen[key] = true
		}
		assert.NotEmpty(t, seen)
	})
}
