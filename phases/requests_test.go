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
	"github.com/pkitool/pkitool/phases/judge"
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
	serving := phases.SignRules{As: "kubelet-serving", NodeName: "w1", NodeIPs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	client := phases.SignRules{As: "kubelet-client", NodeName: "w1"}
	named := func(cn string, orgs ...string) inspect.Request {
		return inspect.Request{Subject: pki.Subject{CommonName: cn, Organization: orgs}}
	}
	for _, c := range []struct {
		name  string
		rules phases.SignRules
		csr   inspect.Request
		want  string
	}{
		{"no profile", phases.SignRules{As: "x"}, node, `unknown profile "x": must be one of kubelet-client, kubelet-serving, client, server, peer`},
		{"no names", serving, node, "a kubelet's serving certificate needs a DNS name or an address"},
		{"a URI and a mailbox", serving, with("DNS:w1", "URI:https://w1/", "email:a@example.com"), "a kubelet's serving certificate has no URI and no email names"},
		{"another node's name", serving, with("DNS:w1", "DNS:w10"), "name w10 is not the node's (w1)"},
		{"a name below the node's", serving, with("DNS:w1", "DNS:w1.example.com"), "name w1.example.com is not the node's (w1)"},
		{"a wildcard", serving, with("DNS:*.com", "DNS:w1"), "name *.com is not the node's (w1)"},
		{"an address out of range", serving, with("DNS:w1", "IP:198.51.100.1"), "address 198.51.100.1 is in no range of --node-ip"},
		{"another group", client, named("system:node:w1", "system:nodes", "dev"), `the groups of a kubelet are exactly system:nodes, not ["system:nodes" "dev"]`},
		{"the group twice", client, named("system:node:w1", "system:nodes", "system:nodes"), `the groups of a kubelet are exactly system:nodes, not ["system:nodes" "system:nodes"]`},
		{"no group", client, named("system:node:w1"), `the groups of a kubelet are exactly system:nodes, not []`},
		{"another node", client, named("system:node:w2", "system:nodes"), `common name "system:node:w2" is not system:node:w1`},
		{"no node", client, named("alice", "system:nodes"), `common name "alice" is not system:node:w1`},
		{"nobody's node", phases.SignRules{As: "kubelet-client"}, node, `node name: "" is not a DNS name: it must have 1 to 253 characters`},
		{"a client with names", client, with("DNS:w1"), "a kubelet's client certificate has no names, it asks for DNS:w1"},
		{"an organization twice", phases.SignRules{As: "client", AcceptSubject: true}, named("alice", "dev", "dev"), `asks for the organization "dev" twice`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.rules.Template(c.csr, day)
			assert.EqualError(t, err, c.want)
		})
	}
	_, err := serving.Template(with("DNS:w1", "IP:192.0.2.7"), day)
	assert.NoError(t, err)
	_, err = client.Template(node, day)
	assert.NoError(t, err)
	_, err = client.Template(node, 368*day)
	assert.EqualError(t, err, "a kubelet's certificate is valid for 8808h0m0s at most")
}

// TestSignProtects: whatever a node is called and whatever it asks for, it gets no name and no address of the cluster's
// own servers, be they known from the configuration or from what lies there.
func TestSignProtects(t *testing.T) {
	c := cluster()
	c.Endpoint = certs.Endpoint{Host: "api.example.com"}
	c.APIServerSANs = pki.SANs{DNS: []string{"k8s.example.com"}, IPs: []netip.Addr{netip.MustParseAddr("198.51.100.1")}}
	w := empty(t)
	w.tree = treeOf(t, c)
	_, err := w.init(at(now))
	require.NoError(t, err)
	unconfigured := cluster()
	unconfigured.Nodes[0].Name, unconfigured.APIServerSANs = "", pki.SANs{}
	for _, from := range []struct {
		name string
		tree certs.Tree
		dirs judge.Dirs
	}{
		{"by the configuration", w.tree, judge.Dirs{Cert: t.TempDir()}},
		{"by what lies there", treeOf(t, unconfigured), w.site.Dirs},
	} {
		protect := func(r phases.SignRules) phases.SignRules {
			r.Protect(from.tree, judge.Site{Dirs: from.dirs})
			return r
		}
		const servers = "is one of the cluster's own servers', which no node may have"
		const own = "is one of the cluster's own, which no node may have"
		for _, tt := range []struct{ node, name, want string }{
			{"kubernetes", "DNS:kubernetes", "name kubernetes " + servers},
			{"kubernetes", "DNS:kubernetes.default.svc", "name kubernetes.default.svc " + servers},
			{"kubernetes.default.svc", "DNS:kubernetes.default.svc", "name kubernetes.default.svc " + servers},
			{"localhost", "DNS:localhost", "name localhost " + servers},
			{"localhost", "DNS:localhost.localdomain", "name localhost.localdomain is not the node's (localhost)"},
			{"com", "DNS:*.com", "name *.com is not the node's (com)"},
			{"com", "DNS:example.com", "name example.com is not the node's (com)"},
			{"w1", "DNS:*.cluster.local", "name *.cluster.local " + servers},
			{"cluster.local", "DNS:cluster.local", "name cluster.local " + servers},
			{"w1", "DNS:w1.default.svc", "name w1.default.svc " + servers},
			{"w1", "DNS:kubernetes.default.svc.cluster.local", "name kubernetes.default.svc.cluster.local " + servers},
			{"api", "DNS:api.example.com", "name api.example.com " + servers},
			{"api.example.com", "DNS:api.example.com", "name api.example.com " + servers},
			{"k8s.example.com", "DNS:k8s.example.com", "name k8s.example.com " + servers},
			{"w1", "DNS:cp-1", "name cp-1 " + servers},
			{"cp-1", "DNS:cp-1", ""},
			{"w1", "DNS:w1", ""},
			{"w1", "IP:10.96.0.1", "address 10.96.0.1 " + own},
			{"w1", "IP:10.96.7.7", "address 10.96.7.7 " + own},
			{"w1", "IP:127.0.0.1", "address 127.0.0.1 is one of the cluster's own servers'"},
			{"w1", "IP:::1", "address ::1 is one of the cluster's own servers'"},
			{"w1", "IP:0.0.0.0", "address 0.0.0.0 " + own},
			{"w1", "IP:198.51.100.1", "address 198.51.100.1 is one of the cluster's own servers'"},
			{"w1", "IP:192.0.2.10", "address 192.0.2.10 is one of the cluster's own servers'"},
			{"w1", "IP:192.0.2.11", ""},
		} {
			s, err := pki.ParseTypedSAN(tt.name)
			require.NoError(t, err)
			csr := inspect.Request{Subject: pki.Subject{CommonName: "system:node:" + tt.node, Organization: []string{"system:nodes"}}, SANs: s}
			rules := phases.SignRules{As: "kubelet-serving", NodeName: tt.node, NodeIPs: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
			_, err = protect(rules).Template(csr, day)
			if tt.want == "" {
				assert.NoError(t, err, "%s: %s for %s", from.name, tt.name, tt.node)
			} else {
				assert.EqualError(t, err, tt.want, "%s: %s for %s", from.name, tt.name, tt.node)
			}
			if strings.Contains(tt.want, servers) { // not by who approves either
				rules.SANs = &s
				_, err = protect(rules).Template(csr, day)
				assert.EqualError(t, err, tt.want, "%s: --san %s for %s", from.name, tt.name, tt.node)
			}
		}
		node := inspect.Request{Subject: pki.Subject{CommonName: "system:node:cp-1", Organization: []string{"system:nodes"}}, SANs: pki.SANs{IPs: []netip.Addr{netip.MustParseAddr("192.0.2.10")}}}
		_, err := protect(phases.SignRules{As: "kubelet-serving", NodeName: "cp-1", NodeIPs: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/32")}}).Template(node, day)
		assert.NoError(t, err, "the address by itself is who approves saying that it is the node's")
		more := pki.SANs{DNS: []string{"w1", "w1.example.com"}}
		csr := inspect.Request{Subject: pki.Subject{CommonName: "system:node:w1", Organization: []string{"system:nodes"}}, SANs: more}
		_, err = protect(phases.SignRules{As: "kubelet-serving", NodeName: "w1", SANs: &more}).Template(csr, day)
		assert.NoError(t, err, "--san gives a node more names")
	}
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
