package phases

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// Made is what Apply made of one action. Key and the contents of Files are secret.
type Made struct {
	Key   crypto.Signer       // nil where no key was made, or the key is somebody else's
	Chain []*x509.Certificate // the certificate, and what belongs behind it
	// Files are the contents of the action's outputs, in their order; nil for a removal.
	Files [][]byte
}

// work is an action on its way.
type work struct {
	*Action
	Made
}

// Apply obeys a plan: it makes the keys, signs, keeps copies of what is replaced, and saves everything at once under the
// lock. It decides nothing about content; a plan with a refusal is an error, and then nothing is changed. Nor is it
// where ctx ends before all is made. backup is the directory of the copies, "" where none were needed.
func (p Plan) Apply(ctx context.Context, l *store.Locked) (made []Made, backup string, err error) {
	todo, err := p.make(ctx)
	if err != nil {
		return nil, "", err
	}
	for _, w := range todo {
		made = append(made, w.Made)
	}
	if backup, err = p.backup(l); err != nil {
		return nil, "", err
	}
	if err := l.Save(steps(todo)...); err != nil {
		return nil, backup, err
	}
	for _, a := range p.Actions {
		for _, c := range a.Tighten {
			if err := l.Tighten(c.Path, c.To); err != nil {
				return nil, backup, err
			}
		}
	}
	return made, backup, nil
}

// Render makes everything that a plan orders, and writes nothing: for outputs that have no path.
func (p Plan) Render(ctx context.Context) ([]Made, error) {
	todo, err := p.make(ctx)
	var made []Made
	for _, w := range todo {
		made = append(made, w.Made)
	}
	return made, err
}

// make makes the keys, signs, and renders the outputs.
func (p Plan) make(ctx context.Context) ([]*work, error) {
	if len(p.Refused()) > 0 {
		return nil, &RefusedError{Plan: p}
	}
	todo := make([]*work, len(p.Actions))
	for i := range p.Actions {
		todo[i] = &work{Action: &p.Actions[i]}
	}
	ordered := func(w *work) bool { return w.Make != nil && !w.Make.Unsigned }
	err := each(ctx, todo, func(w *work) bool { return ordered(w) && w.Make.Key == nil && w.Make.Public == nil }, func(w *work) (err error) {
		// Nearly all of a run's time is spent here where the keys are RSA.
		w.Key, err = pki.GenerateKey(w.Make.Algorithm)
		return err
	})
	if err != nil {
		return nil, err
	}
	isRoot := func(w *work) bool { return ordered(w) && w.Make.Template.CA && w.Make.Signer.Role == "" }
	if err := each(ctx, todo, isRoot, func(w *work) error { return p.root(ctx, w) }); err != nil {
		return nil, err
	}
	err = each(ctx, todo, func(w *work) bool { return ordered(w) && w.certifies() && w.Make.Signer.Role != "" }, func(w *work) error { return p.issue(ctx, w) })
	if err != nil {
		return nil, err
	}
	return todo, each(ctx, todo, func(w *work) bool { return len(w.Outputs) > 0 }, func(w *work) error { return p.render(w) })
}

// certifies reports whether a certificate is made.
func (w *work) certifies() bool {
	for _, o := range w.Outputs {
		if o.Kind == CertificateFile || o.Kind == KubeconfigFile && !o.Conf.Frame && w.Verb != Request {
			return true
		}
	}
	return false
}

// key is the private key of an order: the one that was there, or the one that was made; nil if it is somebody else's.
func (w *work) key() crypto.Signer {
	if w.Make != nil && w.Make.Key != nil {
		return w.Make.Key
	}
	return w.Key
}

func (p Plan) root(ctx context.Context, w *work) error {
	t := w.Make.Template
	t.NotBefore, t.NotAfter = pki.Window(p.now, w.Make.Validity)
	root, err := pki.SelfSign(ctx, t, w.key())
	if err != nil {
		return err
	}
	ca := p.cas[w.Spec.ID]
	ca.Signer, ca.Bundle, ca.Absent = root, root.Bundle(), false
	w.Chain = root.Bundle()
	return nil
}

func (p Plan) issue(ctx context.Context, w *work) (err error) {
	ca := p.cas[w.Make.Signer].Signer
	t := w.Make.Template
	if t.NotBefore, t.NotAfter, err = ca.Window(p.now, w.Make.Validity); err != nil {
		if !w.Make.UntilCA {
			return err
		}
		t.NotAfter = ca.Certificate().NotAfter
	}
	pub := w.Make.Public
	if pub == nil {
		pub = w.key().Public()
	}
	if pki.SameKey(pub, ca.Certificate().PublicKey) {
		return errors.New("key is the CA's own: whoever serves or logs in with it could sign as the CA")
	}
	if w.Chain, err = ca.IssuePublic(ctx, t, pub); err == nil {
		w.Chain = append(w.Chain, w.Make.Behind...)
	}
	return err
}

// render makes the contents of the outputs.
func (p Plan) render(w *work) error {
	w.Files = make([][]byte, len(w.Outputs))
	for i, o := range w.Outputs {
		data, err := p.content(w, o)
		if err != nil {
			return err
		}
		w.Files[i] = data
	}
	return nil
}

func (p Plan) content(w *work, o Output) ([]byte, error) {
	switch o.Kind {
	case KeyFile:
		return pki.EncodePrivateKey(w.key())
	case CertificateFile:
		return pki.EncodeCertificates(w.Chain...), nil
	case PublicKeyFile:
		return pki.EncodePublicKey(w.key().Public())
	case TrustFile:
		return pki.EncodeCertificates(p.cas[w.Make.Signer].Bundle...), nil
	case RequestFile:
		der, err := pki.NewCSR(w.Make.Template, w.key())
		return pki.EncodeCSR(der), err
	case KubeconfigFile:
		return p.conf(w, *o.Conf)
	}
	return o.Data, nil
}

// conf renders a kubeconfig, or edits the one that is there.
func (p Plan) conf(w *work, c Conf) ([]byte, error) {
	var ca, cert, key []byte
	if signer := p.cas[w.Make.Signer]; signer != nil && len(signer.Bundle) > 0 && c.Single.CAFile == "" {
		ca = pki.EncodeCertificates(signer.Bundle...)
	}
	if !c.Frame {
		if len(w.Chain) > 0 && c.Single.ClientCertFile == "" {
			cert = pki.EncodeCertificates(w.Chain...)
		}
		if private := w.key(); private != nil && c.Single.ClientKeyFile == "" {
			var err error
			if key, err = pki.EncodePrivateKey(private); err != nil {
				return nil, err
			}
		}
	}
	if c.Base != nil {
		return kubeconfig.Edit{Server: c.Single.Server, CA: ca, ClientCert: cert, ClientKey: key}.Apply(c.Base)
	}
	c.Single.CA, c.Single.ClientCert, c.Single.ClientKey = ca, cert, key
	return c.Single.Render()
}

// each does the same with all chosen rows, on all cores. Of several errors the
// first in the order of the plan is returned, whichever came first. When ctx
// ends no row is begun any more, and why it ended is the error.
func each(ctx context.Context, todo []*work, chosen func(*work) bool, do func(*work) error) error {
	errs := make([]error, len(todo))
	judge.AtOnce(len(todo), func(i int) {
		if w := todo[i]; chosen(w) && ctx.Err() == nil {
			if err := do(w); err != nil {
				errs[i] = labelled(cmp.Or(w.Label, w.Spec.ID.String()), err)
			}
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("nothing was changed: %w", context.Cause(ctx))
	}
	return nil
}

// labelled is an error with what it is about in front of it.
func labelled(label string, err error) error {
	if label == "" {
		return err
	}
	return fmt.Errorf("%s: %w", label, err)
}

// backup copies what will be replaced into a new directory that has the layout of /etc/kubernetes, whoever asked for
// the change. Two runs within a second get two directories.
func (p Plan) backup(l *store.Locked) (string, error) {
	if p.Backup == "" {
		return "", nil
	}
	var files []store.Copy
	for _, a := range p.Actions {
		for _, o := range a.Outputs {
			if o.Replaces && o.Kind != RequestFile {
				files = append(files, store.Copy{Path: o.Path, Name: p.nameInBackup(o.Path)})
			}
		}
		if a.Held != nil && a.Held.Cert.Exists && a.Held.Key.Exists && replaces(a, CertificateFile) && !replaces(a, KeyFile) {
			files = append(files, store.Copy{Path: a.Held.Key.Path, Name: p.nameInBackup(a.Held.Key.Path)}) // a pair is restored as a pair
		}
	}
	if len(files) == 0 {
		return "", nil
	}
	base := filepath.Join(p.Backup, BackupPrefix+p.now.UTC().Format("20060102T150405Z"))
	dir := base
	for n := 2; ; n++ {
		err := l.Backup(dir, files...)
		if !errors.Is(err, fs.ErrExist) || n > 1000 {
			return dir, err
		}
		dir = fmt.Sprintf("%s-%d", base, n)
	}
}

func replaces(a Action, kind OutputKind) bool {
	for _, o := range a.Outputs {
		if o.Kind == kind && o.Replaces {
			return true
		}
	}
	return false
}

// nameInBackup is a file's place in a backup: as below /etc/kubernetes.
func (p Plan) nameInBackup(file string) string {
	if rel, err := filepath.Rel(p.site.Cert, file); err == nil && filepath.IsLocal(rel) {
		return path.Join("pki", filepath.ToSlash(rel))
	}
	if rel, err := filepath.Rel(p.site.Kubeconfig, file); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return filepath.Base(file)
}

// steps order the writes so that a kill at any moment, and a power cut at any moment, leaves the old pair or a lone key
// that the next run finishes. What is replaced may be in use: one pair after the other goes and comes, its certificate
// first, then its key, then the new certificate. What is new comes at once: all keys, then the CAs' certificates, then
// all others. Each step is on the disk before the next begins.
func steps(todo []*work) [][]store.Write {
	var out [][]store.Write
	var keys, cas, others, last []store.Write
	for _, w := range todo {
		pair := replaces(*w.Action, CertificateFile)
		var old, key, cert []store.Write
		for i, o := range w.Outputs {
			if o.Path == "" {
				continue
			}
			write := store.Write{Path: o.Path, Data: w.Files[i], Mode: o.Mode, IfAbsent: !o.Replaces, Remove: o.Kind == Removal}
			switch {
			case o.Kind == Removal:
				write.Data, write.IfAbsent = nil, false
				last = append(last, write)
			case o.Kind == KeyFile, o.Kind == CopyFile:
				key = append(key, write)
			case o.Kind == CertificateFile && pair && len(key) > 0:
				old = append(old, store.Write{Path: o.Path, Remove: true})
				write.IfAbsent = true
				cert = append(cert, write)
			case o.Kind == CertificateFile && w.Spec.Role != nil && w.Spec.Kind == certs.CA:
				cas = append(cas, write)
			case pair:
				cert = append(cert, write)
			default:
				others = append(others, write)
			}
		}
		if pair {
			out = append(out, old, key, cert)
		} else {
			keys = append(keys, key...)
		}
	}
	return append(out, keys, cas, others, last)
}

// ChangeFile rewrites one file under its lock: change gets what is there (nil if nothing is) and gives what shall be.
// The old content is kept beside it, dated, unless there was none. The new file has mode 0600. backup is "" where
// nothing was there or nothing changes; before is the mode that the file had, 0 for none.
func ChangeFile(ctx context.Context, path string, now time.Time, change func(old []byte) ([]byte, error)) (backup string, before fs.FileMode, err error) {
	lock, err := store.Lock(ctx, filepath.Dir(path))
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	old := judge.ReadFile(path)
	if old.Err != nil {
		return "", 0, old.Err
	}
	data, err := change(old.Data)
	if err != nil {
		return "", 0, err
	}
	a := Action{Outputs: []Output{{Kind: DataFile, Path: path, Mode: 0o600, Data: data, Replaces: old.Exists}}}
	switch {
	case old.Exists && string(data) == string(old.Data):
		a = Action{Tighten: []Chmod{{Path: path, To: 0o600}}}
	case old.Exists:
		backup = nameBeside(path, now)
		a.Outputs = append([]Output{{Kind: CopyFile, Path: backup, Mode: 0o600, Data: old.Data}}, a.Outputs...)
	}
	if _, _, err = (Plan{Actions: []Action{a}}).Apply(ctx, lock); err != nil {
		return "", 0, err
	}
	return backup, old.Mode.Perm(), nil
}

// nameBeside is a free name for the old content of a file. Who asks holds the lock, so two changes within a second get
// two names.
func nameBeside(path string, now time.Time) string {
	base := path + "." + now.UTC().Format("20060102T150405Z")
	for name, n := base+".bak", 2; ; n++ {
		if f := judge.ReadFile(name); !f.There() || n > 1000 {
			return name
		}
		name = fmt.Sprintf("%s-%d.bak", base, n)
	}
}

// WriteFiles writes files that are no row's, all of them or none of those that are not there yet: what --out names.
func WriteFiles(ctx context.Context, now time.Time, outputs ...Output) error {
	_, _, err := ApplyAlone(ctx, Plan{Actions: []Action{{Outputs: outputs}}, now: now})
	return err
}

// ApplyAlone applies a plan under a lock of the directories that it writes to.
func ApplyAlone(ctx context.Context, p Plan) (made []Made, backup string, err error) {
	lock, err := store.Lock(ctx, p.dirs()...)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return p.Apply(ctx, lock)
}

// dirs are the directories that a plan writes to.
func (p Plan) dirs() []string {
	seen := map[string]bool{}
	var out []string
	for _, a := range p.Actions {
		for _, o := range a.Outputs {
			if d := filepath.Dir(o.Path); o.Path != "" && !seen[d] {
				seen[d] = true
				out = append(out, d)
			}
		}
	}
	return out
}
