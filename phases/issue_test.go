package phases_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

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
	fault := "the CA cannot sign this: the certificate would not stand, it does not verify against " + w.certFile(w.row("ca")) + ": "
	tests := []struct {
		name string
		tmpl pki.Template
		want string
	}{
		{"a name outside", pki.Template{SANs: pki.SANs{DNS: []string{"www.example.org"}}, ExtKeyUsage: server}, fault + "permitted subtree violation (X509_V_ERR_PERMITTED_VIOLATION at depth 0)"},
		{"another usage", pki.Template{ExtKeyUsage: client}, fault + "unsuitable certificate purpose (X509_V_ERR_INVALID_PURPOSE at depth 1)"},
		{"allowed", pki.Template{SANs: pki.SANs{DNS: []string{"www.example.com"}}, ExtKeyUsage: server}, ""},
		{"a CA", pki.Template{CA: true}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.tmpl.Subject = pki.Subject{CommonName: "x"}
			made, err := phases.Issue(w.tree, w.dirs, now, phases.IssueRequest{Signer: "ca", Template: tt.tmpl, Validity: time.Hour, KeyAlgorithm: pki.ECDSAP256})
			if tt.want != "" {
				assert.EqualError(t, err, tt.want)
				assert.Nil(t, made.Cert)
				return
			}
			require.NoError(t, err)
			assert.NotEmpty(t, made.Cert)
		})
	}

	user := phases.UserRequest{Subject: pki.Subject{CommonName: "alice"}, Validity: time.Hour, KeyAlgorithm: pki.ECDSAP256, Server: "https://192.0.2.10:6443", Cluster: "c", Context: "c"}
	_, err := phases.Users(w.tree, w.dirs, now, []phases.UserRequest{user, user})
	assert.EqualError(t, err, `user "alice": `+fault+"unsuitable certificate purpose (X509_V_ERR_INVALID_PURPOSE at depth 1)")
}

// A leaf with the CA's key would make whoever holds the leaf's key the CA.
func TestIssueForTheCAsKey(t *testing.T) {
	w := complete(t)
	key := w.key(w.row("ca"))
	const want = "key is the CA's own: whoever serves or logs in with it could sign as the CA"
	r := phases.IssueRequest{Signer: "ca", Validity: time.Hour, Template: pki.Template{Subject: pki.Subject{CommonName: "x"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}}
	r.Key = key
	_, err := phases.Issue(w.tree, w.dirs, now, r)
	assert.EqualError(t, err, want)
	r.Key, r.Public = nil, key.Public()
	_, err = phases.Issue(w.tree, w.dirs, now, r)
	assert.EqualError(t, err, want)
	_, err = phases.Users(w.tree, w.dirs, now, []phases.UserRequest{{Subject: pki.Subject{CommonName: "alice"}, Validity: time.Hour, Public: key.Public(), Server: "https://192.0.2.10:6443", Cluster: "c", Context: "c"}})
	assert.EqualError(t, err, `user "alice": `+want)
	r.Signer = "etcd-ca"
	_, err = phases.Issue(w.tree, w.dirs, now, r)
	assert.NoError(t, err, "of another CA it is a key like any other")
}
