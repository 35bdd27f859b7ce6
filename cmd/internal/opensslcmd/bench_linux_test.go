package opensslcmd_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// peakMiB runs a command and returns the most memory that it had, in MiB. What the kernel tells of an ended process
// counts the memory of the one that started it, so the living one is asked, again and again.
func peakMiB(tb testing.TB, c *exec.Cmd) float64 {
	require.NoError(tb, c.Start())
	status := fmt.Sprintf("/proc/%d/status", c.Process.Pid)
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	peak := 0
	for {
		select {
		case err := <-ended:
			require.NoError(tb, err)
			return float64(peak) / 1024
		case <-time.After(200 * time.Microsecond):
			data, _ := os.ReadFile(status)
			if i := bytes.Index(data, []byte("VmHWM:")); i >= 0 && bytes.Contains(data, []byte("Name:\tpkitool\n")) {
				kib := 0
				_, _ = fmt.Sscanf(string(data[i:]), "VmHWM: %d kB", &kib)
				peak = max(peak, kib)
			}
		}
	}
}
