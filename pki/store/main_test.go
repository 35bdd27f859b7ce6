//go:build unix

package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A test that needs a process of its own (to kill it, to give it a umask or another user) runs this binary again with
// childEnv set to one of children.
const childEnv = "STORE_TEST_CHILD"

var children = map[string]func(dir string) error{
	"converge": childConverge,
	"reissue":  childReissue,
	"refuse":   childRefuse,
	"modes":    childModes,
	"largest":  childFileSizeLimit,
	"nobody":   childNobody,
	"hold":     childHold,
	"reader":   childReader,
	"count":    childCount,
	"other":    childOther,
}

func TestMain(m *testing.M) {
	name := os.Getenv(childEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	syscall.Umask(number("STORE_TEST_UMASK", 0o022))
	if err := children[name](os.Getenv("STORE_TEST_DIR")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func number(name string, otherwise int) int {
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		return otherwise
	}
	return n
}

// child prepares a run of one of children on dir.
func child(t *testing.T, name, dir string, env ...string) *exec.Cmd {
	t.Helper()
	require.Contains(t, children, name)
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+name, "STORE_TEST_DIR="+dir)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = new(bytes.Buffer)
	return cmd
}

func umask(mask int) string { return fmt.Sprintf("STORE_TEST_UMASK=%d", mask) }

func childConverge(dir string) error { return convergeOnce(dir, false) }
func childReissue(dir string) error  { return convergeOnce(dir, true) }

// childRefuse takes the lock and gives it back without writing, over and over.
func childRefuse(dir string) error {
	for range 20 {
		l, err := Lock(context.Background(), lockedDirs(dir)...)
		if err != nil {
			return err
		}
		if err := l.Unlock(); err != nil {
			return err
		}
	}
	return nil
}

func convergeOnce(dir string, reissue bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l, err := Lock(ctx, lockedDirs(dir)...)
	if err != nil {
		return err
	}
	killAt := int64(number("STORE_TEST_KILL_AT", 0))
	var steps atomic.Int64
	l.step = func(string, string) {
		if steps.Add(1) == killAt {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	if err := converge(l, dir, reissue); err != nil {
		return err
	}
	return l.Unlock()
}

// lockedDirs are the directories of the miniature PKI: two pairs and a file that embeds a key, in three directories.
func lockedDirs(dir string) []string {
	return []string{dir, filepath.Join(dir, "pki"), filepath.Join(dir, "pki/etcd")}
}

var pairs = []string{"pki/ca", "pki/etcd/server"}

const confName = "admin.conf"

// converge is what a run of pkitool is to this package: under the lock it reads, decides, and saves once. Text stands for
// keys and certificates: store does not look inside. A certificate names the digest of its key.
func converge(l *Locked, dir string, reissue bool) error {
	var replaced [][]Write
	var keys, certs, confs []Write
	for _, name := range pairs {
		base := filepath.Join(dir, name)
		s, err := state(base)
		if err != nil {
			return err
		}
		key := newKey()
		cert := Write{Path: base + ".crt", Data: certOf(key), Mode: 0o644}
		switch {
		case s == "pair" && !reissue:
			continue
		case s == "key":
			file, err := Read(base + ".key")
			if err != nil {
				return err
			}
			cert.Data = certOf(file.Data)
		case s == "pair":
			replaced = append(replaced, []Write{{Path: base + ".key", Data: key, Mode: 0o600}, cert})
			continue
		default:
			keys = append(keys, Write{Path: base + ".key", Data: key, Mode: 0o600, IfAbsent: true})
		}
		cert.IfAbsent = true
		certs = append(certs, cert)
	}
	conf := filepath.Join(dir, confName)
	if _, err := Read(conf); errors.Is(err, fs.ErrNotExist) || reissue {
		confs = append(confs, Write{Path: conf, Data: newKey(), Mode: 0o600})
	}
	return l.Save(append(replaced, keys, certs, confs)...)
}

const secret = "secret key bytes "

func newKey() []byte { return []byte(secret + rand.Text() + strings.Repeat(".", 1600) + "END\n") }

func certOf(key []byte) []byte {
	sum := sha256.Sum256(key)
	return []byte("certificate of " + hex.EncodeToString(sum[:]) + strings.Repeat(".", 1600) + "END\n")
}

// state gives "none", "key" or "pair" for the pair at base, and an error for everything that no run may leave behind:
// a torn file, a loose mode, a certificate without its key.
func state(base string) (string, error) {
	key, keyErr := readWhole(base+".key", 0o600)
	cert, certErr := readWhole(base+".crt", 0o644)
	if err := errors.Join(keyErr, certErr); err != nil {
		return "", err
	}
	switch {
	case key == nil && cert == nil:
		return "none", nil
	case key == nil:
		return "", fmt.Errorf("%s: certificate without key", base)
	case cert == nil:
		return "key", nil
	case !bytes.Equal(cert, certOf(key)):
		return "", fmt.Errorf("%s: certificate of another key", base)
	}
	return "pair", nil
}

// readWhole gives nil for a file that is not there.
func readWhole(path string, mode fs.FileMode) ([]byte, error) {
	file, err := Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if file.Mode != mode {
		return nil, fmt.Errorf("%s: mode %v", path, file.Mode)
	}
	if !bytes.HasSuffix(file.Data, []byte("END\n")) {
		return nil, fmt.Errorf("%s: torn", path)
	}
	return file.Data, nil
}

// lock takes a lock that the test's end gives back.
func lock(t *testing.T, dirs ...string) *Locked {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	l, err := Lock(ctx, dirs...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Unlock()) })
	return l
}

// names gives everything under dir as "path mode", sorted, directories with a slash.
func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir || heldLock(path) {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if entry.IsDir() {
			name += "/"
		}
		list = append(list, fmt.Sprintf("%s %04o", name, info.Mode().Perm()))
		return err
	}))
	return list
}

// heldLock recognizes a lock file that is in use. One that nobody uses is left over.
func heldLock(path string) bool {
	if filepath.Base(path) != lockName {
		return false
	}
	file, _ := heldBy(path)
	return file != nil
}

func write(t *testing.T, path, data string, mode fs.FileMode) {
	t.Helper()
	require.NoError(t, os.RemoveAll(path))
	require.NoError(t, os.WriteFile(path, []byte(data), mode))
	require.NoError(t, os.Chmod(path, mode))
}

func mkdir(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	require.NoError(t, os.MkdirAll(path, 0o755))
	require.NoError(t, os.Chmod(path, mode))
}
