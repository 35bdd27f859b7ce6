package phases_test

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
)

// commandsOf are the commands of a remedy: of pkitool in backquotes, or one of the system at the end.
var commandsOf = regexp.MustCompile("`pkitool ([^`]*)`|(\\b(?:chmod|chown|rm) [^`]*)$")

// byCommandLine are the ids whose remedies are tried by the command line: TestAuditHints in cmd.
var byCommandLine = []finding.ID{finding.ServerUncovered, finding.KubeconfigOlder, finding.NodeOther}

// TestEveryAuditRemedy does what the remedy of every fault says, with the key of the CA here and without: the next audit
// does not find it any more, and no error in its place.
func TestEveryAuditRemedy(t *testing.T) {
	all := planted(t)
	for id, c := range kubeconfigChanges {
		if _, ok := all[id]; !ok && c.row == "" {
			all[id] = auditFault{plant: func(w *world) { c.make(w, w.certFile(w.row("admin"))) }}
		}
	}
	run := 0
	for _, id := range slices.Sorted(maps.Keys(all)) {
		f := all[id]
		if f.root && os.Geteuid() != 0 || slices.Contains(byCommandLine, id) {
			continue
		}
		tried := ""
		for _, external := range []bool{false, true} {
			w, before, found := f.first(t, id, external)
			commands := commandsOf.FindAllStringSubmatch(found.Hint, -1)
			if len(commands) == 0 || found.Hint == tried {
				continue
			}
			tried = found.Hint
			run++
			t.Run(string(id)+"/"+strings.ReplaceAll(found.Hint, w.dir, ""), func(t *testing.T) {
				t.Parallel()
				w.t = t
				if strings.Contains(found.Hint, "move the file away") {
					w.remove(found.Path)
				}
				for _, command := range commands {
					if command[2] != "" {
						require.NoError(t, exec.Command("sh", "-c", command[2]).Run(), command[2])
						continue
					}
					w.run(strings.Fields(command[1]))
				}
				for _, left := range w.above(before, w.audit(f.is).Findings) {
					assert.NotEqual(t, id, left.ID, "it is still there: %s", w.line(left))
					assert.NotEqual(t, finding.Error, left.Severity, "an error in its place: %s", w.line(left))
				}
			})
		}
	}
	assert.Greater(t, run, 75)
}

// first makes the fault, takes the CA's key elsewhere if it is an external one, and gives what an audit told before and
// the first finding of the id.
func (f auditFault) first(t *testing.T, id finding.ID, external bool) (*commander, []finding.Shown, finding.Shown) {
	t.Helper()
	sound := f.sound
	if sound == nil {
		sound = complete
	}
	c := &commander{world: sound(t)}
	before := c.audit(f.is).Findings
	f.plant(c.world)
	found := c.above(before, c.audit(f.is).Findings)
	i := slices.IndexFunc(found, func(x finding.Shown) bool { return x.ID == id })
	require.GreaterOrEqual(t, i, 0, id)
	s, ok := c.tree.Row(certs.ID{Role: found[i].Row})
	if !external || !ok || !isLeaf(s) {
		return c, before, found[i]
	}
	c.keepCA(s)
	again := c.audit(f.is).Findings
	i = slices.IndexFunc(again, func(x finding.Shown) bool { return x.ID == id && x.Row == s.ID.String() })
	require.GreaterOrEqual(t, i, 0, id)
	return c, before, again[i]
}
