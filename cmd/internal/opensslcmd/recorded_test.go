package opensslcmd_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd/internal/cases"
	"github.com/pkitool/pkitool/internal/openssltest"
)

const (
	recordFile = "../../../testdata/verify/outcomes.jsonl"
	recordSeed = 2026
)

// record is what openssl said to one generated case. The case itself is made again from its number, and Digest says
// whether it still is the same.
type record struct {
	Number int    `json:"number"`
	Class  string `json:"class"`
	Digest string `json:"digest"`
	Exit   int    `json:"exit"`
	Stdout string `json:"stdout,omitempty"`
	Stderr string `json:"stderr,omitempty"`
}

func digestOf(c cases.Case) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", c.Args)
	for _, f := range c.Files {
		fmt.Fprintf(h, "%q %x", f.Name, f.Data)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Where no openssl is installed, its recorded answers judge. PKITOOL_RECORD=1 records them anew; do so when the
// generator has changed.
func TestRecordedOutcomes(t *testing.T) {
	if os.Getenv("PKITOOL_RECORD") != "" {
		recordOutcomes(t)
	}
	data, err := os.ReadFile(recordFile)
	require.NoError(t, err)
	root, count, codes := t.TempDir(), 0, map[int]bool{}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); count++ {
		var r record
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
		c := cases.Generate(recordSeed, r.Number)
		require.Equal(t, r.Digest, digestOf(c), "%s is not what it was when its answer was recorded: record anew", c)
		dir := filepath.Join(root, fmt.Sprint(r.Number))
		require.NoError(t, lay(dir, c))
		theirs := openssltest.Outcome{Stdout: r.Stdout, Stderr: r.Stderr, Exit: r.Exit}
		own := ours(dir, c.Args)
		assert.Empty(t, difference(theirs, own), describe(c, theirs, own))
		for _, f := range theirs.Findings() {
			codes[f.Code] = true
		}
	}
	assert.Greater(t, count, 150, "too few records")
	assert.Greater(t, len(codes), 45, "too few different errors")
}

// recordOutcomes keeps every case that shows something new: a sequence of codes in its class, or a good one of each.
func recordOutcomes(t *testing.T) {
	path := openssltest.Path(t)
	var out bytes.Buffer
	root, seen, codes := t.TempDir(), map[string]bool{}, map[int]bool{}
	for n := range 12000 {
		c := cases.Generate(recordSeed, n)
		if c.RealTime || c.DeltaCRL || c.MixedCRL {
			continue
		}
		dir := filepath.Join(root, fmt.Sprint(n))
		require.NoError(t, lay(dir, c))
		theirs, err := openssltest.Verify(path, dir, c.Args)
		require.NoError(t, err)
		excepted := difference(theirs, ours(dir, c.Args)) != ""
		require.NoError(t, os.RemoveAll(dir))
		if excepted { // TestDifferentialAgainstOpenSSL says why
			continue
		}
		var list []int
		fresh := false
		for _, f := range theirs.Findings() {
			list = append(list, f.Code)
			fresh = fresh || !codes[f.Code]
		}
		key := fmt.Sprint(c.Class, theirs.Exit, len(list))
		if seen[key] && !fresh {
			continue
		}
		seen[key] = true
		for _, code := range list {
			codes[code] = true
		}
		line, err := json.Marshal(record{n, c.Class, digestOf(c), theirs.Exit, theirs.Stdout, theirs.Stderr})
		require.NoError(t, err)
		out.Write(append(line, '\n'))
	}
	require.NoError(t, os.WriteFile(recordFile, out.Bytes(), 0o644))
}

// With --explain every error is followed by a sentence, and nothing else changes.
func TestExplainEveryError(t *testing.T) {
	data, err := os.ReadFile(recordFile)
	require.NoError(t, err)
	root, explained := t.TempDir(), 0
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		var r record
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
		c := cases.Generate(recordSeed, r.Number)
		dir := filepath.Join(root, fmt.Sprint(r.Number))
		require.NoError(t, lay(dir, c))
		own := ours(dir, append([]string{"--explain"}, c.Args...))
		var without strings.Builder
		wanted, policies := false, false
		for line := range strings.Lines(own.Stderr) {
			said := strings.HasPrefix(line, "  ") && !policies
			assert.False(t, wanted && !said, "%s: no explanation in front of %q", c, line)
			if wanted = len(openssltest.Outcome{Stderr: line}.Findings()) > 0; wanted {
				explained++
			}
			// The policies stand between error 43 and its explanation, and are indented, too.
			wanted = wanted && !strings.HasPrefix(line, "error 43 ")
			policies = strings.Contains(line, "Policies:") || policies && strings.HasPrefix(line, "  ")
			if !said {
				without.WriteString(line)
			}
		}
		if !strings.Contains(r.Stderr, "Policies:") && !slices.Contains(c.Args, "-nameopt") {
			assert.Equal(t, r.Stderr, without.String(), "%s", c)
		}
		assert.Equal(t, r.Exit, own.Exit)
	}
	assert.Greater(t, explained, 150)
}
