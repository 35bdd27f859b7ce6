package opensslcmd_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/openssltest"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/verify"
)

// What stands before or behind the anchor, in a directory by hash or in a store, and is none: openssl stops at some of
// it, and at some of it forgets what it has found.
func TestVerifyStrangersInStores(t *testing.T) {
	openssl := openssltest.Path(t)
	dir := t.TempDir()
	caFile, targets := fleet(t, dir, 1, algorithms[0].newKey)
	ca, err := os.ReadFile(caFile)
	require.NoError(t, err)
	block, _ := pem.Decode(ca)
	c, err := verify.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	key, err := pki.GenerateKey(pki.ECDSAP256)
	require.NoError(t, err)
	private, err := pki.EncodePrivateKey(key)
	require.NoError(t, err)
	privateDER, _ := pem.Decode(private)
	damaged := bytes.Replace(ca, []byte("\n"), []byte("\n!!!!"), 1)
	request := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: block.Bytes})
	hash := fmt.Sprintf("%08x.", c.Subject().Hash())

	again := []string{"-untrusted", targets[0]}
	for i, row := range []struct {
		option string
		files  [][]byte // of a store the first is all
		good   bool
		more   []string
	}{
		{"-CApath", [][]byte{ca}, true, nil},
		{"-CApath", [][]byte{damaged, ca}, false, nil},
		{"-CApath", [][]byte{append(bytes.Clone(ca), damaged...), ca}, true, nil},
		{"-CApath", [][]byte{append(bytes.Clone(damaged), ca...)}, false, nil},
		{"-CApath", [][]byte{private, ca}, false, nil},
		{"-CApath", [][]byte{append(bytes.Clone(private), ca...)}, true, nil},
		{"-CApath", [][]byte{append(bytes.Clone(request), ca...)}, true, nil},
		{"-CApath", [][]byte{block.Bytes, ca}, false, nil},
		{"-CApath", [][]byte{nil, ca}, false, nil},
		{"-CAstore", [][]byte{ca}, true, nil},
		{"-CAstore", [][]byte{append([]byte("text\n"), ca...)}, true, nil},
		{"-CAstore", [][]byte{append(bytes.Clone(damaged), ca...)}, false, nil},
		{"-CAstore", [][]byte{append(bytes.Clone(ca), damaged...)}, true, nil},
		{"-CAstore", [][]byte{append(bytes.Clone(private), ca...)}, false, nil},
		{"-CAstore", [][]byte{append(bytes.Clone(private), ca...)}, false, again},
		{"-CAstore", [][]byte{append(bytes.Clone(ca), private...)}, false, nil},
		{"-CAstore", [][]byte{append(bytes.Clone(ca), private...)}, true, again},
		{"-CAstore", [][]byte{append(bytes.Clone(block.Bytes), privateDER.Bytes...)}, false, nil},
		{"-CAstore", [][]byte{append(bytes.Clone(request), ca...)}, false, nil},
	} {
		for _, inDir := range []bool{true, false} {
			if !inDir && row.option == "-CApath" {
				continue
			}
			place := filepath.Join(dir, fmt.Sprint(i, inDir))
			if inDir {
				require.NoError(t, os.Mkdir(place, 0o755))
				for n, data := range row.files {
					require.NoError(t, os.WriteFile(filepath.Join(place, fmt.Sprint(hash, n)), data, 0o600))
				}
			} else {
				require.NoError(t, os.WriteFile(place, row.files[0], 0o600))
			}
			want := map[bool]int{true: 0, false: 2}[row.good]
			args := append(append([]string{row.option, place}, row.more...), targets[0])
			_, stderr, code := verifyRun(t.Context(), "", args...)
			assert.Equal(t, want, code, "row %d: %s", i, stderr)
			theirs := exec.Command(openssl, append([]string{"verify"}, args...)...)
			theirs.Env = []string{"SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent"}
			out, _ := theirs.CombinedOutput()
			assert.Equal(t, want, theirs.ProcessState.ExitCode(), "row %d, openssl: %s", i, out)
		}
	}
}

// openssl looks for anchors and targets in a PKCS #12 file. This program says that it does not.
func TestPKCS12IsNamed(t *testing.T) {
	openssl, dir := openssltest.Path(t), t.TempDir()
	caFile, targets := fleet(t, dir, 1, algorithms[0].newKey)
	archive := filepath.Join(dir, "ca.p12")
	out, err := exec.Command(openssl, "pkcs12", "-export", "-nokeys", "-in", caFile, "-passout", "pass:", "-out", archive).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, row := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"-CAstore", archive, targets[0]}, "error " + targets[0] + ": verification failed\n" + archive + ": PKCS #12 is not supported\n", 2},
		{[]string{"-trusted", archive, targets[0]}, "Could not read any trusted certificates from " + archive + "\nPKCS #12 is not supported\n", 1},
		{[]string{"-CAfile", caFile, archive}, "Could not read certificate file from " + archive + "\nUnable to load certificate file\nPKCS #12 is not supported\n", 2},
	} {
		_, stderr, code := verifyRun(t.Context(), "", row.args...)
		assert.Equal(t, row.code, code)
		assert.Contains(t, stderr, row.want)
		out, err := exec.Command(openssl, append([]string{"verify"}, row.args...)...).CombinedOutput()
		assert.NoError(t, err, "openssl: %s", out)
	}
}
