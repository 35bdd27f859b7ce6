package e2e

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
)

// checkUsers makes a hundred users from one list in one call, and asks the API server who each of them is.
func checkUsers(t T, s *site) {
	const count = 100
	var list strings.Builder
	list.WriteString("cn,org,validity\n")
	for i := range count {
		fmt.Fprintf(&list, "user-%d,team-%d;all,8h\n", i, i%7)
	}
	csv, dir := s.scratch("users.csv"), s.scratch("users")
	require.NoError(t, os.WriteFile(csv, []byte(list.String()), 0o600))
	_, err := runTool(suite.pkitool, "kubeconfig", "user", "--config", s.configFile(), "--cert-dir", s.signer(),
		"--from", csv, "--out-dir", dir, "--key-algorithm", "ECDSA-P256")
	require.NoError(t, err)
	for i := range count {
		_, user := loadKubeconfig(t, filepath.Join(dir, fmt.Sprintf("user-%d.conf", i)))
		pair, err := tls.X509KeyPair(user.ClientCertificateData, user.ClientKeyData)
		require.NoError(t, err)
		who, err := s.api(&pair).whoAmI(t, s.Server)
		require.NoError(t, err, "user-%d", i)
		assert.Equal(t, fmt.Sprintf("user-%d", i), who.Username)
		assert.ElementsMatch(t, []string{fmt.Sprintf("team-%d", i%7), "all", "system:authenticated"}, who.Groups)
	}
}

// checkAddedName adds a name to the certificate of the running API server by one command; the server takes it up
// without a restart, and nothing that was there is lost.
func checkAddedName(t T, s *site) {
	const name = "added-later.pkitool.example"
	before := certificates(t, s.pki("apiserver.crt"))[0]
	require.Error(t, handshake(t, s.Server, s.pki("ca.crt"), name), "the name is not there yet")
	changed := s.config
	changed.CertSANs = append(append([]string{}, changed.CertSANs...), name)
	text, err := changed.YAML()
	require.NoError(t, err)
	file := s.scratch("more-names.yaml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	if s.vault != "" {
		s.requestAndImport(t, file, "apiserver")
	} else {
		out, err := runTool(suite.pkitool, "certs", "renew", "apiserver", "--config", file, "--cert-dir", s.pki(), "--kubeconfig-dir", s.kubeconfigDir())
		require.NoError(t, err, out)
	}
	eventually(t, func() error { return handshake(t, s.Server, s.pki("ca.crt"), name) })
	after := certificates(t, s.pki("apiserver.crt"))[0]
	assert.Subset(t, after.DNSNames, before.DNSNames)
	assert.NotEqual(t, before.SerialNumber, after.SerialNumber)
}

// TestMergeAsKubectl holds `pkitool kubeconfig merge` to what kubectl makes of the same files.
func TestMergeAsKubectl(t *testing.T) {
	s := newSite(t, variants[1])
	s.makePKI(t)
	files := []string{s.original("admin.conf"), s.original("scheduler.conf"), s.original("kubelet.conf")}
	// One cluster name stands for two addresses here, which kubectl settles by taking the first: ours has to be asked.
	into := s.scratch("merged.conf")
	_, err := runTool(suite.pkitool, append([]string{"kubeconfig", "merge", "--into", into}, files[1:]...)...)
	require.NoError(t, err)
	_, err = runTool(suite.pkitool, "kubeconfig", "merge", "--into", into, files[0])
	require.ErrorContains(t, err, `cluster "kubernetes" is there already with another server`)

	out, err := runToolWith([]string{"KUBECONFIG=" + strings.Join(files[1:], ":")}, suite.tools.Path("kubectl"), "config", "view", "--raw")
	require.NoError(t, err)
	want, err := clientcmd.Load([]byte(out))
	require.NoError(t, err)
	got := mustLoad(t, into)
	assert.Equal(t, plain(t, *want), plain(t, got))

	_, err = runTool(suite.pkitool, "kubeconfig", "merge", "--rename", "--into", into, files[0])
	require.NoError(t, err)
	renamed := mustLoad(t, into)
	require.NoError(t, clientcmd.ConfirmUsable(renamed, "kubernetes-admin@kubernetes"))
	assert.Equal(t, "kubernetes-2", renamed.Contexts["kubernetes-admin@kubernetes"].Cluster, "the name was taken by another address")
	assert.Len(t, renamed.Clusters, 2)
}
