//go:build linux && amd64

package faults_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An external CA: its keys are here and in no directory.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var (
	authorities = map[string]*authority{}
	serial      int64
)

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func newAuthority(tb testing.TB, name string) *authority {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	serial++
	t := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	require.NoError(tb, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	return &authority{cert, key}
}

// externalCA makes a directory without CA keys: as it lives, as it waits for its first certificates, and these.
func (h *house) externalCA(tb testing.TB) (complete, requested, signed world) {
	tb.Helper()
	start := world{}
	for name, p := range map[string]string{"corp-ca": "pki/ca.crt", "corp-front": "pki/front-proxy-ca.crt", "corp-etcd": "pki/etcd/ca.crt"} {
		a := newAuthority(tb, name)
		authorities[name] = a
		start[p] = text(block("CERTIFICATE", a.cert.Raw))
	}
	start = h.after(tb, start, words("init phase certs sa"))
	requested = h.after(tb, start, append(words("certs generate-csr all"), words(names)...))
	signed = h.sign(tb, requested)
	complete = h.after(tb, requested.with(signed), append(words("certs import"), signedFiles(signed)...))
	complete = complete.without(complete.paths(func(p string) bool { return isCopy(p) || strings.HasPrefix(p, "signed/") })...)
	return complete, requested, signed
}

// requests is the directory of an external CA that holds its certificates only.
func (h *house) requests(complete world) world {
	return complete.without(complete.paths(func(p string) bool {
		return !strings.HasSuffix(p, "ca.crt") && !strings.Contains(p, "sa.")
	})...)
}

// sign signs every request in w as it asks to be.
func (h *house) sign(tb testing.TB, w world) world {
	tb.Helper()
	out := world{}
	for p, f := range w {
		if path.Ext(p) != ".csr" {
			continue
		}
		r, err := requestOf(f)
		require.NoError(tb, err)
		ca := authorities["corp-ca"]
		switch {
		case strings.HasPrefix(p, "pki/etcd/"), strings.Contains(p, "apiserver-etcd"):
			ca = authorities["corp-etcd"]
		case strings.Contains(p, "front-proxy"):
			ca = authorities["corp-front"]
		}
		serial++
		t := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: r.Subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
			DNSNames: r.DNSNames, IPAddresses: r.IPAddresses}
		for _, e := range r.Extensions {
			if !e.Id.Equal([]int{2, 5, 29, 17}) {
				t.ExtraExtensions = append(t.ExtraExtensions, e)
			}
		}
		der, err := x509.CreateCertificate(rand.Reader, t, ca.cert, r.PublicKey, ca.key)
		require.NoError(tb, err)
		out["signed/"+strings.TrimSuffix(strings.ReplaceAll(p, "/", "-"), ".csr")+".pem"] = text(block("CERTIFICATE", der))
	}
	require.NotEmpty(tb, out)
	return out
}

func signedFiles(signed world) []string { return signed.paths(func(string) bool { return true }) }

// request is a server's request, made without pkitool.
func (h *house) request(tb testing.TB) string {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "web"}, DNSNames: []string{"web.example.com"}}, key)
	require.NoError(tb, err)
	return block("CERTIFICATE REQUEST", der)
}
