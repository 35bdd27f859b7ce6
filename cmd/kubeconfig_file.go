package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/pkitool/pkitool/pki/store"
)

// changeFile rewrites one file under its lock: change gets what is there (nil
// if nothing is) and gives what shall be. The old content is kept beside it,
// dated, unless there was none. The new file has mode 0600. backup is "" where
// nothing was there or nothing changes.
func changeFile(c *cobra.Command, env *Env, path string, change func(old []byte) ([]byte, error)) (backup string, err error) {
	lock, err := store.Lock(c.Context(), filepath.Dir(path))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	old, err := store.Read(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	there := err == nil
	data, err := change(old.Data)
	if err != nil {
		return "", err
	}
	if !there {
		return "", lock.Save([]store.Write{{Path: path, Data: data, Mode: 0o600, IfAbsent: true}})
	}
	if string(data) == string(old.Data) {
		err = lock.Tighten(path, 0o600)
	} else {
		backup = backupName(path, env.Now)
		err = lock.Save([]store.Write{{Path: backup, Data: old.Data, Mode: 0o600, IfAbsent: true}}, []store.Write{{Path: path, Data: data, Mode: 0o600}})
	}
	if err != nil {
		return "", err
	}
	noteMode(c, env, path, old.Mode)
	return backup, nil
}

// noteMode says that the mode of a file is not what it was.
func noteMode(c *cobra.Command, env *Env, path string, before os.FileMode) {
	if quiet := c.Flags().Lookup("quiet"); quiet != nil && quiet.Value.String() == "true" {
		return
	}
	if now, err := os.Lstat(path); err == nil && now.Mode().Perm() != before.Perm() {
		fmt.Fprintf(env.Stderr, "note: mode %04o of %s set to %04o\n", before.Perm(), oneLine(path), now.Mode().Perm())
	}
}

// backupName is a free name for the old content of a file. It is the caller who
// holds the lock, so two changes within a second get two names.
func backupName(path string, now time.Time) string {
	base := path + "." + now.UTC().Format("20060102T150405Z")
	for name, n := base+".bak", 2; ; n++ {
		if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) || n > 1000 {
			return name
		}
		name = fmt.Sprintf("%s-%d.bak", base, n)
	}
}
