package openssl_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// made is a self-signed certificate with that subject, and its key.
func made(tb testing.TB, subject []byte) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), RawSubject: subject, NotAfter: time.Unix(2e9, 0),
	}, &x509.Certificate{Subject: pkix.Name{CommonName: "issuer"}}, key.Public(), key)
	require.NoError(tb, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	return c, key
}

func plain(tb testing.TB) *x509.Certificate {
	c, _ := made(tb, []byte{0x30, 0})
	return c
}

func armour(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// one is a name of one attribute of that type (the last arc behind 2.5.4), string type and content.
func one(arc, tag byte, content string) []byte {
	value := append([]byte{tag, byte(len(content))}, content...)
	body := append([]byte{6, 3, 0x55, 4, arc}, value...)
	attribute := append([]byte{0x30, byte(len(body))}, body...)
	set := append([]byte{0x31, byte(len(attribute))}, attribute...)
	return append([]byte{0x30, byte(len(set))}, set...)
}

func TestName(t *testing.T) {
	for _, c := range []struct {
		options string // "" for the default
		subject []byte
		want    string
	}{
		{"", one(3, 12, "ca"), "CN = ca"},
		{"", one(3, 12, "café"), `CN = caf\C3\A9`},
		{"", one(3, 12, `a,b+c"d\e<f>;#g`), `CN = "a,b+c\"d\\e<f>;#g"`},
		{"", one(3, 12, "new\nline\x7f"), `CN = new\0Aline\7F`},
		{"", one(3, 12, " a"), `CN = " a"`},
		{"", one(3, 12, "#"), `CN = #`},
		{"", one(3, 12, "#a"), `CN = "#a"`},
		{"", one(10, 19, "x"), "O = x"},
		{"", one(3, 30, "\x20\xac"), `CN = \E2\82\AC`},
		{"", one(3, 30, "\x20"), ""},
		{"", one(127, 12, "x"), "2.5.4.127 = x"},
		{"", one(3, 0x30, ""), "CN = #3000"},
		{"", []byte{0x30, 0}, ""},
		{"oneline", one(3, 12, "ca"), "CN = ca"},
		{"RFC2253", one(127, 12, "x"), "2.5.4.127=#0C0178"},
		{"RFC2253", one(3, 12, "a,b"), `CN=a\,b`},
		{"compat", one(3, 20, "caf\xe9"), `CN=caf\xE9`},
		{"multiline", one(3, 20, "caf\xe9"), `commonName                = caf\E9`},
		{"multiline", one(3, 30, "\x20\xac"), `commonName                = \U20AC`},
		{"oid", one(3, 12, "x"), "2.5.4.3=x"},
		{"lname,space_eq", one(3, 12, "x"), "commonName = x"},
		{"nofname", one(3, 12, "x"), "x"},
		{"show_type", one(3, 12, "x"), "CN=UTF8STRING:x"},
		{"dump_all", one(3, 12, "x"), "CN=#78"},
		{"dump_all,dump_der", one(3, 12, "x"), "CN=#0C0178"},
		{"esc_2254", one(3, 12, "(x)"), `CN=\28x\29`},
		{"oneline,-space_eq", one(3, 12, "x"), "CN=x"},
		{"", one(3, 12, ""), "CN = "},
	} {
		options := openssl.OneLine
		if c.options != "" {
			var err error
			options, err = openssl.NameOptions(0).Parse(c.options)
			require.NoError(t, err)
		}
		got := options.Name(nameOf(t, c.subject))
		if c.want == "" && got != "" {
			assert.Contains(t, got, "CN = ", "a name that cannot be written")
			continue
		}
		assert.Equal(t, c.want, got, "%s %x", c.options, c.subject)
	}
}

// nameOf reads the subject as verify does; a name that verify refuses is put into no certificate, so there is none.
func nameOf(t *testing.T, subject []byte) verify.Name {
	c, err := verify.ParseCertificate(withSubject(t, subject))
	if err != nil {
		return verify.Name{}
	}
	return c.Subject()
}

// withSubject exchanges the subject of a certificate; nobody looks at the signature here.
func withSubject(t *testing.T, subject []byte) []byte {
	type tbs struct {
		Raw       asn1.RawContent
		Version   asn1.RawValue
		Serial    asn1.RawValue
		Algorithm asn1.RawValue
		Issuer    asn1.RawValue
		Validity  asn1.RawValue
		Subject   asn1.RawValue
		Key       asn1.RawValue
	}
	type certificate struct {
		TBS       asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.RawValue
	}
	var outer certificate
	_, err := asn1.Unmarshal(plain(t).Raw, &outer)
	require.NoError(t, err)
	var inner tbs
	_, err = asn1.Unmarshal(outer.TBS.FullBytes, &inner)
	require.NoError(t, err)
	body := bytes.Join([][]byte{inner.Version.FullBytes, inner.Serial.FullBytes, inner.Algorithm.FullBytes, inner.Issuer.FullBytes,
		inner.Validity.FullBytes, subject, inner.Key.FullBytes}, nil)
	wrap := func(parts ...[]byte) []byte {
		b, err := asn1.Marshal(asn1.RawValue{Tag: 16, IsCompound: true, Bytes: bytes.Join(parts, nil)})
		require.NoError(t, err)
		return b
	}
	return wrap(wrap(body), outer.Algorithm.FullBytes, outer.Signature.FullBytes)
}

func TestParseNameOptions(t *testing.T) {
	for _, bad := range []string{"nonsense", "oneline,nonsense", "-", "--utf8", "-nonsense"} {
		_, err := openssl.NameOptions(0).Parse(bad)
		assert.Error(t, err, bad)
	}
	_, err := openssl.NameOptions(0).Parse("utf8,nonsense")
	assert.EqualError(t, err, "unknown name option nonsense")
	for _, c := range []struct{ list, same string }{
		{"", "compat"}, {",", "compat"}, {"oneline,", "compat"}, {" ONELINE ", "oneline"}, {"+utf8", "utf8:yes"}, {"ca_default", "multiline"}, {"-oneline", "compat"},
	} {
		a, errA := openssl.NameOptions(0).Parse(c.list)
		b, errB := openssl.NameOptions(0).Parse(c.same)
		require.NoError(t, errA)
		require.NoError(t, errB)
		assert.Equal(t, b, a, c.list)
	}
}

func TestObjectID(t *testing.T) {
	for text, want := range map[string]string{
		"anyPolicy": "", "X509v3 Any Policy": "2.5.29.32.0", "2.5.29.32.0": "2.5.29.32.0", "CN": "2.5.4.3", "commonName": "2.5.4.3", "1.2": "1.2",
		"1.2.3.": "1.2.3", "1..2": "1.0.2", "1 2 3": "1.2.3", "2.100": "2.100", "0.39": "0.39", "1.2.999999999999999999999": "1.2.999999999999999999999", "1.2.007": "1.2.7",
	} {
		got, ok := openssl.ObjectID(text)
		if want == "" {
			want = "2.5.29.32.0"
		}
		assert.True(t, ok, text)
		assert.Equal(t, want, got, text)
	}
	for _, bad := range []string{"", "nonsense", "1", "1.", "3.1", "1.40", "01.2", "1.2.x", "cn", "1.-2", "2.5.4.3\tCN", strings.Repeat("1.", 2000) + "1"} {
		_, ok := openssl.ObjectID(bad)
		assert.False(t, ok, bad)
	}
	assert.Equal(t, "X509v3 Any Policy", openssl.ObjectName("2.5.29.32.0"))
	assert.Equal(t, "1.2.3.4.5", openssl.ObjectName("1.2.3.4.5"))
}

// The table of names is openssl's own.
func TestObjectsMatchOpenSSL(t *testing.T) {
	version, err := exec.Command("openssl", "version").Output()
	if err != nil || !bytes.HasPrefix(version, []byte("OpenSSL 3.0.")) {
		t.Skip("OPENSSL 3.0 IS NOT INSTALLED: the table of names was not compared")
	}
	out, err := exec.Command("openssl", "list", "-objects").Output()
	require.NoError(t, err)
	count, seen := 0, map[string]bool{}
	for line := range strings.Lines(string(out)) {
		short, rest, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		long, dotted := short, rest
		if i := strings.LastIndex(rest, ", "); i >= 0 {
			long, dotted = rest[:i], rest[i+2:]
		}
		if strings.Trim(dotted, "0123456789.") != "" || seen[dotted] {
			continue
		}
		seen[dotted] = true
		count++
		assert.Equal(t, long, openssl.ObjectName(dotted))
		if !strings.Contains(long, "\t") {
			_, known := openssl.ObjectID(short)
			assert.True(t, known, short)
		}
	}
	assert.Greater(t, count, 1000)
}

// What is a block and what is not: each row is the text of one certificate, written in another way.
func TestParseText(t *testing.T) {
	good := armour("CERTIFICATE", plain(t).Raw)
	lines := strings.SplitAfter(good, "\n")
	replace := func(old, with string) string { return strings.ReplaceAll(good, old, with) }
	for _, c := range []struct {
		name, text    string
		target, store bool // whether it is found by Parse, by ParseStore
	}{
		{"as written", good, true, true},
		{"CRLF", replace("\n", "\r\n"), true, true},
		{"text around", "before\n" + good + "behind\n", true, true},
		{"no final newline", strings.TrimSuffix(good, "\n"), true, true},
		{"byte-order mark", "\ufeff" + good, true, true},
		{"trailing blanks", replace("\n", " \t\n"), true, true},
		{"a blank line behind BEGIN", strings.Replace(good, "CATE-----\n", "CATE-----\n\n", 1), true, true},
		{"two blank lines behind BEGIN", strings.Replace(good, "CATE-----\n", "CATE-----\n\n\n", 1), false, false},
		{"a blank line inside", strings.Join(lines[:3], "") + "\n" + strings.Join(lines[3:], ""), false, false},
		{"old label", replace("CERTIFICATE", "X509 CERTIFICATE"), true, true},
		{"trusted label", replace("CERTIFICATE", "TRUSTED CERTIFICATE"), true, true},
		{"other label", replace("CERTIFICATE", "FOO"), false, false},
		{"lower case", replace("CERTIFICATE", "certificate"), false, false},
		{"label of a key", replace("CERTIFICATE", "PUBLIC KEY"), false, false},
		{"indented", replace("\n", "\n "), false, false},
		{"wrong END", strings.Replace(good, "END CERT", "END TRUSTED CERT", 1), false, false},
		{"a header", strings.Replace(good, "\n", "\nComment: x\n\n", 1), false, false},
		{"no END", strings.Join(lines[:len(lines)-2], ""), false, false},
		{"one line", lines[0] + strings.ReplaceAll(strings.Join(lines[1:len(lines)-2], ""), "\n", "") + "\n" + lines[len(lines)-2], true, true},
		{"four dashes", replace("-----BEGIN", "----BEGIN"), false, false},
		{"a NUL", strings.Replace(good, "M", "\x00", 1), false, false},
		{"damaged, then good", strings.Replace(good, "M", "*", 1) + good, true, false},
		{"good, then damaged", good + strings.Replace(good, "M", "*", 1), true, false},
		{"an empty block first", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n" + good, true, false},
		{"empty", "", false, false},
	} {
		found := openssl.Parse([]byte(c.text), nil)
		assert.Equal(t, c.target, len(found.Certificates) > 0, "%s, as a target", c.name)
		stored, err := openssl.ParseStore([]byte(c.text))
		assert.Equal(t, c.store, err == nil && len(stored.Certificates) > 0, "%s, as a store: %v", c.name, err)
	}
}

func TestParseStoreErrors(t *testing.T) {
	good := armour("CERTIFICATE", plain(t).Raw)
	_, key := made(t, one(3, 12, "x"))
	sec1, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	for _, c := range []struct{ text, want string }{
		{"", "no certificate or CRL found"},
		{armour("EC PRIVATE KEY", sec1), "no certificate or CRL found"},
		{good + armour("EC PRIVATE KEY", sec1), ""},
		{good + armour("DSA PRIVATE KEY", []byte{0x30, 3, 2, 1, 0}), "a DSA PRIVATE KEY of this form is not supported"},
		{good + armour("ENCRYPTED PRIVATE KEY", sec1), ""},
		{good + armour("EC PRIVATE KEY", []byte{0x30, 0}), "damaged private key"},
		{good + armour("RSA PRIVATE KEY", []byte{0x30, 0}), "damaged private key"},
		{good + armour("PRIVATE KEY", []byte{0x30, 0}), "damaged private key"},
		{good + armour("PUBLIC KEY", []byte{0x30, 0}), ""},
		{good + "-----BEGIN RSA PRIVATE KEY-----\nComment: nothing at all\n\nMAMCAQA=\n-----END RSA PRIVATE KEY-----\n", "a RSA PRIVATE KEY of this form is not supported"},
		{good + "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nMAMCAQA=\n-----END RSA PRIVATE KEY-----\n", "a RSA PRIVATE KEY of this form is not supported"},
		{good + "-----BEGIN CERTIFICATE-----\n", "damaged PEM block"},
		{good + armour("CERTIFICATE", []byte{0x30, 0}), "not a certificate"},
		{good + armour("X509 CRL", []byte{0x30, 0}), "not a certificate revocation list"},
	} {
		_, err := openssl.ParseStore([]byte(c.text))
		if c.want == "" {
			assert.NoError(t, err)
			continue
		}
		if assert.Error(t, err, c.want) {
			assert.Contains(t, err.Error(), c.want)
		}
	}
}

func TestParseBinary(t *testing.T) {
	a, b := plain(t), plain(t)
	found := openssl.Parse(append(bytes.Clone(a.Raw), b.Raw...), nil)
	require.Len(t, found.Certificates, 2)
	assert.Equal(t, b.Raw, found.Certificates[1].Raw)

	first := openssl.Parse(append(bytes.Clone(a.Raw), b.Raw...), func(o openssl.Objects) bool { return len(o.Certificates) == 1 })
	assert.Len(t, first.Certificates, 1, "it was told that one is enough")

	mixed := append(append(bytes.Clone(a.Raw), armour("CERTIFICATE", b.Raw)...), a.Raw...)
	joined := append(bytes.Clone(a.Raw), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.Raw})...)
	assert.Len(t, openssl.Parse(joined, nil).Certificates, 2, "a PEM block right behind DER")
	assert.NotEmpty(t, openssl.Parse(mixed, nil).Certificates)
	assert.Empty(t, openssl.Parse([]byte{0x30, 0x82, 0xff, 0xff, 1}, nil).Certificates)
	assert.Empty(t, openssl.Parse(bytes.Repeat([]byte{0x30, 0x80}, 5000), nil).Certificates)
}

// What openssl would look into for certificates is named.
func TestParsePKCS12(t *testing.T) {
	c := plain(t)
	file := []byte{0x30, 0x10, 2, 1, 3, 0x30, 0x0b, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1}
	found := openssl.Parse(append(bytes.Clone(c.Raw), file...), nil)
	assert.Len(t, found.Certificates, 1)
	assert.Equal(t, []string{"PKCS #12 is not supported"}, found.Unsupported)
	found, good := openssl.ParseCAStore(append(bytes.Clone(file), c.Raw...))
	assert.Equal(t, []string{"PKCS #12 is not supported"}, found.Unsupported)
	assert.False(t, good)
}

// A key behind the certificates spoils a -CAstore, of whatever kind it is.
func TestParseCAStoreWithKey(t *testing.T) {
	c, key := made(t, one(3, 12, "x"))
	sec1, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	for name, behind := range map[string][]byte{"SEC 1": sec1, "DSA": {0x30, 6, 2, 1, 0, 2, 1, 5}, "PEM": []byte(armour("EC PRIVATE KEY", sec1))} {
		found, good := openssl.ParseCAStore(append(bytes.Clone(c.Raw), behind...))
		assert.Len(t, found.Certificates, 1, name)
		assert.False(t, good, name)
	}
	_, good := openssl.ParseCAStore(c.Raw)
	assert.True(t, good)
}

// No file makes the search run longer than its size allows.
func TestParseIsBounded(t *testing.T) {
	for name, piece := range map[string]string{
		"begins": "-----BEGIN CERTIFICATE-----\n", "text": "abc\n", "zeros": "\x00\x00", "sequences": "\x30\x00", "colons": "-----BEGIN X-----\na:\n",
	} {
		data := bytes.Repeat([]byte(piece), (4<<20)/len(piece))
		start := time.Now()
		openssl.Parse(data, nil)
		_, _ = openssl.ParseStore(data)
		assert.Less(t, time.Since(start), 20*time.Second, name)
	}
}

// FuzzParse: whatever a file holds, what is found in it is found again when it is written down as PEM.
func FuzzParse(f *testing.F) {
	c := plain(f)
	f.Add([]byte(armour("CERTIFICATE", c.Raw)))
	f.Add(c.Raw)
	f.Add([]byte("-----BEGIN TRUSTED CERTIFICATE-----\n\nAAAA\n-----END TRUSTED CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzbound.Hold(t, len(data))()
		found := openssl.Parse(data, nil)
		var again strings.Builder
		for _, c := range found.Certificates {
			again.WriteString(armour("CERTIFICATE", c.Raw))
		}
		assert.Len(t, openssl.Parse([]byte(again.String()), nil).Certificates, len(found.Certificates))
		if stored, err := openssl.ParseStore(data); err == nil {
			assert.NotZero(t, len(stored.Certificates)+len(stored.CRLs))
		}
	})
}
