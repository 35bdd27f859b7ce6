//go:build linux && amd64

package faults_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// file is one file of a directory tree.
type file struct {
	mode fs.FileMode
	data string
}

// world is a directory tree: its files by their paths in it, and the directories of copies, with a slash behind.
type world map[string]file

// take reads the tree below dir.
func take(dir string) (world, error) {
	w := world{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if isBackupDir(rel) {
				w[rel+"/"] = file{mode: info.Mode()}
			}
			return nil
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		w[rel] = file{info.Mode(), string(data)}
		return nil
	})
	return w, err
}

// put writes the tree into dir.
func (w world) put(dir string) error {
	for p, f := range w {
		to := filepath.Join(dir, p)
		if strings.HasSuffix(p, "/") {
			if err := errors.Join(os.MkdirAll(to, 0o755), os.Chmod(to, f.mode.Perm())); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, []byte(f.data), f.mode.Perm()); err != nil {
			return err
		}
		if err := os.Chmod(to, f.mode.Perm()); err != nil {
			return err
		}
	}
	return nil
}

func (w world) with(more world) world {
	out := world{}
	for p, f := range w {
		out[p] = f
	}
	for p, f := range more {
		out[p] = f
	}
	return out
}

func (w world) without(paths ...string) world {
	out := world{}
	for p, f := range w {
		if !slices.Contains(paths, p) {
			out[p] = f
		}
	}
	return out
}

func (w world) paths(chosen func(string) bool) []string {
	var out []string
	for p := range w {
		if chosen(p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// Where a file belongs is said by its name: what is being made, a copy of what was, or a file that somebody uses.
var copyName = regexp.MustCompile(`^(pkitool-backup-[^/]+)/|^.*\.[0-9]{8}T[0-9]{6}Z(?:-[0-9]+)?\.bak$`)

func isBackupDir(p string) bool {
	return strings.HasPrefix(path.Base(p), "pkitool-backup-") && !strings.Contains(p, "/")
}

func isStaged(p string) bool {
	for _, part := range strings.Split(p, "/") {
		if strings.HasPrefix(part, ".pkitool") {
			return true
		}
	}
	return false
}
func isCopy(p string) bool  { return !isStaged(p) && copyName.MatchString(p) }
func isFinal(p string) bool { return !isStaged(p) && !isCopy(p) }

// copies are the backups, each by its own name: a directory of copies, or one .bak file.
func (w world) copies() map[string]world {
	out := map[string]world{}
	for p, f := range w {
		if !isCopy(p) {
			continue
		}
		name := p
		if m := copyName.FindStringSubmatch(p); m[1] != "" {
			name = m[1]
		}
		if out[name] == nil {
			out[name] = world{}
		}
		if !strings.HasSuffix(p, "/") {
			out[name][strings.TrimPrefix(strings.TrimPrefix(p, name), "/")] = f
		}
	}
	return out
}
