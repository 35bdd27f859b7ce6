package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// files lists the files under dir, relative to it, in order.
func (s *site) files(t T, dir string) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	}))
	require.NotEmpty(t, names, "nothing in %s", dir)
	return names
}

// fileState is all that a run which changes nothing must leave as it is.
type fileState struct {
	hash    string
	mode    fs.FileMode
	changed time.Time
}

// snapshot reads the state of the PKI and, once there are any, of the kubeconfigs.
func (s *site) snapshot(t T) map[string]fileState {
	t.Helper()
	states := map[string]fileState{}
	dirs := []string{s.pki(), s.kubeconfigDir()}
	if _, err := os.Stat(dirs[1]); errors.Is(err, fs.ErrNotExist) {
		dirs = dirs[:1]
	}
	for _, dir := range dirs {
		for _, name := range s.files(t, dir) {
			path := filepath.Join(dir, name)
			info, err := os.Stat(path)
			require.NoError(t, err)
			hash := sha256.Sum256([]byte(s.read(t, path)))
			states[path] = fileState{hex.EncodeToString(hash[:]), info.Mode(), info.ModTime()}
		}
	}
	return states
}

// copyFiles copies files by name from one folder to another, keys' modes included.
func copyFiles(from, to string, names ...string) error {
	for _, name := range names {
		info, err := os.Stat(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return err
		}
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), content, info.Mode().Perm()); err != nil {
			return err
		}
	}
	return nil
}

// loadKubeconfig reads a kubeconfig as client-go does and returns its current cluster and user.
func loadKubeconfig(t T, file string) (*api.Cluster, *api.AuthInfo) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(file)
	require.NoError(t, err)
	context := config.Contexts[config.CurrentContext]
	require.NotNil(t, context, "%s: current context %q", file, config.CurrentContext)
	cluster, user := config.Clusters[context.Cluster], config.AuthInfos[context.AuthInfo]
	require.NotNil(t, cluster, "%s: cluster %q", file, context.Cluster)
	require.NotNil(t, user, "%s: user %q", file, context.AuthInfo)
	return cluster, user
}

// clientPair is the client certificate and key of a kubeconfig's current user.
func clientPair(t T, file string) tls.Certificate {
	t.Helper()
	_, user := loadKubeconfig(t, file)
	pair, err := tls.X509KeyPair(user.ClientCertificateData, user.ClientKeyData)
	require.NoError(t, err)
	return pair
}

func clientCertificate(t T, file string) *x509.Certificate {
	t.Helper()
	return clientPair(t, file).Leaf
}

// kubeadm runs the real kubeadm and returns what it printed to stdout.
func kubeadm(t T, s *site, args ...string) string {
	t.Helper()
	out, err := runTool(suite.tools.Path("kubeadm"), args...)
	require.NoError(t, err, fmt.Sprintf("kubeadm over %s", s.dir))
	return out
}
