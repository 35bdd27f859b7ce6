// Package phases makes a cluster's PKI: the tree says what is wanted, the
// inventory what is there, a plan is decided from the two, and Apply obeys it.
package phases

import (
	"crypto"
	"crypto/x509"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// Dirs are the two directories that a tree lies in (kubeadm's --cert-dir and --kubeconfig-dir).
type Dirs struct {
	Cert, Kubeconfig string
}

// path is where a file of a place lies.
func (d Dirs) path(p certs.Place, file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	root := d.Cert
	if p.Root == certs.KubeconfigDir {
		root = d.Kubeconfig
	}
	return filepath.Join(root, filepath.FromSlash(file))
}

// Files are the paths of a row's files, in the order in which they are written.
func (d Dirs) Files(s certs.Spec) []string {
	var out []string
	for _, f := range s.Place.Files() {
		out = append(out, d.path(s.Place, f))
	}
	return out
}

// file is one file as it was found. Its fault, if any, is a sentence about the
// content ("file is empty"), without a path.
type file struct {
	path    string
	exists  bool
	symlink bool
	mode    fs.FileMode
	data    []byte
}

// found is what lies at a row's place: read and parsed, judged by nobody yet.
type found struct {
	err error // a file that is there and cannot be read

	cert, key, conf file

	chain    []*x509.Certificate // the certificates of cert, or of the kubeconfig's user
	chainErr error
	signer   crypto.Signer // the key of key, or of the kubeconfig's user
	keyErr   error
	pubs     []crypto.PublicKey // KeyPair rows: the keys of cert
	entry    kubeconfig.Entry
	entryErr error
	bundle   []*x509.Certificate // the kubeconfig's CA certificates
	caErr    error
	broken   []finding.Finding // why client-go would not use the entry, beyond what is judged here
}

func (f *found) nothing() bool { return !f.cert.exists && !f.key.exists && !f.conf.exists }

// Inventory is what lies in the directories, read once. Broken content is
// part of it; a file that cannot be read at all is an error of Take.
type Inventory struct {
	dirs Dirs
	rows map[string]*found // by the row's name; never ranged over for output
}

// Take reads every file of the tree. What cannot be read for another reason
// than not being there (permission, a directory in its place, a pipe) is an
// error that names the path; such errors of the rows in need are joined and
// returned, those of others stay with the inventory. need nil: all rows.
func Take(t certs.Tree, dirs Dirs, need []string) (Inventory, error) {
	inv := Inventory{dirs: dirs, rows: map[string]*found{}}
	var errs []error
	rows := t.Rows()
	taken := make([]*found, len(rows))
	atOnce(len(rows), func(i int) { taken[i] = takeRow(rows[i], dirs) })
	for i, s := range rows {
		f := taken[i]
		if f.err != nil && (need == nil || slices.Contains(need, s.Name)) {
			errs = append(errs, f.err)
		}
		inv.rows[s.Name] = f
	}
	return inv, errors.Join(errs...)
}

func takeRow(s certs.Spec, dirs Dirs) *found {
	f := &found{}
	var errs []error
	read := func(to *file, name string) {
		if name == "" {
			return
		}
		var err error
		if *to, err = readFile(dirs.path(s.Place, name)); err != nil {
			errs = append(errs, err)
		}
	}
	read(&f.cert, s.Place.Cert)
	read(&f.key, s.Place.Key)
	read(&f.conf, s.Place.Kubeconfig)
	if f.err = errors.Join(errs...); f.err != nil {
		return f
	}
	if f.cert.exists {
		if s.Kind == certs.KeyPair {
			f.pubs, f.chainErr = pki.ParsePublicKeys(f.cert.data)
		} else {
			f.chain, f.chainErr = pki.ParseCertificates(f.cert.data)
		}
	}
	if f.key.exists {
		f.signer, f.keyErr = pki.ParsePrivateKey(f.key.data)
	}
	if f.conf.exists {
		f.takeKubeconfig()
	}
	return f
}

func readFile(path string) (file, error) {
	got, err := store.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return file{path: path}, nil
	}
	if err != nil {
		return file{path: path}, err
	}
	return file{path: path, exists: true, symlink: got.Symlink, mode: got.Mode, data: got.Data}, nil
}

// takeKubeconfig reads what a kubeconfig holds, and what it names: a running
// kubelet's file points to the certificate that it renews by itself.
func (f *found) takeKubeconfig() {
	cfg, err := kubeconfig.Parse(f.conf.data)
	if err == nil {
		f.entry, err = cfg.Current()
	}
	if err != nil {
		f.entryErr = err
		return
	}
	f.broken = unusable(cfg, f.entry)
	load := func(data []byte, name, what string) ([]byte, error) { return namedBy(f.conf.path, data, name, what) }
	var data []byte
	if data, f.caErr = load(f.entry.Cluster.CA, f.entry.Cluster.CAFile, "certificate authority"); f.caErr == nil && len(data) > 0 {
		f.bundle, f.caErr = pki.ParseCertificates(data)
	}
	if data, f.chainErr = load(f.entry.User.ClientCert, f.entry.User.ClientCertFile, "client certificate"); f.chainErr == nil && len(data) > 0 {
		f.chain, f.chainErr = pki.ParseCertificates(data)
	}
	if data, f.keyErr = load(f.entry.User.ClientKey, f.entry.User.ClientKeyFile, "client key"); f.keyErr == nil && len(data) > 0 {
		f.signer, f.keyErr = pki.ParsePrivateKey(data)
	}
}

// namedBy is what a kubeconfig holds, or what lies in the file that it names
// instead: relative to its own directory.
func namedBy(conf string, data []byte, name, what string) ([]byte, error) {
	if len(data) > 0 || name == "" {
		return data, nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(conf), name)
	}
	got, err := readFile(name)
	if err == nil && !got.exists {
		err = errors.New("the " + what + " it names is missing (" + name + ")")
	}
	return got.data, err
}

// unusable are the faults for which client-go refuses an entry, or reads it in
// another way than it looks: a CA given twice, a CA beside
// insecure-skip-tls-verify. What the judge says in its own words is left out.
func unusable(cfg *kubeconfig.Config, e kubeconfig.Entry) []finding.Finding {
	ids := []finding.ID{finding.CAGivenTwice, finding.InsecureWithCA, finding.ClientCertificateGivenTwice, finding.ClientKeyGivenTwice, finding.ExecAndAuthProvider, finding.CredentialsSeveral,
		finding.ProxyURLInvalid, finding.ExecIncomplete, finding.ExecVersion, finding.ExecMode, finding.AuthProvider, finding.ImpersonateWithoutUser, finding.HeaderInvalid, finding.TokenWithSpace}
	return slices.DeleteFunc(cfg.Check(), func(f finding.Finding) bool {
		ours := f.Kind == "cluster" && f.Name == e.Cluster.Name || f.Kind == "user" && f.Name == e.User.Name
		return !ours || f.Severity != finding.Error || !slices.Contains(ids, f.ID)
	})
}
