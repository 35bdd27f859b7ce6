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
