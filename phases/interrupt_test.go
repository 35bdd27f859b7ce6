package phases_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki/store"
)

// scene is a directory before a run, and what the run would write.
type scene struct {
	name  string
	plant func(w *world)
	o     phases.Options
	steps int // in all: what a kill can come between, once the next lock has settled what it came into
}

// interruptible are rows of every shape: CAs, pairs, a key pair, kubeconfigs.
var interruptible = []string{"ca", "apiserver", "apiserver-kubelet-client", "front-proxy-ca", "front-proxy-client", "etcd-ca", "etcd-peer", "sa", "admin", "kubelet"}

func scenes() []scene {
	return []scene{
		{name: "empty directory", plant: func(*world) {}, o: at(now), steps: 18},
		{name: "every leaf is renewed", o: reissue(), steps: 4 + 2, plant: func(w *world) {
			fill(w)
			for s := range w.tree.Rows() {
				if isLeaf(s) && slices.Contains(interruptible, s.Name) {
					w.forge(s, expiredCert)
				}
			}
		}},
		{name: "some are there, some keys alone, one is renewed", o: reissue(), steps: 1 + 1 + 1 + 6, plant: func(w *world) {
			fill(w)
			w.forge(w.row("etcd-peer"), func(c *certificate) { c.DNSNames = nil })
			w.remove(w.certFile(w.row("apiserver")), w.certFile(w.row("sa")))
			for _, name := range []string{"front-proxy-client", "front-proxy-ca", "admin", "kubelet"} {
				w.remove(w.site.Files(w.row(name))...)
			}
		}},
	}
}

// fill puts the interruptible rows into an empty world.
func fill(w *world) {
	w.t.Helper()
	files, err := pristine()
	require.NoError(w.t, err)
	for s := range w.tree.Rows() {
		if slices.Contains(interruptible, s.Name) {
			for _, path := range w.site.Files(s) {
				w.write(path, files[w.below(path)])
			}
		}
	}
}

// plan is what a run would write into w, step by step: a set that replaces something is old or new as a whole.
func (w *world) plan(o phases.Options) [][][]store.Write {
	w.t.Helper()
	chosen := w.only(interruptible...)
	sets, err := phases.DecideInit(w.judged(chosen), chosen, o).Sets()
	require.NoError(w.t, err)
	return steps(sets)
}

// steps gives for each set what a kill can come between.
func steps(sets [][]store.Write) (out [][][]store.Write) {
	for _, set := range sets {
		if slices.ContainsFunc(set, func(c store.Write) bool { return !c.IfAbsent }) {
			out = append(out, [][]store.Write{set})
			continue
		}
		var each [][]store.Write
		for _, c := range set {
			each = append(each, []store.Write{c})
		}
		out = append(out, each)
	}
	return out
}

// obey does a write as the store would have.
func (w *world) obey(c store.Write) {
	w.t.Helper()
	w.write(c.Path, c.Data)
	require.NoError(w.t, os.Chmod(c.Path, c.Mode))
}

// TestInterrupted stops a run after each of its writes (a kill), and in each
// step after any part of that step's writes (a power cut: a step is durable
// before the next begins, and within a step the order is the disk's). The next
// run finishes, or refuses and changes nothing; with --reissue it finishes. What
// was whole stays as it is.
func TestInterrupted(t *testing.T) {
	for _, sc := range scenes() {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			planned := empty(t)
			sc.plant(planned)
			all := 0
			for _, step := range planned.plan(sc.o) {
				all += len(step)
			}
			require.Equal(t, sc.steps, all)
			for k := range all + 1 {
				t.Run(fmt.Sprintf("kill after %d", k), func(t *testing.T) { sc.stop(t, k, nil) })
			}
			for i := range 6 {
				seed := rand.Uint64()
				t.Run(fmt.Sprintf("power cut %d, seed %d", i, seed), func(t *testing.T) {
					r := rand.New(rand.NewPCG(seed, 0))
					sc.stop(t, r.IntN(all+1), r)
				})
			}
		})
	}
}

// stop does the first k writes, and where the rest of the step is open, any of
// them; then the next run comes.
func (sc scene) stop(t *testing.T, k int, power *rand.Rand) {
	w := empty(t)
	sc.plant(w)
	for _, step := range w.plan(sc.o) {
		if power != nil && len(step) >= k {
			power.Shuffle(len(step), func(i, j int) { step[i], step[j] = step[j], step[i] })
		}
		for _, together := range step {
			if k == 0 {
				break
			}
			for _, c := range together {
				w.obey(c)
			}
			k--
		}
		if k == 0 {
			break
		}
	}
	w.finishes()
}

// finishes asserts that the next run ends well, without touching what is whole.
func (w *world) finishes() {
	w.t.Helper()
	before := w.snapshot()
	maps.DeleteFunc(before, func(path string, _ seen) bool { return strings.HasPrefix(filepath.Base(path), ".pkitool") }) // swept
	whole := w.whole()
	_, err := w.init(at(now), interruptible...)
	if err != nil {
		var refused *phases.RefusedError
		require.True(w.t, errors.As(err, &refused), "%v", err)
		for _, a := range refused.Plan.Refused() {
			assert.NotEqual(w.t, certs.CA, a.Spec.Kind, "a kill never harms a CA")
			assert.NotEqual(w.t, certs.KeyPair, a.Spec.Kind, "nor the service-account key")
		}
		w.unchanged(before)
		_, err = w.init(reissue(), interruptible...)
		require.NoError(w.t, err)
	}
	after := w.snapshot()
	for _, path := range whole {
		assert.Equal(w.t, before[path], after[path], path)
	}
	w.tidy()
	w.settled(interruptible...)
}

// whole are the files of the rows that a plan keeps, and every key that waits for its certificate.
func (w *world) whole() []string {
	w.t.Helper()
	var out []string
	chosen := w.only(interruptible...)
	plan := phases.DecideInit(w.judged(chosen), chosen, at(now))
	for _, a := range plan.Actions {
		files := plan.Files(a)
		switch {
		case a.Verb == phases.Keep:
			out = append(out, files...)
		case a.Verb == phases.Create && len(a.Outputs) < len(files):
			out = append(out, files[0])
		}
	}
	return out
}

// A run that is told to stop before it has begun to write writes nothing.
func TestStopped(t *testing.T) {
	for _, sc := range scenes() {
		t.Run(sc.name, func(t *testing.T) {
			w := empty(t)
			sc.plant(w)
			lock, err := store.Lock(t.Context(), w.site.Cert, filepath.Join(w.site.Cert, "etcd"), w.site.Kubeconfig)
			require.NoError(t, err)
			before := w.snapshot()
			ctx, stop := context.WithCancelCause(t.Context())
			stop(errors.New("told to stop"))
			_, _, err = phases.DecideInit(w.judged(nil), nil, sc.o).Apply(ctx, lock)
			assert.EqualError(t, err, "nothing was changed: told to stop")
			w.unchanged(before)
			require.NoError(t, lock.Unlock())
		})
	}
}
