package phases_test

import (
	"crypto/x509"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

const hintCA = "a CA is never replaced: put the right certificate and key there, or use an empty directory"

// rowOf is the row of a report.
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

// refused asserts that a run ended with a refusal of one text, and changed nothing.
func (w *world) refused(before map[string]seen, err error, want string) {
	w.t.Helper()
	var refusal *phases.RefusedError
	require.ErrorAs(w.t, err, &refusal)
	assert.Equal(w.t, want, err.Error())
	w.unchanged(before)
}

// A CA that is wrong is told of once; the rows below it say only that they cannot be judged, all others go on.
// --reissue changes nothing about that, and a renewal says the same.
func TestWrongCA(t *testing.T) {
	w := complete(t)
	ca := w.row("front-proxy-ca")
	w.write(w.keyFile(ca), pemOf(t, newKey(t)))
	before := w.snapshot()
	want := "front-proxy-ca: key does not match certificate (" + w.certFile(ca) + ")"
	for _, o := range []phases.Options{at(now), reissue()} {
		r, err := w.init(o)
		w.refused(before, err, want)
		for _, row := range r.Rows {
			switch {
			case row.Name == ca.Name:
				require.Len(t, row.Findings, 1)
				assert.Equal(t, "put the key back from a backup, or move it away: then the CA counts as external and signs nothing here", row.Findings[0].Hint)
			case row.Issuer == ca.Name:
				assert.Equal(t, phases.Refuse, row.Verb)
				assert.Equal(t, ca.Name, row.Because)
				assert.Equal(t, "cannot be judged while front-proxy-ca is refused", row.Findings[0].Text)
			default:
				assert.Equal(t, phases.Keep, row.Verb, row.Name)
			}
		}
	}
	// Asked for by itself, a row is refused because of its CA, and the CA's own fault is what is told.
	r, err := w.init(reissue(), "front-proxy-client")
	w.refused(before, err, want)
	assert.Len(t, r.Rows, 2)
	_, err = w.renew(renewal(), "front-proxy-client")
	w.refused(before, err, want)
}

// Two roles must not share a CA, whether by a copy or by the same key under another name.
func TestTwinCA(t *testing.T) {
	tests := []struct {
		name, row, twin string
		plant           func(w *world, s, twin certs.Spec)
	}{
		{"front proxy with the cluster's CA", "front-proxy-ca", "ca", func(w *world, s, twin certs.Spec) {
			w.write(w.certFile(s), w.read(w.certFile(twin)))
			w.write(w.keyFile(s), w.read(w.keyFile(twin)))
		}},
		{"etcd with the front proxy's key under its own name", "etcd-ca", "front-proxy-ca", func(w *world, s, twin certs.Spec) {
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
			s := w.row(tt.row)
			tt.plant(w, s, w.row(tt.twin))
			before := w.snapshot()
			r, err := w.init(reissue(), tt.row, tt.twin)
			w.refused(before, err, tt.row+": is the same CA as "+tt.twin+" ("+w.certFile(s)+")")
			assert.Equal(t, "give each its own CA: use an empty directory, or put the right certificate and key there", rowOf(t, r, tt.row).Findings[0].Hint)
		})
	}
}

// A CA without its key is external: what it signed must be there and right.
func TestExternalCA(t *testing.T) {
	w := complete(t)
	ca := w.row("ca")
	w.remove(w.keyFile(ca))
	assert.Equal(t, "external CA: its key is not here", rowOf(t, w.settled(), "ca").Reason)
	var want string
	for i, name := range []string{"apiserver", "apiserver-kubelet-client", "admin", "scheduler"} {
		s := w.row(name)
		switch i % 2 {
		case 0:
			w.remove(w.certFile(s))
			want += name + ": certificate is missing (" + w.certFile(s) + ")\n"
		case 1:
			w.setKey(s, pemOf(t, newKey(t)))
			want += name + ": key does not match certificate (" + w.certFile(s) + ")\n"
		}
	}
	before := w.snapshot()
	for _, o := range []phases.Options{at(now), reissue()} {
		r, err := w.init(o)
		w.refused(before, err, want[:len(want)-1])
		assert.Contains(t, rowOf(t, r, "apiserver").Findings[0].Hint, "pkitool certs generate-csr apiserver")
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
	r, err := w.init(at(now))
	require.NoError(t, err)
	for name, data := range keys {
		assert.Equal(t, "certifies the key that is there", rowOf(t, r, name).Reason)
		assert.Equal(t, data, w.read(w.keyFile(w.row(name))))
	}
	w.tidy()
	w.settled()
}

// A row asked for by itself, without its CA, names the command that makes the CA.
func TestNoCA(t *testing.T) {
	for _, name := range []string{"apiserver", "front-proxy-client", "etcd-peer", "admin"} {
		w := empty(t)
		s := w.row(name)
		r, err := w.init(reissue(), name)
		assert.EqualError(t, err, s.Issuer.Role+": there is no CA ("+w.certFile(w.row(s.Issuer.Role))+")")
		assert.Equal(t, "`pkitool init phase certs "+s.Issuer.Role+"` makes it; or name another directory with --cert-dir", r.Rows[0].Findings[0].Hint)
		for path, f := range w.snapshot() {
			assert.True(t, f.mode.IsDir(), path)
		}
	}
}

// shortCA gives the cluster's CA no more than 30 days.
func (w *world) shortCA() time.Time {
	end := now.Add(30*day + 30*time.Minute)
	resign(func(c *x509.Certificate) { c.NotAfter = end })(w, w.row("ca"))
	return end
}

// A validity that somebody gave and that would outlive the CA is refused, with the time that there is. A default ends
// with the CA, and that is said.
func TestWouldOutlive(t *testing.T) {
	w := complete(t)
	s := w.row("apiserver")
	end := w.shortCA()
	for _, files := range [][]string{w.site.Files(s), w.site.Files(w.row("scheduler"))} {
		w.remove(files...)
	}
	before := w.snapshot()
	want := "apiserver: would outlive its CA: valid until 2027-11-24T12:00:00Z, the CA ends 2026-12-24T12:30:00Z (" + w.certFile(s) + ")"
	r, err := w.init(reissue(), "apiserver")
	w.refused(before, err, want)
	assert.Equal(t, "give --validity 720h or less, or replace the CA first", r.Rows[0].Findings[0].Hint)

	given := cluster()
	given.Validity = 720 * time.Hour
	w.tree = treeOf(t, given)
	_, err = w.init(at(now), "apiserver")
	require.NoError(t, err)
	assert.Equal(t, now.Add(720*time.Hour), w.chain(s)[0].NotAfter.UTC())

	w.tree = treeOf(t, cluster())
	before = w.snapshot()
	_, err = w.renew(renewal(), "apiserver")
	w.refused(before, err, want)

	w.assume(certs.LeafValidity)
	r, err = w.init(at(now), "scheduler")
	require.NoError(t, err)
	assert.Equal(t, []string{"ends with its CA, on 2026-12-24T12:30:00Z"}, r.Rows[0].Notes)
	assert.Equal(t, end, w.chain(w.row("scheduler"))[0].NotAfter.UTC())
	r, err = w.renew(renewal(), "apiserver", "scheduler")
	require.NoError(t, err)
	for _, row := range r.Rows {
		assert.Equal(t, end, *row.NotAfter, row.Name)
	}
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
		}, `a root or intermediate certificate is not authorized to sign for this name: DNS name "cp-1" is not permitted by any constraint`},
		{"usages", "apiserver-kubelet-client", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} },
			"certificate specifies an incompatible key usage"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := empty(t)
			key := newKey(t)
			c := template(w.row("ca"))
			tt.change(c)
			w.place(w.row("ca"), key, certify(t, c, nil, key, nil))
			before := w.snapshot()
			for _, dry := range []bool{true, false} {
				o := reissue()
				o.DryRun = dry
				r, err := w.init(o, tt.row)
				w.refused(before, err, tt.row+": its CA cannot sign it: the certificate would not be accepted, it does not verify against "+
					w.certFile(w.row("ca"))+": "+tt.text+" ("+w.certFile(w.row(tt.row))+")")
				assert.Equal(t, hintCA, r.Rows[0].Findings[0].Hint)
			}
		})
	}
}

// A CA without a key identifier signs leaves that name its key all the same.
func TestCAWithoutKeyID(t *testing.T) {
	w := complete(t)
	ca := w.row("ca")
	w.write(w.certFile(ca), pki.EncodeCertificates(withoutKeyID(t, template(ca), w.key(ca))))
	w.remove(w.site.Files(w.row("apiserver"))...)
	_, err := w.init(at(now), "apiserver")
	require.NoError(t, err)
	assert.NotEmpty(t, w.chain(w.row("apiserver"))[0].AuthorityKeyId)
	w.settled("ca", "apiserver", "apiserver-kubelet-client")
}
