package phases

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// work is what Apply makes of one action: a key, a certificate with its chain, the files.
type work struct {
	*Action
	key   crypto.Signer
	chain []*x509.Certificate
	conf  []byte
}

// Apply obeys a plan: it makes the keys, signs, and saves everything at once
// under the lock. It decides nothing about content; a plan with a refusal is an
// error, and then nothing is changed. Nor is it where ctx ends before all is made.
func (p Plan) Apply(ctx context.Context, l *store.Locked, o Options) error {
	if len(p.Refused()) > 0 {
		return &RefusedError{Plan: p}
	}
	var todo []*work
	for i := range p.actions {
		a := &p.actions[i]
		if a.Verb == Create || a.Verb == Renew {
			todo = append(todo, &work{Action: a, key: a.key})
		}
	}
	if err := makeKeys(ctx, todo); err != nil {
		return err
	}
	if err := sign(ctx, todo, p.cas, o); err != nil {
		return err
	}
	steps, err := steps(todo, o)
	if err != nil {
		return err
	}
	if err := l.Save(steps...); err != nil {
		return err
	}
	for _, a := range p.actions {
		for _, c := range a.Tighten {
			if err := l.Tighten(c.Path, c.To); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeKeys makes all missing keys on all cores. Nearly all of a run's time is
// spent here where the keys are RSA.
func makeKeys(ctx context.Context, todo []*work) error {
	return each(ctx, todo, func(w *work) bool { return w.key == nil }, func(w *work) (err error) {
		w.key, err = pki.GenerateKey(w.Spec.KeyAlgorithm)
		return err
	})
}

// sign makes all CAs at once, then all leaves.
func sign(ctx context.Context, todo []*work, cas map[string]*authority, o Options) error {
	err := each(ctx, todo, func(w *work) bool { return w.Spec.Kind == certs.CA }, func(w *work) error {
		t := w.Spec.Template()
		t.NotBefore, t.NotAfter = pki.Window(o.Now, w.Spec.Validity)
		root, err := pki.SelfSign(ctx, t, w.key)
		if err != nil {
			return err
		}
		ca := cas[w.Spec.Name]
		ca.signer, ca.bundle = root, root.Bundle()
		w.chain = root.Bundle()
		return nil
	})
	if err != nil {
		return err
	}
	return each(ctx, todo, func(w *work) bool { return w.Spec.Kind != certs.CA && w.Spec.Kind != certs.KeyPair }, func(w *work) error {
		return w.issue(ctx, cas[w.Spec.Issuer], o)
	})
}

// each does the same with all chosen rows, on all cores. Of several errors the
// first in the order of the tree is returned, whichever came first. When ctx
// ends no row is begun any more, and why it ended is the error.
func each(ctx context.Context, todo []*work, chosen func(*work) bool, do func(*work) error) error {
	errs := make([]error, len(todo))
	atOnce(len(todo), func(i int) {
		if w := todo[i]; chosen(w) && ctx.Err() == nil {
			if err := do(w); err != nil {
				errs[i] = fmt.Errorf("%s: %w", w.Spec.Name, err)
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

// atOnce calls do with 0 to n-1, on all cores.
func atOnce(n int, do func(i int)) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		g.Go(func() error { do(i); return nil })
	}
	_ = g.Wait()
}

// template is what is asked of the CA for the row, without its validity.
func (a *Action) template() pki.Template {
	t := a.Spec.Template()
	if a.renewal != nil {
		t.ExtKeyUsage, t.UnknownExtKeyUsage, t.RawSANs = a.renewal.usages, a.renewal.unknownUsages, a.renewal.sans
	}
	return t
}

func (w *work) issue(ctx context.Context, ca *authority, o Options) (err error) {
	if w.frameOnly {
		w.conf, err = kubeconfig.Edit{Server: w.Spec.Place.Server, CA: pki.EncodeCertificates(ca.bundle...)}.Apply(w.held.conf.data)
		return err
	}
	t := w.template()
	if t.NotBefore, t.NotAfter, err = ca.signer.Window(o.Now, w.Spec.Validity); err != nil {
		return err
	}
	if w.chain, err = ca.signer.Issue(ctx, t, w.key); err != nil {
		return err
	}
	if w.renewal != nil {
		w.chain = append(w.chain, w.renewal.appended...)
	}
	if w.Spec.Place.Kubeconfig == "" {
		return nil
	}
	key, err := pki.EncodePrivateKey(w.key)
	if err != nil {
		return err
	}
	if w.renewal != nil {
		w.conf, err = kubeconfig.Edit{CA: pki.EncodeCertificates(ca.bundle...), ClientCert: pki.EncodeCertificates(w.chain...), ClientKey: key}.Apply(w.held.conf.data)
		return err
	}
	w.conf, err = kubeconfig.Single{
		Cluster:    w.Spec.Place.Cluster,
		Server:     w.Spec.Place.Server,
		CA:         pki.EncodeCertificates(ca.bundle...),
		User:       w.Spec.User(),
		ClientCert: pki.EncodeCertificates(w.chain...),
		ClientKey:  key,
	}.Render()
	return err
}

// steps are the writes of everything. What is renewed may be in use: one pair
// after the other goes and comes, so that each is away for an instant only and
// a kill leaves one of them at most without its certificate.
func steps(todo []*work, o Options) ([][]store.Write, error) {
	var out [][]store.Write
	var rest []*work
	for _, w := range todo {
		if w.renewal == nil || w.conf != nil {
			rest = append(rest, w)
			continue
		}
		pair, err := writes([]*work{w}, o)
		if err != nil {
			return nil, err
		}
		out = append(out, pair...)
	}
	last, err := writes(rest, o)
	return append(out, last...), err
}

// writes orders the files so that a kill at any moment, and a power cut at any
// moment, leaves the old pair or a lone key that the next run finishes: the
// certificates that are to be replaced go first, then come all keys, then the
// CAs' certificates, then all others. Each step is on the disk before the next
// begins.
func writes(todo []*work, o Options) ([][]store.Write, error) {
	var old, keys, cas, leaves []store.Write
	for _, w := range todo {
		f := w.held
		if w.conf != nil {
			leaves = append(leaves, store.Write{Path: f.conf.path, Data: w.conf, Mode: 0o600, IfAbsent: !f.conf.exists})
			continue
		}
		if w.Action.key == nil {
			if f.cert.exists {
				old = append(old, store.Write{Path: f.cert.path, Remove: true})
			}
			data, err := pki.EncodePrivateKey(w.key)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", w.Spec.Name, err)
			}
			keys = append(keys, store.Write{Path: f.key.path, Data: data, Mode: 0o600, IfAbsent: !f.key.exists})
		}
		cert := store.Write{Path: f.cert.path, Data: pki.EncodeCertificates(w.chain...), Mode: o.CertMode, IfAbsent: w.Action.key == nil || !f.cert.exists}
		if w.renewal != nil {
			cert.Mode &= f.cert.mode.Perm() | 0o600 // what was closed to others stays closed
		}
		switch w.Spec.Kind {
		case certs.KeyPair:
			pub, err := pki.EncodePublicKey(w.key.Public())
			if err != nil {
				return nil, fmt.Errorf("%s: %w", w.Spec.Name, err)
			}
			cert.Data, cert.Mode = pub, 0o600
			leaves = append(leaves, cert)
		case certs.CA:
			cas = append(cas, cert)
		default:
			leaves = append(leaves, cert)
		}
	}
	return [][]store.Write{old, keys, cas, leaves}, nil
}
