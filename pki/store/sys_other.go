//go:build !linux

package store

import (
	"io/fs"
	"os"
)

func startSync(*os.File) {}

const canSyncFilesystem = false

func syncFilesystem(*os.File) error { return nil }

// renameAbsent renames from to to in one directory unless to is there (fs.ErrExist).
func renameAbsent(_ *os.File, root *os.Root, from, to string) error {
	return linkAbsent(root, from, to)
}

// renameDirAbsent renames a directory unless to is there and holds anything.
func renameDirAbsent(from, to string) error { return os.Rename(from, to) }

// holder is not told by these systems.
func holder(fs.FileInfo) (pid int, name string) { return 0, "" }
