package cfssl_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/internal/sign"
)

const childEnv = "SIGN_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	if err := child(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func request(cn string) sign.Request {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	return sign.Request{
		Subject: pkix.Name{CommonName: cn}, MaxPathLen: -1, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		DNSNames: []string{"a.b", "*.c"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1).To4()}, NotBefore: now, NotAfter: now.Add(time.Hour),
	}
}

// child does everything that makes cfssl talk: keys, requests, roots, leaves, and each of these wrongly.
func child() error {
	for _, k := range []struct {
		name string
		bits int
	}{{"rsa", 2048}, {"ecdsa", 256}, {"ed25519", 0}} {
		key, err := sign.NewKey(k.name, k.bits)
		if err != nil {
			return err
		}
		root := request("root")
		root.CA, root.ExtKeyUsage, root.KeyUsage, root.DNSNames, root.IPAddresses = true, nil, x509.KeyUsageCertSign, nil, nil
		der, err := sign.Certificate(root, key.Public(), key, nil, key)
		if err != nil {
			return err
		}
		ca, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		if _, err := sign.Certificate(request("leaf"), key.Public(), key, ca, key); err != nil {
			return err
		}
		if _, err := sign.CSR(request("leaf"), key); err != nil {
			return err
		}
	}
	if _, err := sign.NewKey("rsa", 1); err == nil {
		return fmt.Errorf("a key of one bit was made")
	}
	if _, err := sign.NewKey("dsa", 2048); err == nil {
		return fmt.Errorf("a DSA key was made")
	}
	return nil
}

// cfssl logs to stderr by default, good news and bad. Not a byte of it comes through.
func TestSilence(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), stdout.String())
	assert.Empty(t, stdout.String())
	assert.Empty(t, stderr.String())
}

// Errors are text, not the JSON that cfssl's are.
func TestErrors(t *testing.T) {
	_, err := sign.NewKey("rsa", 1024)
	assert.EqualError(t, err, "RSA key is too weak")
	_, err = sign.NewKey("ecdsa", 255)
	assert.EqualError(t, err, "invalid curve")
	_, err = sign.NewKey("dsa", 1024)
	assert.EqualError(t, err, "invalid algorithm")
}

// No usage is dropped without a word, and a usage that the engine has no word
// for is written all the same.
func TestUsages(t *testing.T) {
	key, err := sign.NewKey("ecdsa", 256)
	require.NoError(t, err)
	root := request("root")
	root.CA, root.ExtKeyUsage, root.KeyUsage = true, nil, x509.KeyUsageCertSign|x509.KeyUsageCRLSign|x509.KeyUsageDigitalSignature
	der, err := sign.Certificate(root, key.Public(), key, nil, key)
	require.NoError(t, err)
	ca, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	assert.Equal(t, root.KeyUsage, ca.KeyUsage)
	oid := asn1.ObjectIdentifier{1, 2, 3}
	for _, tt := range []struct {
		ku   x509.KeyUsage
		ekus []x509.ExtKeyUsage
		oids []asn1.ObjectIdentifier
	}{
		{ku: x509.KeyUsageDigitalSignature, ekus: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}},
		{ku: x509.KeyUsageDigitalSignature, ekus: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}},
		{ku: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ekus: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
		{ku: x509.KeyUsageDigitalSignature | x509.KeyUsageDecipherOnly, ekus: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
		{ku: x509.KeyUsageDigitalSignature, ekus: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageCodeSigning}},
		{ku: x509.KeyUsageContentCommitment, ekus: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}},
		{ku: x509.KeyUsageDigitalSignature, ekus: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, oids: []asn1.ObjectIdentifier{oid}},
		{ku: x509.KeyUsageDigitalSignature, oids: []asn1.ObjectIdentifier{oid}},
		{ku: x509.KeyUsageDigitalSignature},
		{ekus: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}},
	} {
		r := request("leaf")
		r.KeyUsage, r.ExtKeyUsage, r.UnknownExtKeyUsage = tt.ku, tt.ekus, tt.oids
		der, err := sign.Certificate(r, key.Public(), key, ca, key)
		require.NoError(t, err)
		c, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		assert.Equal(t, tt.ku, c.KeyUsage)
		assert.Equal(t, tt.ekus, c.ExtKeyUsage)
		assert.Equal(t, tt.oids, c.UnknownExtKeyUsage)
		assert.Equal(t, r.DNSNames, c.DNSNames)
		assert.Equal(t, r.NotBefore, c.NotBefore, "neither rounded nor set back")
		assert.Equal(t, r.NotAfter, c.NotAfter)

		if len(tt.ekus) == 0 && len(tt.oids) == 0 || tt.ku == 0 {
			continue
		}
		der, err = sign.CSR(r, key)
		require.NoError(t, err)
		req, err := x509.ParseCertificateRequest(der)
		require.NoError(t, err)
		for _, e := range req.Extensions {
			for _, have := range c.Extensions {
				if e.Id.Equal(have.Id) && (e.Id.String() == "2.5.29.15" || e.Id.String() == "2.5.29.37") {
					assert.Equal(t, have.Value, e.Value, "the request asks for what the certificate then has: %v", e.Id)
				}
			}
		}
	}
}

// All cores may sign with one CA at once.
func TestParallel(t *testing.T) {
	key, err := sign.NewKey("ecdsa", 256)
	require.NoError(t, err)
	root := request("root")
	root.CA, root.ExtKeyUsage, root.KeyUsage = true, nil, x509.KeyUsageCertSign
	der, err := sign.Certificate(root, key.Public(), key, nil, key)
	require.NoError(t, err)
	ca, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	var wg sync.WaitGroup
	errs := make([]error, 64)
	for i := range errs {
		wg.Go(func() { _, errs[i] = sign.Certificate(request(fmt.Sprint("leaf", i)), key.Public(), key, ca, key) })
	}
	wg.Wait()
	for _, err := range errs {
		assert.NoError(t, err)
	}
}
