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

	"github.com/pkitool/pkitool/certs"
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
	_, err = phases.SignRules{As: "kubelet-client"}.Template(node, 368*day)
	assert.EqualError(t, err, "a kubelet's certificate is valid for 8808h0m0s at most")
	_, err = phases.SignRules{As: "kubelet-client"}.Template(inspect.Request{Subject: pki.Subject{CommonName: "alice", Organization: []string{"system:nodes"}}}, day)
	assert.EqualError(t, err, `common name "alice" is not system:node:NAME`)
	_, err = phases.SignRules{As: "kubelet-client"}.Template(with("DNS:w1"), day)
	assert.EqualError(t, err, "a kubelet's client certificate has no names, it asks for DNS:w1")
}

// TestSignRulesGrantNothingByThemselves: everything that a request asks for is granted by a rule or refused, all faults
// at once, each with the flag that grants it.
func TestSignRulesGrantNothingByThemselves(t *testing.T) {
	asked := inspect.Request{
		Subject: pki.Subject{CommonName: "alice", Organization: []string{"system:masters"}}, SANs: pki.SANs{DNS: []string{"www.example.com"}},
		Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, UnknownUsages: []string{"1.2.3.4"}, CA: true, KeyUsage: x509.KeyUsageCertSign,
		MoreSubject: []string{"C=CH"}, MoreNames: []string{"dirName:CN=x"}, MoreExtensions: []string{"the extension 1.2.3"},
	}
	faults := func(r phases.SignRules) string {
		_, err := r.Template(asked, day)
		require.Error(t, err)
		return err.Error()
	}
	always := "asks to be a CA, which no profile grants\nasks for the key usage keyCertSign, which no profile grants\nasks for the extension 1.2.3, which no profile grants\n" +
		"asks for the extended key usage codeSigning, which client does not grant\nasks for the extended key usage 1.2.3.4, which client does not grant\n"
	assert.Equal(t, always+`asks for the subject "O = system:masters, CN = alice"`+"\nasks for the names DNS:www.example.com\nasks for dirName:CN=x, which cannot be granted", faults(phases.SignRules{As: "client"}))
	assert.Equal(t, always+"asks for C=CH in its subject, which cannot be granted\nasks for dirName:CN=x, which cannot be granted\ngroup system:masters bypasses RBAC and cannot be revoked",
		faults(phases.SignRules{As: "client", AcceptSubject: true, AcceptSANs: true}))
	_, err := phases.SignRules{As: "server"}.Template(inspect.Request{Subject: pki.Subject{CommonName: "a"}}, day)
	var hinted interface{ Hint() string }
	require.ErrorAs(t, err, &hinted)
	assert.Equal(t, "--accept-subject grants it, --cn and --org give another", hinted.Hint())
	for as, kind := range map[string]certs.Kind{"client": certs.Client, "server": certs.Serving, "peer": certs.Peer} {
		tmpl, err := phases.SignRules{As: as, AcceptSubject: true}.Template(inspect.Request{Subject: pki.Subject{CommonName: "a"}}, day)
		require.NoError(t, err)
		assert.Equal(t, kind.ExtKeyUsage(), tmpl.ExtKeyUsage)
	}
}

// TestRequestsRefuse: a key or a kubeconfig that is there and cannot be used is not replaced by a new one.
func TestRequestsRefuse(t *testing.T) {
	const taken = ": file is there already, and is not what is asked for: it holds no certificate request (PATH)"
	key := pemOf(t, newKey(t))
	for _, c := range []struct {
		row, file string
		data      []byte
		want      string
	}{
		{"apiserver", "pki/apiserver.csr", key, "apiserver" + taken},
		{"apiserver", "pki/apiserver.csr", []byte("notes\n"), "apiserver" + taken},
		{"admin", "admin.conf.csr", key, "admin" + taken},
		{"apiserver", "pki/apiserver.key", []byte("x"), "apiserver: file holds no PEM block (PATH)"},
		{"apiserver", "pki/apiserver.key", encryptedPKCS8, "apiserver: private key is encrypted (PATH)"},
		{"admin", "admin.conf", []byte("clusters: 1\n"), "admin: line 1: clusters: must be a list, not a number (PATH)"},
	} {
		w := complete(t)
		path := filepath.Join(w.dir, filepath.FromSlash(c.file))
		w.write(path, c.data)
		before := w.snapshot()
		_, err := w.request(at(now), c.row, "scheduler")
		w.refused(before, err, strings.ReplaceAll(c.want, "PATH", path))
	}
	for _, data := range [][]byte{nil, []byte("-----BEGIN CERTIFICATE REQUEST-----")} {
		w := complete(t)
		path := filepath.Join(w.site.Cert, "apiserver.csr")
		w.write(path, data)
		_, err := w.request(at(now), "apiserver")
		if data == nil {
			require.NoError(t, err)
			continue
		}
		var refused *phases.RefusedError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, "move it away: a certificate request belongs there", refused.Findings()[0].Hint)
	}
}

// What a row cannot be made without, and nobody knows, is asked for by the flag that gives it.
func TestUnknownFacts(t *testing.T) {
	w := empty(t)
	c := cluster()
	c.Nodes[0].Name, c.Nodes[0].AdvertiseAddress = "", netip.Addr{}
	c.Unknown = map[certs.Facts]string{certs.AdvertiseAddress: "there is no default route"}
	w.tree = treeOf(t, c)
	before := w.snapshot()
	const (
		name    = "apiserver: the node name is not known: nobody gave it"
		address = "apiserver: the advertise address is not known: there is no default route"
	)
	_, err := w.request(at(now), "apiserver")
	w.refused(before, err, name+"\n"+address)
	r, err := w.init(at(now), "ca", "apiserver")
	w.refused(before, err, name+"\n"+address)
	assert.Equal(t, []string{"give --node-name, or nodeRegistration.name in the configuration", "give --apiserver-advertise-address, or localAPIEndpoint.advertiseAddress in the configuration"}, hintsOf(r))
	_, err = w.init(at(now), "ca", "apiserver-kubelet-client", "sa")
	require.NoError(t, err, "these need neither")

	c = cluster()
	c.Nodes[0].Roles = certs.WorkerNode
	w.tree = treeOf(t, c)
	r, err = w.init(at(now), "kubelet")
	assert.EqualError(t, err, "kubelet: the cluster's endpoint is not known")
	assert.Equal(t, []string{"give --control-plane-endpoint, or discovery.bootstrapToken.apiServerEndpoint in the configuration"}, hintsOf(r))
}

// TestRequestsOfKubeadm: a request as kubeadm makes it, with names and without usages, is made anew for the same key.
func TestRequestsOfKubeadm(t *testing.T) {
	w := empty(t)
	ask := func() (phases.Row, []byte) {
		r, err := w.request(at(now), "etcd-peer")
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
