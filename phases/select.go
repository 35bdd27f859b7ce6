package phases

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases/judge"
)

// Phases are the phases there are, in order: the parents of the rows.
func Phases() []string { return []string{"certs", "kubeconfig"} }

// Choose turns phase paths into rows of a tree: "certs" is all rows of that phase, "certs/apiserver" is a role's. want
// empty: everything; skip is taken away from it, children with their parent. The name of a role that this cluster lacks
// (etcd is external) is known too. An unknown path is an error that lists what there is.
func Choose(t certs.Tree, want, skip []string) (judge.Selection, error) {
	known := Paths()
	for _, p := range slices.Concat(want, skip) {
		if !slices.Contains(known, p) {
			return nil, fmt.Errorf("unknown phase %q: must be one of %s", p, strings.Join(known, ", "))
		}
	}
	covers := func(list []string, s certs.Spec) bool {
		return slices.Contains(list, s.Phase()) || slices.Contains(list, s.Path())
	}
	chosen := judge.Selection{}
	for s := range t.Rows() {
		if (len(want) == 0 || covers(want, s)) && !covers(skip, s) {
			chosen[s.ID] = true
		}
	}
	return chosen, nil
}

// ChooseRequests turns names into the rows of a tree that a CA signs: a role's name, or the file of a kubeconfig as
// kubeadm names it ("admin.conf"). None: all of them.
func ChooseRequests(t certs.Tree, names []string) (judge.Selection, error) {
	if len(names) == 0 {
		names = RoleNames(Requestable)
	}
	return rowsNamed(t, names, Requestable, "all, ")
}

// rowsNamed turns names of roles that fit into rows of a tree. An unknown name is an error that lists what there is,
// with more in front.
func rowsNamed(t certs.Tree, names []string, fit func(certs.Role) bool, more string) (judge.Selection, error) {
	wanted := map[string]bool{}
	for _, name := range names {
		r, ok := certs.RoleNamed(name)
		if !ok || !fit(r) {
			return nil, fmt.Errorf("unknown name %q: must be one of %s%s", name, more, strings.Join(RoleNames(fit), ", "))
		}
		wanted[r.Name] = true
	}
	chosen := judge.Selection{}
	for s := range t.Rows() {
		if wanted[s.Name] {
			chosen[s.ID] = true
		}
	}
	return chosen, nil
}

// Paths lists every phase path: parents first, then their roles.
func Paths() []string {
	var out []string
	for _, p := range Phases() {
		out = append(out, p)
		for _, r := range certs.Roles() {
			if r.Phase() == p && !r.Given {
				out = append(out, path.Join(p, r.Name))
			}
		}
	}
	return out
}

// ChooseExpiring turns names into rows that have an end; none: nil, for everything there is.
func ChooseExpiring(t certs.Tree, names []string) (judge.Selection, error) {
	if len(names) == 0 {
		return nil, nil
	}
	return rowsNamed(t, names, Expiring, "")
}

// Expiring reports whether a role has an end: a key pair has none.
func Expiring(r certs.Role) bool { return r.Kind != certs.KeyPair }
