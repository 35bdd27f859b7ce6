package phases_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// set is a command that writes files which are no row's.
type set struct {
	name string
	run  func(w *world, now time.Time) ([]phases.Verb, error)
	// keys are the files that a certificate does not stand without, by the certificate's.
	keys map[string]string
}

var clientUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}

// out is an output in a world's directory.
func (w *world) out(kind phases.OutputKind, name string, mode fs.FileMode) phases.Output {
	return phases.Output{Kind: kind, Path: filepath.Join(w.dir, "out", name), Mode: mode}
}

// alice asks for a client's pair, as `certs issue --out alice` does.
func alice(w *world) phases.IssueRequest {
	r := issueOf("ca", pki.Template{Subject: pki.Subject{CommonName: "alice", Organization: []string{"dev"}}, ExtKeyUsage: clientUsage})
	r.Validity = 30 * day
	r.Outputs = []phases.Output{w.out(phases.KeyFile, "alice.key", 0o600), w.out(phases.CertificateFile, "alice.crt", 0o644)}
	return r
}

// user asks for a kubeconfig.
func user(w *world, name string) phases.UserRequest {
	return phases.UserRequest{Subject: pki.Subject{CommonName: name, Organization: []string{"dev"}}, Validity: 30 * day, KeyAlgorithm: pki.ECDSAP256,
		Server: "https://192.0.2.10:6443", Cluster: "kubernetes", Namespace: "web", Path: filepath.Join(w.dir, "out", name+".conf")}
}

func issued(w *world, now time.Time, r phases.IssueRequest) ([]phases.Verb, error) {
	made, err := phases.Issue(w.t.Context(), w.tree, w.site, now, r)
	return []phases.Verb{made.Verb}, err
}

func users(w *world, now time.Time, list ...phases.UserRequest) ([]phases.Verb, error) {
	made, err := phases.Users(w.t.Context(), w.tree, w.site, now, list)
	var verbs []phases.Verb
	for _, u := range made {
		verbs = append(verbs, u.Verb)
	}
	return verbs, err
}

func apart(w *world) phases.UserRequest {
	r := user(w, "alice")
	r.Files = phases.UserFiles{CA: "alice-ca.crt", Cert: "alice.crt", Key: "alice.key"}
	return r
}

func sets(t testing.TB) []set {
	theirs := newKey(t)
	return []set{
		{"issue", func(w *world, now time.Time) ([]phases.Verb, error) { return issued(w, now, alice(w)) }, map[string]string{"alice.crt": "alice.key"}},
		{"issue a server's", func(w *world, now time.Time) ([]phases.Verb, error) {
			r := alice(w)
			r.Template.ExtKeyUsage = certs.Serving.ExtKeyUsage()
			r.Template.SANs, _ = pki.ParseSANs([]string{"b.example.com", "a.example.com", "192.0.2.1"})
			return issued(w, now, r)
		}, map[string]string{"alice.crt": "alice.key"}},
		{"issue a CA", func(w *world, now time.Time) ([]phases.Verb, error) {
			r := alice(w)
			zero := 0
			r.Template.ExtKeyUsage, r.Template.CA, r.Template.PathLen = nil, true, &zero
			return issued(w, now, r)
		}, map[string]string{"alice.crt": "alice.key"}},
		{"issue for a key", func(w *world, now time.Time) ([]phases.Verb, error) {
			r := alice(w)
			r.Key, r.Outputs = theirs, r.Outputs[1:]
			return issued(w, now, r)
		}, nil},
		{"sign", func(w *world, now time.Time) ([]phases.Verb, error) {
			r := alice(w)
			r.Public, r.Outputs = theirs.Public(), r.Outputs[1:]
			return issued(w, now, r)
		}, nil},
		{"user", func(w *world, now time.Time) ([]phases.Verb, error) { return users(w, now, user(w, "alice")) }, nil},
		{"users", func(w *world, now time.Time) ([]phases.Verb, error) {
			return users(w, now, user(w, "alice"), user(w, "bob"), user(w, "carol"))
		}, nil},
		{"a user's request", func(w *world, now time.Time) ([]phases.Verb, error) {
			r := user(w, "alice")
			r.Public = theirs.Public()
			return users(w, now, r)
		}, nil},
		{"a token", func(w *world, now time.Time) ([]phases.Verb, error) {
			r := user(w, "alice")
			r.Token = "t0ken"
			return users(w, now, r)
		}, nil},
		{"external files", func(w *world, now time.Time) ([]phases.Verb, error) { return users(w, now, apart(w)) }, map[string]string{"alice.crt": "alice.key"}},
		{"external files of a token", func(w *world, now time.Time) ([]phases.Verb, error) {
			r := apart(w)
			r.Token = "t0ken"
			return users(w, now, r)
		}, nil},
	}
}

// outputs are the files in the directory of the outputs.
func (w *world) outputs() map[string][]byte {
	w.t.Helper()
	found := map[string][]byte{}
	entries, err := os.ReadDir(filepath.Join(w.dir, "out"))
	if !os.IsNotExist(err) {
		require.NoError(w.t, err)
	}
	for _, e := range entries {
		found[e.Name()] = w.read(filepath.Join(w.dir, "out", e.Name()))
	}
	return found
}

// fits asserts that kubeconfigs work, and that keys are those of their certificates.
func (w *world) fits(files map[string][]byte) {
	w.t.Helper()
	for name, data := range files {
		if path := filepath.Join(w.dir, "out", name); strings.HasSuffix(name, ".conf") {
			r, err := phases.DescribeKubeconfig(path, data, func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(w.dir, "out", name)) }, now.Add(day))
			require.NoError(w.t, err)
			keyless := bytes.Contains(data, []byte("client-certificate")) && !bytes.Contains(data, []byte("client-key")) // who made the request has it
			assert.Equal(w.t, keyless, r.Bad(), "%s: %v", name, r.Findings)
		}
		if key, ok := files[strings.TrimSuffix(name, ".crt")+".key"]; ok && strings.HasSuffix(name, ".crt") {
			signer, err := pki.ParsePrivateKey(key)
			require.NoError(w.t, err)
			chain, err := pki.ParseCertificates(data)
			require.NoError(w.t, err)
			assert.True(w.t, pki.SameKey(chain[0].PublicKey, signer.Public()), name)
		}
	}
	w.tidy()
}

// TestResumeEverySubset: whichever of a command's files are there, the same command makes the others and leaves those as
// they are, a day later too; then it keeps them all. Only a certificate without its key is refused: no kill leaves that.
func TestResumeEverySubset(t *testing.T) {
	for _, s := range sets(t) {
		t.Run(s.name, func(t *testing.T) {
			whole := part(t, treeRow(t, "admin"))
			verbs, err := s.run(whole, now)
			require.NoError(t, err)
			for _, v := range verbs {
				assert.Equal(t, phases.Create, v)
			}
			files := whole.outputs()
			names := slices.Sorted(maps.Keys(files))
			require.NotEmpty(t, names)
			for subset := range 1 << len(names) {
				w := part(t, treeRow(t, "admin"))
				there := map[string][]byte{}
				for i, name := range names {
					if subset&(1<<i) != 0 {
						there[name] = files[name]
						w.write(filepath.Join(w.dir, "out", name), files[name])
					}
				}
				label := fmt.Sprintf("there: %v", slices.Sorted(maps.Keys(there)))
				before := w.snapshot()
				verbs, err := s.run(w, now.Add(day))
				var refused string
				for cert, key := range s.keys {
					if there[cert] != nil && there[key] == nil {
						refused = "file is there already, and is not what is asked for: private key is missing (" + filepath.Join(w.dir, "out", cert) + ")"
					}
				}
				if refused != "" {
					assert.EqualError(t, err, refused, label)
					w.unchanged(before)
					continue
				}
				require.NoError(t, err, label)
				if len(there) == len(names) {
					assert.Equal(t, slices.Repeat([]phases.Verb{phases.Keep}, len(verbs)), verbs, label)
					w.unchanged(before)
				}
				after := w.outputs()
				assert.Len(t, after, len(names), label)
				for name, data := range there {
					assert.Equal(t, data, after[name], "%s: %s", label, name)
				}
				w.fits(after)
				again := w.snapshot()
				verbs, err = s.run(w, now.Add(2*day))
				require.NoError(t, err, label)
				assert.Equal(t, slices.Repeat([]phases.Verb{phases.Keep}, len(verbs)), verbs, label)
				w.unchanged(again)
			}
		})
	}
}

// TestResume: what is there and is something else is refused with its sentence, and nothing is written.
func TestResume(t *testing.T) {
	out := func(w *world, name string) string { return filepath.Join(w.dir, "out", name) }
	pair := func(change func(*phases.IssueRequest)) func(w *world) {
		return func(w *world) {
			r := alice(w)
			change(&r)
			_, err := issued(w, now, r)
			require.NoError(w.t, err)
		}
	}
	plain := func(*phases.IssueRequest) {}
	conf := func(change func(*phases.UserRequest)) func(w *world) {
		return func(w *world) {
			r := user(w, "alice")
			change(&r)
			_, err := users(w, now, r)
			require.NoError(w.t, err)
		}
	}
	same := func(*phases.UserRequest) {}
	files := func(w *world) {
		_, err := users(w, now, apart(w))
		require.NoError(w.t, err)
	}
	edit := func(before func(w *world), old, new string) func(w *world) {
		return func(w *world) {
			before(w)
			w.write(out(w, "alice.conf"), bytes.ReplaceAll(w.read(out(w, "alice.conf")), []byte(old), []byte(new)))
		}
	}
	askIssue := func(change func(w *world, r *phases.IssueRequest)) func(w *world) error {
		return func(w *world) error {
			r := alice(w)
			change(w, &r)
			_, err := issued(w, now.Add(time.Hour), r)
			return err
		}
	}
	again := askIssue(func(*world, *phases.IssueRequest) {})
	askUser := func(change func(*phases.UserRequest)) func(w *world) error {
		return func(w *world) error {
			r := user(w, "bob") // who is fine, and is not made either
			a := user(w, "alice")
			change(&a)
			_, err := users(w, now.Add(time.Hour), r, a)
			return err
		}
	}
	askFiles := func(w *world) error {
		_, err := users(w, now.Add(time.Hour), apart(w))
		return err
	}
	for _, tt := range []struct {
		name  string
		plant func(w *world)
		ask   func(w *world) error
		want  string // behind the usual words; {out} is the directory
	}{
		{"another user", pair(func(r *phases.IssueRequest) { r.Template.Subject.CommonName = "bob" }), again, `subject is "O = dev, CN = bob", not "O = dev, CN = alice" ({out}/alice.crt)`},
		{"another group", pair(func(r *phases.IssueRequest) { r.Template.Subject.Organization = nil }), again, `subject is "CN = alice", not "O = dev, CN = alice" ({out}/alice.crt)`},
		{"a name more", pair(func(r *phases.IssueRequest) { r.Template.SANs.DNS = []string{"a"} }), again, "certificate has another subject alternative names ({out}/alice.crt)"},
		{"a name less", pair(plain), askIssue(func(_ *world, r *phases.IssueRequest) { r.Template.SANs.DNS = []string{"a"} }), "certificate lacks the names DNS:a ({out}/alice.crt)"},
		{"another purpose", pair(func(r *phases.IssueRequest) {
			r.Template.ExtKeyUsage = certs.Peer.ExtKeyUsage()
			r.Template.SANs.DNS = []string{"a"}
		}),
			askIssue(func(_ *world, r *phases.IssueRequest) { r.Template.SANs.DNS = []string{"a"} }), "certificate has another extended key usage ({out}/alice.crt)"},
		{"a purpose less", pair(plain), askIssue(func(_ *world, r *phases.IssueRequest) {
			r.Template.ExtKeyUsage, r.Template.SANs.DNS = certs.Serving.ExtKeyUsage(), []string{"a"}
		}), "certificate lacks the extended key usage serverAuth ({out}/alice.crt)\n{usual}certificate of a server has no DNS name and no address ({out}/alice.crt)"},
		{"a CA instead of a leaf", pair(func(r *phases.IssueRequest) { r.Template.CA, r.Template.ExtKeyUsage = true, nil }), again, "certificate is a CA: whoever holds its key can sign for anybody ({out}/alice.crt)"},
		{"a leaf instead of a CA", pair(plain), askIssue(func(_ *world, r *phases.IssueRequest) { r.Template.CA, r.Template.ExtKeyUsage = true, nil }),
			"certificate has another key usage, extended key usage, basic constraints ({out}/alice.crt)"},
		{"expired", pair(func(r *phases.IssueRequest) { r.Validity = time.Minute }), again, "certificate has expired on 2026-11-24T12:01:00Z ({out}/alice.crt)"},
		{"longer than asked", pair(func(r *phases.IssueRequest) { r.Validity = 60 * day }), again, "certificate is valid until 2027-01-23T12:00:00Z, longer than what is asked for ({out}/alice.crt)"},
		{"another CA", pair(plain), func(w *world) error {
			w.remove(w.site.Files(w.row("ca"))...)
			_, err := w.init(at(now), "ca")
			require.NoError(w.t, err)
			return again(w)
		}, "certificate is signed by another CA of the same name: it names the key {old}, the CA here has {new} ({out}/alice.crt)"},
		{"another row's CA", func(w *world) {
			_, err := w.init(at(now), "etcd-ca")
			require.NoError(w.t, err)
			pair(func(r *phases.IssueRequest) { r.Signer = certs.ID{Role: "etcd-ca"} })(w)
		}, again, `certificate is signed by another CA: "CN = etcd-ca" ({out}/alice.crt)`},
		{"another key beside it", func(w *world) { pair(plain)(w); w.write(out(w, "alice.key"), pemOf(t, newKey(t))) }, again, "key does not match certificate ({out}/alice.crt)"},
		{"without its key", func(w *world) { pair(plain)(w); w.remove(out(w, "alice.key")) }, again, "private key is missing ({out}/alice.crt)"},
		{"a key that is none", func(w *world) { w.write(out(w, "alice.key"), []byte("x")) }, again, "file holds no PEM block ({out}/alice.key)"},
		{"a key of another algorithm", func(w *world) { w.write(out(w, "alice.key"), pemOf(t, newKey(t))) }, askIssue(func(_ *world, r *phases.IssueRequest) { r.Algorithm = pki.Ed25519 }),
			"key is ECDSA-P256, not Ed25519 ({out}/alice.key)"},
		{"garbage", func(w *world) { w.write(out(w, "alice.crt"), []byte("x")) }, again, "private key is missing ({out}/alice.crt)\n{usual}file holds no PEM block ({out}/alice.crt)"},
		{"a directory", func(w *world) { require.NoError(t, os.MkdirAll(out(w, "alice.crt"), 0o755)) }, again, "is a directory ({out}/alice.crt)"},
		{"for another key", pair(plain), askIssue(func(w *world, r *phases.IssueRequest) { r.Key, r.Outputs = newKey(t), r.Outputs[1:] }), "certificate is for another key ({out}/alice.crt)"},
		{"for another request", pair(plain), askIssue(func(w *world, r *phases.IssueRequest) { r.Public, r.Outputs = newKey(t).Public(), r.Outputs[1:] }), "certificate is for another key ({out}/alice.crt)"},
		{"a key behind a link, which others can read", func(w *world) {
			w.write(out(w, "real"), pemOf(t, newKey(t)))
			require.NoError(t, os.Chmod(out(w, "real"), 0o644))
			require.NoError(t, os.Symlink("real", out(w, "alice.key")))
		}, again, "mode 0644 behind a symbolic link ({out}/alice.key)"},

		{"a kubeconfig of another user", conf(func(r *phases.UserRequest) { r.Subject.CommonName = "bob" }), askUser(same), `subject is "O = dev, CN = bob", not "O = dev, CN = alice" ({out}/alice.conf)`},
		{"a kubeconfig to another server", conf(func(r *phases.UserRequest) { r.Server = "https://192.0.2.99:6443" }), askUser(same), `cluster "kubernetes" is there already with another server ({out}/alice.conf)`},
		{"a kubeconfig of another cluster", conf(func(r *phases.UserRequest) { r.Cluster = "prod" }), askUser(same), `it has no cluster "kubernetes" ({out}/alice.conf)`},
		{"a kubeconfig with another context", conf(func(r *phases.UserRequest) { r.Context = "ctx" }), askUser(same), `it has no context "alice@kubernetes" ({out}/alice.conf)`},
		{"a kubeconfig with another namespace", conf(func(r *phases.UserRequest) { r.Namespace = "db" }), askUser(same), `context "alice@kubernetes" is there already with another namespace ({out}/alice.conf)`},
		{"a kubeconfig whose current context is another", edit(conf(same), "current-context: alice@kubernetes", "current-context: x"), askUser(same), `current-context "x" is not among the contexts ({out}/alice.conf)`},
		{"a kubeconfig with a context of somebody else", func(w *world) {
			conf(same)(w)
			data := string(w.read(out(w, "alice.conf")))
			data = strings.Replace(data, "current-context: alice@kubernetes", "- context:\n    cluster: kubernetes\n    user: alice\n  name: other\ncurrent-context: other", 1)
			w.write(out(w, "alice.conf"), []byte(data))
		}, askUser(same), "its current context is another ({out}/alice.conf)"},
		{"a token instead", conf(func(r *phases.UserRequest) { r.Token = "t" }), askUser(same), "holds no client certificate ({out}/alice.conf)"},
		{"a certificate instead of a token", conf(same), askUser(func(r *phases.UserRequest) { r.Token = "t" }), `user "alice" is there already with another client-certificate-data, client-key-data, token ({out}/alice.conf)`},
		{"another token", conf(func(r *phases.UserRequest) { r.Token = "secret1" }), askUser(func(r *phases.UserRequest) { r.Token = "secret2" }), `user "alice" is there already with another token ({out}/alice.conf)`},
		{"a kubeconfig with a key of its own", conf(same), askUser(func(r *phases.UserRequest) { r.Public = newKey(t).Public() }), "certificate is for another key ({out}/alice.conf)"},
		{"no kubeconfig", func(w *world) { w.write(out(w, "alice.conf"), []byte("x: [")) }, askUser(same), "line 1: not YAML: did not find expected node content ({out}/alice.conf)"},
		{"a directory for a kubeconfig", func(w *world) { require.NoError(t, os.MkdirAll(out(w, "alice.conf"), 0o755)) }, askUser(func(r *phases.UserRequest) { r.Token = "t" }), "is a directory ({out}/alice.conf)"},

		{"another CA's file", func(w *world) { files(w); w.write(out(w, "alice-ca.crt"), w.read(out(w, "alice.crt"))) }, askFiles, "it holds other certificates than the CA's file ({out}/alice-ca.crt)"},
		{"a kubeconfig that names other files", edit(files, "alice.key", "bob.key"), askFiles, `user "alice" is there already with another client-key ({out}/alice.conf)`},
		{"another key beside a kubeconfig", func(w *world) { files(w); w.write(out(w, "alice.key"), pemOf(t, newKey(t))) }, askFiles, "key does not match certificate ({out}/alice.crt)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := part(t, treeRow(t, "admin"))
			old := w.bundle("ca")[0].SubjectKeyId
			tt.plant(w)
			w.t = t
			if tt.name != "another CA" { // it is replaced
				defer w.unchanged(w.snapshot())
			}
			err := tt.ask(w)
			usual := "file is there already, and is not what is asked for: "
			want := strings.NewReplacer("{out}", filepath.Join(w.dir, "out"), "{usual}", usual,
				"{old}", fmt.Sprintf("%x", old[:8]), "{new}", fmt.Sprintf("%x", w.bundle("ca")[0].SubjectKeyId[:8])).Replace(usual + tt.want)
			require.EqualError(t, err, want)
			var refused *phases.RefusedError
			require.ErrorAs(t, err, &refused)
			for _, f := range refused.Findings() {
				assert.Equal(t, "nothing is written over: choose another name, or move it away", f.Hint)
			}
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}
