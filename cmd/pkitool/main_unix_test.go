//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A child with the first in its environment is the program, one with the second any process that writes to a pipe.
const (
	childEnv = "PKITOOL_MAIN_TEST_CHILD"
	otherEnv = "PKITOOL_MAIN_TEST_OTHER"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		main()
	}
	if os.Getenv(otherEnv) != "" {
		_, _ = os.Stdout.Write(make([]byte, 1<<16))
	}
	os.Exit(m.Run())
}

// A run that waits for input which never comes ends when it is told to: a person at a terminal and a CI job that runs
// out of time have no other way.
func TestInterruptedWhileReading(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	for _, tt := range []struct {
		name   string
		signal os.Signal
		args   func(pipe string) []string
	}{
		{"show", os.Interrupt, func(pipe string) []string { return []string{"certs", "show", pipe} }},
		{"config", syscall.SIGTERM, func(pipe string) []string { return []string{"config", "validate", pipe} }},
		{"verify", os.Interrupt, func(pipe string) []string { return []string{"verify", pipe} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pipe := filepath.Join(t.TempDir(), "pipe")
			require.NoError(t, syscall.Mkfifo(pipe, 0o600))
			c := exec.Command(exe, tt.args(pipe)...)
			c.Env = append(os.Environ(), childEnv+"=1")
			var said bytes.Buffer
			c.Stderr = &said
			require.NoError(t, c.Start())
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			// This waits until the other end is open: from then on the child is reading.
			w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
			require.NoError(t, err)
			defer w.Close()
			require.NoError(t, c.Process.Signal(tt.signal))
			select {
			case <-ended:
				assert.Equal(t, 2, c.ProcessState.ExitCode())
				assert.Equal(t, "error: interrupted\n", said.String())
			case <-time.After(30 * time.Second):
				_ = c.Process.Kill()
				t.Fatal("still reading 30 s after it was told to end")
			}
		})
	}
}
