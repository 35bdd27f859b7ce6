package phases_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// fault is a directory that has one fault, and the run that finds it.
type fault struct {
	row   string
	plant func(w *world, s certs.Spec)
	// find is the run; nil: the judge.
	find func(w *world, s certs.Spec) []finding.Finding
	// askers are who meet it, and so whose remedies are tried; none: all who may.
	askers []finding.Asker
	// root: only root can make it, since somebody else owns a file.
	root bool
	// stays: it is about what the command cannot do, and so is there as before.
	stays bool
}

// elsewhere are the ids that no row of a directory can have, each with the test that has it.
var elsewhere = map[finding.ID]string{
	finding.StillOld:           "TestProof",
	finding.NotThere:           "TestProof",
	finding.ModeLoose:          "TestProof",
	finding.ServerWithoutNames: "TestIssueRefuses",
	finding.IdentityReserved:   "TestIdentity",
	finding.CACertificateNone:  "TestImportRefuses",
	finding.SignatureUnchecked: "TestSignatureUnchecked in phases/judge",
	finding.SubjectControl:     "TestCertificate in phases/judge: a row has another subject then, too",
	finding.TrustNone:          "testdata/script/verify_basic.txtar",
	finding.FileTaken:          "TestResume",
	finding.NamesNotAsked:      "TestImportOfNamesThatNobodyAskedFor",
	finding.GroupsNotAsked:     "TestImportOfWhatNobodyAskedFor",
	finding.UsagesNotAsked:     "TestImportOfWhatNobodyAskedFor",

	// Of components that run.
	finding.LiveUnreachable:      "TestLive in phases/audit",
	finding.LiveNoTLS:            "TestLive in phases/audit",
	finding.LiveHandshakeFails:   "TestLive in phases/audit",
	finding.LiveNotReloaded:      "TestLive in phases/audit",
	finding.LiveOtherCertificate: "TestLive in phases/audit",
	finding.LiveOtherNode:        "TestLive in phases/audit",
	finding.LiveSelfSigned:       "TestLive in phases/audit",
	finding.LiveServerNotCovered: "TestLive in phases/audit",
	finding.LiveClientsNotAsked:  "TestLive in phases/audit",
	finding.LiveClientCAOther:    "TestLive in phases/audit",
	finding.LiveClientCAPartial:  "TestLive in phases/audit",
	finding.LiveClientCAStale:    "TestLive in phases/audit",
	finding.LiveNameMissing:      "TestLiveName in phases/audit",
}

// policyFaults are those that no state of the matrix has by itself: a policy finds them.
func policyFaults() map[finding.ID]fault {
	gone := func(w *world, s certs.Spec) { w.remove(w.site.Files(s)...) }
	init := func(w *world, s certs.Spec) []finding.Finding {
		chosen := judge.Selection{s.ID: true}
		return findingsOf(phases.DecideInit(w.judged(chosen), chosen, at(now)))
	}
	renew := func(o phases.RenewOptions) func(w *world, s certs.Spec) []finding.Finding {
		return func(w *world, s certs.Spec) []finding.Finding {
			return findingsOf(phases.DecideRenewal(w.judged(nil), judge.Selection{s.ID: true}, o))
		}
	}
	expiry := func(o phases.ExpiryOptions) func(w *world, s certs.Spec) []finding.Finding {
		return func(w *world, s certs.Spec) []finding.Finding {
			x, err := phases.CheckExpiration(w.t.Context(), w.tree, w.site, w.only(s.Name), o)
			require.NoError(w.t, err)
			var out []finding.Finding
			for _, f := range x.Findings {
				out = append(out, finding.Finding{ID: f.ID, Severity: f.Severity, Row: f.Row, Phase: s.Phase(), Path: f.Path, Had: f.Had})
			}
			return out
		}
	}
	spoiltCA := func(w *world, s certs.Spec) { w.write(w.keyFile(w.row(s.Issuer.Role)), pemOf(w.t, newKey(w.t))) }
	soon := func(w *world, s certs.Spec) {
		x, key := template(s), newKey(w.t)
		x.NotAfter = now.Add(10 * day)
		w.place(s, key, certify(w.t, x, w.bundle("ca")[0], key, w.key(w.row("ca"))))
	}
	lacking := func(change func(*certs.Cluster)) func(w *world, s certs.Spec) {
		return func(w *world, s certs.Spec) {
			gone(w, s)
			c := cluster()
			change(&c)
			w.tree = treeOf(w.t, c)
		}
	}
	drop, reuse := renewal(), renewal()
	drop.DropSANs, reuse.ReuseKey = pki.SANs{IPs: []netip.Addr{netip.MustParseAddr("192.0.2.10")}}, true
	return map[finding.ID]fault{
		finding.CertificateMissing:  {row: "apiserver", plant: gone, find: renew(renewal())},
		finding.CertificateExpiring: {row: "apiserver", plant: soon, find: expiry(phases.ExpiryOptions{Now: now, Within: &phases.Threshold{Left: 30 * day}})},
		finding.CAMissing: {row: "apiserver", find: init, askers: []finding.Asker{finding.Init}, plant: func(w *world, s certs.Spec) {
			gone(w, s)
			gone(w, w.row("ca"))
		}},
		finding.CASharedMissing: {row: "ca", find: init, askers: []finding.Asker{finding.Init}, plant: func(w *world, s certs.Spec) {
			gone(w, s)
			gone(w, w.row("apiserver"))
			c := cluster()
			c.Joins = true
			w.tree = treeOf(w.t, c)
		}},
		finding.CAShared: {row: "front-proxy-ca", plant: func(w *world, s certs.Spec) {
			ca := w.row("ca")
			gone(w, w.row("front-proxy-client"))
			w.write(w.certFile(s), w.read(w.certFile(ca)))
			w.write(w.keyFile(s), w.read(w.keyFile(ca)))
		}, find: func(w *world, s certs.Spec) []finding.Finding {
			c, _ := w.judged(judge.Selection{s.ID: true, {Role: "ca"}: true}).Case(s.ID)
			return c.Findings
		}},
		finding.IssuerRefused: {row: "apiserver", plant: spoiltCA, find: func(w *world, s certs.Spec) []finding.Finding {
			return slices.DeleteFunc(init(w, s), func(f finding.Finding) bool { return f.Row != s.Name }) // its CA has its own
		}},
		finding.AddressUnknown:  {row: "apiserver", find: init, askers: []finding.Asker{finding.Init}, plant: lacking(func(c *certs.Cluster) { c.Nodes[0].AdvertiseAddress = netip.Addr{} })},
		finding.NameUnknown:     {row: "etcd-peer", find: init, askers: []finding.Asker{finding.Init}, plant: lacking(func(c *certs.Cluster) { c.Nodes[0].Name = "" })},
		finding.EndpointUnknown: {row: "kubelet", find: init, askers: []finding.Asker{finding.Init}, plant: lacking(func(c *certs.Cluster) { c.Nodes[0].Roles = certs.WorkerNode })},
		finding.WouldOutliveCA:  {row: "apiserver", find: renew(renewal()), askers: []finding.Asker{finding.Renew}, plant: func(w *world, _ certs.Spec) { w.shortCA() }},
		finding.CAForbids: {row: "scheduler", find: renew(renewal()), askers: []finding.Asker{finding.Renew}, plant: func(w *world, _ certs.Spec) {
			resign(func(c *certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })(w, w.row("ca"))
		}},
		finding.CAExternal:     {stays: true, row: "apiserver", find: renew(renewal()), askers: []finding.Asker{finding.External}, plant: func(w *world, s certs.Spec) { w.remove(w.keyFile(w.row("ca"))) }},
		finding.LinkNotWritten: {row: "apiserver", find: renew(renewal()), askers: []finding.Asker{finding.Renew}, plant: func(w *world, s certs.Spec) { w.link(s, 0o600) }},

		finding.KeyNotMade: {row: "apiserver", find: renew(renewal()), askers: []finding.Asker{finding.Renew}, plant: func(w *world, s certs.Spec) {
			key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
			require.NoError(w.t, err)
			w.place(s, key, certify(w.t, template(s), w.bundle("ca")[0], key, w.key(w.row("ca"))))
		}},
		finding.KeyNotReused: {row: "apiserver", find: renew(reuse), askers: []finding.Asker{finding.Renew}, plant: func(w *world, s certs.Spec) { w.remove(w.keyFile(s)) }},
		finding.ServerNotCovered: {row: "apiserver", find: renew(drop), askers: []finding.Asker{finding.Renew}, plant: func(w *world, _ certs.Spec) {
			files, err := pristine()
			require.NoError(w.t, err)
			w.write(filepath.Join(w.dir, "admin.conf"), files["admin.conf"])
		}},
		finding.NothingHere: {row: "ca", askers: []finding.Asker{finding.Check}, plant: func(w *world, s certs.Spec) { require.NoError(w.t, os.RemoveAll(w.site.Cert)) }, find: func(w *world, s certs.Spec) []finding.Finding {
			x, err := phases.CheckExpiration(w.t.Context(), w.tree, w.site, nil, phases.ExpiryOptions{Now: now})
			require.NoError(w.t, err)
			if len(x.Findings) == 0 {
				return nil
			}
			return []finding.Finding{{ID: x.Findings[0].ID}}
		}},
		finding.CurrentUserNone: {row: "admin", find: expiry(phases.ExpiryOptions{Now: now}), plant: func(w *world, s certs.Spec) {
			text := string(w.read(w.certFile(s)))
			w.write(w.certFile(s), []byte(strings.Replace(text, "current-context: kubernetes-admin@kubernetes", "current-context: nobody", 1)))
		}},
		finding.CAVersion1: {row: "ca", plant: func(w *world, s certs.Spec) {
			x, key := template(s), newKey(w.t)
			old := version1(w.t, certify(w.t, x, nil, key, nil), key)
			w.write(w.certFile(s), append(w.read(w.certFile(s)), pki.EncodeCertificates(old)...))
		}},
		finding.BundlePartRefused: {row: "ca", plant: func(w *world, s certs.Spec) {
			w.write(w.certFile(s), append(w.read(w.certFile(s)), "-----BEGIN CERTIFICATE-----\nhalf\n"...))
		}},
		finding.KeyMislabelled: {row: "ca", plant: func(w *world, s certs.Spec) {
			w.write(w.keyFile(s), []byte(strings.ReplaceAll(string(w.read(w.keyFile(s))), "EC PRIVATE", "RSA PRIVATE")))
		}},
		finding.PublicKeyNone: {row: "sa", plant: func(w *world, s certs.Spec) {
			w.write(w.certFile(s), pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte("x")}))
		}},
		finding.PublicKeyBroken: {row: "sa", plant: func(w *world, s certs.Spec) {
			w.write(w.certFile(s), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}))
		}},
		finding.NamedFileMissing: {row: "scheduler", plant: func(w *world, s certs.Spec) {
			w.conf(s, func(c *kubeconfig.Single) { c.CA, c.CAFile = nil, filepath.Join(w.dir, "nowhere") })
		}},
		finding.NamedFileUnreadable: {row: "scheduler", plant: func(w *world, s certs.Spec) {
			w.conf(s, func(c *kubeconfig.Single) { c.CA, c.CAFile = nil, w.dir })
		}},
		finding.KeyModeBehindLink: {row: "apiserver", find: init, askers: []finding.Asker{finding.Init}, plant: func(w *world, s certs.Spec) { w.link(s, 0o640) }},
		finding.FileUnreadable: {row: "apiserver", plant: func(w *world, s certs.Spec) {
			w.remove(w.certFile(s))
			require.NoError(w.t, os.Mkdir(w.certFile(s), 0o755))
		}},
		finding.DirectoryOpen:   {row: "ca", plant: func(w *world, s certs.Spec) { w.chmod(0o777, w.site.Cert) }},
		finding.DirectoryShared: {row: "ca", plant: func(w *world, s certs.Spec) { w.chmod(0o777|fs.ModeSticky, w.site.Cert) }},
		finding.FileOpen:        {row: "apiserver", plant: func(w *world, s certs.Spec) { w.chmod(0o666, w.keyFile(s)) }},
		finding.FileForeign: {row: "apiserver", root: true, plant: func(w *world, s certs.Spec) {
			w.chmod(0o777|fs.ModeSticky, w.site.Cert)
			w.give(w.keyFile(s))
		}},
		finding.CAKeyForeign: {row: "ca", root: true, plant: func(w *world, s certs.Spec) { w.give(w.keyFile(s)) }},
		finding.OwnerNotKept: {row: "apiserver", root: true, find: renew(renewal()), askers: []finding.Asker{finding.Renew}, plant: func(w *world, s certs.Spec) {
			w.give(w.site.Cert, w.keyFile(s))
		}},
		finding.KeyModeLoose: {row: "external-etcd-client", plant: func(w *world, s certs.Spec) {
			c := cluster()
			c.ExternalEtcd = &certs.ExternalEtcd{CAFile: w.certFile(w.row("etcd-ca")), CertFile: w.certFile(w.row("etcd-peer")), KeyFile: w.keyFile(w.row("etcd-peer"))}
			w.tree = treeOf(w.t, c)
			require.NoError(w.t, os.Chmod(c.ExternalEtcd.KeyFile, 0o640))
		}, askers: []finding.Asker{finding.Given}},
	}
}

// findingsOf are the findings of all rows of a plan.
func findingsOf(p phases.Plan) []finding.Finding {
	var out []finding.Finding
	for _, a := range p.Actions {
		out = append(out, a.Findings...)
	}
	return out
}

// matrixFaults are the states of the matrix in which a row has one fault and no other.
func matrixFaults(t testing.TB) map[finding.ID]fault {
	out := map[finding.ID]fault{}
	for _, name := range []string{"apiserver", "apiserver-kubelet-client", "kubelet", "etcd-peer", "ca", "sa"} {
		s := treeRow(t, name)
		for _, st := range statesOf(s) {
			if len(st.want) != 1 || st.only != nil && !st.only(s) {
				continue
			}
			id, _, _ := strings.Cut(st.want[0], ":")
			if _, ok := out[finding.ID(id)]; !ok {
				out[finding.ID(id)] = fault{row: name, plant: func(w *world, s certs.Spec) { st.plant(w, s) }}
			}
		}
	}
	return out
}

func faults(t testing.TB) map[finding.ID]fault {
	out := matrixFaults(t)
	maps.Copy(out, policyFaults())
	return out
}

// world is a directory with the fault.
func (f fault) world(t testing.TB) (*world, certs.Spec) {
	t.Helper()
	rows := []certs.Spec{treeRow(t, "apiserver")}
	switch s, ok := treeOf(t, cluster()).Row(certs.ID{Role: f.row}); {
	case !ok: // of an external etcd
		rows = append(rows, treeRow(t, "etcd-peer"))
	case s.Kind == certs.CA && s.Name != "ca":
		rows = append(rows, s, belowOf(&world{tree: treeOf(t, cluster())}, s))
	default:
		rows = append(rows, s)
	}
	w := part(t, rows...)
	f.plant(w, rows[min(1, len(rows)-1)])
	return w, w.row(f.row)
}

// needsRoot skips what only root can make.
func (f fault) needsRoot(t testing.TB) {
	if f.root && os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can give files to others; run the tests as root to try what other users own")
	}
}

// give gives files and directories to a user and a group who are neither root nor us.
func (w *world) give(paths ...string) {
	w.t.Helper()
	for _, p := range paths {
		require.NoError(w.t, os.Chown(p, 65534, 65533))
	}
}

func (w *world) chmod(mode fs.FileMode, paths ...string) {
	w.t.Helper()
	for _, p := range paths {
		require.NoError(w.t, os.Chmod(p, mode))
	}
}

func (f fault) found(w *world, s certs.Spec) []finding.Finding {
	if f.find != nil {
		return f.find(w, s)
	}
	c, ok := w.judged(judge.Selection{s.ID: true}).Case(s.ID)
	require.True(w.t, ok)
	return c.Findings
}

// idsIn are the ids that a file of the table declares.
func idsIn(t testing.TB, file string) []finding.ID {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "finding", file))
	require.NoError(t, err)
	var out []finding.ID
	for _, m := range regexp.MustCompile(`(?m)^\t\w+ +ID = "([a-z0-9-]+)"`).FindAllStringSubmatch(string(text), -1) {
		out = append(out, finding.ID(m[1]))
	}
	require.NotEmpty(t, out, file)
	return out
}

// TestEveryFinding: for every id of the table a directory has exactly this fault, and the run finds exactly this.
func TestEveryFinding(t *testing.T) {
	all := faults(t)
	for _, file := range []string{"table_certificates.go", "table_authorities.go", "table_rows.go", "table_files.go", "table_live.go"} {
		for _, id := range idsIn(t, file) {
			t.Run(string(id), func(t *testing.T) {
				t.Parallel()
				f, ok := all[id]
				if where, other := elsewhere[id]; other {
					assert.False(t, ok, "it has a directory: %s is not needed", where)
					return
				}
				require.True(t, ok, "no directory has this fault")
				f.needsRoot(t)
				w, s := f.world(t)
				var got []finding.ID
				for _, x := range f.found(w, s) {
					got = append(got, x.ID)
				}
				assert.Equal(t, []finding.ID{id}, got)
			})
		}
	}
}
