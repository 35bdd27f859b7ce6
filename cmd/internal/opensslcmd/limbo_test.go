package opensslcmd_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd/internal/cases"
)

// limboCase is one case of x509-limbo.
type limboCase struct {
	Name, Target             string
	Files                    map[string]string
	Trusted, Untrusted, CRLs []string
	Opts                     [][]string
}

// file is what the suite calls inline:NAME.
func (l limboCase) file(t *testing.T, names ...string) []byte {
	var out bytes.Buffer
	for _, n := range names {
		text, ok := l.Files[strings.TrimPrefix(n, "inline:")]
		require.True(t, ok, "%s: %s", l.Name, n)
		out.WriteString(strings.TrimRight(text, "\n") + "\n")
	}
	return out.Bytes()
}

func (l limboCase) build(t *testing.T, trustOption string) cases.Case {
	c := cases.Case{Class: "limbo " + l.Name}
	add := func(option, name string, parts []string) {
		if len(parts) == 0 {
			return
		}
		c.Files = append(c.Files, cases.File{Name: name, Data: l.file(t, parts...)})
		c.Args = append(c.Args, option, name)
	}
	add(trustOption, "ca.pem", l.Trusted)
	if len(l.Trusted) == 0 {
		c.Args = append(c.Args, "-no-CAfile", "-no-CApath")
	}
	add("-untrusted", "untrusted.pem", l.Untrusted)
	add("-CRLfile", "crls.pem", l.CRLs)
	for _, o := range l.Opts {
		c.Args = append(append(c.Args, "-"+o[0]), o[1:]...)
	}
	c.Files = append(c.Files, cases.File{Name: "target.pem", Data: l.file(t, l.Target)})
	c.Args = append(c.Args, "target.pem")
	var crls [][]byte
	for rest := l.file(t, l.CRLs...); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return marked(c, crls...)
		}
		crls = append(crls, b.Bytes)
	}
}

// Every case of x509-limbo, with both ways to name the anchors, is answered as openssl answers it, whatever the
// suite itself wishes.
func TestLimboAgainstOpenSSL(t *testing.T) {
	f, err := os.Open(filepath.Join(vectors(t), "limbo.jsonl"))
	require.NoError(t, err)
	defer f.Close()
	var all []cases.Case
	count := 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var l limboCase
		require.NoError(t, json.Unmarshal(lines.Bytes(), &l))
		count++
		all = append(all, l.build(t, "-CAfile"), l.build(t, "-trusted"))
	}
	require.NoError(t, lines.Err())
	require.Equal(t, 381, count)
	agreeOn(t, all)
}
