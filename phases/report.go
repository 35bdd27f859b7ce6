package phases

import (
	"fmt"
	"time"

	"github.com/pkitool/pkitool/certs"
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
	// Backup is the directory that copies of the replaced files were put in.
	Backup string `json:"backup,omitempty"`
}

// Row is one row of a report.
type Row struct {
	Name      string     `json:"name"`
	Phase     string     `json:"phase"`
	Kind      string     `json:"kind"`
	Verb      Verb       `json:"verb"`
	Reason    string     `json:"reason,omitempty"`
	Because   string     `json:"because,omitempty"`
	Faults    []Fault    `json:"faults,omitempty"`
	Files     []string   `json:"files"`
	Written   []string   `json:"written,omitempty"`
	Tightened []Mode     `json:"tightened,omitempty"`
	Issuer    string     `json:"issuer,omitempty"`
	Subject   *Subject   `json:"subject,omitempty"`
	SANs      []string   `json:"sans,omitempty"`
	NotBefore *time.Time `json:"notBefore,omitempty"`
	NotAfter  *time.Time `json:"notAfter,omitempty"`
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

func newReport(p Plan, dirs Dirs) Report {
	r := Report{APIVersion: APIVersion, Kind: "InitReport", CertDir: dirs.Cert, KubeconfigDir: dirs.Kubeconfig, Changed: p.Changes() > 0}
	for _, a := range p.actions {
		r.Rows = append(r.Rows, newRow(a))
	}
	return r
}

// APIVersion is the version of every document that the tool prints.
const APIVersion = "pkitool.io/v1alpha1"

func newRow(a Action) Row {
	row := Row{
		Name: a.Spec.Name, Phase: a.Spec.Phase(), Kind: a.Spec.Kind.String(), Verb: a.Verb, Reason: a.Reason, Because: a.Because,
		Faults: a.Faults, Files: a.Files, Written: a.Writes, Issuer: a.Spec.Issuer, Server: a.Spec.Place.Server,
	}
	for _, c := range a.Tighten {
		row.Tightened = append(row.Tightened, Mode{Path: c.Path, From: fmt.Sprintf("%04o", c.From), To: fmt.Sprintf("%04o", c.To)})
	}
	if a.Spec.Kind != certs.KeyPair {
		row.Subject = &Subject{CommonName: a.Spec.Subject.CommonName, Organization: a.Spec.Subject.Organization}
		row.SANs = a.Spec.SANs.Strings()
	}
	if a.Verb == Keep {
		row.describe(a)
	}
	return row
}

// describe fills in what lies there.
func (r *Row) describe(a Action) {
	f := a.held
	if a.Spec.Kind == certs.KeyPair {
		r.SHA256 = keyFingerprint(f.pubs)
		return
	}
	if len(f.chain) == 0 {
		return
	}
	c := f.chain[0]
	subject := pki.CertificateSubject(c)
	r.Subject = &Subject{CommonName: subject.CommonName, Organization: subject.Organization}
	r.SANs = pki.SANsOf(c).Strings()
	nb, na := c.NotBefore.UTC(), c.NotAfter.UTC()
	r.NotBefore, r.NotAfter = &nb, &na
	r.SHA256 = Fingerprint(c)
}

// fill takes over from a proof what lies there now.
func (r *Report) fill(proof Plan) {
	for i, a := range proof.actions {
		r.Rows[i].describe(a)
	}
}
