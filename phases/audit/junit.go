package audit

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkitool/pkitool/finding"
)

// The types of a JUnit report, in the order of its elements. Nobody owns the format: what Ant's schema demands is there, and
// nothing that Jenkins's does not know.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Package    string          `xml:"package,attr"`
		ID         int             `xml:"id,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Hostname   string          `xml:"hostname,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
		Out        string          `xml:"system-out"`
		Err        string          `xml:"system-err"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Time    string        `xml:"time,attr"`
		Skipped *string       `xml:"skipped"`
		Failure *junitMessage `xml:"failure"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report as JUnit's XML: a suite a directory, a case an id. A case fails by findings of a severity
// or a worse one; what is less, and there all the same, is the suite's output. A case is skipped that fails by nothing
// but what is ignored.
func (r *Report) WriteJUnit(w io.Writer, failOn finding.Severity, now time.Time) error {
	var doc junitSuites
	for i, d := range r.Directories {
		s := junitSuite{Name: cmp.Or(d.Name, d.CertDir), Package: "pkitool.audit", ID: i, Timestamp: now.UTC().Format("2006-01-02T15:04:05"), Hostname: "localhost", Time: "0"}
		s.Properties = []junitProperty{{"certDir", d.CertDir}, {"kubeconfigDir", d.KubeconfigDir}, {"certificates", strconv.Itoa(d.Certificates)}}
		var out strings.Builder
		fails, ignored := map[finding.ID][]finding.Shown{}, map[finding.ID]Ignored{}
		for _, f := range d.Findings {
			if f.Severity >= failOn {
				fails[f.ID] = append(fails[f.ID], f)
			} else {
				out.WriteString(junitLine(f))
			}
		}
		s.Out = out.String()
		for _, f := range r.Ignored {
			if f.CertDir == d.CertDir {
				ignored[f.ID] = f
			}
		}
		for _, rule := range finding.Rules() {
			s.add(rule, fails[rule.ID], ignored)
		}
		doc.Suites = append(doc.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// add adds the case of an id.
func (s *junitSuite) add(rule finding.Rule, fails []finding.Shown, ignored map[finding.ID]Ignored) {
	c := junitCase{Name: string(rule.ID), Class: s.Package, Time: "0"}
	if known, ok := ignored[rule.ID]; len(fails) > 0 {
		worst := slices.MaxFunc(fails, func(a, b finding.Shown) int { return cmp.Compare(a.Severity, b.Severity) })
		c.Failure = &junitMessage{Message: fails[0].String(), Type: worst.Severity.String()}
		if len(fails) > 1 {
			c.Failure.Message = fmt.Sprintf("%d findings, the first: %s", len(fails), fails[0])
		}
		var text strings.Builder
		for _, f := range fails {
			text.WriteString(junitLine(f))
		}
		c.Failure.Text = text.String()
		s.Failures++
	} else if ok {
		text := "ignored: " + known.Justification + "\n" + junitLine(known.Shown)
		c.Skipped = &text
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
	s.Tests++
}

// junitLine is a finding with what to do about it.
func junitLine(f finding.Shown) string {
	text := f.Severity.String() + ": " + string(f.ID) + ": " + f.String() + "\n"
	if f.Hint != "" {
		text += "fix: " + f.Hint + "\n"
	}
	return text
}
