// Package phases changes a cluster's PKI: package judge says what is wrong with each row, a policy says what is done
// about it, and [Plan.Apply], the only writer, obeys. A policy is pure: no key is made and nothing signed before Apply,
// and a dry run shows the same plan.
package phases

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/hidden"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// Verb is what a plan does with a row.
type Verb string

// The verbs of a plan.
const (
	Keep    Verb = "keep"    // complete and right
	Create  Verb = "create"  // nothing there, or a key that waits for its certificate
	Renew   Verb = "renew"   // made anew, in place of what is there
	Request Verb = "request" // a certificate request is made
	Refuse  Verb = "refuse"  // wrong in a way that is not ours to mend
	Skip    Verb = "skip"    // not there, and rightly so or not asked for by name
)

// Action is what is done with one row, or with files that are no row's, and why.
type Action struct {
	// Spec is the row as it will be.
	Spec certs.Spec
	// Held is what is there; never nil for a row.
	Held   *judge.Held
	Verb   Verb
	Reason string
	// Findings are what is wrong with what is there, or why nothing can be done.
	Findings []finding.Finding
	// Asker is who asks for remedies.
	Asker finding.Asker
	// Notes are what changes beyond dates and key.
	Notes []string
	// Label names what an action without a row is about: `user "alice"`.
	Label string
	// Because is the row whose refusal is the cause of this one's.
	Because certs.ID
	// Make is what is made and signed; nil where nothing is.
	Make *Order
	// Outputs are the files that are written or removed, in the order of the row's files.
	Outputs []Output
	// Tighten are files whose mode is looser than allowed and is set right.
	Tighten []Chmod
}

// Order is a key and a certificate to be made.
type Order struct {
	hidden.Secret
	// Signer is the row of the CA that signs; zero: a root signs itself, and a key pair is not signed.
	Signer   certs.ID
	Template pki.Template
	Validity time.Duration
	// UntilCA lets the certificate end with its CA where Validity, which nobody gave, would be longer.
	UntilCA bool
	// Key is an existing key, Public somebody else's of which only this half is known; with neither, a new key of
	// Algorithm is made.
	Key       crypto.Signer
	Public    crypto.PublicKey
	Algorithm pki.KeyAlgorithm
	// AnyAlgorithm lets a key of another algorithm be there already: nobody gave Algorithm.
	AnyAlgorithm bool
	// Unsigned: nothing is made here: a token, or what was signed elsewhere, takes the place of key and certificate.
	Unsigned bool
	// Behind are certificates that follow what Issue puts behind the new one by itself.
	Behind []*x509.Certificate
}

// OutputKind is what an output holds.
type OutputKind int

// The kinds of outputs.
const (
	KeyFile OutputKind = iota
	CertificateFile
	PublicKeyFile
	KubeconfigFile
	RequestFile
	TrustFile // the certificates of the CA that signs
	DataFile  // what Data says
	CopyFile  // the same, and a copy of what is replaced: it is written first
	Removal
)

// Output is one file of an action, as data: Apply makes the content.
type Output struct {
	hidden.Secret
	Kind OutputKind
	// Path is where it goes; "" for what is returned to the caller instead.
	Path string
	Mode fs.FileMode
	// Replaces says that something is there, of which a copy is kept.
	Replaces bool
	// Data is the content of a DataFile.
	Data []byte
	// Conf is the kubeconfig around certificate and key.
	Conf *Conf
}

// Conf is a kubeconfig to be written.
type Conf struct {
	hidden.Secret
	// Base is the file that is edited; nil: Single is rendered.
	Base   []byte
	Single kubeconfig.Single
	// Frame: only server and CA are set, the user stays.
	Frame bool
	// Into is a file that the caller puts it into; "" for none.
	Into string
}

// Chmod is a file whose mode is made tighter.
type Chmod struct {
	Path string
	From fs.FileMode
	To   fs.FileMode
}

// Plan is what is done, row by row, in the order of the tree. Policies make it.
type Plan struct {
	hidden.Secret
	Actions []Action
	// Backup is the directory in which a new, dated directory gets copies of the files that are replaced; "" for none.
	Backup string

	site judge.Site
	now  time.Time
	cas  map[certs.ID]*judge.CA
}

// Refused are the actions that stop a plan, without those that only follow from another's refusal.
func (p Plan) Refused() []Action {
	var out []Action
	for _, a := range p.Actions {
		if a.Verb == Refuse && a.Because.Role == "" {
			out = append(out, a)
		}
	}
	return out
}

// changes reports whether an action writes files or mends modes.
func (a Action) changes() bool { return len(a.Outputs)+len(a.Tighten) > 0 }

// Files are the paths of an action's row, in the order in which they are written.
func (p Plan) Files(a Action) []string { return p.site.Files(a.Spec) }

// RefusedError says that a plan was refused: something that is there is wrong, and nothing was changed.
type RefusedError struct{ Plan Plan }

// Error gives every refusal, one a line: "row: text (path)".
func (e *RefusedError) Error() string {
	var lines []string
	for _, f := range e.Findings() {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// Findings are why the plan was refused, each once, with the remedy for who asked.
func (e *RefusedError) Findings() []finding.Shown {
	var out []finding.Shown
	said := map[string]bool{}
	for _, a := range e.Plan.Refused() {
		for _, f := range a.Findings {
			if !said[f.String()] {
				said[f.String()] = true
				out = append(out, f.Shown(a.Asker))
			}
		}
	}
	return out
}

// refuse ends an action with what is wrong. What is only worth knowing is left out of a refusal.
func (a *Action) refuse(list ...*finding.Finding) {
	a.Verb, a.Make, a.Outputs, a.Tighten = Refuse, nil, nil, nil
	for _, f := range list {
		g := *f
		a.Findings = append(a.Findings, *g.At(a.Spec.ID.String(), a.Spec.Phase(), ""))
	}
}

// refuseOnly is refuse, where what else is known of the row does not count.
func (a *Action) refuseOnly(list ...*finding.Finding) {
	a.Findings = nil
	a.refuse(list...)
}

// unlinked refuses to write through a symbolic link, into a directory where everybody could replace what is written, and
// to give a new file to whoever could have put the old one there.
func (a *Action) unlinked() {
	for _, f := range []judge.File{a.Held.Key, a.Held.Cert, a.Held.Conf} {
		if f.Symlink && a.writes(f.Path) {
			a.refuseOnly(finding.New(finding.LinkNotWritten).At("", "", f.Path))
			return
		}
		d := judge.Dir{Path: filepath.Dir(f.Path), Rights: f.Dir}
		if open := d.Open(a.Spec.Place.Root); open != nil && open.Severity == finding.Error && a.writes(f.Path) {
			a.refuseOnly(open.At("", "", d.Path))
			return
		}
		if f.Owner != "" && f.Dir.Shared() && store.Superuser() && a.writes(f.Path) {
			a.refuseOnly(finding.New(finding.OwnerNotKept, f.Owner).At("", "", f.Path))
			return
		}
	}
}

func (a *Action) writes(path string) bool {
	return slices.ContainsFunc(a.Outputs, func(o Output) bool { return o.Path == path })
}

func (a *Action) note(format string, args ...any) {
	a.Notes = append(a.Notes, fmt.Sprintf(format, args...))
}

// refuseErrors refuses because of the errors of a case.
func (a *Action) refuseErrors(c judge.Case) {
	a.Findings = nil
	for _, f := range c.Errors() {
		a.refuse(&f)
	}
}

// Options are what a plan is decided by, beside the judgement.
type Options struct {
	Now time.Time
	// Reissue lets the plan replace leaves and kubeconfigs that are wrong; never a CA, never a service-account key.
	Reissue bool
	// CertMode is the mode of certificate files: 0644, or 0600.
	CertMode fs.FileMode
	// Backup is the directory in which a dated directory of copies is made; "" for none.
	Backup string
	// DryRun: nothing is written.
	DryRun bool
}

// planner is what all policies need.
type planner struct {
	judge.Judgement
	o Options
}

func (p planner) plan(actions []Action) Plan {
	out := Plan{Actions: actions, Backup: p.o.Backup, site: p.Site, now: p.Now, cas: map[certs.ID]*judge.CA{}}
	for c := range p.Cases() {
		if c.Spec.Kind == certs.CA {
			out.cas[c.Spec.ID] = c.CA
		}
	}
	return out
}

func (p planner) action(c judge.Case, asker finding.Asker) Action {
	return Action{Spec: c.Spec, Held: c.Held, Findings: c.Findings, Asker: AskerOf(c, asker)}
}

// AskerOf is who asks for remedies for a row, where a kind of run asks.
func AskerOf(c judge.Case, run finding.Asker) finding.Asker {
	switch {
	case c.Spec.Given:
		return finding.Given
	case c.Spec.Issuer.Role == "":
		return finding.Kept
	case c.CA != nil && c.CA.External && run != finding.Import:
		return finding.External
	}
	return run
}

// certPath is the file that a row's certificate is in: the last of its files.
func (p planner) certPath(s certs.Spec) string {
	files := p.Site.Files(s)
	return files[len(files)-1]
}

// lacking says which facts are missing to make a row.
func (p planner) lacking(s certs.Spec) []*finding.Finding {
	var out []*finding.Finding
	for _, x := range []struct {
		fact certs.Facts
		id   finding.ID
	}{{certs.NodeName, finding.NameUnknown}, {certs.AdvertiseAddress, finding.AddressUnknown}, {certs.ControlPlaneEndpoint, finding.EndpointUnknown}} {
		if s.Lacks.Has(x.fact) {
			reason := p.Tree.Cluster().Unknown[x.fact]
			if reason == "" {
				reason = "nobody gave it"
			}
			out = append(out, finding.New(x.id, reason))
		}
	}
	return out
}

// order plans a new certificate for a row: with the key that is there, or with a new one. It refuses what the CA, or
// what is not known, does not allow.
func (p planner) order(a *Action, ca *judge.CA, key crypto.Signer) {
	s := a.Spec
	a.Make = &Order{Signer: s.Issuer, Template: s.Template(), Validity: s.Validity, Key: key, Algorithm: s.KeyAlgorithm}
	a.Make.UntilCA = p.Tree.Cluster().Assumed.Has(certs.LeafValidity)
	if n := len([]rune(s.Subject.CommonName)); n > 64 && a.Verb == Create {
		a.Findings = append(a.Findings, *finding.New(finding.CommonNameLong, strconv.Itoa(n)).At(s.ID.String(), s.Phase(), p.certPath(s)))
	}
	if lacking := p.lacking(s); len(lacking) > 0 {
		a.refuseOnly(lacking...)
		return
	}
	p.tellKnown(a)
	p.permitted(a, ca)
}

// tellKnown says which values a row has from files of the directory: nobody gave them.
func (p planner) tellKnown(a *Action) {
	known, s := p.Tree.Cluster().Known, a.Spec
	for _, fact := range slices.Sorted(maps.Keys(known)) {
		values := strings.Join(known[fact].Values, ", ")
		if s.Takes.Has(fact) && (s.Conf == "" || strings.Contains(s.Place.Server+" "+s.Subject.CommonName, values)) { // it leads to one server of several
			a.note("takes %s from %s", values, known[fact].Path)
		}
	}
}

// permitted refuses an order that its CA cannot sign.
func (p planner) permitted(a *Action, ca *judge.CA) {
	if ca == nil || ca.Signer == nil {
		return
	}
	o := a.Make
	if _, end := pki.Window(p.Now, o.Validity); o.UntilCA && end.After(ca.Signer.Certificate().NotAfter) {
		a.note("ends with its CA, on %s", finding.Stamp(ca.Signer.Certificate().NotAfter))
	} else if _, _, err := ca.Signer.Window(p.Now, o.Validity); err != nil {
		a.refuseOnly(finding.Of(err, finding.WouldOutliveCA).At("", "", p.certPath(a.Spec)))
		return
	}
	if text := forbidden(o.Template, ca, p.Now); text != "" {
		// what is there may be wrong just because of it
		a.refuseOnly(finding.New(finding.CAForbids, text).At("", "", p.certPath(a.Spec)))
	}
}

// outputs are the files of a row that an order makes. What is there is replaced.
func (p planner) outputs(a *Action) {
	h, s := a.Held, a.Spec
	a.Outputs = nil
	if s.Place.Kubeconfig != "" {
		conf := &Conf{Single: kubeconfig.Single{Cluster: s.Place.Cluster, Server: s.Place.Server, User: s.User()}}
		a.Outputs = []Output{{Kind: KubeconfigFile, Path: h.Conf.Path, Mode: 0o600, Replaces: h.Conf.Exists, Conf: conf}}
		return
	}
	if a.Make.Key == nil {
		a.Outputs = append(a.Outputs, Output{Kind: KeyFile, Path: h.Key.Path, Mode: 0o600, Replaces: h.Key.Exists})
	}
	cert := Output{Kind: CertificateFile, Path: h.Cert.Path, Mode: p.o.CertMode, Replaces: h.Cert.Exists}
	if s.Kind == certs.KeyPair {
		cert.Kind, cert.Mode = PublicKeyFile, 0o600
	}
	a.Outputs = append(a.Outputs, cert)
}

// tighten notes the files that stay and whose modes are looser than they may
// be. A link's target is not ours to change.
func (p planner) tighten(a *Action) {
	if a.unlinked(); a.Verb == Refuse || a.Spec.Given {
		return
	}
	h := a.Held
	certMode := p.o.CertMode
	if a.Spec.Kind == certs.KeyPair {
		certMode = 0o644 // written 0600 as kubeadm does, and left as it is where another tool wrote it 0644: it is public
	}
	for _, x := range []struct {
		file judge.File
		mode fs.FileMode
	}{{h.Key, 0o600}, {h.Conf, 0o600}, {h.Cert, certMode}} {
		perm := x.file.Mode.Perm()
		if !x.file.Exists || perm&^x.mode == 0 || a.writes(x.file.Path) {
			continue
		}
		if x.file.Symlink {
			if x.file.Path != h.Cert.Path {
				a.refuseOnly(finding.New(finding.KeyModeBehindLink, fmt.Sprintf("%04o", perm)).At("", "", x.file.Path))
				return
			}
			continue
		}
		a.Tighten = append(a.Tighten, Chmod{Path: x.file.Path, From: perm, To: perm & x.mode})
	}
}
