package openssl_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// installed asks the installed openssl what it finds in files that may hold the certificate called good.
type installed struct {
	dir string
}

func newInstalled(t *testing.T, good []byte) installed {
	version, err := exec.Command("openssl", "version").Output()
	if err != nil || !bytes.HasPrefix(version, []byte("OpenSSL 3.0.")) {
		require.Empty(t, os.Getenv("PKITOOL_REQUIRE_OPENSSL"), "openssl 3.0 is required and is not installed")
		t.Skip("OPENSSL 3.0 IS NOT INSTALLED: nothing was compared with it")
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "good.pem"), []byte(armour("CERTIFICATE", good)), 0o600))
	return installed{dir}
}

// target reports for each of the texts whether it finds the certificate in it when it is a file to verify.
func (o installed) target(t *testing.T, texts []string) []bool {
	args := []string{"verify", "-partial_chain", "-no_check_time", "-trusted", "good.pem"}
	for i, text := range texts {
		name := fmt.Sprintf("t%d", i)
		require.NoError(t, os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o600))
		args = append(args, name)
	}
	out := o.run(args)
	found := make([]bool, len(texts))
	for i := range texts {
		found[i] = strings.Contains(out, fmt.Sprintf("t%d: OK\n", i))
		if !found[i] {
			require.Contains(t, out, fmt.Sprintf("Could not read certificate file from t%d\n", i), out)
		}
	}
	return found
}

// store reports whether it takes the text as a -CAfile.
func (o installed) store(t *testing.T, text string) bool {
	require.NoError(t, os.WriteFile(filepath.Join(o.dir, "ca.pem"), []byte(text), 0o600))
	out := o.run([]string{"verify", "-no-CApath", "-no-CAstore", "-CAfile", "ca.pem", "good.pem"})
	failed := strings.HasPrefix(out, "Error loading file ca.pem\n")
	require.True(t, failed || strings.Contains(out, "good.pem: "), out)
	return !failed
}

func (o installed) run(args []string) string {
	cmd := exec.Command("openssl", args...)
	cmd.Dir = o.dir
	out, _ := cmd.CombinedOutput() // the exit status is that of the verification
	return string(out)
}

// agreed compares what is found in the texts with what openssl finds, and returns it.
func agreed(t *testing.T, o installed, name string, texts []string) []bool {
	want := o.target(t, texts)
	for i, text := range texts {
		assert.Equal(t, want[i], len(openssl.Parse([]byte(text), nil).Certificates) > 0, "%s, text %d", name, i)
	}
	return want
}

// A colon makes what stands before a blank line a header, wherever in the line it is.
func TestHeadersAgainstOpenSSL(t *testing.T) {
	der := plain(t).Raw
	o := newInstalled(t, der)
	for len(der)%3 != 0 { // so that the base64 has no padding, and what follows it may belong to it
		der = append(der, 0)
	}
	good := armour("CERTIFICATE", der)
	behindBegin := func(s string) string { return strings.Replace(good, "CATE-----\n", "CATE-----\n"+s, 1) }
	beforeEnd := func(s string) string { return strings.Replace(good, "-----END", s+"-----END", 1) }
	for _, c := range []struct {
		name, text    string
		target, store bool
	}{
		{"a header before END", beforeEnd("Proc-Type: 4,ENCRYPTED\n"), false, false},
		{"a header behind BEGIN and no blank line", behindBegin("AAAA-:\n"), false, false},
		{"a header before END, then another block", beforeEnd("Proc-Type: 4,ENCRYPTED\n") + good, true, false},
		{"a colon behind the dashes of END", strings.Replace(good, "CATE-----\n", "CATE-----:\n", 2), false, false},
		{"a short header", behindBegin("a: b\n\n"), true, false},
		{"a blank line behind it", behindBegin("\n") + "a: b\n", true, true},
		{"a label with a colon", good + armour("A:B", der), true, false},
		{"a label without", good + armour("A-B", der), true, true},
	} {
		assert.Equal(t, c.target, agreed(t, o, c.name, []string{c.text})[0], "%s, as a target", c.name)
		_, err := openssl.ParseStore([]byte(c.text))
		assert.Equal(t, c.store, err == nil, "%s, as a store", c.name)
		assert.Equal(t, c.store, o.store(t, c.text), "%s, as openssl's store", c.name)
	}
}

// A header, which a certificate has none of, ends a file of -CApath before that certificate.
func TestHashedHeaderAgainstOpenSSL(t *testing.T) {
	good := plain(t)
	c, err := verify.ParseCertificate(good.Raw)
	require.NoError(t, err)
	o := newInstalled(t, good.Raw)
	require.NoError(t, os.Mkdir(filepath.Join(o.dir, "hashed"), 0o700))
	text := armour("CERTIFICATE", good.Raw)
	for want, text := range map[bool]string{true: text, false: strings.Replace(text, "\n", "\na: b\n\n", 1)} {
		require.NoError(t, os.WriteFile(filepath.Join(o.dir, "hashed", fmt.Sprintf("%08x.0", c.Subject().Hash())), []byte(text), 0o600))
		out := o.run([]string{"verify", "-partial_chain", "-no_check_time", "-no-CAfile", "-no-CAstore", "-CApath", "hashed", "good.pem"})
		assert.Equal(t, want, strings.Contains(out, "good.pem: OK"), out)
		found, whole := openssl.ParseHashed([]byte(text), false)
		assert.Equal(t, want, len(found.Certificates) == 1)
		assert.Equal(t, want, whole)
	}
}

// Behind a block of a label that openssl knows it finds an element, behind others it does not look.
func TestLabelsAgainstOpenSSL(t *testing.T) {
	der := plain(t).Raw
	o := newInstalled(t, der)
	body := strings.Repeat("{", 300) // as text an element of 125 octets; the block is longer
	known := []string{
		"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CRL", "PRIVATE KEY", "PUBLIC KEY", "RSA PRIVATE KEY", "RSA PUBLIC KEY",
		"EC PRIVATE KEY", "EC PARAMETERS", "DSA PRIVATE KEY", "DSA PUBLIC KEY", "DSA PARAMETERS", "DH PARAMETERS", "X9.42 DH PARAMETERS",
		"ENCRYPTED PRIVATE KEY", "SM2 PRIVATE KEY", "SM2 PARAMETERS",
	}
	unknown := []string{
		"", "FOO", "certificate", "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "PKCS7", "CMS", "PKCS12",
		"DH PRIVATE KEY", "ANY PRIVATE KEY", "X9.42 DH PARAMETER", "ATTRIBUTE CERTIFICATE", "OPENSSH PRIVATE KEY", "ED25519 PRIVATE KEY", "A:B",
	}
	const header = "Comment: anything\n\n"
	var texts []string
	for _, label := range append(known, unknown...) {
		text := armour(label, []byte(body)) + string(der)
		texts = append(texts, text, strings.Replace(text, "\n", "\n"+header, 1))
	}
	for i, found := range agreed(t, o, "labels", texts) {
		plain := i%2 == 0
		assert.Equal(t, i < 2*len(known) || !plain, found, "text %d", i)
	}
}

// Where nothing begins a line, openssl tries an element and goes on behind it, maybe in the midst of a line that is a
// BEGIN from there. Each prefix stands before a block at every distance at which it might matter.
func TestPositionsAgainstOpenSSL(t *testing.T) {
	der := plain(t).Raw
	good := armour("CERTIFICATE", der)
	o := newInstalled(t, der)
	for _, c := range []struct {
		name, prefix string
		distances    []int // at which the block is found
	}{
		{"an element of two octets", "\x30\x00", []int{8}},
		{"an element of twelve", "\x30\x0a", []int{2, 12}},
		{"an element with a long length", "\x30\x82\x00\x10", []int{20}},
		{"a length with zeros in front", "\x30\x85\x00\x00\x00\x00\x10", []int{23}},
		{"a length of six octets", "\x30\x86\x00\x00\x00\x00\x00\x10", []int{8}},
		{"an element longer than the file", "\x30\x84\x00\xff\xff\xff", nil},
		{"one longer than a C integer", "\x30\x84\x90\x00\x00\x00", []int{8}},
		{"one that is not, but for what was read", "\x30\x84\x80\x00\x00\x01", nil},
		{"a tag of several octets", "\x3f\x81\x01\x0a", []int{4, 14}},
		{"a tag that is too large", "\x3f\xff\xff\xff\xff\xff\x01\x00", []int{8}},
		{"a tag without end", "\x3f\x80\x80\x80\x80\x80\x80\x80", []int{8}},
		{"a length at the end of what is read", "\x3f\x81\x81\x81\x01\x82\x00\x04", []int{8}},
		{"an indefinite length", "\x30\x80\x00\x00", []int{10}},
		{"one inside another", "\x30\x80\x30\x80\x00\x00\x00\x00", []int{14}},
		{"an element inside it", "\x30\x80\x04\x03abc\x00\x00", []int{15}},
		{"a long element inside it", "\x30\x80\x04\x14aaaaaaaaaaaaaaaaaaaa\x00\x00", []int{32}},
		{"another class ends it", "\x30\x80\x80\x00", []int{10}},
		{"a damaged header inside it", "\x30\x80\x30\x80\x04\x80", []int{12}},
		{"a primitive of indefinite length", "\x04\x80\x00\x00", []int{8}},
		{"a line feed before it", "\x30\x04a\nbc", []int{8}},
		{"a NUL before it", "\x00\x00", []int{8}},
		{"a line that begins with NUL", "\x30\x06\n\x00abcd", []int{8}},
		{"a line as long as the buffer", "\x30\x81\xfb" + strings.Repeat("a", 240), []int{254}},
		{"a line longer than the buffer", "\x30\x81\xff" + strings.Repeat("a", 240), []int{254, 258}},
		{"a NUL behind the buffer", "\x30\x81\xff" + strings.Repeat("a", 251) + "\x00", []int{258}},
	} {
		var texts []string
		for n := range 50 {
			texts = append(texts, c.prefix+strings.Repeat("x", n)+good)
		}
		var distances []int
		for n, found := range agreed(t, o, c.name, texts) {
			if found {
				distances = append(distances, len(c.prefix)+n)
			}
		}
		assert.Equal(t, c.distances, distances, c.name)
	}

	// Text is elements too, of at most 129 octets.
	indented := strings.ReplaceAll(good, "-----BEGIN", "------BEGIN")
	var texts []string
	for n := range 130 {
		texts = append(texts, indented+strings.Repeat("x", n)+indented)
	}
	assert.Contains(t, agreed(t, o, "six dashes", texts), true)
}
