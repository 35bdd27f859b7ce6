//go:build unix

package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
)

func TestBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca, etcd := filepath.Join(dir, "pki/ca.crt"), filepath.Join(dir, "pki/etcd/ca.key")
	mkdir(t, filepath.Join(dir, "pki/etcd"), 0o755)
	write(t, ca, "certificate", 0o644)
	write(t, etcd, secret, 0o600)
	require.NoError(t, os.Symlink("ca.crt", filepath.Join(dir, "pki/link")))
	l := lock(t, dir)
	to := filepath.Join(dir, "backups/2026-11-01")
	require.NoError(t, l.Backup(to, Copy{ca, "pki/ca.crt"}, Copy{etcd, "pki/etcd/ca.key"}, Copy{filepath.Join(dir, "pki/link"), "link"}))
	assert.Equal(t, []string{
		"2026-11-01/ 0700", "2026-11-01/link 0600", "2026-11-01/pki/ 0700", "2026-11-01/pki/ca.crt 0600",
		"2026-11-01/pki/etcd/ 0700", "2026-11-01/pki/etcd/ca.key 0600",
	}, names(t, filepath.Join(dir, "backups")))
	assert.Equal(t, map[string]string{
		filepath.Join(to, "link"): "certificate", filepath.Join(to, "pki/ca.crt"): "certificate", filepath.Join(to, "pki/etcd/ca.key"): secret,
	}, contents(t, to))
	assert.EqualError(t, l.Backup(to), "file already exists ("+to+")")

	before := names(t, dir)
	fresh := filepath.Join(dir, "b/c/new")
	none := filepath.Join(dir, "none")
	for _, test := range []struct {
		files []Copy
		want  string
		is    error
	}{
		{[]Copy{{ca, "ca.crt"}, {none, "none"}}, "no such file or directory (" + none + ")", fs.ErrNotExist},
		{[]Copy{{ca, "ca.crt"}, {etcd, "ca.crt"}}, "file exists (" + fresh + "/ca.crt)", fs.ErrExist},
		{[]Copy{{ca, "ca.crt"}, {etcd, "ca.crt/ca.key"}}, "not a directory (" + fresh + "/ca.crt/ca.key)", nil},
		{[]Copy{{ca, "../ca.crt"}}, "is not a file name inside the backup (../ca.crt)", nil},
		{[]Copy{{ca, "/etc/ca.crt"}}, "is not a file name inside the backup (/etc/ca.crt)", nil},
		{[]Copy{{ca, "."}}, "is not a file name inside the backup (.)", nil},
		{[]Copy{{ca, ""}}, "is not a file name inside the backup ()", nil},
		{[]Copy{{filepath.Join(dir, "pki"), "pki"}}, "is a directory (" + filepath.Join(dir, "pki") + ")", nil},
	} {
		err := l.Backup(fresh, test.files...)
		assert.EqualError(t, err, test.want)
		if test.is != nil {
			assert.ErrorIs(t, err, test.is)
		}
		assert.Equal(t, before, names(t, dir), "nothing is left, the parents that were made neither")
	}
}

// What has the name of a backup is whole and durable; before, there is only what the next run sweeps, and no run sweeps
// what another one is filling.
func TestBackupAppearsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(dir, "pki/ca.key")
	write(t, func() string { mkdir(t, filepath.Dir(key), 0o755); return key }(), secret, 0o600)
	to := filepath.Join(dir, "old")
	l := lock(t, filepath.Dir(key))
	var seen []string
	l.step = func(name, _ string) {
		seen = append(seen, name)
		assert.NoDirExists(t, to)
		if name == "copy" || name == "show backup" {
			other, err := Lock(t.Context(), dir)
			require.NoError(t, err)
			assert.Empty(t, other.Swept())
			require.NoError(t, other.Unlock())
		}
	}
	require.NoError(t, l.Backup(to, Copy{key, "pki/ca.key"}, Copy{key, "ca.key"}))
	assert.Equal(t, []string{"make backup", "copy", "copy", "show backup"}, seen)
	assert.Len(t, contents(t, to), 2)

	stale := filepath.Join(dir, stagingName())
	mkdir(t, filepath.Join(stale, "pki"), 0o700)
	write(t, filepath.Join(stale, "pki/ca.key"), secret, 0o600)
	l.step = func(string, string) {}
	require.NoError(t, l.Backup(to+"2", Copy{key, "ca.key"}))
	assert.NoDirExists(t, stale)
	l.DropBackup(to + "2")
	assert.Equal(t, []string{"old/ 0700", "old/ca.key 0600", "old/pki/ 0700", "old/pki/ca.key 0600", "pki/ 0755", "pki/ca.key 0600"}, names(t, dir))
}

func TestBackupOfMany(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "data", 0o600)
	var files []Copy
	for i := range syncEach + 7 {
		files = append(files, Copy{filepath.Join(dir, "a"), "users/" + strings.Repeat("u", i%250+1) + string(rune('a'+i/250))})
	}
	require.NoError(t, lock(t, dir).Backup(filepath.Join(dir, "old"), files...))
	assert.Len(t, contents(t, filepath.Join(dir, "old")), len(files))
}

// Whatever a name in a backup is, the copy is inside the backup or there is none.
func FuzzBackupName(f *testing.F) {
	for _, name := range []string{"a", "a/b", "../a", "a/../../b", "/a", "a/", "a//b", "./a", "..", "a\x00b", "etcd/..", `a\..\b`, strings.Repeat("n", 300)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		defer fuzzbound.Hold(t, len(name))()
		dir := t.TempDir()
		write(t, filepath.Join(dir, "source"), "data", 0o600)
		l := lock(t, dir)
		err := l.Backup(filepath.Join(dir, "backup"), Copy{filepath.Join(dir, "source"), name})
		files := contents(t, dir)
		if err != nil {
			require.Len(t, files, 1, "%v", err)
			return
		}
		require.Len(t, files, 2)
		require.Len(t, contents(t, filepath.Join(dir, "backup")), 1)
	})
}
