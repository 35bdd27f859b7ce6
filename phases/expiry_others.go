package phases

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// others tells of the certificates that are no row's: every file of the certificates' directory, and what holds
// certificates in the kubeconfigs'. Copies in backup directories are left out.
func (x *expiry) others() error {
	rows := map[string]bool{}
	for s := range x.Tree.Rows() {
		for _, f := range x.Site.Files(s) {
			rows[filepath.Clean(f)] = true
		}
	}
	files, err := listed(x.Site.Cert)
	for _, f := range files {
		if !rows[filepath.Clean(f)] && !inBackup(x.Site.Cert, f) {
			x.otherFile(f)
		}
		rows[filepath.Clean(f)] = true
	}
	confs, listErr := listed(x.Site.Kubeconfig)
	err = errors.Join(err, faultsOf(listErr, x.Site.Kubeconfig))
	for _, f := range confs {
		if rows[filepath.Clean(f)] || filepath.Dir(f) != filepath.Clean(x.Site.Kubeconfig) {
			continue
		}
		switch strings.ToLower(filepath.Ext(f)) {
		case ".conf", ".kubeconfig":
			x.otherConf(f)
		case ".crt", ".cer", ".pem":
			x.otherFile(f)
		}
	}
	return err
}

// listed are the files of a directory; one that is not there has none.
func listed(dir string) ([]string, error) {
	files, err := store.List(dir, expiryLimit)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return files, err
}

// faultsOf are the faults of a directory itself. What is below the kubeconfigs'
// is not ours: manifests that only root reads, or all of a home directory, whose
// size then keeps further kubeconfigs from being found.
func faultsOf(err error, dir string) error {
	if err == nil || errors.Is(err, store.ErrTooMany) {
		return nil
	}
	var out error
	all, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	for _, e := range all.Unwrap() {
		var at *store.Error
		if !errors.As(e, &at) || at.Path == dir {
			out = errors.Join(out, e)
		}
	}
	return out
}

func inBackup(dir, file string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && slices.ContainsFunc(strings.Split(filepath.ToSlash(rel), "/"), func(name string) bool { return strings.HasPrefix(name, BackupPrefix) })
}

// otherFile tells of a file that may hold certificates. Whether it was meant
// to, its name or its content says; anything else is passed over.
func (x *expiry) otherFile(name string) {
	p := place{name: filepath.ToSlash(filepath.Clean(name)), file: name, other: true}
	f := judge.ReadFile(name)
	suffix := strings.ToLower(filepath.Ext(name))
	meant := suffix == ".crt" || suffix == ".cer" || bytes.Contains(f.Data, []byte("-----BEGIN CERTIFICATE-----"))
	switch {
	case f.Err != nil && meant:
		x.missing(p, judge.Unreadable(f))
		return
	case !f.Exists:
		return
	case suffix == ".conf" || suffix == ".kubeconfig":
		p.other = false // its entries have names
		x.otherConfData(p, f)
		return
	}
	chain, err := pki.ParseCertificates(f.Data)
	if err != nil && f.Data != nil {
		if c, derErr := x509.ParseCertificate(f.Data); derErr == nil {
			chain, err = []*x509.Certificate{c}, nil // DER
		}
	}
	if err != nil {
		if meant {
			x.missing(p, finding.Of(err, finding.FileUnreadable))
		}
		return
	}
	for i, c := range chain {
		q := p
		if i > 0 {
			q.name += "#" + strconv.Itoa(i+1)
		}
		q.ca, q.authority = x.issuer(c), c.IsCA
		q.external = true // by us: no row's file is renewed
		x.certificate(q, c)
	}
}

func (x *expiry) otherConf(name string) {
	p := place{name: filepath.Base(name), file: name}
	f := judge.ReadFile(name)
	if f.Err != nil {
		x.missing(p, judge.Unreadable(f))
		return
	}
	x.otherConfData(p, f)
}

// otherConfData tells of a file if it is a kubeconfig: *.conf can be anything.
func (x *expiry) otherConfData(p place, f judge.File) {
	if cfg, err := kubeconfig.Parse(f.Data); err == nil && len(cfg.Users)+len(cfg.Clusters) > 0 {
		p.external = true
		x.conf(p, f)
	}
}
