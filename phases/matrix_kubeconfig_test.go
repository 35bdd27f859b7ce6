package phases_test

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// toFiles has a kubeconfig name its data instead of holding it.
func toFiles(w *world, _ certs.Spec, c *kubeconfig.Single) {
	for _, f := range []struct {
		name string
		data *[]byte
		path *string
	}{{"x-ca.crt", &c.CA, &c.CAFile}, {"x-client.crt", &c.ClientCert, &c.ClientCertFile}, {"x-client.key", &c.ClientKey, &c.ClientKeyFile}} {
		w.write(filepath.Join(w.dir, f.name), *f.data)
		*f.path, *f.data = filepath.Join(w.dir, f.name), nil
	}
}

// toKubelets makes a kubeconfig what kubeadm's kubelet-finalize leaves: both halves in one file that the kubelet renews.
func toKubelets(w *world, s certs.Spec) {
	both := filepath.Join(w.dir, "kubelet-client-current.pem")
	w.write(both, append(pki.EncodeCertificates(w.chain(s)...), pemOf(w.t, w.key(s))...))
	w.conf(s, func(c *kubeconfig.Single) {
		c.ClientCert, c.ClientKey, c.ClientCertFile, c.ClientKeyFile = nil, nil, both, both
	})
}

// shortPrint is the beginning of a certificate's SHA-256 in hex.
func shortPrint(der []byte) string { return fmt.Sprintf("%x", sha256.Sum256(der))[:16] }

// kubeconfigStates are what can be wrong with a kubeconfig beyond its certificate and key.
func kubeconfigStates() []state {
	conf := func(name string, v verbs, change func(w *world, s certs.Spec, c *kubeconfig.Single), want ...string) state {
		return state{name: "kubeconfig: " + name, only: isConf, verbs: v, want: want, plant: func(w *world, s certs.Spec) []string {
			w.conf(s, func(c *kubeconfig.Single) { change(w, s, c) })
			return nil
		}}
	}
	// There is no certificate to renew; the request is for the key that is there, or for a new one.
	empty := verbs{phases.Refuse, phases.Renew, phases.Refuse, phases.Request}
	// The file is no kubeconfig that anybody can use.
	unusable := verbs{phases.Refuse, phases.Renew, phases.Refuse, phases.Refuse}
	text := func(name, content, want string) state {
		return state{name: "kubeconfig: " + name, only: isConf, verbs: unusable, want: []string{want},
			plant: func(w *world, s certs.Spec) []string { w.write(w.certFile(s), []byte(content)); return nil }}
	}
	edited := func(name, old, new, want string) state {
		return state{name: "kubeconfig: " + name, only: isConf, verbs: wrong, want: []string{want}, plant: func(w *world, s certs.Spec) []string {
			text := string(w.read(w.certFile(s)))
			require.Contains(w.t, text, old)
			w.write(w.certFile(s), []byte(strings.Replace(text, old, new, 1)))
			return []string{"{user}", s.User()}
		}}
	}
	own := func(name string, v verbs, plant func(w *world, s certs.Spec), want ...string) state {
		return state{name: "kubeconfig: " + name, only: isConf, verbs: v, want: want, plant: func(w *world, s certs.Spec) []string { plant(w, s); return nil }}
	}
	// twoCAs puts a second CA into ca.crt and gives both.
	twoCAs := func(w *world) (old, next []byte, der []byte) {
		key, path := newKey(w.t), w.certFile(w.row("ca"))
		c := certify(w.t, template(w.row("ca")), nil, key, nil)
		old, next = w.read(path), pki.EncodeCertificates(c)
		w.write(path, append(append([]byte{}, old...), next...))
		return old, next, c.Raw
	}
	return []state{
		conf("another server", better, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.Server = "https://198.51.100.1:6443" },
			"server-differs: server is https://198.51.100.1:6443, not {server} ({cert})"),
		own("another server, and nobody gave one", sound, func(w *world, s certs.Spec) {
			w.assume(certs.AdvertiseAddress)
			w.conf(s, func(c *kubeconfig.Single) { c.Server = "https://198.51.100.1:6443" })
		}),
		conf("a slash behind the server", sound, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.Server += "/" }),
		conf("other names of user and cluster", sound, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.User, c.Cluster = "me", "home" }),
		conf("no CA", wrong, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.CA = nil }, "trust-missing: holds no certificate authority ({cert})"),
		conf("the CA is nonsense", wrong, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.CA = []byte("nonsense") },
			"pem-missing: certificate authority: file holds no PEM block ({cert})"),
		conf("the CA is behind a byte-order mark", wrong, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.CA = append([]byte(byteOrderMark), c.CA...) },
			"byte-order-mark: certificate authority: begins with a byte-order mark, behind which no Kubernetes component finds a PEM block ({cert})"),
		conf("no certificate, no key", empty, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.ClientCert, c.ClientKey = nil, nil },
			"client-certificate-none: holds no client certificate ({cert})"),
		conf("no certificate", empty, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.ClientCert = nil },
			`client-certificate-missing: user "{cn}": has a client key without its certificate ({cert})`, "client-certificate-none: holds no client certificate ({cert})"),
		conf("no key", wrong, func(_ *world, _ certs.Spec, c *kubeconfig.Single) { c.ClientKey = nil },
			`client-key-missing: user "{cn}": has a client certificate without its key ({cert})`, "key-missing: private key is missing ({cert})"),
		conf("a token instead", empty, func(_ *world, _ certs.Spec, c *kubeconfig.Single) {
			c.ClientCert, c.ClientKey, c.Token = nil, nil, "abc"
		}, "client-certificate-none: holds no client certificate ({cert})"),
		conf("paths instead of data", sound, toFiles, "files-elsewhere: names a certificate that its owner renews: {dir}/x-client.crt ({cert})"),
		conf("relative paths", sound, func(w *world, s certs.Spec, c *kubeconfig.Single) {
			toFiles(w, s, c)
			c.CAFile, c.ClientCertFile, c.ClientKeyFile = "x-ca.crt", "x-client.crt", "./x-client.key"
		}, "files-elsewhere: names a certificate that its owner renews: x-client.crt ({cert})"),
		conf("paths to nothing", unusable, func(w *world, s certs.Spec, c *kubeconfig.Single) {
			toFiles(w, s, c)
			w.remove(c.CAFile, c.ClientCertFile, c.ClientKeyFile)
		},
			"named-file-missing: certificate authority: the certificate authority it names is missing ({dir}/x-ca.crt) ({cert})",
			"named-file-missing: the client key it names is missing ({dir}/x-client.key) ({cert})",
			"named-file-missing: the client certificate it names is missing ({dir}/x-client.crt) ({cert})",
			"files-elsewhere: names a certificate that its owner renews: {dir}/x-client.crt ({cert})"),
		own("the kubelet's own file", sound, func(w *world, s certs.Spec) { toKubelets(w, s) },
			"files-elsewhere: names a certificate that its owner renews: {dir}/kubelet-client-current.pem ({cert})"),
		own("the kubelet's own file has expired", sound, func(w *world, s certs.Spec) { w.forge(s, expiredCert); toKubelets(w, s) },
			"certificate-expired: certificate has expired on 2026-11-24T11:59:59Z ({cert})",
			"files-elsewhere: names a certificate that its owner renews: {dir}/kubelet-client-current.pem ({cert})"),
		edited("a CA given twice", "    server:", "    certificate-authority: x.crt\n    server:", `ca-given-twice: cluster "kubernetes": certificate-authority-data and certificate-authority are both given ({cert})`),
		edited("insecure", "    server:", "    insecure-skip-tls-verify: true\n    server:", `insecure-with-ca: cluster "kubernetes": insecure-skip-tls-verify is set beside a CA ({cert})`),
		edited("a key given twice", "    client-key-data:", "    client-key: x.key\n    client-key-data:", `client-key-given-twice: user "{user}": client-key-data and client-key are both given ({cert})`),
		edited("an exec plugin of old", "    client-key-data:", "    exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: aws}\n    client-key-data:",
			`exec-version: user "{user}": its exec plugin has the apiVersion "client.authentication.k8s.io/v1alpha1" ({cert})`),
		edited("groups of nobody", "    client-key-data:", "    as-groups: [ops]\n    client-key-data:", `impersonate-without-user: user "{user}": as-uid, as-groups or as-user-extra is set without as ({cert})`),
		text("empty", "", "current-context-missing: current-context is not set ({cert})"),
		text("no users", "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context: {cluster: c, user: u}\nclusters:\n- name: c\n  cluster: {server: https://192.0.2.10:6443}\n",
			`context-user-unknown: context "a": user "u" does not exist ({cert})`),
		text("context to nowhere", "apiVersion: v1\nkind: Config\ncurrent-context: a\n", `current-context-unknown: current-context "a" is not among the contexts ({cert})`),
		text("not YAML", "{]\n", "kubeconfig-broken: not YAML: did not find expected node content ({cert})"),
		{name: "kubeconfig: another CA", only: isConf, verbs: wrong, want: []string{"trust-other: trusts another CA: certificate {other} is not in {ca} ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				key := newKey(w.t)
				x := template(w.row("ca"))
				x.Subject.CommonName = "other"
				other := certify(w.t, x, nil, key, nil)
				w.conf(s, func(c *kubeconfig.Single) { c.CA = pki.EncodeCertificates(other) })
				return []string{"{other}", shortPrint(other.Raw)}
			}},
		{name: "kubeconfig: another CA of the same name", only: isConf, verbs: wrong,
			want: []string{"trust-namesake: trusts another CA of the same name: it has the key {theirs}, the CA here {ours} ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				key := newKey(w.t)
				other := certify(w.t, template(w.row("ca")), nil, key, nil)
				w.conf(s, func(c *kubeconfig.Single) { c.CA = pki.EncodeCertificates(other) })
				return []string{"{theirs}", fmt.Sprintf("%x", other.SubjectKeyId[:8]), "{ours}", fmt.Sprintf("%x", w.bundle("ca")[0].SubjectKeyId[:8])}
			}},
		{name: "kubeconfig: the CA before it was renewed with its key", only: isConf, verbs: better,
			want: []string{"trust-partial: does not trust the whole CA: certificate {new} of {ca} is missing ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				resign(func(*certificate) {})(w, w.row("ca"))
				return []string{"{new}", shortPrint(w.bundle("ca")[0].Raw)}
			}},
		{name: "kubeconfig: the CA before it was renewed with its key, and that has ended", only: isConf, verbs: wrong,
			want: []string{"trust-other: trusts another CA: certificate {old} is not in {ca} ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				good := w.bundle("ca")[0]
				resign(func(c *certificate) { c.NotAfter = now.Add(-time.Second) })(w, w.row("ca"))
				old := w.bundle("ca")[0]
				w.conf(s, func(c *kubeconfig.Single) { c.CA = pki.EncodeCertificates(old) })
				w.write(w.certFile(w.row("ca")), pki.EncodeCertificates(good))
				return []string{"{old}", shortPrint(old.Raw)}
			}},
		{name: "kubeconfig: one CA of two", only: isConf, verbs: better, want: []string{"trust-partial: does not trust the whole CA: certificate {new} of {ca} is missing ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				_, _, der := twoCAs(w)
				return []string{"{new}", shortPrint(der)}
			}},
		{name: "kubeconfig: one CA more", only: isConf, verbs: sound, want: []string{"trust-more: trusts more than the CA: certificate {new} is not in {ca} ({cert})"},
			plant: func(w *world, s certs.Spec) []string {
				old, next, der := twoCAs(w)
				w.write(w.certFile(w.row("ca")), old)
				w.conf(s, func(c *kubeconfig.Single) { c.CA = append(append([]byte{}, next...), old...) })
				return []string{"{new}", shortPrint(der)}
			}},
		own("two CAs in another order", sound, func(w *world, s certs.Spec) {
			old, next, _ := twoCAs(w)
			w.conf(s, func(c *kubeconfig.Single) { c.CA = append(append([]byte{}, next...), old...) })
		}),
	}
}
