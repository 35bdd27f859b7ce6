// Package openssltest asks the installed openssl, for tests: it is the judge of what pki/verify says.
package openssltest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Outcome is what one run of `verify` said, openssl's or ours.
type Outcome struct {
	Stdout, Stderr string
	Exit           int
}

// Finding is one reported error: its X509_V_ERR number and the depth.
type Finding struct{ Code, Depth int }

var errorLine = regexp.MustCompile(`(?m)^(?:\[CRL path\] )?error (\d+) at (\d+) depth lookup: `)

// Findings are the reported errors in order, over all targets.
func (o Outcome) Findings() []Finding {
	var list []Finding
	for _, m := range errorLine.FindAllStringSubmatch(o.Stderr, -1) {
		code, _ := strconv.Atoi(m[1])
		depth, _ := strconv.Atoi(m[2])
		list = append(list, Finding{code, depth})
	}
	return list
}

// queueLine is a line of openssl's error queue: thread, "error", code and text, which no other program can say.
var queueLine = regexp.MustCompile(`(?m)^[0-9A-F]+:error:.*\n`)

// Path is the path of the openssl that judges. Without one the test is skipped, aloud; where
// PKITOOL_REQUIRE_OPENSSL is set, as in CI, it fails.
func Path(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("openssl")
	if err == nil {
		return path
	}
	if os.Getenv("PKITOOL_REQUIRE_OPENSSL") != "" {
		tb.Fatal("openssl is required here and not installed")
	}
	tb.Skip("OPENSSL IS NOT INSTALLED: nothing was compared with it")
	return ""
}

// Version is as in "3.0.19".
func Version(tb testing.TB) string {
	tb.Helper()
	out, err := exec.Command(Path(tb), "version").Output()
	require.NoError(tb, err)
	words := strings.Fields(string(out))
	require.Greater(tb, len(words), 1)
	return words[1]
}

// Verify runs `openssl verify` in dir. It never sees the system's own anchors.
func Verify(path, dir string, args []string) (Outcome, error) {
	cmd := exec.Command(path, append([]string{"verify"}, args...)...)
	cmd.Dir = dir
	nowhere := filepath.Join(dir, "nowhere")
	cmd.Env = []string{"SSL_CERT_FILE=" + nowhere, "SSL_CERT_DIR=" + nowhere, "OPENSSL_CONF=/dev/null", "LC_ALL=C"}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return Outcome{}, err
	}
	if !cmd.ProcessState.Exited() {
		return Outcome{}, fmt.Errorf("openssl: %s", cmd.ProcessState)
	}
	return Outcome{stdout.String(), queueLine.ReplaceAllString(stderr.String(), ""), cmd.ProcessState.ExitCode()}, nil
}
