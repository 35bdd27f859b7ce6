package phases_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// TestEveryRemedy runs the commands of every remedy as they are printed: then the finding is gone, and no other error
// is in its place.
func TestEveryRemedy(t *testing.T) {
	all := faults(t)
	run := 0
	for _, id := range slices.Sorted(maps.Keys(all)) {
		f := all[id]
		if f.root && os.Geteuid() != 0 {
			t.Logf("SKIPPED: %s: only root can give files to others", id)
			continue
		}
		askers := f.askers
		if askers == nil {
			askers = []finding.Asker{finding.Check, finding.Init, finding.Renew, finding.External}
			if s := treeRow(t, f.row); !isLeaf(s) {
				askers = []finding.Asker{finding.Check, finding.Kept}
			}
		}
		tried := map[string]bool{}
		for _, asker := range askers {
			w, s := f.world(t)
			found := f.found(w, s)
			require.NotEmpty(t, found, id)
			x := found[0]
			remedy := x.At(s.ID.String(), s.Phase(), "").Remedy(asker)
			commands := regexp.MustCompile("`pkitool ([^`]*)`|((?:chmod|chown) .*)$").FindAllStringSubmatch(remedy, -1)
			if len(commands) == 0 || tried[remedy] {
				continue
			}
			tried[remedy] = true
			run++
			t.Run(string(id)+"/"+remedy, func(t *testing.T) {
				t.Parallel()
				w.t = t
				c := commander{world: w}
				if asker == finding.External {
					c.keepCA(s)
				}
				if strings.Contains(remedy, "move the file away") {
					w.remove(x.Path)
				}
				for _, command := range commands {
					if command[2] != "" {
						require.NoError(t, exec.Command("sh", "-c", command[2]).Run(), command[2])
						continue
					}
					c.run(strings.Fields(command[1]))
				}
				for _, left := range f.found(w, s) {
					assert.Equal(t, f.stays, left.ID == id, left)
				}
				for _, row := range []string{s.Name, s.Issuer.Role} {
					if after, ok := w.judged(judge.Selection{s.ID: true}).Case(certs.ID{Role: row}); ok {
						assert.Empty(t, after.Errors(), row)
					}
				}
			})
		}
	}
	assert.Greater(t, run, 50)
}

// commander does what the commands of a remedy say, by the calls of the library that the command line makes.
type commander struct {
	*world
	caKey  crypto.Signer // of an external CA
	signed []byte
}

// keepCA takes a CA's key away: it is elsewhere now, and signs requests there.
func (c *commander) keepCA(s certs.Spec) {
	ca := c.row(s.Issuer.Role)
	if _, err := os.Stat(c.keyFile(ca)); err == nil {
		c.caKey = c.key(ca)
		c.remove(c.keyFile(ca))
	} else {
		c.caKey = pristineKey(c.t, ca)
	}
}

// pristineKey is the key of a row in the PKI that all tests begin with.
func pristineKey(t testing.TB, s certs.Spec) crypto.Signer {
	t.Helper()
	files, err := pristine()
	require.NoError(t, err)
	key, err := pki.ParsePrivateKey(files[filepath.Join("pki", filepath.FromSlash(s.Place.Key))])
	require.NoError(t, err)
	return key
}

func (c *commander) run(args []string) {
	c.t.Helper()
	o := at(now)
	if n := len(args) - 1; args[n] == "--reissue" {
		o.Reissue, args = true, args[:n]
	}
	o.Backup = c.t.TempDir()
	switch {
	case len(args) == 4 && args[0] == "init" && args[1] == "phase":
		chosen, err := phases.Choose(c.tree, []string{args[2] + "/" + args[3]}, nil)
		require.NoError(c.t, err)
		_, err = phases.Init(c.t.Context(), c.tree, c.site, chosen, o)
		require.NoError(c.t, err)
	case len(args) == 3 && args[0] == "certs" && args[1] == "renew":
		_, err := c.renew(phases.RenewOptions{Options: o}, args[2])
		require.NoError(c.t, err)
	case len(args) == 3 && args[0] == "certs" && args[1] == "generate-csr":
		chosen, err := phases.ChooseRequests(c.tree, []string{args[2]})
		require.NoError(c.t, err)
		r, err := phases.Requests(c.t.Context(), c.tree, c.site, chosen, o)
		require.NoError(c.t, err)
		c.sign(r.Rows[0])
	case len(args) == 3 && args[0] == "certs" && args[1] == "import" && args[2] == "FILE":
		_, err := c.bring(phases.ImportOptions{Options: o}, nil, phases.Signed{Name: "FILE", Data: c.signed})
		require.NoError(c.t, err)
	default:
		require.Fail(c.t, "no such command", "pkitool %s", strings.Join(args, " "))
	}
}

// sign signs a row's request where the CA's key is.
func (c *commander) sign(row phases.Row) {
	c.t.Helper()
	block, _ := pem.Decode(c.requestOf(row))
	require.NotNil(c.t, block)
	r, err := x509.ParseCertificateRequest(block.Bytes)
	require.NoError(c.t, err)
	s := c.world.row(row.Name)
	x := template(s)
	x.RawSubject, x.DNSNames, x.IPAddresses = r.RawSubject, r.DNSNames, r.IPAddresses
	der, err := x509.CreateCertificate(rand.Reader, x, c.bundle(s.Issuer.Role)[0], r.PublicKey, c.caKey)
	require.NoError(c.t, err)
	c.signed = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
