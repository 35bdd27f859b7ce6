package phases_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
)

// FuzzDescribeKubeconfig: every kubeconfig that can be read is described, and no file is asked for that it does not name.
func FuzzDescribeKubeconfig(f *testing.F) {
	files, err := pristine()
	require.NoError(f, err)
	require.NotEmpty(f, files["admin.conf"])
	f.Add(files["admin.conf"])
	f.Add(bytes.ReplaceAll(files["admin.conf"], []byte("-data: "), []byte(": /")))
	f.Add([]byte("users: [{name: a, user: {client-certificate: x, client-key: y, exec: {command: z}}}]\ncontexts: [{name: c, context: {cluster: a, user: a}}]\ncurrent-context: c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzbound.Hold(t, len(data))()
		c, err := kubeconfig.Parse(data)
		named := map[string]bool{}
		if err == nil {
			for _, cl := range c.Clusters {
				named[cl.CAFile] = true
			}
			for _, u := range c.Users {
				named[u.ClientCertFile], named[u.ClientKeyFile], named[u.TokenFile] = true, true, true
			}
		}
		r, failed := phases.DescribeKubeconfig("x", data, func(path string) ([]byte, error) {
			require.True(t, named[path], "%q", path)
			return nil, errors.New("is not there")
		}, now)
		require.Equal(t, err == nil, failed == nil)
		if failed == nil {
			require.Len(t, r.Contexts, len(c.Contexts))
		}
	})
}

// FuzzMetrics: whatever a certificate's name holds, a line is a line of Prometheus' format, whose labels can be read back.
func FuzzMetrics(f *testing.F) {
	for _, s := range []string{"plain", `a"b`, "a\nb", `a\`, "\xff", "é{}", ""} {
		f.Add(s, "x")
	}
	f.Fuzz(func(t *testing.T, value, other string) {
		defer fuzzbound.Hold(t, len(value)+len(other))()
		var out bytes.Buffer
		require.NoError(t, phases.WriteMetrics(&out, []phases.Metric{{Labels: []string{"subject_CN", value, "issuer_CN", other}, NotAfter: 7}}))
		require.True(t, utf8.Valid(out.Bytes()))
		require.Equal(t, 9, bytes.Count(out.Bytes(), []byte("\n")), "%q", out.String())
		_, rest, ok := strings.Cut(out.String(), `x509_cert_not_after{subject_CN="`)
		require.True(t, ok)
		var back strings.Builder
		for i := 0; i < len(rest) && rest[i] != '"'; i++ {
			c := rest[i]
			if c == '\\' {
				i++
				c = map[byte]byte{'\\': '\\', '"': '"', 'n': '\n'}[rest[i]]
			}
			back.WriteByte(c)
		}
		require.Equal(t, strings.ToValidUTF8(value, "\uFFFD"), back.String())
	})
}
