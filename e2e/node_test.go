package e2e

import (
	"fmt"
	"net/http"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkNodeIdentity asks whether kubelet.conf is the node that it names: it may make and change its own Node, and
// neither another's nor anything else.
func checkNodeIdentity(t T, s *site) {
	node := s.config.NodeName
	create := func(name string) error {
		_, err := s.kubectlRaw(fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":%q}}`, name),
			"--kubeconfig", s.Kubeconfig("kubelet.conf"), "create", "-f", "-")
		return err
	}
	s.must(t, "delete", "node", node, "--ignore-not-found")
	require.NoError(t, create(node))
	self := clientPair(t, s.original("kubelet.conf"))
	status, text, err := s.api(&self).with("Content-Type", "application/merge-patch+json").do(t, http.MethodPatch,
		s.Server+"/api/v1/nodes/"+node+"/status", `{"status":{"nodeInfo":{"architecture":"by-the-node"}}}`)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, status, text)
	assert.Equal(t, "by-the-node", s.must(t, "get", "node", node, "-o", "jsonpath={.status.nodeInfo.architecture}"))

	assert.ErrorContains(t, create("another"), fmt.Sprintf("node %q is not allowed to modify node %q", node, "another"))
	s.apply(t, `{"apiVersion":"v1","kind":"Node","metadata":{"name":"another"}}`)
	_, err = s.kubectl("kubelet.conf", "label", "node", "another", "mine=yes")
	assert.ErrorContains(t, err, `nodes "another" is forbidden: User "system:node:`+node+`"`)
	_, err = s.kubectl("kubelet.conf", "get", "secrets", "-n", "kube-system")
	assert.ErrorContains(t, err, `User "system:node:`+node+`" cannot list resource "secrets"`)
	s.must(t, "delete", "node", node, "another")
}
