package opensslcmd_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd"
	"github.com/pkitool/pkitool/cmd/internal/opensslcmd/internal/cases"
	"github.com/pkitool/pkitool/internal/openssltest"
)

// ours runs the same command line in this process. A process has only one working directory, so paths are made
// absolute first, and put back afterwards in what was said.
func ours(dir string, args []string) (o openssltest.Outcome) {
	defer func() {
		if r := recover(); r != nil {
			o = openssltest.Outcome{Stderr: fmt.Sprintf("PANIC: %v\n%s", r, debug.Stack()), Exit: 99}
		}
	}()
	absolute := slices.Clone(args)
	for i, a := range absolute {
		option, value, glued := strings.Cut(a, "=")
		if !glued || !strings.HasPrefix(a, "-") {
			option, value = "", a
		}
		info, err := os.Lstat(filepath.Join(dir, value))
		if value == "missing" || value == "missing.pem" || err == nil && (info.Mode().IsRegular() || value == "hashed") {
			value = filepath.Join(dir, value)
		}
		if absolute[i] = value; option != "" {
			absolute[i] = option + "=" + value
		}
	}
	var stdout, stderr bytes.Buffer
	code := opensslcmd.Run(context.Background(), opensslcmd.Env{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Now: time.Now()}, absolute)
	clean := func(b *bytes.Buffer) string { return strings.ReplaceAll(b.String(), dir+"/", "") }
	return openssltest.Outcome{Stdout: clean(&stdout), Stderr: clean(&stderr), Exit: code}
}

// difference says in which respect two outcomes differ, "" in none.
func difference(openssl, own openssltest.Outcome) string {
	switch {
	case openssl.Exit != own.Exit:
		return "exit status"
	case !slices.Equal(openssl.Findings(), own.Findings()):
		return "codes"
	case openssl.Stdout != own.Stdout:
		return "stdout"
	case openssl.Stderr != own.Stderr:
		return "stderr"
	}
	return ""
}

// TestDifferentialAgainstOpenSSL generates cases and lets openssl and this program answer each. A quick sample
// is the default; PKITOOL_DIFF_CASES asks for more, PKITOOL_DIFF_SEED for others, PKITOOL_DIFF_CASE
// one case of it, PKITOOL_DIFF_CLASS keeps to one class, and PKITOOL_DIFF_DUMP names a directory that keeps the files of cases that differ.
func TestDifferentialAgainstOpenSSL(t *testing.T) {
	path, version := openssltest.Path(t), openssltest.Version(t)
	if !strings.HasPrefix(version, "3.0.") {
		t.Skipf("OPENSSL %s IS NOT OF THE 3.0 LINE: nothing was compared with it", version)
	}
	count, seed := envNumber(t, "PKITOOL_DIFF_CASES", 300), envNumber(t, "PKITOOL_DIFF_SEED", 1)
	numbers := make([]int, count)
	for i := range numbers {
		numbers[i] = i
	}
	if one := envNumber(t, "PKITOOL_DIFF_CASE", -1); one >= 0 {
		numbers = []int{one}
	}
	t.Logf("openssl %s, %d cases of seed %d", version, len(numbers), seed)
	tally := compare(t, path, uint64(seed), numbers)
	t.Logf("%d agree, %d differ, %d are exceptions; exit 0: %d, 1: %d, 2: %d", tally.agree, len(tally.differ), tally.excepted, tally.exits[0], tally.exits[1], tally.exits[2])
	for i, d := range tally.differ {
		if i == 20 && os.Getenv("PKITOOL_DIFF_DUMP") == "" {
			t.Errorf("and %d more", len(tally.differ)-i)
			break
		}
		t.Error(d)
	}
	if len(numbers) >= 300 {
		assert.Greater(t, tally.exits[0], len(numbers)/10, "hardly any case is good: the generator makes only garbage")
		assert.Greater(t, tally.exits[2], len(numbers)/10, "hardly any case is bad")
	}
}

func envNumber(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

type tally struct {
	agree, excepted int
	exits           [3]int
	differ          []string
}

func compare(t *testing.T, path string, seed uint64, numbers []int) tally {
	var sum tally
	var mu sync.Mutex
	var running sync.WaitGroup
	root, work := t.TempDir(), make(chan int)
	for range max(2, runtime.GOMAXPROCS(0)) {
		running.Go(func() {
			for n := range work {
				c := cases.Generate(seed, n)
				if class := os.Getenv("PKITOOL_DIFF_CLASS"); class != "" {
					c = cases.GenerateOf(class, seed, n)
				}
				dir := filepath.Join(root, strconv.Itoa(n))
				theirs, own, err := both(path, dir, c)
				mu.Lock()
				switch {
				case err != nil:
					sum.differ = append(sum.differ, fmt.Sprintf("%s: %v", c, err))
				case difference(theirs, own) == "":
					sum.agree++
				case excused(path, dir, c, theirs, own):
					sum.excepted++
				default:
					sum.differ = append(sum.differ, describe(c, theirs, own))
				}
				if err == nil && theirs.Exit < len(sum.exits) {
					sum.exits[theirs.Exit]++
				}
				mu.Unlock()
				_ = os.RemoveAll(dir)
			}
		})
	}
	for _, n := range numbers {
		work <- n
	}
	close(work)
	running.Wait()
	slices.Sort(sum.differ)
	return sum
}

func both(path, dir string, c cases.Case) (theirs, own openssltest.Outcome, err error) {
	if err := lay(dir, c); err != nil {
		return theirs, own, err
	}
	if theirs, err = openssltest.Verify(path, dir, c.Args); err != nil {
		return theirs, own, err
	}
	own = ours(dir, c.Args)
	if dump := os.Getenv("PKITOOL_DIFF_DUMP"); dump != "" && difference(theirs, own) != "" {
		err = lay(filepath.Join(dump, fmt.Sprintf("%s-%d-%d", c.Class, c.Seed, c.Number)), c)
	}
	return theirs, own, err
}

// describe is a case that differs, compactly, with the command that repeats it.
func describe(c cases.Case, theirs, own openssltest.Outcome) string {
	return fmt.Sprintf("%s: %s differ\n  openssl: exit %d %v\n%s  ours: exit %d %v\n%s  repeat: PKITOOL_DIFF_SEED=%d PKITOOL_DIFF_CASE=%d PKITOOL_DIFF_DUMP=DIR go test -run TestDifferential ./cmd/internal/opensslcmd",
		c, difference(theirs, own), theirs.Exit, theirs.Findings(), indent(theirs), own.Exit, own.Findings(), indent(own), c.Seed, c.Number)
}

func indent(o openssltest.Outcome) string {
	var out strings.Builder
	for line := range strings.Lines(o.Stdout + o.Stderr) {
		fmt.Fprintf(&out, "    %q\n", strings.TrimSuffix(line, "\n"))
	}
	return out.String()
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
