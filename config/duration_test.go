package config

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"8760h":                     365 * 24 * time.Hour,
		"365d":                      365 * 24 * time.Hour,
		"1y":                        365 * 24 * time.Hour,
		"1y6w":                      (365 + 42) * 24 * time.Hour,
		"6w1y":                      (365 + 42) * 24 * time.Hour,
		"1.5d":                      36 * time.Hour,
		"1d2h3m4.5s":                26*time.Hour + 3*time.Minute + 4500*time.Millisecond,
		"+1w":                       7 * 24 * time.Hour,
		"-1d1h":                     -25 * time.Hour,
		"0":                         0,
		"0d":                        0,
		"100us5µs":                  105 * time.Microsecond,
		"292y":                      292 * 8760 * time.Hour,
		"2562047h47m16.854775807s":  math.MaxInt64,
		"-2562047h47m16.854775808s": math.MinInt64,
	} {
		got, err := ParseDuration(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	const row = "it is a row of numbers and units (ns, us, ms, s, m, h, d, w, y), such as 365d or 8760h"
	for text, want := range map[string]string{
		"":                         `"" is not a duration: it is empty`,
		"-":                        `"-" is not a duration: it is empty`,
		"--1d":                     `"--1d" is not a duration: it has two signs`,
		"365":                      `"365" is not a duration: ` + row,
		"d":                        `"d" is not a duration: ` + row,
		"1d-1h":                    `"1d-1h" is not a duration: unknown unit "d-" (ns, us, ms, s, m, h, d, w, y)`,
		"1 y":                      `"1 y" is not a duration: unknown unit " y" (ns, us, ms, s, m, h, d, w, y)`,
		"1Y":                       `"1Y" is not a duration: unknown unit "Y" (ns, us, ms, s, m, h, d, w, y)`,
		"3mo":                      `"3mo" is not a duration: unknown unit "mo" (ns, us, ms, s, m, h, d, w, y)`,
		"1..5d":                    `"1..5d" is not a duration: "1..5" is not a number`,
		".d":                       `".d" is not a duration: "." is not a number`,
		"293y":                     `"293y" is longer than a duration can be (about 292y)`,
		"292y1y":                   `"292y1y" is longer than a duration can be (about 292y)`,
		"-292y1y":                  `"-292y1y" is longer than a duration can be (about 292y)`,
		"99999999999999999999d":    `"99999999999999999999d" is longer than a duration can be (about 292y)`,
		"9999999999.5h":            `"9999999999.5h" is longer than a duration can be (about 292y)`,
		strings.Repeat("1", 300):   `"` + strings.Repeat("1", 120) + `..." is not a duration: ` + row,
		"2562047h47m16.854775808s": `"2562047h47m16.854775808s" is longer than a duration can be (about 292y)`,
	} {
		_, err := ParseDuration(text)
		assert.EqualError(t, err, want, text)
	}
}

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "1y": year, "10y": 10 * year, "90d": 90 * day, "400d": 400 * day, "36h": 36 * time.Hour, "36h5m": 36*time.Hour + 5*time.Minute,
		"30m": 30 * time.Minute, "10s": 10 * time.Second, "1h0m10s": time.Hour + 10*time.Second, "-1d": -day, "20m": 20 * time.Minute, "1.5s": 1500 * time.Millisecond,
	} {
		assert.Equal(t, want, FormatDuration(d))
	}
}

// FuzzDuration holds: what is formatted is parsed to the same duration, and
// what Go parses is parsed to the same.
func FuzzDuration(f *testing.F) {
	f.Add("1y", int64(0))
	f.Add("1.5d3h", int64(math.MinInt64))
	f.Add("-8760h0m0s", int64(math.MaxInt64))
	f.Add("1h1h", int64(24*time.Hour))
	f.Fuzz(func(t *testing.T, text string, n int64) {
		defer fuzzbound.Hold(t, len(text))()
		back, err := ParseDuration(FormatDuration(time.Duration(n)))
		require.NoError(t, err)
		require.Equal(t, time.Duration(n), back)

		got, err := ParseDuration(text)
		if want, goErr := time.ParseDuration(text); goErr == nil {
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		if err == nil {
			again, err := ParseDuration(FormatDuration(got))
			require.NoError(t, err)
			require.Equal(t, got, again)
		}
	})
}
