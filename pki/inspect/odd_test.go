package inspect_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/inspect"
)

// refused has what crypto/x509 takes no certificate with.
const refused = `
[req]
distinguished_name=dn
[dn]
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=keyCertSign,cRLSign
[leaf]
keyUsage=digitalSignature
extendedKeyUsage=clientAuth,1.2.3.4
subjectAltName=DNS:a,email:a@b,IP:192.0.2.7,URI:http://x/é
[damaged]
2.5.29.32=DER:3003020101
[empty]
2.5.29.15=DER:03020700
2.5.29.17=DER:3000
2.5.29.33=DER:3000
2.5.29.36=DER:3000
2.5.29.37=DER:3000
[nul]
2.5.29.17=DER:30058203610062
[lastnul]
2.5.29.17=DER:300482026100
[old]
database=index
default_md=sha256
`

// TestShowsWhatX509Refuses: whatever openssl reads is shown, in its words, with who signed it; of a key of a type that
// is not supported the name and the octets.
func TestShowsWhatX509Refuses(t *testing.T) {
	s := newShell(t)
	s.write("r.cnf", refused)
	ec := func(curve string, more ...string) []string {
		return append([]string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + curve}, more...)
	}
	for _, k := range []struct {
		name      string
		supported bool
		args      []string
		form      string // of the point
	}{
		{"RSASSA-PSS", true, []string{"-algorithm", "RSA-PSS"}, ""},
		{"RSASSA-PSS", true, []string{"-algorithm", "RSA-PSS", "-pkeyopt", "rsa_pss_keygen_md:sha256", "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha256", "-pkeyopt", "rsa_pss_keygen_saltlen:32"}, ""},
		{"ECDSA-P224", true, ec("P-224"), ""},
		{"ECDSA-P256", true, ec("P-256"), ""}, // the serial number is below zero
		{"ECDSA-P256", true, ec("P-256"), "compressed"},
		{"Ed448", false, []string{"-algorithm", "ED448"}, ""},
		{"secp256k1", false, ec("secp256k1"), ""},
		{"brainpoolP384r1", false, ec("brainpoolP384r1"), ""},
		{"EC with explicit parameters", false, ec("P-256", "-pkeyopt", "ec_param_enc:explicit"), ""},
	} {
		key := "rare.key"
		s.openssl(append([]string{"genpkey", "-out", key}, k.args...)...)
		if k.form != "" {
			s.openssl("pkey", "-in", "rare.key", "-ec_conv_form", k.form, "-out", "form.key")
			key = "form.key"
		}
		s.openssl("req", "-x509", "-new", "-key", key, "-sha256", "-config", "r.cnf", "-extensions", "leaf", "-subj", "/O=dev/CN=alice", "-set_serial", "-0x112233445566778899", "-out", "rare.crt")
		ours, openssls := s.shown("CERTIFICATE", raw(s.read("rare.crt")))
		assert.Equal(t, openssls, ours, "%v", k.args)
		assert.Equal(t, k.supported, s.read("rare.crt").Text() == string(s.openssl("x509", "-noout", "-text", "-in", "rare.crt")), "%v", k.args)
		d := s.read("rare.crt").Describe()
		assert.Equal(t, k.name, d.Key)
		assert.Equal(t, "client", d.Role)
		assert.Equal(t, "alice", d.User)
		assert.Equal(t, []string{"dev"}, d.Groups)
		assert.Equal(t, []string{"DNS:a", "email:a@b", "IP:192.0.2.7", "URI:http://x/é"}, d.Names)
		assert.Equal(t, []string{"Digital Signature"}, d.Usages)
		assert.NotEmpty(t, d.PublicSHA256)
		assert.True(t, d.SelfSigned || !k.supported, "%v", k.args)

		s.openssl("req", "-new", "-key", key, "-sha256", "-config", "r.cnf", "-reqexts", "leaf", "-subj", "/O=dev/CN=alice", "-out", "rare.csr")
		ours, openssls = s.shown("CERTIFICATE REQUEST", raw(s.read("rare.csr")))
		assert.Equal(t, openssls, ours, "%v", k.args)
		r := s.read("rare.csr").Describe()
		assert.Equal(t, d.Names, r.Names)
		assert.Equal(t, k.name, r.Key)
		assert.NotEqual(t, r.SelfSigned, r.Unchecked, "%v: signed by its own key, or nobody knows", k.args)
	}
	for _, section := range []string{"damaged", "empty", "nul", "lastnul"} {
		s.openssl("req", "-x509", "-new", "-key", "rare.key", "-config", "r.cnf", "-extensions", section, "-subj", "/CN=a", "-out", "damaged.crt")
		ours, openssls := s.shown("CERTIFICATE", raw(s.read("damaged.crt")))
		assert.Equal(t, openssls, ours, section)
	}
}

// TestOddCertificates are changed in one place, as certificates in the wild are.
func TestOddCertificates(t *testing.T) {
	s := newShell(t)
	s.openssl("req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k.key", "-config", "c.cnf", "-extensions", "all",
		"-subj", "/CN=odd", "-set_serial", "1", "-out", "o.crt")
	sound := raw(s.read("o.crt"))
	utcTime := bytes.Index(sound, []byte{0x17, 13})
	require.Positive(t, utcTime)
	for _, c := range []struct {
		name     string
		from, to string
		shows    string
	}{
		{"version 1 with extensions", "\xa0\x03\x02\x01\x02", "\xa0\x03\x02\x01\x00", "Version: 1 (0x0)"},
		{"version 9", "\xa0\x03\x02\x01\x02", "\xa0\x03\x02\x01\x08", "Version: Unknown (8)"},
		{"BOOLEAN 01", "\x30\x06\x01\x01\xff\x02", "\x30\x06\x01\x01\x01\x02", "CA:TRUE, pathlen:1"},
		{"another inner algorithm", "\x2a\x86\x48\xce\x3d\x04\x03\x02", "\x2a\x86\x48\xce\x3d\x04\x03\x03", "    Signature Algorithm: ecdsa-with-SHA384\n        Issuer"},
		{"a time that is none", string(sound[utcTime : utcTime+6]), "\x17\x0d2699", "Not Before: Bad time value"},
		{"serial number -1", "\x02\x01\x01\x30", "\x02\x01\xff\x30", "Serial Number:\n             (Negative)01\n"},
		{"a point off the curve", "\x03\x42\x00\x04", "\x03\x42\x00\x05", "            Unable to load Public Key\n"},
		{"a key of no known type", "\x2a\x86\x48\xce\x3d\x02\x01", "\x2a\x86\x48\xce\x3d\x02\x7f", "            Unable to load Public Key\n"},
	} {
		odd := bytes.Replace(sound, []byte(c.from), []byte(c.to), 1)
		require.NotEqual(t, sound, odd, c.name)
		ours, openssls := s.shown("CERTIFICATE", odd)
		assert.Equal(t, openssls, ours, c.name)
		assert.Contains(t, s.readDER(odd).Text(), c.shows, c.name)
	}
	assert.Nil(t, s.readDER(bytes.Replace(sound, sound[utcTime:utcTime+6], []byte("\x17\x0d2699"), 1)).Describe().NotBefore)
}

// readDER is the one object that der is.
func (s shell) readDER(der []byte) inspect.Object {
	s.t.Helper()
	objects, faults := inspect.Parse(der)
	require.Empty(s.t, faults)
	require.Len(s.t, objects, 1)
	return objects[0]
}

// TestShowsCRLsOfVersion1 takes what openssl makes where no CRL number is configured.
func TestShowsCRLsOfVersion1(t *testing.T) {
	s := newShell(t)
	s.write("r.cnf", refused)
	s.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-config", "r.cnf", "-extensions", "ca", "-subj", "/CN=ca", "-out", "ca.crt")
	s.write("index", "R\t271124120000Z\t251124120000Z\t01\tunknown\t/CN=a\n")
	s.openssl("ca", "-gencrl", "-config", "r.cnf", "-name", "old", "-keyfile", "ca.key", "-cert", "ca.crt", "-crldays", "30", "-out", "v1.crl")
	s.same("v1.crl", "crl", "-noout", "-text")
	crl := s.read("v1.crl")
	assert.Equal(t, 1, *crl.Describe().Revoked)
	_, ok := inspect.NewIssuers([]inspect.Object{s.read("ca.crt")}).Of(crl)
	assert.True(t, ok)
}
