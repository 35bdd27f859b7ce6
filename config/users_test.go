package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/pki"
)

func TestParseUsers(t *testing.T) {
	want := []config.User{
		{Subject: pki.Subject{CommonName: "alice", Organization: []string{"dev", "ops"}}, Validity: 8 * time.Hour, Namespace: "web", Line: 2},
		{Subject: pki.Subject{CommonName: "bob"}, Line: 3},
	}
	got, err := config.ParseUsers("u.CSV", []byte("org,cn,validity,namespace\r\ndev; ops,alice,8h,web\r\n,bob,,\r\n"))
	require.NoError(t, err)
	assert.Equal(t, want, got)

	got, err = config.ParseUsers("u.yaml", []byte("# a list\n- {cn: alice, org: [dev, ops], validity: 8h, namespace: web}\n- cn: bob\n"))
	require.NoError(t, err)
	assert.Equal(t, want, got)

	// null is nothing, not a group of that name.
	got, err = config.ParseUsers("u.yaml", []byte("- {cn: alice, org: ~, validity: null, namespace: }\n- {cn: bob, org: [~, dev]}\n- {cn: carol, org: '~'}\n"))
	require.NoError(t, err)
	assert.Equal(t, []config.User{
		{Subject: pki.Subject{CommonName: "alice"}, Line: 1},
		{Subject: pki.Subject{CommonName: "bob", Organization: []string{"dev"}}, Line: 2},
		{Subject: pki.Subject{CommonName: "carol", Organization: []string{"~"}}, Line: 3},
	}, got)
}

func TestParseUsersFaults(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"u.csv", "", "u.csv: names no user"},
		{"u.csv", "cn\n", "u.csv: names no user"},
		{"u.csv", "org\ndev\n", "u.csv:1: the header has no column cn"},
		{"u.csv", "cn,group\na,b\n", `u.csv:1: unknown column "group": the columns are cn, org, validity, namespace`},
		{"u.csv", "cn,org\na\nb,c\nd,e,f\n", "u.csv:2: the number of columns is 1, the header has 2\nu.csv:4: the number of columns is 3, the header has 2"},
		{"u.csv", "cn,org,CN\na,b,c\n", `u.csv:1: second column "cn"`},
		{"u.csv", "cn,org\na,\"b\nc,d\ne,f\n", `u.csv:2: extraneous or missing " in quoted-field`},
		{"u.csv", "cn,org\na,b\nc,d\"e\n", `u.csv:3: bare " in non-quoted-field`},
		{"u.csv", "cn\n\"a\n", `u.csv:2: extraneous or missing " in quoted-field`},
		{"u.csv", "cn\n" + strings.Repeat("x", 65) + "\n", `u.csv:2: common name (CN) "` + strings.Repeat("x", 65) + `" is longer than 64 characters`},
		{"u.yaml", "a: b\n", "u.yaml:1: must be a list of users, each with cn, org, validity, namespace"},
		{"u.yaml", "- cn: a\n---\n- cn: b\n", "u.yaml:2: a second document: a list of users is one"},
		{"u.csv", "cn,validity\na,0s\n", `u.csv:2: validity: "0s" is no time to be valid: must be 1s at least`},
		{"u.csv", "cn,validity\na,x\n", `u.csv:2: validity: "x" is not a duration: it is a row of numbers and units (ns, us, ms, s, m, h, d, w, y), such as 365d or 8760h`},
		{"u.csv", "cn,namespace\na,b.c\n", `u.csv:2: namespace: "b.c" is no name of a namespace`},
		{"u.csv", "cn\na\nb\na\n", `u.csv:4: cn: "a" is on line 2 already`},
		{"u.csv", "cn\n" + manyUsers(100_002), "u.csv:100002: one user more than the 100000 that a list may have"},
		{"u.yaml", "- a\n", "u.yaml:1: must be an entry with cn, org, validity, namespace"},
		{"u.yaml", "- cn: a\n  name: b\n", `u.yaml:2: unknown field "name": the fields are cn, org, validity, namespace`},
		{"u.yaml", "- cn: a\n  cn: b\n", "u.yaml:2: cn: second time in this entry"},
		{"u.yaml", "- cn: a\n  validity: [1h]\n", "u.yaml:2: validity: must be a text"},
		{"u.yaml", "- cn: a\n---\n[\n", "u.yaml:4: not YAML: did not find expected node content"},
		{"u.yaml", "- cn: a\n\torg: b\n", "u.yaml:2: not YAML: found a tab character that violates indentation"},
		{"u.yaml", "- cn: ~\n- cn: null\n", "u.yaml:1: common name (CN) is empty\nu.yaml:2: common name (CN) is empty"},
		{"u.yaml", "- ? [x]\n  : y\n  <<: {a: 1}\n", ""},
	} {
		users, err := config.ParseUsers(c.name, []byte(c.data))
		require.Error(t, err, "%q gave %v", c.data, users)
		if c.want != "" {
			assert.Equal(t, c.want, err.Error())
		}
	}
}

func manyUsers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "u%d\n", i)
	}
	return b.String()
}

// FuzzUsers: a list is refused, or every user in it is one that can be issued.
func FuzzUsers(f *testing.F) {
	f.Add(true, "cn,org\nalice,dev;ops\n")
	f.Add(false, "- cn: alice\n  org: [dev]\n  validity: 30d\n")
	f.Add(false, "- ? [x]\n  : y\n  <<: {a: 1}\n")
	f.Fuzz(func(t *testing.T, csv bool, data string) {
		defer fuzzbound.Hold(t, len(data))()
		name := "u.yaml"
		if csv {
			name = "u.csv"
		}
		users, err := config.ParseUsers(name, []byte(data))
		if err != nil {
			return
		}
		require.NotEmpty(t, users)
		for _, u := range users {
			require.NoError(t, u.Subject.Check())
			require.GreaterOrEqual(t, u.Validity, time.Duration(0))
		}
	})
}

// The Kelvin sign (U+212A) is a k to strings.ToLower: a name with it is refused, not turned into another.
func TestForeignLettersAreNotFolded(t *testing.T) {
	for _, flag := range []string{"node-name", "control-plane-endpoint", "apiserver-cert-extra-sans"} {
		_, _, err := config.Load(config.Input{Host: config.NeutralHost(), Flags: map[string][]string{flag: {"\u212aube.example.com"}}})
		assert.ErrorContains(t, err, "--"+flag, "%v", err)
	}
}
