package judge

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/hidden"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// BackupPrefix begins the name of a backup directory; the time of the run, in UTC, ends it.
const BackupPrefix = "pkitool-backup-"

// Other is a file that is no row's, with what it holds.
type Other struct {
	hidden.Secret
	File
	// Chain are its certificates, Conf is it as a kubeconfig. Both nil: it is something else.
	Chain []*x509.Certificate
	Conf  *kubeconfig.Config
	// Signer is its private key, where it holds one. It is secret.
	Signer crypto.Signer
	// Fault is why what was meant to be a certificate cannot be read.
	Fault *finding.Finding
}

// Others calls yield with every file that is no row's: all below the certificates' directory, and what may hold
// certificates in the kubeconfigs' itself. Copies in backup directories are left out. It stops at limit files. The error
// joins what could not be listed.
func Others(t certs.Tree, site Site, limit int, yield func(path string)) error {
	rows := map[string]bool{}
	for s := range t.Rows() {
		for _, f := range site.Files(s) {
			rows[filepath.Clean(f)] = true
		}
	}
	var faults []error
	list := func(dir string, files func(string, int) ([]string, error), may func(string) bool) {
		if dir == "" {
			return
		}
		found, err := files(dir, limit)
		if !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
		}
		for _, f := range found {
			if may(f) && !rows[filepath.Clean(f)] {
				yield(f)
			}
		}
	}
	list(site.Cert, store.List, func(f string) bool { return !inBackup(site.Cert, f) })
	if site.Cert == "" || !below(site.Cert, site.Kubeconfig) {
		list(site.Kubeconfig, store.Files, func(f string) bool {
			return slices.Contains([]string{".conf", ".kubeconfig", ".crt", ".cer", ".pem"}, strings.ToLower(filepath.Ext(f)))
		})
	}
	return errors.Join(faults...)
}

// below reports whether a directory is another one, or in it.
func below(dir, other string) bool {
	rel, err := filepath.Rel(dir, other)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func inBackup(dir, file string) bool {
	if !strings.Contains(file, BackupPrefix) {
		return false // of many thousand files
	}
	rel, err := filepath.Rel(dir, file)
	return err == nil && slices.ContainsFunc(strings.Split(filepath.ToSlash(rel), "/"), func(name string) bool { return strings.HasPrefix(name, BackupPrefix) })
}

// ReadOther reads a file that may hold certificates, or be a kubeconfig. Whether it was meant to, its name or its content
// says; of anything else the content is not told.
func ReadOther(name string) Other {
	o := Other{File: ReadFile(name)}
	suffix := strings.ToLower(filepath.Ext(name))
	meant := suffix == ".crt" || suffix == ".cer" || bytes.Contains(o.Data, []byte("-----BEGIN CERTIFICATE-----"))
	switch {
	case o.Err != nil && (meant || suffix == ".conf" || suffix == ".kubeconfig"):
		o.Fault = Unreadable(o.File)
		return o
	case !o.Exists:
		return o
	case suffix == ".conf" || suffix == ".kubeconfig": // *.conf can be anything
		if cfg, err := kubeconfig.Parse(o.Data); err == nil && len(cfg.Users)+len(cfg.Clusters) > 0 {
			o.Conf = cfg
		}
		return o
	}
	if bytes.Contains(o.Data, []byte("PRIVATE KEY-----")) {
		o.Signer, _ = pki.ParsePrivateKey(o.Data)
	}
	chain, err := pki.ParseCertificates(o.Data)
	if err != nil {
		if c, derErr := x509.ParseCertificate(o.Data); derErr == nil {
			chain, err = []*x509.Certificate{c}, nil // DER
		}
	}
	switch {
	case err == nil:
		o.Chain = chain
	case meant:
		o.Fault = finding.Of(err, finding.FileUnreadable)
	}
	return o
}
