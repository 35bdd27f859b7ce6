package phases

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki/store"
)

// backup copies what will be replaced into a new directory that has the layout of /etc/kubernetes, whoever asked for
// the change. Two runs within a second get two directories.
func (p Plan) backup(l *store.Locked) (string, error) {
	if p.Backup == "" {
		return "", nil
	}
	var files []store.Copy
	for _, a := range p.Actions {
		for _, o := range a.Outputs {
			if o.Replaces && o.Kind != RequestFile {
				files = append(files, store.Copy{Path: o.Path, Name: p.nameInBackup(o.Path)})
			}
		}
		if a.Held != nil && a.Held.Cert.Exists && a.Held.Key.Exists && replaces(a, CertificateFile) && !replaces(a, KeyFile) {
			files = append(files, store.Copy{Path: a.Held.Key.Path, Name: p.nameInBackup(a.Held.Key.Path)}) // a pair is restored as a pair
		}
	}
	if len(files) == 0 {
		return "", nil
	}
	base := filepath.Join(p.Backup, BackupPrefix+p.now.UTC().Format("20060102T150405Z"))
	dir := base
	for n := 2; ; n++ {
		err := l.Backup(dir, files...)
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrExist) || n > 1000 {
			return "", err
		}
		dir = fmt.Sprintf("%s-%d", base, n)
	}
}

func replaces(a Action, kind OutputKind) bool {
	return slices.ContainsFunc(a.Outputs, func(o Output) bool { return o.Kind == kind && o.Replaces })
}

// nameInBackup is a file's place in a backup: as below /etc/kubernetes.
func (p Plan) nameInBackup(file string) string {
	if rel, err := filepath.Rel(p.site.Cert, file); err == nil && filepath.IsLocal(rel) {
		return path.Join("pki", filepath.ToSlash(rel))
	}
	if rel, err := filepath.Rel(p.site.Kubeconfig, file); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return filepath.Base(file)
}

// sets order the writes. Where an action replaces or removes something, its files are one set: they come one set after the
// other, and each is old or new as a whole. What is new comes at once: all keys, then the CAs' certificates, then all
// others, so that a kill and a power cut leave at most lone keys, which the next run finishes.
func sets(todo []*work) [][]store.Write {
	var out [][]store.Write
	var keys, cas, others []store.Write
	for _, w := range todo {
		together := slices.ContainsFunc(w.Outputs, func(o Output) bool { return o.Replaces || o.Kind == Removal })
		var first, set, last []store.Write
		for i, o := range w.Outputs {
			if o.Path == "" {
				continue
			}
			write := store.Write{Path: o.Path, Data: w.Files[i], Mode: o.Mode, IfAbsent: !o.Replaces}
			switch {
			case o.Kind == Removal:
				last = append(last, store.Write{Path: o.Path, Remove: true})
			case together && (o.Kind == KeyFile || o.Kind == CopyFile):
				first = append(first, write)
			case together:
				set = append(set, write)
			case o.Kind == KeyFile:
				keys = append(keys, write)
			case o.Kind == CertificateFile && w.Spec.Role != nil && w.Spec.Kind == certs.CA:
				cas = append(cas, write)
			default:
				others = append(others, write)
			}
		}
		out = append(out, slices.Concat(first, set, last))
	}
	return append(out, keys, cas, others)
}

// ChangeFile rewrites one file under its lock: change gets what is there (nil if nothing is) and gives what shall be.
// The old content is kept beside it, dated, unless there was none. The new file has mode 0600. backup is "" where
// nothing was there or nothing changes; before is the mode that the file had, 0 for none.
func ChangeFile(ctx context.Context, path string, now time.Time, change func(old []byte) ([]byte, error)) (backup string, before fs.FileMode, err error) {
	lock, err := store.Lock(ctx, filepath.Dir(path))
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	old := judge.ReadFile(path)
	if old.Err != nil {
		return "", 0, old.Err
	}
	data, err := change(old.Data)
	if err != nil {
		return "", 0, err
	}
	a := Action{Outputs: []Output{{Kind: DataFile, Path: path, Mode: 0o600, Data: data, Replaces: old.Exists}}}
	switch {
	case old.Exists && string(data) == string(old.Data):
		a = Action{Tighten: []Chmod{{Path: path, To: 0o600}}}
	case old.Exists:
		backup = nameBeside(path, now)
		a.Outputs = append([]Output{{Kind: CopyFile, Path: backup, Mode: 0o600, Data: old.Data}}, a.Outputs...)
	}
	if _, _, err = (Plan{Actions: []Action{a}}).Apply(ctx, lock); err != nil {
		return "", 0, err
	}
	return backup, old.Mode.Perm(), nil
}

// nameBeside is a free name for the old content of a file. Who asks holds the lock, so two changes within a second get
// two names.
func nameBeside(path string, now time.Time) string {
	base := path + "." + now.UTC().Format("20060102T150405Z")
	for name, n := base+".bak", 2; ; n++ {
		if f := judge.ReadFile(name); !f.There() || n > 1000 {
			return name
		}
		name = fmt.Sprintf("%s-%d.bak", base, n)
	}
}

// dirs are the directories that a plan writes to.
func (p Plan) dirs() []string {
	seen := map[string]bool{}
	var out []string
	for _, a := range p.Actions {
		for _, o := range a.Outputs {
			if d := filepath.Dir(o.Path); o.Path != "" && !seen[d] {
				seen[d] = true
				out = append(out, d)
			}
		}
	}
	return out
}
