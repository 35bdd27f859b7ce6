package terminal_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/internal/terminal"
)

func TestCut(t *testing.T) {
	a := strings.Repeat
	path := "/" + a("d", 100) + "/" + a("e", 100) + "/apiserver.crt"
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"a sentence", "file is empty (pki/ca.crt)", "file is empty (pki/ca.crt)"},
		{"a long sentence", a("word ", 600), a("word ", 600)},
		{"a long path", path, path},
		{"a longer one keeps its end", a("/"+a("d", 100), 5) + "/apiserver.crt)", a("/"+a("d", 100), 5)[:224] + "..." + a("d", 17) + "/apiserver.crt)"},
		{"a value", "name " + a("x", 1000) + " is too long", "name " + a("x", 224) + "..." + a("x", 31) + " is too long"},
		{"a list", a("DNS:a ", 1000), a("DNS:a ", 1000)[:3584] + "..." + a("DNS:a ", 1000)[6000-512:]},
		{"whole characters", a("\u00e9", 200) + a("x", 31) + a("\u20ac", 30), a("\u00e9", 112) + "..." + a("\u20ac", 10)},
		{"no characters", a("\xbf", 300), "..."},
	} {
		assert.Equal(t, c.want, terminal.Cut(c.text), c.name)
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b[31mred", "a\nb", "\u202e", "\xff\xfe", "\u00e9\u20ac", strings.Repeat("x", 5000), strings.Repeat("\x00 ", 3000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		defer fuzzbound.Hold(t, len(s))()
		got := terminal.Line(terminal.Cut(s))
		assert.Equal(t, got, terminal.Line(got), "what was shown is shown as it is")
		assert.True(t, utf8.ValidString(got))
		assert.NotContains(t, got, "\n")
		assert.LessOrEqual(t, len(got), 10*4100)
		if utf8.ValidString(s) {
			assert.True(t, utf8.ValidString(terminal.Cut(s)))
		}
	})
}
