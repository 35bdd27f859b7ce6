package judge_test

import (
	"crypto"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki/store"
)

func id(role string) certs.ID { return certs.ID{Role: role} }

// A run reads the rows that it was asked for and the CAs that sign them. What a missing CA has signed is looked for only
// where the chosen rows lie: a CA that is made in a new directory has nothing to do with another cluster's kubeconfigs.
func TestTakeReadsNoMoreThanItNeeds(t *testing.T) {
	tr := tree(t, nil)
	dir := t.TempDir()
	ca := authority(t, "kubernetes", nil)
	admin := issued(t, "kubernetes-admin", &ca, nil)
	for _, tt := range []struct {
		name   string
		chosen judge.Selection
		plant  string // a file below the CA
		read   []string
		want   []finding.ID
	}{
		{"a CA in a new directory", judge.Selection{id("ca"): true}, "admin.conf", []string{"ca", "apiserver", "apiserver-kubelet-client"}, nil},
		{"a CA that is missing in its directory", judge.Selection{id("ca"): true}, "pki/apiserver.crt", []string{"ca", "apiserver", "apiserver-kubelet-client"}, []finding.ID{finding.CAMissingWithIssued}},
		{"a CA and a kubeconfig", judge.Selection{id("ca"): true, id("scheduler"): true}, "admin.conf",
			[]string{"ca", "apiserver", "apiserver-kubelet-client", "admin", "super-admin", "kubelet", "controller-manager", "scheduler"}, []finding.ID{finding.CAMissingWithIssued}},
		{"one row", judge.Selection{id("apiserver"): true}, "admin.conf", []string{"ca", "apiserver"}, nil},
		{"a key pair", judge.Selection{id("sa"): true}, "pki/apiserver.crt", []string{"sa"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site := siteIn(filepath.Join(dir, tt.name))
			write(t, filepath.Join(site.Kubeconfig, tt.plant), admin.certPEM())
			inv := judge.Take(tr, site, tt.chosen)
			var read []string
			for s := range tr.Rows() {
				if inv.Held(s.ID) != nil {
					read = append(read, s.Name)
				}
			}
			assert.Equal(t, tt.read, read)
			var got []finding.ID
			if c, ok := judge.Judge(tr, inv, tt.chosen, now).Case(id("ca")); ok {
				for _, f := range c.Findings {
					got = append(got, f.ID)
				}
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// What cannot be read is a finding of its row, and stops a run that writes, unless somebody else owns it.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	tr := tree(t, func(c *certs.Cluster) {
		c.ExternalEtcd = &certs.ExternalEtcd{CAFile: filepath.Join(dir, "theirs"), CertFile: filepath.Join(dir, "their.crt"), KeyFile: filepath.Join(dir, "their.key")}
	})
	site := siteIn(dir)
	for _, path := range []string{"theirs", "pki/apiserver.key", "scheduler.conf"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, path), 0o755))
	}
	inv := judge.Take(tr, site, nil)
	assert.EqualError(t, inv.Err(), "is a directory ("+dir+"/pki/apiserver.key)\nis a directory ("+dir+"/scheduler.conf)")
	var named *store.Error
	require.ErrorAs(t, inv.Err(), &named)
	j := judge.Judge(tr, inv, nil, now)
	for role, want := range map[string]string{
		"external-etcd-ca": "external-etcd-ca: is a directory (" + dir + "/theirs)",
		"apiserver":        "apiserver: is a directory (" + dir + "/pki/apiserver.key)",
		"scheduler":        "scheduler: is a directory (" + dir + "/scheduler.conf)",
	} {
		c, ok := j.Case(id(role))
		require.True(t, ok)
		require.NotEmpty(t, c.Findings, role)
		assert.Equal(t, want, c.Findings[0].String())
	}
}

// A signer that is named for a CA is its key: with no file, and whatever lies there.
func TestSigner(t *testing.T) {
	tr := tree(t, nil)
	ca := authority(t, "kubernetes", nil)
	for name, key := range map[string][]byte{"no file": nil, "nonsense": []byte("nonsense")} {
		t.Run(name, func(t *testing.T) {
			site := siteIn(t.TempDir())
			write(t, filepath.Join(site.Cert, "ca.crt"), ca.certPEM())
			if key != nil {
				write(t, filepath.Join(site.Cert, "ca.key"), key)
			}
			chosen := judge.Selection{id("ca"): true}
			without, _ := judge.Judge(tr, judge.Take(tr, site, chosen), chosen, now).Case(id("ca"))
			assert.Equal(t, key == nil, without.CA.External)
			assert.Nil(t, without.CA.Signer)
			site.Signers = map[certs.ID]crypto.Signer{id("ca"): ca.key}
			with, _ := judge.Judge(tr, judge.Take(tr, site, chosen), chosen, now).Case(id("ca"))
			assert.False(t, with.CA.External)
			assert.NotNil(t, with.CA.Signer)
			assert.Empty(t, with.Findings)
			site.Signers[id("ca")] = newKey(t)
			other, _ := judge.Judge(tr, judge.Take(tr, site, chosen), chosen, now).Case(id("ca"))
			assert.True(t, other.Has(finding.CANoneOfKey))
		})
	}
}

// Cases come in the order of the tree, with the CAs of the rows that were asked for.
func TestCases(t *testing.T) {
	tr := tree(t, nil)
	chosen := judge.Selection{id("scheduler"): true, id("apiserver"): true, id("etcd-peer"): true}
	j := judge.Judge(tr, judge.Take(tr, siteIn(t.TempDir()), chosen), chosen, now)
	var got []string
	for c := range j.Cases() {
		got = append(got, c.Spec.Name)
		assert.Empty(t, c.Findings)
		assert.Empty(t, c.Errors())
	}
	assert.Equal(t, []string{"ca", "apiserver", "etcd-ca", "etcd-peer", "scheduler"}, got)
	_, ok := j.Case(id("admin"))
	assert.False(t, ok)
	for range j.Cases() {
		break // and it can be left early
	}
}

// An inventory with other files is the same but for them.
func TestWith(t *testing.T) {
	tr := tree(t, nil)
	site := siteIn(t.TempDir())
	ca := authority(t, "kubernetes", nil)
	inv := judge.Take(tr, site, nil)
	s, _ := tr.Row(id("ca"))
	h := *inv.Held(s.ID)
	h.Cert = judge.FileOf(h.Cert.Path, ca.certPEM())
	h.Parse(*s.Role)
	after := inv.With(map[certs.ID]*judge.Held{s.ID: &h})
	assert.True(t, inv.Held(s.ID).Nothing())
	assert.Equal(t, []*x509.Certificate{ca.cert}, after.Held(s.ID).Chain)
	assert.Same(t, inv.Held(id("apiserver")), after.Held(id("apiserver")))
}
