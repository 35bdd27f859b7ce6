package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUp does what a person does with make e2e-up: read the KUBECONFIG line, use it, press Ctrl-C.
func TestUp(t *testing.T) {
	t.Parallel()
	program, temp := filepath.Join(newDir(t), "up"), newDir(t)
	build := exec.Command("go", "build", "-o", program, "./up")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	cmd := exec.Command(program, "--key-algorithm", "ECDSA-P256")
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	var talk strings.Builder
	cmd.Stderr = &talk
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	runtime.LockOSThread() // it ends when this thread does: with us, if we are killed
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	require.NoError(t, cmd.Start())
	defer func() { // a test that fails leaves no control plane running
		if cmd.Process.Kill() == nil {
			_ = cmd.Wait()
		}
	}()
	stop := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()

	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, &talk)
	kubeconfig, found := strings.CutPrefix(strings.TrimSpace(line), "export KUBECONFIG=")
	require.True(t, found, line)
	_, err = runTool(suite.tools.Path("kubectl"), "--kubeconfig", kubeconfig, "create", "namespace", "mine")
	assert.NoError(t, err)

	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	assert.NoError(t, cmd.Wait(), &talk)
	_, err = runTool(suite.tools.Path("kubectl"), "--kubeconfig", kubeconfig, "get", "namespaces")
	assert.Error(t, err, "the kubeconfig is gone with the control plane")
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	assert.Empty(t, left, "left behind in the temp folder")
}
