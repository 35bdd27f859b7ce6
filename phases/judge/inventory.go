// Package judge says what is wrong with a cluster's PKI: the tree says what is wanted, the inventory what is there, and
// every row becomes a [Case] with its findings, once, for every command. It reads, and never writes.
//
// A row is right when what its consumers run accepts it: Go's crypto/x509 and encoding/pem, client-go, kube-apiserver,
// etcd. What differs from what pkitool would make is a notice, and no more.
package judge

import (
	"crypto"
	"crypto/x509"
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/hidden"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// Dirs are the two directories that a tree lies in (kubeadm's --cert-dir and --kubeconfig-dir).
type Dirs struct {
	Cert, Kubeconfig string
}

// Site is where a cluster's PKI is: its directories, and the keys of CAs that are no files there.
type Site struct {
	hidden.Secret
	Dirs
	// Signers are keys of CAs, by row: each counts as the key of that row. A CA with neither is external.
	Signers map[certs.ID]crypto.Signer
}

// path is where a file of a place lies.
func (d Dirs) path(p certs.Place, file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(d.root(p.Root), filepath.FromSlash(file))
}

func (d Dirs) root(r certs.Root) string {
	if r == certs.KubeconfigDir {
		return d.Kubeconfig
	}
	return d.Cert
}

// Files are the paths of a row's files, in the order in which they are written.
func (d Dirs) Files(s certs.Spec) []string {
	var out []string
	for _, f := range s.Place.Files() {
		out = append(out, d.path(s.Place, f))
	}
	return out
}

// Selection is a set of rows; nil is all of a tree.
type Selection map[certs.ID]bool

// Has reports whether a row is in the set.
func (s Selection) Has(id certs.ID) bool { return s == nil || s[id] }

// File is one file as it was found.
type File struct {
	hidden.Secret
	Path    string
	Exists  bool
	Symlink bool
	Mode    fs.FileMode
	Data    []byte
	// Owner is who it belongs to if that is neither root nor us; Dir is who else may change its directory.
	Owner string
	Dir   store.Rights
	// Err is why a file that is there cannot be read; it is an *store.Error.
	Err error
}

// There reports whether something lies at the path, readable or not.
func (f File) There() bool { return f.Exists || f.Err != nil }

// ReadFile reads a file; one that is not there is no error.
func ReadFile(path string) File {
	got, err := store.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return File{Path: path}
	}
	if err != nil {
		return File{Path: path, Err: err}
	}
	return File{Path: path, Exists: true, Symlink: got.Symlink, Mode: got.Mode, Data: got.Data, Owner: got.Owner}
}

// FileOf is a file that will lie at a path.
func FileOf(path string, data []byte) File {
	return File{Path: path, Exists: true, Mode: 0o600, Data: data}
}

// Held is what lies at a row's place: read and parsed, judged by nobody yet. Signer is secret.
type Held struct {
	hidden.Secret
	Cert, Key, Conf File
	// Dirs are the directories of which this is the first row.
	Dirs []Dir

	Chain    []*x509.Certificate // the certificates of Cert, or of the kubeconfig's user
	ChainErr *finding.Finding
	Notes    []finding.Finding // what consumers pass over in a trust file
	Signer   crypto.Signer     // the key of Key, or of the kubeconfig's user
	KeyErr   *finding.Finding
	Pubs     []crypto.PublicKey // KeyPair rows: the keys of Cert

	// Of a kubeconfig: all of it, and what its current context refers to.
	Config    *kubeconfig.Config
	Entry     kubeconfig.Entry
	EntryErr  *finding.Finding
	Bundle    []*x509.Certificate // its CA certificates
	BundleErr *finding.Finding
}

// Dir is a directory, and who else may change it.
type Dir struct {
	Path string
	store.Rights
}

// Nothing reports whether no file of the row is there.
func (h *Held) Nothing() bool { return !h.Cert.There() && !h.Key.There() && !h.Conf.There() }

// Has reports whether the row's file at a path is there.
func (h *Held) Has(path string) bool {
	return h.Cert.Path == path && h.Cert.There() || h.Key.Path == path && h.Key.There() || h.Conf.Path == path && h.Conf.There()
}

// Err joins why files of the row cannot be read.
func (h *Held) Err() error { return errors.Join(h.Cert.Err, h.Key.Err, h.Conf.Err) }

// Elsewhere reports whether a kubeconfig names its certificate instead of
// holding it, as a running kubelet's does.
func (h *Held) Elsewhere() bool {
	return h.Conf.Exists && len(h.Entry.User.ClientCert) == 0 && h.Entry.User.ClientCertFile != ""
}

// Inventory is what lies at the rows of a tree, read once. What cannot be read is part of it.
type Inventory struct {
	hidden.Secret
	site Site
	held map[certs.ID]*Held
	dirs map[string]store.Rights
	rows []certs.Spec // those that a run needs, in the order of the tree
	// beside are kubeconfigs that no run needs, and that may lead to a server that is chosen. They are not judged.
	beside map[certs.ID]*Held
}

// Held is what lies at a row's place; nil for a row that was not looked at.
func (inv Inventory) Held(id certs.ID) *Held { return inv.held[id] }

// Err joins why files of the rows cannot be read: a run that writes must not go on. What others own does not stop it.
func (inv Inventory) Err() error {
	var errs []error
	for _, s := range inv.rows {
		if !s.Given {
			errs = append(errs, inv.held[s.ID].Err())
		}
	}
	return errors.Join(errs...)
}

// With is the inventory as it will be with other files at some rows.
func (inv Inventory) With(fresh map[certs.ID]*Held) Inventory {
	out := Inventory{site: inv.site, rows: inv.rows, beside: inv.beside, held: make(map[certs.ID]*Held, len(inv.held))}
	for id, h := range inv.held {
		out.held[id] = h
	}
	for id, h := range fresh {
		out.held[id] = h
	}
	return out
}

// Take reads the chosen rows and the CAs that sign them. For a chosen CA that is not there it also looks for what it
// signed, but only in the directories that the chosen rows lie in: a new CA in one directory has nothing to do with the
// kubeconfigs of another cluster. Beside a server's certificate it looks at the kubeconfigs that may lead to it.
func Take(t certs.Tree, site Site, chosen Selection) Inventory {
	inv := Inventory{site: site, held: map[certs.ID]*Held{}}
	roots := map[certs.Root]bool{}
	need, serves := map[certs.ID]bool{}, map[certs.ID]bool{}
	for s := range t.Rows() {
		if chosen.Has(s.ID) {
			roots[s.Place.Root] = true
			need[s.ID] = true
			if s.Issuer.Role != "" {
				need[s.Issuer] = true
			}
			if s.Kind.Serves() {
				serves[certs.ID{Role: s.Issuer.Role, Instance: s.Instance}] = true
			}
		}
	}
	inv.rows = site.rows(t, func(s certs.Spec) bool { return need[s.ID] })
	inv.read(inv.rows)
	inv.read(site.rows(t, func(s certs.Spec) bool {
		ca := inv.held[s.Issuer]
		return inv.held[s.ID] == nil && roots[s.Place.Root] && ca != nil && chosen.Has(s.Issuer) && !ca.Cert.There()
	}))
	beside := Inventory{site: site, held: map[certs.ID]*Held{}, dirs: inv.dirs}
	beside.read(site.rows(t, func(s certs.Spec) bool {
		return inv.held[s.ID] == nil && s.Conf != "" && serves[certs.ID{Role: s.Issuer.Role, Instance: s.Instance}]
	}))
	inv.beside = beside.held
	return inv
}

// rows are the wanted rows of a tree, in the directories that the site has.
func (d Dirs) rows(t certs.Tree, wanted func(certs.Spec) bool) (rows []certs.Spec) {
	for s := range t.Rows() {
		if (s.Given || d.root(s.Place.Root) != "") && wanted(s) {
			rows = append(rows, s)
		}
	}
	return rows
}

// read takes rows, on all cores.
func (inv *Inventory) read(rows []certs.Spec) {
	held := make([]*Held, len(rows))
	AtOnce(len(rows), func(i int) { held[i] = TakeRow(rows[i], inv.site) })
	if inv.dirs == nil {
		inv.dirs = map[string]store.Rights{}
	}
	for i, s := range rows {
		inv.held[s.ID] = held[i]
		held[i].look(inv.dirs)
	}
}

// look finds out who else may change the directories of the row's files, each directory once.
func (h *Held) look(known map[string]store.Rights) {
	for _, f := range []*File{&h.Cert, &h.Key, &h.Conf} {
		if f.Path == "" {
			continue
		}
		dir := filepath.Dir(f.Path)
		rights, ok := known[dir]
		if !ok {
			rights = store.RightsIn(dir)
			known[dir] = rights
			h.Dirs = append(h.Dirs, Dir{dir, rights})
		}
		f.Dir = rights
	}
}

// AtOnce calls do with 0 to n-1, in this order and on all cores. A core keeps its goroutine: to let a stack grow for each
// call costs more than many a call.
func AtOnce(n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// TakeRow reads the files of one row.
func TakeRow(s certs.Spec, site Site) *Held {
	h := &Held{}
	for _, x := range []struct {
		to   *File
		name string
	}{{&h.Cert, s.Place.Cert}, {&h.Key, s.Place.Key}, {&h.Conf, s.Place.Kubeconfig}} {
		if x.name != "" {
			*x.to = ReadFile(site.path(s.Place, x.name))
		}
	}
	h.Parse(*s.Role)
	if signer := site.Signers[s.ID]; signer != nil {
		h.Signer, h.KeyErr = signer, nil
	}
	return h
}

// Parse reads the contents of the files, as the row's consumers read them.
func (h *Held) Parse(r certs.Role) {
	if h.Cert.Exists {
		var err error
		switch {
		case r.Kind == certs.KeyPair:
			h.Pubs, h.Notes, err = pki.ParsePublicKeys(h.Cert.Data)
		case r.Kind == certs.CA && r.Etcd:
			h.Chain, h.Notes, err = pki.ParseTrust(h.Cert.Data, pki.EtcdTrust)
		case r.Kind == certs.CA:
			h.Chain, h.Notes, err = pki.ParseTrust(h.Cert.Data, pki.ServerTrust)
		default:
			h.Chain, err = pki.ParseCertificates(h.Cert.Data)
		}
		h.ChainErr = broken(err)
	}
	if h.Key.Exists {
		var err error
		parse := pki.ParsePrivateKey
		if r.Kind == certs.CA || r.Kind == certs.KeyPair { // who signs with it reads it by client-go's keyutil
			parse = pki.ParseSigningKey
		}
		h.Signer, err = parse(h.Key.Data)
		h.KeyErr = broken(err)
	}
	if h.Conf.Exists {
		h.takeKubeconfig()
	}
}

// broken is what a reader says as a finding; nil for nil.
func broken(err error) *finding.Finding {
	if err == nil {
		return nil
	}
	return finding.Of(err, finding.FileUnreadable)
}

// takeKubeconfig reads what a kubeconfig holds, and what it names: a running
// kubelet's file points to the certificate that it renews by itself.
func (h *Held) takeKubeconfig() {
	var err error
	if h.Config, err = kubeconfig.Parse(h.Conf.Data); err == nil {
		h.Entry, err = h.Config.Current()
	}
	if err != nil {
		h.EntryErr = finding.Of(err, finding.KubeconfigBroken)
		return
	}
	read := func(path string) ([]byte, error) { return ReadNamed(h.Conf.Path, path) }
	e := h.Entry
	var data []byte
	if data, h.BundleErr = named(e.Cluster.CA, e.Cluster.CAFile, "certificate authority", read); h.BundleErr == nil && len(data) > 0 {
		h.Bundle, _, err = pki.ParseTrust(data, pki.ClientTrust)
		h.BundleErr = broken(err)
	}
	if data, h.ChainErr = named(e.User.ClientCert, e.User.ClientCertFile, "client certificate", read); h.ChainErr == nil && len(data) > 0 {
		h.Chain, err = pki.ParseCertificates(data)
		h.ChainErr = broken(err)
	}
	if data, h.KeyErr = named(e.User.ClientKey, e.User.ClientKeyFile, "client key", read); h.KeyErr == nil && len(data) > 0 {
		h.Signer, err = pki.ParsePrivateKey(data)
		h.KeyErr = broken(err)
	}
}

// Named is where a file lies that a kubeconfig names: relative to the kubeconfig's own directory.
func Named(conf, path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(conf), path)
	}
	return path
}

// ReadNamed reads a file that a kubeconfig names.
func ReadNamed(conf, path string) ([]byte, error) {
	path = Named(conf, path)
	got, err := store.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = &store.Error{Path: path, Err: fs.ErrNotExist}
	}
	return got.Data, err
}

// named is the embedded data, or what lies in the file that is named instead.
func named(data []byte, path, what string, read func(string) ([]byte, error)) ([]byte, *finding.Finding) {
	if len(data) > 0 || path == "" {
		return data, nil
	}
	data, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, finding.New(finding.NamedFileMissing, what, pathOf(err, path))
	case err != nil:
		return nil, finding.New(finding.NamedFileUnreadable, what, err.Error())
	}
	return data, nil
}

// NamedCertificates are the certificates that a kubeconfig holds, or those of the file that it names.
func NamedCertificates(conf string, data []byte, path, what string) ([]*x509.Certificate, *finding.Finding) {
	data, f := named(data, path, what, func(path string) ([]byte, error) { return ReadNamed(conf, path) })
	if f != nil || len(data) == 0 {
		return nil, f
	}
	list, err := pki.ParseCertificates(data)
	return list, broken(err)
}

// pathOf is the path that an error names, else the one that was asked for.
func pathOf(err error, path string) string {
	var at *store.Error
	if errors.As(err, &at) {
		return at.Path
	}
	return path
}
