package opensslcmd

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki/verify"
)

// renewal is the command that issues the target anew, and the kind of its row. It is "" where the command would not do
// it: the file is none of the table's, or its CA has no key beside it.
func (x explained) renewal() (command string, kind certs.Kind) {
	file := filepath.ToSlash(x.target.name)
	if x.cert != x.target.certificate || strings.ContainsFunc(file, needsQuotes) {
		return "", 0
	}
	var row certs.Spec
	for _, s := range x.r.env.Rows() {
		if s.Issuer.Role != "" && len(s.Place.Cert) > len(row.Place.Cert) && strings.HasSuffix("/"+file, "/"+s.Place.Cert) {
			row = s
		}
	}
	dir := filepath.Clean(strings.TrimSuffix(file, row.Place.Cert))
	for _, s := range x.r.env.Rows() {
		if s.ID != row.Issuer {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, s.Place.Key)); err == nil {
			return "pkitool certs renew " + row.Name + " --cert-dir " + dir, row.Kind
		}
	}
	return "", 0
}

// adding is the command that issues the target anew with a further name, "" where it would not.
func (x explained) adding(name string) string {
	command, kind := x.renewal()
	flag := map[certs.Kind]string{certs.Serving: "--apiserver-cert-extra-sans", certs.Peer: "--etcd-cert-extra-sans"}[kind]
	if command == "" || flag == "" || x.finding.Code == verify.ErrEmailMismatch || strings.HasPrefix(name, ".") || strings.ContainsFunc(name, needsQuotes) {
		return ""
	}
	return command + " " + flag + " " + name
}

// needsQuotes reports whether a shell could take the character for something else.
func needsQuotes(c rune) bool {
	return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("/._-:", c)
}

// kubeadmsCA is where kubeadm keeps the CA of that name, "" if it has none.
func (x explained) kubeadmsCA(name verify.Name) string {
	for _, a := range name.Attributes() {
		if a.Type != "2.5.4.3" {
			continue
		}
		for _, s := range x.r.env.Rows() {
			if s.Kind == certs.CA && s.Subject.CommonName == string(a.Value) {
				return "pki/" + s.Place.Cert
			}
		}
	}
	return ""
}
