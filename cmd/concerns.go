package cmd

import (
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
)

// concernedBy tells which rows a setting has an effect on, so that a phase
// offers the flags that do something there and no others. The test of this
// table changes each setting and looks at the rows.
func concernedBy(f config.Field) func(certs.Spec) bool {
	leaf := func(s certs.Spec) bool { return s.Kind != certs.CA && s.Kind != certs.KeyPair }
	kubeconfigs := func(s certs.Spec) bool { return s.Place.Kubeconfig != "" }
	any := func(certs.Spec) bool { return true }
	named := func(names ...string) func(certs.Spec) bool {
		return func(s certs.Spec) bool { return strings.Contains(" "+strings.Join(names, " ")+" ", " "+s.Name+" ") }
	}
	switch f.Flag {
	case "cluster-name", "apiserver-bind-port":
		return kubeconfigs
	case "control-plane-endpoint":
		return named("apiserver", "admin", "super-admin")
	case "service-cidr", "service-dns-domain", "apiserver-cert-extra-sans":
		return named("apiserver")
	case "etcd-cert-extra-sans":
		return named("etcd-server", "etcd-peer")
	case "node-name":
		return named("apiserver", "etcd-server", "etcd-peer", "kubelet")
	case "apiserver-advertise-address":
		return func(s certs.Spec) bool { return !s.SANs.Empty() || kubeconfigs(s) }
	case "key-algorithm", "dry-run", "cert-dir", "kubeconfig-dir":
		return any // CA rows look for what they signed in both directories
	case "sa-key-algorithm":
		return named("sa")
	case "validity", "reissue":
		return leaf
	case "ca-validity":
		return func(s certs.Spec) bool { return s.Kind == certs.CA }
	case "cert-mode":
		return func(s certs.Spec) bool { return s.Kind != certs.KeyPair && !kubeconfigs(s) }
	}
	return func(certs.Spec) bool { return false } // skip-phases: of init as a whole
}
