package phases_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki/store"
)

// An empty directory becomes a whole PKI with the files, modes and directories
// of kubeadm, and the second run keeps all of it to the byte and the second.
func TestFirstAndSecondRun(t *testing.T) {
	w := empty(t)
	r, err := w.init(at(now))
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
	assert.Equal(t, fs.ModeDir|0o755, got[w.site.Cert].mode)

	second := w.settled()
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
	w.remove(w.site.Files(w.row("apiserver"))...)
	o := at(now)
	o.CertMode = 0o600
	r, err := w.init(o)
	require.NoError(t, err)
	for path, s := range w.snapshot() {
		if s.mode.IsRegular() {
			assert.Equal(t, fs.FileMode(0o600), s.mode, path)
		}
	}
	assert.Equal(t, []phases.Mode{{Path: w.certFile(w.row("ca")), From: "0644", To: "0600"}}, rowOf(t, r, "ca").Tightened)
	w.settled() // with 0644 asked for: what is tighter stays
}

// DryRun says what Init would do, and does nothing: no directory, no lock, no file.
func TestDryRun(t *testing.T) {
	w := empty(t)
	before := w.snapshot()
	dry := at(now)
	dry.DryRun = true
	r, err := w.init(dry)
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
	r, err = w.init(dry)
	var refused *phases.RefusedError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, phases.Refuse, rowOf(t, r, "apiserver").Verb)
	dry.Reissue = true
	r, err = w.init(dry)
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
		{"socket", "is not a regular file", func(w *world, path string) { mksocket(w.t, path) }},
		{"device", "is not a regular file", func(w *world, path string) { require.NoError(w.t, os.Symlink(os.DevNull, path)) }},
		{"link to itself", "too many levels of symbolic links", func(w *world, path string) { require.NoError(w.t, os.Symlink(filepath.Base(path), path)) }},
	}
	for s := range treeOf(t, cluster()).Rows() {
		for i := range s.Place.Files() {
			p := plants[(len(s.Name)+i)%len(plants)] // each row one of them, and all of them several rows
			t.Run(p.name+"/"+s.Name, func(t *testing.T) {
				w := part(t, s)
				path := w.site.Files(s)[i]
				w.remove(path)
				p.plant(w, path)
				before := w.snapshot()
				for _, o := range []phases.Options{at(now), reissue()} {
					_, err := w.init(o, s.Name)
					assert.EqualError(t, err, p.text+" ("+path+")")
					var named *store.Error
					require.ErrorAs(t, err, &named)
					w.unchanged(before)
				}
			})
		}
	}
}

// What lies in the place of the directory of copies is named, not waited for, and nothing is changed.
func TestBackupIsNoDirectory(t *testing.T) {
	for text, plant := range map[string]func(w *world, path string){
		"is not a directory":                func(w *world, path string) { mkfifo(w.t, path) },
		"is not a directory ":               func(w *world, path string) { w.write(path, nil) },
		"is not a directory  ":              func(w *world, path string) { require.NoError(w.t, os.Symlink(os.DevNull, path)) },
		"is a symbolic link to nothing":     func(w *world, path string) { require.NoError(w.t, os.Symlink("nowhere", path)) },
		"too many levels of symbolic links": func(w *world, path string) { require.NoError(w.t, os.Symlink(filepath.Base(path), path)) },
	} {
		w := complete(t)
		o := renewal()
		o.Backup = filepath.Join(w.dir, "old")
		plant(w, o.Backup)
		before := w.snapshot()
		_, err := w.renew(o, "apiserver")
		assert.EqualError(t, err, strings.TrimSpace(text)+" ("+o.Backup+")")
		w.unchanged(before)
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
	_, err := w.init(at(now))
	assert.EqualError(t, err, want)
	w.unchanged(before)
	// Rows that have nothing to do with it are not held up.
	_, err = w.init(at(now), "front-proxy-client")
	assert.NoError(t, err)
}

// A final name that is a link is read through and never written through.
func TestSymlinkIsNotWritten(t *testing.T) {
	w := complete(t)
	s := w.row("apiserver")
	w.forge(s, expiredCert)
	w.link(s, 0o600)
	before := w.snapshot()
	o := reissue()
	o.Backup = w.dir
	want := "apiserver: is a symbolic link, not written through (" + w.keyFile(s) + ")"
	_, err := w.init(o, "apiserver")
	w.refused(before, err, want)
	_, err = w.renew(renewal(), "apiserver")
	w.refused(before, err, want)

	// A link to nothing is not written through either.
	w = complete(t)
	s = w.row("apiserver")
	w.remove(w.site.Files(s)...)
	require.NoError(t, os.Symlink(filepath.Join(w.dir, "nowhere"), w.keyFile(s)))
	before = w.snapshot()
	_, err = w.init(at(now))
	assert.EqualError(t, err, "is a symbolic link, not written through ("+w.keyFile(s)+")")
	w.unchanged(before)
}

// A directory that is a link is a directory.
func TestLinkedDirectory(t *testing.T) {
	w := empty(t)
	require.NoError(t, os.Mkdir(filepath.Join(w.dir, "real"), 0o755))
	require.NoError(t, os.Symlink("real", w.site.Cert))
	_, err := w.init(at(now))
	require.NoError(t, err)
	w.settled()
	assert.FileExists(t, filepath.Join(w.dir, "real", "etcd", "peer.key"))
}

// What was written and is not right when it is read again fails the proof, row by row.
func TestProof(t *testing.T) {
	w := complete(t)
	apiserver, admin, sa := w.row("apiserver"), w.row("admin"), w.row("sa")
	chosen := w.only("apiserver", "admin", "sa")
	inv := judge.Take(w.tree, w.site, chosen)
	plan := phases.DecideInit(judge.Judge(w.tree, inv, chosen, now), chosen, at(now))
	for i := range plan.Actions { // as if all of them had been made
		a := &plan.Actions[i]
		a.Verb, a.Outputs = phases.Create, []phases.Output{{}}
		if a.Spec.Name == "sa" {
			a.Tighten = []phases.Chmod{{Path: w.keyFile(sa), To: 0o600}}
		}
	}
	prove := func() error {
		r := phases.Report{Rows: make([]phases.Row, len(plan.Actions))}
		return phases.Prove(w.tree, w.site, chosen, plan, &r)
	}
	require.NoError(t, prove())
	w.setKey(apiserver, pemOf(t, newKey(t)))
	w.remove(w.certFile(admin))
	require.NoError(t, os.Chmod(w.keyFile(sa), 0o644))
	err := prove()
	var proof *phases.ProofError
	require.ErrorAs(t, err, &proof)
	assert.EqualError(t, err, "after it was written: apiserver: key does not match certificate ("+w.certFile(apiserver)+")\n"+
		"after it was written: sa: mode 0644 is looser than 0600 ("+w.keyFile(sa)+")\n"+
		"after it was written: admin: is not there after it was written ("+w.certFile(admin)+")")

	// A renewal whose certificate is the old one, or lacks a name of the plan.
	s := w.row("etcd-peer")
	chosen = w.only("etcd-peer")
	inv = judge.Take(w.tree, w.site, chosen)
	plan = phases.DecideRenewal(judge.Judge(w.tree, inv, chosen, now), chosen, renewal())
	assert.EqualError(t, prove(), "after it was written: etcd-peer: is the old certificate still ("+w.certFile(s)+")")
	w.forge(s, func(c *certificate) { c.DNSNames = c.DNSNames[1:] })
	lost := s.SANs.DNS[0]
	assert.ErrorContains(t, prove(), "after it was written: etcd-peer: certificate lacks the names DNS:"+lost)
}
