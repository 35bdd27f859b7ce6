package opensslcmd

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/internal/terminal"
	"github.com/pkitool/pkitool/pki/verify"
)

// document is a target's verdict for -o json and yaml.
type document struct {
	Target   string               `json:"target" yaml:"target"`
	OK       bool                 `json:"ok" yaml:"ok"`
	Error    string               `json:"error,omitempty" yaml:"error,omitempty"` // why there are no findings: unreadable, or an internal error
	Chain    []chainDocument      `json:"chain" yaml:"chain"`
	Findings []findingDocument    `json:"findings" yaml:"findings"`
	Policies *verify.PolicyResult `json:"policies,omitempty" yaml:"policies,omitempty"`
	// Kubernetes is the verdict of --as: what the exit code goes by.
	Kubernetes *verdict `json:"kubernetes,omitempty"`
}

type chainDocument struct {
	Depth     int    `json:"depth" yaml:"depth"`
	Subject   string `json:"subject" yaml:"subject"`
	Issuer    string `json:"issuer" yaml:"issuer"`
	Serial    string `json:"serial" yaml:"serial"`                           // hexadecimal
	SHA256    string `json:"sha256" yaml:"sha256"`                           // fingerprint, hexadecimal
	NotBefore string `json:"notBefore,omitempty" yaml:"notBefore,omitempty"` // RFC 3339; left out where it cannot be read
	NotAfter  string `json:"notAfter,omitempty" yaml:"notAfter,omitempty"`
	Trusted   bool   `json:"trusted" yaml:"trusted"`
	File      string `json:"file,omitempty" yaml:"file,omitempty"`
}

type findingDocument struct {
	Code    int      `json:"code" yaml:"code"`
	Name    string   `json:"name" yaml:"name"` // X509_V_ERR_...
	Depth   int      `json:"depth" yaml:"depth"`
	Text    string   `json:"text" yaml:"text"`
	Subject *string  `json:"subject,omitempty" yaml:"subject,omitempty"`
	CRLPath bool     `json:"crlPath,omitempty" yaml:"crlPath,omitempty"`
	What    string   `json:"what,omitempty" yaml:"what,omitempty"`
	Wanted  string   `json:"wanted,omitempty" yaml:"wanted,omitempty"`
	Had     []string `json:"had,omitempty" yaml:"had,omitempty"`

	Unsupported string `json:"unsupported,omitempty" yaml:"unsupported,omitempty"` // what openssl would judge, and is not judged here

	Explain []string `json:"explain,omitempty" yaml:"explain,omitempty"`
}

// writeDocument writes element number i of the list of targets.
func (r *request) writeDocument(a *answer, i int, t target, report verify.Report, as *verdict) {
	d := r.document(t, report)
	d.Kubernetes = as
	var text []byte
	var err error
	if r.format == "yaml" {
		text, err = config.MarshalYAML([]document{d})
	} else {
		var b bytes.Buffer
		b.WriteString(map[bool]string{true: "[\n  ", false: ",\n  "}[i == 0])
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("  ", "  ")
		err = e.Encode(d)
		text = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
	if err != nil {
		a.stderr(fmt.Sprintf("verify: %s: %v\n", terminal.Line(t.name), err))
		a.bad = true
		return
	}
	a.stdout(string(text))
}

func (r *request) document(t target, report verify.Report) document {
	d := document{Target: t.name, Chain: []chainDocument{}, Findings: []findingDocument{}}
	if t.certificate == nil {
		d.Error, _, _ = strings.Cut(t.said, "\n")
		return d
	}
	d.OK, d.Policies = report.OK, report.Policy
	if report.Internal {
		d.Error = report.Reason
	}
	for depth, c := range report.Chain {
		d.Chain = append(d.Chain, r.chainDocument(t, c, depth, depth >= report.NumUntrusted))
	}
	for _, f := range report.Findings {
		d.Findings = append(d.Findings, r.findingDocument(t, report, f))
		if f.Policy != nil {
			d.Policies = f.Policy
		}
	}
	return d
}

func (r *request) chainDocument(t target, c *verify.Certificate, depth int, trusted bool) chainDocument {
	sum := sha256.Sum256(c.Raw)
	d := chainDocument{
		Depth: depth, Subject: r.names.Name(c.Subject()), Issuer: r.names.Name(c.Issuer()), Serial: hexSerial(c.Serial()),
		SHA256: hex.EncodeToString(sum[:]), Trusted: trusted, File: r.sources.of(c),
	}
	if c == t.certificate {
		d.File = t.name
	}
	if at, ok := c.NotBefore(); ok {
		d.NotBefore = at.UTC().Format(time.RFC3339)
	}
	if at, ok := c.NotAfter(); ok {
		d.NotAfter = at.UTC().Format(time.RFC3339)
	}
	return d
}

func hexSerial(n *big.Int) string {
	return strings.ToUpper(n.Text(16))
}

func (r *request) findingDocument(t target, report verify.Report, f verify.Finding) findingDocument {
	d := findingDocument{
		Code: int(f.Code), Name: f.Code.Name(), Depth: f.Depth, Text: f.Code.Text(), CRLPath: f.CRLPath,
		What: f.Detail.What, Wanted: f.Detail.Wanted, Had: f.Detail.Had, Unsupported: f.Unsupported,
	}
	if f.Cert != nil {
		d.Subject = new(r.names.Name(f.Cert.Subject()))
	}
	if r.explain {
		d.Explain = r.explanation(t, report, f)
	}
	return d
}
