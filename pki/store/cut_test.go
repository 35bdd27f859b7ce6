//go:build unix

package store

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
		require.False(t, IsStaging(filepath.Base(path)), "%s is left of %v", path, slices.Sorted(maps.Keys(files)))
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
				if IsStaging(filepath.Base(name)) {
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
