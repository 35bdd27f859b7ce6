package kubeconfig

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/fuzzbound"
)

// sound is a file without findings, to which the tests add faults.
const sound = `apiVersion: v1
kind: Config
clusters:
- name: c
  cluster:
    server: https://c:6443
    certificate-authority-data: Q0E=
contexts:
- name: u@c
  context:
    cluster: c
    user: u
current-context: u@c
users:
- name: u
  user:
    client-certificate-data: Q0U=
    client-key-data: S0U=
`

func TestCheck(t *testing.T) {
	const creds = "    client-certificate-data: Q0U=\n    client-key-data: S0U=\n"
	for name, tc := range map[string]struct {
		old, new string // changed in sound
		want     []string
	}{
		"sound":                   {"", "", nil},
		"no current context":      {"current-context: u@c\n", "", []string{"error current-context-missing fixable: current-context is not set"}},
		"unknown current context": {"current-context: u@c", "current-context: x", []string{`error current-context-unknown fixable: current-context "x" is not among the contexts`}},
		"no context names": {"    cluster: c\n    user: u\n", "    cluster: ''\n", []string{
			`error context-without-cluster line 9: context "u@c": names no cluster`, `error context-without-user line 9: context "u@c": names no user`,
			`warning cluster-unused line 4: cluster "c": no context uses it`, `warning user-unused line 14: user "u": no context uses it`,
		}},
		"dangling": {"    cluster: c\n    user: u\n", "    cluster: d\n    user: v\n", []string{
			`error context-cluster-unknown line 9: context "u@c": cluster "d" does not exist`, `error context-user-unknown line 9: context "u@c": user "v" does not exist`,
			`warning cluster-unused line 4: cluster "c": no context uses it`, `warning user-unused line 15: user "u": no context uses it`,
		}},
		"namespace": {"    user: u\n", "    user: u\n    namespace: Dev_1\n", []string{`error namespace-invalid line 9: context "u@c": namespace "Dev_1" is not a valid name`}},
		"no server": {"    server: https://c:6443\n", "", []string{`error server-missing line 4: cluster "c": has no server`}},
		"http":      {"https://c:6443", "http://c:8080", []string{`warning server-not-https line 4: cluster "c": server "http://c:8080" is not https`}},
		"server alone": {"https://c:6443", "c:6443", []string{
			`warning server-without-scheme line 4: cluster "c": server "c:6443" does not begin with https://`}},
		"address alone": {"https://c:6443", "192.0.2.1:6443", []string{
			`warning server-without-scheme line 4: cluster "c": server "192.0.2.1:6443" does not begin with https://`}},
		"capitals": {"https://c:6443\n    certificate-authority-data: Q0E=", "HTTPS://c:6443", []string{
			`warning ca-missing line 4: cluster "c": there is no CA`}},
		"server no URL":  {"https://c:6443", "unix:///run/c", []string{`error server-invalid line 4: cluster "c": server "unix:///run/c" is not of the form https://host:port`}},
		"path alone":     {"https://c:6443", "c:6443/k8s", []string{`error server-invalid line 4: cluster "c": server "c:6443/k8s" is not of the form https://host:port`}},
		"port too large": {"https://c:6443", "https://c:66443", []string{`error server-invalid line 4: cluster "c": server "https://c:66443" has a port that is not from 1 to 65535`}},
		"proxy":          {"    server:", "    proxy-url: ftp://a:secret@proxy\n    server:", []string{`error proxy-url-invalid line 4: cluster "c": proxy-url "ftp://a:xxxxx@proxy" is not an http, https or socks5 URL`}},
		"proxy no URL":   {"    server:", "    proxy-url: 'http://a:secret@[x'\n    server:", []string{`error proxy-url-invalid line 4: cluster "c": proxy-url "..." is not an http, https or socks5 URL`}},
		"proxy good":     {"    server:", "    proxy-url: socks5://localhost:1080\n    server:", nil},
		"two CAs": {"    server:", "    certificate-authority: /ca.crt\n    server:", []string{
			`error ca-given-twice line 4 fixable: cluster "c": certificate-authority-data and certificate-authority are both given`}},
		"insecure with CA": {"    server:", "    insecure-skip-tls-verify: true\n    server:", []string{
			`error insecure-with-ca line 4 fixable: cluster "c": insecure-skip-tls-verify is set beside a CA`}},
		"insecure": {"certificate-authority-data: Q0E=", "insecure-skip-tls-verify: true", []string{
			`warning insecure line 4: cluster "c": insecure-skip-tls-verify is set`}},
		"no CA": {"    certificate-authority-data: Q0E=\n", "", []string{
			`warning ca-missing line 4: cluster "c": there is no CA`}},
		"relative CA": {"certificate-authority-data: Q0E=", "certificate-authority: ca.crt", []string{
			`warning path-relative line 4: cluster "c": certificate-authority "ca.crt" is a relative path`}},
		"Windows' paths": {"client-key-data: S0U=", `client-key: C:\pki\a.key`, nil},
		"two certificates and keys": {"    client-key-data", "    client-certificate: /a.crt\n    client-key: /a.key\n    client-key-data", []string{
			`error client-certificate-given-twice line 15 fixable: user "u": client-certificate-data and client-certificate are both given`,
			`error client-key-given-twice line 15 fixable: user "u": client-key-data and client-key are both given`}},
		"no key":         {"    client-key-data: S0U=\n", "", []string{`error client-key-missing line 15: user "u": has a client certificate without its key`}},
		"no certificate": {"    client-certificate-data: Q0U=\n", "", []string{`error client-certificate-missing line 15: user "u": has a client key without its certificate`}},
		"relative paths": {"    client-certificate-data: Q0U=\n    client-key-data: S0U=\n", "    client-certificate: a.crt\n    client-key: ../a.key\n", []string{
			`warning path-relative line 15: user "u": client-certificate "a.crt" is a relative path`,
			`warning path-relative line 15: user "u": client-key "../a.key" is a relative path`}},
		"token and file": {"    client-certificate-data: Q0U=\n    client-key-data: S0U=\n", "    token: t\n    tokenFile: t\n", []string{
			`warning path-relative line 15: user "u": tokenFile "t" is a relative path`,
			`warning token-given-twice line 15: user "u": token and tokenFile are both given`}},
		"certificate and token": {"    client-key-data", "    token: t\n    client-key-data", []string{
			`warning credentials-several line 15: user "u": has both a client certificate and a token`}},
		"token and password": {"    client-certificate-data: Q0U=\n    client-key-data: S0U=\n", "    token: t\n    username: a\n", []string{
			`error credentials-several line 15: user "u": has both a token and a password`,
			`warning basic-auth line 15: user "u": has a user name and a password`}},
		"exec beside": {"    client-key-data", "    exec: {command: a, apiVersion: client.authentication.k8s.io/v1beta1}\n    client-key-data", []string{
			`warning credentials-several line 15: user "u": has an exec plugin beside other credentials`}},
		"exec incomplete": {"    client-certificate-data: Q0U=\n    client-key-data: S0U=\n", "    exec: {}\n", []string{
			`error exec-incomplete line 15: user "u": its exec plugin has no command`, `error exec-incomplete line 15: user "u": its exec plugin has no apiVersion`}},
		"exec and provider": {"    client-certificate-data: Q0U=\n    client-key-data: S0U=\n", "    exec: {command: a, apiVersion: client.authentication.k8s.io/v1beta1}\n    auth-provider: {name: gcp}\n", []string{
			`error exec-and-auth-provider line 15: user "u": has both an exec plugin and an auth provider`,
			`error auth-provider line 15: user "u": auth provider "gcp" is not supported`}},
		"exec without mode": {creds, "    exec: {command: a, apiVersion: client.authentication.k8s.io/v1}\n", []string{
			`error exec-incomplete line 15: user "u": its exec plugin has no interactiveMode`}},
		"exec with mode": {creds, "    exec: {command: a, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, env: [{name: A}]}\n", nil},
		"exec with bad mode": {creds, "    exec: {command: a, apiVersion: client.authentication.k8s.io/v1beta1, interactiveMode: never}\n", []string{
			`error exec-mode line 15: user "u": its exec plugin has the interactiveMode "never"`}},
		"exec of old": {creds, "    exec: {command: aws, apiVersion: client.authentication.k8s.io/v1alpha1}\n", []string{
			`error exec-version line 15: user "u": its exec plugin has the apiVersion "client.authentication.k8s.io/v1alpha1"`}},
		"exec env": {creds, "    exec: {command: aws, apiVersion: client.authentication.k8s.io/v1beta1, env: [{name: A, value: b}, {value: c}]}\n", []string{
			`error exec-incomplete line 15: user "u": its exec plugin has no name for an env entry`}},
		"host and slash":            {"https://c:6443", "c:6443/", []string{`warning server-without-scheme line 4: cluster "c": server "c:6443/" does not begin with https://`}},
		"server's password":         {"https://c:6443", "http://a:secret@c", []string{`warning server-not-https line 4: cluster "c": server "http://a:xxxxx@c" is not https`}},
		"server's password, no URL": {"https://c:6443", "'https://a:secret@[c'", []string{`error server-invalid line 4: cluster "c": server "..." is not a URL: missing ']' in host`}},
		"server of two lines":       {"https://c:6443", "|\n      https://c:6443", []string{`error server-invalid line 4: cluster "c": server "https://c:6443\n" is not a URL: net/url: invalid control character in URL`}},
		"token in a block":          {creds, "    token: |\n      t\n", []string{`error header-invalid line 15: user "u": token contains a line break, so no request can be sent`}},
		"token of two lines":        {creds, "    token: \"t\\rt\"\n", []string{`error header-invalid line 15: user "u": token contains a line break, so no request can be sent`}},
		"token with a bell":         {creds, "    token: \"t\\x07\"\n", []string{`error header-invalid line 15: user "u": token contains a control character, so no request can be sent`}},
		"token with DEL":            {creds, "    token: \"t\\x7f\"\n", []string{`error header-invalid line 15: user "u": token contains a control character, so no request can be sent`}},
		"tokens":                    {creds, "    token: a b\n", []string{`error token-with-space line 15: user "u": token has white space inside`}},
		"blank before token":        {creds, "    token: ' a'\n", []string{`error token-with-space line 15: user "u": token has white space inside`}},
		"blank behind token":        {creds, "    token: 'a '\n", nil},
		"binary token":              {creds, "    token: !!binary dAo=\n", []string{`error header-invalid line 15: user "u": token contains a line break, so no request can be sent`}},
		"as in a block":             {"    client-key-data", "    as: |\n      bob\n    client-key-data", []string{`error header-invalid line 15: user "u": as contains a line break, so no request can be sent`}},
		"group in a block": {"    client-key-data", "    as: bob\n    as-groups:\n    - |\n      g\n    as-user-extra: {a: [\"b\\n\"]}\n    client-key-data", []string{
			`error header-invalid line 15: user "u": as-uid, as-groups or as-user-extra contains a line break, so no request can be sent`}},
		"oidc": {creds, "    auth-provider: {name: oidc}\n", nil},
		"as":   {"    client-key-data", "    as: bob\n    as-uid: '1'\n    as-groups: [g]\n    client-key-data", nil},
		"uid without as": {"    client-key-data", "    as-uid: '1'\n    client-key-data", []string{
			`error impersonate-without-user line 15: user "u": as-uid, as-groups or as-user-extra is set without as`}},
		"groups without as": {"    client-key-data", "    as-groups: [g]\n    client-key-data", []string{
			`error impersonate-without-user line 15: user "u": as-uid, as-groups or as-user-extra is set without as`}},
		"extra without as": {"    client-key-data", "    as-user-extra: {k: [v]}\n    client-key-data", []string{
			`error impersonate-without-user line 15: user "u": as-uid, as-groups or as-user-extra is set without as`}},
		"no credentials": {"    client-certificate-data: Q0U=\n    client-key-data: S0U=\n", "    as: bob\n", []string{`warning credentials-missing line 15: user "u": has no credentials`}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, sound, tc.old)
			in := sound
			if tc.old != "" {
				in = strings.Replace(sound, tc.old, tc.new, 1)
			}
			c, err := Parse([]byte(in))
			require.NoError(t, err)
			var got []string
			for _, f := range c.Check() {
				s := fmt.Sprintf("%s %s", f.Severity, f.ID)
				if f.Line > 0 {
					s += fmt.Sprintf(" line %d", f.Line)
				}
				if f.Fixable {
					s += " fixable"
				}
				got = append(got, s+": "+f.Text())
			}
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestCheckEmpty(t *testing.T) {
	c, err := Parse(nil)
	require.NoError(t, err)
	assert.Equal(t, []finding.Finding{*finding.New(finding.ContextsMissing)}, c.Check())
}

func TestFix(t *testing.T) {
	const broken = `# mine
clusters: # all of them
- name: c
  cluster:
    # where the CA was
    certificate-authority: /ca.crt # old
    certificate-authority-data: Q0E= # new
    insecure-skip-tls-verify: true
    server: https://c:6443
    x-unknown: [1, 2]
contexts:
- name: u@c
  context: {cluster: c, user: u}
users:
- name: u
  user:
    client-certificate-data: Q0U=
    client-certificate: /a.crt
    client-key-data: S0U=
    # about the key
    client-key: /a.key
`
	const fixed = `# mine
clusters: # all of them
- name: c
  cluster:
    # where the CA was
    certificate-authority-data: Q0E= # new
    server: https://c:6443
    x-unknown: [1, 2]
contexts:
- name: u@c
  context: {cluster: c, user: u}
current-context: u@c
users:
- name: u
  user:
    client-certificate-data: Q0U=
    client-key-data: S0U=
    # about the key
`
	got, done, err := Fix([]byte(broken))
	require.NoError(t, err)
	assert.Equal(t, fixed, string(got))
	var ids []finding.ID
	for _, f := range done {
		ids = append(ids, f.ID)
	}
	assert.Equal(t, []finding.ID{"current-context-missing", "ca-given-twice", "insecure-with-ca", "client-certificate-given-twice", "client-key-given-twice"}, ids)

	again, done, err := Fix(got)
	require.NoError(t, err)
	assert.Empty(t, done)
	assert.Equal(t, string(got), string(again))

	got, done, err = Fix([]byte(strings.Replace(sound, "current-context: u@c", "current-context: gone # later", 1)))
	require.NoError(t, err)
	assert.Len(t, done, 1)
	assert.Equal(t, strings.Replace(sound, "current-context: u@c", "current-context: u@c # later", 1), string(got))

	_, _, err = Fix([]byte("[]"))
	require.EqualError(t, err, "line 1: not a kubeconfig: the document is a list, not a mapping")
}

// Law: after Fix nothing is left to fix, and what client-go reads of the file is the same but for what it refused.
func FuzzFix(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Add([]byte(strings.Replace(sound, "    server:", "    insecure-skip-tls-verify: true\n    certificate-authority: /ca.crt # x\n    server:", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzbound.Hold(t, len(data))()
		before, err := Parse(data)
		if err != nil {
			return
		}
		out, done, err := Fix(data)
		require.NoError(t, err)
		after, err := Parse(out)
		require.NoError(t, err)
		for _, f := range after.Check() {
			require.False(t, f.Fixable, "%s is left of\n%s", f.Text(), out)
		}
		want := withoutLines(before)
		for i := range want.Clusters {
			if cl := &want.Clusters[i]; len(cl.CA) > 0 || cl.CAFile != "" {
				cl.InsecureSkipTLSVerify = false
				if len(cl.CA) > 0 {
					cl.CAFile = ""
				}
			}
		}
		for i := range want.Users {
			if u := &want.Users[i]; len(u.ClientCert) > 0 {
				u.ClientCertFile = ""
			}
			if u := &want.Users[i]; len(u.ClientKey) > 0 {
				u.ClientKeyFile = ""
			}
		}
		if _, ok := before.Context(before.CurrentContext); !ok && len(before.Contexts) == 1 {
			want.CurrentContext = before.Contexts[0].Name
		}
		require.Equal(t, want, withoutLines(after), "%v of\n%s", done, data)
	})
}
