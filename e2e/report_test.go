package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// acceptance is one row of the compatibility table: who accepts what.
type acceptance struct{ component, what string }

// report gathers what passed, and writes docs/compatibility.md from it.
type report struct {
	mu     sync.Mutex
	passes map[[2]string]bool // test and variant
	gaps   map[string]bool    // see gap
}

// gap notes what was not asked on this machine, or not of whom it should have been, and why. Who ran the tests is told
// at the end: the go command shows nothing of a test that was skipped.
func (r *report) gap(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gaps == nil {
		r.gaps = map[string]bool{}
	}
	r.gaps[fmt.Sprintf(format, args...)] = true
}

// skip skips the test and notes the gap.
func skip(t *testing.T, format string, args ...any) {
	t.Helper()
	why := fmt.Sprintf(format, args...)
	suite.report.gap("%s: %s", t.Name(), why)
	t.Skip("NOT TESTED: " + why)
}

// hasOpenSSL tells whether openssl is here. Where PKITOOL_REQUIRE_OPENSSL is set, as in CI, it has to be.
func hasOpenSSL(t T) bool {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err == nil {
		return true
	}
	require.Empty(t, os.Getenv("PKITOOL_REQUIRE_OPENSSL"), "openssl is required here and not installed")
	suite.report.gap("openssl is not installed: crypto/x509 has made what a person makes with it, and it has verified nothing")
	return false
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
	return append(rows, standalone()...)
}

// standalone are the rows of the tests that need no control plane, or one of their own.
func standalone() []reportRow {
	var compared, spoiled []string
	for _, v := range comparisons {
		compared = append(compared, v.name)
	}
	for _, b := range brokenPKIs {
		spoiled = append(spoiled, b.name)
	}
	return []reportRow{
		{"etcd-quorum", quorumAlgorithms, []acceptance{{"etcd", "peer certificates of each member's own: three members on 127.0.0.1, 127.0.0.2 and 127.0.0.3 form a quorum"}}},
		{"kubeadm-init", kubeadmAlgorithms, []acceptance{{"kubeadm", "`init phase certs all` and `init phase kubeconfig all` keep every file of ours"}}},
		{"kubeadm-certs", kubeadmAlgorithms, []acceptance{{"kubeadm", "`certs check-expiration` knows every certificate of ours, `certs renew all` renews them"}}},
		{"pkitool-init", kubeadmAlgorithms, []acceptance{{"pkitool", "`pkitool init` keeps every file of kubeadm's, and of what kubeadm renewed"}}},
		{"differences", compared, []acceptance{{"pkitool, kubeadm", "the same configuration gives the same files, but for the differences below"}}},
		{"broken", append(spoiled, peerWithoutClientAuth), []acceptance{{"these tests", "no PKI with a fault: each of these is caught"}}},
	}
}

// write writes the table if the run was complete: every test, on every variant, passed, and nothing was left out.
func (r *report) write(ctx context.Context) error {
	if len(r.gaps) > 0 {
		fmt.Fprintln(os.Stderr, "docs/compatibility.md is left as it is: not everything could be tested here")
		return nil
	}
	for _, row := range r.rows() {
		for _, v := range row.variants {
			if !r.passes[[2]string{row.test, v}] {
				fmt.Fprintf(os.Stderr, "docs/compatibility.md is left as it is: %s on %s was not run\n", row.test, v)
				return nil
			}
		}
	}
	versions, err := suite.tools.Versions(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("..", "docs", "compatibility.md"), []byte(r.text(versions)), 0o644)
}

// text is the document. It holds nothing that differs from run to run.
func (r *report) text(versions map[string]string) string {
	var b strings.Builder
	b.WriteString(reportHead)
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubeadm", "kubectl", "hollow-kubelet"} {
		fmt.Fprintf(&b, "| %s | %s |\n", name, versions[name])
	}
	b.WriteString(reportVariants)
	for _, v := range variants {
		fmt.Fprintf(&b, "| `%s` | %s |\n", v.name, v.what)
	}
	b.WriteString(reportTable)
	for _, row := range r.rows() {
		for _, a := range row.accepts {
			fmt.Fprintf(&b, "| %s | %s | `%s` | %s |\n", a.component, a.what, row.test, r.where(row))
		}
	}
	b.WriteString(reportDifferences)
	b.WriteString(differencesTable())
	return b.String()
}

// where names the variants of a row.
func (r *report) where(row reportRow) string {
	if len(row.variants) == len(variants) && row.variants[0] == variants[0].name {
		return "every cluster"
	}
	return strings.Join(row.variants, ", ")
}

const reportHead = `# What accepts the PKI that pkitool makes

<!-- Written by the tests in e2e/ (make e2e) when all of them pass. Edit those, not this. -->

Each of these real programs, built from its Go module, was started on loopback with a PKI made by pkitool, and asked.

| component | version |
|---|---|
`

const reportVariants = `
The hollow kubelet is the kubelet's own registration, serving, x509 and webhook code over fakes for containers (kubemark).

Every question was put to each of these clusters, which all had a control plane of their own:

| cluster | what it is |
|---|---|
`

const reportTable = `
| who | accepts | test | on |
|---|---|---|---|
`

const reportDifferences = `
## Where the files differ from kubeadm's, on purpose

Everything else (names, modes, encodings, subjects, names in certificates, usages, extensions, times, the text of kubeconfigs) is equal.

| of | field | kubeadm | pkitool | reason |
|---|---|---|---|---|
`
