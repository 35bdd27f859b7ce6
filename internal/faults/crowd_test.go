//go:build linux && amd64

package faults_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// errand is what one process of a crowd does. I in it is the number of the process.
type errand struct {
	args string
	code int // 0, or that of a refusal
	says string
}

var errands = []errand{
	{args: "init"},
	{args: "certs renew apiserver"},
	{args: "kubeconfig user --cn userI --out userI.conf"},
	{args: "certs renew all --no-backup"},
	{args: "certs check-expiration"},
	{args: "kubeconfig user --cn sharedI --merge-into shared.conf"},
	{args: "certs import foreign.pem", code: 2, says: "error: foreign.pem: no row has the key of this certificate"},
	{args: "certs renew etcd-peer admin.conf"},
	{args: "certs issue --client --cn issuedI --out issuedI"},
	{args: "certs generate-csr scheduler.conf"},
}

// What is judged beside the processes.
const rowReader, rowEnd = "a reader of pairs", "the directory at the end"

// TestCrowd lets 2 to 64 processes of mixed commands work in one directory, with a reader beside them: each ends well
// or is refused for what it asks, nobody's work is lost, and the reader never sees half of anything.
func TestCrowd(t *testing.T) {
	h := newHouse(t)
	base := h.after(t, world{}, append(words("init"), words(names)...))
	base = base.with(world{"shared.conf": {0o600, mine}, "foreign.pem": text(block("CERTIFICATE", newAuthority(t, "foreign").cert.Raw))})
	sizes, rounds := []int{10}, 1
	if _, asked := sample(t); asked {
		sizes, rounds = []int{2, 4, 8, 16, 32, 64}, 5
	}
	r := newResult()
	rows, columns := []string{}, []string{}
	for _, e := range errands {
		rows = append(rows, e.args)
	}
	for _, n := range sizes {
		columns = append(columns, fmt.Sprintf("%d processes", n))
		for range rounds {
			h.crowd(t, base, n, r)
		}
	}
	r.order(append(rows, rowReader, rowEnd), columns)
	r.judge(t, "crowd")
}

func (h *house) crowd(t *testing.T, base world, n int, r *result) {
	t.Helper()
	dir := h.room(t)
	defer os.RemoveAll(dir)
	require.NoError(t, base.put(dir))
	kind := fmt.Sprintf("%d processes", n)
	look := &reader{dir: dir, good: map[string]bool{}}
	over := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		look.watch(base, over)
	}()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			e := errands[i%len(errands)]
			args := words(strings.ReplaceAll(e.args, "I", fmt.Sprint(i)))
			o := h.plain(h.bin, dir, args...)
			var found []damage
			if o.Code != e.code || e.says != "" && !strings.Contains(o.Stderr, e.says) || strings.Contains(o.Stderr, "goroutine ") {
				found = append(found, damage{lawExit, fmt.Sprintf("%s: %v: exit %d: %s", kind, args, o.Code, o.Stderr)})
			}
			r.count(e.args, kind, found)
		})
	}
	wg.Wait()
	close(over)
	<-watched
	r.add(rowReader, kind, int(look.pairs.Load()), len(look.found), look.found)
	t.Logf("%s: the reader read %d pairs; of %d the certificate was replaced before the key was read, %d times a file was missing for the moment",
		kind, look.pairs.Load(), look.moved.Load(), look.missing.Load())
	assert.Positive(t, look.pairs.Load())
	r.count(rowEnd, kind, h.settled(t, dir, base, n))
}

// settled judges the directory when all have gone.
func (h *house) settled(t *testing.T, dir string, base world, n int) []damage {
	t.Helper()
	now, err := take(dir)
	require.NoError(t, err)
	// Each process's files and each row's are there, and say what they said.
	s := &scene{start: world{}, clean: base, says: map[string]string{}}
	j := &judgement{scene: s}
	for p, f := range base {
		says, err := describe(p, f)
		got, gotErr := describe(p, now[p])
		switch {
		case errors.Join(err, gotErr) != nil:
			j.add(lawTorn, "%s: %v", p, gotErr)
		case p == "shared.conf":
			for i := range n {
				if e := errands[i%len(errands)]; strings.Contains(e.args, "shared") && !strings.Contains(got, fmt.Sprintf("shared%d", i)) {
					j.add(lawAgain, "shared%d is lost from shared.conf", i)
				}
			}
		case got != says:
			j.add(lawNeither, "%s: %s, was %s", p, got, says)
		}
	}
	for i := range n {
		for _, word := range words(strings.ReplaceAll(errands[i%len(errands)].args, "I", fmt.Sprint(i))) {
			if _, ok := now[word]; !ok && strings.HasPrefix(word, "user") && strings.HasSuffix(word, ".conf") {
				j.add(lawAgain, "%s is lost", word)
			}
		}
	}
	for p := range now {
		if isStaged(p) {
			j.add(lawLeft, "%s", p)
		}
	}
	j.pairs(now.without(now.paths(func(p string) bool { return strings.HasSuffix(p, ".csr") })...))
	if o := h.plain(h.bin, dir, "init"); o.Code != 0 || !strings.Contains(o.Stdout, "nothing changed") {
		j.add(lawAgain, "init at the end: exit %d: %s%s", o.Code, o.Stdout, o.Stderr)
	}
	return j.found
}

// reader reads pairs as a server does that takes up new ones, without a lock.
type reader struct {
	dir                   string
	pairs, moved, missing atomic.Int64
	good                  map[string]bool // what was judged already: the reader has to be fast to see an instant
	found                 []damage
}

func (r *reader) watch(base world, over <-chan struct{}) {
	keys := base.paths(func(p string) bool {
		return strings.HasSuffix(p, ".key") && base[strings.TrimSuffix(p, ".key")+".crt"].data != ""
	})
	confs := base.paths(func(p string) bool { return strings.HasSuffix(p, ".conf") })
	for {
		for _, p := range keys {
			r.pair(p)
		}
		for _, p := range confs {
			data, err := os.ReadFile(filepath.Join(r.dir, p))
			if err == nil && !r.good[string(data)] {
				_, err = describeConf(file{data: string(data)})
				r.good[string(data)] = err == nil
			}
			if err != nil {
				r.found = append(r.found, damage{lawTorn, fmt.Sprintf("the reader sees %s: %v", p, err)})
			}
		}
		select {
		case <-over:
			return
		default:
		}
	}
}

// pair reads the certificate, the key, and the certificate again: if it is the same one, then it was beside that key.
func (r *reader) pair(p string) {
	key, crt := filepath.Join(r.dir, p), filepath.Join(r.dir, strings.TrimSuffix(p, ".key")+".crt")
	first, err1 := os.ReadFile(crt)
	private, err2 := os.ReadFile(key)
	second, err3 := os.ReadFile(crt)
	switch err := errors.Join(err1, err2, err3); {
	case errors.Is(err, fs.ErrNotExist):
		r.missing.Add(1)
		return
	case err != nil:
		r.found = append(r.found, damage{lawTorn, err.Error()})
		return
	}
	r.pairs.Add(1)
	if string(first) != string(second) {
		r.moved.Add(1)
		return
	}
	both := string(first) + string(private)
	if r.good[both] {
		return
	}
	err := matchPair(file{data: string(first)}, file{data: string(private)})
	r.good[both] = err == nil
	if err != nil {
		r.found = append(r.found, damage{lawPair, fmt.Sprintf("the reader sees %s: %v", p, err)})
	}
}

// holder, in the environment of this test's own program, makes it a process that only holds a lock.
const holder = "FAULTS_TEST_HOLDS"

// hold takes the lock of a directory as pkitool does, says so, and waits to be killed.
func hold(dir string) int {
	fd, err := unix.Open(filepath.Join(dir, lockFile), unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err == nil {
		err = unix.Flock(fd, unix.LOCK_EX)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("held")
	select {}
}

// TestLockHeld: who waits for a lock that a stopped process holds changes nothing, and goes on when the process is dead.
func TestLockHeld(t *testing.T) {
	h := newHouse(t)
	base := h.after(t, world{}, words("init"))
	dir := h.room(t)
	require.NoError(t, base.put(dir))
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = []string{holder + "=" + filepath.Join(dir, "pki")}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said := make([]byte, 5)
	_, err = out.Read(said)
	require.NoError(t, err)
	require.Equal(t, "held\n", string(said))
	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))
	done := make(chan outcome, 1)
	go func() { done <- h.plain(h.bin, dir, words("certs renew all")...) }()
	select {
	case o := <-done:
		t.Errorf("the lock was not waited for: exit %d: %s%s", o.Code, o.Stdout, o.Stderr)
	case <-time.After(time.Second): // on a slow machine it has not come to the lock yet, and that is good as well
	}
	now, err := take(dir)
	require.NoError(t, err)
	now = now.without(now.paths(func(p string) bool { return filepath.Base(p) == lockFile })...)
	assert.True(t, now.same(base), "something changed while the lock was held")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	o := <-done
	assert.Zero(t, o.Code, o.Stderr)
	now, err = take(dir)
	require.NoError(t, err)
	assert.NotEqual(t, base["pki/apiserver.crt"], now["pki/apiserver.crt"])
	assert.NotEmpty(t, now["pki/apiserver.crt"].data)
}

// noLocks: on a file system without locks who made the lock file holds the lock, and a command works as elsewhere.
func (h *house) noLocks(t *testing.T, s *scene) {
	t.Helper()
	j := &judgement{scene: s}
	o, now := h.once(t, trial{s, kind{name: "no locks", errno: syscall.ENOTSUP, lasts: true, only: func(c call) bool { return c.Name == "flock" }}, 1})
	require.NotNil(t, o.Fault, "nothing was locked")
	assert.Zero(t, o.Code, o.Stderr)
	j.always(now)
	j.complete(lawAgain, now)
	j.nothingLeft(now, nil)
	assert.Empty(t, j.found)
}

// once plays a trial and judges nothing.
func (h *house) once(t *testing.T, one trial) (outcome, world) {
	t.Helper()
	dir := h.room(t)
	require.NoError(t, one.scene.prepare(dir))
	o, err := one.scene.in(dir, one.kind, one.at).trace()
	require.NoError(t, err)
	now, err := take(dir)
	require.NoError(t, err)
	return o, now
}
