package phases_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudflare/cfssl/config"
	"github.com/cloudflare/cfssl/csr"
	"github.com/cloudflare/cfssl/helpers"
	"github.com/cloudflare/cfssl/initca"
	"github.com/cloudflare/cfssl/log"
	"github.com/cloudflare/cfssl/signer"
	"github.com/cloudflare/cfssl/signer/local"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
)

// cfsslCA is a CA of cfssl, as an operator runs one elsewhere: it takes names
// and keys from a request and the usages from its own profiles.
type cfsslCA struct {
	cert   []byte
	signer *local.Signer
}

func newCFSSLCA(t *testing.T, cn string) cfsslCA {
	t.Helper()
	log.Level = log.LevelFatal
	cert, _, key, err := initca.New(&csr.CertificateRequest{CN: cn, KeyRequest: &csr.KeyRequest{A: "ecdsa", S: 256}})
	require.NoError(t, err)
	parsed, err := helpers.ParseCertificatePEM(cert)
	require.NoError(t, err)
	priv, err := helpers.ParsePrivateKeyPEM(key)
	require.NoError(t, err)
	profile := func(usages ...string) *config.SigningProfile {
		return &config.SigningProfile{Usage: append(usages, "digital signature"), Expiry: 24 * time.Hour}
	}
	s, err := local.NewSigner(priv, parsed, signer.DefaultSigAlgo(priv), &config.Signing{
		Default:  profile("client auth"),
		Profiles: map[string]*config.SigningProfile{"server": profile("server auth"), "peer": profile("server auth", "client auth")},
	})
	require.NoError(t, err)
	return cfsslCA{cert: cert, signer: s}
}

func (c cfsslCA) sign(t *testing.T, kind certs.Kind, request []byte) []byte {
	t.Helper()
	out, err := c.signer.Sign(signer.SignRequest{Request: string(request), Profile: map[certs.Kind]string{certs.Serving: "server", certs.Peer: "peer"}[kind]})
	require.NoError(t, err)
	return out
}

// TestExternalCAOfCFSSL runs a cluster's whole life on CAs that cfssl keeps:
// requests out, certificates in, and the same again for the renewal.
func TestExternalCAOfCFSSL(t *testing.T) {
	tree := treeOf(t, cluster())
	dir := t.TempDir()
	dirs := phases.Dirs{Cert: filepath.Join(dir, "pki"), Kubeconfig: dir}
	cas, given := map[string]cfsslCA{}, map[string]phases.Signed{}
	var rows []string
	for _, row := range tree.Rows() {
		if row.Kind == certs.CA {
			cas[row.Name] = newCFSSLCA(t, "external "+row.Name)
			given[row.Name] = phases.Signed{Name: row.Name + ".pem", Data: cas[row.Name].cert}
		}
		rows = append(rows, row.Name)
	}
	ctx, o := context.Background(), phases.Options{Now: time.Now(), CertMode: 0o644}
	for round, want := range []phases.Verb{phases.Create, phases.Renew} {
		r, err := phases.Requests(ctx, tree, dirs, rows, o, false)
		require.NoError(t, err)
		require.Len(t, r.Rows, 12)
		var signed []phases.Signed
		for _, row := range r.Rows {
			spec, _ := tree.Row(row.Name)
			request, err := os.ReadFile(row.Files[1])
			require.NoError(t, err)
			signed = append(signed, phases.Signed{Name: row.Name, Data: cas[spec.Issuer].sign(t, spec.Kind, request)})
		}
		r, err = phases.Import(ctx, tree, dirs, signed, given, o)
		require.NoError(t, err)
		for _, row := range r.Rows {
			spec, _ := tree.Row(row.Name)
			if spec.Kind != certs.CA {
				assert.Equal(t, want, row.Verb, "round %d, %s", round, row.Name)
			}
			assert.NotEmpty(t, row.SHA256, row.Name)
		}
		given = nil
		r, err = phases.Init(ctx, tree, dirs, nil, o)
		require.NoError(t, err)
		assert.Equal(t, round == 0, r.Changed, "only the service-account pair was missing, and only once")
	}
	assert.Empty(t, keysOfCAs(t, dirs.Cert))
	left, err := filepath.Glob(filepath.Join(dirs.Cert, "*.csr"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// keysOfCAs finds the private keys of CAs that should be nowhere.
func keysOfCAs(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if strings.HasSuffix(path, "ca.key") {
			out = append(out, path)
		}
		return err
	}))
	return out
}

// TestImportRefuses holds every fault of an import to its sentence, and to changing nothing.
func TestImportRefuses(t *testing.T) {
	tree := treeOf(t, cluster())
	dir := t.TempDir()
	dirs := phases.Dirs{Cert: filepath.Join(dir, "pki"), Kubeconfig: dir}
	ca, other := newCFSSLCA(t, "external"), newCFSSLCA(t, "other")
	ctx, o := context.Background(), phases.Options{Now: time.Now(), CertMode: 0o644}
	_, err := phases.Requests(ctx, tree, dirs, []string{"apiserver"}, o, false)
	require.NoError(t, err)
	request, err := os.ReadFile(filepath.Join(dirs.Cert, "apiserver.csr"))
	require.NoError(t, err)
	root := map[string]phases.Signed{"ca": {Name: "root.pem", Data: ca.cert}}
	good := ca.sign(t, certs.Serving, request)
	own := request
	elsewhere := phases.Dirs{Cert: t.TempDir(), Kubeconfig: dir}
	_, err = phases.Requests(ctx, tree, elsewhere, []string{"apiserver"}, o, false)
	require.NoError(t, err)
	request, err = os.ReadFile(filepath.Join(elsewhere.Cert, "apiserver.csr"))
	require.NoError(t, err)
	foreign := ca.sign(t, certs.Serving, request)
	var hints []string
	for _, c := range []struct {
		name   string
		signed []phases.Signed
		cas    map[string]phases.Signed
		want   string
	}{
		{"wrong usage", []phases.Signed{{Name: "a.pem", Data: ca.sign(t, certs.Client, own)}}, root, "apiserver: certificate lacks the usage serverAuth (a.pem)"},
		{"wrong CA", []phases.Signed{{Name: "a.pem", Data: other.sign(t, certs.Serving, own)}}, root, `apiserver: certificate is signed by another CA: "CN = other" (a.pem)`},
		{"a root that is none", []phases.Signed{{Name: "a.pem", Data: good}}, map[string]phases.Signed{"ca": {Name: "root.pem", Data: good}}, "ca: certificate is not a CA (root.pem)"},
		{"no CA", []phases.Signed{{Name: "a.pem", Data: good}}, nil, "apiserver: there is no CA to sign it"},
		{"twice", []phases.Signed{{Name: "a.pem", Data: good}, {Name: "b.pem", Data: good}}, root, "b.pem: a second certificate for apiserver"},
		{"foreign key", []phases.Signed{{Name: "a.pem", Data: other.cert}}, root, `a.pem: no row has the key of this certificate ("CN = other")`},
		{"another node's beside it", []phases.Signed{{Name: "a.pem", Data: slices.Concat(good, foreign)}}, root, `a.pem: no row has the key of this certificate ("CN = kube-apiserver")`},
		{"twice in a file", []phases.Signed{{Name: "a.pem", Data: slices.Concat(good, good)}}, root, "a.pem: a second certificate for apiserver"},
		{"garbage", []phases.Signed{{Name: "a.pem", Data: []byte("x")}}, root, "a.pem: file holds no PEM block"},
		{"no CA row", nil, map[string]phases.Signed{"apiserver": {Name: "root.pem", Data: ca.cert}}, "root.pem: row apiserver is no CA of this directory"},
		{"no row", nil, map[string]phases.Signed{"x": {Name: "root.pem", Data: ca.cert}}, "root.pem: there is no row x"},
		{"no rows", nil, map[string]phases.Signed{"z": {Name: "3.pem"}, "x": {Name: "1.pem"}, "y": {Name: "2.pem"}, "w": {Name: "0.pem"}},
			"0.pem: there is no row w\n1.pem: there is no row x\n2.pem: there is no row y\n3.pem: there is no row z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := phases.Import(ctx, tree, dirs, c.signed, c.cas, o)
			require.ErrorContains(t, err, c.want)
			var refused *phases.RefusedError
			if errors.As(err, &refused) {
				for _, a := range refused.Plan.Refused() {
					for _, f := range a.Faults {
						hints = append(hints, f.Hint)
					}
				}
			}
			assert.NoFileExists(t, filepath.Join(dirs.Cert, "apiserver.crt"))
			assert.NoFileExists(t, filepath.Join(dirs.Cert, "ca.crt"))
			assert.FileExists(t, filepath.Join(dirs.Cert, "apiserver.csr"))
		})
	}
	anew := "have the request signed anew, as it asks"
	assert.Equal(t, []string{anew, anew, "a CA is never replaced: put the right certificate and key there, or use an empty directory", "`--ca-cert ca=FILE` puts the CA's certificate in place"}, hints)
	_, err = phases.Import(ctx, tree, dirs, []phases.Signed{{Name: "a.pem", Data: good}}, root, o)
	require.NoError(t, err)
	assert.NoFileExists(t, filepath.Join(dirs.Cert, "apiserver.csr"))
	_, err = phases.Import(ctx, tree, dirs, nil, map[string]phases.Signed{"ca": {Name: "other.pem", Data: other.cert}}, o)
	require.ErrorContains(t, err, "other.pem: there is another CA certificate already")
}

// TestImportTakesAllOfAFile: a signer may send everything back in one file, with the CA between.
func TestImportTakesAllOfAFile(t *testing.T) {
	tree := treeOf(t, cluster())
	dir := t.TempDir()
	dirs := phases.Dirs{Cert: filepath.Join(dir, "pki"), Kubeconfig: dir}
	ca := newCFSSLCA(t, "external")
	ctx, o := context.Background(), phases.Options{Now: time.Now(), CertMode: 0o644}
	rows := []string{"apiserver", "apiserver-kubelet-client", "scheduler"}
	r, err := phases.Requests(ctx, tree, dirs, rows, o, false)
	require.NoError(t, err)
	var all []byte
	for _, row := range r.Rows {
		spec, _ := tree.Row(row.Name)
		request, err := os.ReadFile(row.Files[1])
		require.NoError(t, err)
		all = slices.Concat(all, ca.sign(t, spec.Kind, request), ca.cert)
	}
	r, err = phases.Import(ctx, tree, dirs, []phases.Signed{{Name: "all.pem", Data: all}}, map[string]phases.Signed{"ca": {Name: "root.pem", Data: ca.cert}}, o)
	require.NoError(t, err)
	var got []string
	for _, row := range r.Rows {
		got = append(got, row.Name)
	}
	assert.Equal(t, []string{"ca", "apiserver", "apiserver-kubelet-client", "scheduler"}, got)
}
