//go:build linux && amd64

package faults_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// result counts faults and damages, by command (or another thing that is judged) and by what was done to it.
type result struct {
	mu            sync.Mutex
	rows, columns []string
	cells         map[[2]string]*cell
	laws          map[string][]string // the damages of each law
}

type cell struct{ faults, damages int }

func newResult() *result { return &result{cells: map[[2]string]*cell{}, laws: map[string][]string{}} }

// count adds one fault. One that breaks several laws is one damage of the table.
func (r *result) count(row, column string, found []damage) {
	r.add(row, column, 1, min(1, len(found)), found)
}

func (r *result) add(row, column string, tries, damages int, found []damage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.rows, row) {
		r.rows = append(r.rows, row)
	}
	if !slices.Contains(r.columns, column) {
		r.columns = append(r.columns, column)
	}
	at := [2]string{row, column}
	if r.cells[at] == nil {
		r.cells[at] = &cell{}
	}
	r.cells[at].faults += tries
	r.cells[at].damages += damages
	for i, d := range found {
		if !slices.ContainsFunc(found[:i], func(earlier damage) bool { return earlier.law == d.law }) { // one says enough
			r.laws[d.law] = append(r.laws[d.law], d.seen)
		}
	}
}

// table is the figures as rows of Markdown: faults, and behind a slash damages.
func (r *result) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| command | %s | all |\n|---|%s---|\n", strings.Join(r.columns, " | "), strings.Repeat("---|", len(r.columns)))
	sums := make([]cell, len(r.columns)+1)
	line := func(name string, cells []cell) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, c := range cells {
			fmt.Fprintf(&b, " %d / %d |", c.faults, c.damages)
		}
		b.WriteByte('\n')
	}
	for _, row := range r.rows {
		cells := make([]cell, len(r.columns)+1)
		for i, column := range r.columns {
			if c := r.cells[[2]string{row, column}]; c != nil {
				for _, to := range []*cell{&cells[i], &cells[len(r.columns)], &sums[i], &sums[len(r.columns)]} {
					to.faults += c.faults
					to.damages += c.damages
				}
			}
		}
		line("`"+row+"`", cells)
	}
	line("all", sums)
	return b.String()
}

// order puts rows and columns in the order in which they are written down, whichever was counted first.
func (r *result) order(rows, columns []string) {
	by := func(list []string) func(a, b string) int {
		return func(a, b string) int { return slices.Index(list, a) - slices.Index(list, b) }
	}
	slices.SortFunc(r.rows, by(rows))
	slices.SortFunc(r.columns, by(columns))
}

// show prints the table, each law that was broken with one sample or with all, and writes the table into the
// block of that name in the report.
func (r *result) show(t *testing.T, name string, all bool) {
	t.Helper()
	if len(r.rows) == 0 {
		return
	}
	t.Logf("faults / damages\n%s", r.table())
	for _, law := range slices.Sorted(maps.Keys(r.laws)) {
		seen := r.laws[law]
		slices.Sort(seen)
		for i, text := range seen {
			seen[i] = text[:min(len(text), 400)]
		}
		if !all {
			seen = seen[:1]
		}
		t.Logf("%s: %d times\n\t%s", law, len(r.laws[law]), strings.Join(seen, "\n\t"))
	}
	if file := os.Getenv("PKITOOL_FAULTS_REPORT"); file != "" && name != "" {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		block := regexp.MustCompile(`(?s)(<!-- ` + regexp.QuoteMeta(name) + ` -->\n).*?(<!-- end -->)`)
		require.True(t, block.Match(data), "%s has no block %s", file, name)
		out := block.ReplaceAllFunc(data, func(old []byte) []byte {
			m := block.FindSubmatch(old)
			return []byte(string(m[1]) + r.table() + string(m[2]))
		})
		require.NoError(t, os.WriteFile(file, out, 0o644))
	}
}

// judge shows the figures, and every damage is a fault of the test.
func (r *result) judge(t *testing.T, name string) {
	t.Helper()
	r.show(t, name, testing.Verbose())
	for _, law := range slices.Sorted(maps.Keys(r.laws)) {
		assert.Zero(t, len(r.laws[law]), "damages: %s", law)
	}
}
