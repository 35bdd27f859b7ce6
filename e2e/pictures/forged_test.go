package pictures_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/e2e/build"
)

// pkitool builds the program, and gives a function that runs it in a directory.
func pkitool(t *testing.T, dir string) func(args ...string) {
	t.Helper()
	program, err := build.Pkitool(t.Context(), filepath.Join("..", ".."), t.TempDir())
	require.NoError(t, err)
	program, err = filepath.Abs(program)
	require.NoError(t, err)
	return func(args ...string) {
		t.Helper()
		c := exec.Command(program, args...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%q: %s", args, out)
	}
}

// cluster makes the directories of a node, as /etc/kubernetes.
func cluster(run func(...string), dir string) {
	run("init", "-q", "--cert-dir", filepath.Join(dir, "pki"), "--kubeconfig-dir", dir, "--key-algorithm", "ECDSA-P256", "--node-name", "cp-1",
		"--apiserver-advertise-address", "192.0.2.10", "--control-plane-endpoint", "k8s.example.com:6443")
}

// forge signs every certificate of a directory again, changed by a function that gets its file's name: CAs first. So there
// are certificates of any age, and with any name.
func forge(t *testing.T, dir string, change func(file string, c *x509.Certificate)) {
	t.Helper()
	pki := filepath.Join(dir, "pki")
	type authority struct {
		cert *x509.Certificate
		key  crypto.Signer
	}
	cas := map[string]authority{} // by the name that its children have for it
	again := func(file string, der []byte) []byte {
		c, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		issuer, public := string(c.RawIssuer), c.PublicKey
		own := authority{c, nil}
		if c.IsCA {
			own.key = readKey(t, strings.TrimSuffix(filepath.Join(pki, file), ".crt")+".key")
		} else {
			own = cas[issuer]
			require.NotNil(t, own.key, file)
		}
		c.RawSubject = nil
		change(file, c)
		out, err := x509.CreateCertificate(rand.Reader, c, own.cert, public, own.key)
		require.NoError(t, err)
		if c.IsCA {
			cert, err := x509.ParseCertificate(out)
			require.NoError(t, err)
			cas[issuer] = authority{cert, own.key}
		}
		return out
	}
	files := []string{"ca.crt", "front-proxy-ca.crt", "etcd/ca.crt", "apiserver.crt", "apiserver-kubelet-client.crt", "front-proxy-client.crt", "etcd/server.crt", "etcd/peer.crt", "etcd/healthcheck-client.crt", "apiserver-etcd-client.crt"}
	for _, file := range files {
		path := filepath.Join(pki, file)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		block, _ := pem.Decode(data)
		require.NotNil(t, block)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: again(file, block.Bytes)}), 0o644))
	}
	ca, err := os.ReadFile(filepath.Join(pki, "ca.crt"))
	require.NoError(t, err)
	field := func(name, value string) (*regexp.Regexp, string) {
		return regexp.MustCompile(`(?m)^( *` + name + `: )(\S+)$`), "${1}" + value
	}
	for _, file := range []string{"admin.conf", "super-admin.conf", "kubelet.conf", "controller-manager.conf", "scheduler.conf"} {
		path := filepath.Join(dir, file)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		find, _ := field("client-certificate-data", "")
		encoded, err := base64.StdEncoding.DecodeString(find.FindStringSubmatch(string(data))[2])
		require.NoError(t, err)
		block, _ := pem.Decode(encoded)
		cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: again(file, block.Bytes)})
		for name, value := range map[string][]byte{"client-certificate-data": cert, "certificate-authority-data": ca} {
			find, replace := field(name, base64.StdEncoding.EncodeToString(value))
			data = find.ReplaceAll(data, []byte(replace))
		}
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
}

func readKey(t *testing.T, path string) crypto.Signer {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	block, _ := pem.Decode(data)
	require.NotNil(t, block)
	var key any
	if key, err = x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		key, err = x509.ParseECPrivateKey(block.Bytes)
	}
	require.NoError(t, err)
	return key.(crypto.Signer)
}

// grown makes a directory look as if it were in use for seven months: one certificate ended, one ends soon, and some
// things are not as they should be.
func grown(t *testing.T, dir string) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Hour)
	days := func(n int) time.Time { return now.AddDate(0, 0, n) }
	forge(t, dir, func(file string, c *x509.Certificate) {
		c.NotBefore, c.NotAfter = days(-210), days(155)
		switch {
		case c.IsCA:
			c.NotBefore, c.NotAfter = days(-420), days(3230)
		case file == "apiserver.crt":
			c.NotBefore, c.NotAfter = days(-347), days(18)
			c.DNSNames = c.DNSNames[:len(c.DNSNames)-1]
		case file == "etcd/peer.crt":
			c.NotBefore, c.NotAfter = days(-369), days(-4)
		case file == "front-proxy-client.crt":
			c.NotBefore, c.NotAfter = days(-40), days(325)
		case file == "kubelet.conf":
			c.NotBefore, c.NotAfter = days(-90), days(275)
		}
	})
	require.NoError(t, os.Chmod(filepath.Join(dir, "pki", "ca.key"), 0o644))
	for _, lost := range []string{"super-admin.conf", "pki/etcd/healthcheck-client.key"} {
		require.NoError(t, os.Remove(filepath.Join(dir, lost)))
	}
}

// hostile are names that would be more than names, if a page let them.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onfocus='alert(1)' autofocus='`, `javascript:alert(1)`, `]]>`, `</style>`, `</script>`,
	`--><svg onload=alert(1)>`, `&lt;script&gt;alert(1)&lt;/script&gt;`, "\u202etxt.exe", `</title></svg></table><iframe src=https://192.0.2.1/></iframe>`, `<base href=https://192.0.2.1/>`, `<form action=https://192.0.2.1/><button>`,
}

// infested makes everything in a directory that somebody else may name a hostile name.
func infested(t *testing.T, dir string) {
	t.Helper()
	i := 0
	next := func() string { i++; return hostile[i%len(hostile)] }
	forge(t, dir, func(_ string, c *x509.Certificate) {
		c.Subject.CommonName, c.Subject.Organization, c.Subject.ExtraNames = next(), []string{next(), next()}, nil
		for range hostile {
			if name := next(); !strings.Contains(name, "\u202e") { // an IA5String
				c.DNSNames, c.EmailAddresses = append(c.DNSNames, name), append(c.EmailAddresses, name)
			}
		}
	})
	for _, file := range []string{"admin.conf", "scheduler.conf", "kubelet.conf"} {
		path := filepath.Join(dir, file)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, field := range []string{"name", "user", "cluster", "current-context", "server"} {
			data = regexp.MustCompile(`(?m)^([ -]*`+field+`: )(\S+)$`).ReplaceAllFunc(data, func(line []byte) []byte {
				key, _, _ := strings.Cut(string(line), ": ")
				return []byte(key + `: '` + strings.ReplaceAll(next(), "'", "''") + `'`)
			})
		}
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
	extra, err := os.ReadFile(filepath.Join(dir, "pki", "apiserver.crt"))
	require.NoError(t, err)
	for _, name := range hostile {
		path := filepath.Join(dir, "pki", name+".crt") // a "/" in it makes a directory
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, extra, 0o644))
	}
}
