package pictures_test

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reports are the pages that are looked at, each made by the program.
func reports(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	run := pkitool(t, dir)
	for _, name := range []string{"production", "staging", "hostile"} {
		cluster(run, name)
	}
	grown(t, at("production"))
	infested(t, at("hostile"))
	run("certs", "report", "staging", "--out", "sound.html")
	run("certs", "report", "production", "--title", "Kubernetes PKI, production", "--out", "grown.html")
	args := []string{"certs", "report", "--title", hostile[0] + hostile[5], "--out", "hostile.html"}
	for _, name := range hostile {
		args = append(args, "--dir", strings.ReplaceAll(name, "=", "")+"=hostile")
	}
	run(args...)
	run("certs", "report", "--dir", "Production=production", "--dir", "Staging=staging", "--dir", "Staging, a copy=staging", "--out", "fleet.html")
	return map[string]string{"sound": at("sound.html"), "grown": at("grown.html"), "hostile": at("hostile.html"), "fleet": at("fleet.html")}
}

// TestReport opens the HTML reports in a real browser.
func TestReport(t *testing.T) {
	browser := chromium(t)
	files := reports(t)
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			b := open(t, browser, file, true)
			t.Run("markup", func(t *testing.T) { b.t = t; b.markup() })
			t.Run("widths", func(t *testing.T) { b.t = t; b.widths() })
			t.Run("contrast", func(t *testing.T) { b.t = t; b.contrast() })
			t.Run("names", func(t *testing.T) { b.t = t; b.names() })
			b.t = t
			b.quiet()
		})
	}
	t.Run("use", func(t *testing.T) {
		b := open(t, browser, files["grown"], true)
		t.Run("search", func(t *testing.T) { b.t = t; b.search() })
		t.Run("sort", func(t *testing.T) { b.t = t; b.sort() })
		t.Run("theme", func(t *testing.T) { b.t = t; b.theme() })
		t.Run("keyboard", func(t *testing.T) { b.t = t; b.keyboard() })
		t.Run("copy", func(t *testing.T) { b.t = t; b.copy() })
		t.Run("print", func(t *testing.T) { b.t = t; b.print() })
		b.t = t
		b.quiet()
	})
	t.Run("without scripts", func(t *testing.T) {
		b := open(t, browser, files["grown"], false)
		assert.Zero(t, ask[int](b, `all('button, input, select').filter(seen).length`+helpers), "nothing that would not work")
		assert.Equal(t, ask[int](b, `all('#all tbody tr').length`+helpers), ask[int](b, `all('#all tbody tr').filter(seen).length`+helpers))
		assert.Contains(t, ask[string](b, `document.body.innerText`), "What to do")
		b.quiet()
	})
	t.Run("screenshots", func(t *testing.T) { screenshots(t, browser, files) })
}

// helpers are what the expressions below are written with; they are hoisted, so they can stand behind.
const helpers = `
;function all(selector) { return Array.from(document.querySelectorAll(selector)); }
function seen(e) { return e.getClientRects().length > 0 && getComputedStyle(e).visibility === 'visible'; }`

// markup: whatever the names are, the page has only the elements of the program, and none that acts.
func (b *tab) markup() {
	t := b.t
	assert.Equal(t, 1, ask[int](b, `document.scripts.length`))
	assert.Equal(t, 1, ask[int](b, `document.styleSheets.length`))
	assert.Empty(t, ask[[]string](b, `all('img, image, iframe, object, embed, form, base, link, video, audio, foreignObject, template, [style], [src], [autofocus]').map((e) => e.outerHTML)`+helpers))
	assert.Empty(t, ask[[]string](b, `all('*').flatMap((e) => Array.from(e.attributes)).filter((a) => a.name.startsWith('on')).map((a) => a.name)`+helpers))
	assert.Empty(t, ask[[]string](b, `all('[href]').map((e) => e.getAttribute('href')).filter((to) => !/^#[a-z][a-z0-9-]*$/.test(to) || !document.getElementById(to.slice(1)))`+helpers))
	assert.Empty(t, ask[[]string](b, `all('[id]').map((e) => e.id).filter((id, i, ids) => ids.indexOf(id) !== i)`+helpers))
	if strings.Contains(b.url, "hostile") {
		text := ask[string](b, `document.body.textContent`)
		for _, name := range hostile {
			assert.Contains(t, text, strings.ReplaceAll(name, "\u202e", `\u202e`), "shown as it is")
		}
		assert.Contains(t, ask[string](b, `document.title`), hostile[0])
	}
	// A style or a script that is not ours does not run, even if it gets into the page.
	assert.False(t, ask[bool](b, `(() => { const s = document.createElement('script'); s.textContent = 'window.ran = true'; document.body.append(s); s.remove(); return window.ran === true; })()`))
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.Len(t, b.faults, 1, "the browser says that it did not run")
	b.faults = nil
}

// widths: at no width does the page itself have to be moved sideways.
func (b *tab) widths() {
	for _, width := range []int64{360, 800, 1440} {
		b.size(width)
		assert.LessOrEqual(b.t, ask[int64](b, `document.documentElement.scrollWidth`), width, "%d pixels", width)
		assert.Empty(b.t, ask[[]string](b, `all('body *').filter((e) => seen(e) && !e.closest('.scroll > *, svg, .skip') && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 200))`+helpers), "%d pixels", width)
	}
	b.size(1440)
}

// contrast: every text has that of WCAG AA to what is behind it, in both themes.
func (b *tab) contrast() {
	for _, scheme := range []string{"light", "dark"} {
		b.media("screen", scheme)
		type text struct {
			Text, Ink, Ground string
			Ratio             float64
		}
		all := ask[[]text](b, contrasts)
		assert.Greater(b.t, len(all), 100)
		for _, pair := range all {
			assert.GreaterOrEqual(b.t, pair.Ratio, 4.5, "%s: %+v", scheme, pair)
		}
	}
	b.media("screen", "light")
}

//go:embed contrasts.js
var contrasts string

// names: whatever takes the keyboard or says a state has a name, and the picture is a list of lists.
func (b *tab) names() {
	t := b.t
	nodes := call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes
	text := func(v *accessibility.Value) string {
		if v == nil {
			return ""
		}
		return strings.Trim(string(v.Value), `"`)
	}
	roles := map[string]int{}
	for _, n := range nodes {
		if n.Ignored {
			continue
		}
		role := text(n.Role)
		roles[role]++
		named := slices.Contains([]string{"button", "link", "searchbox", "combobox", "region", "navigation", "image", "columnheader", "rowheader", "heading", "table"}, role)
		for _, p := range n.Properties {
			named = named || p.Name == accessibility.PropertyNameFocusable && string(p.Value.Value) == "true" && role != "RootWebArea"
		}
		if named {
			assert.NotEmpty(t, text(n.Name), "%s: %+v", role, n)
		}
	}
	for _, role := range []string{"banner", "main", "contentinfo", "heading", "searchbox", "combobox", "status", "table", "columnheader", "button", "list", "listitem", "region"} {
		assert.NotZero(t, roles[role], role)
	}
	assert.Greater(t, roles["listitem"], 30, "the bars and the cards")
	assert.Equal(t, 1, ask[int](b, `all('h1').length`+helpers))
}

const rows = `all('#table > tr').filter(seen)`

func (b *tab) count(expression string) int {
	b.t.Helper()
	return ask[int](b, expression+".length"+helpers)
}

// search filters the table, and says how many are left.
func (b *tab) search() {
	t := b.t
	status := func() string {
		return ask[string](b, `document.querySelector('[data-for=table] [role=status]').textContent`)
	}
	field := chromedp.CSS("[data-for=table] input")
	total := b.count(rows)
	require.Greater(t, total, 10)
	assert.Equal(t, fmt.Sprintf("%d of %d shown", total, total), status())
	b.do(chromedp.SendKeys(field, "ETCD peer"))
	assert.Equal(t, 1, b.count(rows))
	assert.Equal(t, fmt.Sprintf("1 of %d shown", total), status())
	b.do(chromedp.SendKeys(field, "nothing has this name"))
	assert.Zero(t, b.count(rows))
	assert.Equal(t, fmt.Sprintf("0 of %d shown", total), status())
	b.set("[data-for=table] input", "")
	assert.Equal(t, total, b.count(rows))
	b.set("[data-for=table] select", "3")
	errors := b.count(rows)
	assert.Greater(t, errors, 0)
	assert.Less(t, errors, total)
	b.set("[data-for=table] select", "1")
	assert.GreaterOrEqual(t, b.count(rows), errors)
	b.set("[data-for=table] select", "0")

	const findings = `all('.findings > li').filter(seen)`
	all := b.count(findings)
	require.Greater(t, all, 2)
	b.set("[data-for=d1-findings] select", "3")
	assert.Less(t, b.count(findings), all)
	assert.Greater(t, b.count(findings), 0)
	// A link to a finding that is hidden shows it.
	b.set("[data-for=d1-findings] input", "nothing has this name")
	assert.Zero(t, b.count(findings))
	ask[bool](b, `document.querySelector('#table a').click(), true`)
	b.until(fmt.Sprintf(`all('.findings > li').filter(seen).length === %d`, all) + helpers)
}

// until waits for what the page does a moment later.
func (b *tab) until(condition string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return ask[bool](b, condition) }, limit, 20*time.Millisecond, condition)
}

// set chooses a value as somebody at the page does.
func (b *tab) set(selector, value string) {
	b.t.Helper()
	ask[bool](b, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.value = %q; e.dispatchEvent(new Event('input', {bubbles: true})); return e.dispatchEvent(new Event('change', {bubbles: true})); })()`, selector, value))
}

// sort sorts both ways, by mouse and by keyboard.
func (b *tab) sort() {
	t := b.t
	column := func(i int) (out []string) {
		return ask[[]string](b, fmt.Sprintf(`all('#table > tr').map((r) => r.cells[%d].dataset.value || r.cells[%[1]d].textContent)`, i)+helpers)
	}
	states := func() string {
		return ask[string](b, `all('#all thead th').map((h) => h.getAttribute('aria-sort') || '-').join(' ')`+helpers)
	}
	head := func(i int) string { return fmt.Sprintf("#all thead th:nth-child(%d) button", i+1) }
	const ends = 5
	before := column(ends)
	sorted := slices.Sorted(slices.Values(before)) // Unix times of one length
	require.NotEqual(t, sorted, before, "something is there to sort")
	assert.Equal(t, "- - - - - - - -", states())
	b.do(chromedp.Click(chromedp.CSS(head(ends))))
	assert.Equal(t, sorted, column(ends))
	assert.Equal(t, "- - - - - ascending - -", states())
	b.do(chromedp.Click(chromedp.CSS(head(ends))))
	slices.Reverse(sorted)
	assert.Equal(t, sorted, column(ends))
	assert.Equal(t, "- - - - - descending - -", states())

	ask[bool](b, fmt.Sprintf(`document.querySelector(%q).focus(), true`, head(0)))
	b.do(chromedp.KeyEvent("\r"))
	assert.Equal(t, "ascending - - - - - - -", states())
	names := column(0)
	assert.True(t, strings.HasPrefix(names[0], "admin.conf"), names[0])
	b.do(chromedp.KeyEvent(" "))
	assert.Equal(t, "descending - - - - - - -", states())
	slices.Reverse(names)
	assert.Equal(t, names, column(0))
}

// theme follows the system, and the button, and comes back.
func (b *tab) theme() {
	t := b.t
	ground := func() string { return ask[string](b, `getComputedStyle(document.body).backgroundColor`) }
	pressed := func() string { return ask[string](b, `document.getElementById('theme').getAttribute('aria-pressed')`) }
	b.media("screen", "light")
	light := ground()
	assert.Equal(t, "false", pressed())
	b.media("screen", "dark")
	dark := ground()
	assert.NotEqual(t, light, dark)
	b.until(`document.getElementById('theme').getAttribute('aria-pressed') === 'true'`)
	b.do(chromedp.Click(chromedp.CSS("#theme")))
	assert.Equal(t, light, ground())
	assert.Equal(t, "false", pressed())
	b.do(chromedp.Click(chromedp.CSS("#theme")))
	assert.Equal(t, dark, ground())
	b.media("screen", "light")
	assert.Equal(t, dark, ground(), "who chose has chosen")
	b.media("print", "dark")
	assert.NotEqual(t, dark, ground(), "paper is white")
	b.media("screen", "light")
	b.do(chromedp.Click(chromedp.CSS("#theme")))
	assert.Equal(t, light, ground())
}

// keyboard: the first step leads past the header; every step can be seen, and reaches each control.
func (b *tab) keyboard() {
	t := b.t
	b.do(chromedp.Navigate(b.url), chromedp.KeyEvent("\t"))
	assert.Equal(t, "skip", ask[string](b, `document.activeElement.className`))
	assert.True(t, ask[bool](b, `document.activeElement.getBoundingClientRect().top >= 0`), "it comes into sight")
	b.do(chromedp.KeyEvent("\r"))
	assert.Equal(t, "#main", ask[string](b, `location.hash`))
	b.do(chromedp.Navigate(b.url))
	controls := b.count(`all('a, button, input, select, [tabindex]').filter(seen)`)
	met := map[string]bool{}
	for range controls {
		b.do(chromedp.KeyEvent("\t"))
		met[ask[string](b, `(() => { const e = document.activeElement; e.dataset.met = e.dataset.met || String(document.querySelectorAll('[data-met]').length); return e.dataset.met; })()`)] = true
		assert.NotEqual(t, "none", ask[string](b, `getComputedStyle(document.activeElement).outlineStyle`), "the focus can be seen: %s", ask[string](b, `document.activeElement.outerHTML.slice(0, 200)`))
	}
	assert.Len(t, met, controls)
}

// copy puts the command beside the button where one can paste it from.
func (b *tab) copy() {
	b.do(chromedp.Click(chromedp.CSS(".command + button")))
	b.until(`document.querySelector('.command + button').textContent === 'Copied'`)
	assert.Contains(b.t, ask[string](b, `document.querySelector('.command').textContent`), "pkitool ")
}

// print shows everything, whatever is filtered, and no control.
func (b *tab) print() {
	t := b.t
	total := b.count(rows)
	b.set("[data-for=table] input", "nothing has this name")
	b.set("[data-for=d1-findings] input", "nothing has this name")
	require.Zero(t, b.count(rows))
	b.media("print", "light")
	assert.Equal(t, total, b.count(rows))
	assert.Equal(t, b.count(`all('.findings > li')`), b.count(`all('.findings > li').filter(seen)`))
	assert.Zero(t, b.count(`all('input, select, #theme, .command + button').filter(seen)`))
	assert.Empty(t, ask[[]string](b, `all('.scroll').filter((e) => getComputedStyle(e).overflow !== 'visible').map((e) => e.className)`+helpers))
	pdf := call(b, page.PrintToPDF, page.PrintToPDFParams{PreferCSSPageSize: yes(), PrintBackground: yes()}).Data
	assert.True(t, strings.HasPrefix(string(pdf), "%PDF-"))
	if dir := os.Getenv("PKITOOL_SCREENSHOTS"); dir != "" {
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "grown.pdf"), pdf, 0o644))
	}
	b.media("screen", "light")
	assert.Zero(t, b.count(rows))
}

func yes() *bool { b := true; return &b }

// screenshots are for people: PKITOOL_SCREENSHOTS names a directory for them. report.png of it is docs/report.png.
func screenshots(t *testing.T, browser context.Context, files map[string]string) {
	dir := os.Getenv("PKITOOL_SCREENSHOTS")
	if dir == "" {
		t.Skip("PKITOOL_SCREENSHOTS names no directory for them")
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for name, file := range files {
		b := open(t, browser, file, true)
		for _, width := range []int64{360, 800, 1440} {
			for _, scheme := range []string{"light", "dark"} {
				b.size(width)
				b.media("screen", scheme)
				clip := &page.Viewport{Width: float64(width), Height: min(ask[float64](b, `document.documentElement.scrollHeight`), 8000), Scale: 1}
				picture := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{Clip: clip, CaptureBeyondViewport: yes()}).Data
				require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), picture, 0o644))
			}
		}
	}
	b := open(t, browser, files["grown"], true)
	b.size(1280)
	end := ask[float64](b, `document.getElementById('certificates').getBoundingClientRect().top + scrollY`)
	picture := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{Clip: &page.Viewport{Width: 1280, Height: end, Scale: 1}, CaptureBeyondViewport: yes()}).Data
	small := fewColours(t, picture)
	assert.Less(t, len(small), 300_000)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "report.png"), small, 0o644))
}

// fewColours is a picture in the 256 colours that it has most of: half of the bytes.
func fewColours(t *testing.T, data []byte) []byte {
	t.Helper()
	from, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	count := map[color.Color]int{}
	at := from.Bounds()
	for y := range at.Dy() {
		for x := range at.Dx() {
			count[from.At(x, y)]++
		}
	}
	palette := color.Palette(slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] }))
	to := image.NewPaletted(at, palette[:min(len(palette), 256)])
	draw.Draw(to, at, from, at.Min, draw.Src)
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to))
	return out.Bytes()
}
