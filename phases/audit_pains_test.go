package phases_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/audit"
	"github.com/pkitool/pkitool/pki"
)

// reinitialised gives the cluster another CA of the same name.
func reinitialised(w *world) {
	s, key := w.row("ca"), newKey(w.t)
	w.place(s, key, certify(w.t, template(s), nil, key, nil))
}

// TestAuditNamesThePains: faults that people report, each in a directory of which nobody says anything. One audit names
// the fault, and what mends it, and nothing that does not follow from it. Pains 4 and 5, and 17 where the API server's
// static pod says the address, are in TestAuditOfManifests in cmd.
func TestAuditNamesThePains(t *testing.T) {
	home := func(w *world) audit.Options {
		return audit.Options{Kubeconfigs: []string{filepath.Join(w.dir, "home", "config")}}
	}
	for _, tt := range []struct {
		pain   string
		plant  func(w *world)
		is     func(w *world) audit.Options
		want   []string // "severity id of", of a row or a file
		remedy string   // of the first
	}{
		{pain: "1: everything ends after a year", plant: func(*world) {}, is: func(*world) audit.Options {
			return audit.Options{Now: birth.Add(350 * day), Within: &phases.Threshold{Left: 30 * day}}
		}, want: []string{"warning certificate-expiring apiserver", "warning certificate-expiring admin", "warning certificate-expiring etcd-peer"}, remedy: "`pkitool certs renew apiserver`"},
		{pain: "2: renewed, and kubectl still says expired", plant: func(w *world) {
			w.write(filepath.Join(w.dir, "home", "config"), w.read(w.certFile(w.row("admin"))))
			w.forge(w.row("admin"), func(x *x509.Certificate) { x.NotBefore, x.NotAfter = now, now.Add(365*day) })
		}, is: home,
			want: []string{"warning kubeconfig-older home/config"}, remedy: "admin.conf --into"},
		{pain: "3: the load balancer is not in the API server's certificate", plant: leadTo("https://lb.example.com:6443", confs...),
			want: []string{"error server-uncovered admin", "error server-uncovered kubelet"}, remedy: "`pkitool certs renew apiserver --apiserver-cert-extra-sans lb.example.com`"},
		{pain: "6: the kubelet signed its serving certificate itself", plant: func(w *world) {
			ca, caKey := w.second("cp-1-ca@1760000000")
			x, key := template(w.row("apiserver")), newKey(w.t)
			x.Subject.CommonName, x.DNSNames, x.IPAddresses = "cp-1@1760000000", []string{"cp-1"}, nil
			w.write(w.beside("kubelet.crt"), pki.EncodeCertificates(certify(w.t, x, ca, key, caKey), ca))
		}, want: []string{"warning serving-self-signed pki/kubelet.crt"}, remedy: "serverTLSBootstrap: true"},
		{pain: "7: initialised again, the files of before", plant: reinitialised,
			want: []string{"error other-ca-same-name apiserver", "error trust-namesake admin"}, remedy: "--reissue"},
		{pain: "7: initialised again, a kubeconfig of before", plant: func(w *world) {
			before := w.read(w.certFile(w.row("admin")))
			again := complete(w.t)
			reinitialised(again)
			for _, name := range append([]string{"apiserver", "apiserver-kubelet-client"}, confs...) {
				s := again.row(name)
				again.forge(s, func(*x509.Certificate) {})
				if isConf(s) {
					again.conf(s, func(c *kubeconfig.Single) { c.CA = pki.EncodeCertificates(again.bundle("ca")...) })
				}
			}
			w.site, w.dir = again.site, again.dir
			w.write(filepath.Join(w.dir, "home", "config"), before)
		}, is: home,
			want: []string{"error trust-namesake home/config"}, remedy: "get a kubeconfig of this cluster"},
		{pain: "8: X-data and X are both specified", plant: func(w *world) {
			kubeconfigChanges[finding.ClientCertificateGivenTwice].make(w, w.certFile(w.row("admin")))
		}, want: []string{"error client-certificate-given-twice admin"}, remedy: "remove client-certificate, the path"},
		{pain: "9, 10: a person in system:masters, and no revocation", plant: func(w *world) {
			w.person("jane.conf", func(x *x509.Certificate) { x.Subject.Organization = masters }, nil)
		}, want: []string{"warning masters-group-other jane.conf"}, remedy: "ClusterRoleBinding"},
		{pain: "13: a bundle beside ca.key, in the wrong order", plant: func(w *world) {
			twoTrusted(w)
			both := w.bundle("ca")
			w.write(w.certFile(w.row("ca")), pki.EncodeCertificates(both[1], both[0]))
		}, want: []string{"warning ca-bundle-order ca", "warning ca-bundle-signs ca"}, remedy: "put the certificate of the key first"},
		{pain: "14: a CA renewed with the same key, and another key identifier", plant: func(w *world) {
			w.remade("etcd-ca", func(x, _ *x509.Certificate) { x.SubjectKeyId = []byte("another") })
		}, want: []string{"warning key-id-differs etcd-server", "warning key-id-differs etcd-peer"}, remedy: "`pkitool certs renew"},
		{pain: "14: the cluster's CA renewed so, and kubeconfigs of before", plant: func(w *world) {
			w.remade("ca", func(x, _ *x509.Certificate) { x.SubjectKeyId = []byte("another") })
		}, want: []string{"warning key-id-differs apiserver", "warning key-id-differs admin", "warning trust-partial admin"}, remedy: "`pkitool certs renew"},
		{pain: "15: Missing Authority Key Identifier", plant: func(w *world) {
			w.remade("apiserver", func(x, ca *x509.Certificate) { x.AuthorityKeyId, ca.SubjectKeyId = nil, nil })
		}, want: []string{"notice strict-refused apiserver"}, remedy: "`pkitool certs renew apiserver`"},
		{pain: "16: not valid yet", plant: func(w *world) {
			w.forge(w.row("apiserver"), func(x *x509.Certificate) { x.NotBefore = now.Add(time.Hour) })
		},
			want: []string{"error certificate-not-yet-valid apiserver"}, remedy: "check the clock"},
		{pain: "17: an etcd peer without the address of its node", plant: func(w *world) { w.forge(w.row("etcd-peer"), dropIP("192.0.2.10")) },
			want: []string{"notice names-left-out etcd-peer"}},
		{pain: "18: an etcd server that is no client", plant: func(w *world) {
			w.forge(w.row("etcd-server"), func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
		}, want: []string{"error usage-missing etcd-server"}, remedy: "`pkitool init phase certs etcd-server --reissue`"},
		{pain: "20: a kubelet of no node", plant: func(w *world) {
			w.forge(w.row("kubelet"), func(x *x509.Certificate) { x.Subject.CommonName = "system:node" })
		},
			want: []string{"error subject-differs kubelet"}, remedy: "`pkitool init phase kubeconfig kubelet --reissue`"},
		{pain: "20: a kubelet with capital letters", plant: func(w *world) {
			w.forge(w.row("kubelet"), func(x *x509.Certificate) { x.Subject.CommonName = "system:node:CP-1" })
		},
			want: []string{"error subject-differs kubelet"}, remedy: "`pkitool init phase kubeconfig kubelet --reissue`"},
		{pain: "20: another node's kubelet", plant: func(w *world) {
			w.forge(w.row("kubelet"), func(x *x509.Certificate) { x.Subject.CommonName = "system:node:cp-2" })
		},
			want: []string{"warning node-other kubelet"}, remedy: "`pkitool init phase kubeconfig kubelet --reissue --node-name cp-1`"},
		{pain: "21: one CA for clients and for the front proxy", plant: func(w *world) { auditFaults()[finding.CAShared].plant(w) },
			want: []string{"error ca-shared front-proxy-ca"}, remedy: "give each its own CA"},
		{pain: "22: the public key of another service-account key", plant: func(w *world) { w.write(w.certFile(w.row("sa")), pubOf(w.t, newKey(w.t))) },
			want: []string{"error sa-public-other sa"}, remedy: "find out which the API server uses"},
		{pain: "23: service accounts with the API server's key", plant: func(w *world) { auditFaults()[finding.SAKeyShared].plant(w) },
			want: []string{"warning sa-key-shared sa"}, remedy: "give the service accounts a key of their own"},
		{pain: "24: an Ed25519 key for service accounts", plant: func(w *world) {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			require.NoError(w.t, err)
			w.write(w.keyFile(w.row("sa")), pemOf(w.t, key))
			w.write(w.certFile(w.row("sa")), pubOf(w.t, key))
		}, want: []string{"error sa-key-unfit sa"}, remedy: "begin anew"},
		{pain: "CIS 1.1.21: a key that others can read", plant: func(w *world) { w.chmod(0o644, w.keyFile(w.row("etcd-server"))) },
			want: []string{"warning key-mode-loose etcd-server"}, remedy: "chmod go= "},
		{pain: "a CA's key on a worker", plant: func(w *world) {
			for s := range w.tree.Rows() {
				if s.Kind == certs.KeyPair || s.ID.Role != "ca" && s.ID.Role != "kubelet" {
					w.remove(w.site.Files(s)...)
				}
			}
		}, want: []string{"error ca-key-unneeded ca"}, remedy: "rm "},
	} {
		t.Run(tt.pain, func(t *testing.T) {
			t.Parallel()
			w := complete(t)
			tt.plant(w)
			w.unconfigured()
			o := audit.Options{}
			if tt.is != nil {
				o = tt.is(w)
			}
			found := map[string]finding.Shown{}
			wanted := map[finding.ID]bool{}
			for _, want := range tt.want {
				wanted[finding.ID(strings.Fields(want)[1])] = true
			}
			for _, f := range w.audit(o).Findings {
				of := f.Row
				if of == "" {
					of = strings.TrimPrefix(f.Path, w.dir+"/")
				}
				found[f.Severity.String()+" "+string(f.ID)+" "+of] = f
				assert.True(t, f.Severity == finding.Notice || f.Follows != "" || wanted[f.ID], "more than the fault: %s", w.line(f))
			}
			for _, want := range tt.want {
				assert.Contains(t, found, want)
			}
			assert.Contains(t, found[tt.want[0]].Hint, tt.remedy)
		})
	}
}
