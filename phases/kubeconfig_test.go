package phases_test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// Under an external CA a kubeconfig that only trusts or goes wrong needs no new
// certificate: --reissue sets it right and leaves the rest as it is. Where the
// certificate is wrong too, it takes a new file.
func TestFrameUnderExternalCA(t *testing.T) {
	w := complete(t)
	s := w.row("admin")
	path := w.certFile(s)
	right := string(w.read(path))
	w.remove(w.keyFile(w.row("ca")))
	encoded := func(ca string) string {
		return base64.StdEncoding.EncodeToString(pki.EncodeCertificates(w.bundle(ca)...))
	}
	for name, wrong := range map[string]string{
		"server": strings.Replace(right, s.Place.Server, "https://198.51.100.1:6443", 1),
		"CA":     strings.Replace(right, encoded("ca"), encoded("etcd-ca"), 1),
		"no CA":  strings.Replace(right, "certificate-authority-data: ", "certificate-authority-data: ''\n    x: ", 1),
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, right, wrong)
			w.write(path, []byte(wrong+"# mine\n"))
			before := w.snapshot()
			r, err := w.init(at(now))
			if name == "server" { // a warning
				require.NoError(t, err)
			} else {
				require.Error(t, err)
			}
			f := rowOf(t, r, "admin").Findings
			require.Len(t, f, 1)
			assert.Equal(t, "`pkitool init phase kubeconfig admin --reissue` sets it right and keeps the client certificate", f[0].Hint)
			w.unchanged(before)

			r, err = w.init(reissue())
			require.NoError(t, err)
			row := rowOf(t, r, "admin")
			assert.Equal(t, phases.Renew, row.Verb)
			assert.Equal(t, row.Findings[0].Text+"; the client certificate is kept", row.Reason)
			assert.Equal(t, []string{path}, row.Written)
			w.unchanged(before, path)
			if got := string(w.read(path)); name != "no CA" { // where a field was added
				assert.Equal(t, right+"# mine\n", got)
			}
			w.settled()
		})
	}

	w.conf(s, func(c *kubeconfig.Single) {
		c.CA, c.ClientKey = pki.EncodeCertificates(w.bundle("etcd-ca")...), pemOf(t, newKey(t))
	})
	before := w.snapshot()
	r, err := w.init(reissue())
	w.refused(before, err, "admin: trusts another CA: certificate "+shortPrint(w.bundle("etcd-ca")[0].Raw)+" is not in "+w.certFile(w.row("ca"))+" ("+path+")\n"+
		"admin: key does not match certificate ("+path+")")
	assert.Contains(t, rowOf(t, r, "admin").Findings[1].Hint, "`pkitool certs generate-csr admin`")
}

// What a row's kubeconfig holds, from an empty directory: the whole bundle, the
// server that kubeadm would write, and the user under its own name.
func TestKubeconfigContent(t *testing.T) {
	w := empty(t)
	_, err := w.init(at(now))
	require.NoError(t, err)
	users := map[string]string{
		"admin": "kubernetes-admin", "super-admin": "kubernetes-super-admin", "kubelet": "system:node:cp-1",
		"controller-manager": "system:kube-controller-manager", "scheduler": "system:kube-scheduler",
	}
	for name, user := range users {
		s := w.row(name)
		e := w.entry(s)
		assert.Equal(t, user, e.User.Name)
		assert.Equal(t, user+"@kubernetes", e.Context.Name)
		assert.Equal(t, "kubernetes", e.Cluster.Name)
		assert.Equal(t, "https://192.0.2.10:6443", e.Cluster.Server)
		assert.Equal(t, string(w.read(w.certFile(w.row("ca")))), string(e.Cluster.CA))
		assert.Equal(t, user, w.chain(s)[0].Subject.CommonName)
		info, err := os.Stat(w.certFile(s))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
}
