package e2e

import (
	"context"
	"os/exec"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// checkKubeconfigs asks client-go and kubectl to read every kubeconfig as it was written, not the loopback copy.
func checkKubeconfigs(t T, s *site) {
	local := clientURL(s.config.AdvertiseAddress)
	public := local
	if s.config.Endpoint != "" {
		public = "https://" + s.config.Endpoint
	}
	for _, id := range s.identities() {
		file := s.original(id.conf)
		config, err := clientcmd.BuildConfigFromFlags("", file)
		require.NoError(t, err, id.conf)
		want := local
		if strings.HasSuffix(id.conf, "admin.conf") {
			want = public
		}
		assert.Equal(t, want, config.Host, id.conf)
		require.NoError(t, clientcmd.ConfirmUsable(mustLoad(t, file), ""), id.conf)
		cluster, _ := loadKubeconfig(t, file)
		assert.Equal(t, certificates(t, s.pki("ca.crt")), parseCertificates(t, cluster.CertificateAuthorityData), "%s carries another CA than ca.crt", id.conf)

		flat, err := s.kubectlRaw("", "--kubeconfig", file, "config", "view", "--flatten")
		require.NoError(t, err, id.conf)
		flattened, err := clientcmd.Load([]byte(flat))
		require.NoError(t, err, id.conf)
		assert.Equal(t, plain(t, mustLoad(t, file)), plain(t, *flattened), "%s after config view --flatten", id.conf)
	}
	checkMerge(t, s)
}

// checkMerge asks for two kubeconfigs in KUBECONFIG: both users can be chosen and are who they are.
func checkMerge(t T, s *site) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, suite.tools.Path("kubectl"), "config", "view", "--flatten")
	cmd.Env = append(s.Env(), "KUBECONFIG="+s.Kubeconfig("super-admin.conf")+":"+s.Kubeconfig("scheduler.conf"))
	text, err := output(cmd)
	require.NoError(t, err)
	merged, err := clientcmd.Load([]byte(text))
	require.NoError(t, err)
	assert.Len(t, merged.AuthInfos, 2)
	assert.Len(t, merged.Contexts, 2)
	assert.Len(t, merged.Clusters, 1, "both files are of one cluster")
	assert.Equal(t, "kubernetes-super-admin@kubernetes", merged.CurrentContext, "the first file's")
	file := s.scratch("merged.conf")
	require.NoError(t, clientcmd.WriteToFile(*merged, file))
	for name, user := range map[string]string{
		"kubernetes-super-admin@kubernetes": "kubernetes-super-admin", "system:kube-scheduler@kubernetes": "system:kube-scheduler",
	} {
		out, err := s.kubectlRaw("", "--kubeconfig", file, "--context", name, "auth", "whoami", "-o", "json")
		require.NoError(t, err)
		assert.Equal(t, user, parseUserInfo(t, out).Username, "context %s of a merge", name)
	}
}

func mustLoad(t T, file string) api.Config {
	t.Helper()
	loaded, err := clientcmd.LoadFromFile(file)
	require.NoError(t, err)
	return *loaded
}

// plain is a kubeconfig as text, in memory as on disk.
func plain(t T, config api.Config) string {
	t.Helper()
	text, err := clientcmd.Write(config)
	require.NoError(t, err)
	return string(text)
}

func clientURL(address string) string {
	if strings.Contains(address, ":") {
		address = "[" + address + "]"
	}
	return "https://" + address + ":6443"
}
