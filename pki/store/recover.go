package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A save that replaces or removes a file writes down, in the names of its files, what it is about: mark is such a name.
// So whoever takes the lock after a run that was killed knows what to do, without any other record.
type mark struct {
	save       string // the staging name that all files of a save begin with
	set, index int    // its place in the save
	kind       string
	base       string // the final name
}

const (
	markNext  = "next"  // the new content of a file that is there
	markNew   = "new"   // a file where none is
	markOld   = "old"   // what is replaced
	markGoing = "going" // what is removed
)

// String gives the file name.
func (m mark) String() string {
	return fmt.Sprintf("%s-%d-%d-%s-%s", m.save, m.set, m.index, m.kind, m.base)
}

// parseMark recognizes the names that mark.String gives, and no others.
func parseMark(name string) (m mark, ok bool) {
	const length = len(stagingPrefix) + 26
	if len(name) <= length || !isPlain(name[:length]) {
		return m, false
	}
	parts := strings.SplitN(name[length:], "-", 5)
	if len(parts) != 5 || !filepath.IsLocal(parts[4]) || parts[4] == "." {
		return m, false
	}
	m = mark{save: name[:length], kind: parts[3], base: parts[4]}
	var setErr, indexErr error
	m.set, setErr = strconv.Atoi(parts[1])
	m.index, indexErr = strconv.Atoi(parts[2])
	known := slices.Contains([]string{markNext, markNew, markOld, markGoing}, m.kind)
	return m, setErr == nil && indexErr == nil && known && m.String() == name
}

// isPlain recognizes the names that stagingName gives, and no others.
func isPlain(name string) bool {
	random, ok := strings.CutPrefix(name, stagingPrefix)
	return ok && len(random) == 26 && strings.Trim(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// IsStaging recognizes the names of files that are not yet, or no longer, what they are about.
func IsStaging(name string) bool {
	_, marked := parseMark(name)
	return marked || isPlain(name)
}

// Settle finishes or takes back what a run that was killed left half done in any of the directories, as Lock does, for
// commands that only read. Where there is nothing like that it takes no lock. A run that is still at work is waited for.
// finished is as of Locked.Finished. Errors are *Error.
func Settle(ctx context.Context, dirs ...string) (finished []string, err error) {
	half := Interrupted(dirs...)
	if len(half) == 0 {
		return nil, nil
	}
	l, err := Lock(ctx, half...)
	if err != nil {
		return nil, err
	}
	return l.Finished(), l.Unlock()
}

// Interrupted gives those of the directories in which a run was stopped in the midst of a change, or is at work.
func Interrupted(dirs ...string) (half []string) {
	for _, path := range dirs {
		d, err := openDir(path)
		if err == nil {
			names, _ := staging(d)
			if slices.ContainsFunc(names, func(name string) bool {
				m, ok := parseMark(name)
				return ok && (m.kind == markOld || m.kind == markGoing)
			}) {
				half = append(half, path)
			}
		}
		_ = d.close()
	}
	return half
}

// staging lists the names in d that this package gave.
func staging(d *dir) (list []string, err error) {
	for {
		names, err := d.file.Readdirnames(1024)
		for _, name := range names {
			if IsStaging(name) {
				list = append(list, name)
			}
		}
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fault(d.path, err)
		}
	}
}

// half is one file of a set that a run was stopped in.
type half struct {
	base string
	next string // the staged new content; "" if it is in its place
	add  bool   // next is for a place where nothing was
	old  string // what was there; "" where nothing was
	gone bool   // it was to be removed
}

// settle finishes each set that was begun, or takes it back, and gives the names that are left to be removed: those of
// first have to be gone for good before those of then. Every file of a set has its second name before the first is
// touched, and everything that is staged is whole by then.
func (l *Locked) settle(d *dir, marks []mark) (first, then []string, err error) {
	slices.SortFunc(marks, func(a, b mark) int {
		return cmp.Or(strings.Compare(a.save, b.save), cmp.Compare(a.set, b.set), cmp.Compare(a.index, b.index))
	})
	for len(marks) > 0 {
		var set []*half
		n, last := 0, -1
		for ; n < len(marks) && marks[n].save == marks[0].save && marks[n].set == marks[0].set; n++ {
			m := marks[n]
			if m.index != last {
				set = append(set, &half{base: m.base})
				last = m.index
			}
			h := set[len(set)-1]
			switch m.kind {
			case markNext, markNew:
				h.next, h.add = m.String(), m.kind == markNew
			case markOld, markGoing:
				h.old, h.gone = m.String(), m.kind == markGoing
			}
		}
		marks = marks[n:]
		todo, err := d.ask(set)
		switch {
		case err != nil:
		case todo == forward:
			err = l.finish(d, set)
		case todo == back:
			err = l.putBack(d, set)
		}
		var where *Error
		if errors.As(err, &where) {
			return nil, nil, fault(where.Path, fmt.Errorf("an interrupted change cannot be finished: %w", where.Err))
		}
		next, old := &first, &then
		if todo == nothing { // what is staged is only part of a set as long as something says that it was to be replaced
			next, old = old, next
		}
		for _, h := range set {
			if h.next != "" {
				*next = append(*next, h.next)
			}
			if h.old != "" {
				*old = append(*old, h.old)
			}
		}
	}
	if len(l.finished) == 0 {
		return first, then, nil
	}
	l.step("sync directory", d.path)
	return first, then, fault(d.path, syncDir(d.file))
}

// verdict is what is to be done about a set that a run was stopped in.
type verdict int

const (
	nothing verdict = iota // nothing was touched, or somebody else has settled it
	forward                // all that it needs to be finished is there
	back
)

func (d *dir) ask(set []*half) (verdict, error) {
	begun, todo := false, forward
	for _, h := range set {
		if h.next != "" && !h.add && h.old == "" {
			return nothing, nil // not all was kept yet
		}
		if h.old == "" {
			continue
		}
		begun = true
		now, err := d.is(h.base, h.old)
		switch {
		case err != nil:
			return nothing, err
		case now == changed && (h.next != "" || h.gone):
			return nothing, nil // not by us: what is to come here, or to go, has not
		case now != changed && h.next == "" && !h.gone:
			todo = back
		}
	}
	if !begun {
		return nothing, nil
	}
	return todo, nil
}

// finish publishes what is staged of a set, as publish does.
func (l *Locked) finish(d *dir, set []*half) error {
	if set[0].old != "" && !set[0].gone {
		for _, h := range slices.Backward(set[1:]) {
			if h.next == "" || h.add {
				continue
			}
			if err := l.settleOne(d, "remove", h, func() error { return d.root.Remove(h.base) }); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	for _, h := range set {
		do := func() error { return d.root.Rename(h.next, h.base) }
		switch {
		case h.gone:
			do = func() error { return d.root.Remove(h.base) }
		case h.next == "":
			continue
		case h.add:
			do = func() error { return renameAbsent(d.file, d.root, h.next, h.base) }
		}
		err := l.settleOne(d, "rename", h, do)
		switch {
		case h.add && errors.Is(err, fs.ErrExist), h.gone && errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		}
		l.finished = append(l.finished, filepath.Join(d.path, h.base))
		if !h.gone {
			h.next = ""
		}
	}
	return nil
}

// putBack makes a set what it was, as restore does.
func (l *Locked) putBack(d *dir, set []*half) error {
	states := make([]fate, len(set))
	for i, h := range slices.Backward(set) {
		if h.old == "" {
			continue
		}
		var err error
		if states[i], err = d.is(h.base, h.old); err != nil {
			return err
		}
		if i > 0 && states[i] == changed {
			if err := l.settleOne(d, "take back", h, func() error { return d.root.Remove(h.base) }); err != nil {
				return err
			}
		}
	}
	for i, h := range set {
		if h.old == "" || states[i] == same {
			continue
		}
		if err := l.settleOne(d, "restore", h, func() error { return d.root.Rename(h.old, h.base) }); err != nil {
			return err
		}
		h.old = ""
		l.finished = append(l.finished, filepath.Join(d.path, h.base))
	}
	return nil
}

func (l *Locked) settleOne(d *dir, step string, h *half, do func() error) error {
	path := join(d.path, h.base)
	l.step(step, path)
	return fault(path, do())
}

// fate is what has become of a file of which the old content was kept.
type fate int

const (
	missing fate = iota
	same
	changed
)

// is compares the file base with what was kept of it.
func (d *dir) is(base, kept string) (fate, error) {
	old, _, err := readIn(d.root, kept)
	if err != nil {
		return 0, fault(join(d.path, kept), err)
	}
	now, _, err := readIn(d.root, base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return missing, nil
	case err != nil:
		return 0, fault(join(d.path, base), err)
	case bytes.Equal(old, now):
		return same, nil
	}
	return changed, nil
}
