package phases

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
	"github.com/pkitool/pkitool/pki/store"
)

// Request is the verb of rows for which a certificate request is made.
const Request Verb = "request"

// csrPath is where a row's request lies: beside its certificate, or beside its kubeconfig.
func csrPath(s certs.Spec, f *found) string {
	if s.Place.Kubeconfig != "" {
		return f.conf.path + ".csr"
	}
	return strings.TrimSuffix(f.cert.path, ".crt") + ".csr"
}

// requestable are the rows of a choice that are signed by a CA: requests are
// made for these. CAs and key pairs sign themselves or are not signed at all.
func requestable(t certs.Tree, chosen []string) []string {
	var out []string
	for _, s := range t.Rows() {
		if s.Issuer == "" || s.Given {
			continue
		}
		for _, name := range chosen {
			if name == s.Name {
				out = append(out, name)
			}
		}
	}
	return out
}

// request is one row on its way to a CSR.
type request struct {
	row  Row
	spec certs.Spec
	held *found
	path string
	old  file // the request that lies there

	key crypto.Signer // nil: to be made
}

// Requests makes certificate requests for rows, with keys that are kept where
// they exist: pairs get KEY and .csr files, kubeconfigs are made without their
// certificate, and a .conf.csr beside them. A request that says what is planned
// is kept. dry: nothing is written and the report says what would be.
func Requests(ctx context.Context, t certs.Tree, dirs Dirs, chosen []string, o Options, dry bool) (r Report, err error) {
	names := requestable(t, chosen)
	var lock *store.Locked
	if !dry {
		if lock, err = store.Lock(ctx, lockDirs(t, dirs, names)...); err != nil {
			return Report{}, err
		}
		defer func() { err = errors.Join(err, lock.Unlock()) }()
	}
	inv, err := Take(t, dirs, needed(t, names))
	if err != nil {
		return Report{}, err
	}
	reqs, refused, err := decideRequests(t, inv, names, o)
	if err != nil {
		return Report{}, err
	}
	r = Report{APIVersion: APIVersion, Kind: "RequestReport", DryRun: dry, CertDir: dirs.Cert, KubeconfigDir: dirs.Kubeconfig}
	if len(refused.actions) == 0 && !dry {
		if err := writeRequests(ctx, lock, inv, reqs); err != nil {
			return r, err
		}
	}
	for _, q := range reqs {
		r.Changed = r.Changed || q.row.Verb == Request && len(refused.actions) == 0
		r.Rows = append(r.Rows, q.row)
	}
	if len(refused.actions) > 0 {
		return r, &RefusedError{Plan: refused}
	}
	return r, nil
}

// decideRequests says for each row whether its key and its request are kept or made.
func decideRequests(t certs.Tree, inv Inventory, names []string, o Options) ([]*request, Plan, error) {
	d := decider{judge: judge{now: o.Now, dirs: inv.dirs}, tree: t, inv: inv, o: o}
	var out []*request
	var refused Plan
	for _, name := range names {
		s, _ := t.Row(name)
		q := &request{spec: s, held: inv.rows[name]}
		q.path = csrPath(s, q.held)
		a := Action{Spec: s, Files: d.dirs.Files(s), held: q.held}
		keyPath := q.held.key.path
		if s.Place.Kubeconfig != "" {
			keyPath = q.held.conf.path
		}
		if q.held.entryErr != nil {
			a.refuse(Fault{Text: q.held.entryErr.Error(), Path: keyPath, Hint: "move it away: a new one is made"})
		} else if q.held.signer != nil || q.held.keyErr != nil {
			if faults := d.key(q.held, keyPath); faults != nil {
				a.refuse(hinted(faults, "put the key back from a backup, or move the file away: a new one is made")...)
			}
			q.key = q.held.signer
		}
		if len(a.Faults) > 0 {
			refused.actions = append(refused.actions, a)
			q.row = newRow(a)
			out = append(out, q)
			continue
		}
		var err error
		if q.old, err = readFile(q.path); err != nil {
			return nil, Plan{}, err
		}
		q.row = newRow(a)
		q.row.Verb, q.row.Reason, q.row.Files = Request, "new key", []string{keyPath, q.path}
		if q.key != nil {
			q.row.Reason = "key is kept"
			if asks(q.old.data, s, q.key.Public()) {
				q.row.Verb, q.row.Reason = Keep, "the request that is there says it all"
			}
		}
		out = append(out, q)
	}
	return out, refused, nil
}

// asks reports whether a request asks for what a row wants, for this key. One
// without the usages, such as kubeadm's, leaves them to the signer's guess.
func asks(data []byte, s certs.Spec, pub crypto.PublicKey) bool {
	c, err := inspect.ReadRequest(data)
	if err != nil || c.CA || c.KeyUsage != s.Template().KeyUsage(pub) {
		return false
	}
	for _, want := range s.Kind.ExtKeyUsage() {
		if !slices.Contains(c.Usages, want) {
			return false
		}
	}
	return pki.SameKey(c.Public, pub) && c.Subject.Equal(s.Subject) && c.SANs.Minus(s.SANs).Empty() && s.SANs.Minus(c.SANs).Empty()
}

func writeRequests(ctx context.Context, lock *store.Locked, inv Inventory, reqs []*request) error {
	var todo []*work
	for _, q := range reqs {
		todo = append(todo, &work{Action: &Action{Spec: q.spec}, key: q.key})
	}
	if err := makeKeys(ctx, todo); err != nil {
		return err
	}
	var keys, csrs []store.Write
	for i, q := range reqs {
		if q.row.Verb == Keep {
			continue
		}
		fresh := q.key == nil
		q.key = todo[i].key
		t := q.spec.Template()
		der, err := pki.NewCSR(t, q.key)
		if err != nil {
			return fmt.Errorf("%s: %w", q.spec.Name, err)
		}
		csrs = append(csrs, store.Write{Path: q.path, Data: pki.EncodeCSR(der), Mode: 0o600})
		q.row.Written = append(q.row.Written, q.path)
		if !fresh {
			continue
		}
		w, err := q.keyFile(inv)
		if err != nil {
			return fmt.Errorf("%s: %w", q.spec.Name, err)
		}
		keys = append(keys, w)
		q.row.Written = append([]string{w.Path}, q.row.Written...)
	}
	return lock.Save(keys, csrs)
}

// keyFile is the file that holds a new key: the key itself, or a kubeconfig
// that waits for its certificate. It carries the CA where that is known.
func (q *request) keyFile(inv Inventory) (store.Write, error) {
	key, err := pki.EncodePrivateKey(q.key)
	if err != nil {
		return store.Write{}, err
	}
	if q.spec.Place.Kubeconfig == "" {
		return store.Write{Path: q.held.key.path, Data: key, Mode: 0o600, IfAbsent: true}, nil
	}
	single := kubeconfig.Single{Cluster: q.spec.Place.Cluster, Server: q.spec.Place.Server, User: q.spec.User(), ClientKey: key}
	if ca := inv.rows[q.spec.Issuer]; len(ca.chain) > 0 {
		single.CA = pki.EncodeCertificates(ca.chain...)
	}
	data, err := single.Render()
	if q.held.conf.exists && err == nil {
		// A kubeconfig without any key: it is completed, and keeps what else it says.
		data, err = kubeconfig.Edit{ClientKey: key, CA: single.CA}.Apply(q.held.conf.data)
	}
	return store.Write{Path: q.held.conf.path, Data: data, Mode: 0o600, IfAbsent: !q.held.conf.exists}, err
}
