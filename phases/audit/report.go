package audit

import (
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
)

// Report is what was found in some directories, as `certs audit` prints it.
type Report struct {
	APIVersion  string      `json:"apiVersion"`
	Kind        string      `json:"kind"`
	Directories []Directory `json:"directories"`
	Summary     Summary     `json:"summary"`
	// Ignored are the findings that an exception covers: they are not in the directories.
	Ignored []Ignored `json:"ignored"`
}

// Summary counts findings.
type Summary struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Notices  int `json:"notices"`
	Ignored  int `json:"ignored"`
}

// NewReport is a report of nothing yet.
func NewReport() *Report {
	return &Report{APIVersion: phases.APIVersion, Kind: "AuditReport", Directories: []Directory{}, Ignored: []Ignored{}}
}

// Add adds a directory to the report, with what was ignored in it.
func (r *Report) Add(d Directory, ignored []Ignored) {
	r.Directories = append(r.Directories, d)
	r.Ignored = append(r.Ignored, ignored...)
	r.Summary.Add(d, ignored)
}

// Add counts the findings of a directory.
func (s *Summary) Add(d Directory, ignored []Ignored) {
	for _, f := range d.Findings {
		switch f.Severity {
		case finding.Error:
			s.Errors++
		case finding.Warning:
			s.Warnings++
		case finding.Notice:
			s.Notices++
		}
	}
	s.Ignored += len(ignored)
}

// Has reports whether there is a finding of a severity, or of a worse one.
func (s Summary) Has(severity finding.Severity) bool {
	return s.Errors > 0 || s.Warnings > 0 && severity <= finding.Warning || s.Notices > 0 && severity <= finding.Notice
}
