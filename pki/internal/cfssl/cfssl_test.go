package cfssl_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/internal/cfssl"
)

const childEnv = "CFSSL_TEST_CHILD"

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

// broken is a signer that fails, as one in an agent does when its owner says no.
type broken struct{ crypto.Signer }

func (broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the owner said no")
}

// child does everything that makes cfssl talk.
func child() error {
	for _, k := range []struct {
		name string
		bits int
	}{{"rsa", 2048}, {"ecdsa", 256}, {"ed25519", 0}} {
		key, err := cfssl.NewKey(k.name, k.bits)
		if err != nil {
			return err
		}
		if _, err := cfssl.Request(request(), key); err != nil {
			return err
		}
		if _, err := cfssl.Request(request(), broken{key}); err == nil {
			return errors.New("no error of the signer")
		}
	}
	if _, err := cfssl.NewKey("rsa", 1); err == nil {
		return errors.New("a key of one bit was made")
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
	_, err := cfssl.NewKey("rsa", 1024)
	assert.EqualError(t, err, "RSA key is too weak")
	_, err = cfssl.NewKey("ecdsa", 255)
	assert.EqualError(t, err, "invalid curve")
	_, err = cfssl.NewKey("dsa", 1024)
	assert.EqualError(t, err, "invalid algorithm")
	key, err := cfssl.NewKey("ecdsa", 256)
	require.NoError(t, err)
	_, err = cfssl.Request(request(), broken{key})
	assert.EqualError(t, err, "the owner said no")
}

func request() *x509.CertificateRequest {
	return &x509.CertificateRequest{Subject: pkix.Name{CommonName: "a", Organization: []string{"dev", "ops"}},
		DNSNames: []string{"a.b", "*.c"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1).To4(), net.ParseIP("fd00::1")},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: []byte{3, 2, 7, 128}}}}
}

// A request says what it was told to say, whichever library makes it: names that cfssl would take for another kind too.
func TestRequest(t *testing.T) {
	key, err := cfssl.NewKey("ecdsa", 256)
	require.NoError(t, err)
	uri, err := url.Parse("spiffe://a/b")
	require.NoError(t, err)
	for name, change := range map[string]func(*x509.CertificateRequest){
		"ordinary":          func(*x509.CertificateRequest) {},
		"URI":               func(r *x509.CertificateRequest) { r.URIs = []*url.URL{uri} },
		"mailbox":           func(r *x509.CertificateRequest) { r.EmailAddresses = []string{"a@b.c"} },
		"address as a name": func(r *x509.CertificateRequest) { r.DNSNames = []string{"10.0.0.1"} },
		"path as a name":    func(r *x509.CertificateRequest) { r.DNSNames = []string{"/a"} },
		"mailbox as a name": func(r *x509.CertificateRequest) { r.DNSNames = []string{"a@b"} },
		"no names":          func(r *x509.CertificateRequest) { r.DNSNames, r.IPAddresses = nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			want := request()
			change(want)
			der, err := cfssl.Request(want, key)
			require.NoError(t, err)
			got, err := x509.ParseCertificateRequest(der)
			require.NoError(t, err)
			assert.NoError(t, got.CheckSignature())
			assert.Equal(t, want.Subject.String(), got.Subject.String())
			assert.Equal(t, want.DNSNames, got.DNSNames)
			assert.Equal(t, want.IPAddresses, got.IPAddresses)
			assert.Equal(t, want.URIs, got.URIs)
			assert.Equal(t, want.EmailAddresses, got.EmailAddresses)
			assert.Contains(t, got.Extensions, want.ExtraExtensions[0])
		})
	}
}
