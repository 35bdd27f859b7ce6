//go:build linux && amd64

package faults_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestMain takes the umask away: a mode that is right only because of the umask is wrong.
func TestMain(m *testing.M) {
	if dir := os.Getenv(holder); dir != "" {
		os.Exit(hold(dir))
	}
	syscall.Umask(0)
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(code)
}

// tmpfs mounts a file system in memory on dir, where that may be done.
func tmpfs(tb testing.TB, dir, options string) bool {
	tb.Helper()
	if err := unix.Mount("none", dir, "tmpfs", 0, options); err != nil {
		tb.Logf("no file system in memory: %v", err)
		return false
	}
	tb.Cleanup(func() { assert.NoError(tb, unix.Unmount(dir, unix.MNT_DETACH)) })
	return true
}

// trial is one fault in one scene.
type trial struct {
	scene *scene
	kind  kind
	at    int
}

func (t trial) String() string { return fmt.Sprintf("%s: %s at %d", t.scene.name, t.kind.name, t.at) }

// play lets the fault happen, and judges what it leaves, and what the next commands make of it. met is false where the
// run was over before the fault.
func (t trial) play(h *house) (found []damage, met bool, err error) {
	dir, err := os.MkdirTemp(h.dir, "room")
	if err != nil {
		return nil, false, err
	}
	defer os.RemoveAll(dir)
	defer os.Remove(dir + ".yaml")
	if err := t.scene.prepare(dir); err != nil {
		return nil, false, err
	}
	o, err := t.scene.in(dir, t.kind, t.at).trace()
	if err != nil || o.Fault == nil {
		return nil, false, err
	}
	j := &judgement{scene: t.scene}
	err = t.aftermath(j, h, dir, o)
	for i := range j.found {
		j.found[i].seen = fmt.Sprintf("%s (%s): %s", t, strings.ReplaceAll(o.Fault.String(), dir+"/", ""), strings.ReplaceAll(j.found[i].seen, dir+"/", ""))
	}
	return j.found, true, err
}

func (t trial) aftermath(j *judgement, h *house, dir string, o outcome) error {
	now, err := take(dir)
	if err != nil {
		return err
	}
	j.always(now)
	j.copies(now)
	switch {
	case t.kind.kill && o.Code != -1:
		j.add(lawExit, "a killed run ended with %d", o.Code)
	case t.kind.kill:
	case o.Code == 0:
		if c := o.Fault; strings.Contains(c.Name, "sync") && c.Name != "sync_file_range" && t.kind.errno != syscall.EINTR {
			j.add(lawSwallowed, "%s", c)
		}
		j.complete(lawSwallowed, now)
	default:
		j.told(o, dir)
		if t.kind.errno == syscall.EROFS && t.kind.lasts {
			break // nothing can be put back: the next command has to
		}
		j.wholly(now)
		if o.Fault.Name != "unlinkat" {
			j.nothingLeft(now, t.scene.start)
		}
	}
	if t.kind.twice {
		if _, err := t.scene.in(dir, t.kind, 2+t.at%16).trace(); err != nil {
			return err
		}
		if now, err = take(dir); err != nil {
			return err
		}
		j.always(now)
		j.kept(now)
	}
	return j.afterwards(h, dir, t.at)
}

// others are commands that have to heal what a run of another one left: one that writes, and one that only reads, which
// may leave what was staged and not begun.
var others = []string{"", "init", reads}

const reads = "certs check-expiration"

// afterwards runs the same command again, without a fault, and one of the others before it where that has to heal, too.
func (j *judgement) afterwards(h *house, dir string, at int) error {
	if other := others[at%len(others)]; other != "" && j.scene.heals {
		o := h.plain(h.bin, dir, words(other)...)
		now, err := take(dir)
		if err != nil {
			return err
		}
		before := len(j.found)
		j.always(now)
		j.wholly(now)
		if other != reads {
			j.nothingLeft(now, j.scene.start)
		}
		j.kept(now)
		if o.Code != 0 {
			j.add(lawHeal, "%s: exit %d: %s", other, o.Code, o.Stderr)
		}
		for i := range j.found[before:] {
			d := &j.found[before+i]
			d.law, d.seen = lawHeal, d.law+": "+d.seen
		}
	}
	o := h.plain(j.scene.bin, dir, j.scene.argsIn(dir)...)
	now, err := take(dir)
	if err != nil {
		return err
	}
	before := len(j.found)
	j.always(now)
	j.kept(now)
	j.complete(lawAgain, now)
	j.nothingLeft(now, nil)
	if again := j.scene.again; o.Code != 0 && (again == nil || !again.MatchString(o.Stderr)) {
		j.add(lawAgain, "exit %d: %s", o.Code, o.Stderr)
	}
	for i := range j.found[before:] {
		d := &j.found[before+i]
		if d.law != lawAgain {
			d.law, d.seen = lawAgain, d.law+": "+d.seen
		}
	}
	return nil
}

// trials are the faults that can happen in the scenes: all of them, or n that chance chooses, the same ones each time.
func trials(scenes []*scene, n int) []trial {
	var all []trial
	for _, s := range scenes {
		for _, k := range kinds {
			for at := range s.count(k) {
				all = append(all, trial{s, k, at + 1})
			}
		}
	}
	if n <= 0 || n >= len(all) {
		return all
	}
	// Every scene and kind has its share, however many calls it makes.
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(all))
	rank := map[string]int{}
	type ranked struct {
		trial
		rank, order int
	}
	var list []ranked
	for i, x := range order {
		t := all[x]
		cell := t.scene.name + "/" + t.kind.name
		rank[cell]++
		list = append(list, ranked{t, rank[cell], i})
	}
	slices.SortFunc(list, func(a, b ranked) int { return cmp.Or(a.rank-b.rank, a.order-b.order) })
	var out []trial
	for _, r := range list[:n] {
		out = append(out, r.trial)
	}
	return out
}

// atOnce does n things on all cores. A tracer and what it traces wait for each other, so two of them share a core.
// What takes minutes says how far it is.
func atOnce(t *testing.T, n int, do func(i int)) {
	t.Helper()
	var wg sync.WaitGroup
	next := make(chan int)
	for range 2 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		if i > 0 && i%1000 == 0 {
			t.Logf("%d of %d", i, n)
		}
		next <- i
	}
	close(next)
	wg.Wait()
}

// sample is how many faults are tried: a few in an ordinary test run; PKITOOL_FAULTS says another number, or all (0).
func sample(tb testing.TB) (n int, asked bool) {
	tb.Helper()
	switch text := os.Getenv("PKITOOL_FAULTS"); text {
	case "":
		return 60, false
	case "all":
		return 0, true
	default:
		n, err := strconv.Atoi(text)
		require.NoError(tb, err, "PKITOOL_FAULTS")
		return n, true
	}
}

// smoke are the scenes of an ordinary test run: of each way to write one.
var smoke = []string{"init, half of it there", "certs renew apiserver", "certs import", "kubeconfig user --from", "kubeconfig merge --into"}

// TestFaults tries faults on every command that writes: at its calls, on a disk that fills up, and by a power cut.
func TestFaults(t *testing.T) {
	h := newHouse(t)
	scenes := h.scenes(t)
	n, asked := sample(t)
	pages := 1
	if !asked {
		pages = 4
		scenes = slices.DeleteFunc(scenes, func(s *scene) bool { return !slices.Contains(smoke, s.name) })
		require.Len(t, scenes, len(smoke))
	}
	h.rehearse(t, scenes)
	t.Run("calls", func(t *testing.T) { h.calls(t, scenes, n).judge(t, "calls") })
	t.Run("power cut", func(t *testing.T) { h.powerCuts(t, scenes, n).judge(t, "power cut") })
	t.Run("full disk", func(t *testing.T) { h.fullDisk(t, scenes, pages).judge(t, "full disk") })
	for _, s := range scenes {
		t.Run("no locks/"+s.name, func(t *testing.T) { h.noLocks(t, s) })
	}
}

// TestFaultsOfKubeadm tries the same on kubeadm, for comparison: it decides nothing.
func TestFaultsOfKubeadm(t *testing.T) {
	n, asked := sample(t)
	if !asked {
		t.Skip("only for the figures: `make faults` asks for it")
	}
	h := newHouse(t)
	scenes := h.kubeadmScenes(t)
	if len(scenes) == 0 {
		t.Skip("PKITOOL_KUBEADM is not set: no figures of kubeadm")
	}
	h.rehearse(t, scenes)
	h.calls(t, scenes, n/4).show(t, "kubeadm, calls", false)
	h.powerCuts(t, scenes, n/4).show(t, "kubeadm, power cut", false)
	h.fullDisk(t, scenes, 1).show(t, "kubeadm, full disk", false)
}

// order is that of the tables.
func order(scenes []*scene) (rows, columns []string) {
	for _, s := range scenes {
		rows = append(rows, s.name)
	}
	for _, k := range kinds {
		columns = append(columns, k.name)
	}
	for _, l := range losses {
		columns = append(columns, l.name)
	}
	return rows, append(columns, late)
}

func (h *house) rehearse(t *testing.T, scenes []*scene) {
	t.Helper()
	for _, s := range scenes {
		s.rehearse(t, h)
	}
}

// calls tries n faults, or all of them, at the calls of the scenes.
func (h *house) calls(t *testing.T, scenes []*scene, n int) *result {
	t.Helper()
	list := trials(scenes, n)
	r := newResult()
	atOnce(t, len(list), func(i int) {
		found, met, err := list[i].play(h)
		if assert.NoError(t, err, list[i].String()) && met {
			r.count(list[i].scene.name, list[i].kind.name, found)
		}
	})
	r.order(order(scenes))
	return r
}
