package phases_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/weakkeys"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
)

// A key that anybody can compute gets no certificate, by whichever door it comes, and one that only works does not get
// into use here: what is in use already is judged by the matrix.
func TestWeakKeysAreNotSigned(t *testing.T) {
	for _, tt := range []struct {
		name    string
		make    func() (*rsa.PrivateKey, error)
		says    string
		imports string // what an import says; "" where it is taken
	}{
		{"ROCA", weakkeys.ROCA, "RSA key of a broken library of Infineon (ROCA, CVE-2017-15361)", "RSA key of a broken library of Infineon (ROCA, CVE-2017-15361)"},
		{"exponent", weakkeys.Exponent3, "RSA key with the public exponent 3, smaller than 65537", ""},
	} {
		key, err := tt.make()
		require.NoError(t, err)
		w := complete(t)
		client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}

		// certs issue --key
		r := issueOf("ca", pki.Template{Subject: pki.Subject{CommonName: "x"}, ExtKeyUsage: client})
		r.Key = key
		_, err = phases.Issue(t.Context(), w.tree, w.site, now, r)
		assert.EqualError(t, err, tt.says)

		// certs sign
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "x"}}, key)
		require.NoError(t, err)
		_, err = inspect.ReadRequest(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
		assert.EqualError(t, err, tt.says)
		assert.Equal(t, finding.RequestKeyUnfit, finding.Of(err, "").ID)

		// certs renew --reuse-key
		s := w.row("apiserver")
		w.place(s, key, certify(t, template(s), w.bundle("ca")[0], key, w.key(w.row("ca"))))
		o := renewal()
		o.ReuseKey = true
		plan := phases.DecideRenewal(w.judged(nil), w.only("apiserver"), o)
		require.Len(t, plan.Refused(), 1)
		assert.Equal(t, finding.KeyNotReused, plan.Refused()[0].Findings[0].ID)
		assert.Equal(t, tt.says, plan.Refused()[0].Findings[0].Text())

		// certs import
		cert := w.read(w.certFile(s))
		w.remove(w.certFile(s))
		before := w.snapshot()
		_, err = phases.Import(t.Context(), w.tree, w.site, []phases.Signed{{Name: "x.pem", Data: cert}}, nil, phases.ImportOptions{Options: at(now)})
		if tt.imports == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, "apiserver: "+tt.imports)
			w.unchanged(before)
		}
	}
}

// A weak key is told by the commands that look at files of no row, too: of a CA, and in a kubeconfig.
func TestWeakKeysAreShown(t *testing.T) {
	key, err := weakkeys.ROCA()
	require.NoError(t, err)
	w := complete(t)
	ca := certify(t, template(w.row("ca")), nil, key, nil)
	found := judge.Object(ca.Raw, now)
	require.Len(t, found, 1)
	assert.Equal(t, finding.KeyWeak, found[0].ID)

	s := w.row("admin")
	w.conf(s, func(c *kubeconfig.Single) { c.CA = pki.EncodeCertificates(ca) })
	data, err := os.ReadFile(w.certFile(s))
	require.NoError(t, err)
	var ids []finding.ID
	got, err := judge.ReadKubeconfig(w.certFile(s), data, os.ReadFile, now)
	require.NoError(t, err)
	for _, f := range got.Findings {
		ids = append(ids, f.ID)
	}
	assert.Equal(t, []finding.ID{finding.KeyWeak}, ids)
}
