package phases

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/verify"
)

// Verb is what a plan does with a row.
type Verb string

// The verbs of a plan.
const (
	Keep   Verb = "keep"   // complete and right
	Create Verb = "create" // nothing there, or a key that waits for its certificate
	Renew  Verb = "renew"  // made anew, in place of what is there
	Refuse Verb = "refuse" // wrong in a way that is not ours to mend
	Skip   Verb = "skip"   // not there and not asked for by name
)

// Action is what is done with one row, and why.
type Action struct {
	Spec   certs.Spec
	Verb   Verb
	Reason string
	// Faults are what is wrong with what lies there: why a row is refused or made anew.
	Faults []Fault
	// Notes are what a renewal changes beyond dates and key.
	Notes []string
	// Because names the row whose refusal is the cause of this one's.
	Because string
	// Files are all the row's files, Writes those that are written; Tighten are
	// files whose mode is looser than Mode allows and is set right.
	Files   []string
	Writes  []string
	Tighten []Chmod

	key     crypto.Signer // an existing key that is certified instead of a new one
	signing *authority    // CA rows: what they can do for others
	held    *found        // what is there, for the report
	renewal *renewal      // what a renewal takes over from what is there; nil: all is made from Spec

	// frameOnly: of a kubeconfig only server and CA are set, all else stays as it is.
	frameOnly bool
}

// Chmod is a file whose mode is made tighter.
type Chmod struct {
	Path string
	From fs.FileMode
	To   fs.FileMode
}

// Plan is what is done, row by row, in the order of the tree. Decide makes it.
type Plan struct {
	actions []Action
	cas     map[string]*authority // by row, the CAs that the actions need, chosen or not
}

// Actions are the plan's actions. The slice is the caller's.
func (p Plan) Actions() []Action { return append([]Action(nil), p.actions...) }

// Refused are the actions that stand in the way of a plan, without those that
// only follow from another's refusal.
func (p Plan) Refused() []Action {
	var out []Action
	for _, a := range p.actions {
		if a.Verb == Refuse && a.Because == "" {
			out = append(out, a)
		}
	}
	return out
}

// Changes counts the rows that the plan writes or whose modes it mends.
func (p Plan) Changes() int {
	n := 0
	for _, a := range p.actions {
		if len(a.Writes)+len(a.Tighten) > 0 {
			n++
		}
	}
	return n
}

// Options are what a plan is decided by, beside the tree and the inventory.
type Options struct {
	Now time.Time
	// Reissue lets the plan replace leaves and kubeconfigs that are wrong; never a CA, never a service-account key.
	Reissue bool
	// CertMode is the mode of certificate files: 0644, or 0600.
	CertMode fs.FileMode
}

// authority is what a CA row can do for the rows below it.
type authority struct {
	row    string
	path   string
	bundle []*x509.Certificate
	once   sync.Once     // guards trust
	trust  *verify.Trust // the bundle for the engine, made when first asked for
	// signer is nil if the CA is external (its key is not here) or still to be made.
	signer   *pki.Authority
	external bool
	refused  bool // the row was refused: nothing below it can be judged
	absent   bool // nothing there, and not asked for
	planned  bool // will be made by this plan
}

// outlives gives the end of the CA that signed c, if c is valid longer, and else the zero time.
// A CA that was renewed with its old key stands in the bundle several times: the last end counts.
func (a *authority) outlives(c *x509.Certificate) time.Time {
	var end time.Time
	inside := true
	for _, p := range a.bundle {
		inside = inside && !c.NotAfter.After(p.NotAfter)
	}
	if inside {
		return end // whichever signed it: no signature need be looked at
	}
	for _, p := range a.bundle {
		if p.NotAfter.After(end) && signedBy(c, []*x509.Certificate{p}, nil) {
			end = p.NotAfter
		}
	}
	if c.NotAfter.After(end) {
		return end // zero if none signed it: an intermediate in the leaf's own file did
	}
	return time.Time{}
}

// Decide makes the plan for the chosen rows: the single place where keeping,
// making and refusing is decided. It is pure. chosen names rows of the tree; nil: all.
func Decide(t certs.Tree, inv Inventory, chosen []string, o Options) Plan {
	wanted := map[string]bool{}
	for _, name := range chosen {
		wanted[name] = true
	}
	want := func(s certs.Spec) bool { return chosen == nil || wanted[s.Name] }
	d := newDecider(t, inv, o, want)
	rows := t.Rows()
	actions := make([]Action, len(rows))
	atOnce(len(rows), func(i int) {
		switch s := rows[i]; {
		case s.Kind == certs.CA:
			actions[i] = d.rows[s.Name]
		case want(s):
			actions[i] = d.row(s, true)
		}
	})
	plan := Plan{cas: d.cas}
	for i, a := range actions {
		if !want(rows[i]) {
			continue
		}
		d.finish(&a)
		if why, told := d.rows[a.Because]; told && chosen != nil && !wanted[a.Because] {
			// The cause was not asked for, and has to be told all the same.
			wanted[a.Because] = true
			plan.actions = append(plan.actions, why)
		}
		plan.actions = append(plan.actions, a)
	}
	return plan
}

// newDecider judges the CAs of a tree, once: what a CA can do decides about all that it signs. A CA
// that is not there is made only where want says so.
func newDecider(t certs.Tree, inv Inventory, o Options, want func(certs.Spec) bool) *decider {
	d := &decider{judge: judge{now: o.Now, dirs: inv.dirs}, tree: t, inv: inv, o: o, cas: map[string]*authority{}, rows: map[string]Action{}}
	for _, s := range t.Rows() {
		if s.Kind == certs.CA {
			a := d.row(s, want(s))
			d.cas[s.Name], d.rows[s.Name] = a.signing, a
		}
	}
	return d
}

// decider decides one row after the other, or several at once: after newDecider it does not change.
type decider struct {
	judge
	tree certs.Tree
	inv  Inventory
	o    Options
	cas  map[string]*authority
	rows map[string]Action // the CAs' own, chosen or not
}

func (d *decider) row(s certs.Spec, want bool) Action {
	f := d.inv.rows[s.Name]
	a := Action{Spec: s, Files: d.dirs.Files(s), held: f}
	switch {
	case s.Kind == certs.CA:
		d.ca(&a, f, want)
	case s.Kind == certs.KeyPair:
		d.pair(&a, f)
	case s.Given:
		d.given(&a, f)
	default:
		d.leafRow(&a, f)
	}
	return a
}

// finish fills in what follows from the verb: what is written, which modes are mended.
func (d *decider) finish(a *Action) {
	if a.Verb == Refuse || a.Spec.Given {
		return
	}
	f := a.held
	if a.Verb == Keep || a.key != nil || len(a.Writes) > 0 {
		d.tighten(a, f)
	}
	if a.Writes == nil && (a.Verb == Create || a.Verb == Renew) {
		a.Writes = a.Files
		if a.key != nil {
			a.Writes = a.Files[1:] // the key comes first, and is there
		}
	}
}

// tighten notes the files that stay and whose modes are looser than they may
// be. A link's target is not ours to change.
func (d *decider) tighten(a *Action, f *found) {
	for _, x := range []struct {
		file file
		mode fs.FileMode
	}{{f.key, 0o600}, {f.conf, 0o600}, {f.cert, d.certMode(a.Spec)}} {
		loose := x.file.exists && x.file.mode.Perm()&^x.mode != 0
		if !loose {
			continue
		}
		if x.file.symlink {
			if x.mode == 0o600 && x.file.path != f.cert.path {
				a.Verb, a.Tighten = Refuse, nil
				a.Faults = append(a.Faults, Fault{
					Text: fmt.Sprintf("private key can be read by others: mode %04o behind a symbolic link", x.file.mode.Perm()), Path: x.file.path,
					Hint: "set the mode of the link's target to 0600, or put the file itself here",
				})
				return
			}
			continue
		}
		a.Tighten = append(a.Tighten, Chmod{Path: x.file.path, From: x.file.mode.Perm(), To: x.file.mode.Perm() & x.mode})
	}
}

// certMode is the loosest mode of a row's certificate. sa.pub is written 0600 as
// kubeadm does, and left as it is where another tool wrote it 0644: it is public.
func (d *decider) certMode(s certs.Spec) fs.FileMode {
	if s.Kind == certs.KeyPair {
		return 0o644
	}
	return d.o.CertMode
}
