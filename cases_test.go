package pkitool_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCases runs public reports as scripts: each says in its README what was reported and what is right. The folder
// lies beside the project and not in it; PKITOOL_CASES names it.
func TestCases(t *testing.T) {
	dir := os.Getenv("PKITOOL_CASES")
	if dir == "" {
		t.Skip("PKITOOL_CASES names no folder of cases: they are not run")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the cases are shell scripts for Linux")
	}
	scripts, err := filepath.Glob(filepath.Join(dir, "*", "run.sh"))
	require.NoError(t, err)
	require.NotEmpty(t, scripts, "no case in %s", dir)
	tool := filepath.Join(t.TempDir(), "pkitool")
	out, err := exec.Command("go", "build", "-o", tool, "./cmd/pkitool").CombinedOutput()
	require.NoError(t, err, string(out))
	for _, script := range scripts {
		t.Run(filepath.Base(filepath.Dir(script)), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), script)
			cmd.Env = append(os.Environ(), "PKITOOL="+tool)
			out, err := cmd.CombinedOutput()
			assert.NoError(t, err, string(out))
		})
	}
}
