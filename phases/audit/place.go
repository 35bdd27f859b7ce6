package audit

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki/store"
)

// maxEntries bounds how many entries of a directory are looked at to find out what it is.
const maxEntries = 100_000

// Find says which of the two directories of kubeadm a directory is, or holds: /etc/kubernetes with pki in it, a node's
// root with etc/kubernetes, or the directory of the certificates alone, beside or below the kubeconfigs.
func Find(dir string) (judge.Dirs, error) {
	names, err := namesIn(dir)
	if err != nil {
		return judge.Dirs{}, err
	}
	if slices.Contains(names, "pki") && isDir(filepath.Join(dir, "pki")) {
		return judge.Dirs{Cert: filepath.Join(dir, "pki"), Kubeconfig: dir}, nil
	}
	if below := filepath.Join(dir, "etc", "kubernetes"); slices.Contains(names, "etc") && isDir(below) {
		return Find(below)
	}
	here := judge.Dirs{Cert: dir, Kubeconfig: dir}
	if holdsKubeconfig(names) {
		return here, nil
	}
	if parent := filepath.Join(dir, ".."); filepath.Base(filepath.Clean(dir)) == "pki" {
		if beside, err := namesIn(parent); err == nil && holdsKubeconfig(beside) {
			here.Kubeconfig = filepath.Clean(parent)
		}
	}
	return here, nil
}

// holdsKubeconfig reports whether one of the names is that of a row's kubeconfig.
func holdsKubeconfig(names []string) bool {
	return slices.ContainsFunc(certs.Roles(), func(r certs.Role) bool { return r.Conf != "" && slices.Contains(names, r.Conf) })
}

func namesIn(dir string) ([]string, error) {
	entries, err := store.ReadDir(dir, maxEntries)
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, &store.Error{Path: dir, Err: err}
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out, nil
}

func isDir(dir string) bool {
	_, err := store.ReadDir(dir, 0)
	return err == nil || errors.Is(err, store.ErrTooMany)
}
