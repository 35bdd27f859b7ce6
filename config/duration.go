package config

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// longUnits are the units that Go's durations lack, in hours. A year has 365
// days, as in kubeadm's own constants.
var longUnits = map[string]int64{"d": 24, "w": 7 * 24, "y": 365 * 24}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

var errDurationRange = errors.New("is longer than a duration can be (about 292y)")

// ParseDuration reads a duration as Go's time.ParseDuration does, and also in
// days (d), weeks (w) and years of 365 days (y): "365d", "1y6w", "1.5d",
// "8760h". A sign is allowed; whether the value makes sense is for the caller.
func ParseDuration(s string) (time.Duration, error) {
	bad := func(what any) (time.Duration, error) {
		return 0, fmt.Errorf("%q is not a duration: %v", clip(s), what)
	}
	rest := strings.TrimLeft(s, "+-")
	negative := strings.HasPrefix(s, "-")
	switch {
	case rest == "":
		return bad("it is empty")
	case len(s)-len(rest) > 1:
		return bad("it has two signs")
	case rest == "0":
		return 0, nil
	}
	var sum time.Duration
	for rest != "" {
		number, unit, tail := cutTerm(rest)
		if number == "" || unit == "" {
			return bad("it is a row of numbers and units (ns, us, ms, s, m, h, d, w, y), such as 365d or 8760h")
		}
		d, err := parseTerm(number, unit)
		if err != nil {
			if errors.Is(err, errDurationRange) {
				return 0, fmt.Errorf("%q %w", clip(s), err)
			}
			return bad(err)
		}
		if sum, err = addDuration(sum, d, negative); err != nil {
			return 0, fmt.Errorf("%q %w", clip(s), err)
		}
		rest = tail
	}
	return sum, nil
}

// cutTerm splits "1.5h30m" into "1.5", "h" and "30m".
func cutTerm(s string) (number, unit, tail string) {
	isNumber := func(r rune) bool { return r == '.' || '0' <= r && r <= '9' }
	n := strings.IndexFunc(s, func(r rune) bool { return !isNumber(r) })
	if n < 0 {
		return s, "", ""
	}
	number, tail = s[:n], s[n:]
	if u := strings.IndexFunc(tail, isNumber); u >= 0 {
		return number, tail[:u], tail[u:]
	}
	return number, tail, ""
}

func parseTerm(number, unit string) (time.Duration, error) {
	hours, long := longUnits[unit]
	if long {
		unit = "h"
	}
	// time.ParseDuration itself knows every other unit, and fractions.
	d, err := time.ParseDuration(number + unit)
	if err != nil {
		if _, known := time.ParseDuration("1" + unit); known != nil {
			return 0, fmt.Errorf("unknown unit %q (ns, us, ms, s, m, h, d, w, y)", clip(unit))
		}
		if strings.Count(number, ".") < 2 && number != "." {
			return 0, errDurationRange
		}
		return 0, fmt.Errorf("%q is not a number", clip(number))
	}
	if long {
		if int64(d) > math.MaxInt64/hours {
			return 0, errDurationRange
		}
		d *= time.Duration(hours)
	}
	return d, nil
}

// addDuration adds the magnitude d to sum, away from zero.
func addDuration(sum, d time.Duration, negative bool) (time.Duration, error) {
	if negative {
		if sum < math.MinInt64+d {
			return 0, errDurationRange
		}
		return sum - d, nil
	}
	if sum > math.MaxInt64-d {
		return 0, errDurationRange
	}
	return sum + d, nil
}

// FormatDuration writes a duration so that ParseDuration reads the same one:
// in whole years ("10y") or whole days ("90d") where it is that, else as Go
// does, without zero terms at the end ("36h5m").
func FormatDuration(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d%year == 0:
		return fmt.Sprintf("%dy", d/year)
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// clip shortens a value that goes into a message. A file's content in the place of its name may be a private key: it is
// not repeated.
func clip(s string) string {
	const most, base64OfPEM = 120, "LS0tLS1CRUdJTi"
	if strings.Contains(s, "-----BEGIN ") || strings.Contains(s, base64OfPEM) {
		return "(PEM data)"
	}
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
