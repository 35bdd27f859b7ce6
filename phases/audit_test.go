package phases_test

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/audit"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// audit looks at the whole directory.
func (w *world) audit(o audit.Options) audit.Directory {
	w.t.Helper()
	if o.Now.IsZero() {
		o.Now = now
	}
	d, err := audit.Look(w.t.Context(), audit.Place{Site: w.site, Tree: w.tree}, o)
	require.NoError(w.t, err)
	return d
}

// line is a finding on one line, without the directory of the test.
func (w *world) line(f finding.Shown) string {
	return strings.ReplaceAll(fmt.Sprintf("%v %s: %s", f.Severity, f.ID, f), w.dir+"/", "")
}

// above are the findings that are not among others.
func (w *world) above(before, after []finding.Shown) []finding.Shown {
	var known []string
	for _, f := range before {
		known = append(known, w.line(f))
	}
	return slices.DeleteFunc(slices.Clone(after), func(f finding.Shown) bool { return slices.Contains(known, w.line(f)) })
}

// auditFault is a sound directory, and the one change that gives it a fault.
type auditFault struct {
	sound func(t testing.TB) *world // nil: complete
	plant func(w *world)
	// is says of what audit is asked about the place.
	is audit.Options
	// root: only root can make it.
	root bool
}

// remade gives a CA or a leaf another certificate, for the key that it has, which says the same but for a change.
func (w *world) remade(name string, change func(x, parent *x509.Certificate)) {
	w.t.Helper()
	s := w.row(name)
	x, key := *w.chain(s)[0], w.key(s)
	parent, signer := &x, key
	if isLeaf(s) {
		ca := *w.bundle(s.Issuer.Role)[0]
		parent, signer = &ca, w.key(w.row(s.Issuer.Role))
	}
	x.SerialNumber = big.NewInt(0x1234567)
	x.SignatureAlgorithm = 0
	change(&x, parent)
	w.place(s, key, certify(w.t, &x, parent, key, signer))
}

// clear removes all files.
func (w *world) clear() {
	for path, s := range w.snapshot() {
		if s.mode.IsRegular() {
			w.remove(path)
		}
	}
}

// second is a further CA, of a name.
func (w *world) second(cn string) (*x509.Certificate, crypto.Signer) {
	x, key := template(w.row("ca")), newKey(w.t)
	x.Subject.CommonName = cn
	return certify(w.t, x, nil, key, nil), key
}

// beside is the path of a file that is no row's, of a directory of certificates.
func (w *world) beside(name string) string { return filepath.Join(w.site.Cert, name) }

// person puts a kubeconfig that the cluster's CA signed beside the others.
func (w *world) person(name string, change func(*x509.Certificate), conf func(*kubeconfig.Single)) string {
	w.t.Helper()
	x, key := template(w.row("admin")), newKey(w.t)
	x.Subject.CommonName, x.Subject.Organization = "jane", []string{"dev"}
	if change != nil {
		change(x)
	}
	c := w.entry(w.row("admin")).Single()
	c.User = x.Subject.CommonName
	c.ClientCert, c.ClientKey = pki.EncodeCertificates(certify(w.t, x, w.bundle("ca")[0], key, w.key(w.row("ca")))), pemOf(w.t, key)
	if conf != nil {
		conf(&c)
	}
	data, err := c.Render()
	require.NoError(w.t, err)
	path := filepath.Join(w.dir, name)
	w.write(path, data)
	return path
}

// withNobody gives a directory that nobody said anything about, as `certs audit DIR` has it.
func withNobody(t testing.TB) *world {
	w := complete(t)
	w.unconfigured()
	return w
}

// unconfigured makes the tree the one of the command line without a configuration: the directory says what it knows.
func (w *world) unconfigured() {
	w.t.Helper()
	nobody := func() (string, netip.Addr) { return "", netip.Addr{} }
	settings, _, err := config.Load(config.Input{Host: config.NeutralHost(), Files: func(s config.Settings) map[certs.Facts]certs.Found {
		return judge.Known(treeOf(w.t, s.Cluster), w.site, nobody, nil)
	}, Needs: func(config.Settings) certs.Facts { return 0 }})
	require.NoError(w.t, err)
	w.tree = treeOf(w.t, settings.Cluster)
}

// twoTrusted puts a second CA into the cluster's file and all kubeconfigs, as in the middle of a rotation.
func twoTrusted(w *world) {
	ca, _ := w.second("kubernetes-2")
	both := append(w.read(w.certFile(w.row("ca"))), pki.EncodeCertificates(ca)...)
	w.write(w.certFile(w.row("ca")), both)
	for _, c := range confs {
		w.conf(w.row(c), func(c *kubeconfig.Single) { c.CA = both })
	}
}

// auditFaults are those that only a look at a whole directory finds, or that look different in one.
func auditFaults() map[finding.ID]auditFault {
	plant := func(f func(w *world)) auditFault { return auditFault{plant: f} }
	keyOf := func(name, of string) auditFault {
		return plant(func(w *world) {
			key := w.key(w.row(of))
			w.remade(name, func(x, _ *x509.Certificate) { x.PublicKey = key.Public() })
			s := w.row(name)
			w.place(s, key, certify(w.t, w.chain(s)[0], w.bundle(s.Issuer.Role)[0], key, w.key(w.row(s.Issuer.Role))))
		})
	}
	return map[finding.ID]auditFault{
		finding.KeyIDDiffers: plant(func(w *world) {
			w.remade("apiserver", func(_, ca *x509.Certificate) { ca.SubjectKeyId = []byte("another") })
		}),
		finding.StrictRefused: plant(func(w *world) {
			w.remade("apiserver", func(x, ca *x509.Certificate) { x.AuthorityKeyId, ca.SubjectKeyId = nil, nil })
		}),
		finding.CAEndsFirst: plant(func(w *world) {
			w.remade("front-proxy-ca", func(x, _ *x509.Certificate) { x.NotAfter = now.Add(300 * day) })
		}),
		finding.CABundleSigns: plant(twoTrusted),
		finding.TrustPartial: {sound: func(t testing.TB) *world {
			w := complete(t)
			twoTrusted(w)
			return w
		}, plant: func(w *world) {
			w.conf(w.row("admin"), func(c *kubeconfig.Single) { c.CA = pki.EncodeCertificates(w.bundle("ca")[0]) })
		}},
		finding.NamesLeftOut: {sound: func(t testing.TB) *world {
			w := complete(t)
			w.assume(certs.AdvertiseAddress)
			return w
		}, plant: func(w *world) { w.forge(w.row("etcd-peer"), dropIP("192.0.2.10")) }},
		finding.CommonNameLong: {sound: func(t testing.TB) *world {
			c := cluster()
			c.Nodes[0].Name = strings.Repeat("n", 60)
			w := empty(t)
			w.tree = treeOf(t, c)
			_, err := w.init(at(birth))
			require.NoError(t, err)
			require.NoError(t, os.Rename(w.certFile(w.row("kubelet")), filepath.Join(w.dir, "aside")))
			return w
		}, plant: func(w *world) {
			require.NoError(w.t, os.Rename(filepath.Join(w.dir, "aside"), w.certFile(w.row("kubelet"))))
		}},
		finding.SubjectControl: plant(func(w *world) {
			x, key := template(w.row("scheduler")), newKey(w.t)
			x.Subject.CommonName = "jane\x1b[1m"
			w.write(w.beside("jane.crt"), pki.EncodeCertificates(certify(w.t, x, w.bundle("ca")[0], key, w.key(w.row("ca")))))
		}),
		finding.SignatureUnchecked: plant(func(w *world) {
			s := w.row("front-proxy-client")
			md5 := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4}, Parameters: asn1.NullRawValue}
			w.write(w.certFile(s), pki.EncodeCertificates(rewrite(w.t, w.chain(s)[0], w.key(w.row(s.Issuer.Role)), func(b *tbs) { b.Algorithm = md5 })))
		}),
		finding.CABundleOrder: plant(func(w *world) {
			ca, _ := w.second("front-proxy-2")
			path := w.certFile(w.row("front-proxy-ca"))
			w.write(path, append(pki.EncodeCertificates(ca), w.read(path)...))
		}),
		finding.CAKeyUnneeded: {sound: func(t testing.TB) *world {
			c := cluster()
			c.Nodes[0].Roles, c.Joins, c.Endpoint = certs.WorkerNode, true, certs.Endpoint{Host: "192.0.2.10", Port: 6443}
			w := complete(t)
			w.tree = treeOf(t, c)
			kept := []string{w.certFile(w.row("ca")), w.certFile(w.row("kubelet"))}
			for path, s := range w.snapshot() {
				if s.mode.IsRegular() && !slices.Contains(kept, path) {
					w.remove(path)
				}
			}
			return w
		}, plant: func(w *world) {
			files, err := pristine()
			require.NoError(w.t, err)
			w.write(w.keyFile(w.row("ca")), files["pki/ca.key"])
		}},
		finding.CAKeyShared: keyOf("front-proxy-client", "front-proxy-ca"),
		finding.SAKeyShared: plant(func(w *world) {
			key := w.key(w.row("apiserver"))
			w.write(w.keyFile(w.row("sa")), pemOf(w.t, key))
			w.write(w.certFile(w.row("sa")), pubOf(w.t, key))
		}),
		finding.SAMissing: {sound: withNobody, plant: func(w *world) { w.remove(w.site.Files(w.row("sa"))...) }},
		finding.KeyShared: keyOf("etcd-peer", "etcd-server"),
		finding.KeyCopied: plant(func(w *world) { w.write(w.beside("old.key"), w.read(w.keyFile(w.row("apiserver")))) }),
		finding.SerialRepeated: plant(func(w *world) {
			first := w.chain(w.row("etcd-server"))[0]
			w.remade("etcd-peer", func(x, _ *x509.Certificate) { x.SerialNumber = first.SerialNumber })
		}),
		finding.ServerUncovered: {sound: withNobody, plant: func(w *world) { leadTo("https://lb.example.com:6443", "admin")(w) }},
		finding.ServerDiffers:   plant(leadTo("https://api.example.com:7443", "admin")),
		finding.MastersGroup: {sound: func(t testing.TB) *world {
			w := complete(t)
			w.remove(w.certFile(w.row("super-admin")))
			return w
		}, plant: func(w *world) {
			files, err := pristine()
			require.NoError(w.t, err)
			w.write(w.certFile(w.row("super-admin")), files["super-admin.conf"])
		}},
		finding.MastersGroupOther: plant(func(w *world) {
			w.person("jane.conf", func(x *x509.Certificate) { x.Subject.Organization = masters }, nil)
		}),
		finding.KubeconfigOlder: plant(func(w *world) {
			w.person("me.kubeconfig", func(x *x509.Certificate) {
				x.RawSubject, x.NotAfter = w.chain(w.row("admin"))[0].RawSubject, now.Add(day)
			}, nil)
		}),
		finding.NodeOther: {sound: withNobody, plant: func(w *world) {
			w.remade("kubelet", func(x, _ *x509.Certificate) { x.RawSubject, x.Subject.CommonName = nil, "system:node:cp-2" })
		}},
		finding.CANamesake: plant(func(w *world) {
			ca, _ := w.second("kubernetes")
			w.write(w.beside("ca-2019.crt"), pki.EncodeCertificates(ca))
		}),
		finding.IssuerUnknown: plant(func(w *world) {
			ca, caKey := w.second("corporate")
			key := newKey(w.t)
			w.write(w.beside("monitoring.crt"), pki.EncodeCertificates(certify(w.t, template(w.row("scheduler")), ca, key, caKey)))
		}),
		finding.ServingSelfSigned: plant(func(w *world) {
			x, key := template(w.row("apiserver")), newKey(w.t)
			x.Subject.CommonName = "cp-1@1760000000"
			w.write(w.beside("kubelet.crt"), pki.EncodeCertificates(certify(w.t, x, nil, key, nil)))
		}),
		finding.FileLinked: plant(func(w *world) {
			w.link(w.row("front-proxy-client"), 0o600)
		}),
		finding.OwnerOther: {root: true, plant: func(w *world) { w.give(w.certFile(w.row("apiserver"))) }},
		finding.FileForeign: {root: true, sound: func(t testing.TB) *world {
			w := complete(t)
			w.chmod(0o1777, w.site.Cert)
			return w
		}, plant: func(w *world) { w.give(w.keyFile(w.row("apiserver"))) }},
		finding.StagingLeft: plant(func(w *world) { w.write(w.beside(".pkitool-ABCDEFGHIJKLMNOPQRSTUVWXYZ"), []byte("half")) }),
		finding.BackupLeft: plant(func(w *world) {
			require.NoError(w.t, os.Mkdir(w.beside(phases.BackupPrefix+"20261101T120000Z"), 0o700))
		}),
		finding.KeyModeLoose: plant(func(w *world) { w.chmod(0o640, w.keyFile(w.row("apiserver"))) }),
		finding.ModeLoose:    plant(func(w *world) { w.chmod(0o664, w.certFile(w.row("apiserver"))) }),

		finding.CertificateMissing: plant(func(w *world) { w.remove(w.site.Files(w.row("etcd-peer"))...) }),
		finding.CertificateExpiring: {is: audit.Options{Within: &phases.Threshold{Left: 30 * day}}, plant: func(w *world) {
			w.remade("etcd-peer", func(x, _ *x509.Certificate) { x.NotAfter = now.Add(29 * day) })
		}},
		finding.LayoutOther: {sound: func(t testing.TB) *world {
			w := withNobody(t)
			ca, user := w.read(w.certFile(w.row("ca"))), w.read(w.certFile(w.row("apiserver-kubelet-client")))
			w.clear()
			w.write(w.certFile(w.row("ca")), ca)
			w.write(w.beside("user.crt"), user)
			return w
		}, plant: func(w *world) {
			require.NoError(w.t, os.Rename(w.certFile(w.row("ca")), w.beside("root.pem")))
		}},
		finding.NothingHere: plant((*world).clear),
		finding.CAMissing: {sound: func(t testing.TB) *world {
			w := complete(t)
			w.remove(w.site.Files(w.row("front-proxy-client"))...)
			return w
		}, plant: func(w *world) { w.remove(w.site.Files(w.row("front-proxy-ca"))...) }},
		finding.CAShared: plant(func(w *world) {
			ca, below := w.row("ca"), w.row("front-proxy-client")
			w.place(w.row("front-proxy-ca"), w.key(ca), w.bundle("ca")[0])
			w.place(below, w.key(below), certify(w.t, template(below), w.bundle("ca")[0], w.key(below), w.key(ca)))
		}),
	}
}

// unseen are the ids that no look at a directory can find, each with the reason.
var unseen = map[finding.ID]string{
	finding.AddressUnknown:     "init lacks a fact to make a row from",
	finding.NameUnknown:        "init lacks a fact to make a row from",
	finding.EndpointUnknown:    "init lacks a fact to make a row from",
	finding.ServerNotCovered:   "of a certificate that is yet to be made",
	finding.WouldOutliveCA:     "of a certificate that is yet to be made",
	finding.CAForbids:          "of a certificate that is yet to be made",
	finding.CAExternal:         "of a certificate that is yet to be made",
	finding.KeyNotMade:         "of a certificate that is yet to be made",
	finding.KeyNotReused:       "of a certificate that is yet to be made",
	finding.CACertificateNone:  "of a certificate that is brought in",
	finding.NamesNotAsked:      "of a certificate that is brought in",
	finding.GroupsNotAsked:     "of a certificate that is brought in",
	finding.UsagesNotAsked:     "of a certificate that is brought in",
	finding.ServerWithoutNames: "of a certificate that is issued",
	finding.IdentityReserved:   "of a certificate that is issued; in a directory it is masters-group-other",
	finding.LinkNotWritten:     "of a file that is replaced; in a directory it is file-linked",
	finding.KeyModeBehindLink:  "of a file that is replaced; in a directory it is key-mode-loose",
	finding.OwnerNotKept:       "of a file that is replaced; in a directory it is owner-other",
	finding.FileTaken:          "of a file that is written",
	finding.StillOld:           "of a file that was written",
	finding.NotThere:           "of a file that was written",
	finding.CASharedMissing:    "init would make another cluster's CA; in a directory it is authority-missing",
	finding.IssuerRefused:      "init does not judge a row below a CA that is refused; audit tells of the CA",
	finding.TrustNone:          "of a command line of verify",
	finding.CurrentUserNone:    "of check-expiration; in a directory it is current-context-unknown",
}

// planted are all faults of directories, by id: those of the judge in a whole directory, and the audit's own.
func planted(t testing.TB) map[finding.ID]auditFault {
	out := map[finding.ID]auditFault{}
	for id, f := range faults(t) {
		if f.find == nil {
			row := f.row
			if row == certs.ClusterCA {
				row = "front-proxy-ca" // no kubeconfig has a copy of it
			}
			out[id] = auditFault{root: f.root, plant: func(w *world) { f.plant(w, w.row(row)) }}
		}
	}
	maps.Copy(out, auditFaults())
	return out
}

// TestAuditFindsEveryFault: for every id of the table there is a directory that one change parts from a sound one, and an
// audit finds exactly this: whatever else it tells follows from it, and says so.
func TestAuditFindsEveryFault(t *testing.T) {
	all := planted(t)
	for _, file := range []string{"table_certificates.go", "table_authorities.go", "table_rows.go", "table_files.go", "table_directories.go"} {
		for _, id := range idsIn(t, file) {
			t.Run(string(id), func(t *testing.T) {
				t.Parallel()
				f, ok := all[id]
				if why, not := unseen[id]; not {
					require.False(t, ok, "it has a directory: %s is not needed", why)
					return
				}
				require.True(t, ok, "no directory has this fault")
				if f.root {
					fault{root: true}.needsRoot(t)
				}
				f.try(t, id)
			})
		}
	}
}

// try makes the fault, and gives the world and what is told of it beyond what a sound one has.
func (f auditFault) try(t testing.TB, id finding.ID) (*world, []finding.Shown) {
	t.Helper()
	sound := f.sound
	if sound == nil {
		sound = complete
	}
	w := sound(t)
	before := w.audit(f.is).Findings
	f.plant(w)
	drawn := f.is
	drawn.Picture = true
	after := w.audit(drawn)
	assert.Equal(t, after, w.audit(drawn), "the same twice")
	found := w.above(before, after.Findings)
	own := 0
	for _, x := range found {
		assert.NotRegexp(t, `\{(had|wanted|row|phase|path)[0-9]?\}`, x.Text+x.Reason+x.Hint)
		switch {
		case x.ID == id:
			own++
			assert.True(t, x.Severity == finding.Notice || x.Hint != "", "nothing says what to do: %s", w.line(x))
		case x.Follows == "":
			assert.Fail(t, "two ids for one fault", "%s", w.line(x))
		}
	}
	assert.Positive(t, own, "not found: %v", found)
	return w, found
}

// TestAuditOfCopiedKeys: a copy of a row's key is found beside certificates too, and a file that the row itself uses is
// none: it is the key.
func TestAuditOfCopiedKeys(t *testing.T) {
	copied := func(w *world) (out []string) {
		for _, f := range w.audit(audit.Options{}).Findings {
			if f.ID == finding.KeyCopied {
				out = append(out, w.below(f.Path)+": "+f.Text)
			}
		}
		return out
	}
	w := complete(t)
	s := w.row("apiserver")
	w.write(w.beside("proxy.pem"), append(w.read(w.certFile(s)), w.read(w.keyFile(s))...))
	assert.Equal(t, []string{"pki/proxy.pem: holds a copy of the private key of apiserver"}, copied(w))

	for _, absolute := range []bool{false, true} {
		w := complete(t)
		file := w.beside("kubelet.key")
		w.write(file, pemOf(t, w.key(w.row("kubelet"))))
		require.Len(t, copied(w), 1, "a copy")
		w.conf(w.row("kubelet"), func(c *kubeconfig.Single) {
			if c.ClientKey, c.ClientKeyFile = nil, file; !absolute {
				c.ClientKeyFile = "pki/kubelet.key"
			}
		})
		assert.Empty(t, copied(w), "it is the key")
		w.chmod(0o644, file)
		assert.Contains(t, w.worth(w.audit(audit.Options{}).Findings), "warning key-mode-loose: private key can be read by others: mode 0644 (pki/kubelet.key)")
	}
}
