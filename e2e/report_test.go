package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// acceptance is one row of the compatibility table: who accepts what.
type acceptance struct{ component, what string }

// report gathers what passed, and writes docs/compatibility.md from it.
type report struct {
	mu     sync.Mutex
	passes map[[2]string]bool // test and variant
}

// passed notes that a test passed on a variant.
func (r *report) passed(test, variant string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.passes == nil {
		r.passes = map[[2]string]bool{}
	}
	r.passes[[2]string{test, variant}] = true
}

// reportRow is one test with the variants that it runs on.
type reportRow struct {
	test     string
	variants []string
	accepts  []acceptance
}

// rows is the whole table, in order: what a complete run has to have passed.
func (r *report) rows() []reportRow {
	var all []string
	for _, v := range variants {
		all = append(all, v.name)
	}
	var rows []reportRow
	for _, c := range checks {
		rows = append(rows, reportRow{c.name, all, c.accepts})
	}
	return append(rows, standalone...)
}

// standalone are the rows of the tests that need no control plane, or one of their own.
var standalone = []reportRow{
	{"etcd-quorum", quorumAlgorithms, []acceptance{{"etcd", "peer certificates of each member's own: three members on 127.0.0.1, .2 and .3 form a quorum"}}},
}

// write writes the table if the run was complete: every test, on every variant, passed.
func (r *report) write(ctx context.Context) error {
	if flag.Lookup("test.run").Value.String() != "" || flag.Lookup("test.skip").Value.String() != "" || flag.Lookup("test.list").Value.String() != "" {
		return nil
	}
	versions, err := suite.tools.Versions(ctx)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(reportHead)
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubeadm", "kubectl", "hollow-kubelet"} {
		fmt.Fprintf(&b, "| %s | %s |\n", name, versions[name])
	}
	b.WriteString(reportTable)
	var missing []string
	for _, row := range r.rows() {
		for _, v := range row.variants {
			if !r.passes[[2]string{row.test, v}] {
				missing = append(missing, row.test+" on "+v)
			}
		}
		for _, a := range row.accepts {
			fmt.Fprintf(&b, "| %s | %s | `%s` | %s |\n", a.component, a.what, row.test, strings.Join(row.variants, ", "))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the run is not complete: nothing says that these passed: %s", strings.Join(missing, "; "))
	}
	return os.WriteFile(filepath.Join("..", "docs", "compatibility.md"), []byte(b.String()), 0o644)
}

const reportHead = `# What accepts the PKI that pkitool makes

<!-- Written by the tests in e2e/ (make e2e) when all of them pass. Edit those, not this. -->

Each of these real programs, built from its Go module, was started on loopback with a PKI made by pkitool and asked.

| component | version |
|---|---|
`

const reportTable = `
A hollow kubelet is the kubelet's own registration, serving, x509 and webhook code over fakes for containers (kubemark).

| component | accepts | test | on |
|---|---|---|---|
`
