package phases

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki"
)

// Fault is one thing that is wrong with a row: a sentence, the file it is
// about, and what to do.
type Fault struct {
	Text string `json:"text"`
	Path string `json:"path,omitempty"`
	Hint string `json:"hint,omitempty"`
}

// String is "text (path)".
func (f Fault) String() string {
	if f.Path == "" {
		return f.Text
	}
	return f.Text + " (" + f.Path + ")"
}

// The hints that several faults share.
const (
	hintReissue = "--reissue replaces it"
	hintCSR     = "the CA's key is not here: make a request with `pkitool certs generate-csr`, have it signed, and bring the certificate back with `pkitool certs import`"
	hintFrame   = "`pkitool init --reissue` sets it right and keeps the client certificate"
	hintAnew    = "the CA's key is not here: move the file away, make a request with `pkitool certs generate-csr`, have it signed, and bring the certificate back with `pkitool certs import`"
	hintKey     = "remove the passphrase with `openssl pkey -in KEY -out NEW`, or put an unencrypted key in its place"
	hintCAKey   = "put the key back from a backup, or move it away: then the CA counts as external and signs nothing here"
	hintShared  = "copy it from a control-plane node of the cluster: one made here would be another cluster's"
	hintSAPub   = "move it away: it is derived from the private key again"
	hintSAKey   = "put the pair back from a backup, or move both files away to begin anew: that ends every token signed so far"
)

// hinted gives a hint to those faults that have none of their own.
func hinted(faults []Fault, hint string) []Fault {
	for i := range faults {
		if faults[i].Hint == "" {
			faults[i].Hint = hint
		}
	}
	return faults
}

// judge holds what every judgement needs.
type judge struct {
	now  time.Time
	dirs Dirs
}

// key judges the private key of a row, which must be there.
func (j judge) key(f *found, path string) []Fault {
	switch {
	case f.keyErr != nil && finding.Of(f.keyErr, finding.KeyBroken).ID == finding.KeyEncrypted:
		return []Fault{{Text: f.keyErr.Error(), Path: path, Hint: hintKey}}
	case f.keyErr != nil:
		return []Fault{{Text: f.keyErr.Error(), Path: path}}
	case f.signer == nil:
		return []Fault{{Text: "private key is missing", Path: path}}
	}
	if fault := pki.KeyFault(f.signer.Public()); fault != nil {
		return []Fault{{Text: fault.Text(), Path: path}}
	}
	return nil
}

// leaf judges the certificate and the key of a row against what the row's
// consumers need: pair, issuer, subject, names, usages, dates. More than
// planned is no fault, but for the right to sign others. ca is nil where the CA is not known.
func (j judge) leaf(s certs.Spec, f *found, ca *authority, certPath, keyPath string) []Fault {
	if f.chainErr != nil {
		return append([]Fault{{Text: f.chainErr.Error(), Path: certPath}}, j.key(f, keyPath)...)
	}
	faults := j.key(f, keyPath)
	c := f.chain[0]
	add := func(text string) { faults = append(faults, Fault{Text: text, Path: certPath}) }
	if len(faults) == 0 && !pki.SameKey(c.PublicKey, f.signer.Public()) {
		add("key does not match certificate")
	}
	var good bool
	var texts []string
	if ca != nil {
		good, texts = verdict(s, f.chain, ca, j.now)
		if !good && !signedBy(c, ca.bundle, f.chain[1:]) {
			add(foreign(c, ca))
			ca = nil // nothing more can be said of the chain
		}
	}
	if got := pki.CertificateSubject(c); !s.Given && !got.Equal(s.Subject) {
		add(fmt.Sprintf("subject is %q, not %q", got, s.Subject))
	}
	if missing := s.SANs.Minus(pki.SANsOf(c)).Minus(s.Beyond); !missing.Empty() {
		add("certificate lacks the names " + missing.String())
	}
	for _, usage := range missingUsages(s, c) {
		add("certificate lacks the usage " + usage)
	}
	if !s.Given && mayIssue(c) {
		add("certificate is a CA: whoever holds its key can sign for anybody")
	}
	switch {
	case !j.now.Before(c.NotAfter):
		add("certificate has expired on " + stamp(c.NotAfter))
	case j.now.Before(c.NotBefore):
		add("certificate is not valid before " + stamp(c.NotBefore))
	}
	if ca != nil {
		if end := ca.outlives(c); !end.IsZero() {
			add(fmt.Sprintf("certificate outlives its CA: valid until %s, the CA ends %s", stamp(c.NotAfter), stamp(end)))
		}
		if len(faults) == 0 && !good {
			for _, text := range texts {
				add(text)
			}
		}
	}
	return faults
}

// mayIssue reports whether a certificate may sign others. What signed it makes
// it part of every chain to the same root, so a leaf that may is a second key of the CA.
func mayIssue(c *x509.Certificate) bool {
	return c.BasicConstraintsValid && c.IsCA && (c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageCertSign != 0)
}

// signedBy reports whether a CA of the bundle, or a certificate of the leaf's own file, signed c.
func signedBy(c *x509.Certificate, bundle, chain []*x509.Certificate) bool {
	for _, p := range slices.Concat(bundle, chain) {
		if bytes.Equal(p.RawSubject, c.RawIssuer) && p.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil {
			return true
		}
	}
	return false
}

// foreign says whose certificate it is. A CA of the same name is the confusing
// case: a cluster that was initialised twice.
func foreign(c *x509.Certificate, ca *authority) string {
	for _, p := range ca.bundle {
		if bytes.Equal(p.RawSubject, c.RawIssuer) {
			return fmt.Sprintf("certificate is signed by another CA of the same name: it names the key %s, the CA here has %s", keyID(c.AuthorityKeyId), keyID(p.SubjectKeyId))
		}
	}
	return fmt.Sprintf("certificate is signed by another CA: %q", pki.SubjectOf(c.Issuer, c.RawIssuer))
}

func keyID(id []byte) string {
	if len(id) == 0 {
		return "(none)"
	}
	if len(id) > 8 {
		id = id[:8]
	}
	return fmt.Sprintf("%x", id)
}

// missingUsages are the usages that the row's role needs and c does not have,
// as TLS in Go and openssl's purposes ask for them.
func missingUsages(s certs.Spec, c *x509.Certificate) []string {
	var missing []string
	for _, want := range s.Kind.ExtKeyUsage() {
		if !allows(c, want) {
			missing = append(missing, want.String())
		}
	}
	if c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		missing = append(missing, "digitalSignature")
	}
	return missing
}

// allows reports whether a certificate is good for an extended key usage. An absent extension allows everything.
func allows(c *x509.Certificate, want x509.ExtKeyUsage) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 || slices.Contains(c.ExtKeyUsage, want) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// saKey judges the private key that signs service-account tokens, which must be there.
func (j judge) saKey(f *found) []Fault {
	faults := j.key(f, f.key.path)
	if len(faults) == 0 && pki.DescribeKey(f.signer.Public()) == string(pki.Ed25519) {
		faults = append(faults, Fault{Text: "no Kubernetes component signs tokens with Ed25519", Path: f.key.path})
	}
	return hinted(faults, hintSAKey)
}

// sa judges a service-account key pair that is there in both halves.
func (j judge) sa(f *found) []Fault {
	faults := j.saKey(f)
	if f.chainErr != nil {
		return append(faults, Fault{Text: f.chainErr.Error(), Path: f.cert.path, Hint: hintSAPub})
	}
	if len(faults) == 0 && !slices.ContainsFunc(f.pubs, func(p crypto.PublicKey) bool { return pki.SameKey(p, f.signer.Public()) }) {
		faults = append(faults, Fault{
			Text: "public key is not of the private key", Path: f.cert.path,
			Hint: "tokens signed with the one are refused with the other: find out which the API server uses, and move the other away",
		})
	}
	return faults
}

// conf judges an existing kubeconfig: whom it trusts and where it goes (frame,
// which can be set right without a new certificate), and who it is (rest).
func (j judge) conf(s certs.Spec, f *found, ca *authority) (frame, rest []Fault) {
	path := f.conf.path
	if f.entryErr != nil {
		return nil, []Fault{{Text: f.entryErr.Error(), Path: path}}
	}
	add := func(text string) { frame = append(frame, Fault{Text: text, Path: path}) }
	switch {
	case f.caErr != nil:
		add("certificate authority: " + f.caErr.Error())
	case len(f.bundle) == 0:
		add("holds no certificate authority")
	case ca != nil:
		if text := bundleFault(f.bundle, ca.bundle, ca.path); text != "" {
			add(text)
		}
	}
	if got := strings.TrimSuffix(f.entry.Cluster.Server, "/"); got != s.Place.Server {
		add(fmt.Sprintf("server is %s, not %s", got, s.Place.Server))
	}
	for _, b := range f.broken {
		rest = append(rest, Fault{Text: b.String(), Path: path})
	}
	if f.chainErr == nil && len(f.chain) == 0 {
		return frame, append(rest, Fault{Text: "holds no client certificate", Path: path})
	}
	return frame, append(rest, j.leaf(s, f, ca, path, path)...)
}

// bundleFault compares the CA certificates of a kubeconfig with the CA's file.
// Order has no meaning; each certificate has: the one that is missing is the
// one whose servers this client would not know.
func bundleFault(got, want []*x509.Certificate, path string) string {
	in := func(c *x509.Certificate, list []*x509.Certificate) bool { return slices.ContainsFunc(list, c.Equal) }
	for _, c := range got {
		if !in(c, want) {
			return fmt.Sprintf("trusts another CA: certificate %s is not in %s", Fingerprint(c)[:16], path)
		}
	}
	for _, c := range want {
		if !in(c, got) {
			return fmt.Sprintf("does not trust the whole CA: certificate %s of %s is missing", Fingerprint(c)[:16], path)
		}
	}
	return ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
