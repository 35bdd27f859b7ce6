package openssl_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// PKCS #12 as openssl writes it with one option or another.
func TestPKCS12AgainstOpenSSL(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(7), RawSubject: one(3, 12, "leaf"), NotAfter: time.Unix(2e9, 0)}
	leaf.Raw, err = x509.CreateCertificate(rand.Reader, leaf, leaf, public, private)
	require.NoError(t, err)
	o := newInstalled(t, leaf.Raw)
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o600))
	}
	write("leaf.pem", armour("CERTIFICATE", leaf.Raw))
	write("both.pem", armour("CERTIFICATE", plain(t).Raw)+armour("CERTIFICATE", leaf.Raw))
	write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8(t, private)})))
	for options, want := range map[string]bool{
		"-inkey key.pem -in leaf.pem -passout pass:":                                                         true,
		"-inkey key.pem -in both.pem -passout pass:":                                                         true, // the leaf is the second
		"-inkey key.pem -in leaf.pem -passout pass: -keypbe NONE -certpbe NONE -nomac":                       true,
		"-inkey key.pem -in both.pem -passout pass: -keypbe NONE -certpbe NONE":                              true,
		"-inkey key.pem -in leaf.pem -passout pass: -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES":            true,
		"-inkey key.pem -in leaf.pem -passout pass: -macalg sha384":                                          true,
		"-inkey key.pem -in leaf.pem -passout pass: -LMK -CSP x -name friendly":                              true,
		"-nokeys -in leaf.pem -passout pass:":                                                                true,
		"-nokeys -in leaf.pem -passout pass: -certpbe NONE":                                                  true,
		"-nokeys -in leaf.pem -passout pass: -nomac":                                                         true,
		"-nocerts -inkey key.pem -passout pass:":                                                             false,
		"-inkey key.pem -in leaf.pem -passout pass:secret":                                                   false,
		"-nokeys -in leaf.pem -passout pass:secret":                                                          false,
		"-nokeys -in leaf.pem -passout pass:secret -certpbe NONE":                                            false,
		"-nokeys -in leaf.pem -passout pass:secret -nomac":                                                   true, // openssl then encrypts nothing
		"-inkey key.pem -in leaf.pem -passout pass: -legacy":                                                 false,
		"-inkey key.pem -in leaf.pem -passout pass: -legacy -certpbe PBE-SHA1-RC2-128 -keypbe PBE-SHA1-3DES": false,
	} {
		cmd := exec.Command("openssl", append([]string{"pkcs12", "-export"}, strings.Fields(options)...)...)
		cmd.Dir = o.dir
		file, err := cmd.Output()
		require.NoError(t, err, options)
		assert.Equal(t, want, agreed(t, o, options, []string{string(file)})[0], options)
		if found := openssl.Parse(file, nil).Certificates; want && assert.NotEmpty(t, found, options) {
			assert.Equal(t, leaf.Raw, found[0].Raw, "%s: the one of the key is the first", options)
		}
	}

	// The library passes over what it does not know behind the last element, and checks no MAC of a digest that it does
	// not know.
	cmd := exec.Command("openssl", "pkcs12", "-export", "-nokeys", "-in", "leaf.pem", "-passout", "pass:", "-certpbe", "NONE", "-macalg", "sha256")
	cmd.Dir = o.dir
	file, err := cmd.Output()
	require.NoError(t, err)
	longer := asn1.RawValue{}
	_, err = asn1.Unmarshal(file, &longer)
	require.NoError(t, err)
	longer.FullBytes, longer.Bytes = nil, append(longer.Bytes, 5, 0)
	damaged, err := asn1.Marshal(longer)
	require.NoError(t, err)
	sha256 := []byte("\x60\x86\x48\x01\x65\x03\x04\x02\x01")
	require.True(t, bytes.Contains(file, sha256))
	otherDigest := bytes.Replace(file, sha256, []byte("\x60\x86\x48\x01\x65\x03\x04\x02\x41"), 1)
	otherSalt := bytes.Clone(file)
	otherSalt[len(file)-5] ^= 1 // before the number of iterations
	assert.Equal(t, []bool{true, false, false, false}, agreed(t, o, "damaged", []string{string(file), string(damaged), string(otherDigest), string(otherSalt)}))
}
