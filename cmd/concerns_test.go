package cmd

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// worker is a node that only runs a kubelet.
const worker = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery: {file: {kubeConfigPath: /discovery.conf}}\n"

// rowsWith is the tree with one flag given, of a first node or of the one that a document is about.
func rowsWith(t *testing.T, document, flag, value string) []certs.Spec {
	t.Helper()
	in := config.Input{Host: config.NeutralHost(), Name: "config", Documents: []byte(document)}
	if document == "" {
		in.Name = ""
	}
	if flag != "" {
		in.Flags = map[string][]string{flag: {value}}
	}
	s, _, err := config.Load(in)
	require.NoError(t, err)
	tree, err := certs.New(s.Cluster)
	require.NoError(t, err)
	return slices.Collect(tree.Rows())
}

func rowNames(rows []certs.Spec, keep func(certs.Role) bool) []string {
	var out []string
	for _, s := range rows {
		if keep(*s.Role) {
			out = append(out, s.Name)
		}
	}
	return out
}

// TestConcerns changes each setting and looks at the rows: those that differ
// are those that concerns names. A setting without a row here fails.
func TestConcerns(t *testing.T) {
	values := map[string]string{
		"cluster-name":                "other",
		"control-plane-endpoint":      "lb.example.com:8443",
		"service-cidr":                "10.0.0.0/16",
		"apiserver-cert-extra-sans":   "a.example.com",
		"etcd-cert-extra-sans":        "a.example.com",
		"service-dns-domain":          "k8s.example",
		"key-algorithm":               "ECDSA-P256",
		"sa-key-algorithm":            "ECDSA-P256",
		"validity":                    "1h",
		"ca-validity":                 "9y",
		"node-name":                   "other",
		"apiserver-advertise-address": "192.0.2.99",
		"apiserver-bind-port":         "7443",
	}
	plain := rowsWith(t, "", "", "")
	tried := 0
	for _, f := range config.Fields() {
		claims := rowNames(plain, concerns(f))
		switch f.Flag {
		case "": // of a file only
			continue
		case "skip-phases":
			assert.Empty(t, claims, "of init as a whole")
			continue
		case "dry-run", "cert-dir", "kubeconfig-dir": // CA rows look into both directories for what they signed
			assert.Len(t, claims, len(plain), f.Flag)
			continue
		case "reissue": // the state matrix of phases holds that CAs and the service-account key never are
			assert.Equal(t, rowNames(plain, func(r certs.Role) bool { return r.Issuer != "" }), claims)
			continue
		case "cert-mode":
			assert.Equal(t, rowsByMode(t), claims)
			continue
		}
		value, ok := values[f.Flag]
		if !assert.True(t, ok, "--%s: no value to try it with", f.Flag) {
			continue
		}
		tried++
		differ := append(differing(t, "", f.Flag, value), differing(t, worker, f.Flag, value)...)
		differ = rowNames(plain, func(r certs.Role) bool { return slices.Contains(differ, r.Name) })
		assert.Equal(t, differ, claims, "--%s", f.Flag)
	}
	assert.Equal(t, len(values), tried, "a value for a flag that does not exist")
}

// differing are the roles that a flag changes, of the node of a document.
func differing(t *testing.T, document, flag, value string) []string {
	t.Helper()
	var out []string
	plain := rowsWith(t, document, "", "")
	for i, s := range rowsWith(t, document, flag, value) {
		old := plain[i]
		// Labels, and what counts against an existing file, which nothing that is made shows.
		for _, x := range []*certs.Spec{&s, &old} {
			x.Node, x.Asked, x.Optional, x.Servers, x.Lacks, x.NodeAssumed, x.ServerAssumed, x.PortAssumed = "", pki.SANs{}, pki.SANs{}, nil, 0, false, false, false
			x.Role = nil // functions do not compare
		}
		if !reflect.DeepEqual(s, old) {
			out = append(out, s.ID.Role)
		}
	}
	return out
}

// rowsByMode are the rows whose files have another mode under --cert-mode 0600.
func rowsByMode(t *testing.T) []string {
	t.Helper()
	in := config.Input{Host: config.NeutralHost(), Flags: map[string][]string{"key-algorithm": {"ECDSA-P256"}}}
	s, _, err := config.Load(in)
	require.NoError(t, err)
	tree, err := certs.New(s.Cluster)
	require.NoError(t, err)
	modes := func(mode fs.FileMode) map[string]fs.FileMode {
		dir := t.TempDir()
		site := judge.Site{Dirs: judge.Dirs{Cert: filepath.Join(dir, "pki"), Kubeconfig: dir}}
		now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		_, err := phases.Init(context.Background(), tree, site, nil, phases.Options{Now: now, CertMode: mode})
		require.NoError(t, err)
		out := map[string]fs.FileMode{}
		for s := range tree.Rows() {
			for _, f := range site.Files(s) {
				info, err := os.Stat(f)
				require.NoError(t, err)
				out[s.Name] = out[s.Name]<<9 | info.Mode().Perm()
			}
		}
		return out
	}
	open, closed := modes(0o644), modes(0o600)
	return rowNames(slices.Collect(tree.Rows()), func(r certs.Role) bool { return open[r.Name] != closed[r.Name] })
}

// Every flag of a phase has an effect on a row of that phase, and every flag
// that has one is there.
func TestPhaseFlags(t *testing.T) {
	root := newRoot(&Env{LookupEnv: func(string) (string, bool) { return "", false }})
	for _, phase := range phases.Phases() {
		c, _, err := root.Find([]string{"init", "phase", phase})
		require.NoError(t, err)
		rows := rowsWith(t, "", "", "")
		for _, f := range config.Fields() {
			if f.Flag == "" {
				continue
			}
			concerned := len(rowNames(rows, func(r certs.Role) bool { return r.Phase() == phase && concerns(f)(r) })) > 0
			assert.Equal(t, concerned, c.Flags().Lookup(f.Flag) != nil, "%s --%s", phase, f.Flag)
		}
		for _, s := range rows {
			sub, _, err := root.Find([]string{"init", "phase", phase, s.Name})
			require.NoError(t, err)
			if s.Phase() != phase {
				assert.Equal(t, phase, sub.Name(), "%s is no row of %s", s.Name, phase)
				continue
			}
			require.Equal(t, s.Name, sub.Name())
			for _, f := range config.Fields() {
				if flag := sub.Flags().Lookup(f.Flag); flag != nil {
					assert.Equal(t, concerns(f)(*s.Role), !flag.Hidden, "%s --%s", s.Name, f.Flag)
				}
			}
			for _, file := range s.Place.Files() {
				assert.Contains(t, sub.Long, file, "the help of a row names its files")
			}
			for _, reader := range s.UsedBy {
				assert.Contains(t, sub.Long, reader, "and for whom they are")
			}
		}
	}
}

// Init has every flag of the table, and its variable beats the default.
func TestInitFlags(t *testing.T) {
	root := newRoot(&Env{LookupEnv: func(string) (string, bool) { return "", false }})
	c, _, err := root.Find([]string{"init"})
	require.NoError(t, err)
	for _, f := range config.Fields() {
		if f.Flag != "" {
			assert.NotNil(t, c.Flags().Lookup(f.Flag), f.Flag)
			assert.Equal(t, "PKITOOL_", f.Env()[:8])
		}
	}
}
