package cmd_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
)

// secrets are texts by which a private key could show, each with the file whose key it is of.
type secrets map[string]string

// take notes the key of a file, if it is one that holds a key: the lines of its PEM, and its secret numbers in hex, as a
// decimal number, as a list of bytes, and in base64, wherever in a text of base64 they begin.
func (s secrets) take(t *testing.T, path string, data []byte) {
	t.Helper()
	if c, err := kubeconfig.Parse(data); strings.Contains(filepath.Base(path), "conf") && err == nil {
		for _, u := range c.Users {
			s.take(t, path+".key", u.ClientKey)
		}
	}
	key, err := pki.ParsePrivateKey(data)
	if err != nil {
		return
	}
	block, _ := pem.Decode(data)
	require.NotNil(t, block, path)
	for line := range strings.SplitSeq(string(data), "\n") {
		if len(line) >= 60 && !strings.HasPrefix(line, "-") {
			s[line] = path
		}
	}
	var numbers [][]byte
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		d, err := k.Bytes()
		require.NoError(t, err)
		numbers = append(numbers, d)
	case *rsa.PrivateKey:
		numbers = append(numbers, k.D.Bytes(), k.Primes[0].Bytes(), k.Primes[1].Bytes(), k.Precomputed.Dp.Bytes(), k.Precomputed.Qinv.Bytes())
	case ed25519.PrivateKey:
		numbers = append(numbers, k.Seed())
	}
	require.NotEmpty(t, numbers, path)
	for _, n := range append(numbers, data[50:90]) {
		s[hex.EncodeToString(n[4:20])] = path
		s[strings.ToUpper(hex.EncodeToString(n[4:20]))] = path
		s[new(big.Int).SetBytes(n).String()] = path
		s[strings.Trim(fmt.Sprint(n[4:16]), "[]")] = path
		s[strings.ReplaceAll(strings.Trim(fmt.Sprint(n[4:16]), "[]"), " ", ",")] = path
		for from := range 3 {
			s[base64.StdEncoding.EncodeToString(n[from:from+24])] = path
			s[base64.URLEncoding.EncodeToString(n[from:from+24])] = path
		}
	}
}

// in gives the files whose keys show in a text.
func (s secrets) in(text string) (found []string) {
	for secret, path := range s {
		if strings.Contains(text, secret) {
			found = append(found, path)
		}
	}
	return found
}

// grand is every command that makes, moves or reads private keys, one after the other in a directory: they are all to be
// held to what is promised of keys. run runs one that must succeed.
func grand(t *testing.T, dir string, run func(args ...string)) {
	t.Helper()
	at := func(name string) string { return filepath.Join(dir, name) }
	put := func(name, content string, mode os.FileMode) {
		require.NoError(t, os.WriteFile(at(name), []byte(content), mode))
		require.NoError(t, os.Chmod(at(name), mode))
	}
	with := func(args ...string) []string { return append(args, here(dir)...) }
	pkis := []string{"--cert-dir", at("pki")}
	user := func(args ...string) {
		run(append(append([]string{"kubeconfig", "user", "--kubeconfig-dir", dir, "--key-algorithm", "ECDSA-P256"}, pkis...), args...)...)
	}

	run(with("init", "--key-algorithm", "ECDSA-P256")...)
	run(with("init", "--reissue", "--key-algorithm", "ECDSA-P256", "--control-plane-endpoint", "lb.example:6443")...)
	require.NoError(t, os.Chmod(at("pki/sa.key"), 0o644))
	run(with("init")...)
	run("certs", "renew", "all", "--cert-dir", at("pki"), "--kubeconfig-dir", dir)
	run("certs", "renew", "apiserver", "scheduler", "--reuse-key", "--cert-dir", at("pki"), "--kubeconfig-dir", dir)
	run("certs", "renew", "apiserver", "--no-backup", "--cert-dir", at("pki"), "--kubeconfig-dir", dir)

	run(append(pkis, "certs", "issue", "--client", "--cn", "probe", "--key-algorithm", "RSA-2048", "--out", at("probe"))...)
	run(append(pkis, "certs", "issue", "--ca", "--cn", "below", "--key-algorithm", "ECDSA-P384", "--out", at("below"))...)
	run(append(pkis, "certs", "issue", "--client", "--cn", "again", "--key", at("probe.key"), "--out", at("again"))...)
	run(append(pkis, "certs", "renew", "--file", at("probe.crt"))...)

	user("--cn", "alice", "--out", at("alice.conf"))
	user("--cn", "ed", "--key-algorithm", "Ed25519", "--out", at("ed.conf"))
	user("--cn", "bob", "--external-files", "--out", at("bob.conf"))
	put("users.csv", "cn,org\ncarol,dev\ndave,dev\n", 0o644)
	user("--from", at("users.csv"), "--out-dir", at("users"))
	user("--cn", "erin", "--merge-into", at("conf"))
	run("kubeconfig", "merge", at("alice.conf"), at("admin.conf"), "--into", at("conf"))
	run(append(pkis, "certs", "renew", "--file", at("alice.conf"))...)
	conf, err := os.ReadFile(at("ed.conf"))
	require.NoError(t, err)
	put("both.conf", strings.Replace(string(conf), "    server:", "    certificate-authority: ca.crt\n    server:", 1), 0o644)
	run("kubeconfig", "check", "--fix", at("both.conf"))

	// The other side of a CA that is elsewhere.
	require.NoError(t, os.MkdirAll(at("ext/etcd"), 0o755))
	for _, name := range []string{"ca.crt", "front-proxy-ca.crt", "etcd/ca.crt"} {
		data, err := os.ReadFile(at("pki/" + name))
		require.NoError(t, err)
		put("ext/"+name, string(data), 0o644)
	}
	ext := []string{"--cert-dir", at("ext"), "--kubeconfig-dir", at("ext"), "--node-name", "cp-1", "--apiserver-advertise-address", "192.0.2.10"}
	run(append(ext, "certs", "generate-csr", "scheduler", "apiserver-kubelet-client", "--key-algorithm", "ECDSA-P256")...)
	for _, request := range []string{"scheduler.conf.csr", "apiserver-kubelet-client.csr"} {
		run(append(pkis, "certs", "sign", at("ext/"+request), "--as", "client", "--accept-subject", "--allow-system-masters", "--out", at(request))...)
		run(append(ext, "certs", "import", at(request+".crt"))...)
	}

	for _, format := range []string{"text", "json", "yaml"} {
		run(with("init", "--dry-run", "-o", format)...)
		run(with("init", "--dry-run", "--reissue", "--apiserver-cert-extra-sans", "x.example", "-o", format)...)
		run("certs", "renew", "all", "--dry-run", "--cert-dir", at("pki"), "--kubeconfig-dir", dir, "-o", format)
		run("certs", "check-expiration", "--cert-dir", at("pki"), "--kubeconfig-dir", dir, "-o", format)
		run("certs", "tree", dir, "-o", format)
		run("certs", "report", dir, "--out", at("report.html"), "-o", format)
		run("certs", "show", at("pki/sa.key"), at("probe.key"), at("ed.conf"), "-o", format)
		run("kubeconfig", "show", at("admin.conf"), "-o", format)
		run("kubeconfig", "check", at("admin.conf"), "-o", format)
	}
	run("certs", "tree", dir, "-o", "mermaid")
	run("certs", "tree", dir, "-o", "dot")
	run("certs", "report", "--dir", "a="+dir, "--out", "-")
	run(with("config", "print")...)
	run(append(pkis, "verify", "-CAfile", at("pki/ca.crt"), at("pki/apiserver.crt"))[2:]...)
}

// TestNothingSecret runs all commands, also over files that are broken in every way that could tempt an error to quote
// them. Nothing that is printed holds a private key or a part of one, in any format, and no file does that others may read.
func TestNothingSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	found := secrets{}
	var said strings.Builder
	note := func() {
		for path, data := range files(t, dir) {
			found.take(t, path, data)
		}
	}
	run := func(args ...string) ran {
		r := runAt(testNow, nil, args...)
		fmt.Fprintf(&said, "%q\n%s%s", args, r.stdout, r.stderr)
		return r
	}
	grand(t, dir, func(args ...string) {
		r := run(args...)
		require.Zero(t, r.code, "%q: %s%s", args, r.stdout, r.stderr)
		note()
	})
	require.Greater(t, len(found), 500)
	for path, data := range files(t, dir) {
		info, err := os.Stat(filepath.Join(dir, path))
		require.NoError(t, err)
		if info.Mode().Perm()&0o077 != 0 || runtime.GOOS == "windows" && filepath.Ext(path) == ".crt" {
			assert.Empty(t, found.in(string(data)), "%s, of mode %v, holds the keys of these", path, info.Mode())
		}
	}
	breakFiles(t, dir, run)
	text := said.String()
	require.Greater(t, len(text), 100000)
	assert.NotContains(t, text, "PRIVATE KEY-----")
	assert.Empty(t, found.in(text), "the keys of these files were printed")
}

// breakFiles breaks a key and a kubeconfig in many ways, and has every command that may meet them do so.
func breakFiles(t *testing.T, dir string, run func(args ...string) ran) {
	key, conf, crt := filepath.Join(dir, "pki", "apiserver.key"), filepath.Join(dir, "admin.conf"), filepath.Join(dir, "pki", "apiserver.crt")
	data, err := os.ReadFile(key)
	require.NoError(t, err)
	cert, err := os.ReadFile(crt)
	require.NoError(t, err)
	text, err := os.ReadFile(conf)
	require.NoError(t, err)
	block, _ := pem.Decode(data)
	anew := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	replace := func(old, with string) []byte { return bytes.ReplaceAll(data, []byte(old), []byte(with)) }
	pkis := []string{"--cert-dir", filepath.Join(dir, "pki"), "--kubeconfig-dir", dir}
	meet := func(file string, commands ...[]string) {
		for _, c := range commands {
			for _, format := range []string{"text", "json"} {
				if r := run(append(c, "-o", format)...); file != "" && !strings.Contains(c[0], "verify") {
					require.Contains(t, []int{0, 1, 2}, r.code, "%q", c)
				}
			}
		}
	}
	for _, broken := range [][]byte{
		data[:len(data)-40], append(bytes.Clone(data), data...), append([]byte("x"), data[20:]...), append([]byte("garbage "), data...), append(bytes.Clone(data), "garbage"...),
		replace("\n", ""), replace("\n", "\r"), replace("\n", "\n "), replace("EC PRIVATE KEY", "PRIVATE WORDS"), replace("EC PRIVATE KEY", "CERTIFICATE"),
		replace("EC PRIVATE KEY", "CERTIFICATE REQUEST"), replace("EC PRIVATE KEY", "PUBLIC KEY"), replace("EC PRIVATE KEY", "X509 CRL"), replace("-----END", "----END"),
		anew("EC PRIVATE KEY", block.Bytes[:len(block.Bytes)-9]), anew("EC PRIVATE KEY", append(bytes.Clone(block.Bytes), 1, 2, 3)), anew("PRIVATE KEY", block.Bytes[2:]),
		block.Bytes, block.Bytes[8:40],
	} {
		require.NoError(t, os.WriteFile(key, broken, 0o600))
		meet(key,
			append([]string{"init"}, here(dir)...), append([]string{"init", "--dry-run", "--reissue"}, here(dir)...),
			append([]string{"certs", "renew", "apiserver", "--reuse-key", "--dry-run"}, pkis...), append([]string{"certs", "check-expiration"}, pkis...),
			append([]string{"certs", "generate-csr", "apiserver", "--dry-run"}, here(dir)...), []string{"certs", "show", key}, []string{"config", "validate", key},
			[]string{"certs", "sign", key, "--as", "client", pkis[0], pkis[1]}, []string{"certs", "issue", "--client", "--cn", "x", "--key", key, "--out", filepath.Join(dir, "x"), pkis[0], pkis[1]},
			append([]string{"certs", "import", key}, here(dir)...), []string{"kubeconfig", "check", key}, []string{"kubeconfig", "show", key},
			[]string{"kubeconfig", "user", "--from", key, "--out-dir", filepath.Join(dir, "x"), pkis[0], pkis[1]}, []string{"init", "--config", key, "--dry-run"},
			[]string{"verify", key}, []string{"verify", "-CAfile", key, crt})
	}
	require.NoError(t, os.WriteFile(key, data, 0o600))
	// A key where a certificate belongs.
	require.NoError(t, os.WriteFile(crt, data, 0o644))
	meet(crt, append([]string{"init"}, here(dir)...), append([]string{"certs", "check-expiration"}, pkis...), append([]string{"certs", "renew", "apiserver", "--dry-run"}, pkis...))
	require.NoError(t, os.WriteFile(crt, cert, 0o644))
	for _, field := range []string{"etcd: {external: {keyFile: %q}}", "etcd: {external: {certFile: %q}}", "etcd: {local: {dataDir: %q}}", "certificatesDir: %q"} {
		for _, value := range []string{string(data), base64.StdEncoding.EncodeToString(data)} {
			file := filepath.Join(dir, "kubeadm.yaml")
			require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"+field+"\n", value), 0o600))
			meet(file, []string{"config", "validate", file}, append([]string{"init", "--dry-run", "--config", file}, here(dir)...))
		}
	}
	for _, with := range []string{
		"client-key-data: !!int ", "client-key-date: ", "client-key-data: '", "client-key-data: ~", "client-key-data: LS0", "server: ", "client-key: ", "token: ", "client-certificate-data: ",
		"certificate-authority-data: ", "client-key-data: [", "client-key-data: *", "? ", "tokenFile: ", "username: ", "as: ", "? [", "\tclient-key-data: ",
	} {
		broken := bytes.Replace(text, []byte("client-key-data: "), []byte(with), 1)
		require.NoError(t, os.WriteFile(conf, broken, 0o600))
		meet(conf,
			append([]string{"init"}, here(dir)...), append([]string{"certs", "renew", "admin", "--dry-run"}, pkis...), append([]string{"certs", "check-expiration"}, pkis...),
			[]string{"certs", "renew", "--dry-run", "--file", conf, pkis[0], pkis[1]}, []string{"certs", "show", conf}, []string{"kubeconfig", "check", conf}, []string{"kubeconfig", "show", conf},
			[]string{"kubeconfig", "merge", conf, "--into", filepath.Join(dir, "conf")}, []string{"config", "validate", conf}, []string{"init", "--config", conf, "--dry-run"})
	}
}
