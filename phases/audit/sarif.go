package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/pkitool/pkitool/finding"
)

// The types of SARIF 2.1.0 (OASIS), as far as they are used here.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string        `json:"id"`
		Short   sarifMessage  `json:"shortDescription"`
		Full    sarifMessage  `json:"fullDescription"`
		Help    *sarifMessage `json:"help,omitempty"`
		HelpURI string        `json:"helpUri"`
		Default sarifDefault  `json:"defaultConfiguration"`
	}
	sarifDefault struct {
		Level string `json:"level"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Level        string             `json:"level"`
		Message      sarifMessage       `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		Name string `json:"name"`
		Kind string `json:"kind"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
)

const (
	homepage    = "https://github.com/pkitool/pkitool"
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

// sarifLevels are the levels by severity.
var sarifLevels = [...]string{finding.Notice: "note", finding.Warning: "warning", finding.Error: "error"}

// WriteSARIF writes the report as a SARIF 2.1.0 log; version is the program's.
func (r *Report) WriteSARIF(w io.Writer, version string) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{"pkitool", version, homepage, nil}}, Results: []sarifResult{}}
	at := map[finding.ID]int{}
	for i, rule := range finding.Rules() {
		at[rule.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, ruleOf(rule))
	}
	seen := map[string]int{}
	add := func(f finding.Shown, certDir string, suppressions []sarifSuppression) {
		run.Results = append(run.Results, sarifResult{
			RuleID: string(f.ID), RuleIndex: at[f.ID], Level: sarifLevels[f.Severity], Message: sarifText(f.String(), f.Hint),
			Locations: locations(f, certDir), Fingerprints: map[string]string{"pkitool/v1": fingerprint(f, seen)}, Suppressions: suppressions,
		})
	}
	for _, d := range r.Directories {
		for _, f := range d.Findings {
			add(f, d.CertDir, []sarifSuppression{})
		}
	}
	for _, f := range r.Ignored {
		add(f.Shown, f.CertDir, []sarifSuppression{{"external", f.Justification}})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{sarifSchema, "2.1.0", []sarifRun{run}})
}

func ruleOf(r finding.Rule) sarifRule {
	out := sarifRule{
		ID: string(r.ID), Short: sarifText(r.Sentence()), Full: sarifText(r.Sentence(), finding.Blank(r.Reason)),
		HelpURI: homepage + "/blob/main/docs/findings.md#" + string(r.ID), Default: sarifDefault{sarifLevels[r.Severity]},
	}
	if todo := cmp.Or(r.Remedies[finding.Check], r.Remedy); todo != "" {
		help := sarifText(finding.Blank(todo))
		out.Help = &help
	}
	return out
}

// sarifText is a message of sentences. In SARIF braces are the place of an argument, and "[text](target)" is a link
// (sections 3.11.5, 3.11.6): what others wrote makes neither.
func sarifText(sentences ...string) sarifMessage {
	var b strings.Builder
	for _, s := range sentences {
		if s == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(". ")
		}
		b.WriteString(s)
	}
	return sarifMessage{strings.NewReplacer("{", "{{", "}", "}}", "](", "] (").Replace(b.String())}
}

// locations are the file, or the directory, and the row.
func locations(f finding.Shown, certDir string) []sarifLocation {
	l := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{fileURI(cmp.Or(f.Path, certDir))}}}
	if f.Line > 0 {
		l.Physical.Region = &sarifRegion{f.Line}
	}
	if f.Row != "" {
		l.Logical = append(l.Logical, sarifLogical{f.Row, "object"})
	}
	return []sarifLocation{l}
}

// fileURI is a path as a URI; a relative one stays relative.
func fileURI(path string) string {
	path = filepath.Clean(path)
	u := url.URL{Path: filepath.ToSlash(path)}
	if filepath.IsAbs(path) {
		u.Scheme, u.Path = "file", "/"+strings.TrimPrefix(u.Path, "/")
	}
	return u.String()
}

// fingerprint tells a finding from every other one, and stays the same from run to run: nothing in it is a date, or
// another value of the file. seen counts what is equal so far.
func fingerprint(f finding.Shown, seen map[string]int) string {
	key := fmt.Sprintf("%q", []string{string(f.ID), f.Row, f.Path, f.Entry, f.Kind, f.Name})
	seen[key]++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", key, seen[key]))
	return hex.EncodeToString(sum[:16])
}
