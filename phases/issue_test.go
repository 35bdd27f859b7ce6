package phases_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// issueOf asks for a certificate that is only made.
func issueOf(ca string, t pki.Template) phases.IssueRequest {
	return phases.IssueRequest{
		Order:   phases.Order{Signer: certs.ID{Role: ca}, Template: t, Validity: time.Hour, Algorithm: pki.ECDSAP256},
		Outputs: []phases.Output{{Kind: phases.CertificateFile}},
	}
}

// What is signed outside the table is held to what its CA allows, as the rows
// are: a certificate that nobody would accept is not signed.
func TestIssueConstrained(t *testing.T) {
	w := empty(t)
	key := newKey(t)
	c := template(w.row("ca"))
	c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"example.com"}
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	w.place(w.row("ca"), key, certify(t, c, nil, key, nil))
	server, client := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	fault := "its CA cannot sign it: the certificate would not be accepted, it does not verify against " + w.certFile(w.row("ca")) + ": "
	tests := []struct {
		name string
		tmpl pki.Template
		want string
	}{
		{"a name outside", pki.Template{SANs: pki.SANs{DNS: []string{"www.example.org"}}, ExtKeyUsage: server}, fault + `a root or intermediate certificate is not authorized to sign for this name: DNS name "www.example.org" is not permitted by any constraint`},
		{"another usage", pki.Template{ExtKeyUsage: client}, fault + "certificate specifies an incompatible key usage"},
		{"allowed", pki.Template{SANs: pki.SANs{DNS: []string{"www.example.com"}}, ExtKeyUsage: server}, ""},
		{"a CA", pki.Template{CA: true}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.tmpl.Subject = pki.Subject{CommonName: "x"}
			made, err := phases.Issue(t.Context(), w.tree, w.site, now, issueOf("ca", tt.tmpl))
			if tt.want != "" {
				assert.EqualError(t, err, tt.want)
				assert.Nil(t, made.Chain)
				return
			}
			require.NoError(t, err)
			assert.NotEmpty(t, made.Files[0])
		})
	}

	user := phases.UserRequest{Subject: pki.Subject{CommonName: "alice"}, Validity: time.Hour, KeyAlgorithm: pki.ECDSAP256, Server: "https://192.0.2.10:6443", Cluster: "c", Context: "c"}
	_, err := phases.Users(t.Context(), w.tree, w.site, now, []phases.UserRequest{user, user})
	assert.EqualError(t, err, `user "alice": `+fault+"certificate specifies an incompatible key usage")
}

// A leaf with the CA's key would make whoever holds the leaf's key the CA.
func TestIssueForTheCAsKey(t *testing.T) {
	w := complete(t)
	key := w.key(w.row("ca"))
	const want = "key is the CA's own: whoever serves or logs in with it could sign as the CA"
	r := issueOf("ca", pki.Template{Subject: pki.Subject{CommonName: "x"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	r.Key = key
	_, err := phases.Issue(t.Context(), w.tree, w.site, now, r)
	assert.EqualError(t, err, want)
	r.Key, r.Public = nil, key.Public()
	_, err = phases.Issue(t.Context(), w.tree, w.site, now, r)
	assert.EqualError(t, err, want)
	_, err = phases.Users(t.Context(), w.tree, w.site, now, []phases.UserRequest{{Subject: pki.Subject{CommonName: "alice"}, Validity: time.Hour, Public: key.Public(), Server: "https://192.0.2.10:6443", Cluster: "c", Context: "c"}})
	assert.EqualError(t, err, `user "alice": `+want)
	r.Signer = certs.ID{Role: "etcd-ca"}
	_, err = phases.Issue(t.Context(), w.tree, w.site, now, r)
	assert.NoError(t, err, "of another CA it is a key like any other")
}

// What nobody could use, and what only a CA can, is not signed.
func TestIssueRefuses(t *testing.T) {
	client := pki.Template{Subject: pki.Subject{CommonName: "x"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	server := client
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, tt := range []struct {
		name  string
		spoil func(w *world)
		r     phases.IssueRequest
		want  string
	}{
		{"a server without names", nil, issueOf("ca", server), "a server's certificate needs a DNS name or an address"},
		{"longer than the CA", func(w *world) { w.shortCA() }, func() phases.IssueRequest {
			r := issueOf("ca", client)
			r.Validity = 365 * day
			return r
		}(), "would outlive its CA: valid until 2027-11-24T12:00:00Z, the CA ends 2026-12-24T12:30:00Z"},
		{"an external CA", func(w *world) { w.remove(w.keyFile(w.row("ca"))) }, issueOf("ca", client), "the CA's key is not here ({dir}/pki/ca.crt)"},
		{"no CA", func(w *world) { w.remove(w.site.Files(w.row("ca"))...); w.remove(w.site.Files(w.row("apiserver"))...) }, issueOf("ca", client), "{first}"},
		{"a CA with another's key", func(w *world) { w.write(w.keyFile(w.row("ca")), pemOf(w.t, newKey(w.t))) }, issueOf("ca", client), "ca: key does not match certificate ({dir}/pki/ca.crt)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := part(t, treeRow(t, "apiserver"))
			if tt.spoil != nil {
				tt.spoil(w)
			}
			_, err := phases.Issue(t.Context(), w.tree, w.site, now, tt.r)
			assert.EqualError(t, err, strings.NewReplacer("{dir}", w.dir, "{first}", "ca: there is no CA ("+w.certFile(w.row("ca"))+")").Replace(tt.want))
		})
	}
	t.Run("a default validity ends with the CA", func(t *testing.T) {
		w := complete(t)
		end := w.shortCA()
		r := issueOf("ca", client)
		r.Validity, r.UntilCA = 365*day, true
		made, err := phases.Issue(t.Context(), w.tree, w.site, now, r)
		require.NoError(t, err)
		assert.Equal(t, end, made.Chain[0].NotAfter)
	})
}

// treeRow is a row of the usual tree.
func treeRow(t testing.TB, role string) certs.Spec {
	s, ok := treeOf(t, cluster()).Row(certs.ID{Role: role})
	require.True(t, ok, role)
	return s
}

// Kubernetes' own identities are guarded at one place: a warning on the operator's own word, an error where somebody
// else asks for them and they were not allowed.
func TestIdentity(t *testing.T) {
	masters := pki.Subject{CommonName: "alice", Organization: []string{"system:masters"}}
	assert.Nil(t, phases.Identity(pki.Subject{CommonName: "alice", Organization: []string{"dev"}}, true, false))
	for _, c := range []struct {
		s              pki.Subject
		asked, allowed bool
		severity       finding.Severity
		text           string
	}{
		{masters, false, false, finding.Warning, "group system:masters bypasses RBAC and cannot be revoked"},
		{masters, true, false, finding.Error, "group system:masters bypasses RBAC and cannot be revoked"},
		{masters, true, true, finding.Warning, "group system:masters bypasses RBAC and cannot be revoked"},
		{pki.Subject{CommonName: "system:node:a"}, true, false, finding.Error, "names that begin with system: are Kubernetes' own: system:node:a"},
		{pki.Subject{CommonName: "a", Organization: []string{"system:nodes"}}, false, false, finding.Warning, "groups that begin with system: are Kubernetes' own: system:nodes"},
	} {
		f := phases.Identity(c.s, c.asked, c.allowed)
		require.NotNil(t, f)
		assert.Equal(t, c.severity, f.Severity)
		assert.Equal(t, c.text, f.Text())
	}
}
