package audit_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/audit"
)

// hostile are names that others chose.
var hostile = []string{
	"plain", "", " ", "\x1b[31mred\x00\x07", "a\nb\rc\td", "]]>", "<failure>&amp;\"'", "{0} {", "[click](https://evil.example.com)", "\xff\xfe\xc3", "\u202eevil\u2028",
	"\ufffe\uffff\ufdd0", strings.Repeat("x", 5000), "a%2fb c#d?e", "c:d", "//host/share", "/etc/kubernetes/pki/ca.crt", "../up/ca.crt", "é/ü.crt",
}

// hostileReport has every id, every severity, and hostile names wherever a name can be.
func hostileReport() *audit.Report {
	r := audit.NewReport()
	var found []finding.Shown
	for i, rule := range finding.Rules() {
		name := hostile[i%len(hostile)]
		s := shown(rule.ID, name, name, name, name, name)
		s.Line = i % 3
		found = append(found, s)
	}
	r.Add(audit.Directory{}, nil)
	r.Add(directory(found...), []audit.Ignored{{CertDir: "a/pki", Shown: found[3], Justification: hostile[3]}})
	for _, name := range hostile {
		d := audit.Directory{Name: name, CertDir: name, KubeconfigDir: name, Findings: []finding.Shown{}}
		r.Add(d, []audit.Ignored{{CertDir: name, Shown: shown(finding.KeyMissing, name, name), Justification: name}})
	}
	return r
}

// sarif is what a SARIF log says, after its schema has judged it.
func sarif(t *testing.T, r *audit.Report) (run struct {
	Tool struct {
		Driver struct {
			Version string
			Rules   []struct {
				ID, HelpURI          string
				DefaultConfiguration struct{ Level string }
			}
		}
	}
	Results []struct {
		RuleID, Level string
		RuleIndex     int
		Message       struct{ Text string }
		Locations     []struct {
			PhysicalLocation struct {
				ArtifactLocation struct{ URI string }
				Region           struct{ StartLine int }
			}
			LogicalLocations []struct{ Name string }
		}
		PartialFingerprints map[string]string
		Suppressions        []struct{ Kind, Justification string }
	}
}) {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, r.WriteSARIF(&out, "v1.2.3"))
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(filepath.Join("..", "..", "testdata", "schema", "sarif-2.1.0.json"))
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(doc))
	var log struct{ Runs []json.RawMessage }
	require.NoError(t, json.Unmarshal(out.Bytes(), &log))
	require.Len(t, log.Runs, 1)
	require.NoError(t, json.Unmarshal(log.Runs[0], &run))
	return run
}

func TestSARIF(t *testing.T) {
	r := audit.NewReport()
	f := finding.Shown{ID: finding.KeyMissing, Severity: finding.Error, Row: "etcd-peer", Path: "a/pki/etcd/peer.key", Text: "is missing", Hint: "make it"}
	g := shown(finding.CAPartExpired, "ca", "a/pki/ca.crt", "2", "2026-01-01T00:00:00Z")
	g.Line = 7
	r.Add(directory(f, g), []audit.Ignored{{CertDir: "a/pki", Shown: shown(finding.NothingHere, "", "a/pki"), Justification: "a new node"}})
	run := sarif(t, r)
	assert.Equal(t, "v1.2.3", run.Tool.Driver.Version)
	require.Len(t, run.Tool.Driver.Rules, len(finding.Rules()))
	require.Len(t, run.Results, 3)
	levels := map[finding.Severity]string{finding.Error: "error", finding.Warning: "warning", finding.Notice: "note"}
	for _, got := range run.Results {
		rule := run.Tool.Driver.Rules[got.RuleIndex]
		assert.Equal(t, got.RuleID, rule.ID)
		made, _ := finding.Lookup(finding.ID(rule.ID))
		assert.Equal(t, levels[made.Severity], got.Level)
		assert.Equal(t, levels[made.Severity], rule.DefaultConfiguration.Level)
		assert.True(t, strings.HasSuffix(rule.HelpURI, "/docs/findings.md#"+rule.ID))
		assert.NotNil(t, got.Suppressions, "no suppressions are said, not left open")
	}
	first := run.Results[0]
	assert.Equal(t, "etcd-peer: is missing (a/pki/etcd/peer.key). make it", first.Message.Text)
	assert.Equal(t, "a/pki/etcd/peer.key", first.Locations[0].PhysicalLocation.ArtifactLocation.URI)
	assert.Equal(t, "etcd-peer", first.Locations[0].LogicalLocations[0].Name)
	assert.Zero(t, first.Locations[0].PhysicalLocation.Region.StartLine)
	assert.Equal(t, 7, run.Results[1].Locations[0].PhysicalLocation.Region.StartLine)
	assert.Equal(t, "external", run.Results[2].Suppressions[0].Kind)
	assert.Equal(t, "a new node", run.Results[2].Suppressions[0].Justification)
}

// A finding has the same fingerprint on another day, and no other finding has it.
func TestSARIFFingerprints(t *testing.T) {
	of := func(found ...finding.Shown) (out []string) {
		r := audit.NewReport()
		r.Add(directory(found...), nil)
		for _, got := range sarif(t, r).Results {
			out = append(out, got.PartialFingerprints["pkitool/v1"])
		}
		return out
	}
	a := shown(finding.CAPartExpired, "ca", "a/pki/ca.crt", "2", "2026-01-01T00:00:00Z")
	b := shown(finding.CAPartExpired, "ca", "a/pki/ca.crt", "3", "2026-02-01T00:00:00Z")
	c := shown(finding.CAPartExpired, "etcd-ca", "a/pki/etcd/ca.crt", "2", "2026-01-01T00:00:00Z")
	d := shown(finding.CAPartExpired, "ca", "a/pki/ca.crt", "2", "2027-01-01T00:00:00Z")
	first, later := of(a, b, c), of(d, c)
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(first))), 3)
	assert.Equal(t, []string{first[0], first[2]}, later)
	assert.Equal(t, of(a), of(a))
}

func TestSARIFHostile(t *testing.T) {
	run := sarif(t, hostileReport())
	assert.Len(t, run.Results, len(finding.Rules())+len(hostile)+1)
	uris := map[string]string{
		"a%2fb c#d?e": "a%252fb%20c%23d%3Fe", "c:d": "./c:d", "//host/share": "file:///host/share", "/etc/kubernetes/pki/ca.crt": "file:///etc/kubernetes/pki/ca.crt",
		"../up/ca.crt": "../up/ca.crt", "é/ü.crt": "%C3%A9/%C3%BC.crt", "\xff\xfe\xc3": "%FF%FE%C3",
	}
	seen := 0
	for _, got := range run.Results {
		assert.NotContains(t, got.Message.Text, "](", "a name is no link")
		assert.NotContains(t, strings.ReplaceAll(got.Message.Text, "{{0}}", ""), "{0}", "nor the place of an argument")
		for _, name := range got.Locations[0].LogicalLocations {
			if want, ok := uris[name.Name]; ok {
				seen++
				assert.Equal(t, want, got.Locations[0].PhysicalLocation.ArtifactLocation.URI)
			}
		}
	}
	assert.Greater(t, seen, 5)
}

// junit is a JUnit report, after its schema has judged it.
func junit(t *testing.T, r *audit.Report, failOn finding.Severity) (suites []junitSuite) {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, r.WriteJUnit(&out, failOn, now.In(time.FixedZone("", 3600))))
	var doc struct {
		Suites []junitSuite `xml:"testsuite"`
	}
	d := xml.NewDecoder(bytes.NewReader(out.Bytes()))
	d.Strict = true
	require.NoError(t, d.Decode(&doc))
	c := exec.Command(xmllint(t), "--noout", "--nonet", "--huge", "--schema", filepath.Join("..", "..", "testdata", "schema", "junit-jenkins.xsd"), "-")
	c.Stdin = &out
	said, err := c.CombinedOutput()
	require.NoError(t, err, "%s", said)
	return doc.Suites
}

type junitSuite struct {
	Name      string `xml:"name,attr"`
	Tests     int    `xml:"tests,attr"`
	Failures  int    `xml:"failures,attr"`
	Skipped   int    `xml:"skipped,attr"`
	Timestamp string `xml:"timestamp,attr"`
	Cases     []struct {
		Name    string  `xml:"name,attr"`
		Class   string  `xml:"classname,attr"`
		Skipped *string `xml:"skipped"`
		Failure *struct {
			Message string `xml:"message,attr"`
			Type    string `xml:"type,attr"`
			Text    string `xml:",chardata"`
		} `xml:"failure"`
	} `xml:"testcase"`
	Out string `xml:"system-out"`
}

// xmllint is the installed xmllint. Without one the test is skipped, aloud; where PKITOOL_REQUIRE_XMLLINT is set, as in
// CI, it fails.
func xmllint(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("xmllint")
	if err != nil {
		require.Empty(t, os.Getenv("PKITOOL_REQUIRE_XMLLINT"), "xmllint is required here: %v", err)
		t.Skipf("XMLLINT IS NOT HERE: JUnit reports were not judged by their schema: %v", err)
	}
	return path
}

func TestJUnit(t *testing.T) {
	of := func(severity finding.Severity, id finding.ID, row, path, hint string) finding.Shown {
		return finding.Shown{ID: id, Severity: severity, Row: row, Path: path, Text: "is wrong", Hint: hint}
	}
	missing, other := of(finding.Error, finding.KeyMissing, "etcd-peer", "a/pki/etcd/peer.key", "mend it"), of(finding.Error, finding.KeyMissing, "apiserver", "a/pki/apiserver.key", "mend it, too")
	missing.Severity = finding.Warning // a finding can be less than its rule
	loose, known := of(finding.Notice, finding.ModeLoose, "ca", "a/pki/ca.crt", ""), of(finding.Warning, finding.OutlivesCA, "apiserver", "a/pki/apiserver.crt", "")
	r := audit.NewReport()
	r.Add(directory(missing, loose, other), []audit.Ignored{{CertDir: filepath.FromSlash("a/pki"), Shown: known, Justification: "CHG-17"}})
	r.Add(audit.Directory{Name: "second", CertDir: "b", Findings: []finding.Shown{loose}}, nil)
	for _, failOn := range []finding.Severity{finding.Warning, finding.Notice} {
		suites := junit(t, r, failOn)
		require.Len(t, suites, 2)
		s := suites[0]
		assert.Equal(t, "a/pki", filepath.ToSlash(s.Name))
		assert.Equal(t, "2026-11-24T12:00:00", s.Timestamp)
		assert.Equal(t, len(finding.Rules()), s.Tests)
		assert.Len(t, s.Cases, s.Tests)
		failures, skipped := map[string]string{}, map[string]string{}
		for _, c := range s.Cases {
			assert.Equal(t, "pkitool.audit", c.Class)
			if c.Failure != nil {
				failures[c.Name] = c.Failure.Type + ": " + c.Failure.Message + "\n" + c.Failure.Text
			}
			if c.Skipped != nil {
				skipped[c.Name] = *c.Skipped
			}
		}
		const looseLine = "notice: mode-loose: ca: is wrong (a/pki/ca.crt)\n"
		want := map[string]string{"key-missing": "error: 2 findings, the first: etcd-peer: is wrong (a/pki/etcd/peer.key)\n" +
			"warning: key-missing: etcd-peer: is wrong (a/pki/etcd/peer.key)\nfix: mend it\n" +
			"error: key-missing: apiserver: is wrong (a/pki/apiserver.key)\nfix: mend it, too\n"}
		out := looseLine
		if failOn == finding.Notice {
			want["mode-loose"], out = "notice: ca: is wrong (a/pki/ca.crt)\n"+looseLine, ""
		}
		assert.Equal(t, want, failures)
		assert.Equal(t, len(want), s.Failures)
		assert.Equal(t, out, s.Out)
		assert.Equal(t, map[string]string{"outlives-ca": "ignored: CHG-17\nwarning: outlives-ca: apiserver: is wrong (a/pki/apiserver.crt)\n"}, skipped)
		assert.Equal(t, 1, s.Skipped)
		assert.Equal(t, "second", suites[1].Name)
		assert.Zero(t, suites[1].Skipped, "another directory's")
	}
}

func TestJUnitHostile(t *testing.T) {
	suites := junit(t, hostileReport(), finding.Warning)
	assert.Len(t, suites, len(hostile)+2)
	assert.NotZero(t, suites[1].Failures)
	assert.NotEmpty(t, suites[1].Out)
}
