//go:build unix

package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Nothing waits for the other end of a pipe that lies in a directory's place.
func TestPipeInTheDirectorysPlace(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	for name, do := range map[string]func() error{
		"lock":   func() error { _, err := Lock(context.Background(), pipe); return err },
		"settle": func() error { _, err := Settle(context.Background(), pipe); return err },
		"list":   func() error { _, err := List(pipe, 10); return err },
		"read":   func() error { _, err := ReadDir(pipe, 10); return err },
	} {
		done := make(chan error, 1)
		go func() { done <- do() }()
		select {
		case err := <-done:
			if name != "settle" { // for it there is nothing to be finished
				assert.ErrorContains(t, err, "not a directory", name)
			}
		case <-time.After(time.Minute):
			t.Fatal(name, " waits")
		}
	}
}
