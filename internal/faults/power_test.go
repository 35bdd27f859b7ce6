//go:build linux && amd64

package faults_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

// A power cut: the calls of a run are played on a model of a disk, and the disk is what a journalling file system may
// have made of them. Names, modes and removals reach the disk in their order: any beginning of them may be there,
// and nothing is built on an fsync of one thing making another durable. The bytes of a file are there for certain once
// it was synced; else it may be empty (the file system had not given it a place yet), cut, or whole. Some file systems
// keep the order only in each directory: so there are also trees in which one directory is as old as its last fsync
// lets it be, and all others are new.

// inode is a file of the model. synced is how much of its data the disk has for certain.
type inode struct {
	mode   fs.FileMode
	data   []byte
	synced bool
	dir    bool
}

// disk is a model of the tree below root.
type disk struct {
	root  string
	names map[string]*inode
}

func newDisk(root string, start world) *disk {
	d := &disk{root: root, names: map[string]*inode{".": {dir: true, mode: 0o755, synced: true}}}
	for p, f := range start {
		for up := path.Dir(p); d.names[up] == nil; up = path.Dir(up) {
			d.names[up] = &inode{dir: true, mode: 0o755, synced: true}
		}
		d.names[p] = &inode{mode: f.mode, data: []byte(f.data), synced: true}
	}
	return d
}

func (d *disk) rel(p string) string {
	if p == d.root {
		return "."
	}
	return strings.TrimPrefix(p, d.root+"/")
}

var errUnknown = errors.New("the model does not know this call")

// do plays one call that succeeded.
func (d *disk) do(c call) error {
	at, to := d.rel(c.Path), d.rel(c.To)
	n := d.names[at]
	switch c.Name {
	case "openat":
		if n == nil {
			d.names[at] = &inode{mode: fs.FileMode(c.Mode).Perm()}
		} else if c.Flags&unix.O_TRUNC != 0 {
			n.data, n.synced = nil, false
		}
	case "write":
		if n != nil {
			n.data, n.synced = append(n.data, c.Data[:c.Result]...), false
		}
	case "ftruncate":
		if n != nil && int(c.Offset) <= len(n.data) {
			n.data, n.synced = n.data[:c.Offset], false
		}
	case "fsync":
		if n != nil {
			n.synced = true
		}
	case "syncfs":
		for _, n := range d.names {
			n.synced = true
		}
	case "mkdirat":
		d.names[at] = &inode{dir: true, mode: fs.FileMode(c.Mode).Perm(), synced: true}
	case "fchmod", "fchmodat":
		if n != nil {
			n.mode = fs.FileMode(c.Mode).Perm()
		}
	case "linkat":
		if n != nil {
			d.names[to] = n
		}
	case "unlinkat":
		delete(d.names, at)
	case "renameat2":
		d.rename(at, to, c.Flags&unix.RENAME_EXCHANGE != 0)
	case "fchown", "fchownat", "flock", "sync_file_range":
	default:
		return fmt.Errorf("%w: %s", errUnknown, c)
	}
	return nil
}

// rename moves a file, or a directory with all below it.
func (d *disk) rename(at, to string, exchange bool) {
	moved := map[string]*inode{}
	for p, n := range d.names {
		for _, way := range [][2]string{{at, to}, {to, at}} {
			from, into := way[0], way[1]
			if p != from && !strings.HasPrefix(p, from+"/") {
				continue
			}
			delete(d.names, p)
			if from == at || exchange {
				moved[into+strings.TrimPrefix(p, from)] = n
			}
		}
	}
	for p, n := range moved {
		d.names[p] = n
	}
}

// lost says what has become of bytes that no fsync covered.
type lost struct {
	name string
	keep func(n int) int
}

var losses = []lost{
	{"whole", func(n int) int { return n }},
	{"empty", func(int) int { return 0 }},
	{"cut", func(n int) int { return n / 2 }},
}

// late is the fourth way: what is lost are names.
const late = "one directory late"

// after is the tree that is found when the machine starts again.
func (d *disk) after(l lost) world {
	w := world{}
	for p, n := range d.names {
		switch {
		case !d.reached(p): // the name of a directory above it was lost
		case n.dir && isBackupDir(p):
			w[p+"/"] = file{mode: n.mode}
		case n.dir:
		case n.synced:
			w[p] = file{n.mode, string(n.data)}
		default:
			w[p] = file{n.mode, string(n.data[:l.keep(len(n.data))])}
		}
	}
	return w
}

func (d *disk) reached(p string) bool {
	for ; p != "."; p = path.Dir(p) {
		if d.names[p] == nil {
			return false
		}
	}
	return true
}

func (w world) same(other world) bool { return w.print() == other.print() }

// print is the same for the same tree.
func (w world) print() string {
	h := sha256.New()
	for _, p := range w.paths(func(string) bool { return true }) {
		fmt.Fprintf(h, "%q %o %d\n", p, w[p].mode.Perm(), len(w[p].data))
		_, _ = io.WriteString(h, w[p].data)
	}
	return string(h.Sum(nil))
}

// cut is a tree after a power cut.
type cut struct {
	scene *scene
	loss  string
	at    int
	world world
}

// cuts are the trees that a power cut during the run of a scene can leave: each beginning of the calls, with each loss
// of what was not synced by then. The same tree is given once.
func (s *scene) cuts() ([]cut, error) {
	var out []cut
	seen := map[string]bool{}
	add := func(at int, loss string, w world) {
		if print := w.print(); !seen[print] {
			seen[print] = true
			out = append(out, cut{s, loss, at, w})
		}
	}
	d := newDisk(s.room, s.start)
	since := map[string]int{} // directories with names that no fsync covered, and the first call that changed one
	for i, c := range s.calls {
		if c.Result < 0 {
			continue
		}
		if err := d.do(c); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		for _, l := range losses {
			add(i, l.name, d.after(l))
		}
		switch dir := named(c); {
		case dir != "":
			if _, ok := since[dir]; !ok {
				since[dir] = i
			}
		case c.Name == "syncfs":
			clear(since)
		case c.Name == "fsync":
			delete(since, c.Path)
		}
		for dir, from := range since {
			add(i, late, s.lateAt(i, dir, from))
		}
	}
	// Played to the end, the model has what the directory has: else it says nothing of the real one.
	if end := d.after(losses[0]); !end.same(s.clean) {
		return nil, fmt.Errorf("%s: the model ends with another tree than the run: %v, %v", s.name,
			end.paths(func(string) bool { return true }), s.clean.paths(func(string) bool { return true }))
	}
	return out, nil
}

// named is the directory in which a call changes a name, "" for none.
func named(c call) string {
	switch c.Name {
	case "openat", "mkdirat", "unlinkat", "renameat2":
		return path.Dir(c.Path)
	case "linkat":
		return path.Dir(c.To)
	}
	return ""
}

// lateAt is the tree after the first n+1 calls without those that changed a name in dir from a call on.
func (s *scene) lateAt(n int, dir string, from int) world {
	d := newDisk(s.room, s.start)
	for i, c := range s.calls[:n+1] {
		if c.Result < 0 || i >= from && named(c) == dir && (c.Name != "openat" || d.names[d.rel(c.Path)] == nil) {
			continue
		}
		_ = d.do(c) // the model knew it when it was played whole
	}
	return d.after(losses[0])
}

// powerCuts starts the next run on what a power cut leaves: n times, or in all states there are.
func (h *house) powerCuts(t *testing.T, scenes []*scene, n int) *result {
	t.Helper()
	var all []cut
	for _, s := range scenes {
		list, err := s.cuts()
		if assert.NoError(t, err) {
			all = append(all, list...)
		}
	}
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if n > 0 && n < len(all) {
		all = all[:n]
	}
	r := newResult()
	atOnce(t, len(all), func(i int) {
		found, err := all[i].play(h)
		if assert.NoError(t, err) {
			r.count(all[i].scene.name, all[i].loss, found)
		}
	})
	r.order(order(scenes))
	return r
}

func (c cut) play(h *house) ([]damage, error) {
	dir, err := os.MkdirTemp(h.dir, "room")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	defer os.Remove(dir + ".yaml")
	if err := errors.Join(c.scene.prepareBeside(dir), c.world.put(dir)); err != nil {
		return nil, err
	}
	j := &judgement{scene: c.scene}
	j.always(c.world)
	j.copies(c.world)
	err = j.afterwards(h, dir, c.at)
	for i := range j.found {
		j.found[i].seen = fmt.Sprintf("%s: power cut after call %d (%s), not synced: %s: %s", c.scene.name, c.at+1,
			strings.ReplaceAll(c.scene.calls[c.at].String(), c.scene.room+"/", ""), c.loss, strings.ReplaceAll(j.found[i].seen, dir+"/", ""))
	}
	return j.found, err
}
