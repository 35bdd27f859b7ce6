package cmd

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/phases"
)

// rowsWith is the tree with one flag given.
func rowsWith(t *testing.T, flag, value string) []certs.Spec {
	t.Helper()
	in := config.Input{Host: config.NeutralHost()}
	if flag != "" {
		in.Flags = map[string][]string{flag: {value}}
	}
	s, _, err := config.Load(in)
	require.NoError(t, err)
	tree, err := certs.New(s.Cluster)
	require.NoError(t, err)
	return tree.Rows()
}

func rowNames(rows []certs.Spec, keep func(certs.Spec) bool) []string {
	var out []string
	for _, s := range rows {
		if keep(s) {
			out = append(out, s.Name)
		}
	}
	return out
}

// TestConcerns changes each setting and looks at the rows: those that differ
// are those that concernedBy names. A setting without a row here fails.
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
	plain := rowsWith(t, "", "")
	tried := 0
	for _, f := range config.Fields() {
		claims := rowNames(plain, concernedBy(f))
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
			assert.Equal(t, rowNames(plain, func(s certs.Spec) bool { return s.Issuer != "" }), claims)
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
		changed := rowsWith(t, f.Flag, value)
		var differ []string
		for i, s := range changed {
			s.Node = plain[i].Node // a label, which nothing on the disk shows
			if !reflect.DeepEqual(s, plain[i]) {
				differ = append(differ, s.Name)
			}
		}
		assert.Equal(t, differ, claims, "--%s", f.Flag)
	}
	assert.Equal(t, len(values), tried, "a value for a flag that does not exist")
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
		dirs := phases.Dirs{Cert: filepath.Join(dir, "pki"), Kubeconfig: dir}
		now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		_, err := phases.Init(context.Background(), tree, dirs, nil, phases.Options{Now: now, CertMode: mode})
		require.NoError(t, err)
		out := map[string]fs.FileMode{}
		for _, s := range tree.Rows() {
			for _, f := range dirs.Files(s) {
				info, err := os.Stat(f)
				require.NoError(t, err)
				out[s.Name] = out[s.Name]<<9 | info.Mode().Perm()
			}
		}
		return out
	}
	open, closed := modes(0o644), modes(0o600)
	return rowNames(tree.Rows(), func(s certs.Spec) bool { return open[s.Name] != closed[s.Name] })
}

// Every flag of a phase has an effect on a row of that phase, and every flag
// that has one is there.
func TestPhaseFlags(t *testing.T) {
	root := newRoot(&Env{LookupEnv: func(string) (string, bool) { return "", false }})
	for _, phase := range phases.Phases() {
		c, _, err := root.Find([]string{"init", "phase", phase})
		require.NoError(t, err)
		rows := rowsWith(t, "", "")
		for _, f := range config.Fields() {
			if f.Flag == "" {
				continue
			}
			concerned := len(rowNames(rows, func(s certs.Spec) bool { return s.Phase() == phase && concernedBy(f)(s) })) > 0
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
					assert.Equal(t, concernedBy(f)(s), !flag.Hidden, "%s --%s", s.Name, f.Flag)
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
