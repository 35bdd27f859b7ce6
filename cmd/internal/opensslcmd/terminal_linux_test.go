package opensslcmd_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd"
)

// Whoever names no file and sits at a terminal is told what is waited for; what is typed there is verified.
func TestVerifyReadsTerminal(t *testing.T) {
	ca, targets := fleet(t, t.TempDir(), 1, algorithms[0].newKey)
	typed, err := os.ReadFile(targets[0])
	require.NoError(t, err)
	const notice = "verify: no file is named: reading a certificate from the terminal, to its end (Ctrl-D)\n"
	for _, tt := range []struct {
		name, typed, stdout, stderr string
		code                        int
	}{
		{"a certificate", string(typed), "stdin: OK\n", notice, 0},
		{"nothing", "", "", notice + "Could not read certificate file from <stdin>\nUnable to load certificate file\n", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keyboard, terminal := newTerminal(t)
			_, err := keyboard.WriteString(tt.typed + "\x04")
			require.NoError(t, err)
			var stdout, stderr bytes.Buffer
			code := opensslcmd.Run(t.Context(), opensslcmd.Env{Stdin: terminal, Stdout: &stdout, Stderr: &stderr, Now: time.Now()}, []string{"-CAfile", ca})
			assert.Equal(t, tt.code, code)
			assert.Equal(t, tt.stdout, stdout.String())
			assert.Equal(t, tt.stderr, stderr.String())
		})
	}
}

func newTerminal(t *testing.T) (keyboard, terminal *os.File) {
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("SKIPPED: no terminal can be made here: %v", err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetUint32(int(keyboard.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = terminal.Close() })
	return keyboard, terminal
}
