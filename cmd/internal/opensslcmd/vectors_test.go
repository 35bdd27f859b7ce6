package opensslcmd_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd/internal/cases"
	"github.com/pkitool/pkitool/internal/openssltest"
	"github.com/pkitool/pkitool/pki/verify"
)

// vectors is the directory of public test vectors that do not come with the project.
func vectors(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PKITOOL_VECTORS")
	if dir == "" {
		t.Skip("PKITOOL_VECTORS IS NOT SET: the vectors of NIST and of x509-limbo were not tried")
	}
	return dir
}

// agreeOn lets openssl and this program answer every case and fails for each on which they differ, but for the
// exceptions. It returns our answers.
func agreeOn(t *testing.T, list []cases.Case) []openssltest.Outcome {
	t.Helper()
	path := openssltest.Path(t)
	require.NotEmpty(t, list)
	answers := make([]openssltest.Outcome, len(list))
	excepted, root := 0, t.TempDir()
	var mu sync.Mutex
	var running sync.WaitGroup
	work := make(chan int)
	for range max(2, runtime.GOMAXPROCS(0)) {
		running.Go(func() {
			for i := range work {
				c := list[i]
				c.Number = i
				dir := filepath.Join(root, strconv.Itoa(i))
				theirs, own, err := both(path, dir, c)
				mu.Lock()
				answers[i] = own
				switch {
				case err != nil:
					t.Errorf("%s: %v", c, err)
				case difference(theirs, own) == "":
				case excused(path, dir, c, theirs, own):
					excepted++
				default:
					t.Error(describe(c, theirs, own))
				}
				mu.Unlock()
				_ = os.RemoveAll(dir)
			}
		})
	}
	for i := range list {
		work <- i
	}
	close(work)
	running.Wait()
	t.Logf("%d runs, %d are exceptions", len(list), excepted)
	return answers
}

// marked sets what the table of exceptions asks of a case.
func marked(c cases.Case, crls ...[]byte) cases.Case {
	c.DeltaCRL = slices.ContainsFunc(crls, func(der []byte) bool {
		l, err := verify.ParseCRL(der)
		return err == nil && l.IsDelta()
	})
	return c
}
