package inspect_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/inspect"
)

// config has every extension whose contents are spelled out.
const config = `
[req]
distinguished_name=dn
[dn]
[plain]
basicConstraints=critical,CA:FALSE
[attributes]
distinguished_name=dn2
attributes=at
prompt=no
[at]
challengePassword=abcd
unstructuredName=some name
[dn2]
CN=q
[all]
basicConstraints=critical,CA:TRUE,pathlen:1
keyUsage=critical,digitalSignature,keyCertSign,cRLSign
extendedKeyUsage=serverAuth,clientAuth,1.2.3.4
subjectAltName=DNS:a,IP:1.2.3.4,IP:fd00::1,URI:http://x/,email:a@b,dirName:d,RID:1.2.3,otherName:1.2.3.4;UTF8:hi,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:u@v
issuerAltName=DNS:i
nameConstraints=permitted;DNS:x.y,permitted;IP:10.0.0.0/255.0.0.0,excluded;DNS:z,excluded;IP:fd00::/ffff::,permitted;dirName:d,permitted;email:q@r
crlDistributionPoints=URI:http://a/x.crl,cd
authorityInfoAccess=OCSP;URI:http://o/,caIssuers;URI:http://c/
certificatePolicies=1.2.3.4,anyPolicy,@pol
policyConstraints=requireExplicitPolicy:3,inhibitPolicyMapping:1
inhibitAnyPolicy=2
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid:always,issuer:always
nsComment=hi
tlsfeature=status_request
1.2.3.4.5=ASN1:UTF8String:hello
[more]
certificatePolicies=@notices,@bare
policyMappings=1.2.3.4:1.2.3.5,1.2.3.6:1.2.3.7
freshestCRL=URI:http://f/
crlDistributionPoints=named,reasoned,URI:http://q/
subjectInfoAccess=caRepository;URI:http://r/,1.3.6.1.5.5.7.48.3;email:a@b
nsCertType=client,server,email,objsign,reserved,sslCA,emailCA,objCA
nsBaseUrl=http://b
nsRevocationUrl=http://r
nsCaRevocationUrl=http://c
nsRenewalUrl=http://n
nsCaPolicyUrl=http://p
nsSslServerName=s
noCheck=ignored
issuingDistributionPoint=critical,@scope
2.5.29.16=ASN1:SEQUENCE:period
ct_precert_poison=ASN1:NULL
1.3.6.1.4.1.11129.2.4.2=DER:048201060104007600000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000018bcfe5687b000004030047000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40414243444546005100000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000018bcfe5680000020102040100200000000000000000000000000000000000000000000000000000000000000000003709000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000018bcfe5687b0000040300080000000000000000
[notices]
policyIdentifier=1.3.5.8
CPS.1=http://cps/
userNotice.1=@notice1
userNotice.2=@notice2
[bare]
policyIdentifier=1.3.5.9
userNotice.1=@notice3
[notice1]
explicitText="Text"
organization="Org"
noticeNumbers=1,2,3
[notice2]
explicitText=UTF8:"only"
[notice3]
organization=O
noticeNumbers=7
[named]
fullname=URI:http://a,DNS:b
reasons=keyCompromise
[reasoned]
CRLissuer=dirName:d
reasons=superseded
[scope]
fullname=URI:http://i
onlyuser=TRUE
indirectCRL=TRUE
onlysomereasons=keyCompromise,superseded
[scopeCA]
onlyCA=TRUE
[scopeAA]
onlyAA=TRUE
[scopeNamed]
relativename=relative
[relative]
CN=r
[period]
a=IMPLICIT:0,GENTIME:20200101000000Z
b=IMPLICIT:1,GENTIME:20300101000000Z
[asked]
crlDistributionPoints=named
1.3.6.1.4.1.11129.2.4.2=DER:0481ac00aa007600000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000018bcfe5687b000004030047000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40414243444546003000000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000018bcfe5687b00000909000101
subjectAltName=DNS:a
keyUsage=digitalSignature
1.2.3.4.5=critical,ASN1:UTF8String:x
[pol]
policyIdentifier=1.3.5.8
CPS.1=http://cps/
[cd]
fullname=URI:http://b/,URI:http://c/
reasons=keyCompromise,CACompromise
CRLissuer=dirName:d
[d]
CN=dd
O=e/f
[ca]
default_ca=cad
[cad]
database=index
default_md=sha256
crl_extensions=ce
crlnumber=number
[ce]
authorityKeyIdentifier=keyid
freshestCRL=URI:http://f/
[ceNamed]
issuingDistributionPoint=critical,@scopeNamed
[ceCA]
issuingDistributionPoint=critical,@scopeCA
[ceAA]
issuingDistributionPoint=critical,@scopeAA
`

type shell struct {
	t   *testing.T
	dir string
}

func newShell(t *testing.T) shell {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI needs openssl")
		}
		t.Skip("SKIPPED: openssl is not installed, so its words are not compared")
	}
	version, err := exec.Command("openssl", "version").Output()
	require.NoError(t, err)
	if !bytes.HasPrefix(version, []byte("OpenSSL 3.0.")) {
		t.Skipf("SKIPPED: the words are those of OpenSSL 3.0, installed is %s", version)
	}
	s := shell{t, t.TempDir()}
	s.write("c.cnf", config)
	s.write("a.cnf", "[req]\ndistinguished_name=dn2\nattributes=at\nprompt=no\n"+config[len("\n[req]\ndistinguished_name=dn\n"):])
	return s
}

func (s shell) write(name, text string) {
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600))
}

func (s shell) openssl(args ...string) []byte {
	s.t.Helper()
	c := exec.Command("openssl", args...)
	var said bytes.Buffer
	c.Dir, c.Stderr = s.dir, &said
	out, err := c.Output()
	require.NoError(s.t, err, "openssl %v: %s", args, said.String())
	return out
}

// same asserts that both write a file in the same octets.
func (s shell) same(name string, args ...string) {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	require.NoError(s.t, err)
	objects, faults := inspect.Parse(data)
	require.Empty(s.t, faults)
	require.Len(s.t, objects, 1)
	assert.Equal(s.t, string(s.openssl(append(args, "-in", name)...)), objects[0].Text(), "%s", name)
}

// read is the one object of a file.
func (s shell) read(name string) inspect.Object {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	require.NoError(s.t, err)
	objects, faults := inspect.Parse(data)
	require.Empty(s.t, faults, name)
	require.Len(s.t, objects, 1)
	return objects[0]
}

// TestSelfSigned: who signed is told for every algorithm that openssl signs with.
func TestSelfSigned(t *testing.T) {
	s := newShell(t)
	s.openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa.key")
	for _, args := range [][]string{
		{"-sha256"}, {"-sha1"}, {"-sha224"},
		{"-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"},
		{"-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:max"},
	} {
		s.openssl(append([]string{"req", "-x509", "-new", "-key", "rsa.key", "-config", "c.cnf", "-subj", "/CN=a", "-out", "a.crt"}, args...)...)
		assert.True(t, s.read("a.crt").Describe().SelfSigned, "%v", args)
		s.openssl(append([]string{"req", "-new", "-key", "rsa.key", "-config", "c.cnf", "-subj", "/CN=a", "-out", "a.csr"}, args...)...)
		d := s.read("a.csr").Describe()
		assert.True(t, d.SelfSigned, "%v", args)
		assert.False(t, d.Unchecked, "%v", args)
	}
	for _, name := range []string{"a.crt", "a.csr"} {
		o := s.read(name)
		forged := slices.Concat(raw(o)[:len(raw(o))-1], []byte{raw(o)[len(raw(o))-1] ^ 1})
		objects, faults := inspect.Parse(forged)
		require.Empty(t, faults)
		d := objects[0].Describe()
		assert.False(t, d.SelfSigned || d.Unchecked, name)
	}
	// A request of an algorithm that nobody knows may be signed by its own key.
	sha256 := []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")
	objects, faults := inspect.Parse(bytes.Replace(raw(s.read("a.csr")), sha256, append(sha256[:8:8], 0x7f), 1))
	require.Empty(t, faults)
	d := objects[0].Describe()
	assert.True(t, d.Unchecked && !d.SelfSigned)
}

func raw(o inspect.Object) []byte {
	if o.Certificate != nil {
		return o.Certificate.Raw
	}
	return o.Request.Raw
}

// TestTextIsOpenSSLs holds the text to what the installed openssl writes.
func TestTextIsOpenSSLs(t *testing.T) {
	s := newShell(t)
	for _, k := range [][]string{
		{"rsa", "RSA", "rsa_keygen_bits:2048"}, {"p256", "EC", "ec_paramgen_curve:P-256"}, {"p384", "EC", "ec_paramgen_curve:P-384"},
		{"p521", "EC", "ec_paramgen_curve:P-521"}, {"ed", "ED25519", ""},
	} {
		name, key := k[0], k[0]+".key"
		args := []string{"genpkey", "-algorithm", k[1], "-out", key}
		if k[2] != "" {
			args = append(args, "-pkeyopt", k[2])
		}
		s.openssl(args...)
		s.openssl("pkey", "-in", key, "-pubout", "-out", name+".pub")
		for i, extra := range [][]string{
			{"-extensions", "all", "-subj", "/CN=aé/O=x y/O=\\/\\+z", "-utf8", "-set_serial", "5"},
			{"-extensions", "more", "-subj", "/CN=more"},
			{"-extensions", "plain", "-subj", "/", "-set_serial", "0x8000000000000000"},
			{"-subj", "/CN=only", "-set_serial", "0x7fffffffffffffff"},
			{"-subj", "/CN=random"},
		} {
			out := name + string(rune('0'+i)) + ".crt"
			s.openssl(append([]string{"req", "-x509", "-new", "-key", key, "-config", "c.cnf", "-out", out}, extra...)...)
			s.same(out, "x509", "-noout", "-text")
		}
		for i, extra := range [][]string{
			{"-subj", "/CN=q", "-config", "c.cnf"}, {"-subj", "/CN=q", "-config", "c.cnf", "-reqexts", "asked"},
			{"-config", "a.cnf"}, {"-config", "a.cnf", "-reqexts", "asked"},
		} {
			out := name + string(rune('0'+i)) + ".csr"
			s.openssl(append([]string{"req", "-new", "-key", key, "-out", out}, extra...)...)
			s.same(out, "req", "-noout", "-text")
		}
		s.same(name+".pub", "pkey", "-pubin", "-noout", "-text_pub")
		s.same(key, "pkey", "-noout", "-text_pub")
	}
	for i, salt := range []string{"digest", "20"} {
		out := "pss" + string(rune('0'+i)) + ".crt"
		s.openssl("req", "-x509", "-new", "-key", "rsa.key", "-config", "c.cnf", "-subj", "/CN=p", "-out", out, []string{"-sha256", "-sha1"}[i],
			"-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:"+salt)
		s.same(out, "x509", "-noout", "-text")
	}
	for _, index := range []string{
		"",
		"R\t271124120000Z\t251124120000Z,keyCompromise\t01\tunknown\t/CN=a\nR\t271124120000Z\t251124120000Z\tAABBCCDDEEFF00112233\tunknown\t/CN=b\n",
		"R\t271124120000Z\t251124120000Z,holdInstruction,holdInstructionReject\t01\tunknown\t/CN=a\nR\t271124120000Z\t251124120000Z,CAkeyTime,20200101000000Z\t02\tunknown\t/CN=b\n",
	} {
		s.write("index", index)
		for _, section := range []string{"ce", "ceNamed", "ceCA", "ceAA"} {
			s.write("number", "05\n")
			s.openssl("ca", "-gencrl", "-config", "c.cnf", "-crlexts", section, "-keyfile", "p256.key", "-cert", "p2560.crt", "-crldays", "30", "-out", "x.crl")
			s.same("x.crl", "crl", "-noout", "-text")
		}
	}
}
