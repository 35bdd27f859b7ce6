package phases

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/pkitool/pkitool/internal/hidden"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// Made is what Apply made of one action. Key and the contents of Files are secret.
type Made struct {
	hidden.Secret
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
// where ctx ends before all is made, nor where a file cannot be written, unless the error is a *store.UnfinishedError.
// backup is the directory of the copies, "" where none were needed.
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
	if err := l.Save(sets(todo)...); err != nil {
		var unfinished *store.UnfinishedError
		if backup != "" && !errors.As(err, &unfinished) {
			l.DropBackup(backup) // all is as it was: a run that fails again and again must not fill the disk
			backup = ""
		}
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
