package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki"
)

// Of the files beside a certificate so much is looked at for its CA as one file may have, whatever else lies there.
func TestSiblingsBounded(t *testing.T) {
	dir := t.TempDir()
	for name, padding := range map[string]int{"a.pem": 3 << 20, "b.pem": 3 << 20, "ca.crt": 0} {
		key, err := pki.GenerateKey(pki.ECDSAP256)
		require.NoError(t, err)
		now := time.Now()
		ca, err := pki.SelfSign(t.Context(), pki.Template{Subject: pki.Subject{CommonName: name}, CA: true, NotBefore: now, NotAfter: now.Add(time.Hour)}, key)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), append(bytes.Repeat([]byte("\n"), padding), pki.EncodeCertificates(ca.Certificate())...), 0o644))
	}
	var beside siblings
	beside.look(dir)
	var got []string
	for _, ca := range beside.cas {
		got = append(got, filepath.Base(ca.file))
	}
	assert.Equal(t, []string{"a.pem", "ca.crt"}, got)
}
