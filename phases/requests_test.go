package phases_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
)

// TestSignRulesRefuse holds what a profile does not grant to its sentence.
func TestSignRulesRefuse(t *testing.T) {
	node := inspect.Request{Subject: pki.Subject{CommonName: "system:node:w1", Organization: []string{"system:nodes"}}}
	with := func(names ...string) inspect.Request {
		c := node
		for _, n := range names {
			s, err := pki.ParseTypedSAN(n)
			require.NoError(t, err)
			c.SANs = pki.Join(c.SANs, s)
		}
		return c
	}
	serving := phases.SignRules{As: "kubelet-serving", NodeIPs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	for _, c := range []struct {
		name  string
		rules phases.SignRules
		csr   inspect.Request
		want  string
	}{
		{"no profile", phases.SignRules{As: "x"}, node, `unknown profile "x": must be one of kubelet-client, kubelet-serving, client, server, peer`},
		{"no names", serving, node, "a kubelet's serving certificate needs a DNS name or an address"},
		{"a URI and a mailbox", serving, with("DNS:w1", "URI:https://w1/", "email:a@example.com"), "a kubelet's serving certificate has no URI and no email names"},
		{"another node's name", serving, with("DNS:w1.example.com", "DNS:w10"), "name w10 is not the node's (w1)"},
		{"an address out of range", serving, with("DNS:w1", "IP:198.51.100.1"), "address 198.51.100.1 is in no range of --node-ip"},
		{"another group", phases.SignRules{As: "kubelet-client"}, inspect.Request{Subject: pki.Subject{CommonName: "system:node:w1", Organization: []string{"system:nodes", "dev"}}},
			`the groups of a kubelet are exactly system:nodes, not ["system:nodes" "dev"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.rules.Template(c.csr, day)
			assert.EqualError(t, err, c.want)
		})
	}
	_, err := serving.Template(with("DNS:w1", "IP:192.0.2.7"), day)
	assert.NoError(t, err)
}

// TestRequestsRefuse: a key or a kubeconfig that is there and cannot be used is not replaced by a new one.
func TestRequestsRefuse(t *testing.T) {
	for _, c := range []struct {
		row, file string
		data      []byte
		want      string
		hint      string
	}{
		{"apiserver", "pki/apiserver.key", []byte("x"), "apiserver: file holds no PEM block (PATH)", "put the key back from a backup, or move the file away: a new one is made"},
		{"apiserver", "pki/apiserver.key", []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), "apiserver: private key is encrypted (PATH)",
			"remove the passphrase with `openssl pkey -in KEY -out NEW`, or put an unencrypted key in its place"},
		{"admin", "admin.conf", []byte("clusters: 1\n"), "admin: line 1: clusters: must be a list, not a number (PATH)", "move it away: a new one is made"},
	} {
		w := complete(t)
		path := filepath.Join(w.dir, filepath.FromSlash(c.file))
		w.write(path, c.data)
		before := w.snapshot()
		_, err := phases.Requests(t.Context(), w.tree, w.dirs, []string{c.row, "scheduler"}, at(now), false)
		var refused *phases.RefusedError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, c.want, strings.ReplaceAll(err.Error(), path, "PATH"))
		assert.Equal(t, c.hint, refused.Plan.Refused()[0].Faults[0].Hint)
		w.unchanged(before)
	}
}

// TestRequestsOfKubeadm: a request as kubeadm makes it, with names and without usages, is made anew for the same key.
func TestRequestsOfKubeadm(t *testing.T) {
	w := empty(t)
	ask := func() (phases.Row, []byte) {
		r, err := phases.Requests(t.Context(), w.tree, w.dirs, []string{"etcd-peer"}, at(now), false)
		require.NoError(t, err)
		require.Len(t, r.Rows, 1)
		return r.Rows[0], w.read(r.Rows[0].Files[1])
	}
	row, full := ask()
	c, err := inspect.ReadRequest(full)
	require.NoError(t, err)
	block, _ := pem.Decode(full)
	old, err := x509.ParseCertificateRequest(block.Bytes)
	require.NoError(t, err)
	key := w.key(w.row("etcd-peer"))
	bare, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		RawSubject: old.RawSubject, DNSNames: old.DNSNames, IPAddresses: old.IPAddresses,
	}, key)
	require.NoError(t, err)
	w.write(row.Files[1], pki.EncodeCSR(bare))

	row, again := ask()
	assert.Equal(t, phases.Request, row.Verb)
	assert.Equal(t, "key is kept", row.Reason)
	got, err := inspect.ReadRequest(again)
	require.NoError(t, err)
	assert.Equal(t, c, got)
	row, kept := ask()
	assert.Equal(t, phases.Keep, row.Verb)
	assert.Equal(t, again, kept)
}
