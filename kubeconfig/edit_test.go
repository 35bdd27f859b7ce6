package kubeconfig

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEdit(t *testing.T) {
	byhand, minikube := string(readFile(t, "byhand.conf")), string(readFile(t, "minikube.conf"))
	adminFile := string(readFile(t, "admin.golden"))
	for name, tc := range map[string]struct {
		in   string
		edit Edit
		want []string // old, new, old, new, ...: how the text changes; everything else stays
	}{
		"renew certificate and key of the current user": {
			adminFile, Edit{ClientCert: []byte("NEW CERT\n"), ClientKey: []byte("NEW KEY\n")},
			[]string{"Q0VSVCBQRU0K", "TkVXIENFUlQK", "S0VZIFBFTQo=", "TkVXIEtFWQo="},
		},
		"certificate only": {
			adminFile, Edit{User: "kubernetes-admin", ClientCert: []byte("NEW CERT\n")},
			[]string{"Q0VSVCBQRU0K", "TkVXIENFUlQK"},
		},
		"CA and server of the current cluster": {
			adminFile, Edit{CA: []byte("NEW CA\n"), Server: "https://lb:443"},
			[]string{"Q0EgUEVNCg==", "TkVXIENBCg==", "https://10.0.0.1:6443", "https://lb:443"},
		},
		"complete a user without credentials": {
			string(readFile(t, "bare.golden")), Edit{ClientCert: []byte("CERT PEM\n"), ClientKey: []byte("KEY PEM\n")},
			[]string{"user: {}", "user:\n    client-certificate-data: Q0VSVCBQRU0K\n    client-key-data: S0VZIFBFTQo="},
		},
		"complete a user of nothing": {
			"users:\n- name: a\n", Edit{User: "a", ClientKey: []byte("KEY PEM\n")},
			[]string{"- name: a\n", "- name: a\n  user:\n    client-key-data: S0VZIFBFTQo=\n"},
		},
		"complete a user of null": {
			"users:\n- name: a\n  user: # later\n", Edit{User: "a", ClientKey: []byte("KEY PEM\n")},
			[]string{"  user: # later\n", "  user: # later\n    client-key-data: S0VZIFBFTQo=\n"},
		},
		"complete a user of null, spelled out": {
			"users:\n- name: a\n  user: null # later\n", Edit{User: "a", ClientKey: []byte("KEY PEM\n")},
			[]string{"  user: null # later\n", "  # later\n  user:\n    client-key-data: S0VZIFBFTQo=\n"},
		},
		"complete a user of braces": {
			"users:\n- name: a\n  user: {} # later\n- name: b\n", Edit{User: "a", ClientKey: []byte("KEY PEM\n")},
			[]string{"  user: {} # later\n", "  # later\n  user:\n    client-key-data: S0VZIFBFTQo=\n"},
		},
		"data in the place of paths": {
			minikube, Edit{CA: []byte("CA PEM\n"), ClientCert: []byte("CERT PEM\n"), ClientKey: []byte("KEY PEM\n")},
			[]string{
				"certificate-authority: /home/a/.minikube/ca.crt", "certificate-authority-data: Q0EgUEVNCg==",
				"client-certificate: /home/a/.minikube/profiles/minikube/client.crt", "client-certificate-data: Q0VSVCBQRU0K",
				"client-key: /home/a/.minikube/profiles/minikube/client.key", "client-key-data: S0VZIFBFTQo=",
			},
		},
		"a file by hand": {
			byhand, Edit{CA: []byte("CA PEM\n"), User: "robot", ClientCert: []byte("CERT PEM\n"), ClientKey: []byte("KEY PEM\n")},
			[]string{
				"certificate-authority: certs/prod.crt", "certificate-authority-data: Q0EgUEVNCg==",
				"      token:", "      client-certificate-data: Q0VSVCBQRU0K\n      client-key-data: S0VZIFBFTQo=\n      token:",
			},
		},
		"into braces": {
			byhand, Edit{Cluster: "test", CA: []byte("CA PEM\n")},
			[]string{`insecure-skip-tls-verify: true}`, `insecure-skip-tls-verify: true, certificate-authority-data: Q0EgUEVNCg==}`},
		},
		"both given": {
			"users:\n- name: a\n  user:\n    # about the path\n    client-key: a.key # gone\n    client-key-data: eA== # stays\n    x: y\n", Edit{User: "a", ClientKey: []byte("KEY PEM\n")},
			[]string{"    client-key: a.key # gone\n", "", "eA==", "S0VZIFBFTQo="},
		},
		"both given, data right": {
			"users:\n- name: a\n  user:\n    client-key-data: S0VZIFBFTQo=\n    client-key: a.key\n", Edit{User: "a", ClientKey: []byte("KEY PEM\n")},
			[]string{"    client-key: a.key\n", ""},
		},
		"Windows": {
			strings.ReplaceAll(adminFile, "\n", "\r\n"), Edit{Server: "https://lb"},
			[]string{"https://10.0.0.1:6443", "https://lb"},
		},
		"JSON becomes YAML": {
			`{"users": [{"name": "yes", "user": {"token": "a: b"}}]}`, Edit{User: "yes", ClientKey: []byte("KEY PEM\n")},
			[]string{
				`{"users": [{"name": "yes", "user": {"token": "a: b"}}]}`,
				"users:\n- name: \"yes\"\n  user:\n    client-key-data: S0VZIFBFTQo=\n    token: \"a: b\"\n",
			},
		},
		"nothing asked":      {byhand, Edit{}, nil},
		"nothing new":        {adminFile, Edit{CA: []byte("CA PEM\n"), Server: "https://10.0.0.1:6443", ClientCert: []byte("CERT PEM\n"), ClientKey: []byte("KEY PEM\n")}, nil},
		"nothing new, block": {"users:\n- name: a\n  user: {client-key-data: \"S0VZ\\nIFBFTQo=\"}\n\n# x\n", Edit{User: "a", ClientKey: []byte("KEY PEM\n")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for i := 0; i < len(tc.want); i += 2 {
				require.Equal(t, 1, strings.Count(tc.in, tc.want[i]), tc.want[i])
			}
			got, err := tc.edit.Apply([]byte(tc.in))
			require.NoError(t, err)
			assert.Equal(t, strings.NewReplacer(tc.want...).Replace(tc.in), string(got))
			again, err := tc.edit.Apply(got)
			require.NoError(t, err)
			assert.Equal(t, string(got), string(again))
		})
	}
}

func TestEditErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		edit Edit
		want string
	}{
		"no kubeconfig":      {"- a", Edit{CA: []byte("x")}, "line 1: not a kubeconfig: the document is a list, not a mapping"},
		"bad field":          {"clusters: 1", Edit{CA: []byte("x")}, "line 1: clusters: must be a list, not a number"},
		"empty":              {"", Edit{CA: []byte("x")}, "current-context is not set"},
		"empty, with a name": {"", Edit{User: "a", ClientKey: []byte("x")}, `user "a" does not exist`},
		"no such cluster":    {"clusters: [{name: a}]", Edit{Cluster: "b", CA: []byte("x")}, `cluster "b" does not exist`},
		"dangling context":   {"current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]", Edit{ClientKey: []byte("x")}, `context "a": cluster "c" does not exist`},
		"bad server":         {"clusters: [{name: a}]", Edit{Cluster: "a", Server: "lb:443"}, `server "lb:443" is not of the form https://host:port`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tc.edit.Apply([]byte(tc.in))
			require.EqualError(t, err, tc.want)
			assert.Nil(t, got)
		})
	}
}
