package phases

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki/store"
)

// NotOwnError says that a file holds something that a report does not replace.
type NotOwnError struct{ Path string }

func (e *NotOwnError) Error() string {
	return fmt.Sprintf("file holds something else than such a report, and is not replaced (%s)", e.Path)
}

// Hint says what to do instead.
func (e *NotOwnError) Hint() string {
	return "name another file: only a report of the same command, or an empty file, is replaced"
}

// WriteReport writes a report to a file of that mode, under the lock of its directory. What is there is replaced if own says that it
// is such a report, and else is a *NotOwnError: it may be a key, of which there is no copy.
func WriteReport(ctx context.Context, path string, data []byte, mode fs.FileMode, own func(old []byte) bool) (err error) {
	lock, err := store.Lock(ctx, filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	old := judge.ReadFile(path)
	switch {
	case old.Err != nil:
		return old.Err
	case len(old.Data) > 0 && !own(old.Data):
		return &NotOwnError{Path: path}
	}
	report := Output{Kind: DataFile, Path: path, Mode: mode, Data: data, Replaces: old.Exists}
	_, _, err = Plan{Actions: []Action{{Outputs: []Output{report}}}}.Apply(ctx, lock)
	return err
}
