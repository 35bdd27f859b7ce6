package phases

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/certs"
)

// Phases are the phases there are, in order: the parents of the rows.
func Phases() []string { return []string{"certs", "kubeconfig"} }

// Choose turns phase paths into the names of rows: "certs" is all rows of that
// phase, "certs/apiserver" is one. want empty: everything; skip is taken away
// from it, children with their parent. known is the tree with every row there
// can be, so that the name of a row that this cluster lacks (etcd is external)
// is known too. An unknown path is an error that lists what there is.
func Choose(t, known certs.Tree, want, skip []string) ([]string, error) {
	for _, p := range slices.Concat(want, skip) {
		if !slices.Contains(Phases(), p) && !slices.ContainsFunc(known.Rows(), func(s certs.Spec) bool { return s.Path() == p }) {
			return nil, fmt.Errorf("unknown phase %q: must be one of %s", p, strings.Join(Paths(known), ", "))
		}
	}
	covers := func(list []string, s certs.Spec) bool {
		return slices.ContainsFunc(list, func(p string) bool {
			// A node's own row ("apiserver@cp-2") goes by its plain name as well.
			plain, _, _ := strings.Cut(s.Name, "@")
			return p == s.Phase() || p == s.Path() || p == path.Join(s.Phase(), plain)
		})
	}
	chosen := []string{}
	for _, s := range t.Rows() {
		if (len(want) == 0 || covers(want, s)) && !covers(skip, s) {
			chosen = append(chosen, s.Name)
		}
	}
	return chosen, nil
}

// Paths lists every phase path of a tree: parents first, then their rows.
func Paths(t certs.Tree) []string {
	var out []string
	for _, p := range Phases() {
		out = append(out, p)
		for _, s := range t.Rows() {
			if s.Phase() == p {
				out = append(out, s.Path())
			}
		}
	}
	return out
}
