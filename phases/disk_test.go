package phases_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// An empty directory becomes a whole PKI with the files, modes and directories
// of kubeadm, and the second run keeps all of it to the byte and the second.
func TestFirstAndSecondRun(t *testing.T) {
	w := empty(t)
	r, err := w.init(nil, at(now))
	require.NoError(t, err)
	assert.True(t, r.Changed)
	require.Len(t, r.Rows, 16)
	w.tidy()
	files, err := pristine()
	require.NoError(t, err)
	got := w.snapshot()
	for rel := range files {
		s, ok := got[filepath.Join(w.dir, rel)]
		require.True(t, ok, rel)
		if filepath.Ext(rel) == ".crt" {
			assert.Equal(t, fs.FileMode(0o644), s.mode, rel)
		} else {
			assert.Equal(t, fs.FileMode(0o600), s.mode, rel)
		}
	}
	assert.Len(t, got, len(files)+3, "files, and the directories kubeadm has: itself, pki, pki/etcd")
	assert.Equal(t, fs.ModeDir|0o755, got[w.dirs.Cert].mode)

	second := w.settled(nil)
	for i, row := range second.Rows {
		assert.Equal(t, "complete", row.Reason, row.Name)
		assert.Equal(t, r.Rows[i].SHA256, row.SHA256, row.Name)
		assert.NotEmpty(t, row.SHA256, row.Name)
		assert.Empty(t, row.Written, row.Name)
	}
}

// --cert-mode 0600 (CIS 1.24) is for certificates that are made, and tightens
// those that are there.
func TestCertMode(t *testing.T) {
	w := complete(t)
	w.remove(w.dirs.Files(w.row("apiserver"))...)
	o := at(now)
	o.CertMode = 0o600
	r, err := w.init(nil, o)
	require.NoError(t, err)
	for path, s := range w.snapshot() {
		if s.mode.IsRegular() {
			assert.Equal(t, fs.FileMode(0o600), s.mode, path)
		}
	}
	assert.Equal(t, []phases.Mode{{Path: w.certFile(w.row("ca")), From: "0644", To: "0600"}}, rowOf(t, r, "ca").Tightened)
	w.settled(nil) // with 0644 asked for: what is tighter stays
}

// DryRun says what Init would do, and does nothing: no directory, no lock, no file.
func TestDryRun(t *testing.T) {
	w := empty(t)
	before := w.snapshot()
	r, err := phases.DryRun(w.tree, w.dirs, nil, at(now))
	require.NoError(t, err)
	assert.True(t, r.DryRun)
	for _, row := range r.Rows {
		assert.Equal(t, phases.Create, row.Verb)
		assert.Equal(t, row.Files, row.Written)
	}
	w.unchanged(before)

	w = complete(t)
	w.forge(w.row("apiserver"), func(c *certificate) { c.DNSNames = nil })
	before = w.snapshot()
	r, err = phases.DryRun(w.tree, w.dirs, nil, at(now))
	var refused *phases.RefusedError
	require.True(t, errors.As(err, &refused))
	assert.Equal(t, phases.Refuse, rowOf(t, r, "apiserver").Verb)
	r, err = phases.DryRun(w.tree, w.dirs, nil, reissue())
	require.NoError(t, err)
	assert.Equal(t, phases.Renew, rowOf(t, r, "apiserver").Verb)
	w.unchanged(before)
}

// What cannot be read at all is an error with the path, whatever the row, and nothing is changed.
func TestUnreadable(t *testing.T) {
	plants := []struct {
		name  string
		text  string
		plant func(w *world, path string)
	}{
		{"directory in its place", "is a directory", func(w *world, path string) { require.NoError(w.t, os.Mkdir(path, 0o755)) }},
		{"too large", "is larger than 4 MiB", func(w *world, path string) { w.write(path, make([]byte, store.MaxSize+1)) }},
		{"pipe", "is not a regular file", func(w *world, path string) { mkfifo(w.t, path) }},
	}
	for _, p := range plants {
		for _, s := range treeOf(t, cluster()).Rows() {
			for i := range s.Place.Files() {
				t.Run(p.name+"/"+s.Name, func(t *testing.T) {
					w := complete(t)
					path := w.dirs.Files(s)[i]
					w.remove(path)
					p.plant(w, path)
					before := w.snapshot()
					for _, o := range []phases.Options{at(now), reissue()} {
						_, err := w.init(nil, o)
						assert.EqualError(t, err, p.text+" ("+path+")")
						var named *store.Error
						require.True(t, errors.As(err, &named))
						w.unchanged(before)
					}
				})
			}
		}
	}
}

// Two such files are two faults, both told at once.
func TestUnreadableAll(t *testing.T) {
	w := complete(t)
	var want string
	for i, name := range []string{"apiserver", "etcd-peer"} {
		path := w.certFile(w.row(name))
		w.remove(path)
		require.NoError(t, os.Mkdir(path, 0o755))
		if i > 0 {
			want += "\n"
		}
		want += "is a directory (" + path + ")"
	}
	before := w.snapshot()
	_, err := w.init(nil, at(now))
	assert.EqualError(t, err, want)
	w.unchanged(before)
	// Rows that have nothing to do with it are not held up.
	_, err = w.init([]string{"front-proxy-client"}, at(now))
	assert.NoError(t, err)
}

// A final name that is a link is read through and never written through.
func TestSymlinkIsNotWritten(t *testing.T) {
	for _, s := range treeOf(t, cluster()).Rows() {
		if s.Kind == certs.CA || s.Kind == certs.KeyPair {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			w := complete(t)
			w.forge(s, func(c *certificate) { c.Subject.CommonName = "somebody" })
			w.link(s, 0o600)
			before := w.snapshot()
			_, err := w.init(nil, reissue())
			require.ErrorIs(t, err, store.ErrSymlink)
			assert.EqualError(t, err, "is a symbolic link, not written through ("+w.certFile(s)+")")
			w.unchanged(before)
		})
	}
	t.Run("a link to nothing is not written through either", func(t *testing.T) {
		w := complete(t)
		s := w.row("apiserver")
		w.remove(w.dirs.Files(s)...)
		require.NoError(t, os.Symlink(filepath.Join(w.dir, "nowhere"), w.keyFile(s)))
		before := w.snapshot()
		_, err := w.init(nil, at(now))
		assert.EqualError(t, err, "is a symbolic link, not written through ("+w.keyFile(s)+")")
		w.unchanged(before)
	})
}

// A directory that is a link is a directory.
func TestLinkedDirectory(t *testing.T) {
	w := empty(t)
	require.NoError(t, os.Mkdir(filepath.Join(w.dir, "real"), 0o755))
	require.NoError(t, os.Symlink("real", w.dirs.Cert))
	_, err := w.init(nil, at(now))
	require.NoError(t, err)
	w.settled(nil)
	assert.FileExists(t, filepath.Join(w.dir, "real", "etcd", "peer.key"))
}

// What was written and is not there when it is read again fails the proof, row by row.
func TestProof(t *testing.T) {
	w := complete(t)
	_, err := phases.Prove(w.tree, w.dirs, nil, at(now))
	require.NoError(t, err)
	s, other := w.row("apiserver"), w.row("admin")
	w.setKey(s, pemOf(t, newKey(t)))
	w.remove(w.certFile(other))
	_, err = phases.Prove(w.tree, w.dirs, nil, reissue())
	var proof *phases.ProofError
	require.True(t, errors.As(err, &proof))
	assert.EqualError(t, err, "apiserver: does not stand after it was written: key does not match certificate ("+w.certFile(s)+")\n"+
		"admin: does not stand after it was written: is not there")

	w = complete(t)
	key := w.keyFile(w.row("sa"))
	require.NoError(t, os.Chmod(key, 0o644))
	_, err = phases.Prove(w.tree, w.dirs, nil, at(now))
	assert.EqualError(t, err, "sa: does not stand after it was written: mode 0644 is looser than 0600 ("+key+")")
}

// The files of an external etcd are judged where the configuration names them, and never written.
func TestExternalEtcd(t *testing.T) {
	c := cluster()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	c.ExternalEtcd = &certs.ExternalEtcd{Endpoints: []string{"https://10.0.0.5:2379"}, CAFile: path("ca.crt"), CertFile: path("client.crt"), KeyFile: path("client.key")}
	w := &world{t: t, dir: dir, dirs: dirsIn(dir), tree: treeOf(t, c)}
	require.Len(t, w.tree.Rows(), 13)
	chosen := []string{"external-etcd-ca", "external-etcd-client"}
	caKey, key := newKey(t), newKey(t)
	caSpec, spec := w.row(chosen[0]), w.row(chosen[1])
	caSpec.Subject.CommonName, spec.Subject.CommonName = "their-ca", "their-client"
	ca := certify(t, template(caSpec), nil, caKey, nil)
	cert := certify(t, template(spec), ca, key, caKey)
	expired := template(spec)
	expired.NotAfter = now
	put := map[string]func(){
		"ca":      func() { w.write(path("ca.crt"), pki.EncodeCertificates(ca)) },
		"cert":    func() { w.write(path("client.crt"), pki.EncodeCertificates(cert)) },
		"key":     func() { w.write(path("client.key"), pemOf(t, key)) },
		"other":   func() { w.write(path("client.key"), pemOf(t, newKey(t))) },
		"expired": func() { w.write(path("client.crt"), pki.EncodeCertificates(certify(t, expired, ca, key, caKey))) },
	}
	const theirs = "the files are another's: ask whoever runs etcd"
	for _, tt := range []struct {
		put, fault, hint string
	}{
		{"", "external-etcd-ca: certificate is missing (" + path("ca.crt") + ")", "the configuration names it: put it there, or leave the file out of the configuration"},
		{"ca", "external-etcd-client: certificate is missing (" + path("client.crt") + ")", "the configuration names it: put it there"},
		{"cert", "external-etcd-client: private key is missing (" + path("client.key") + ")", "the configuration names it: put it there"},
		{"other", "external-etcd-client: key does not match certificate (" + path("client.crt") + ")", theirs},
		{"key", "", ""},
		{"expired", "external-etcd-client: certificate has expired on 2026-11-24T12:00:00Z (" + path("client.crt") + ")", theirs},
	} {
		if tt.put != "" {
			put[tt.put]()
		}
		before := w.snapshot()
		for _, o := range []phases.Options{at(now), reissue()} {
			r, err := w.init(chosen, o)
			w.unchanged(before)
			if tt.fault == "" {
				require.NoError(t, err)
				assert.Equal(t, "named in the configuration", r.Rows[0].Reason)
				continue
			}
			require.EqualError(t, err, tt.fault)
			for _, row := range r.Rows {
				if row.Verb == phases.Refuse && row.Because == "" {
					assert.Equal(t, tt.hint, row.Faults[0].Hint)
				}
			}
		}
	}
}
