package picture_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/audit"
	"github.com/pkitool/pkitool/phases/picture"
)

const day = 24 * 60 * 60

var (
	end        = time.Date(2027, 11, 24, 12, 0, 0, 0, time.UTC)
	err1, warn = finding.Error, finding.Warning
	note       = finding.Notice
)

// numbered gives the nodes their ids, as audit does.
func numbered(nodes ...*audit.Node) []*audit.Node {
	count := 0
	var walk func(list []*audit.Node)
	walk = func(list []*audit.Node) {
		for _, n := range list {
			count++
			n.ID = fmt.Sprintf("n%d", count)
			walk(n.Issued)
		}
	}
	walk(nodes)
	return nodes
}

func node(kind audit.NodeKind, name string, left int64, life float64, issued ...*audit.Node) *audit.Node {
	n := &audit.Node{Kind: kind, Name: name, Row: name, ResidualTime: left, LifeLeft: life, KeyAlgorithm: "ECDSA-P256", Issued: issued}
	if kind != audit.KeyPair && kind != audit.UnknownIssuer {
		n.NotAfter = &end
	}
	return n
}

func user(n *audit.Node, cn string, groups ...string) *audit.Node {
	n.Subject = &phases.Subject{CommonName: cn, Organization: groups}
	return n
}

func with(n *audit.Node, change func(*audit.Node)) *audit.Node {
	change(n)
	return n
}

func serves(names ...string) func(*audit.Node) {
	return func(n *audit.Node) { n.Usages, n.SANs = []string{"server"}, names }
}

// sample is a directory with one of everything.
func sample() []audit.Directory {
	api := with(user(node(audit.Certificate, "apiserver", 200*day, 0.55), "kube-apiserver"), serves("DNS:cp-1", "DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc",
		"DNS:kubernetes.default.svc.cluster.local", "IP:10.96.0.1", "IP:192.0.2.10", "URI:spiffe://example.com/a"))
	kubelet := with(user(node(audit.Certificate, "apiserver-kubelet-client", -5, 0), "kube-apiserver-kubelet-client", "kubeadm:cluster-admins"), func(n *audit.Node) {
		n.Severity, n.Findings = &err1, []finding.ID{finding.CertificateExpired, finding.CAKeyElsewhere, finding.FileOpen}
	})
	admin := with(user(node(audit.Kubeconfig, "admin.conf", 20*day, 0.055), "kubernetes-admin", "kubeadm:cluster-admins", "system:masters"), func(n *audit.Node) {
		n.Server, n.Severity, n.Findings = "https://192.0.2.10:6443", &warn, []finding.ID{finding.CertificateExpiring}
	})
	young := with(user(node(audit.Certificate, "etc/漢字.crt", 400*day, 1), "漢字"), func(n *audit.Node) { n.NotYetValid, n.Path = true, "/pki/etc/漢字.crt" })
	ca := with(user(node(audit.Intermediate, "ca", 9*365*day, 0.9, api, kubelet, admin, young), "kubernetes"), func(n *audit.Node) {
		n.KeyHere, n.Also, n.Severity, n.Findings = true, []string{"etcd-ca", "old.crt"}, &note, []finding.ID{finding.CAKeyElsewhere}
	})
	root := user(node(audit.Root, "ca#2", 19*365*day, 0.95, ca), "Corporate", "Example Inc.")
	cut := with(user(node(audit.Intermediate, "x.crt", 1*day, 0.0001), "x"), func(n *audit.Node) { n.Issuer = "CN = y" })
	unknown := with(node(audit.UnknownIssuer, "CN = gone", 0, 0, user(node(audit.Certificate, "front-proxy-client", 90, 0.4), "front-proxy-client")), func(n *audit.Node) {
		n.KeyID, n.Row = "0123456789abcdef0123456789abcdef01234567", ""
	})
	token := with(node(audit.Kubeconfig, "token.conf", 0, 0), func(n *audit.Node) { n.NotAfter, n.Server = nil, "https://a.example.com" })
	broken := with(node(audit.Certificate, "etcd-peer", 0, 0), func(n *audit.Node) {
		n.NotAfter, n.Unreadable, n.Severity, n.Findings = nil, true, &err1, []finding.ID{finding.PEMMissing}
	})
	alone := user(node(audit.Certificate, "lonely", 3*day, 0.3), "lonely")
	sa := node(audit.KeyPair, "sa", 0, 0)
	shown := func(id finding.ID, severity finding.Severity, row, path string) finding.Shown {
		return finding.Shown{ID: id, Severity: severity, Row: row, Path: path}
	}
	return []audit.Directory{
		{Name: "prod", CertDir: "/etc/kubernetes/pki", KubeconfigDir: "/etc/kubernetes", Trust: numbered(root, cut, unknown, token, broken, alone, sa), Findings: []finding.Shown{
			shown(finding.CertificateExpired, err1, "apiserver-kubelet-client", ""), shown(finding.FileOpen, err1, "apiserver-kubelet-client", ""),
			shown(finding.CertificateExpiring, warn, "admin.conf", ""), shown(finding.PEMMissing, err1, "etcd-peer", ""), shown(finding.CAKeyElsewhere, note, "ca", ""),
			shown(finding.CAKeyElsewhere, note, "ca", ""), shown(finding.CAShared, warn, "etcd-ca", ""), shown(finding.FileOpen, warn, "", "/pki/etc/漢字.crt"),
			shown(finding.CertificateMissing, err1, "scheduler", "/etc/kubernetes/scheduler.conf"), shown(finding.DirectoryOpen, warn, "", "/etc/kubernetes/pki/etcd"), shown(finding.CAKeyElsewhere, note, "front-proxy-ca", ""),
		}},
		{CertDir: "backup", KubeconfigDir: "backup", Trust: []*audit.Node{}},
	}
}

func text(t testing.TB, dirs []audit.Directory, o picture.TextOptions) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, picture.Text(&out, dirs, o))
	return out.String()
}

// TestGolden: UPDATE_GOLDEN=1 writes them anew; look at what changed.
func TestGolden(t *testing.T) {
	draw := map[string]string{}
	for _, width := range []int{40, 60, 80, 120} {
		draw[fmt.Sprintf("picture_%d", width)] = text(t, sample(), picture.TextOptions{Width: width})
	}
	draw["picture_ascii"] = text(t, sample(), picture.TextOptions{Width: 80, ASCII: true})
	var mermaid, dot bytes.Buffer
	require.NoError(t, picture.Mermaid(&mermaid, sample()))
	require.NoError(t, picture.Dot(&dot, sample()))
	draw["picture_mermaid"], draw["picture_dot"] = mermaid.String(), dot.String()
	for name, got := range draw {
		file := filepath.Join("..", "..", "testdata", "golden", name+".txt")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, string(want), got, name)
	}
	assert.True(t, strings.IndexFunc(strings.NewReplacer("漢", "", "字", "").Replace(draw["picture_ascii"]), func(r rune) bool { return r > 126 }) < 0)
}

var colors = regexp.MustCompile(`\x1b\[\d+m`)

// TestColors: they change nothing but the colour, and none lasts longer than its line.
func TestColors(t *testing.T) {
	plain := text(t, sample(), picture.TextOptions{Width: 80})
	colored := text(t, sample(), picture.TextOptions{Width: 80, Color: true})
	assert.NotContains(t, plain, "\x1b")
	assert.Equal(t, plain, colors.ReplaceAllString(colored, ""))
	for line := range strings.Lines(colored) {
		all := colors.FindAllString(line, -1)
		for i, c := range all {
			assert.Equal(t, i%2 == 1, c == "\x1b[0m", "%q", line)
		}
		assert.Zero(t, len(all)%2, "%q", line)
	}
	for _, want := range []string{"\x1b[31m✗\x1b[0m ", "\x1b[33m!\x1b[0m ", "\x1b[31mexpired\x1b[0m", "\x1b[33m20d\x1b[0m", "\x1b[32m200d\x1b[0m", "\x1b[31mnot yet\x1b[0m", "\x1b[31m✗ certificate-expired"} {
		assert.Contains(t, colored, want)
	}
}

// wide counts cells by a rule of its own: CJK and other signs above it take two.
func wide(line string) int {
	n := 0
	for _, r := range line {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) && (r < 0x1160 || r > 0x11ff) && (r < 0xff61 || r > 0xffdc), r >= 0x1f300 && r < 0x1f650:
			n += 2
		default:
			n++
		}
	}
	return n
}

func TestWidth(t *testing.T) {
	for width := 1; width <= 200; width++ {
		for _, ascii := range []bool{false, true} {
			for line := range strings.Lines(text(t, sample(), picture.TextOptions{Width: width, ASCII: ascii})) {
				assert.LessOrEqual(t, wide(strings.TrimSuffix(line, "\n")), max(width, picture.MinWidth), "%d: %q", width, line)
			}
		}
	}
}

// TestColumns: what is left begins at the same column in each line, and so does what is told.
func TestColumns(t *testing.T) {
	for _, width := range []int{80, 90, 100, 120, 150, 200} {
		bars, told := map[int]bool{}, map[int]bool{}
		for line := range strings.Lines(text(t, sample(), picture.TextOptions{Width: width})) {
			if i := strings.IndexAny(line, "█░"); i >= 0 {
				bars[wide(line[:i])] = true
			}
			for _, word := range []string{"Corporate", "cp-1", "kube-apiserver-kub", "✗ certificate-expired", "kubernetes-admin", "! certificate-expiring", "not here", "cannot be read", "ECDSA-P256 key pair"} {
				if i := strings.Index(line, word); i >= 0 {
					told[wide(line[:i])] = true
				}
			}
		}
		assert.Len(t, bars, 1, "%d", width)
		assert.Len(t, told, 1, "%d", width)
	}
}

// TestMissing: many things that are not here are counted.
func TestMissing(t *testing.T) {
	d := audit.Directory{CertDir: "pki"}
	for i := range 13 {
		d.Findings = append(d.Findings, finding.Shown{ID: finding.CertificateMissing, Severity: finding.Error, Row: fmt.Sprint("row-", i)})
	}
	got := text(t, []audit.Directory{d}, picture.TextOptions{Width: 80})
	assert.Contains(t, got, "✗ row-9: certificate-missing\n  and 3 more findings of what is not here\n")
	assert.NotContains(t, got, "row-10")
}

// hostile is a name that would be something else than a name.
const hostile = "\x1b[31mred\u009b0m\u202e\r\nfake: line\t\"]-->end;%%{init:{}}%%click <b>&lt;#quot;#35;`*x*`$$\\n\\\\\\\"|{}subgraph fa:fa-ban\x00\xff漢字\u0301"

// full is a picture in which every text is the same.
func full(s string) []audit.Directory {
	everything := func(kind audit.NodeKind, issued ...*audit.Node) *audit.Node {
		return &audit.Node{Kind: kind, Name: s, Row: s, Path: s, Also: []string{s, s}, Subject: &phases.Subject{CommonName: s, Organization: []string{s, s}}, Issuer: s,
			SANs: []string{s, "DNS:" + s}, Server: s, KeyAlgorithm: "RSA-2048", KeyID: "0a", NotAfter: &end, ResidualTime: day, LifeLeft: 0.5, Issued: issued}
	}
	server := everything(audit.Certificate)
	server.Usages = []string{"server"}
	deep := everything(audit.Certificate)
	for range 15 {
		deep = everything(audit.Intermediate, deep, everything(audit.Kubeconfig))
	}
	return []audit.Directory{{Name: s, CertDir: s, KubeconfigDir: s, Findings: []finding.Shown{{ID: finding.FileOpen, Severity: finding.Error, Row: s + "?"}},
		Trust: numbered(everything(audit.Root, deep, server), everything(audit.Intermediate), everything(audit.Certificate), everything(audit.UnknownIssuer), everything(audit.KeyPair))}}
}

func TestHostile(t *testing.T) { holds(t, hostile, 80) }

// holds are the laws of pictures: nothing acts on a terminal, no line is too wide, a text begins no line; and in a diagram
// the lines are ours, and what is between quotes holds none.
func holds(t *testing.T, s string, width int) {
	dirs := full(s)
	for _, o := range []picture.TextOptions{{Width: width}, {Width: width, ASCII: true}, {Width: width, Color: true}} {
		got := text(t, dirs, o)
		for line := range strings.Lines(colors.ReplaceAllString(got, "")) {
			line = strings.TrimSuffix(line, "\n")
			assert.Equal(t, -1, strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", line)
			assert.LessOrEqual(t, wide(line), max(width, picture.MinWidth), "%q", line)
			assert.False(t, strings.HasPrefix(strings.TrimSpace(line), "fake:"), "%q", line)
			assert.Less(t, len(line), 10000)
		}
	}
	nodes := 16 + 16 + 5
	shape := regexp.MustCompile(`^(flowchart LR|  subgraph d1\["[^"` + "`" + `<>{}%$&*_|\\~\[\]:]*"\]|    direction LR|    d1n\d+\["(?:[^"` + "`" + `<>{}%$&*_|\\~\[\]:]|<br/>)*"\]|    d1n\d+ --> d1n\d+|  end|  style d1n\d+ [a-z0-9:#,-]+)$`)
	var out bytes.Buffer
	require.NoError(t, picture.Mermaid(&out, dirs))
	boxes := 0
	for line := range strings.Lines(out.String()) {
		assert.Regexp(t, shape, strings.TrimSuffix(line, "\n"))
		if strings.HasPrefix(line, "    d1n") && strings.Contains(line, "[") {
			boxes++
		}
	}
	assert.Equal(t, nodes, boxes)
	out.Reset()
	require.NoError(t, picture.Dot(&out, dirs))
	shape = regexp.MustCompile(`^(digraph pki \{|  rankdir=LR;|  node \[shape=box\];|  subgraph cluster_1 \{|    label="(?:[^"\\]|\\.)*";|    d1n\d+ \[label="(?:[^"\\]|\\.)*"(?:, [a-z]+=[a-z0-9"#]+)*\];|    d1n\d+ -> d1n\d+;|  ?\}|\})$`)
	boxes = 0
	for line := range strings.Lines(out.String()) {
		assert.Regexp(t, shape, strings.TrimSuffix(line, "\n"))
		boxes += strings.Count(line, " [label=")
	}
	assert.Equal(t, nodes, boxes)
}

func FuzzPicture(f *testing.F) {
	for i, s := range []string{"", "plain", hostile, strings.Repeat("漢", 300), strings.Repeat("e\u0301", 3000), strings.Repeat("x y ", 900), "\\", "\"", "#", "\xff", "1. a", "👩\u200d👩\ufe0f"} {
		f.Add(s, 40+i)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		if len(s) > 1000 {
			s = s[:1000]
		}
		defer fuzzbound.Hold(t, 500*len(s))()
		holds(t, s, width%300)
	})
}

// TestCrowd: what holds a hundred thousand names is told in as many lines as what holds ten.
func TestCrowd(t *testing.T) {
	var names []string
	for i := range 100_000 {
		names = append(names, fmt.Sprintf("DNS:host-%d", i))
	}
	n := with(node(audit.Certificate, "crowd", day, 0.5), serves(names...))
	got := text(t, []audit.Directory{{CertDir: "pki", Trust: numbered(node(audit.Root, "ca", day, 0.5, n))}}, picture.TextOptions{Width: 80})
	assert.Equal(t, `pki
2 certificates

  ca        ████░░░░ 24h  ECDSA-P256, key elsewhere
  └─ crowd  ████░░░░ 24h  host-0, host-1, host-2, host-3, host-4, host-5,
                          host-6, host-7, host-8, host-9, host-10, host-11,
                          host-12, host-13, host-14, host-15, host-16, …(+99983)
`, got)
}
