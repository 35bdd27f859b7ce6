package phases_test

import (
	"crypto"
	"crypto/x509"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// An external CA in rotation: one certificate of the file has expired, the other is good.
func TestExternalBundle(t *testing.T) {
	for _, oldFirst := range []bool{true, false} {
		w := complete(t)
		ca := w.row("ca")
		c, key := template(ca), newKey(t)
		c.NotAfter = now
		old := pki.EncodeCertificates(certify(t, c, nil, key, nil))
		file := append(append([]byte{}, w.read(w.certFile(ca))...), old...)
		if oldFirst {
			file = append(old, w.read(w.certFile(ca))...)
		}
		w.write(w.certFile(ca), file)
		w.remove(w.keyFile(ca))
		assert.Equal(t, "external CA: its key is not here", w.settled("ca", "apiserver").Rows[0].Reason)
	}
}

// A bundle may hold several CAs in any order; the one whose key is here signs,
// and kubeconfigs carry all of them.
func TestBundle(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}} {
		w := complete(t)
		ca := w.row("ca")
		var all [3]*x509.Certificate
		all[0] = w.bundle("ca")[0]
		for i := 1; i < 3; i++ {
			key := newKey(t)
			all[i] = certify(t, template(ca), nil, key, nil)
		}
		var file []byte
		for _, i := range order {
			file = append(file, pki.EncodeCertificates(all[i])...)
		}
		w.write(w.certFile(ca), file)
		// What the old CA signed stays right; the kubeconfigs lack the new ones.
		chosen := []string{"ca", "apiserver", "apiserver-kubelet-client"}
		r := w.settled(chosen...)
		assert.Equal(t, "complete, a bundle of 3 certificates", r.Rows[0].Reason)
		r, err := w.init(reissue())
		require.NoError(t, err)
		for _, row := range r.Rows {
			want := phases.Keep
			if row.Phase == "kubeconfig" {
				want = phases.Renew
				assert.Equal(t, string(file), string(w.entry(w.row(row.Name)).Cluster.CA))
			}
			assert.Equal(t, want, row.Verb, row.Name)
		}
		w.settled()
	}
}

// The cluster's CA under a corporate root, one and two steps below it: leaves
// carry their chain up to but without the root, kubeconfigs the bundle.
func TestIntermediateCA(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps int
		order func(list []*x509.Certificate) []*x509.Certificate
		chain int
	}{
		{"issuer first", 1, func(l []*x509.Certificate) []*x509.Certificate { return l }, 2},
		{"root first", 1, reversed, 2},
		{"two steps, root first", 2, reversed, 3},
		{"without the root", 1, func(l []*x509.Certificate) []*x509.Certificate { return l[:1] }, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := empty(t)
			ca := w.row("ca")
			rootKey := newKey(t)
			root := template(ca)
			root.Subject.CommonName = "corporate root"
			list := []*x509.Certificate{certify(t, root, nil, rootKey, nil)}
			key := rootKey
			for i := range tt.steps {
				c := template(ca)
				if i < tt.steps-1 {
					c.Subject.CommonName = "corporate intermediate"
				}
				next := newKey(t)
				list = append([]*x509.Certificate{certify(t, c, list[0], next, key)}, list...)
				key = next
			}
			file := pki.EncodeCertificates(tt.order(list)...)
			w.write(w.certFile(ca), file)
			w.write(w.keyFile(ca), pemOf(t, key))
			_, err := w.init(at(now))
			require.NoError(t, err)
			for s := range w.tree.Rows() {
				if s.Issuer.Role != "ca" {
					continue
				}
				chain := w.chain(s)
				require.Len(t, chain, tt.chain, s.Name)
				assert.Equal(t, list[:tt.chain-1], chain[1:], s.Name)
				roots, inter := x509.NewCertPool(), x509.NewCertPool()
				roots.AddCert(list[len(list)-1])
				for _, c := range chain[1:] {
					inter.AddCert(c)
				}
				_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: inter, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
				assert.NoError(t, err, s.Name)
				if s.Place.Kubeconfig != "" {
					assert.Equal(t, string(file), string(w.entry(s).Cluster.CA))
				}
			}
			w.settled()
		})
	}
}

func reversed(l []*x509.Certificate) []*x509.Certificate {
	var out []*x509.Certificate
	for _, c := range l {
		out = append([]*x509.Certificate{c}, out...)
	}
	return out
}

// A CA that was renewed with its old key: both certificates in the bundle hold
// the key that is here, and the one that lives longer signs.
func TestRenewedCA(t *testing.T) {
	w := complete(t)
	ca := w.row("ca")
	var key crypto.Signer = w.key(ca)
	c := template(ca)
	c.NotAfter = birth.Add(200 * day)
	old := certify(t, c, nil, key, nil)
	w.write(w.certFile(ca), append(pki.EncodeCertificates(old), w.read(w.certFile(ca))...))
	w.remove(w.site.Files(w.row("apiserver"))...)
	_, err := w.init(at(now), "apiserver")
	require.NoError(t, err)
	w.settled("ca", "apiserver", "apiserver-kubelet-client")
	info, err := os.Stat(w.certFile(w.row("apiserver")))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o644), info.Mode())
}

// Three CAs under one corporate root are three CAs, wherever the root stands in their files.
func TestSharedRoot(t *testing.T) {
	w := empty(t)
	rootKey := newKey(t)
	c := template(w.row("ca"))
	c.Subject.CommonName = "corporate root"
	root := certify(t, c, nil, rootKey, nil)
	for _, name := range []string{"ca", "front-proxy-ca", "etcd-ca"} {
		s, key := w.row(name), newKey(t)
		w.place(s, key, root, certify(t, template(s), root, key, rootKey))
	}
	_, err := w.init(at(now))
	require.NoError(t, err)
	w.settled()
	for _, name := range []string{"ca", "front-proxy-ca", "etcd-ca"} {
		w.remove(w.keyFile(w.row(name)))
	}
	w.settled()
}
