package cmd

import (
	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
)

// concerns tells which roles a setting has an effect on, so that a phase
// offers the flags that do something there and no others. The test of this
// table changes each setting and looks at the rows.
func concerns(f config.Field) func(certs.Role) bool {
	leaf := func(r certs.Role) bool { return r.Issuer != "" }
	switch f.Flag {
	case "key-algorithm", "dry-run", "cert-dir", "kubeconfig-dir":
		return func(certs.Role) bool { return true } // CA rows look for what they signed
	case "sa-key-algorithm":
		return func(r certs.Role) bool { return r.Kind == certs.KeyPair }
	case "validity", "reissue":
		return leaf
	case "ca-validity":
		return func(r certs.Role) bool { return r.Kind == certs.CA }
	case "cert-mode":
		return func(r certs.Role) bool { return r.Kind != certs.KeyPair && r.Conf == "" }
	}
	return func(r certs.Role) bool { return r.Takes&f.Fact != 0 } // none: skip-phases, of init as a whole
}

// roleNamed is the role of a name, or of a kubeconfig as kubeadm names it ("admin.conf"); the zero Role for others.
func roleNamed(name string) certs.Role {
	r, _ := certs.RoleNamed(name)
	return r
}
