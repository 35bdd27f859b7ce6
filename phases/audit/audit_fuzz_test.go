package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/audit"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// writable are the files that a fuzzer writes: a CA's, a server's, a key, a kubeconfig, and others that are no row's.
var writable = []string{
	"pki/ca.crt", "pki/ca.key", "pki/apiserver.crt", "pki/apiserver.key", "pki/etcd/peer.crt", "pki/front-proxy-ca.crt", "pki/sa.pub", "pki/sa.key",
	"admin.conf", "kubelet.conf", "jane.conf", "pki/other.crt", "pki/other.key", "pki/other", "home",
}

// FuzzAudit: whatever lies in a directory, a look at it ends, changes nothing, and tells of it in
// findings of the table that hold no private key.
func FuzzAudit(f *testing.F) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	dir := f.TempDir()
	tree, err := certs.New(certs.Cluster{
		Name: "kubernetes", ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")}, DNSDomain: "cluster.local",
		Nodes:        []certs.Node{{Name: "cp-1", AdvertiseAddress: netip.MustParseAddr("192.0.2.10"), BindPort: 6443}},
		KeyAlgorithm: pki.ECDSAP256, Validity: 365 * 24 * time.Hour, CAValidity: 3650 * 24 * time.Hour,
	})
	require.NoError(f, err)
	site := judge.Site{Dirs: judge.Dirs{Cert: filepath.Join(dir, "pki"), Kubeconfig: dir}}
	_, err = phases.Init(context.Background(), tree, site, nil, phases.Options{Now: at, CertMode: 0o644})
	require.NoError(f, err)
	sound, secrets := map[string][]byte{}, [][]byte{}
	require.NoError(f, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		sound[filepath.ToSlash(rel)] = data
		if strings.HasSuffix(path, ".key") {
			secrets = append(secrets, bytes.Split(data, []byte("\n"))[1])
		}
		return err
	}))
	require.Len(f, secrets, 11)
	seeds := 0
	for i, name := range writable {
		for _, of := range append(writable, "pki/etcd/peer.key") {
			if data := sound[of]; len(data) > 0 {
				seeds++
				f.Add(uint8(i), data)
			}
		}
		f.Add(uint8(i), []byte(name))
		f.Add(uint8(i), append(sound["pki/front-proxy-client.crt"], sound["pki/front-proxy-ca.crt"]...))
		f.Add(uint8(i), bytes.ReplaceAll(sound["admin.conf"], []byte("-data: "), []byte(": /")))
	}
	require.Greater(f, seeds, 100)
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		defer fuzzbound.Hold(t, len(data))()
		path := filepath.Join(dir, filepath.FromSlash(writable[int(which)%len(writable)]))
		require.NoError(t, os.WriteFile(path, data, 0o600))
		defer func() {
			if old, ok := sound[writable[int(which)%len(writable)]]; ok {
				require.NoError(t, os.WriteFile(path, old, 0o600))
			} else {
				require.NoError(t, os.Remove(path))
			}
		}()
		o := audit.Options{Now: at, Within: &phases.Threshold{Percent: 50}, Picture: true}
		if filepath.Base(path) == "home" {
			o.Kubeconfigs = []string{path}
		}
		d, err := audit.Look(t.Context(), audit.Place{Site: site, Tree: tree}, o)
		require.NoError(t, err)
		require.Empty(t, d.Finished)
		for _, x := range d.Findings {
			for _, id := range []finding.ID{x.ID, x.Follows} {
				_, ok := finding.Lookup(id)
				require.True(t, ok || id == "", "%s", id)
			}
			require.NotEmpty(t, x.Text)
		}
		text, err := json.Marshal(d)
		require.NoError(t, err)
		require.NotContains(t, string(text), "PRIVATE KEY-----")
		for _, secret := range secrets {
			require.NotContains(t, string(text), string(secret))
		}
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, after), "it is changed")
	})
}
