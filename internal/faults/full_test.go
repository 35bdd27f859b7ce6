//go:build linux && amd64

package faults_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fullDisk plays every scene on a file system that has no room, then on one of some pages more, until the command
// succeeds. Each time the laws of an error hold; then space is freed, the same command is run, and all is well.
func (h *house) fullDisk(t *testing.T, scenes []*scene, pages int) *result {
	t.Helper()
	dir := filepath.Join(h.dir, "small")
	require.NoError(t, os.Mkdir(dir, 0o755))
	if !tmpfs(t, dir, "size=4m,mode=0755") {
		t.Skip("SKIPPED: no small disk to fill: mounting one takes root and a kernel that lets it")
	}
	r := newResult()
	for _, s := range scenes {
		used := usedBy(t, s, dir)
		for size := used; ; size += pages {
			require.Less(t, size, used+1000, "%s: never enough", s.name)
			if size == 0 {
				continue // to tmpfs that is no bound at all
			}
			o := h.onSmallDisk(t, s, dir, size)
			if o.Code == 0 {
				break
			}
			r.count(s.name, "disk in steps", h.afterFull(t, s, dir, o, size-used))
		}
	}
	r.order(order(scenes))
	return r
}

func (h *house) afterFull(t *testing.T, s *scene, dir string, o outcome, left int) []damage {
	t.Helper()
	j := &judgement{scene: s}
	now, err := take(dir)
	require.NoError(t, err)
	j.always(now)
	j.copies(now)
	j.wholly(now)
	j.nothingLeft(now, s.start)
	j.told(o, dir)
	resize(t, dir, 4<<20)
	require.NoError(t, j.afterwards(h, dir, 0))
	for i := range j.found {
		j.found[i].seen = s.name + ": a disk with " + strconv.Itoa(left) + " pages left: " + j.found[i].seen
	}
	return j.found
}

// usedBy is how many pages the directory of a scene takes before the command.
func usedBy(t *testing.T, s *scene, dir string) int {
	t.Helper()
	empty(t, dir)
	require.NoError(t, s.prepare(dir))
	var fs unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &fs))
	return int(fs.Blocks - fs.Bfree)
}

func (h *house) onSmallDisk(t *testing.T, s *scene, dir string, pages int) outcome {
	t.Helper()
	empty(t, dir)
	require.NoError(t, s.prepare(dir))
	resize(t, dir, pages*os.Getpagesize())
	return h.plain(s.bin, dir, s.argsIn(dir)...)
}

func resize(t *testing.T, dir string, size int) {
	t.Helper()
	require.NoError(t, unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT, "size="+strconv.Itoa(size)))
}

// empty gives the whole disk back.
func empty(t *testing.T, dir string) {
	t.Helper()
	resize(t, dir, 4<<20)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		assert.NoError(t, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
}
