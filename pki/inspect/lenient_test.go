package inspect_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/inspect"
	"github.com/pkitool/pkitool/pki/verify"
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

// TestShowsWhatX509Refuses: whatever openssl reads is shown, in its words, with who signed it.
func TestShowsWhatX509Refuses(t *testing.T) {
	s := newShell(t)
	s.write("r.cnf", refused)
	for _, k := range []struct {
		name string // openssl's, of the algorithm
		args []string
	}{
		{"rsassaPss", []string{"-algorithm", "RSA-PSS"}},
		{"rsassaPss", []string{"-algorithm", "RSA-PSS", "-pkeyopt", "rsa_pss_keygen_md:sha256", "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha256", "-pkeyopt", "rsa_pss_keygen_saltlen:32"}},
		{"rsassaPss", []string{"-algorithm", "RSA-PSS", "-pkeyopt", "rsa_pss_keygen_md:sha1", "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha512", "-pkeyopt", "rsa_pss_keygen_saltlen:20"}},
		{"ED448", []string{"-algorithm", "ED448"}},
		{"id-ecPublicKey", []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"}},
		{"id-ecPublicKey", []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP384r1"}},
		{"id-ecPublicKey", []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"}},
		{"id-ecPublicKey", []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1", "-pkeyopt", "ec_param_enc:explicit"}},
		{"ECDSA-P256", []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"}}, // the serial number is below zero
	} {
		s.openssl(append([]string{"genpkey", "-out", "rare.key"}, k.args...)...)
		digest := "-sha256"
		if len(k.args) > 3 && k.args[3] == "rsa_pss_keygen_md:sha1" {
			digest = "-sha1"
		}
		s.openssl("req", "-x509", "-new", "-key", "rare.key", digest, "-config", "r.cnf", "-extensions", "leaf", "-subj", "/O=dev/CN=alice", "-set_serial", "-0x112233445566778899", "-out", "rare.crt")
		s.same("rare.crt", "x509", "-noout", "-text")
		d := s.read("rare.crt").Describe()
		assert.Equal(t, k.name, d.Key)
		assert.True(t, d.SelfSigned, "%v", k.args)
		assert.Equal(t, "client", d.Role)
		assert.Equal(t, "alice", d.User)
		assert.Equal(t, []string{"dev"}, d.Groups)
		assert.Equal(t, []string{"DNS:a", "IP:192.0.2.7", "URI:http://x/%C3%A9", "email:a@b"}, d.Names)
		assert.Equal(t, []string{"Digital Signature"}, d.Usages)
		assert.NotEmpty(t, d.PublicSHA256)

		s.openssl("req", "-new", "-key", "rare.key", digest, "-config", "r.cnf", "-reqexts", "leaf", "-subj", "/O=dev/CN=alice", "-out", "rare.csr")
		s.same("rare.csr", "req", "-noout", "-text")
		r := s.read("rare.csr").Describe()
		assert.Equal(t, d.Names, r.Names)
		assert.Equal(t, k.name, r.Key)
		assert.NotEqual(t, r.SelfSigned, r.Unchecked, "%v: signed by its own key, or nobody knows", k.args)
	}
	for _, section := range []string{"damaged", "empty", "nul", "lastnul"} {
		s.openssl("req", "-x509", "-new", "-key", "rare.key", "-config", "r.cnf", "-extensions", section, "-subj", "/CN=a", "-out", "damaged.crt")
		s.same("damaged.crt", "x509", "-noout", "-text")
		assert.True(t, s.read("damaged.crt").Describe().SelfSigned)
	}
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
	_, ok := inspect.NewIssuers([]*verify.Certificate{s.read("ca.crt").Certificate}).Of(crl)
	assert.True(t, ok)
}

// TestShowsAKeyThatIsNone: a point off its curve, beside which crypto/x509 returns a pointer that is nil.
func TestShowsAKeyThatIsNone(t *testing.T) {
	m := makeAll(t)
	for _, der := range [][]byte{m.leaf, m.csr} {
		at := bytes.Index(der, m.pub)
		require.Positive(t, at)
		der[at+len(m.pub)-1] ^= 1
		objects, faults := inspect.Parse(der)
		require.Empty(t, faults)
		assert.Contains(t, objects[0].Text(), "                Unable to load Public Key\n")
		assert.Equal(t, "id-ecPublicKey", objects[0].Describe().Key)
	}
}
