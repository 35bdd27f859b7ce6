//go:build unix

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Each of these is refused before anything is written; the good writes around it are not made either.
func TestSaveRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		steps [][]Write
		want  string
		is    error
	}{
		{"a link", [][]Write{{{Path: "link", Mode: 0o600}}}, "is a symbolic link, not written through (DIR/link)", ErrSymlink},
		{"a link to nothing", [][]Write{{{Path: "dangling", Mode: 0o600}}}, "is a symbolic link, not written through (DIR/dangling)", ErrSymlink},
		{"to remove a link", [][]Write{{{Path: "link", Remove: true}}}, "is a symbolic link, not written through (DIR/link)", ErrSymlink},
		{"a directory", [][]Write{{{Path: "sub", Mode: 0o600}}}, "is a directory (DIR/sub)", nil},
		{"to remove a directory", [][]Write{{{Path: "sub", Remove: true}}}, "is a directory (DIR/sub)", nil},
		{"a pipe", [][]Write{{{Path: "pipe", Mode: 0o600}}}, "is not a regular file (DIR/pipe)", ErrNotRegular},
		{"another directory", [][]Write{{{Path: "sub/file", Mode: 0o600}}}, "directory is not locked (DIR/sub/file)", ErrNotLocked},
		{"a missing directory", [][]Write{{{Path: "none/file", Mode: 0o600}}}, "directory is not locked (DIR/none/file)", ErrNotLocked},
		{"the directory itself", [][]Write{{{Path: ".", Mode: 0o600}}}, "directory is not locked (DIR)", ErrNotLocked},
		{"what is there", [][]Write{{{Path: "old.crt", Mode: 0o600, IfAbsent: true}}}, "file already exists (DIR/old.crt)", fs.ErrExist},
		{"no mode", [][]Write{{{Path: "x"}}}, "no file mode given (DIR/x)", nil},
		{"a loose key", [][]Write{{{Path: "x.key", Mode: 0o640, Data: []byte("-----BEGIN EC PRIVATE KEY-----\n")}}},
			"a private key may not be readable by others (DIR/x.key)", ErrLooseKey},
		{"too much", [][]Write{{{Path: "x", Mode: 0o644, Data: make([]byte, MaxSize+1)}}}, "is larger than 4 MiB (DIR/x)", ErrTooLarge},
		{"twice", [][]Write{{{Path: "x", Mode: 0o644}}, {{Path: "x", Mode: 0o644}}}, "written twice in one save (DIR/x)", nil},
		{"removed after writing", [][]Write{{{Path: "x", Mode: 0o644}}, {{Path: "x", Remove: true}}}, "written twice in one save (DIR/x)", nil},
		{"removed twice", [][]Write{{{Path: "x", Remove: true}, {Path: "x", Remove: true}}}, "written twice in one save (DIR/x)", nil},
		{"a name too long", [][]Write{{{Path: strings.Repeat("n", 256), Mode: 0o644}}}, "file name too long (DIR/" + strings.Repeat("n", 256) + ")", syscall.ENAMETOOLONG},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "old.crt"), "old", 0o644)
			write(t, filepath.Join(dir, "other.crt"), "other", 0o644)
			mkdir(t, filepath.Join(dir, "sub"), 0o755)
			require.NoError(t, os.Symlink("old.crt", filepath.Join(dir, "link")))
			require.NoError(t, os.Symlink("nothing", filepath.Join(dir, "dangling")))
			require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
			before := names(t, dir)
			l := lock(t, dir)
			l.step = func(name, path string) { t.Errorf("%s %s", name, path) }
			steps := append([][]Write{{{Path: "other.crt", Remove: true}, {Path: "good.key", Mode: 0o600}}}, test.steps...)
			for _, step := range steps {
				for i := range step {
					step[i].Path = filepath.Join(dir, step[i].Path)
				}
			}
			err := l.Save(steps...)
			assert.EqualError(t, err, strings.ReplaceAll(test.want, "DIR", dir))
			if test.is != nil {
				assert.ErrorIs(t, err, test.is)
			}
			assert.Equal(t, before, names(t, dir))
		})
	}
}

func TestSaveReplaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, crt := filepath.Join(dir, "a.key"), filepath.Join(dir, "a.crt")
	write(t, key, "old", 0o644) // as kubeadm would leave it
	write(t, crt, "old", 0o600)
	l := lock(t, dir)
	write(t, filepath.Join(dir, "going"), "old", 0o600)
	require.NoError(t, l.Save(
		[]Write{{Path: key, Data: []byte("new"), Mode: 0o600}, {Path: crt, Data: []byte("new"), Mode: 0o644}},
		[]Write{{Path: filepath.Join(dir, "none"), Remove: true}, {Path: filepath.Join(dir, "going"), Remove: true}},
	))
	assert.Equal(t, map[string]string{key: "new", crt: "new"}, contents(t, dir))
	assert.Equal(t, []string{"a.crt 0644", "a.key 0600"}, names(t, dir))
	require.NoError(t, l.Save(), "nothing to do is done")
	require.NoError(t, l.Save(nil, []Write{}))
}

// Up to syncEach files are kept open for their fsync; more take another way to the disk.
func TestSaveMany(t *testing.T) {
	t.Parallel()
	for _, n := range []int{syncEach, 2*syncEach + 3} {
		dir := t.TempDir()
		l := lock(t, dir)
		var writes []Write
		for i := range n {
			writes = append(writes, Write{Path: filepath.Join(dir, fmt.Sprintf("node%d.key", i)), Data: []byte(secret), Mode: 0o600})
		}
		ways := make(map[string]*atomic.Int32)
		for _, way := range []string{"create", "mode", "write", "sync", "rename", "sync filesystem", "sync directory"} {
			ways[way] = new(atomic.Int32)
		}
		l.step = func(name, _ string) { ways[name].Add(1) }
		require.NoError(t, l.Save(writes))
		assert.Len(t, names(t, dir), n)
		synced := int(ways["sync"].Load())
		if canSyncFilesystem && n > syncEach {
			assert.Equal(t, int32(1), ways["sync filesystem"].Load())
			assert.Zero(t, synced)
		} else {
			assert.Equal(t, n, synced)
		}
		assert.Equal(t, int32(1), ways["sync directory"].Load())
	}
}

func TestSaveTheLongestName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, lock(t, dir).Save([]Write{{Path: filepath.Join(dir, strings.Repeat("n", 255)), Mode: 0o600}}))
}

// What goes wrong once files become visible: all is as it was, a foreign file stays, and nothing is left over.
func TestSaveFailsLate(t *testing.T) {
	t.Parallel()
	appears := func(path string) error { return os.WriteFile(path, []byte("foreign"), 0o644) }
	occupied := func(path string) error {
		return errors.Join(os.Mkdir(path, 0o755), os.WriteFile(path+"/x", nil, 0o644))
	}
	for _, test := range []struct {
		name    string
		sets    [][]Write
		at      string                  // the step before which a foreign hand comes
		path    string                  // the file that it is about
		hand    func(path string) error // what it does there
		want    string
		is      error
		foreign string // what is there besides afterwards
	}{
		{"a file appears", [][]Write{{{Path: "new.key"}}, {{Path: "new.crt", IfAbsent: true}, {Path: "third"}}}, "rename", "new.crt", appears,
			"file exists (DIR/new.crt)", fs.ErrExist, "new.crt"},
		{"a file appears beside what is replaced", [][]Write{{{Path: "a.key"}, {Path: "a.crt"}}, {{Path: "new.crt", IfAbsent: true}}}, "rename", "new.crt", appears,
			"file exists (DIR/new.crt)", fs.ErrExist, "new.crt"},
		{"a link appears", [][]Write{{{Path: "new.key"}}, {{Path: "new.crt", IfAbsent: true}}}, "rename", "new.crt",
			func(path string) error { return os.Symlink("a.key", path) }, "file exists (DIR/new.crt)", fs.ErrExist, "new.crt"},
		{"a directory appears", [][]Write{{{Path: "new.key"}, {Path: "new.crt"}}}, "rename", "new.crt", occupied, "file exists (DIR/new.crt)", nil, "new.crt"},
		{"the third pair", [][]Write{{{Path: "a.key"}, {Path: "a.crt"}}, {{Path: "b.key"}, {Path: "b.crt"}}, {{Path: "new.crt"}}}, "rename", "new.crt", occupied,
			"file exists (DIR/new.crt)", nil, "new.crt"},
		{"a certificate vanishes", [][]Write{{{Path: "a.key"}, {Path: "a.crt"}}}, "remove", "a.crt", os.Remove, "no such file or directory (DIR/a.crt)", fs.ErrNotExist, ""},
		{"what is removed", [][]Write{{{Path: "a.key"}, {Path: "a.crt"}}, {{Path: "b.crt", Remove: true}, {Path: "new.crt"}}}, "rename", "new.crt", occupied,
			"file exists (DIR/new.crt)", nil, "new.crt"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, name := range []string{"a.key", "a.crt", "b.key", "b.crt"} {
				write(t, filepath.Join(dir, name), "old "+name, 0o600)
			}
			before := contents(t, dir)
			for _, set := range test.sets {
				for i := range set {
					set[i].Path = filepath.Join(dir, set[i].Path)
					if !set[i].Remove {
						set[i].Data, set[i].Mode = []byte("new"), 0o600
					}
				}
			}
			path := filepath.Join(dir, test.path)
			l := lock(t, dir)
			l.step = func(name, at string) {
				if name == test.at && at == path {
					require.NoError(t, test.hand(path))
				}
			}
			err := l.Save(test.sets...)
			assert.EqualError(t, err, strings.ReplaceAll(test.want, "DIR", dir))
			if test.is != nil {
				assert.ErrorIs(t, err, test.is)
			}
			if test.foreign != "" {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, test.foreign)), "the foreign file stays")
			}
			assert.Equal(t, before, contents(t, dir))
		})
	}
}

// Where something cannot be put back, the error says so, and the next lock does it.
func TestSaveUnfinished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a.key", "a.crt", "b.crt"} {
		write(t, filepath.Join(dir, name), "old "+name, 0o600)
	}
	before := contents(t, dir)
	ctx := t.Context()
	l, err := Lock(ctx, dir)
	require.NoError(t, err)
	key, cert, other := filepath.Join(dir, "a.key"), filepath.Join(dir, "a.crt"), filepath.Join(dir, "b.crt")
	l.step = func(name, at string) {
		switch {
		case name == "rename" && at == other:
			require.NoError(t, os.Remove(other))
			require.NoError(t, os.MkdirAll(filepath.Join(other, "x"), 0o755))
		case name == "restore" && at == cert:
			require.NoError(t, os.MkdirAll(filepath.Join(cert, "x"), 0o755))
		}
	}
	write := func(path string) Write { return Write{Path: path, Data: []byte("new"), Mode: 0o600} }
	err = l.Save([]Write{write(key), write(cert)}, []Write{write(other)})
	assert.EqualError(t, err, fmt.Sprintf("file exists (%s); what was there before could not be put back: file exists (%s)", other, cert))
	var unfinished *UnfinishedError
	require.ErrorAs(t, err, &unfinished)
	require.NoError(t, l.Unlock())
	_, err = Lock(ctx, dir)
	assert.EqualError(t, err, "an interrupted change cannot be finished: is a directory ("+cert+")")
	require.NoError(t, errors.Join(os.RemoveAll(cert), os.RemoveAll(other)))
	l = lock(t, dir)
	assert.Equal(t, []string{cert}, l.Finished())
	delete(before, other) // the foreign hand's work
	assert.Equal(t, before, contents(t, dir))
}

// The way of systems and filesystems that have no rename without replacing.
func TestLinkAbsent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	write(t, filepath.Join(dir, "staged"), "new", 0o600)
	require.NoError(t, linkAbsent(root, "staged", "target"))
	assert.Equal(t, []string{"target 0600"}, names(t, dir))
	write(t, filepath.Join(dir, "staged"), "newer", 0o600)
	assert.ErrorIs(t, linkAbsent(root, "staged", "target"), fs.ErrExist)
	assert.Equal(t, "new", contents(t, dir)[filepath.Join(dir, "target")])
}

// A file that cannot be written whole (here: a limit of 1 KiB a file) takes the whole save with it.
func TestSaveWithoutRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.crt"), "old", 0o644)
	cmd := child(t, "largest", dir)
	require.NoError(t, cmd.Run(), "%s", cmd.Stderr)
	assert.Equal(t, []string{"a.crt 0644"}, names(t, dir))
	assert.Equal(t, "old", contents(t, dir)[filepath.Join(dir, "a.crt")])
}

func childFileSizeLimit(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	limit := unix.Rlimit{Cur: 1024, Max: 1024}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	l, err := Lock(context.Background(), dir)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "a.key")
	return errors.Join(expect(l.Save(
		[]Write{{Path: path, Data: make([]byte, 2048), Mode: 0o600}, {Path: filepath.Join(dir, "a.crt"), Data: []byte("new"), Mode: 0o644}},
	), "file too large ("+path+")", syscall.EFBIG), l.Unlock())
}

// expect is for children, which have no *testing.T.
func expect(err error, want string, is error) error {
	switch {
	case err == nil:
		return errors.New("no error, want " + want)
	case err.Error() != want:
		return errors.New("got " + err.Error() + ", want " + want)
	case !errors.Is(err, is):
		return errors.New(want + " is not " + is.Error())
	}
	return nil
}

// Somebody who is not root, and a directory of root's.
func TestNotPermitted(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	for _, dir := range []string{filepath.Dir(top), top} { // others have to be able to get here
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	mkdir(t, filepath.Join(top, "closed"), 0o755)
	write(t, filepath.Join(top, "closed/secret.key"), secret, 0o000)
	write(t, filepath.Join(top, "closed/loose.key"), secret, 0o644)
	write(t, filepath.Join(top, "closed", stagingName()), secret, 0o600)
	mkdir(t, filepath.Join(top, "closed"), 0o555)
	mkdir(t, filepath.Join(top, "dark"), 0o000)
	mkdir(t, filepath.Join(top, "own"), 0o777)
	t.Cleanup(func() { // or a user who is not root cannot clean up
		assert.NoError(t, os.Chmod(filepath.Join(top, "closed"), 0o755))
		assert.NoError(t, os.Chmod(filepath.Join(top, "dark"), 0o755))
	})
	cmd := child(t, "nobody", top)
	out, err := cmd.Output()
	require.NoError(t, err, "%s%s", out, cmd.Stderr)
	assert.Equal(t, []string{"pki/ 0755", "pki/ca.key 0600"}, names(t, filepath.Join(top, "own")))
}

func childNobody(top string) error {
	root := os.Geteuid() == 0
	if root {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
			return err
		}
	}
	closed, dark, own := filepath.Join(top, "closed"), filepath.Join(top, "dark"), filepath.Join(top, "own/pki")
	l, err := Lock(context.Background(), closed, own) // a directory that may only be read can be locked
	if err != nil {
		return err
	}
	if len(l.Swept()) != 0 {
		return errors.New("swept what it cannot remove")
	}
	path := filepath.Join(closed, "ca.key")
	key := Write{Path: filepath.Join(own, "ca.key"), Data: []byte(secret), Mode: 0o600}
	_, readErr := Read(filepath.Join(closed, "secret.key"))
	_, makeErr := Lock(context.Background(), filepath.Join(closed, "etcd"))
	_, darkErr := Lock(context.Background(), dark)
	_, listErr := List(top, 100)
	err = errors.Join(
		expect(l.Save([]Write{key}, []Write{{Path: path, Mode: 0o600}}), "permission denied ("+path+")", fs.ErrPermission),
		expect(l.Backup(filepath.Join(closed, "old")), "permission denied ("+filepath.Join(closed, "old")+")", fs.ErrPermission),
		expect(readErr, "permission denied ("+filepath.Join(closed, "secret.key")+")", fs.ErrPermission),
		expect(makeErr, "permission denied ("+filepath.Join(closed, "etcd")+")", fs.ErrPermission),
		expect(darkErr, "permission denied ("+dark+")", fs.ErrPermission),
		expect(listErr, "permission denied ("+dark+")", fs.ErrPermission),
	)
	if root {
		loose := filepath.Join(closed, "loose.key")
		err = errors.Join(err, expect(l.Tighten(loose, 0o600), "operation not permitted ("+loose+")", fs.ErrPermission))
	}
	return errors.Join(err, l.Save([]Write{key}), l.Unlock())
}

func TestTighten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := lock(t, dir)
	for _, test := range []struct{ mode, most, want fs.FileMode }{
		{0o644, 0o600, 0o600}, {0o666, 0o644, 0o644}, {0o400, 0o600, 0o400}, {0o600, 0o600, 0o600}, {0o777, 0o600, 0o600},
	} {
		path := filepath.Join(dir, "file")
		write(t, path, secret, test.mode)
		require.NoError(t, l.Tighten(path, test.most))
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, test.want, info.Mode(), "%04o at most %04o", test.mode, test.most)
	}
	write(t, filepath.Join(dir, "target"), "", 0o644)
	require.NoError(t, os.Symlink("target", filepath.Join(dir, "link")))
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o666))
	mkdir(t, filepath.Join(dir, "sub"), 0o755)
	for name, want := range map[string]string{
		"link": "is a symbolic link, not written through (DIR/link)", "pipe": "is not a regular file (DIR/pipe)",
		"sub": "is a directory (DIR/sub)", "none": "no such file or directory (DIR/none)", "sub/x": "directory is not locked (DIR/sub/x)",
	} {
		assert.EqualError(t, l.Tighten(filepath.Join(dir, name), 0o600), strings.ReplaceAll(want, "DIR", dir))
	}
	info, err := os.Stat(filepath.Join(dir, "target"))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o644), info.Mode(), "what the link points to keeps its mode")
}

// A file that is swapped for a link at the worst moment: what the link points to keeps its mode.
func TestTightenOfWhatIsSwapped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, target := filepath.Join(dir, "key"), filepath.Join(dir, "target")
	write(t, path, secret, 0o644)
	write(t, target, "", 0o644)
	l := lock(t, dir)
	l.step = func(name, _ string) {
		if name == "open" {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Symlink("target", path))
		}
	}
	assert.EqualError(t, l.Tighten(path, 0o600), "is a symbolic link, not written through ("+path+")")
	info, err := os.Stat(target)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o644), info.Mode())
}

func TestSaveKeepsTheOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can give a file to another user; run the tests as root to test that a replaced file keeps its owner")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "server.key")
	write(t, path, "old", 0o640)
	require.NoError(t, os.Chown(path, 65534, 65533))
	require.NoError(t, lock(t, dir).Save([]Write{{Path: path, Data: []byte("new"), Mode: 0o600}, {Path: path + ".new", Mode: 0o600}}))
	for name, want := range map[string][2]uint32{path: {65534, 65533}, path + ".new": {0, uint32(os.Getegid())}} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		st := info.Sys().(*syscall.Stat_t)
		assert.Equal(t, want, [2]uint32{st.Uid, st.Gid}, name)
		assert.Equal(t, fs.FileMode(0o600), info.Mode(), name)
	}
}

// Where others can put files into the directory, root gives no new file to the owner of an old one: nothing is written.
func TestSaveGivesNothingAway(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can give a file to another user; run the tests as root to test that a planted file gets nothing")
	}
	for _, test := range []struct {
		mode     fs.FileMode
		uid, gid int
	}{{0o777, 0, 0}, {0o777 | fs.ModeSticky, 0, 0}, {0o775, 0, 65533}, {0o755, 65534, 0}, {0o755, 65532, 0}} {
		dir := t.TempDir()
		path := filepath.Join(dir, "super-admin.conf")
		write(t, path, "old", 0o600)
		require.NoError(t, os.Chown(path, 65534, 65533))
		require.NoError(t, os.Chown(dir, test.uid, test.gid))
		require.NoError(t, os.Chmod(dir, test.mode))
		err := lock(t, dir).Save([]Write{{Path: filepath.Join(dir, "first"), Mode: 0o600}, {Path: path, Data: []byte("new"), Mode: 0o600}})
		assert.EqualError(t, err, "belongs to user 65534, and others can put files into its directory ("+path+")")
		assert.ErrorIs(t, err, ErrOwner)
		assert.Equal(t, map[string]string{path: "old"}, contents(t, dir))
	}
}
