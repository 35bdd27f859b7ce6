package cmd_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pkitool/pkitool/cmd"
)

// TestTreeOnTerminal: the picture is as wide as the terminal, and has colours there only.
func TestTreeOnTerminal(t *testing.T) {
	dir := t.TempDir()
	good(t, runAt(testNow, nil, append([]string{"init", "-q", "--key-algorithm", "ECDSA-P256"}, here(dir)...)...))
	args := []string{"certs", "tree", dir}
	for _, tt := range []struct {
		name    string
		columns uint16
		env     map[string]string
		args    []string
		colored bool
		width   int
	}{
		{"as it is", 67, nil, nil, true, 67},
		{"wider than 100", 140, nil, nil, true, 140},
		{"no size", 0, nil, nil, true, 100},
		{"narrower than a picture", 12, nil, nil, true, 40},
		{"COLUMNS", 67, map[string]string{"COLUMNS": "90"}, nil, true, 90},
		{"COLUMNS that is none", 67, map[string]string{"COLUMNS": "many"}, nil, true, 67},
		{"--width", 67, map[string]string{"COLUMNS": "90"}, []string{"--width", "120"}, true, 120},
		{"NO_COLOR", 67, map[string]string{"NO_COLOR": "1"}, nil, false, 67},
		{"an empty NO_COLOR", 67, map[string]string{"NO_COLOR": ""}, nil, true, 67},
		{"a dumb terminal", 67, map[string]string{"TERM": "dumb"}, nil, false, 67},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := map[string]string{"LANG": "C.UTF-8", "TERM": "xterm"}
			maps.Copy(env, tt.env)
			got := onTerminal(t, tt.columns, env, append(args, tt.args...)...)
			assert.Equal(t, tt.colored, strings.Contains(got, "\x1b[1m"), got)
			want := good(t, runAt(testNow, map[string]string{"LANG": "C.UTF-8"}, append(args, "--width", fmt.Sprint(tt.width))...)).stdout
			assert.NotContains(t, want, "\x1b")
			for _, sgr := range []string{"0", "1", "2", "32"} {
				got = strings.ReplaceAll(got, "\x1b["+sgr+"m", "")
			}
			assert.Equal(t, want, got)
		})
	}
	for _, format := range []string{"json", "yaml", "mermaid", "dot"} {
		assert.NotContains(t, onTerminal(t, 80, nil, append(args, "-o", format)...), "\x1b", format)
	}
}

// onTerminal is what a terminal of so many columns gets from a run.
func onTerminal(t *testing.T, columns uint16, env map[string]string, args ...string) string {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("SKIPPED: no terminal can be made here: %v", err)
	}
	defer screen.Close()
	require.NoError(t, unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetUint32(int(screen.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	read := make(chan []byte)
	go func() {
		var all bytes.Buffer
		_, _ = all.ReadFrom(screen) // ends with an error when the terminal is closed
		read <- all.Bytes()
	}()
	var stderr bytes.Buffer
	code := cmd.Run(t.Context(), args, cmd.Env{Stdin: bytes.NewReader(nil), Stdout: terminal, Stderr: &stderr, Now: testNow,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}) // closes the terminal
	require.Zero(t, code, stderr.String())
	return strings.ReplaceAll(string(<-read), "\r\n", "\n")
}
