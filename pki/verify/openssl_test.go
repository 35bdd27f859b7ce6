package verify_test

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

	"github.com/pkitool/pkitool/pki/verify/internal/cases"
)

// outcome is what one run of `verify` said, openssl's or ours.
type outcome struct {
	Stdout, Stderr string
	Exit           int
}

// finding is one reported error: its X509_V_ERR number and the depth.
type finding struct{ Code, Depth int }

var errorLine = regexp.MustCompile(`(?m)^(?:\[CRL path\] )?error (\d+) at (\d+) depth lookup: `)

// findings are the reported errors in order, over all targets.
func (o outcome) findings() []finding {
	var list []finding
	for _, m := range errorLine.FindAllStringSubmatch(o.Stderr, -1) {
		code, _ := strconv.Atoi(m[1])
		depth, _ := strconv.Atoi(m[2])
		list = append(list, finding{code, depth})
	}
	return list
}

// queueLine is a line of openssl's error queue: thread, "error", code and text, which no other program can say.
var queueLine = regexp.MustCompile(`(?m)^[0-9A-F]+:error:.*\n`)

// openSSL is the path of the openssl that judges. Without one the test is skipped, aloud; where
// PKITOOL_REQUIRE_OPENSSL is set, as in CI, it fails.
func openSSL(tb testing.TB) string {
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

// openSSLVersion is as in "3.0.19".
func openSSLVersion(tb testing.TB) string {
	out, err := exec.Command(openSSL(tb), "version").Output()
	require.NoError(tb, err)
	words := strings.Fields(string(out))
	require.Greater(tb, len(words), 1)
	return words[1]
}

// judge runs `openssl verify` in dir. It never sees the system's own anchors.
func judge(path, dir string, args []string) (outcome, error) {
	cmd := exec.Command(path, append([]string{"verify"}, args...)...)
	cmd.Dir = dir
	nowhere := filepath.Join(dir, "nowhere")
	cmd.Env = []string{"SSL_CERT_FILE=" + nowhere, "SSL_CERT_DIR=" + nowhere, "OPENSSL_CONF=/dev/null", "LC_ALL=C"}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return outcome{}, err
	}
	if !cmd.ProcessState.Exited() {
		return outcome{}, fmt.Errorf("openssl: %s", cmd.ProcessState)
	}
	return outcome{stdout.String(), queueLine.ReplaceAllString(stderr.String(), ""), cmd.ProcessState.ExitCode()}, nil
}

// lay writes the files of a case.
func lay(dir string, c cases.Case) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range c.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
