package phases_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// What nobody asked for does not count against what is there, and what is there need not be signed again.
func TestResumeKeeps(t *testing.T) {
	t.Run("a longer life and another algorithm than by default", func(t *testing.T) {
		w := part(t, treeRow(t, "admin"))
		_, err := issued(w, now, alice(w))
		require.NoError(t, err)
		r := alice(w)
		r.Validity, r.UntilCA, r.Algorithm, r.AnyAlgorithm = time.Hour, true, pki.RSA2048, true
		verbs, err := issued(w, now, r)
		require.NoError(t, err)
		assert.Equal(t, []phases.Verb{phases.Keep}, verbs)
	})
	t.Run("all of it, without the CA's key", func(t *testing.T) {
		w := part(t, treeRow(t, "admin"))
		_, err := users(w, now, user(w, "alice"))
		require.NoError(t, err)
		w.remove(w.keyFile(w.row("ca")))
		verbs, err := users(w, now, user(w, "alice"))
		require.NoError(t, err)
		assert.Equal(t, []phases.Verb{phases.Keep}, verbs)
		_, err = users(w, now, user(w, "alice"), user(w, "bob"))
		assert.EqualError(t, err, `user "bob": the CA's key is not here (`+w.certFile(w.row("ca"))+")")
	})
	t.Run("what its user has added", func(t *testing.T) {
		w := part(t, treeRow(t, "admin"))
		r := user(w, "alice")
		r.Namespace = ""
		_, err := users(w, now, r)
		require.NoError(t, err)
		data := strings.Replace(string(w.read(r.Path)), "    user: alice", "    namespace: mine\n    user: alice", 1)
		w.write(r.Path, []byte("# mine\n"+data))
		verbs, err := users(w, now, r)
		require.NoError(t, err)
		assert.Equal(t, []phases.Verb{phases.Keep}, verbs)
	})
	t.Run("with a mode that is set right", func(t *testing.T) {
		w := part(t, treeRow(t, "admin"))
		r := apart(w)
		_, err := users(w, now, r)
		require.NoError(t, err)
		for _, name := range []string{"alice.key", "alice.conf", "alice.crt"} {
			require.NoError(t, os.Chmod(filepath.Join(w.dir, "out", name), 0o666))
		}
		made, err := phases.Users(t.Context(), w.tree, w.site, now, []phases.UserRequest{r})
		require.NoError(t, err)
		assert.Equal(t, phases.Keep, made[0].Verb)
		assert.Equal(t, "complete; mode 0666 of alice.key set to 0600; mode 0666 of alice.crt set to 0644; mode 0666 of alice.conf set to 0600", made[0].Reason)
		for name, mode := range map[string]fs.FileMode{"alice.key": 0o600, "alice.conf": 0o600, "alice.crt": 0o644} {
			info, err := os.Stat(filepath.Join(w.dir, "out", name))
			require.NoError(t, err)
			assert.Equal(t, mode, info.Mode(), name)
		}
	})
	t.Run("what a kubeconfig that it is merged into holds", func(t *testing.T) {
		w := part(t, treeRow(t, "admin"))
		into := w.certFile(w.row("admin"))
		for _, token := range []string{"", "t0ken"} {
			r := user(w, "alice"+token)
			r.Path, r.Into, r.Token = "", into, token
			made, err := phases.Users(t.Context(), w.tree, w.site, now, []phases.UserRequest{r})
			require.NoError(t, err)
			assert.Equal(t, phases.Create, made[0].Verb)
			m, err := kubeconfig.Merge(w.read(into), made[0].Kubeconfig, kubeconfig.MergeOptions{})
			require.NoError(t, err)
			w.write(into, m.Data)
			kept, err := phases.Users(t.Context(), w.tree, w.site, now.Add(day), []phases.UserRequest{r})
			require.NoError(t, err)
			assert.Equal(t, []any{phases.Keep, "complete", []byte(nil), made[0].Certificate}, []any{kept[0].Verb, kept[0].Reason, kept[0].Kubeconfig, kept[0].Certificate})
		}
		for name, change := range map[string]func(r *phases.UserRequest){
			"another group":        func(r *phases.UserRequest) { r.Subject.Organization = []string{"ops"} },
			"another server":       func(r *phases.UserRequest) { r.Server = "https://192.0.2.99:6443" },
			"another namespace":    func(r *phases.UserRequest) { r.Namespace = "db" },
			"a context of its own": func(r *phases.UserRequest) { r.Context = "ctx" },
			"a shorter life":       func(r *phases.UserRequest) { r.Validity = day },
			"a token":              func(r *phases.UserRequest) { r.Token = "t" },
			"no file":              func(r *phases.UserRequest) { r.Into += "x" },
			"somebody's key":       func(r *phases.UserRequest) { r.Public = newKey(t).Public() },
		} {
			r := user(w, "alice")
			r.Path, r.Into = "", into
			change(&r)
			made, err := phases.Users(t.Context(), w.tree, w.site, now, []phases.UserRequest{r})
			require.NoError(t, err)
			assert.Equal(t, phases.Create, made[0].Verb, name)
			assert.NotEmpty(t, made[0].Kubeconfig, name)
		}
	})
	t.Run("a key, and says so", func(t *testing.T) {
		w := part(t, treeRow(t, "admin"))
		r := alice(w)
		w.write(r.Outputs[0].Path, pemOf(t, newKey(t)))
		made, err := phases.Issue(t.Context(), w.tree, w.site, now, r)
		require.NoError(t, err)
		assert.Equal(t, []any{phases.Create, "certifies the key that is there", true}, []any{made.Verb, made.Reason, made.Signed})
		w.remove(filepath.Join(w.dir, "out", "alice.crt"))
		_, err = users(w, now, apart(w))
		require.NoError(t, err)
		w.remove(filepath.Join(w.dir, "out", "alice.conf"))
		list, err := phases.Users(t.Context(), w.tree, w.site, now, []phases.UserRequest{apart(w)})
		require.NoError(t, err)
		assert.Equal(t, []any{phases.Create, "completes what is there", false}, []any{list[0].Verb, list[0].Reason, list[0].Signed})
		assert.NotNil(t, list[0].Certificate)
	})
}

// TestRequestsEverySubset: whichever files of generate-csr are there, the same command makes the others; a key that is
// there is kept.
func TestRequestsEverySubset(t *testing.T) {
	whole := empty(t)
	r, err := whole.request(at(now), "apiserver", "scheduler")
	require.NoError(t, err)
	var paths []string
	for _, row := range r.Rows {
		for _, path := range row.Files {
			paths = append(paths, whole.below(path))
		}
	}
	require.Len(t, paths, 4)
	for subset := range 1 << len(paths) {
		w := empty(t)
		for i, path := range paths {
			if subset&(1<<i) != 0 {
				w.write(filepath.Join(w.dir, path), whole.read(filepath.Join(whole.dir, path)))
			}
		}
		before := w.snapshot()
		_, err := w.request(at(now.Add(day)), "apiserver", "scheduler")
		require.NoError(t, err, "%b of %v", subset, paths)
		for i, path := range paths {
			if keyThere := subset&(1<<(i&^1)) != 0; subset&(1<<i) != 0 && keyThere {
				assert.Equal(t, before[filepath.Join(w.dir, path)], w.snapshot()[filepath.Join(w.dir, path)], "%b: %s", subset, path)
			}
		}
		r, err := w.request(at(now.Add(day)), "apiserver", "scheduler")
		require.NoError(t, err)
		assert.False(t, r.Changed, "%b of %v", subset, paths)
		w.tidy()
	}
}
