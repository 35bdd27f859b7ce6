package kubeconfig

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
)

// admin is a kubeconfig as kubeadm writes it, with words in place of PEM.
func admin() Single {
	return Single{
		Cluster: "kubernetes", Server: "https://10.0.0.1:6443", CA: []byte("CA PEM\n"),
		User: "kubernetes-admin", ClientCert: []byte("CERT PEM\n"), ClientKey: []byte("KEY PEM\n"),
	}
}

func full() Single {
	return Single{
		Cluster: "yes", Server: "https://[fd00::1]:6443", TLSServerName: "kubernetes.default", CAFile: "/etc/kubernetes/pki/ca.crt",
		User: "123", ClientCertFile: "pki/alice.crt", ClientKeyFile: "pki/alice.key", Token: "1e3",
		Context: "a: b", Namespace: "dev",
	}
}

func TestRender(t *testing.T) {
	for name, s := range map[string]Single{
		"admin.golden": admin(),
		"full.golden":  full(),
		"bare.golden":  {Cluster: "k", Server: "https://k", User: "u"},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", name))
			require.NoError(t, err)
			got, err := s.Render()
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))

			c, err := Parse(got)
			require.NoError(t, err)
			e, err := c.Current()
			require.NoError(t, err)
			assert.Equal(t, s, e.Single())
			assert.Equal(t, 3, e.Cluster.Line)
		})
	}
}

// Base64 that a YAML reader would take for something else is put in quotes.
func TestRenderData(t *testing.T) {
	for data, want := range map[string]string{
		"\xf3\x4e\x77": `"8053"`,
		"\xb6\xbb\x9e": `"true"`,
		"\x9e\xe9\x65": `"null"`,
		"\xd5\xed\x74": `"1e10"`,
		"\xd3\x1d\x45": `"0x1F"`,
		"\xd2\x8d\x7b": `"0o17"`,
		"\xd1\xbd\x75": `"0b11"`,
		"\xfb\x5d\xb7": `"+123"`,
		"\xf8":         `+A==`,
		"\xd7\x67\x7f": `12d/`,
		"PEM":          "UEVN",
	} {
		s := Single{Cluster: "k", Server: "https://k", User: "u", ClientKey: []byte(data)}
		b, err := s.Render()
		require.NoError(t, err)
		assert.Contains(t, string(b), "client-key-data: "+want+"\n")
		c, err := Parse(b)
		require.NoError(t, err, "%s", b)
		e, err := c.Current()
		require.NoError(t, err)
		assert.Equal(t, []byte(data), e.User.ClientKey)
	}
}

func TestRenderErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Single)
		want   string
	}{
		"no cluster":        {func(s *Single) { s.Cluster = "" }, "cluster name is empty"},
		"no server":         {func(s *Single) { s.Server = "" }, "server is empty"},
		"no user":           {func(s *Single) { s.User = "" }, "user name is empty"},
		"newline in user":   {func(s *Single) { s.User = "a\nusers: []" }, "user name has control characters or is not UTF-8"},
		"bad UTF-8":         {func(s *Single) { s.Namespace = "\xff" }, "namespace has control characters or is not UTF-8"},
		"bad namespace":     {func(s *Single) { s.Namespace = "Dev_1" }, `namespace "Dev_1" is not a valid name`},
		"two CAs":           {func(s *Single) { s.CAFile = "ca.crt" }, "CA is given both as data and as a file"},
		"two certificates":  {func(s *Single) { s.ClientCertFile = "a.crt" }, "client certificate is given both as data and as a file"},
		"two keys":          {func(s *Single) { s.ClientKeyFile = "a.key" }, "client key is given both as data and as a file"},
		"server no URL":     {func(s *Single) { s.Server = "https://[::1" }, `server "https://[::1" is not a URL: missing ']' in host`},
		"server without //": {func(s *Single) { s.Server = "10.0.0.1:6443" }, `server "10.0.0.1:6443" is not a URL: first path segment in URL cannot contain colon`},
		"server of no host": {func(s *Single) { s.Server = "https:///x" }, `server "https:///x" is not of the form https://host:port`},
	} {
		t.Run(name, func(t *testing.T) {
			s := admin()
			tc.change(&s)
			b, err := s.Render()
			require.EqualError(t, err, tc.want)
			assert.Nil(t, b)
		})
	}
}

// Law: what Render writes, Parse reads back unchanged, and every string stays a string.
func FuzzRenderParse(f *testing.F) {
	number := admin()
	number.ClientCert = []byte("\xf3\x4e\x77") // 8053 in base64
	for _, s := range []Single{admin(), full(), number} {
		if s.CAFile != "" {
			s.Cluster, s.User = "<<", "<<" // what YAML merges by, where it is a key
		}
		f.Add(s.Cluster, s.Server, s.TLSServerName, s.CA, s.CAFile, s.User, s.ClientCert, s.ClientKey, s.ClientKeyFile, s.Token, s.Context, s.Namespace)
	}
	f.Fuzz(func(t *testing.T, cluster, server, tlsName string, ca []byte, caFile, user string, cert, key []byte, keyFile, token, context, ns string) {
		defer fuzzbound.Hold(t, len(cluster)+len(server)+len(tlsName)+len(ca)+len(caFile)+len(user)+len(cert)+len(key)+len(keyFile)+len(token)+len(context)+len(ns))()
		s := Single{
			Cluster: cluster, Server: server, TLSServerName: tlsName, CA: ca, CAFile: caFile,
			User: user, ClientCert: cert, ClientKey: key, ClientKeyFile: keyFile, Token: token, Context: context, Namespace: ns,
		}
		b, err := s.Render()
		if err != nil {
			return
		}
		c, err := Parse(b)
		require.NoError(t, err, "%s", b)
		e, err := c.Current()
		require.NoError(t, err, "%s", b)
		got := e.Single()
		// Spelled out names and empty data are the same as none.
		if s.Context == s.User+"@"+s.Cluster {
			s.Context = ""
		}
		for _, p := range []*[]byte{&s.CA, &s.ClientCert, &s.ClientKey} {
			if len(*p) == 0 {
				*p = nil
			}
		}
		if !reflect.DeepEqual(s, got) {
			t.Fatalf("want %+v\ngot %+v\nof\n%s", s, got, b)
		}
	})
}
