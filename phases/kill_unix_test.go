//go:build unix

package phases_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
)

// A test that needs processes of its own runs this binary again with childDir set.
const childDir, childReissue = "PHASES_TEST_DIR", "PHASES_TEST_REISSUE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// child runs Init under no umask at all, and prints the report.
func child(dir string) int {
	syscall.Umask(0)
	tree, err := certs.New(cluster())
	if err != nil {
		panic(err)
	}
	o := at(now)
	o.Reissue = os.Getenv(childReissue) != ""
	fmt.Println("ready")
	r, err := phases.Init(context.Background(), tree, siteIn(dir), nil, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return 1
	}
	return 0
}

// process is a child that has told that it is about to begin.
type process struct {
	cmd *exec.Cmd
	out *bufio.Reader
}

func (w *world) start(reissue bool) process {
	w.t.Helper()
	exe, err := os.Executable()
	require.NoError(w.t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childDir+"="+w.dir)
	if reissue {
		cmd.Env = append(cmd.Env, childReissue+"=1")
	}
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	require.NoError(w.t, err)
	require.NoError(w.t, cmd.Start())
	p := process{cmd: cmd, out: bufio.NewReader(pipe)}
	line, err := p.out.ReadString('\n')
	require.NoError(w.t, err)
	require.Equal(w.t, "ready\n", line)
	return p
}

func (p process) report(t testing.TB) (r phases.Report) {
	t.Helper()
	data, err := io.ReadAll(p.out)
	require.NoError(t, err)
	require.NoError(t, p.cmd.Wait())
	var said struct {
		Changed bool
		Rows    []struct{ Name, SHA256 string }
	}
	require.NoError(t, json.Unmarshal(data, &said))
	r.Changed = said.Changed
	for _, row := range said.Rows {
		r.Rows = append(r.Rows, phases.Row{Name: row.Name, SHA256: row.SHA256})
	}
	return r
}

// TestKilled kills a run with SIGKILL at a random moment, in an empty directory
// and in one whose leaves are being renewed. Whatever it leaves, no key can be
// read by others, and the next run finishes.
func TestKilled(t *testing.T) {
	for _, sc := range scenes()[:2] {
		t.Run(sc.name, func(t *testing.T) {
			w := empty(t)
			sc.plant(w)
			begin := time.Now()
			w.start(sc.o.Reissue).report(t)
			usual := time.Since(begin)
			died := 0
			for round := range time.Duration(5) {
				w := empty(t)
				sc.plant(w)
				p := w.start(sc.o.Reissue)
				time.Sleep(round * rand.N(usual) / 3) // the first is killed at once: it cannot be over, however slow we are
				require.NoError(t, p.cmd.Process.Kill())
				if err := p.cmd.Wait(); err != nil {
					died++
				}
				for path, s := range w.snapshot() {
					if len(s.data) > 0 && s.mode&0o077 != 0 {
						assert.NotContains(t, s.data, "PRIVATE KEY", "%s has mode %v", path, s.mode)
					}
				}
				w.finishes()
			}
			assert.Positive(t, died, "every run was over before it was killed")
		})
	}
}

// TestAtOnce starts eight runs on one empty directory, half of them processes
// and half goroutines: all end well, one of them has made everything, and all
// report the same certificates.
func TestAtOnce(t *testing.T) {
	w := empty(t)
	var processes []process
	for range 4 {
		processes = append(processes, w.start(false))
	}
	reports := make([]phases.Report, 8)
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { reports[4+i], errs[i] = phases.Init(context.Background(), w.tree, w.site, nil, at(now)) })
	}
	for i, p := range processes {
		reports[i] = p.report(t)
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	made := 0
	for _, r := range reports {
		if r.Changed {
			made++
		}
		for i, row := range r.Rows {
			assert.Equal(t, reports[0].Rows[i].SHA256, row.SHA256, row.Name)
			assert.NotEmpty(t, row.SHA256, row.Name)
		}
	}
	assert.Equal(t, 1, made)
	w.tidy()
	w.settled()
}

// Sixteen runs at once that each make one row or two end with one PKI as well.
func TestRowsAtOnce(t *testing.T) {
	w := empty(t)
	_, err := w.init(at(now), "ca", "front-proxy-ca", "etcd-ca")
	require.NoError(t, err)
	var wg sync.WaitGroup
	errs := make([]error, 16)
	rows := slices.Collect(w.tree.Rows())
	for i := range errs {
		wg.Go(func() {
			chosen := judge.Selection{rows[i%16].ID: true, rows[(i+5)%16].ID: true}
			_, errs[i] = phases.Init(context.Background(), w.tree, w.site, chosen, at(now))
		})
	}
	wg.Wait()
	for i, err := range errs {
		assert.NoError(t, err, i)
	}
	w.tidy()
	w.settled()
}
