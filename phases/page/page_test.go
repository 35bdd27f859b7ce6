package page_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/terminal"
	"github.com/pkitool/pkitool/phases/audit"
	"github.com/pkitool/pkitool/phases/page"
)

// parsed is a page as a reader of markup has it.
type parsed struct {
	whole string
	// shape are the elements, each with the names of its attributes, in order: what can act.
	shape    []string
	elements []xml.StartElement
	text     string
	style    string
	script   string
}

func written(t *testing.T, p page.Page) parsed {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, page.Write(&b, p))
	out := parsed{whole: b.String()}
	// Style and script are no markup, and ours: they are taken out first.
	cut := func(tag string) string {
		parts := strings.Split(b.String(), "<"+tag+">")
		require.Len(t, parts, 2, "one %s", tag)
		inside, _, ok := strings.Cut(parts[1], "</"+tag+">")
		require.True(t, ok)
		return inside
	}
	out.style, out.script = cut("style"), cut("script")
	rest := strings.NewReplacer(out.style, "", out.script, "").Replace(b.String())
	d := xml.NewDecoder(strings.NewReader(rest))
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta", "input"}, xml.HTMLEntity
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			shape := token.Name.Local
			for _, a := range token.Attr {
				shape += " " + a.Name.Local
			}
			out.shape = append(out.shape, shape)
			out.elements = append(out.elements, token.Copy())
			open = append(open, token.Name.Local)
		case xml.EndElement:
			require.Equal(t, open[len(open)-1], token.Name.Local, "an end of what is open")
			open = open[:len(open)-1]
		case xml.CharData:
			out.text += string(token)
		case xml.Comment, xml.ProcInst:
			assert.Fail(t, "no comment and no instruction", "%v", token)
		}
	}
	assert.Empty(t, open)
	return out
}

func (p parsed) all(attribute string) (out []string) {
	for _, e := range p.elements {
		for _, a := range e.Attr {
			if a.Name.Local == attribute {
				out = append(out, a.Value)
			}
		}
	}
	return out
}

// elements that a page is made of: none of them loads anything, but for what is in the file itself.
var elements = strings.Fields(`html head meta title style body script a svg symbol path header div h1 h2 h3 h4 h5 button p span time nav ul ol li
	main section table thead tbody tr th td small dl dt dd b code pre em label input select option g defs line text rect use desc footer`)

var attributes = strings.Fields(`lang charset name content http-equiv class id href hidden type aria-label aria-labelledby aria-hidden role tabindex scope
	datetime autocomplete value viewBox d x y x1 x2 y1 y2 width height rx data-rank data-for data-value`)

// A page is well-formed, leads nowhere else, and what refers to a part of it finds it.
func TestWrite(t *testing.T) {
	sound := page.Page{Title: "Sound", Now: now, Program: "pkitool", Directories: []audit.Directory{{CertDir: "pki", Trust: []*audit.Node{grown(audit.Root, "ca", -1, 1)}}}}
	empty := page.Page{Title: "Empty", Now: now, Program: "pkitool", Directories: []audit.Directory{{CertDir: "pki"}}}
	long := fleet(1)
	for i := range 500 {
		ca := long.Directories[0].Trust[0]
		ca.Issued = append(ca.Issued, grown(audit.Certificate, fmt.Sprintf("user-%d", i), -i, i))
	}
	for name, p := range map[string]page.Page{"one": fleet(1), "many": fleet(3), "sound": sound, "empty": empty, "long": long, "nothing": {}} {
		t.Run(name, func(t *testing.T) {
			got := written(t, p)
			assert.True(t, page.Is([]byte(got.whole)))
			for _, e := range got.elements {
				assert.Contains(t, elements, e.Name.Local)
				for _, a := range e.Attr {
					assert.Contains(t, attributes, a.Name.Local, e.Name.Local)
				}
			}
			ids := got.all("id")
			assert.Len(t, slices.Compact(slices.Sorted(slices.Values(ids))), len(ids), "no id twice")
			for _, to := range got.all("href") {
				assert.Contains(t, ids, strings.TrimPrefix(to, "#"))
				assert.True(t, strings.HasPrefix(to, "#"), to)
			}
			for _, to := range append(got.all("aria-labelledby"), got.all("data-for")...) {
				for id := range strings.FieldsSeq(to) {
					assert.Contains(t, ids, id)
				}
			}
			level := 0
			for _, e := range got.elements {
				if n := strings.Index("h1h2h3h4h5h6", e.Name.Local); n >= 0 && len(e.Name.Local) == 2 {
					assert.LessOrEqual(t, n/2+1, level+1, "no level of headings is left out")
					level = n/2 + 1
				}
			}
		})
	}
}

// What the policy lets run is what is in the file, and nothing in it makes markup of text or code of data.
func TestPolicy(t *testing.T) {
	got := written(t, fleet(2))
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	assert.Contains(t, got.all("content"), "default-src 'none'; style-src "+hash(got.style)+"; script-src "+hash(got.script)+"; base-uri 'none'; form-action 'none'")
	before, _, _ := strings.Cut(got.whole, "Content-Security-Policy")
	assert.NotContains(t, before, "<style", "the policy is told before what it is about")
	for _, s := range []string{got.style, got.script} {
		assert.NotRegexp(t, `<[/!]|&[a-z]`, s, "nothing that ends or changes the element")
	}
	assert.NotRegexp(t, `innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|fetch|XMLHttp|WebSocket|import|localStorage|sessionStorage|cookie|http`, got.script)
	assert.NotRegexp(t, `@import|url\(|http`, got.style)
	assert.Equal(t, written(t, fleet(1)).style, got.style)
	assert.Equal(t, written(t, fleet(1)).script, got.script)
	assert.NotContains(t, got.whole, "http:")
}

var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onload='alert(1)`, `javascript:alert(1)`, `]]>`, `</style><script>alert(1)</script>`, `</script>`,
	`--><svg onload=alert(1)>`, `&lt;b&gt;&amp;&#60;i>`, `</title></textarea></svg></table><iframe src=//x>`, "\u202egpj.exe\u2066", "a\x00b\r\n\x1b[31m", "\xff\xfe<i>", `{{.}}`, `${alert(1)}`,
}

// fill puts a text in the place of each text, however deep; what is no free text keeps its own.
func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), s)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), s)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), s)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() && v.Len() > 0 {
			v.SetString(s)
		}
	}
}

// Whatever stands in a name, a page has the same elements with the same attributes, and the name is shown as it is.
func TestHostile(t *testing.T) {
	filled := func(s string) parsed {
		p := fleet(2)
		fill(reflect.ValueOf(&p).Elem(), s)
		for _, d := range p.Directories { // a hint with a command in it, of two words
			for i := range d.Findings {
				d.Findings[i].Hint = "run `pkitool " + strings.NewReplacer(" ", "_", "`", "'").Replace(s) + "` now"
			}
		}
		return written(t, p)
	}
	harmless := filled("harmless")
	require.Greater(t, len(harmless.shape), 300)
	require.Contains(t, harmless.whole, "<span>harmless</span></code></pre>")
	require.Greater(t, strings.Count(harmless.text, "harmless"), 100)
	for _, s := range hostile {
		t.Run(s, func(t *testing.T) {
			got := filled(s)
			assert.Equal(t, harmless.shape, got.shape)
			assert.Equal(t, harmless.all("href"), got.all("href"))
			assert.Equal(t, harmless.script, got.script)
			assert.Greater(t, strings.Count(got.text, terminal.Line(s)), 60)
			assert.NotRegexp(t, "[\\x00-\\x08\\x0b-\\x1f\\x{202a}-\\x{202e}\\x{2066}-\\x{2069}]", got.whole)
		})
	}
}

// A name of megabytes makes no page of megabytes; a command is never cut.
func TestLongNames(t *testing.T) {
	p := fleet(1)
	fill(reflect.ValueOf(p.Directories[0].Trust).Index(0), strings.Repeat("<é", 1<<20))
	long := "pkitool " + strings.Repeat("x", 5000)
	p.Directories[0].Findings[0].Hint = "run `" + long + "` again, or `b`; see"
	got := written(t, p)
	assert.Less(t, len(got.whole), 200_000)
	assert.Contains(t, got.text, "…")
	want := `<p>run </p>` + "\n" + `<pre class="command"><code><span>pkitool</span> <span>` + long[8:] + `</span></code></pre><p>again, or <code>b</code>; see</p>`
	assert.True(t, strings.Contains(got.whole, want), "the command is whole, and on a line of its own")
}

// What a page says of its directories.
func TestWords(t *testing.T) {
	one, many := written(t, fleet(1)), written(t, fleet(2))
	for _, want := range []string{
		"9 certificates in /etc/kubernetes/pki · as of 2026-11-24 12:00 UTC", "2 errors", "1 warning", "3 findings in all",
		"20d leftalice, 2026-12-14", "500d leftusers-ca, 2028-04-07", "3 of CAs, 1 ended",
		"certificate lacks the names IP:192.0.2.10", "pki/etcd/server.crt", "TLS clients that use the name refuse the connection", "pkitool init phase certs etcd-server --reissue",
		"ended 4d ago", "not yet valid", "groups: kubeadm:cluster-admins", "server: https://192.0.2.10:6443", "not in this directory", "RSA-2048", "kubernetes-admin · kubeadm:cluster-admins",
	} {
		assert.Contains(t, one.text, want)
	}
	assert.Contains(t, one.all("aria-label"), "apiserver, certificate, issued by ca, cp-1, kubernetes, kubernetes.default.svc.cluster.local, 10.96.0.1 and 1 more, ended 4d ago, 1 finding, the worst: error")
	assert.Less(t, strings.Index(one.text, "certificate has expired"), strings.Index(one.text, "private key can be read by others"), "the worst comes first")
	assert.NotContains(t, one.text, "Overview")
	assert.Contains(t, many.text, "18 certificates in 2 directories")
	assert.Contains(t, many.text, "Overview")
	for _, name := range []string{"cluster-1", "cluster-2"} {
		assert.GreaterOrEqual(t, strings.Count(many.text, name), 3, "in the navigation, the overview, its heading and the table")
	}
	assert.Contains(t, written(t, page.Page{Directories: []audit.Directory{{CertDir: "x"}}}).text, "Nothing is wrong here.")
}

// A line of the table leads to its own findings, whatever else has the same ones.
func TestLinks(t *testing.T) {
	p := fleet(2)
	for i := range p.Directories {
		d := &p.Directories[i]
		for _, name := range []string{"a", "b"} { // files of no row
			n := with(grown(audit.Certificate, name, -10, -1), func(n *audit.Node) { n.Row = "" })
			d.Trust = append(d.Trust, ill(n, finding.Error, finding.CertificateExpired))
			d.Findings = append(d.Findings, finding.New(finding.CertificateExpired, "then").At("", "", n.Path).Shown(finding.Check))
		}
	}
	got := written(t, p)
	for file, id := range map[string]string{"pki/apiserver.crt": "f2", "pki/a.crt": "f3", "pki/b.crt": "f4"} {
		for _, d := range []string{"d1", "d2"} {
			line := regexp.MustCompile(`<tr data-rank="3"><th[^\n]*<small>` + file + `</small>[^\n]*href="#` + d + id + `">certificate-expired</a>`)
			assert.Len(t, line.FindAllString(got.whole, -1), 1, "%s %s", d, file)
			assert.Regexp(t, `<li id="`+d+id+`"(.|\n)*?<dt>File</dt><dd><code>`+file, got.whole[strings.Index(got.whole, `<li id="`+d+id):][:1000])
		}
	}
}

// More than anybody looks at is told, not drawn; the worst is drawn.
func TestMany(t *testing.T) {
	p := fleet(1)
	ca := p.Directories[0].Trust[1]
	for i := range 1000 {
		ca.Issued = append(ca.Issued, grown(audit.Certificate, fmt.Sprintf("user-%d", i), -1, 400))
	}
	ill(ca.Issued[900], finding.Error, finding.CertificateExpired)
	got := written(t, p)
	assert.Contains(t, got.text, "and 941 more, in the table of all certificates")
	assert.Contains(t, got.text, "609 more end later: they are in the table of all certificates.")
	drawn := regexp.MustCompile(`aria-label="user-(\d+), certificate`).FindAllStringSubmatch(got.whole, -1)
	assert.Len(t, drawn, 59)
	assert.Equal(t, "899", drawn[0][1])
	assert.Equal(t, 1009, strings.Count(got.whole, "<tr data-rank"))
}

func TestIs(t *testing.T) {
	for _, other := range []string{"", "x", "<!DOCTYPE html>\n<html><body>", "-----BEGIN PRIVATE KEY-----\n"} {
		assert.False(t, page.Is([]byte(other)), other)
	}
}

// full takes so many bytes and no more.
type full int

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), int(*f))
	*f -= full(n)
	if n < len(p) {
		return n, io.ErrShortBuffer
	}
	return n, nil
}

func TestLost(t *testing.T) {
	for _, room := range []full{0, 100, 30_000} {
		assert.ErrorIs(t, page.Write(&room, fleet(1)), io.ErrShortBuffer)
	}
}
