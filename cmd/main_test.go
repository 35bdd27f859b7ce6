package cmd_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pkitool/pkitool/cmd"
)

// The tool of the scripts is this test binary. Only it knows these variables:
// the time of the run, as a duration after testNow, the user to be, and whether
// the program is made at testNow, so that it minds a clock before it.
const (
	timeEnv = "TEST_NOW"
	userEnv = "TEST_UID"
	newEnv  = "TEST_NEW"
)

var testNow = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	tools := children()
	tools["pkitool"] = func() { os.Exit(tool()) }
	testscript.Main(m, tools)
}

// tool is main with the clock of the tests. Whatever a script makes it do, a
// private key in its output fails the script.
func tool() int {
	now := testNow
	if v := os.Getenv(timeEnv); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			panic(err)
		}
		now = now.Add(d)
	}
	var built time.Time
	if os.Getenv(newEnv) != "" {
		built = testNow
	}
	becomeUser(os.Getenv(userEnv))
	var said bytes.Buffer
	code := cmd.Run(context.Background(), os.Args[1:], cmd.Env{
		Stdin: os.Stdin, Stdout: io.MultiWriter(os.Stdout, &said), Stderr: io.MultiWriter(os.Stderr, &said), Now: now, Built: built, LookupEnv: os.LookupEnv, Revision: "0123abc",
	})
	if os.Getenv("TEST_SECRET_EXPECTED") == "" && bytes.Contains(said.Bytes(), []byte("PRIVATE KEY-----")) {
		fmt.Fprintln(os.Stderr, "TEST: the output holds a private key")
		return 99
	}
	return code
}

// TestScripts runs what a user types: testdata/script/<command>_<topic>.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "../testdata/script",
		RequireUniqueNames: true,
		UpdateScripts:      os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			// Small, quick and the same on every machine; a script that is about
			// one of them unsets it.
			for _, kv := range [][2]string{
				{"PKITOOL_CERT_DIR", "pki"}, {"PKITOOL_KUBECONFIG_DIR", "."}, {"PKITOOL_KEY_ALGORITHM", "ECDSA-P256"},
				{"PKITOOL_NODE_NAME", "cp-1"}, {"PKITOOL_APISERVER_ADVERTISE_ADDRESS", "192.0.2.10"},
			} {
				e.Setenv(kv[0], kv[1])
			}
			// For scripts that run as somebody who is not root.
			return errors.Join(os.Chmod(filepath.Dir(e.WorkDir), 0o755), os.Chmod(e.WorkDir, 0o755))
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "mode": mode, "keep": keep, "same": same, "expand": expand, "openssl": openssl,
		},
	})
}

// exits CODE COMMAND ARGS... runs a command that must end with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, wanted %d", got, want)
	}
}

// mode OCTAL FILE... asserts permission bits.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mode OCTAL FILE...")
	}
	for _, f := range args[1:] {
		info, err := os.Stat(ts.MkAbs(f))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, wanted %s", f, got, args[0])
		}
	}
}

// keep notes every file below the working directory; same asserts that none of
// them differs since, in content, mode or time, and that none was added, but
// for those named.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: keep")
	}
	ts.Setenv("KEPT", strings.Join(everything(ts, nil), "\n"))
}

func same(ts *testscript.TestScript, neg bool, args []string) {
	before := strings.Split(ts.Getenv("KEPT"), "\n")
	before = slices.DeleteFunc(before, func(line string) bool {
		name, _, _ := strings.Cut(line, " ")
		return slices.Contains(args, name)
	})
	after := everything(ts, args)
	if equal := slices.Equal(before, after); equal == neg {
		ts.Fatalf("files were:\n%s\nand are:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

func everything(ts *testscript.TestScript, except []string) []string {
	root := ts.MkAbs(".")
	var out []string
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || rel == ".tmp" || slices.Contains(except, rel) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %v", rel, info.Mode())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d %x", info.ModTime().UnixNano(), sha256.Sum256(data))
		}
		out = append(out, line)
		return nil
	}))
	return out
}

// expand FILE... puts the values of variables into files, as $WORK.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: expand FILE...")
	}
	for _, f := range args {
		data := os.Expand(ts.ReadFile(f), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(f), []byte(data), 0o644))
	}
}

// openssl ARGS... runs the installed openssl; without one the script is
// skipped, and in CI it fails.
func openssl(ts *testscript.TestScript, neg bool, args []string) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			ts.Fatalf("CI needs openssl")
		}
		ts.Logf("SKIPPED: openssl is not installed, so this line is not tried")
		return
	}
	if err := ts.Exec("openssl", args...); (err != nil) != neg {
		ts.Fatalf("openssl %s: %v", strings.Join(args, " "), err)
	}
}
