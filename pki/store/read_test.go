//go:build unix

package store

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "ca.crt")
	full := strings.Repeat("x", MaxSize)
	require.NoError(t, os.Symlink("ca.crt", filepath.Join(dir, "link")))
	for _, data := range []string{"", "one", full} {
		write(t, path, data, 0o640)
		file, err := Read(path)
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o640), file.Mode)
		assert.False(t, file.Symlink)
		assert.True(t, string(file.Data) == data, "%d bytes", len(data))
		file, err = Read(filepath.Join(dir, "link"))
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o640), file.Mode)
		assert.True(t, file.Symlink)
		assert.True(t, string(file.Data) == data, "%d bytes", len(data))
	}
	// A file whose size says nothing, and one that the kernel makes up.
	file, err := Read("/proc/self/status")
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("no /proc here")
	} else {
		require.NoError(t, err)
		assert.Contains(t, string(file.Data), "Pid:")
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	short, err := os.MkdirTemp("", "s") // a socket's path is at most 104 bytes
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(short)) })
	socket := filepath.Join(short, "socket")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer listener.Close()
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	for link, target := range map[string]string{"to-pipe": "pipe", "dangling": "none", "loop": "loop", "to-null": "/dev/null", "socket": socket} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, link)))
	}
	write(t, filepath.Join(dir, "file"), "", 0o600)
	write(t, filepath.Join(dir, "large"), strings.Repeat("x", MaxSize+1), 0o600)
	require.NoError(t, os.Truncate(filepath.Join(dir, "file"), 0))
	write(t, filepath.Join(dir, "sparse"), "", 0o600)
	require.NoError(t, os.Truncate(filepath.Join(dir, "sparse"), 1<<40))
	for _, test := range []struct {
		path, want string
		is         error
	}{
		{"none", "no such file or directory (DIR/none)", fs.ErrNotExist},
		{"dangling", "no such file or directory (DIR/dangling)", fs.ErrNotExist},
		{".", "is a directory (DIR)", nil},
		{"pipe", "is not a regular file (DIR/pipe)", ErrNotRegular},
		{"to-pipe", "is not a regular file (DIR/to-pipe)", ErrNotRegular},
		{"to-null", "is not a regular file (DIR/to-null)", ErrNotRegular},
		{"socket", "is not a regular file (DIR/socket)", ErrNotRegular},
		{"loop", "too many levels of symbolic links (DIR/loop)", syscall.ELOOP},
		{"file/x", "not a directory (DIR/file/x)", syscall.ENOTDIR},
		{"large", "is larger than 4 MiB (DIR/large)", ErrTooLarge},
		{"sparse", "is larger than 4 MiB (DIR/sparse)", ErrTooLarge},
		{strings.Repeat("n", 300), "file name too long (DIR/" + strings.Repeat("n", 300) + ")", syscall.ENAMETOOLONG},
		{"a\x00b", "invalid argument (DIR/a\x00b)", syscall.EINVAL},
	} {
		done := make(chan error)
		go func() {
			_, err := Read(filepath.Join(dir, test.path))
			done <- err
		}()
		select {
		case err := <-done:
			assert.EqualError(t, err, strings.ReplaceAll(test.want, "DIR", dir))
			if test.is != nil {
				assert.ErrorIs(t, err, test.is)
			}
			var named *Error
			require.ErrorAs(t, err, &named)
			assert.Equal(t, filepath.Join(dir, test.path), named.Path)
		case <-time.After(10 * time.Second):
			t.Fatalf("reading %s waits", test.path)
		}
	}
	_, err = Read("")
	assert.EqualError(t, err, "no such file or directory ()")
}

// A pipe that takes the place of a file after the file was looked at: opening it does not wait for its other end.
func TestReadOfWhatIsSwapped(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, unix.Mkfifo(path, 0o600))
	done := make(chan error)
	go func() {
		_, _, err := readRegular(path)
		done <- err
	}()
	select {
	case err := <-done:
		assert.ErrorIs(t, err, ErrNotRegular)
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
	}
}

func TestReal(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	file, link, broken := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.Symlink("a", link))
	require.NoError(t, os.Symlink("nowhere", broken))
	assert.Equal(t, file, Real(file))
	assert.Equal(t, file, Real(link))
	assert.Empty(t, Real(broken))
}

func TestReadFrom(t *testing.T) {
	t.Parallel()
	data, err := ReadFrom(iotest.OneByteReader(strings.NewReader("kind: x\n")), "standard input")
	require.NoError(t, err)
	assert.Equal(t, "kind: x\n", string(data))
	data, err = ReadFrom(bytes.NewReader(make([]byte, MaxSize)), "standard input")
	require.NoError(t, err)
	assert.Len(t, data, MaxSize)
	for want, r := range map[string]*endless{"is larger than 4 MiB (standard input)": {}, "broken pipe (standard input)": {fail: syscall.EPIPE}} {
		_, err = ReadFrom(r, "standard input")
		assert.EqualError(t, err, want)
		assert.LessOrEqual(t, r.n, MaxSize+1)
	}
}

// endless never ends, or fails as a pipe does.
type endless struct {
	n    int
	fail error
}

func (r *endless) Read(p []byte) (int, error) {
	if r.fail != nil {
		return 0, &fs.PathError{Op: "read", Path: "|0", Err: r.fail}
	}
	r.n += len(p)
	return len(p), nil
}

func TestList(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir := filepath.Join(top, "pki")
	for _, name := range []string{"ca.crt", "etcd/ca.crt", "etcd/deep/x", "apiserver.crt", "etcd/" + stagingName(), lockName} {
		mkdir(t, filepath.Dir(filepath.Join(dir, name)), 0o755)
		write(t, filepath.Join(dir, name), "", 0o644)
	}
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	for link, target := range map[string]string{"up": "..", "dangling": "none", "current": "ca.crt", "null": "/dev/null"} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, link)))
	}
	require.NoError(t, os.Symlink("pki", filepath.Join(top, "link")))
	want := func(dir string) (paths []string) {
		for _, name := range []string{"apiserver.crt", "ca.crt", "current", "etcd/ca.crt", "etcd/deep/x"} {
			paths = append(paths, dir+"/"+name)
		}
		return paths
	}
	for _, as := range []string{dir, filepath.Join(top, "link"), dir + "/../pki"} {
		files, err := List(as, 100)
		require.NoError(t, err)
		assert.Equal(t, want(as), files)
	}
	files, err := List(dir+"/", 100)
	require.NoError(t, err)
	assert.Equal(t, want(dir), files)

	const entries = 13 // 6 files, 2 of them our own, 2 directories, 1 pipe, 4 links
	_, err = List(dir, entries)
	require.NoError(t, err)
	for _, limit := range []int{entries - 1, 3, 0, -1} {
		files, err = List(dir, limit)
		assert.EqualError(t, err, "too many files ("+dir+")")
		assert.ErrorIs(t, err, ErrTooMany)
		assert.Empty(t, files)
	}
	for name, want := range map[string]string{
		"none": "no such file or directory (DIR/none)", "ca.crt": "not a directory (DIR/ca.crt)", "pipe": "not a directory (DIR/pipe)",
	} {
		_, err = List(filepath.Join(dir, name), 10)
		assert.EqualError(t, err, strings.ReplaceAll(want, "DIR", dir))
	}
}
