package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/e2e/cluster"
)

// etcdPKI is the site whose PKI etcd runs from: the cluster's own, or the external etcd's.
func (s *site) etcdPKI() *site {
	if s.etcd != nil {
		return s.etcd
	}
	return s
}

// checkEtcdClients asks etcd itself, by its JSON gateway, whom it lets in, and both of its ports whom they don't.
func checkEtcdClients(t T, s *site) {
	e := s.etcdPKI()
	url := e.Etcd.ClientURL()
	call := func(base string) caller {
		c := caller{ca: e.pki("etcd", "ca.crt")}
		if base != "" {
			pair := loadPair(t, base)
			c.id = &pair
		}
		return c
	}
	for _, base := range []string{e.pki("etcd", "healthcheck-client"), s.pki("apiserver-etcd-client")} {
		status, text, err := call(base).do(t, http.MethodPost, url+"/v3/maintenance/status", `{}`)
		require.NoError(t, err, base)
		assert.Equal(t, http.StatusOK, status, "%s: %s", base, text)
	}
	// What the API server keeps is read with the API server's own certificate.
	prefix := base64.StdEncoding.EncodeToString([]byte("/registry/namespaces/kube-system"))
	_, text, err := call(s.pki("apiserver-etcd-client")).do(t, http.MethodPost, url+"/v3/kv/range", fmt.Sprintf(`{"key":%q,"keys_only":true}`, prefix))
	require.NoError(t, err)
	assert.Contains(t, text, prefix)

	e.Provoke(func() {
		for _, port := range []string{url, e.Etcd.PeerURL()} {
			for _, refused := range []struct{ name, base, alert string }{
				{"no certificate", "", "tls: certificate required"},
				{"a certificate of the cluster's CA", s.pki("apiserver-kubelet-client"), "tls: unknown certificate authority"},
				{"a certificate of the front-proxy CA", s.pki("front-proxy-client"), "tls: unknown certificate authority"},
			} {
				assert.ErrorContains(t, call(refused.base).alert(t, port), "remote error: "+refused.alert, "%s at %s", refused.name, port)
			}
		}
	})
}

// quorum is an etcd cluster of members on 127.0.0.1, 127.0.0.2 and so on, each with certificates of its own.
type quorum struct {
	*cluster.Machine
	sites     []*site
	members   []cluster.Member
	processes []*cluster.Process
}

// newQuorum lets pkitool make the certificates of n members with one CA. start starts them.
func newQuorum(t *testing.T, n int, flags ...string) *quorum {
	t.Helper()
	q := &quorum{}
	for i := range n {
		s := newSite(t, variant{flags: flags, configure: func(c *cluster.Config) {
			c.NodeName = fmt.Sprintf("etcd-%d", i+1)
			c.EtcdSANs = []string{memberAddress(i)}
		}})
		if i > 0 { // the CA of the first is everyone's
			require.NoError(t, copyFiles(q.sites[0].pki("etcd"), s.pki("etcd"), "ca.crt", "ca.key"))
		}
		for _, phase := range []string{"etcd-ca", "etcd-server", "etcd-peer", "etcd-healthcheck-client"} {
			_, err := runTool(suite.pkitool, append([]string{"init", "phase", "certs", phase, "--config", s.configFile(), "--cert-dir", s.pki()}, flags...)...)
			require.NoError(t, err)
		}
		q.sites = append(q.sites, s)
	}
	return q
}

func memberAddress(i int) string { return fmt.Sprintf("127.0.0.%d", i+1) }

// start starts the members; whether they find each other is another question.
func (q *quorum) start(t *testing.T) {
	t.Helper()
	first := q.sites[0]
	var err error
	q.Machine, err = cluster.NewMachine(suite.tools, first.dir)
	require.NoError(t, err)
	t.Cleanup(q.Close)
	t.Cleanup(func() { keepLogs(t, "etcd", first.scratch("logs")) })
	for i, s := range q.sites {
		flags, err := q.EtcdFlags(limited(t), s.configFile())
		require.NoError(t, err)
		member, err := q.NewMember(s.config.NodeName, memberAddress(i), flags)
		require.NoError(t, err)
		q.members = append(q.members, member)
	}
	q.processes, err = q.StartEtcd(q.members...)
	require.NoError(t, err)
}

// call is a caller of member i with the healthcheck client of member 1.
func (q *quorum) do(t T, i int, path, body string) (int, string, error) {
	t.Helper()
	pair := loadPair(t, q.sites[0].pki("etcd", "healthcheck-client"))
	return caller{ca: q.sites[0].pki("etcd", "ca.crt"), id: &pair}.do(t, http.MethodPost, q.members[i].ClientURL()+path, body)
}

// checkQuorum asks whether the members accept each other: what is written to the first is read from the last, and every
// one of them is a member.
func checkQuorum(t T, q *quorum) {
	value := base64.StdEncoding.EncodeToString([]byte("written to the first"))
	eventually(t, func() error {
		status, text, err := q.do(t, 0, "/v3/kv/put", fmt.Sprintf(`{"key":"a2V5","value":%q}`, value))
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("put: %d %s", status, text)
		}
		return err
	})
	last := len(q.members) - 1
	_, text, err := q.do(t, last, "/v3/kv/range", `{"key":"a2V5"}`)
	require.NoError(t, err)
	assert.Contains(t, text, value)
	_, text, err = q.do(t, last, "/v3/cluster/member/list", `{}`)
	require.NoError(t, err)
	for _, m := range q.members {
		assert.Contains(t, text, m.PeerURL())
	}
	complaints, err := q.Complaints()
	require.NoError(t, err)
	assert.Empty(t, complaints)
	assert.Empty(t, q.Strays(), "sockets beyond loopback")
}

// quorumAlgorithms are the key algorithms that a quorum is formed with.
var quorumAlgorithms = []string{"RSA-2048", "ECDSA-P256", "Ed25519"}

// TestEtcdQuorum forms an etcd cluster of three from peer certificates of their own.
func TestEtcdQuorum(t *testing.T) {
	for _, algorithm := range quorumAlgorithms {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			q := newQuorum(t, 3, "--key-algorithm", algorithm)
			q.start(t)
			checkQuorum(t, q)
			if !t.Failed() {
				suite.report.passed("etcd-quorum", algorithm)
			}
		})
	}
}
