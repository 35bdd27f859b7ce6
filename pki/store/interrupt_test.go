//go:build unix

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A process is killed before each single step of a save. What it leaves must be sound, and the next run must finish it.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		child string
		plant func(t *testing.T, dir string)
	}{
		{"from nothing", "converge", func(*testing.T, string) {}},
		{"from a lone key", "converge", func(t *testing.T, dir string) {
			mkdir(t, filepath.Join(dir, "pki"), 0o755)
			write(t, filepath.Join(dir, "pki/ca.key"), string(newKey()), 0o600)
		}},
		{"over old pairs", "reissue", func(t *testing.T, dir string) {
			require.NoError(t, converge(lock(t, lockedDirs(dir)...), dir, false))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for kill := 1; ; kill++ {
				require.Less(t, kill, 200, "the child never runs out of steps")
				if !killOnce(t, test.child, test.plant, kill) {
					require.Greater(t, kill, 20, "the steps of the save were not met")
					break
				}
			}
		})
	}
}

// killOnce lets a child die at the given step and the next run repair it; false if the child ended before that step.
func killOnce(t *testing.T, name string, plant func(*testing.T, string), kill int) bool {
	dir := filepath.Join(t.TempDir(), "kubernetes")
	t.Run(fmt.Sprintf("before step %d", kill), func(t *testing.T) {
		mkdir(t, dir, 0o755)
		plant(t, dir)
	}) // the subtest's end gives the planter's lock back
	stranger := filepath.Join(dir, stagingPrefix+"notes")
	write(t, stranger, "not ours", 0o644)
	before := contents(t, dir)

	cmd := child(t, name, dir, fmt.Sprintf("STORE_TEST_KILL_AT=%d", kill), umask(0))
	err := cmd.Run()
	killed := false
	if err != nil {
		exit, ok := err.(*exec.ExitError)
		require.True(t, ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL, "%v: %s", err, cmd.Stderr)
		killed = true
	}

	var staging []string
	for path, data := range contents(t, dir) {
		info, err := os.Lstat(path)
		require.NoError(t, err)
		if isStaging(filepath.Base(path)) {
			staging = append(staging, path)
		}
		if strings.Contains(data, secret) {
			assert.Equal(t, fs.FileMode(0o600), info.Mode(), path)
		}
	}
	if !killed {
		require.Empty(t, staging)
	}
	for _, pair := range pairs {
		s, err := state(filepath.Join(dir, pair))
		require.NoError(t, err, "killed before step %d", kill)
		_, had := before[filepath.Join(dir, pair+".key")]
		require.False(t, had && s == "none", "killed before step %d: an old key is lost", kill)
	}

	complete := contents(t, dir)
	l := lock(t, lockedDirs(dir)...)
	for _, pair := range pairs {
		if _, had := before[filepath.Join(dir, pair+".crt")]; had {
			s, err := state(filepath.Join(dir, pair))
			require.NoError(t, err, "killed before step %d", kill)
			require.Equal(t, "pair", s, "killed before step %d: the next lock makes it a pair", kill)
		}
	}
	finished := l.Finished()
	require.NoError(t, converge(l, dir, false))
	require.NoError(t, l.Unlock())
	for _, pair := range pairs {
		s, err := state(filepath.Join(dir, pair))
		require.NoError(t, err)
		require.Equal(t, "pair", s)
	}
	after := contents(t, dir)
	assert.Len(t, after, 6, "two pairs, one configuration and the stranger's file")
	for path, data := range complete {
		if !isStaging(filepath.Base(path)) && !slices.Contains(finished, path) {
			assert.Equal(t, data, after[path], path)
		}
	}
	return killed
}

// contents gives the text of each file under dir.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || heldLock(path) {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	}))
	return files
}

// What a kill or a power cut at any moment of a save leaves is settled by the next lock: pairs that were there are old or
// new as a whole, nothing is torn, and nothing is left over. So it is where that run is killed as well.
func TestCutAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, reissue := range []bool{false, true} {
		top := t.TempDir()
		dir := filepath.Join(top, "kubernetes")
		l := lock(t, lockedDirs(dir)...)
		if reissue {
			require.NoError(t, converge(l, dir, false))
		}
		before := contents(t, dir)
		film := record(t, dir)
		l.step = film.step
		require.NoError(t, converge(l, dir, reissue))
		film.step("end", "")
		require.Greater(t, len(film.frames), 20)
		cuts := film.cuts(rand.New(rand.NewPCG(1, 2)))
		require.Greater(t, len(cuts), 60)
		for i, cut := range cuts {
			again := filepath.Join(top, "cut", strconv.Itoa(i))
			second := settles(t, again, cut, before)
			if i%61 != 0 {
				continue
			}
			for j, cut := range second.cuts(rand.New(rand.NewPCG(3, 4))) {
				settles(t, filepath.Join(again, strconv.Itoa(j)), cut, before)
			}
		}
	}
}

// settles puts files into dir and takes the lock; what is there then has to be sound.
func settles(t *testing.T, dir string, files, before map[string]string) *film {
	t.Helper()
	for _, sub := range lockedDirs(dir) {
		mkdir(t, sub, 0o755)
	}
	for name, data := range files {
		mode := fs.FileMode(0o600)
		if strings.HasSuffix(name, ".crt") {
			mode = 0o644
		}
		write(t, filepath.Join(dir, name), data, mode)
	}
	film := record(t, dir)
	l, err := lockWith(t.Context(), film.step, lockedDirs(dir)...)
	require.NoError(t, err)
	film.step("end", "")
	for path := range contents(t, dir) {
		require.False(t, isStaging(filepath.Base(path)), "%s is left of %v", path, slices.Sorted(maps.Keys(files)))
	}
	for _, pair := range pairs {
		s, err := state(filepath.Join(dir, pair))
		require.NoError(t, err, "%v", slices.Sorted(maps.Keys(files)))
		if len(before) > 0 {
			require.Equal(t, "pair", s, "%v", slices.Sorted(maps.Keys(files)))
		}
	}
	require.NoError(t, l.Unlock())
	return film
}

// What the next lock makes of the names that it finds.
func TestSettled(t *testing.T) {
	t.Parallel()
	mark := func(kind string, index int, base string) string {
		return mark{save: stagingPrefix + strings.Repeat("A", 26), index: index, kind: kind, base: base}.String()
	}
	keyNext, certNext, csrGoing := mark(markNext, 0, "a.key"), mark(markNext, 1, "a.crt"), mark(markGoing, 2, "a.csr")
	keyOld, certOld, certNew := mark(markOld, 0, "a.key"), mark(markOld, 1, "a.crt"), mark(markNew, 1, "a.crt")
	type files = map[string]string
	oldPair, newPair := files{"a.key": "old", "a.crt": "old"}, files{"a.key": "new", "a.crt": "new"}
	for _, test := range []struct {
		name        string
		there, want files
	}{
		{"not all was kept", files{"a.key": "old", "a.crt": "old", keyNext: "new", certNext: "new", keyOld: "old"}, oldPair},
		{"all was kept", files{"a.key": "old", "a.crt": "old", keyNext: "new", certNext: "new", keyOld: "old", certOld: "old"}, newPair},
		{"the certificate is away", files{"a.key": "old", keyNext: "new", certNext: "new", keyOld: "old", certOld: "old"}, newPair},
		{"the key is new", files{"a.key": "new", certNext: "new", keyOld: "old", certOld: "old"}, newPair},
		{"all is new", files{"a.key": "new", "a.crt": "new", keyOld: "old", certOld: "old"}, newPair},
		{"it was being taken back", files{"a.key": "new", keyOld: "old", certOld: "old"}, oldPair},
		{"the key is back", files{"a.key": "old", certOld: "old"}, oldPair},
		{"all is back", files{"a.key": "old", "a.crt": "old", keyOld: "old", certOld: "old"}, oldPair},
		{"somebody else has made a pair since", files{"a.key": "other", "a.crt": "other", keyNext: "new", certNext: "new", keyOld: "old", certOld: "old"}, files{"a.key": "other", "a.crt": "other"}},
		{"somebody else has put the certificate back", files{"a.key": "new", "a.crt": "other", certNext: "new", keyOld: "old", certOld: "old"}, files{"a.key": "new", "a.crt": "other"}},
		{"a new certificate, and its request goes", files{"a.csr": "old", certNew: "new", csrGoing: "old"}, files{"a.crt": "new"}},
		{"its request is gone", files{"a.crt": "new", csrGoing: "old"}, files{"a.crt": "new"}},
		{"a new certificate that waits for the name of its request", files{"a.csr": "old", certNew: "new"}, files{"a.csr": "old"}},
		{"a stranger's word that a file goes", files{"a.csr": "ours", csrGoing: "other"}, files{"a.csr": "ours"}},
		{"somebody else's new certificate", files{"a.crt": "other", "a.csr": "old", certNew: "new", csrGoing: "old"}, files{"a.crt": "other"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, data := range test.there {
				write(t, filepath.Join(dir, name), data, 0o600)
			}
			lock(t, dir)
			got := files{}
			for path, data := range contents(t, dir) {
				got[filepath.Base(path)] = data
			}
			assert.Equal(t, test.want, got)
		})
	}
}

// Settle is for those who only read: it takes a lock only where something is half done.
func TestSettle(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "kubernetes")
	l := lock(t, lockedDirs(dir)...)
	require.NoError(t, converge(l, dir, false))
	film := record(t, dir)
	l.step = film.step
	require.NoError(t, converge(l, dir, true))
	require.NoError(t, l.Unlock())
	i := slices.IndexFunc(film.frames, func(f frame) bool { return f.name == "rename" && filepath.Base(f.path) == "server.crt" })
	require.Positive(t, i)
	again := filepath.Join(t.TempDir(), "kubernetes")
	for name, data := range film.frames[i].files {
		mkdir(t, filepath.Dir(filepath.Join(again, name)), 0o755)
		write(t, filepath.Join(again, name), data, map[bool]fs.FileMode{true: 0o644, false: 0o600}[strings.HasSuffix(name, ".crt")])
	}
	finished, err := Settle(t.Context(), lockedDirs(again)...)
	require.NoError(t, err)
	assert.Contains(t, finished, filepath.Join(again, "pki/etcd/server.crt"))
	for _, pair := range pairs {
		s, err := state(filepath.Join(again, pair))
		require.NoError(t, err)
		assert.Equal(t, "pair", s)
	}
	held := lock(t, lockedDirs(again)...) // nothing is half done: no lock is needed
	finished, err = Settle(t.Context(), append(lockedDirs(again), filepath.Join(again, "none"))...)
	assert.NoError(t, err)
	assert.Empty(t, finished)
	require.NoError(t, held.Unlock())
}

// film is what a directory tree looked like before each step, and which step that was.
type film struct {
	dir    string
	mu     sync.Mutex
	frames []frame
	read   func() map[string]string
}

type frame struct {
	name, path string
	files      map[string]string // by path below dir
}

func record(t *testing.T, dir string) *film {
	f := &film{dir: dir}
	f.read = func() map[string]string {
		files := map[string]string{}
		for path, data := range contents(t, dir) {
			rel, err := filepath.Rel(dir, path)
			require.NoError(t, err)
			files[rel] = data
		}
		return files
	}
	return f
}

func (f *film) step(name, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frames = append(f.frames, frame{name, path, f.read()})
}

// cuts are the trees that may be found after a kill or a power cut: each frame; and of the changes of names since the last
// fsync of their directory any part. A file whose own fsync was not reached is empty.
func (f *film) cuts(random *rand.Rand) []map[string]string {
	var out []map[string]string
	for end := range f.frames {
		out = append(out, f.frames[end].files)
		for range 2 {
			out = append(out, f.powerCut(end, random))
		}
	}
	return out
}

func (f *film) powerCut(end int, random *rand.Rand) map[string]string {
	synced := map[string]int{} // directory below dir to the frame behind its last fsync
	whole := map[string]bool{} // contents that were made durable
	for i, frame := range f.frames[:end] {
		switch frame.name {
		case "sync directory":
			rel, _ := filepath.Rel(f.dir, frame.path)
			synced[rel] = i
		case "sync":
			for name, data := range f.frames[i].files {
				if isStaging(filepath.Base(name)) {
					whole[data] = true // the data of a staged file, wherever its name goes
				}
			}
		}
	}
	files := maps.Clone(f.frames[0].files)
	for _, data := range f.frames[0].files {
		whole[data] = true
	}
	for i := 1; i <= end; i++ {
		was, is := f.frames[i-1].files, f.frames[i].files
		moved := map[string][]string{} // directory to the names that this step changed in it: a rename is one change
		for name := range maps.Keys(union(was, is)) {
			if data, ok := is[name]; !ok || was[name] != data {
				moved[filepath.Dir(name)] = append(moved[filepath.Dir(name)], name)
			}
		}
		for dir, names := range moved {
			if i > synced[dir] && random.IntN(2) == 0 {
				continue
			}
			for _, name := range names {
				if data, ok := is[name]; ok {
					files[name] = data
				} else {
					delete(files, name)
				}
			}
		}
	}
	for name, data := range files {
		if !whole[data] {
			files[name] = ""
		}
	}
	return files
}

func union(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// While saves run in a process whose umask takes nothing away, nothing that others may read ever holds a byte of a key.
func TestModesAtEveryInstant(t *testing.T) {
	t.Parallel()
	for _, mask := range []int{0, 0o022, 0o077, 0o277} {
		dir := t.TempDir()
		cmd := child(t, "modes", dir, umask(mask))
		require.NoError(t, cmd.Run(), "%s", cmd.Stderr)
		assert.Equal(t, []string{
			"admin.conf 0600", "pki/ 0755", "pki/ca.crt 0644", "pki/ca.key 0600",
			"pki/etcd/ 0755", "pki/etcd/server.crt 0644", "pki/etcd/server.key 0600",
			"pki/old/ 0700", "pki/old/deep/ 0700", "pki/old/deep/ca.key 0600",
		}, names(t, dir), "umask %04o", mask)
	}
}

func childModes(dir string) error {
	done, found := make(chan bool), make(chan error, 1)
	go func() {
		for looked := 0; ; looked++ {
			select {
			case <-done:
				var err error
				if looked < 10 {
					err = fmt.Errorf("the watcher looked only %d times", looked)
				}
				found <- err
				return
			default:
			}
			if err := looseKeys(lockedDirs(dir)); err != nil {
				found <- err
				return
			}
		}
	}()
	if err := saveKeyStepwise(dir); err != nil {
		return err
	}
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		if err := convergeOnce(dir, true); err != nil {
			return err
		}
	}
	close(done)
	return <-found
}

// saveKeyStepwise saves a key and backs it up; at each step, no file at all may be open to others: who opens one while
// it is still empty can read what is written later.
func saveKeyStepwise(dir string) error {
	l, err := Lock(context.Background(), lockedDirs(dir)...)
	if err != nil {
		return err
	}
	var loose error
	l.step = func(name, _ string) {
		for _, at := range []string{filepath.Join(dir, "pki"), filepath.Join(dir, "pki/old/deep")} {
			entries, _ := os.ReadDir(at)
			for _, entry := range entries {
				info, err := entry.Info()
				if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
					loose = fmt.Errorf("before the step %s: %s has mode %v", name, entry.Name(), info.Mode())
				}
			}
		}
	}
	key := filepath.Join(dir, "pki/ca.key")
	err = errors.Join(
		l.Save([]Write{{Path: key, Data: newKey(), Mode: 0o600}}),
		l.Backup(filepath.Join(dir, "pki/old"), Copy{key, "deep/ca.key"}),
		l.Unlock(),
	)
	return errors.Join(err, loose)
}

// looseKeys finds a file that others may read and that holds key bytes.
func looseKeys(dirs []string) error {
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			// One open file, so that mode and content are of the same file.
			f, err := os.Open(filepath.Join(dir, entry.Name()))
			if err != nil {
				continue
			}
			info, statErr := f.Stat()
			head := make([]byte, len(secret))
			_, _ = f.Read(head)
			_ = f.Close()
			if statErr == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 && bytes.Equal(head, []byte(secret)) {
				return fmt.Errorf("%s holds a key and has mode %v", entry.Name(), info.Mode())
			}
		}
	}
	return nil
}
