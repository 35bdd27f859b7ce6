package phases

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// Report is what a run did or would do: the value behind text, JSON and YAML.
// Nothing in it is secret.
type Report struct {
	APIVersion    string   `json:"apiVersion"`
	Kind          string   `json:"kind"`
	DryRun        bool     `json:"dryRun"`
	Changed       bool     `json:"changed"`
	CertDir       string   `json:"certDir"`
	KubeconfigDir string   `json:"kubeconfigDir"`
	Rows          []Row    `json:"rows"`
	Swept         []string `json:"removedStagingFiles,omitempty"`
	// Finished are files that a run that was stopped had begun to replace: now they are new, or old again, as a whole.
	Finished []string `json:"finishedFiles,omitempty"`
	// Backup is the directory that copies of the replaced files were put in.
	Backup string `json:"backup,omitempty"`
}

// Row is one row of a report.
type Row struct {
	Name    string `json:"name"`
	Phase   string `json:"phase"`
	Kind    string `json:"kind"`
	Verb    Verb   `json:"verb"`
	Reason  string `json:"reason,omitempty"`
	Because string `json:"because,omitempty"`
	// Findings are what is wrong, or worth knowing, each with what to do about it.
	Findings  []finding.Shown `json:"findings,omitempty"`
	Files     []string        `json:"files"`
	Written   []string        `json:"written,omitempty"`
	Tightened []Mode          `json:"tightened,omitempty"`
	Issuer    string          `json:"issuer,omitempty"`
	Subject   *Subject        `json:"subject,omitempty"`
	SANs      []string        `json:"sans,omitempty"`
	NotBefore *time.Time      `json:"notBefore,omitempty"`
	NotAfter  *time.Time      `json:"notAfter,omitempty"`
	// SHA256 is the fingerprint of the certificate, or of a key pair's public key (PKIX), in hex.
	SHA256 string `json:"sha256,omitempty"`
	Server string `json:"server,omitempty"`
	// Before is the end of the certificate that was renewed, Notes what changes
	// beyond dates and key, Uptake what has to be done about it.
	Before *time.Time     `json:"previousNotAfter,omitempty"`
	Notes  []string       `json:"notes,omitempty"`
	Uptake []certs.Uptake `json:"uptake,omitempty"`
}

// Subject is a certificate's subject: the user and the groups.
type Subject struct {
	CommonName   string   `json:"commonName"`
	Organization []string `json:"organization,omitempty"`
}

// Mode is a file whose mode was made tighter; the modes are octal.
type Mode struct {
	Path string `json:"path"`
	From string `json:"from"`
	To   string `json:"to"`
}

func newReport(kind string, p Plan) Report {
	r := Report{APIVersion: APIVersion, Kind: kind, CertDir: p.site.Cert, KubeconfigDir: p.site.Kubeconfig, Rows: []Row{}}
	for _, a := range p.Actions {
		row := newRow(p, a)
		if kind == "RequestReport" {
			row.Files = []string{row.Files[0], requestPath(a.Held)}
		}
		r.Rows = append(r.Rows, row)
	}
	r.Changed = len(p.Refused()) == 0 && slices.ContainsFunc(p.Actions, Action.changes)
	return r
}

// APIVersion is the version of every document that the tool prints.
const APIVersion = "pkitool.io/v1alpha1"

func newRow(p Plan, a Action) Row {
	s := a.Spec
	row := Row{
		Name: s.ID.String(), Phase: s.Phase(), Kind: s.Kind.String(), Verb: a.Verb, Reason: a.Reason, Because: a.Because.String(),
		Files: p.Files(a), Issuer: s.Issuer.String(), Server: s.Place.Server, Notes: a.Notes,
	}
	for _, f := range a.Findings {
		row.Findings = append(row.Findings, f.Shown(a.Asker))
	}
	for _, o := range a.Outputs {
		if o.Kind != Removal {
			row.Written = append(row.Written, o.Path)
		}
	}
	for _, c := range a.Tighten {
		row.Tightened = append(row.Tightened, Mode{Path: c.Path, From: fmt.Sprintf("%04o", c.From), To: fmt.Sprintf("%04o", c.To)})
	}
	if a.Verb == Renew {
		row.Uptake = s.Uptakes()
		if len(a.Held.Chain) > 0 {
			end := a.Held.Chain[0].NotAfter.UTC()
			row.Before = &end
		}
	}
	if s.Kind != certs.KeyPair {
		row.Subject = &Subject{CommonName: s.Subject.CommonName, Organization: s.Subject.Organization}
		row.SANs = s.SANs.Strings()
	}
	if a.Verb != Create && a.Verb != Renew && a.Verb != Request {
		// What was only assumed is not shown as if it were so: only what is there is told.
		row.Files = slices.DeleteFunc(row.Files, func(f string) bool { return a.Verb == Keep && !a.Held.Has(f) })
		row.Subject, row.SANs = nil, nil
		if row.Server != "" {
			row.Server = server(a.Held)
		}
		row.describe(s, a.Held)
	}
	return row
}

// Ended are when the certificates end that are renewed.
func (r Report) Ended() (out []time.Time) {
	for _, row := range r.Rows {
		if row.Before != nil {
			out = append(out, *row.Before)
		}
	}
	return out
}

// describe fills in what is there.
func (r *Row) describe(s certs.Spec, h *judge.Held) {
	if s.Kind == certs.KeyPair {
		r.SHA256 = keyFingerprint(h.Pubs)
		return
	}
	if len(h.Chain) == 0 {
		return
	}
	c := h.Chain[0]
	subject := pki.CertificateSubject(c)
	r.Subject = &Subject{CommonName: subject.CommonName, Organization: subject.Organization}
	r.SANs = pki.SANsOf(c).Strings()
	nb, na := c.NotBefore.UTC(), c.NotAfter.UTC()
	r.NotBefore, r.NotAfter = &nb, &na
	r.SHA256 = judge.Fingerprint(c)
}

// keyFingerprint is the SHA-256 of the first public key (PKIX DER) in hex.
func keyFingerprint(pubs []crypto.PublicKey) string {
	if len(pubs) == 0 {
		return ""
	}
	der, err := x509.MarshalPKIXPublicKey(pubs[0])
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(der))
}
