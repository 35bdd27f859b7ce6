package phases_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// Directories of others are as they should be: kubespray's belong to a user of their own and have keys for a group,
// kubeadm's feature gate RootlessControlPlane gives keys away, and on many systems each user has a group.
func TestOwnersThatAreRight(t *testing.T) {
	for name, plant := range map[string]func(w *world){
		"kubespray": func(w *world) {
			for path, s := range w.snapshot() {
				if s.mode.IsDir() {
					w.give(path)
				} else if filepath.Ext(path) == ".key" {
					require.NoError(w.t, os.Chown(path, 0, 65533))
					w.chmod(0o640, path)
				}
			}
		},
		"keys of components":   func(w *world) { w.give(w.keyFile(w.row("ca")), w.keyFile(w.row("etcd-server"))) },
		"a group of one's own": func(w *world) { w.chmod(0o775, w.dir, w.site.Cert, filepath.Join(w.site.Cert, "etcd")) },
		"a workspace of CI":    func(w *world) { w.chmod(0o777, w.dir) },
	} {
		t.Run(name, func(t *testing.T) {
			fault{root: name == "kubespray" || name == "keys of components"}.needsRoot(t)
			w := complete(t)
			plant(w)
			for c := range w.judged(nil).Cases() {
				assert.Empty(t, c.Errors(), c.Spec.Name)
			}
			x, err := phases.CheckExpiration(t.Context(), w.tree, w.site, nil, phases.ExpiryOptions{Now: now})
			require.NoError(t, err)
			assert.Empty(t, x.Findings)
			_, err = w.init(at(now))
			assert.NoError(t, err)
			r, err := w.renew(renewal())
			assert.NoError(t, err)
			assert.True(t, r.Changed)
		})
	}
}

// What can give away the cluster is refused by every run that meets it, whatever it was asked for: nothing is changed.
func TestRightsOfOthers(t *testing.T) {
	pki := func(w *world) string { return w.site.Cert }
	etcd := func(w *world) string { return filepath.Join(w.site.Cert, "etcd") }
	key := func(name string) func(w *world) string {
		return func(w *world) string { return w.keyFile(w.row(name)) }
	}
	for _, tt := range []struct {
		name, row string
		id        finding.ID
		path      func(w *world) string
		plant     func(w *world, path string)
		root      bool
		leaf      bool // a new one mends it
	}{
		{name: "open directory", row: "ca", id: finding.DirectoryOpen, path: pki, plant: func(w *world, path string) { w.chmod(0o777, path) }},
		{name: "open directory of etcd", row: "etcd-ca", id: finding.DirectoryOpen, path: etcd, plant: func(w *world, path string) { w.chmod(0o757, path) }},
		{name: "open CA key", row: "ca", id: finding.FileOpen, path: key("ca"), plant: func(w *world, path string) { w.chmod(0o666, path) }},
		{name: "open CA certificate", row: "ca", id: finding.FileOpen, path: func(w *world) string { return w.certFile(w.row("ca")) },
			plant: func(w *world, path string) { w.chmod(0o646, path) }},
		{name: "open service-account key", row: "sa", id: finding.FileOpen, path: key("sa"), plant: func(w *world, path string) { w.chmod(0o666, path) }, leaf: true},
		{name: "planted CA key", row: "ca", id: finding.FileForeign, path: key("ca"), root: true, plant: func(w *world, path string) {
			w.chmod(0o777|fs.ModeSticky, w.site.Cert)
			w.give(path)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fault{root: tt.root}.needsRoot(t)
			w := complete(t)
			path := tt.path(w)
			tt.plant(w, path)
			before := w.snapshot()
			said := func(err error) {
				t.Helper()
				var refused *phases.RefusedError
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, tt.id, refused.Findings()[0].ID)
				assert.Equal(t, path, refused.Findings()[0].Path)
				w.unchanged(before)
			}
			_, err := w.init(at(now))
			said(err)
			_, err = w.init(reissue())
			said(err)
			x, err := phases.CheckExpiration(t.Context(), w.tree, w.site, nil, phases.ExpiryOptions{Now: now})
			require.NoError(t, err)
			if tt.leaf {
				return
			}
			require.Len(t, x.Findings, 1)
			assert.Equal(t, tt.id, x.Findings[0].ID)
			_, err = w.renew(renewal())
			said(err)
			if tt.row == "ca" {
				_, err = phases.Users(t.Context(), w.tree, w.site, now, someUser())
				said(err)
			}
		})
	}
}

// A kubeconfig that another user put there does not get the credentials of root's new one, nor does the key of a server.
func TestPlantedFileGetsNothing(t *testing.T) {
	fault{root: true}.needsRoot(t)
	w := complete(t)
	s := w.row("super-admin")
	path := w.certFile(s)
	w.write(path, w.read(w.certFile(w.row("admin"))))
	w.give(w.dir, path)
	before := w.snapshot()
	_, err := w.init(reissue())
	w.refused(before, err, "super-admin: is not replaced: it belongs to user 65534, and others can put files into its directory ("+path+")")

	// In a directory where only root can have put it, or given it away, it stays its owner's.
	require.NoError(t, os.Chown(w.dir, 0, 0))
	_, err = w.init(reissue())
	require.NoError(t, err)
	c, _ := w.judged(judge.Selection{s.ID: true}).Case(certs.ID{Role: "super-admin"})
	assert.Equal(t, "user 65534", c.Held.Conf.Owner)
}

// someUser asks for a kubeconfig.
func someUser() []phases.UserRequest {
	return []phases.UserRequest{{Subject: pki.Subject{CommonName: "alice"}, Validity: time.Hour, KeyAlgorithm: pki.ECDSAP256}}
}
