package phases_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// kubeconfigStates are what can be wrong with a kubeconfig beyond its certificate and key.
func kubeconfigStates() []state {
	conf := func(name string, verb phases.Verb, change func(w *world, s certs.Spec, c *kubeconfig.Single), faults ...string) state {
		st := state{name: "kubeconfig: " + name, only: isConf, verb: verb, faults: faults,
			plant: func(w *world, s certs.Spec) []string {
				w.conf(s, func(c *kubeconfig.Single) { change(w, s, c) })
				return []string{"{server}", s.Place.Server, "{dir}", w.dir}
			}}
		if verb == phases.Keep {
			st.reason = "complete"
		}
		return st
	}
	text := func(name, content string, faults ...string) state {
		return state{name: "kubeconfig: " + name, only: isConf, verb: phases.Refuse, faults: faults,
			plant: func(w *world, s certs.Spec) []string { w.write(w.certFile(s), []byte(content)); return nil }}
	}
	edited := func(name, old, new, fault string) state {
		return state{name: "kubeconfig: " + name, only: isConf, verb: phases.Refuse, faults: []string{fault},
			plant: func(w *world, s certs.Spec) []string {
				text := string(w.read(w.certFile(s)))
				require.Contains(w.t, text, old)
				w.write(w.certFile(s), []byte(strings.Replace(text, old, new, 1)))
				return []string{"{user}", s.User()}
			}}
	}
	toFiles := func(w *world, s certs.Spec, c *kubeconfig.Single) {
		for _, f := range []struct {
			name string
			data *[]byte
			path *string
		}{{"x-ca.crt", &c.CA, &c.CAFile}, {"x-client.crt", &c.ClientCert, &c.ClientCertFile}, {"x-client.key", &c.ClientKey, &c.ClientKeyFile}} {
			w.write(filepath.Join(w.dir, f.name), *f.data)
			*f.path, *f.data = filepath.Join(w.dir, f.name), nil
		}
	}
	return []state{
		conf("another server", phases.Refuse, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.Server = "https://198.51.100.1:6443" },
			"server is https://198.51.100.1:6443, not {server} ({cert})"),
		conf("a slash behind the server", phases.Keep, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.Server += "/" }),
		conf("other names of user and cluster", phases.Keep, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.User, c.Cluster = "me", "home" }),
		conf("no CA", phases.Refuse, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.CA = nil }, "holds no certificate authority ({cert})"),
		conf("the CA is nonsense", phases.Refuse, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.CA = []byte("nonsense") },
			"certificate authority: file holds no PEM block ({cert})"),
		conf("no certificate, no key", phases.Refuse, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.ClientCert, c.ClientKey = nil, nil },
			"holds no client certificate ({cert})"),
		conf("no certificate", phases.Refuse, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.ClientCert = nil }, "holds no client certificate ({cert})"),
		conf("no key", phases.Refuse, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.ClientKey = nil }, "private key is missing ({cert})"),
		conf("a token instead", phases.Refuse, func(_ *world, _ certs.Spec, c *kubeconfig.Single) {
			c.ClientCert, c.ClientKey, c.Token = nil, nil, "abc"
		},
			"holds no client certificate ({cert})"),
		conf("paths instead of data", phases.Keep, toFiles),
		conf("relative paths", phases.Keep, func(w *world, s certs.Spec, c *kubeconfig.Single) {
			toFiles(w, s, c)
			c.CAFile, c.ClientCertFile, c.ClientKeyFile = "x-ca.crt", "x-client.crt", "./x-client.key"
		}),
		conf("paths to nothing", phases.Refuse, func(w *world, s certs.Spec, c *kubeconfig.Single) {
			toFiles(w, s, c)
			w.remove(c.CAFile, c.ClientCertFile, c.ClientKeyFile)
		},
			"certificate authority: the certificate authority it names is missing ({dir}/x-ca.crt) ({cert})",
			"the client certificate it names is missing ({dir}/x-client.crt) ({cert})",
			"the client key it names is missing ({dir}/x-client.key) ({cert})"),
		{name: "kubeconfig: the kubelet's own file", only: isConf, verb: phases.Keep, reason: "complete", plant: func(w *world, s certs.Spec) []string {
			// What kubeadm's kubelet-finalize leaves: both halves in one file that the kubelet renews.
			both := filepath.Join(w.dir, "kubelet-client-current.pem")
			w.write(both, append(pki.EncodeCertificates(w.chain(s)...), pemOf(w.t, w.key(s))...))
			w.conf(s, func(c *kubeconfig.Single) {
				c.ClientCert, c.ClientKey, c.ClientCertFile, c.ClientKeyFile = nil, nil, both, both
			})
			return nil
		}},
		edited("a CA given twice", "    server:", "    certificate-authority: x.crt\n    server:", `cluster "kubernetes": certificate-authority-data and certificate-authority are both given ({cert})`),
		edited("insecure", "    server:", "    insecure-skip-tls-verify: true\n    server:", `cluster "kubernetes": insecure-skip-tls-verify is set beside a CA ({cert})`),
		edited("a key given twice", "    client-key-data:", "    client-key: x.key\n    client-key-data:", `user "{user}": client-key-data and client-key are both given ({cert})`),
		edited("an exec plugin of old", "    client-key-data:", "    exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: aws}\n    client-key-data:", `user "{user}": its exec plugin has the apiVersion "client.authentication.k8s.io/v1alpha1" ({cert})`),
		edited("an exec plugin in no mode", "    client-key-data:", "    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws, interactiveMode: never}\n    client-key-data:", `user "{user}": its exec plugin has the interactiveMode "never" ({cert})`),
		edited("an auth provider of old", "    client-key-data:", "    auth-provider: {name: gcp}\n    client-key-data:", `user "{user}": auth provider "gcp" is not supported ({cert})`),
		edited("groups of nobody", "    client-key-data:", "    as-groups: [ops]\n    client-key-data:", `user "{user}": as-uid, as-groups or as-user-extra is set without as ({cert})`),
		text("empty", "", "current-context is not set ({cert})"),
		text("no users", "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context: {cluster: c, user: u}\nclusters:\n- name: c\n  cluster: {server: https://192.0.2.10:6443}\n",
			`context "a": user "u" does not exist ({cert})`),
		text("context to nowhere", "apiVersion: v1\nkind: Config\ncurrent-context: a\n", `current-context "a" is not among the contexts ({cert})`),
		text("not YAML", "{]\n", "not YAML: did not find expected node content ({cert})"),
		{name: "kubeconfig: another CA", only: isConf, verb: phases.Refuse,
			faults: []string{"trusts another CA: certificate {other} is not in {ca} ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				key := newKey(w.t)
				other := certify(w.t, template(w.row("ca")), nil, key, nil)
				w.conf(s, func(c *kubeconfig.Single) { c.CA = pki.EncodeCertificates(other) })
				return []string{"{other}", shortPrint(other.Raw), "{ca}", w.certFile(w.row("ca"))}
			}},
		{name: "kubeconfig: one CA of two", only: isConf, verb: phases.Refuse,
			faults: []string{"does not trust the whole CA: certificate {new} of {ca} is missing ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				key, path := newKey(w.t), w.certFile(w.row("ca"))
				next := certify(w.t, template(w.row("ca")), nil, key, nil)
				w.write(path, append(w.read(path), pki.EncodeCertificates(next)...))
				return []string{"{new}", shortPrint(next.Raw), "{ca}", path}
			},
		},
		{name: "kubeconfig: two CAs in another order", only: isConf, verb: phases.Keep, reason: "complete",
			plant: func(w *world, s certs.Spec) []string {
				key, path := newKey(w.t), w.certFile(w.row("ca"))
				next := pki.EncodeCertificates(certify(w.t, template(w.row("ca")), nil, key, nil))
				old := w.read(path)
				w.write(path, append(append([]byte{}, old...), next...))
				w.conf(s, func(c *kubeconfig.Single) { c.CA = append(append([]byte{}, next...), old...) })
				return nil
			},
		},
	}
}

// Under an external CA a kubeconfig that only trusts or goes wrong needs no new
// certificate: --reissue sets it right and leaves the rest as it is. Where the
// certificate is wrong too, it takes a new file.
func TestFrameUnderExternalCA(t *testing.T) {
	w := complete(t)
	s := w.row("admin")
	path := w.certFile(s)
	right := string(w.read(path))
	w.remove(w.keyFile(w.row("ca")))
	encoded := func(ca string) string {
		return base64.StdEncoding.EncodeToString(pki.EncodeCertificates(w.bundle(ca)...))
	}
	for name, wrong := range map[string]string{
		"server": strings.Replace(right, s.Place.Server, "https://198.51.100.1:6443", 1),
		"CA":     strings.Replace(right, encoded("ca"), encoded("etcd-ca"), 1),
		"no CA":  strings.Replace(right, "certificate-authority-data: ", "certificate-authority-data: ''\n    x: ", 1),
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, right, wrong)
			w.write(path, []byte(wrong+"# mine\n"))
			before := w.snapshot()
			r, err := w.init(nil, at(now))
			var refused *phases.RefusedError
			require.ErrorAs(t, err, &refused)
			require.Len(t, rowOf(t, r, "admin").Faults, 1)
			assert.Equal(t, "`pkitool init --reissue` sets it right and keeps the client certificate", rowOf(t, r, "admin").Faults[0].Hint)
			w.unchanged(before)

			r, err = w.init(nil, reissue())
			require.NoError(t, err)
			row := rowOf(t, r, "admin")
			assert.Equal(t, phases.Renew, row.Verb)
			assert.Equal(t, row.Faults[0].Text+"; the client certificate is kept", row.Reason)
			assert.Equal(t, []string{path}, row.Written)
			w.unchanged(before, path)
			if got := string(w.read(path)); name != "no CA" { // where a field was added
				assert.Equal(t, right+"# mine\n", got)
			}
			w.settled(nil)
		})
	}

	w.conf(s, func(c *kubeconfig.Single) {
		c.Server, c.ClientKey = "https://198.51.100.1:6443", pemOf(t, newKey(t))
	})
	before := w.snapshot()
	r, err := w.init(nil, reissue())
	assert.EqualError(t, err, "admin: server is https://198.51.100.1:6443, not "+s.Place.Server+" ("+path+")\nadmin: key does not match certificate ("+path+")")
	for _, f := range rowOf(t, r, "admin").Faults {
		assert.Equal(t, strings.Replace(hintCSR, "make a request", "move the file away, make a request", 1), f.Hint)
	}
	w.unchanged(before)
}

// shortPrint is the beginning of a certificate's SHA-256 in hex.
func shortPrint(der []byte) string { return fmt.Sprintf("%x", sha256.Sum256(der))[:16] }

// What a row's kubeconfig holds, from an empty directory: the whole bundle, the
// server that kubeadm would write, and the user under its own name.
func TestKubeconfigContent(t *testing.T) {
	w := empty(t)
	_, err := w.init(nil, at(now))
	require.NoError(t, err)
	users := map[string]string{
		"admin": "kubernetes-admin", "super-admin": "kubernetes-super-admin", "kubelet": "system:node:cp-1",
		"controller-manager": "system:kube-controller-manager", "scheduler": "system:kube-scheduler",
	}
	for name, user := range users {
		s := w.row(name)
		e := w.entry(s)
		assert.Equal(t, user, e.User.Name)
		assert.Equal(t, user+"@kubernetes", e.Context.Name)
		assert.Equal(t, "kubernetes", e.Cluster.Name)
		assert.Equal(t, "https://192.0.2.10:6443", e.Cluster.Server)
		assert.Equal(t, string(w.read(w.certFile(w.row("ca")))), string(e.Cluster.CA))
		assert.Equal(t, user, w.chain(s)[0].Subject.CommonName)
		info, err := os.Stat(w.certFile(s))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
}
