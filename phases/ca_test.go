package phases_test

import (
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

const (
	hintCA       = "a CA is never replaced: put the right certificate and key there, or use an empty directory"
	hintCABackup = "put the CA certificate back from a backup, or from the copy in a kubeconfig"
	hintCAKey    = "put the key back from a backup, or move it away: then the CA counts as external and signs nothing here"
	hintCSR      = "the CA's key is not here: make a request with `pkitool certs generate-csr`, have it signed, and bring the certificate back with `pkitool certs import`"
)

// caState is a way in which a CA can be found that stops everything below it.
type caState struct {
	name  string
	plant func(w *world, s certs.Spec)
	fault string // as in state
	hint  string
}

// resign replaces a CA's certificate by one for the same key that change has spoilt.
func resign(change func(*x509.Certificate)) func(*world, certs.Spec) {
	return func(w *world, s certs.Spec) {
		c, key := template(s), w.key(s)
		change(c)
		w.write(w.certFile(s), pki.EncodeCertificates(certify(w.t, c, nil, key, nil)))
	}
}

func caStates() []caState {
	notCA := func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature }
	noSign := func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageCRLSign }
	expired := func(c *x509.Certificate) { c.NotAfter = now }
	early := func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }
	keyless := func(plant func(*world, certs.Spec)) func(*world, certs.Spec) {
		return func(w *world, s certs.Spec) { plant(w, s); w.remove(w.keyFile(s)) }
	}
	key := func(data []byte) func(*world, certs.Spec) {
		return func(w *world, s certs.Spec) { w.write(w.keyFile(s), data) }
	}
	cert := func(data []byte) func(*world, certs.Spec) {
		return func(w *world, s certs.Spec) { w.write(w.certFile(s), data) }
	}
	return []caState{
		{name: "key of another", fault: "key does not match certificate ({cert})", hint: hintCA,
			plant: func(w *world, s certs.Spec) { w.write(w.keyFile(s), pemOf(w.t, newKey(w.t))) }},
		{name: "not a CA", fault: "certificate is not a CA ({cert})", hint: hintCA, plant: resign(notCA)},
		{name: "not a CA, without key", fault: "certificate is not a CA ({cert})", hint: hintCA, plant: keyless(resign(notCA))},
		{name: "may not sign", fault: "certificate may not sign certificates (its key usage lacks keyCertSign) ({cert})", hint: hintCA, plant: resign(noSign)},
		{name: "expired", fault: "CA has expired on 2026-11-24T12:00:00Z ({cert})", hint: hintCA, plant: resign(expired)},
		{name: "expired, without key", fault: "CA has expired on 2026-11-24T12:00:00Z ({cert})", hint: hintCA, plant: keyless(resign(expired))},
		{name: "not yet valid", fault: "CA is not valid before 2026-11-24T12:00:01Z ({cert})", hint: hintCA, plant: resign(early)},
		{name: "certificate is nonsense", fault: "file holds no PEM block ({cert})", hint: hintCABackup, plant: cert([]byte("nonsense"))},
		{name: "certificate is empty", fault: "file is empty ({cert})", hint: hintCABackup, plant: cert(nil)},
		{name: "certificate is torn", fault: "PEM is damaged: 1 of 2 blocks can be read ({cert})", hint: hintCABackup, plant: func(w *world, s certs.Spec) {
			data := w.read(w.certFile(s))
			w.write(w.certFile(s), append(append([]byte{}, data...), data[:len(data)/2]...))
		}},
		{name: "key is nonsense", fault: "file holds no PEM block ({key})", hint: hintCAKey, plant: key([]byte("nonsense"))},
		{name: "key is empty", fault: "file is empty ({key})", hint: hintCAKey, plant: key(nil)},
		{name: "key is encrypted", fault: "private key is encrypted ({key})", plant: key(encryptedPKCS8),
			hint: "remove the passphrase with `openssl pkey -in KEY -out NEW`, or put an unencrypted key in its place"},
		{name: "weak key", fault: "RSA key of 1024 bits: 2048 to 8192 are accepted ({key})", hint: hintCAKey, plant: func(w *world, s certs.Spec) {
			weak, err := weakKey()
			require.NoError(w.t, err)
			w.write(w.keyFile(s), pemOf(w.t, weak))
			w.write(w.certFile(s), pki.EncodeCertificates(certify(w.t, template(s), nil, weak, nil)))
		}},
		{name: "certificate is gone", fault: "certificate is missing, but a certificate that it signed is there: {leaf} ({cert})",
			hint:  "put it back from a backup; certificate-authority-data in a kubeconfig is a copy of it",
			plant: func(w *world, s certs.Spec) { w.remove(w.certFile(s)) }},
		{name: "certificate is gone, key is nonsense", fault: "file holds no PEM block ({key})", hint: hintCAKey, plant: func(w *world, s certs.Spec) {
			w.remove(w.certFile(s))
			w.write(w.keyFile(s), []byte("nonsense"))
		}},
		{name: "gone", fault: "certificate and key are missing, but a certificate that they signed is there: {leaf} ({cert})",
			hint:  "put both back from a backup, or move what they signed away to begin anew; a new CA would cut off every client of the old one",
			plant: func(w *world, s certs.Spec) { w.remove(w.certFile(s), w.keyFile(s)) }},
	}
}

// TestCAStates breaks each CA in turn: its row says why, the rows below it only
// that they cannot be judged, nothing is changed, and --reissue changes nothing about that.
func TestCAStates(t *testing.T) {
	tree := treeOf(t, cluster())
	for _, s := range tree.Rows() {
		if s.Kind != certs.CA {
			continue
		}
		for _, st := range caStates() {
			t.Run(s.Name+"/"+st.name, func(t *testing.T) {
				w := complete(t)
				st.plant(w, s)
				leaf := ""
				for _, l := range tree.Rows() {
					if l.Issuer == s.Name && leaf == "" {
						leaf = w.certFile(l)
					}
				}
				words := strings.NewReplacer("{cert}", w.certFile(s), "{key}", w.keyFile(s), "{leaf}", leaf)
				before := w.snapshot()
				for _, o := range []phases.Options{at(now), reissue()} {
					r, err := w.init(nil, o)
					var refused *phases.RefusedError
					require.True(t, errors.As(err, &refused), "%v", err)
					assert.Equal(t, s.Name+": "+words.Replace(st.fault), err.Error(), "the cause is said once, and its consequences are not errors")
					w.unchanged(before)
					for _, row := range r.Rows {
						switch {
						case row.Name == s.Name:
							require.Len(t, row.Faults, 1)
							assert.Equal(t, st.hint, row.Faults[0].Hint)
						case row.Issuer == s.Name:
							assert.Equal(t, phases.Refuse, row.Verb)
							assert.Equal(t, s.Name, row.Because)
							assert.Equal(t, "cannot be judged while "+s.Name+" is refused", row.Faults[0].Text)
						default:
							assert.Equal(t, phases.Keep, row.Verb, row.Name)
						}
					}
				}
			})
		}
	}
}

// Two roles must not share a CA, whether by a copy or by the same key under another name.
func TestTwinCA(t *testing.T) {
	tests := []struct {
		name, row, twin string
		plant           func(w *world, s, twin certs.Spec)
	}{
		{"front proxy with the cluster's CA", "front-proxy-ca", "ca", nil},
		{"etcd with the front proxy's CA", "etcd-ca", "front-proxy-ca", nil},
		{"etcd with the cluster's key under its own name", "etcd-ca", "ca", func(w *world, s, twin certs.Spec) {
			w.write(w.keyFile(s), w.read(w.keyFile(twin)))
			resign(func(*x509.Certificate) {})(w, s)
		}},
		{"etcd with the cluster's CA and no key", "etcd-ca", "ca", func(w *world, s, twin certs.Spec) {
			w.remove(w.keyFile(s))
			w.write(w.certFile(s), w.read(w.certFile(twin)))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := complete(t)
			s, twin := w.row(tt.row), w.row(tt.twin)
			if tt.plant == nil {
				w.write(w.certFile(s), w.read(w.certFile(twin)))
				w.write(w.keyFile(s), w.read(w.keyFile(twin)))
			} else {
				tt.plant(w, s, twin)
			}
			before := w.snapshot()
			r, err := w.init(nil, reissue())
			assert.EqualError(t, err, tt.row+": is the same CA as "+tt.twin+" ("+w.certFile(s)+")")
			assert.Equal(t, "the roles must not share a CA: whoever holds a certificate of the one would pass for a client of the other", rowOf(t, r, tt.row).Faults[0].Hint)
			w.unchanged(before)
		})
	}
}

func rowOf(t testing.TB, r phases.Report, name string) phases.Row {
	t.Helper()
	for _, row := range r.Rows {
		if row.Name == name {
			return row
		}
	}
	require.Fail(t, "no such row", name)
	return phases.Row{}
}

// A CA without its key is external: what it signed must be there and right.
func TestExternalCA(t *testing.T) {
	tree := treeOf(t, cluster())
	for _, s := range tree.Rows() {
		if s.Kind != certs.CA {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			w := complete(t)
			w.remove(w.keyFile(s))
			r := w.settled(nil)
			assert.Equal(t, "external CA: its key is not here", rowOf(t, r, s.Name).Reason)

			var below []certs.Spec
			for _, l := range tree.Rows() {
				if l.Issuer == s.Name {
					below = append(below, l)
				}
			}
			var want []string
			for i, l := range below {
				switch i % 3 {
				case 0:
					w.remove(w.dirs.Files(l)...)
					want = append(want, l.Name+": certificate is missing ("+w.certFile(l)+")")
				case 1:
					w.setKey(l, pemOf(t, newKey(t)))
					want = append(want, l.Name+": key does not match certificate ("+w.certFile(l)+")")
				case 2:
					w.remove(w.certFile(l))
					want = append(want, l.Name+": certificate is missing ("+w.certFile(l)+")")
				}
			}
			before := w.snapshot()
			for _, o := range []phases.Options{at(now), reissue()} {
				r, err := w.init(nil, o)
				assert.EqualError(t, err, strings.Join(want, "\n"))
				for _, l := range below {
					assert.Equal(t, hintCSR, rowOf(t, r, l.Name).Faults[0].Hint, l.Name)
				}
				w.unchanged(before)
			}
		})
	}
}

// The CA's key alone, with nothing signed yet, is what a killed run leaves: it is certified.
func TestCAKeyAlone(t *testing.T) {
	w := empty(t)
	keys := map[string][]byte{}
	for _, name := range []string{"ca", "front-proxy-ca", "etcd-ca"} {
		keys[name] = pemOf(t, newKey(t))
		w.write(w.keyFile(w.row(name)), keys[name])
	}
	require.NoError(t, os.Chmod(w.keyFile(w.row("ca")), 0o644))
	r, err := w.init(nil, at(now))
	require.NoError(t, err)
	for name, data := range keys {
		assert.Equal(t, "certifies the key that is there", rowOf(t, r, name).Reason)
		assert.Equal(t, data, w.read(w.keyFile(w.row(name))))
	}
	w.tidy()
	w.settled(nil)
}

// A row asked for by itself, without its CA, names the command that makes the CA.
func TestNoCA(t *testing.T) {
	for _, name := range []string{"apiserver", "front-proxy-client", "etcd-peer", "admin"} {
		t.Run(name, func(t *testing.T) {
			w := empty(t)
			s := w.row(name)
			r, err := w.init([]string{name}, reissue())
			assert.EqualError(t, err, name+": there is no CA to sign it ("+w.certFile(w.row(s.Issuer))+")")
			assert.Equal(t, "run `pkitool init phase certs "+s.Issuer+"` first", r.Rows[0].Faults[0].Hint)
			for path, f := range w.snapshot() {
				assert.True(t, f.mode.IsDir(), path)
			}
		})
	}
}

// A leaf that would outlive its CA is refused, with the time that it may have.
func TestWouldOutlive(t *testing.T) {
	w := complete(t)
	s := w.row("apiserver")
	c, key := template(w.row("ca")), w.key(w.row("ca"))
	c.NotAfter = now.Add(30*day + 30*time.Minute)
	w.write(w.certFile(w.row("ca")), pki.EncodeCertificates(certify(t, c, nil, key, nil)))
	w.remove(w.dirs.Files(s)...)
	before := w.snapshot()
	r, err := w.init([]string{"apiserver"}, reissue())
	assert.EqualError(t, err, "apiserver: would outlive its CA: valid until 2027-11-24T12:00:00Z, the CA ends 2026-12-24T12:30:00Z ("+w.certFile(s)+")")
	assert.Equal(t, "give --validity 720h or less, or replace the CA first", r.Rows[0].Faults[0].Hint)
	w.unchanged(before)

	short := cluster()
	short.Validity = 720 * time.Hour
	w.tree = treeOf(t, short)
	_, err = w.init([]string{"apiserver"}, at(now))
	require.NoError(t, err)
	assert.Equal(t, now.Add(720*time.Hour), w.chain(s)[0].NotAfter.UTC())
}

// A CA whose own certificate forbids what it would have to sign is refused
// before anything is signed; --dry-run knows it as well.
func TestConstrainedCA(t *testing.T) {
	tests := []struct {
		name, row string
		change    func(*x509.Certificate)
		text      string
	}{
		{"names", "apiserver", func(c *x509.Certificate) {
			c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"example.com"}
		}, "permitted subtree violation (X509_V_ERR_PERMITTED_VIOLATION at depth 0)"},
		{"usages", "apiserver-kubelet-client", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, "unsuitable certificate purpose (X509_V_ERR_INVALID_PURPOSE at depth 1)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := empty(t)
			key := newKey(t)
			c := template(w.row("ca"))
			tt.change(c)
			w.place(w.row("ca"), key, certify(t, c, nil, key, nil))
			before := w.snapshot()
			for _, run := range []func() (phases.Report, error){
				func() (phases.Report, error) { return w.init([]string{tt.row}, reissue()) },
				func() (phases.Report, error) { return phases.DryRun(w.tree, w.dirs, []string{tt.row}, at(now)) },
			} {
				r, err := run()
				var refused *phases.RefusedError
				require.True(t, errors.As(err, &refused), "%v", err)
				assert.EqualError(t, err, tt.row+": its CA cannot sign it: a certificate would not stand, it does not verify against "+
					w.certFile(w.row("ca"))+": "+tt.text+" ("+w.certFile(w.row(tt.row))+")")
				assert.Equal(t, hintCA, r.Rows[0].Faults[0].Hint)
				w.unchanged(before)
			}
		})
	}
}
