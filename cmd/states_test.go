//go:build unix

package cmd_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd"
)

// The campaign runs in processes of its own: one as root, and one as somebody who may not read everything. Each is told
// by these variables how many states, in which directory, as whom, and where to note what it is about to do.
const (
	statesEnv    = "TEST_STATES"
	statesDirEnv = "TEST_STATES_DIR"
)

// statesBound is generous: a command that takes longer waits for something that never comes.
const statesBound = 2 * time.Minute

// No input and no state of a directory makes a command panic, hang, leak a key, leave half of something, or end without a
// word: random states, each met by random commands. PKITOOL_STATES says how many states (default: a sample of the same
// ones every time); each meets statesCommands commands.
func TestStates(t *testing.T) {
	n := 60
	if v := os.Getenv("PKITOOL_STATES"); v != "" {
		var err error
		n, err = strconv.Atoi(v)
		require.NoError(t, err)
	}
	users := []string{""}
	if os.Getuid() == 0 {
		users = append(users, "65534")
	} else {
		t.Log("not root: what root may read that others may not is not tried")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	base := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(base), 0o755))
	require.NoError(t, os.Chmod(base, 0o755))
	var all sync.WaitGroup
	for i, user := range users {
		dir := filepath.Join(base, "as-"+user)
		require.NoError(t, os.Mkdir(dir, 0o777))
		require.NoError(t, os.Chmod(dir, 0o777))
		share := fmt.Sprintf("%d %d %d", i, n, len(users))
		all.Go(func() {
			c := &exec.Cmd{Path: self, Args: []string{"states"}, Dir: dir, Env: append(os.Environ(), statesEnv+"="+share, statesDirEnv+"="+dir, userEnv+"="+user)}
			out, err := c.CombinedOutput()
			note, _ := os.ReadFile(filepath.Join(dir, "note"))
			assert.NoError(t, err, "%s\nat: %s", out, note)
			t.Logf("%s", bytes.TrimSpace(out))
		})
	}
	all.Wait()
}

// Every command has a part in the campaign.
func TestStatesCommands(t *testing.T) {
	all := cmd.Commands()
	require.Greater(t, len(all), 30)
	for _, c := range all {
		assert.NotNil(t, orderOf(c), "%s: how is it called?", c)
	}
	for name := range orders {
		assert.True(t, slices.ContainsFunc(all, func(c string) bool { return c == name || strings.HasPrefix(c, name+"/") }), "%s: there is no such command", name)
	}
}

// statesChild is one process of the campaign.
func statesChild() int {
	var first, n, step int
	if _, err := fmt.Sscan(os.Getenv(statesEnv), &first, &n, &step); err != nil {
		panic(err)
	}
	becomeUser(os.Getenv(userEnv))
	debug.SetTraceback("all")
	base := os.Getenv(statesDirEnv)
	m := newMaterial(filepath.Join(base, "material"))
	k := &campaign{base: base, m: m, secrets: secretLines(m)}
	for i := first; i < n; i += step {
		k.state(uint64(i))
	}
	fmt.Printf("%d states, %d commands as uid %d: %d faults; exit codes %v\n", k.states, k.commands, os.Getuid(), k.faults, k.codes)
	if k.faults > 0 {
		return 1
	}
	return 0
}

// campaign runs commands on states, and holds each run to the laws.
type campaign struct {
	base    string
	m       *material
	secrets [][]byte

	states, commands, faults int
	codes                    [3]int
	at                       string // what is being done
}

const statesCommands = 12

// state makes a state and lets commands meet it: the seed decides all. A command that may write meets it as it was made.
func (k *campaign) state(seed uint64) {
	k.states++
	r := mrand.New(mrand.NewPCG(seed, 0))
	dir := filepath.Join(k.base, "s")
	fresh := func() string {
		clear(dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			panic(err)
		}
		return strings.Join(k.m.build(mrand.New(mrand.NewPCG(seed, 1)), dir), "; ")
	}
	said := fresh()
	touched := false
	for range statesCommands {
		if touched {
			fresh()
		}
		o := pick(r, orderNames())
		call := orderOf(o)(&site{r: r, dir: dir, request: k.m.request, command: strings.Split(o, "/")})
		now := testNow
		if r.IntN(8) == 0 {
			now = pick(r, []time.Time{time.Unix(0, 0), testNow.AddDate(0, 0, -1), testNow.AddDate(2, 0, 0), testNow.AddDate(20, 0, 0), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)})
		}
		k.at = fmt.Sprintf("seed %d [%s] at %s: pkitool %q", seed, said, now.Format(time.DateOnly), call.args)
		if err := os.WriteFile(filepath.Join(k.base, "note"), []byte(k.at), 0o644); err != nil {
			panic(err)
		}
		touched = k.run(dir, now, call)
	}
	clear(dir)
}

// clear removes a state, whatever modes its directories have.
func clear(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && err == nil {
			return os.Chmod(path, 0o700)
		}
		return nil
	})
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
}

func (k *campaign) fault(format string, args ...any) {
	k.faults++
	if k.faults <= 20 {
		fmt.Printf("FAULT %s\n  at %s\n", fmt.Sprintf(format, args...), k.at)
	}
}

// run runs one command and holds it to the laws; changed says that it changed something.
func (k *campaign) run(dir string, now time.Time, c call) (changed bool) {
	k.commands++
	before := look(dir)
	done := make(chan ran, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- ran{-1, "", fmt.Sprintf("panic: %v\n%s", p, debug.Stack())}
			}
		}()
		done <- runAt(now, map[string]string{"PKITOOL_KEY_ALGORITHM": "ECDSA-P256"}, c.args...)
	}()
	var got ran
	select {
	case got = <-done:
	case <-time.After(statesBound):
		fmt.Printf("FAULT does not end\n  at %s\n", k.at)
		os.Exit(3)
	}
	after := look(dir)
	if got.code < 0 || got.code > 2 {
		k.fault("exit code %d: %s", got.code, got.stderr)
		return true
	}
	k.codes[got.code]++
	report := got.stderr
	if c.reports { // what it finds is its result
		report += got.stdout
	}
	if got.code != 0 && strings.TrimSpace(report) == "" {
		k.fault("exit code %d without a word", got.code)
	}
	changed = !sameLook(before, after)
	k.leaks(got, after, before, c)
	if interrupted(before) {
		return changed // what it finishes or takes back is not what it was asked for
	}
	switch {
	case changed && !c.writes:
		k.fault("changed something: %s", difference(before, after))
	case strings.Contains(got.stderr, "nothing was changed") && !sameLook(withoutStaging(before), withoutStaging(after)):
		k.fault("says that nothing was changed: %s", difference(before, after))
	}
	k.files(before, after, c)
	return changed
}

// interrupted reports whether a run was stopped in the midst of a change, which the next one finishes or takes back.
func interrupted(all map[string]entry) bool {
	for rel := range all {
		if strings.HasPrefix(filepath.Base(rel), ".pkitool-") && (strings.Contains(rel, "-old-") || strings.Contains(rel, "-going-")) {
			return true
		}
	}
	return false
}

// files holds what lies in the directory afterwards to the laws.
func (k *campaign) files(before, after map[string]entry, c call) {
	for rel, e := range after {
		old, was := before[rel]
		if was && old == e {
			continue
		}
		if strings.HasPrefix(filepath.Base(rel), ".pkitool-") {
			k.fault("left %s", rel)
		}
		if e.secret && e.mode.Perm()&0o077 != 0 {
			k.fault("%s has mode %v", rel, e.mode)
		}
	}
	for _, rel := range []string{"pki/ca.key", "pki/etcd/ca.key", "pki/front-proxy-ca.key", "pki/sa.key"} {
		if old, was := before[rel]; was && !slices.Contains(c.args, "merge") {
			if e := after[rel]; e.inode != old.inode || e.size != old.size || e.time != old.time {
				k.fault("%s is another file", rel)
			}
		}
	}
}

// leaks looks for private keys in what was said.
func (k *campaign) leaks(got ran, after, before map[string]entry, c call) {
	said := got.stderr
	if !c.secret {
		said += got.stdout
	}
	secrets := k.secrets
	for rel, e := range after {
		if e.secret && before[rel] != e {
			data, _ := os.ReadFile(e.path)
			secrets = append(secrets, keyLines(data)...)
		}
	}
	for _, s := range secrets {
		if bytes.Contains([]byte(said), s) {
			k.fault("says a private key: %s", s)
			return
		}
	}
}

// secretLines are the lines by which the private keys of the material would show, in PEM and in a kubeconfig.
func secretLines(m *material) [][]byte {
	var out [][]byte
	for _, set := range []map[string][]byte{m.good, m.other} {
		for _, data := range set {
			out = append(out, keyLines(data)...)
		}
	}
	for _, data := range m.keys {
		out = append(out, keyLines(data)...)
	}
	return out
}

func keyLines(data []byte) (out [][]byte) {
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			return out
		}
		if strings.Contains(b.Type, "PRIVATE KEY") {
			for line := range bytes.Lines(pem.EncodeToMemory(b)) {
				if line = bytes.TrimSpace(line); len(line) >= 40 && line[0] != '-' {
					out = append(out, line)
				}
			}
		}
	}
}

// entry is a file as far as the laws look at it.
type entry struct {
	path   string
	mode   fs.FileMode
	size   int64
	time   time.Time
	inode  uint64
	secret bool // holds a private key
}

// look is what lies below a directory. Directories count by their mode only: a lock may leave traces in their times.
func look(dir string) map[string]entry {
	out := map[string]entry{}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d == nil {
			return nil
		}
		info, infoErr := os.Lstat(path)
		if infoErr != nil {
			return nil
		}
		rel, _ := filepath.Rel(dir, path)
		e := entry{path: path, mode: info.Mode()}
		if !info.IsDir() {
			e.size, e.time, e.inode = info.Size(), info.ModTime(), uint64(info.Sys().(*syscall.Stat_t).Ino)
		}
		if info.Mode().IsRegular() && info.Size() < 1<<20 {
			data, _ := os.ReadFile(path)
			e.secret = bytes.Contains(data, []byte("PRIVATE KEY-----")) || bytes.Contains(data, []byte("client-key-data: LS0t"))
		}
		out[rel] = e
		if err != nil {
			return fs.SkipDir
		}
		return nil
	})
	return out
}

// withoutStaging leaves out what killed runs left, which each run removes.
func withoutStaging(all map[string]entry) map[string]entry {
	out := maps.Clone(all)
	maps.DeleteFunc(out, func(rel string, _ entry) bool { return strings.HasPrefix(filepath.Base(rel), ".pkitool-") })
	return out
}

func sameLook(a, b map[string]entry) bool { return difference(a, b) == "" }

func difference(a, b map[string]entry) string {
	var out []string
	for rel, e := range b {
		if old, was := a[rel]; !was {
			out = append(out, "+"+rel)
		} else if old != e {
			out = append(out, "~"+rel)
		}
	}
	for rel := range a {
		if _, is := b[rel]; !is {
			out = append(out, "-"+rel)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// A pipe where a directory is looked for beside a file is not waited for.
func TestPipeBesideFile(t *testing.T) {
	dir := t.TempDir()
	good(t, runAt(testNow, nil, append([]string{"init", "phase", "certs", "ca", "-q", "--key-algorithm", "ECDSA-P256"}, here(dir)[:2]...)...))
	require.NoError(t, makePipe(filepath.Join(dir, "pki", "etcd")))
	done := make(chan ran, 1)
	go func() { done <- runAt(testNow, nil, "certs", "show", filepath.Join(dir, "pki", "ca.crt")) }()
	select {
	case r := <-done:
		assert.Contains(t, good(t, r).stdout, "signed by     itself")
	case <-time.After(statesBound):
		t.Fatal("waits for the pipe")
	}
}
