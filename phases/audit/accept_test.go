package audit_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/audit"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// shown is a finding of the table about a file, as a report has it.
func shown(id finding.ID, row, path string, had ...string) finding.Shown {
	return finding.New(id, had...).At(row, "certs", filepath.FromSlash(path)).Shown(finding.Check)
}

// directory is one of a node, with findings.
func directory(found ...finding.Shown) audit.Directory {
	return audit.Directory{CertDir: filepath.FromSlash("a/pki"), KubeconfigDir: "a", Certificates: 15, Findings: found}
}

func day(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }

// An exception covers what it says, and nothing beside it.
func TestExceptionCovers(t *testing.T) {
	crt := shown(finding.KeyMismatch, "apiserver", "a/pki/apiserver.crt")
	for _, c := range []struct {
		name    string
		is      audit.Exception
		of      finding.Shown
		covered bool
	}{
		{"the id", audit.Exception{}, crt, true},
		{"the row", audit.Exception{Row: "apiserver"}, crt, true},
		{"another row", audit.Exception{Row: "etcd-peer"}, crt, false},
		{"a row, of a file that is no row's", audit.Exception{Row: "apiserver"}, shown(finding.KeyMismatch, "", "a/pki/x.crt"), false},
		{"the path as printed", audit.Exception{Path: "a/pki/apiserver.crt"}, crt, true},
		{"written otherwise", audit.Exception{Path: "./a//pki/apiserver.crt"}, crt, true},
		{"in the kubeconfigs' directory", audit.Exception{Path: "pki/apiserver.crt"}, crt, true},
		{"in the certificates' directory", audit.Exception{Path: "apiserver.crt"}, crt, true},
		{"another file", audit.Exception{Path: "ca.crt"}, crt, false},
		{"the end of a name", audit.Exception{Path: "server.crt"}, crt, false},
		{"another directory", audit.Exception{Path: "b/pki/apiserver.crt"}, crt, false},
		{"a file of the same name further down", audit.Exception{Path: "ca.crt"}, shown(finding.KeyMismatch, "etcd-ca", "a/pki/etcd/ca.crt"), false},
		{"that file", audit.Exception{Path: "etcd/ca.crt"}, shown(finding.KeyMismatch, "etcd-ca", "a/pki/etcd/ca.crt"), true},
		{"a file beside the directory", audit.Exception{Path: "x.conf"}, shown(finding.KeyMismatch, "", "other/x.conf"), false},
		{"as printed, though beside it", audit.Exception{Path: "other/x.conf"}, shown(finding.KeyMismatch, "", "other/x.conf"), true},
		{"a path, of what has none", audit.Exception{Path: "a"}, shown(finding.KeyMismatch, "ca", ""), false},
		{"the directory itself", audit.Exception{Path: "a/pki"}, shown(finding.KeyMismatch, "", "a/pki"), true},
		{"row and path", audit.Exception{Row: "apiserver", Path: "pki/apiserver.crt"}, crt, true},
		{"the last day", audit.Exception{Until: day(2026, 11, 24)}, crt, true},
		{"the day before", audit.Exception{Until: day(2026, 11, 23)}, crt, false},
	} {
		c.is.ID, c.is.Reason = finding.KeyMismatch, "why"
		known := audit.NewExceptions([]audit.Exception{{ID: finding.ModeLoose, Reason: "another"}, c.is}, now)
		left, ignored := known.Apply(directory(c.of))
		if c.covered {
			assert.Equal(t, []audit.Ignored{{CertDir: filepath.FromSlash("a/pki"), Shown: c.of, Justification: "why"}}, ignored, c.name)
			assert.Equal(t, []finding.Shown{}, left.Findings, c.name)
		} else {
			assert.Empty(t, ignored, c.name)
			assert.Equal(t, []finding.Shown{c.of}, left.Findings, c.name)
		}
	}
}

// What an exception has become is known at the end: of no use, past its day, or used, also where another was first.
func TestExceptionsRot(t *testing.T) {
	list := []audit.Exception{
		{ID: finding.KeyMismatch, Reason: "first"}, {ID: finding.KeyMismatch, Row: "apiserver", Reason: "second"},
		{ID: finding.ModeLoose, Reason: "never"}, {ID: finding.ModeLoose, Reason: "past", Until: day(2026, 1, 1)},
	}
	known := audit.NewExceptions(list, now)
	_, ignored := known.Apply(directory(shown(finding.KeyMismatch, "apiserver", "a/pki/apiserver.crt")))
	assert.Equal(t, "first", ignored[0].Justification)
	known.Apply(directory())
	assert.Equal(t, list[2:3], known.Unused())
	assert.Equal(t, list[3:], known.Ended())
}

func TestReportCounts(t *testing.T) {
	r := audit.NewReport()
	assert.False(t, r.Summary.Has(finding.Notice))
	loose, late, missing := finding.Shown{Severity: finding.Notice}, finding.Shown{Severity: finding.Warning}, finding.Shown{Severity: finding.Error}
	r.Add(directory(loose, loose), nil)
	for severity, has := range map[finding.Severity]bool{finding.Notice: true, finding.Warning: false, finding.Error: false} {
		assert.Equal(t, has, r.Summary.Has(severity), severity)
	}
	r.Add(directory(late), []audit.Ignored{{Shown: missing, Justification: "why"}})
	for severity, has := range map[finding.Severity]bool{finding.Notice: true, finding.Warning: true, finding.Error: false} {
		assert.Equal(t, has, r.Summary.Has(severity), severity)
	}
	r.Add(directory(missing), nil)
	assert.True(t, r.Summary.Has(finding.Error))
	assert.Equal(t, audit.Summary{Errors: 1, Warnings: 1, Notices: 2, Ignored: 1}, r.Summary)
	assert.Len(t, r.Directories, 3)
}
