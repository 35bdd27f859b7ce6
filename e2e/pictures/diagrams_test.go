// Package pictures asks the tools that others draw with what they see in the pictures that pkitool makes.
package pictures_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkitool/pkitool/e2e/build"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// names are what somebody may call a user, a group, a name or a file, and what a picture shows of it.
var names = []struct{ given, shown string }{
	{"plain", "plain"},
	{`"`, `"`}, {`'`, `'`}, {`"]`, `"]`}, {`"];`, `"];`}, {`\`, `\`}, {`\"`, `\"`}, {`\\"`, `\\"`}, {`a\nb\N\G\l`, `a\nb\N\G\l`},
	{`"] --> x["y`, `"] --> x["y`}, {"-->", "-->"}, {"end", "end"}, {"subgraph x", "subgraph x"}, {"click d1n1 call()", "click d1n1 call()"},
	{`" href="javascript:x`, `" href="javascript:x`}, {"graph TD;a-->b", "graph TD;a-->b"}, {"{x}|y|(z)", "{x}|y|(z)"}, {"%%{init:{}}%%", "%%{init:{}}%%"}, {"%% x", "%% x"},
	{"#quot;", "#quot;"}, {"#35;", "#35;"}, {"#", "#"}, {"&quot;", "&quot;"}, {"&lt;b&gt;", "&lt;b&gt;"}, {"&#65;", "&#65;"}, {"&", "&"},
	{"<b>x</b>", "<b>x</b>"}, {"<br/>", "<br/>"}, {"<script>x()</script>", "<script>x()</script>"}, {"<<b>x</b>>", "<<b>x</b>>"},
	{"`x`", "`x`"}, {"**x** _y_", "**x** _y_"}, {"1. x", "1. x"}, {"- x", "- x"}, {"$$x$$", "$$x$$"}, {"fa:fa-ban", "fa:fa-ban"}, {"@{x}", "@{x}"}, {":::x", ":::x"}, {"style d1n1 fill:x", "style d1n1 fill:x"},
	{"漢字 é ß", "漢字 é ß"}, {"שלום", "שלום"}, {"ﬂ°°35¶ß", "ﬂ°°35¶ß"}, {"é", "é"}, {"👩", "👩"},
	{"a\nb", `a\nb`}, {"a\r\n  end\n", `a\r\n  end\n`}, {"a\tb", `a\tb`}, {"\x1b[31mx", `\x1b[31mx`}, {"\u202ex", `\u202ex`}, {"a\u00a0b", `a\u00a0b`}, {"\x00", `\x00`}, {"\u2028", `\u2028`},
}

// node is one of `certs tree -o json`.
type node struct {
	ID, Kind, Name string
	Issued         []node
}

// all are the nodes below a list, and who is below whom.
func all(list []node, prefix string) (nodes []node, edges map[string]int) {
	edges = map[string]int{}
	var walk func(list []node)
	walk = func(list []node) {
		for _, n := range list {
			nodes = append(nodes, n)
			for _, b := range n.Issued {
				edges[prefix+n.ID+" "+prefix+b.ID]++
			}
			walk(n.Issued)
		}
	}
	walk(list)
	return nodes, edges
}

// drawn is a diagram as a tool has understood it.
type drawn struct {
	boxes  map[string][]string // the lines of each node
	edges  map[string]int
	groups map[string][]string
}

func TestDiagrams(t *testing.T) {
	dir := t.TempDir()
	pkitool, err := build.Pkitool(t.Context(), filepath.Join("..", ".."), dir)
	require.NoError(t, err)
	if !filepath.IsAbs(pkitool) {
		pkitool, err = filepath.Abs(pkitool)
		require.NoError(t, err)
	}
	run := func(t *testing.T, args ...string) []byte {
		t.Helper()
		return output(t, nil, pkitool, args...)
	}
	fresh, hostile := filepath.Join(dir, "fresh"), filepath.Join(dir, `ho"]stile`)
	for _, place := range []string{fresh, hostile} {
		run(t, "init", "-q", "--cert-dir", filepath.Join(place, "pki"), "--kubeconfig-dir", place, "--node-name", "cp-1", "--apiserver-advertise-address", "192.0.2.10", "--key-algorithm", "ECDSA-P256")
	}
	wanted := nasty(t, hostile)
	for _, places := range [][]string{{fresh}, {hostile}, {fresh, hostile}} {
		tree := append([]string{"certs", "tree"}, places...)
		var value struct{ Directories []struct{ Trust []node } }
		require.NoError(t, json.Unmarshal(run(t, append(tree, "-o", "json")...), &value))
		require.Len(t, value.Directories, len(places))
		for _, tool := range []struct {
			format string
			read   func(*testing.T, []byte) drawn
		}{{"dot", graphviz}, {"mermaid", mermaid}} {
			t.Run(fmt.Sprintf("%s of %d, %d", tool.format, len(places), len(value.Directories[0].Trust)), func(t *testing.T) {
				got := tool.read(t, run(t, append(tree, "-o", tool.format)...))
				count, met, edges := 0, 0, map[string]int{}
				for i, d := range value.Directories {
					prefix := fmt.Sprintf("d%d", i+1)
					nodes, below := all(d.Trust, prefix)
					require.Greater(t, len(nodes), 15)
					for _, n := range nodes {
						lines := got.boxes[prefix+n.ID]
						if assert.NotEmpty(t, lines, "%s is not drawn", n.Name) && places[i] == hostile {
							if want, ok := wanted[n.Name]; ok {
								met++
								assert.Equal(t, want, lines[:min(len(want), len(lines))], "%q", n.Name)
							}
						}
					}
					for e := range below {
						edges[e]++
					}
					count += len(nodes)
				}
				if slices.Contains(places, hostile) {
					assert.Equal(t, len(wanted), met)
				}
				assert.Len(t, got.boxes, count)
				assert.Equal(t, edges, got.edges)
				assert.Len(t, got.groups, len(places))
				for i, place := range places {
					if place == fresh {
						continue
					}
					text := strings.Join(got.groups[fmt.Sprint(i+1)], " ")
					assert.True(t, strings.HasSuffix(text, `ho"]stile`), text)
				}
			})
		}
	}
}

// nasty puts certificates and kubeconfigs of every name into a directory, and gives what the boxes of some of them begin
// with, by the names of their nodes.
func nasty(t *testing.T, dir string) map[string][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "pki", "ca.crt"))
	require.NoError(t, err)
	block, _ := pem.Decode(data)
	ca, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	data, err = os.ReadFile(filepath.Join(dir, "pki", "ca.key"))
	require.NoError(t, err)
	block, _ = pem.Decode(data)
	caKey, err := x509.ParseECPrivateKey(block.Bytes)
	require.NoError(t, err)
	wanted := map[string][]string{}
	for i, n := range names {
		user, conf, serving, file := fmt.Sprintf("user-%d.crt", i), fmt.Sprintf("conf-%d.conf", i), fmt.Sprintf("serving-%d.crt", i), n.shown+".crt"
		cert := issue(t, n.given, ca, caKey, x509.ExtKeyUsageClientAuth)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "pki", user), cert, 0o644))
		wanted[user] = []string{user, n.shown + " (" + n.shown + ")"}

		quoted, err := json.Marshal(n.given)
		require.NoError(t, err)
		text := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": %[1]s, "contexts": [{"name": %[1]s, "context": {"cluster": %[1]s, "user": %[1]s}}],
			"clusters": [{"name": %[1]s, "cluster": {"server": %[1]s}}], "users": [{"name": %[1]s, "user": {"client-certificate-data": "%[2]s"}}, {"name": "2%[3]s", "user": {"client-certificate-data": "%[2]s"}}]}`,
			quoted, base64.StdEncoding.EncodeToString(cert), quoted[1:len(quoted)-1])
		require.NoError(t, os.WriteFile(filepath.Join(dir, conf), []byte(text), 0o600))
		if len(n.shown) < 10 {
			wanted[conf] = []string{conf, n.shown + " (" + n.shown + ") → " + n.shown}
			wanted[conf+" user 2"+n.given] = []string{conf + " user 2" + n.shown, n.shown + " (" + n.shown + ")"}
		}

		if x509Name(n.given) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "pki", serving), issue(t, n.given, ca, caKey, x509.ExtKeyUsageServerAuth), 0o644))
			wanted[serving] = []string{serving, n.shown}
		}
		if !strings.ContainsAny(n.given, "/\x00") {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "pki", n.given+".crt"), issue(t, "x", ca, caKey, x509.ExtKeyUsageClientAuth), 0o644))
			wanted[n.given+".crt"] = []string{file, "x (x)"}
		}
	}
	return wanted
}

// x509Name reports whether a text can be a DNS name of a certificate: ASCII.
func x509Name(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 126 }) < 0
}

func issue(t *testing.T, name string, ca *x509.Certificate, caKey crypto.Signer, usage x509.ExtKeyUsage) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{name}}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage}, BasicConstraintsValid: true}
	if usage == x509.ExtKeyUsageServerAuth {
		c.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, ca, key.Public(), caKey)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// graphviz is what dot draws.
func graphviz(t *testing.T, text []byte) drawn {
	t.Helper()
	type element struct {
		Class string    `xml:"class,attr"`
		Title string    `xml:"title"`
		Texts []string  `xml:"text"`
		Other []element `xml:"g"`
		Links []string  `xml:"a"`
	}
	var svg element
	require.NoError(t, xml.Unmarshal(output(t, text, tool(t, "dot", "graphviz"), "-Tsvg"), &svg))
	got := drawn{map[string][]string{}, map[string]int{}, map[string][]string{}}
	require.Len(t, svg.Other, 1)
	for _, g := range svg.Other[0].Other {
		assert.Empty(t, g.Links)
		assert.Empty(t, g.Other)
		for i := range g.Texts {
			g.Texts[i] = strings.ReplaceAll(g.Texts[i], "\u00a0", " ")
		}
		switch g.Class {
		case "node":
			got.boxes[g.Title] = g.Texts
		case "edge":
			got.edges[strings.ReplaceAll(g.Title, "->", " ")]++
			assert.Empty(t, g.Texts)
		case "cluster":
			got.groups[strings.TrimPrefix(g.Title, "cluster_")] = g.Texts
		default:
			assert.Fail(t, "unknown thing in a drawing", "%+v", g)
		}
	}
	return got
}

// parsed is what parse.mjs writes.
type parsed struct {
	Type     string
	Vertices []struct {
		ID, Kind string
		Lines    []string
		Active   bool
	}
	Edges  []struct{ Start, End, Text string }
	Groups []struct {
		ID    string
		Lines []string
		Nodes int
	}
}

// mermaid is what Mermaid's own parser reads.
func mermaid(t *testing.T, text []byte) drawn {
	t.Helper()
	p := parse(t, text)
	assert.Equal(t, "flowchart-v2", p.Type)
	got := drawn{map[string][]string{}, map[string]int{}, map[string][]string{}}
	for _, v := range p.Vertices {
		assert.False(t, v.Active, "%s can be clicked", v.ID)
		assert.Equal(t, "string", v.Kind, "%s is Markdown", v.ID)
		got.boxes[v.ID] = v.Lines
	}
	assert.Len(t, got.boxes, len(p.Vertices))
	for _, e := range p.Edges {
		assert.Empty(t, e.Text)
		got.edges[e.Start+" "+e.End]++
	}
	inside := 0
	for _, g := range p.Groups {
		got.groups[strings.TrimPrefix(g.ID, "d")] = g.Lines
		inside += g.Nodes
	}
	assert.Equal(t, len(p.Vertices), inside, "each box lies in its directory")
	return got
}

func parse(t *testing.T, text []byte) (p parsed) {
	t.Helper()
	require.NoError(t, json.Unmarshal(output(t, text, tool(t, "node", "nodejs"), filepath.Join(modules(t), "parse.mjs")), &p))
	return p
}

// TestMermaidSeesClicks: the parser finds what the test above does not want to find.
func TestMermaidSeesClicks(t *testing.T) {
	p := parse(t, []byte("flowchart LR\n  a[\"`x`\"] --> b\n  click b \"https://example.com\"\n  click a call x()\n"))
	require.Len(t, p.Vertices, 2)
	assert.True(t, p.Vertices[0].Active)
	assert.True(t, p.Vertices[1].Active)
	assert.Equal(t, "markdown", p.Vertices[0].Kind)
}

// modules is a folder with parse.mjs and the packages of package-lock.json. They are kept per user, as the programs of
// the other tests are, and fetched anew only when what is pinned changes.
func modules(t *testing.T) string {
	t.Helper()
	hash := sha256.New()
	files := map[string][]byte{}
	for _, name := range []string{"package.json", "package-lock.json", "parse.mjs"} {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		files[name] = data
		hash.Write(data)
	}
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	cache = filepath.Join(cache, "pkitool-e2e")
	dir := filepath.Join(cache, "mermaid-"+hex.EncodeToString(hash.Sum(nil)[:8]))
	if err := os.Chtimes(dir, time.Now(), time.Now()); err == nil { // what nobody uses for long is removed
		return dir
	}
	npm := tool(t, "npm", "npm")
	require.NoError(t, os.MkdirAll(cache, 0o755))
	fresh, err := os.MkdirTemp(cache, "mermaid-new-")
	require.NoError(t, err)
	defer os.RemoveAll(fresh)
	for name, data := range files {
		require.NoError(t, os.WriteFile(filepath.Join(fresh, name), data, 0o644))
	}
	output(t, nil, npm, "ci", "--prefix", fresh, "--ignore-scripts", "--no-audit", "--no-fund")
	if err := os.Rename(fresh, dir); err != nil && !errors.Is(err, os.ErrExist) {
		if _, there := os.Stat(dir); there != nil { // another run was quicker
			require.NoError(t, err)
		}
	}
	return dir
}

// tool finds a program of others. Without it a test is skipped, and in CI it fails.
func tool(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			require.NoError(t, err, "install %s", pkg)
		}
		t.Skipf("SKIPPED: %s is missing: install %s", name, pkg)
	}
	return path
}

// output is what a program writes on standard output.
func output(t *testing.T, stdin []byte, name string, args ...string) []byte {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	var stdout, stderr bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	require.NoError(t, c.Run(), "%s %q: %s", name, args, &stderr)
	return stdout.Bytes()
}
