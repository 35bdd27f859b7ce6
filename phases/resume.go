package phases

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// resume decides what is left to do for files that are no row's, some of which may be there already: from a run that was
// killed, or from the same command before. What is there and is what is asked for is kept, and a key alone is certified,
// as for a row. Anything else that is there is refused: nothing is written over. The directories are locked.
func (p planner) resume(plan Plan, a *Action) {
	there := map[string]judge.File{}
	h := &judge.Held{}
	for _, o := range a.Outputs {
		f := judge.File{Path: o.Path}
		if o.Path != "" {
			f = judge.ReadFile(o.Path)
		}
		if f.There() {
			there[o.Path] = f
		}
		switch {
		case o.Kind == KeyFile:
			h.Key = f
		case o.Kind == CertificateFile:
			h.Cert = f
		case o.Kind == KubeconfigFile && o.Conf.Single.ClientCertFile == "" && !a.Make.Unsigned:
			h.Conf = f
		}
	}
	if len(there) == 0 {
		return
	}
	h.Parse(certs.Role{Kind: certs.Client})
	a.Held, a.Spec = h, a.Make.spec()
	bad := p.settle(a, plan.cas[a.Make.Signer])
	var left []Output
	var modes string
	for _, o := range a.Outputs {
		f, ok := there[o.Path]
		loose := f.Mode.Perm() &^ o.Mode
		switch {
		case !ok:
			left = append(left, o)
		case len(bad) > 0:
		case plan.other(a, o, f) != "":
			bad = append(bad, taken(f.Path, plan.other(a, o, f)))
		case loose != 0 && f.Symlink:
			bad = append(bad, taken(f.Path, fmt.Sprintf("mode %04o behind a symbolic link", f.Mode.Perm())))
		case loose != 0:
			a.Tighten = append(a.Tighten, Chmod{Path: f.Path, From: f.Mode.Perm(), To: f.Mode.Perm() & o.Mode})
			modes += fmt.Sprintf("; mode %04o of %s set to %04o", f.Mode.Perm(), filepath.Base(f.Path), f.Mode.Perm()&o.Mode)
		}
	}
	a.Outputs, a.Reason = left, "completes what is there"
	switch {
	case len(bad) > 0:
		a.refuse(bad...)
	case len(left) == 0:
		a.Verb, a.Reason = Keep, "complete"
	case !a.Make.Unsigned && h.Signer != nil:
		a.Reason = "certifies the key that is there"
	}
	a.Reason += modes
}

// merged keeps what the file that a kubeconfig is to go into holds of it already: from a run that was killed before it
// could tell, or from the same command before. What else is there is for the merge to judge.
func (p planner) merged(plan Plan, a *Action) {
	conf := a.Outputs[0].Conf
	f := judge.ReadFile(conf.Into)
	cfg, err := kubeconfig.Parse(f.Data)
	if !f.Exists || err != nil {
		return
	}
	e, err := cfg.Resolve(cmp.Or(conf.Single.Context, conf.Single.User+"@"+conf.Single.Cluster))
	if err != nil {
		return
	}
	alone, err := e.Single().Render()
	if err != nil {
		return
	}
	order := *a.Make
	b := Action{Make: &order, Held: &judge.Held{}, Spec: order.spec(), Verb: Keep, Reason: "complete"}
	if !order.Unsigned {
		b.Held.Conf = judge.FileOf(f.Path, alone)
		b.Held.Parse(certs.Role{Kind: certs.Client})
	}
	if len(p.settle(&b, plan.cas[order.Signer])) == 0 && plan.other(&b, a.Outputs[0], f) == "" {
		*a = b
	}
}

// spec is a row for an order by itself: what the judge compares with.
func (o *Order) spec() certs.Spec {
	kind := certs.CA
	for _, k := range []certs.Kind{certs.Serving, certs.Client, certs.Peer} {
		if slices.Equal(k.ExtKeyUsage(), o.Template.ExtKeyUsage) {
			kind = k
		}
	}
	names := o.Template.SANs
	return certs.Spec{Role: &certs.Role{Kind: kind, Identity: kind == certs.Client}, Issuer: o.Signer, Subject: o.Template.Subject, SANs: names, Asked: names, ServerAssumed: true}
}

// taken says that a file is there and is not what is asked for.
func taken(path, why string) *finding.Finding {
	return finding.New(finding.FileTaken, why).At("", "", path)
}

// settle judges the key and the certificate that are there, and compares them with the order. What is right need not be
// made again.
func (p planner) settle(a *Action, ca *judge.CA) (bad []*finding.Finding) {
	h, o := a.Held, a.Make
	pub := o.Public
	if o.Key != nil {
		pub = o.Key.Public()
	}
	theirs := pub != nil // the key is not among the files
	for _, f := range p.Alone(a.Spec, h, ca).Errors() {
		switch {
		case theirs && (f.ID == finding.KeyMissing || f.ID == finding.ClientKeyMissing), f.ID == finding.LeafIsCA && o.Template.CA:
		case f.ID == finding.KeyMissing:
			bad = append(bad, taken(h.Cert.Path+h.Conf.Path, f.Text()))
		default:
			bad = append(bad, taken(f.Path, f.Text()))
		}
	}
	if h.Signer != nil && !theirs {
		o.Key, pub = h.Signer, h.Signer.Public()
	}
	add := func(is bool, path, format string, args ...any) {
		if is && len(bad) == 0 {
			bad = append(bad, taken(path, fmt.Sprintf(format, args...)))
		}
	}
	if pub != nil && !theirs && !o.AnyAlgorithm {
		add(pki.DescribeKey(pub) != string(o.Algorithm), h.Key.Path+h.Conf.Path, "key is %s, not %s", pki.DescribeKey(pub), o.Algorithm)
	}
	if len(h.Chain) == 0 {
		return bad
	}
	c, path := h.Chain[0], h.Cert.Path+h.Conf.Path
	_, end := pki.Window(p.Now, o.Validity)
	others := o.Template.Differences(c)
	add(pub != nil && !pki.SameKey(c.PublicKey, pub), path, "certificate is for another key")
	add(len(others) > 0, path, "certificate has another %s", strings.Join(others, ", "))
	add(!o.UntilCA && c.NotAfter.After(end), path, "certificate is valid until %s, longer than what is asked for", finding.Stamp(c.NotAfter))
	o.Unsigned = true
	return bad
}

// other says what a file that is there says otherwise than the output would; "" if it does not. Keys and certificates
// were judged already.
func (p Plan) other(a *Action, o Output, f judge.File) string {
	switch {
	case f.Err != nil:
		return judge.Unreadable(f).Text()
	case o.Kind == KeyFile || o.Kind == CertificateFile:
		return ""
	}
	want, err := p.content(&work{Action: a, Made: Made{Chain: a.Held.Chain}}, o)
	if err != nil {
		return err.Error()
	}
	if o.Kind != KubeconfigFile {
		if bytes.Equal(want, f.Data) {
			return ""
		}
		return "it holds other certificates than the CA's file"
	}
	m, err := kubeconfig.Merge(f.Data, want, kubeconfig.MergeOptions{SetCurrent: o.Conf.Into == ""})
	if err != nil {
		return err.Error()
	}
	for _, c := range m.Changes {
		if c.Verb != kubeconfig.Unchanged {
			return fmt.Sprintf("it has no %s %q", c.Kind, c.Name)
		}
	}
	if !bytes.Equal(m.Data, f.Data) {
		return "its current context is another"
	}
	return ""
}
