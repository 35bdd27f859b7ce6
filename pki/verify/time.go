package verify

import (
	"strings"
	"time"
)

// isTime reports whether e may stand where a certificate has a time: only the
// tag counts, what is inside is looked at when it is compared.
func isTime(e *element) bool {
	if e.class != classUniversal || e.tag != tagUTCTime && e.tag != tagGeneralizedTime {
		return false
	}
	_, ok := stringContents(e)
	return ok
}

// readTime reads an ASN.1 time; strict as in parseTime.
func readTime(e *element, strict bool) (time.Time, bool) {
	seconds, ok := parseTime(e, strict)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0).UTC(), true
}

// parseTime reads a UTCTime or GeneralizedTime into seconds since 1970. Strict
// is the form of RFC 5280 section 4.1.2.5: with seconds, with Z, without
// fractions. Otherwise X.690's freer forms are read too; openssl uses them where
// it only looks for the latest of several.
func parseTime(e *element, strict bool) (seconds int64, ok bool) {
	b, ok := stringContents(e)
	if !ok {
		return 0, false
	}
	p := timeParser{b: b}
	year := p.number(0, 99)
	if e.tag == tagGeneralizedTime {
		year = year*100 + p.number(0, 99)
	} else if year < 50 {
		year += 2000
	} else {
		year += 1900
	}
	month := p.number(1, 12)
	if p.bad {
		return 0, false
	}
	day := p.number(1, daysIn(year, month))
	hour, minute, second := p.number(0, 23), p.number(0, 59), 0
	if strict || !p.at("Z+-") {
		second = p.number(0, 59)
	}
	if !strict && e.tag == tagGeneralizedTime && p.at(".") {
		p.fraction()
	}
	offset := p.zone(strict)
	if p.bad || len(p.b) != 0 {
		return 0, false
	}
	days := daysSince1970(year, month, day)
	seconds = ((days*24+int64(hour))*60+int64(minute))*60 + int64(second) - offset
	// openssl can only move a time so that it comes to lie in these years
	return seconds, offset == 0 || seconds >= minMovedTime && seconds <= maxTime
}

// timeParser takes two-digit numbers from the front of b.
type timeParser struct {
	b   []byte
	bad bool
}

func (p *timeParser) at(chars string) bool {
	return len(p.b) > 0 && strings.IndexByte(chars, p.b[0]) >= 0
}

func (p *timeParser) number(low, high int) int {
	if p.bad || len(p.b) < 2 || !isDigit(p.b[0]) || !isDigit(p.b[1]) {
		p.bad = true
		return 0
	}
	n := int(p.b[0]-'0')*10 + int(p.b[1]-'0')
	p.bad = n < low || n > high
	p.b = p.b[2:]
	return n
}

func (p *timeParser) fraction() {
	p.b = p.b[1:]
	p.bad = p.bad || !p.at("0123456789")
	for p.at("0123456789") {
		p.b = p.b[1:]
	}
}

// zone reads Z or an offset and returns how many seconds it is ahead of UTC.
func (p *timeParser) zone(strict bool) int64 {
	if p.bad || !p.at("Z+-") || strict && !p.at("Z") {
		p.bad = true
		return 0
	}
	sign := p.b[0]
	p.b = p.b[1:]
	if sign == 'Z' {
		return 0
	}
	offset := int64(p.number(0, 12))*3600 + int64(p.number(0, 59))*60
	if sign == '-' {
		return -offset
	}
	return offset
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSince1970 counts days in the Gregorian calendar, for years from 0 on.
func daysSince1970(year, month, day int) int64 {
	if month <= 2 { // years that begin in March have their leap day at the end
		year--
		month += 12
	}
	y := int64(year) + 400 // no negative number below
	days := y*365 + y/4 - y/100 + y/400 + int64((month-3)*153+2)/5 + int64(day) - 1
	const epoch = 719468 + 146097 // 1 March of year 0 to 1 January 1970, and the 400 years
	return days - epoch
}

// checkTime is the moment at which validity is judged.
type checkTime struct {
	seconds int64 // since 1970
	off     bool  // do not judge
	broken  bool  // beyond what an ASN.1 time can say: nothing compares with it
}

// The first second of the year 0, that of 1900, and the last of 9999.
const (
	minTime      = -62167219200
	minMovedTime = -2208988800
	maxTime      = 253402300799
)

func newCheckTime(t time.Time, off bool) checkTime {
	seconds := t.Unix()
	return checkTime{seconds, off, seconds < minTime || seconds > maxTime}
}

// compare returns -1 if the time in e is at or before now, 1 if it is after,
// and 0 if e cannot be compared: openssl's X509_cmp_time.
func (now checkTime) compare(e *element) int {
	seconds, ok := parseTime(e, true)
	switch {
	case !ok || now.broken:
		return 0
	case seconds <= now.seconds:
		return -1
	}
	return 1
}

// within reports whether now is in the validity of c, from notBefore on and
// before notAfter.
func (now checkTime) within(c *Certificate) bool {
	return now.off || now.compare(&c.notBefore) < 0 && now.compare(&c.notAfter) > 0
}

// expiresLater reports whether a's notAfter lies after b's; times that are none
// do not.
func expiresLater(a, b *Certificate) bool {
	x, okX := parseTime(&a.notAfter, false)
	y, okY := parseTime(&b.notAfter, false)
	return okX && okY && x > y
}
