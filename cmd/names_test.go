package cmd_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/pki"
)

// Names of every kind, that somebody else gave to a user, a file, a cluster: text makes them harmless, and every format
// for programs gives them back as they are.
func TestNamesInEveryFormat(t *testing.T) {
	dir := t.TempDir()
	good(t, runAt(testNow, nil, append([]string{"init", "-q", "--key-algorithm", "ECDSA-P256"}, here(dir)...)...))
	ca, err := os.ReadFile(filepath.Join(dir, "pki", "ca.crt"))
	require.NoError(t, err)
	signer, err := os.ReadFile(filepath.Join(dir, "pki", "ca.key"))
	require.NoError(t, err)
	key, err := pki.ParsePrivateKey(signer)
	require.NoError(t, err)
	for label, name := range map[string]string{
		"plain": "alice", "long": strings.Repeat("long ", 60), "Hebrew": "שלום", "emoji": "👩‍💻🚀", "combining": "e\u0301\u0301\u0301",
		"quotes": `"'` + "`" + `\"`, "backslashes": `\n\\`, "pipe": "a|b||c", "newline": "a\nfake: line\n", "CRLF": "a\r\nfake: line", "tab": "a\tb",
		"HTML": "<script>alert('x')</script>&amp;", "terminal": hostile, "title": "\x1b]0;title\a", "C1": "\u009b31m", "BiDi": "\u202egnp.exe\u2066", "separators": "a\u2028b\u2029c",
		"NUL": "a\x00b", "mark": "\ufeffa", "percent": "%s%d%!", "comment": "a # b: c", "list": "- a", "mapping": "{a: b}", "null": "null", "yes": "yes", "number": "1e3", "date": "2026-11-24",
		"space around": " a ", "nothing but space": " ", "dollar": "$(reboot)${HOME}", "label": `a",subject_CN="b`, "noncharacter": "\ufffe\U0010ffff", "dots": "..", "options": "--help",
	} {
		t.Run(label, func(t *testing.T) {
			file, conf := filepath.Join(dir, "a.crt"), filepath.Join(dir, "a.conf")
			if fileName := name + ".crt"; runtime.GOOS != "windows" && !strings.ContainsAny(name, "/\x00") && len(fileName) < 250 {
				file = filepath.Join(dir, "pki", fileName)
			}
			cert := pki.EncodeCertificates(named(t, name, ca, key))
			require.NoError(t, os.WriteFile(file, cert, 0o600))
			require.NoError(t, os.WriteFile(conf, confNamed(t, name, ca, cert), 0o600))
			defer os.Remove(file)

			shown := bothFormats(t, "certs", "show", file)
			object := shown["objects"].([]any)[0].(map[string]any)
			assert.Equal(t, name, object["user"])
			assert.Equal(t, []any{name}, object["groups"])
			assert.Equal(t, file, object["file"])

			ends := bothFormats(t, "certs", "check-expiration", "--cert-dir", filepath.Join(dir, "pki"), "--kubeconfig-dir", dir)
			assert.Contains(t, fmt.Sprint(ends["certificates"]), filepath.ToSlash(file), "by its path")
			r := good(t, runAt(testNow, nil, "certs", "check-expiration", "-o", "prometheus", "--cert-dir", filepath.Join(dir, "pki"), "--kubeconfig-dir", dir))
			metrics := metricsOf(t, r.stdout)
			found := 0
			for _, labels := range metrics {
				if labels["filepath"] == filepath.ToSlash(file) || labels["filepath"] == conf && labels["embedded_kind"] == "user" {
					found++
					assert.Equal(t, name, labels["subject_CN"])
					assert.Equal(t, name, labels["subject_O"])
				}
			}
			assert.Equal(t, 6, found, "two certificates in three families")

			told := bothFormats(t, "kubeconfig", "show", conf)
			context := told["contexts"].([]any)[0].(map[string]any)
			assert.Equal(t, []any{name, name, name}, []any{context["name"], context["cluster"], context["user"]})
			merged := runAt(testNow, nil, "kubeconfig", "merge", conf)
			c, err := kubeconfig.Parse([]byte(good(t, merged).stdout))
			require.NoError(t, err)
			assert.Equal(t, []string{name, name, name, name}, []string{c.CurrentContext, c.Contexts[0].Name, c.Clusters[0].Name, c.Users[0].Name})
		})
	}
}

// named is a certificate of the CA for a user of any name.
func named(t *testing.T, name string, ca []byte, key any) *x509.Certificate {
	t.Helper()
	parent := certificateIn(t, ca)
	signer, err := pki.GenerateKey(pki.ECDSAP256)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(9), Subject: pkix.Name{CommonName: name, Organization: []string{name}}, NotBefore: parent.NotBefore, NotAfter: parent.NotBefore.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, parent, signer.Public(), key)
	require.NoError(t, err)
	out, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return out
}

func certificateIn(t *testing.T, data []byte) *x509.Certificate {
	t.Helper()
	list, err := pki.ParseCertificates(data)
	require.NoError(t, err)
	return list[0]
}

// confNamed is a kubeconfig in which everything has the name.
func confNamed(t *testing.T, name string, ca, cert []byte) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": name,
		"clusters": []any{map[string]any{"name": name, "cluster": map[string]any{"server": "https://192.0.2.10:6443", "certificate-authority-data": ca}}},
		"users":    []any{map[string]any{"name": name, "user": map[string]any{"client-certificate-data": cert, "token": "t"}}},
		"contexts": []any{map[string]any{"name": name, "context": map[string]any{"cluster": name, "user": name}}},
	})
	require.NoError(t, err)
	var out strings.Builder
	for _, r := range string(data) { // what YAML does not take as it is
		if r > '~' {
			fmt.Fprintf(&out, `\U%08X`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return []byte(out.String())
}

// bothFormats runs a command for JSON and for YAML, which say the same, and as text, which is harmless.
func bothFormats(t *testing.T, args ...string) map[string]any {
	t.Helper()
	harmless(t, strings.Join(args[:2], " "), good(t, runAt(testNow, nil, args...)))
	var fromJSON map[string]any
	require.NoError(t, json.Unmarshal([]byte(good(t, runAt(testNow, nil, append(args, "-o", "json")...)).stdout), &fromJSON))
	var fromYAML any
	require.NoError(t, yaml.Unmarshal([]byte(good(t, runAt(testNow, nil, append(args, "-o", "yaml")...)).stdout), &fromYAML))
	again, err := json.Marshal(fromYAML)
	require.NoError(t, err)
	want, err := json.Marshal(fromJSON)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(again))
	return fromJSON
}

// metricsOf reads Prometheus' text format, strictly: the labels of each line that is no comment.
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
func metricsOf(t *testing.T, text string) []map[string]string {
	t.Helper()
	line := regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\} -?[0-9]+$`)
	label := regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"`)
	var out []map[string]string
	for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(l, "# ") {
			continue
		}
		m := line.FindStringSubmatch(l)
		require.NotNil(t, m, "%q", l)
		labels := map[string]string{}
		for _, pair := range label.FindAllStringSubmatch(m[1], -1) {
			require.NotContains(t, labels, pair[1], l)
			labels[pair[1]] = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(pair[2])
		}
		out = append(out, labels)
	}
	return out
}
