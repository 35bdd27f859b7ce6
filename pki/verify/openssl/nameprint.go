package openssl

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/internal/objects"
)

// Name writes a distinguished name as openssl does with these options.
func (o NameOptions) Name(n verify.Name) string {
	if o == 0 {
		return compat(n)
	}
	attributes := n.Attributes()
	if o&reversed != 0 {
		for i, j := 0, len(attributes)-1; i < j; i, j = i+1, j-1 {
			attributes[i], attributes[j] = attributes[j], attributes[i]
		}
	}
	between, within := ", ", " + "
	switch o & separators {
	case commaPlus:
		between, within = ",", "+"
	case semicolonPlus:
		between = "; "
	case multiLine:
		between = "\n"
	}
	var out strings.Builder
	for i, a := range attributes {
		if i > 0 && attributes[i-1].RDN == a.RDN {
			out.WriteString(within)
		} else if i > 0 {
			out.WriteString(between)
		}
		known := o.field(&out, a)
		value := o
		if !known && o&dumpUnknown != 0 {
			value |= dumpAll
		}
		if !value.value(&out, a) {
			break // openssl gives up in the middle of a name that it cannot write
		}
	}
	return out.String()
}

// field writes the attribute's type and the equals sign, and reports whether the type has a name.
func (o NameOptions) field(out *strings.Builder, a verify.Attribute) bool {
	short, long, known := objects.Names(a.Type)
	if o&fieldNames == noNames {
		return known
	}
	text, width := a.Type, 0
	switch {
	case !known || o&fieldNames == dottedOID:
		text = text[:min(len(text), 79)] // the length of openssl's buffer
	case o&fieldNames == longNames:
		text, width = long, 25
	default:
		text, width = short, 10
	}
	out.WriteString(text)
	if o&aligned != 0 && len(text) < width {
		out.WriteString(strings.Repeat(" ", width-len(text)))
	}
	if o&spacedEquals != 0 {
		out.WriteString(" = ")
	} else {
		out.WriteString("=")
	}
	return known
}

// stringWidths is the octets of one character by tag; 0 is UTF-8, a tag that is missing no character string.
var stringWidths = map[int]int{12: 0, 18: 1, 19: 1, 20: 1, 22: 1, 23: 1, 24: 1, 26: 1, 28: 4, 30: 2}

// tagNames are ASN1_tag2str's.
var tagNames = map[int]string{1: "BOOLEAN", 2: "INTEGER", 3: "BIT STRING", 4: "OCTET STRING", 5: "NULL", 6: "OBJECT",
	7: "OBJECT DESCRIPTOR", 8: "EXTERNAL", 9: "REAL", 10: "ENUMERATED", 12: "UTF8STRING", 16: "SEQUENCE", 17: "SET",
	18: "NUMERICSTRING", 19: "PRINTABLESTRING", 20: "T61STRING", 21: "VIDEOTEXSTRING", 22: "IA5STRING", 23: "UTCTIME",
	24: "GENERALIZEDTIME", 25: "GRAPHICSTRING", 26: "VISIBLESTRING", 27: "GENERALSTRING", 28: "UNIVERSALSTRING", 30: "BMPSTRING"}

func (o NameOptions) value(out *strings.Builder, a verify.Attribute) bool {
	if o&showType != 0 {
		name, ok := tagNames[a.Tag]
		if !ok {
			name = fmt.Sprintf("<ASN1 %d>", a.Tag)
		}
		out.WriteString(name + ":")
	}
	width, isString := stringWidths[a.Tag]
	switch {
	case o&dumpAll != 0, o&ignoreType == 0 && !isString && o&dumpNonStrings != 0:
		content := a.Value
		if o&dumpDER != 0 {
			content = a.DER
		}
		out.WriteString("#" + strings.ToUpper(hex.EncodeToString(content)))
		return true
	case o&ignoreType != 0, !isString:
		width = 1
	}
	toUTF8 := o&convertUTF8 != 0
	if toUTF8 && width == 0 {
		width, toUTF8 = 1, false // it is UTF-8 already
	}
	text, quotes, ok := o.escape(a.Value, width, toUTF8)
	if quotes && ok {
		text = `"` + text + `"`
	} else if quotes {
		text = ""
	}
	out.WriteString(text)
	return ok
}

// escape writes characters of that width, and says whether the whole wants quotes around it.
func (o NameOptions) escape(b []byte, width int, toUTF8 bool) (text string, quotes, ok bool) {
	var out strings.Builder
	for first := true; len(b) > 0; first = false {
		c, n, ok := character(b, width)
		if !ok {
			return "", false, false
		}
		b = b[n:]
		place := middle
		if len(b) == 0 {
			place = last
		} else if first {
			place = front
		}
		if !toUTF8 {
			quotes = o.escapeOne(&out, c, place) || quotes
			continue
		}
		for _, octet := range encodeUTF8(c) {
			quotes = o.escapeOne(&out, uint32(octet), place) || quotes
		}
	}
	return out.String(), quotes, true
}

func character(b []byte, width int) (c uint32, n int, ok bool) {
	if width == 0 {
		r, n := utf8.DecodeRune(b)
		return uint32(r), n, r != utf8.RuneError || n > 1
	}
	if len(b)%width != 0 {
		return 0, 0, false
	}
	for _, octet := range b[:width] {
		c = c<<8 | uint32(octet)
	}
	return c, width, true
}

// encodeUTF8 is openssl's: nothing for what is no character.
func encodeUTF8(c uint32) []byte {
	if c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
		return nil
	}
	return utf8.AppendRune(nil, rune(c))
}

// place is where in the value a character stands; a single one counts as the last.
type place int

const (
	middle place = iota
	front
	last
)

// escapeOne writes one character and reports whether it asks for quotes around the value.
func (o NameOptions) escapeOne(out *strings.Builder, c uint32, at place) bool {
	switch {
	case c > 0xffff:
		fmt.Fprintf(out, `\W%08X`, c)
		return false
	case c > 0xff:
		fmt.Fprintf(out, `\U%04X`, c)
		return false
	}
	octet := byte(c)
	backslash := o&escape2253 != 0 && special(octet, at)
	if backslash && o&escapeQuote != 0 && octet != '"' && octet != '\\' {
		out.WriteByte(octet)
		return true
	}
	if backslash {
		out.WriteByte('\\')
		out.WriteByte(octet)
		return false
	}
	control := octet < ' ' || octet == 0x7f
	if o&escapeMSB != 0 && octet > 0x7f || o&escapeControl != 0 && control || o&escape2254 != 0 && strings.IndexByte("\x00()*\\", octet) >= 0 {
		fmt.Fprintf(out, `\%02X`, octet)
		return false
	}
	if octet == '\\' && o&(escape2253|escape2254|escapeControl|escapeMSB|escapeQuote) != 0 {
		out.WriteByte('\\')
	}
	out.WriteByte(octet)
	return false
}

// special reports whether RFC 2253 wants the character escaped where it stands.
func special(octet byte, at place) bool {
	switch octet {
	case ',', '+', '"', '\\', '<', '>', ';':
		return true
	case ' ':
		return at != middle
	case '#':
		return at == front
	}
	return false
}

// compat is the style of X509_NAME_print: slashes turned to commas, but only in front of one or two capitals and
// an equals sign.
func compat(n verify.Name) string {
	var line strings.Builder
	set := -1
	for _, a := range n.Attributes() {
		separator := "/"
		if a.RDN == set {
			separator = "+"
		}
		set = a.RDN
		short, _, known := objects.Names(a.Type)
		if !known {
			short = a.Type[:min(len(a.Type), 79)]
		}
		line.WriteString(separator + short + "=")
		for _, c := range compatValue(a) {
			switch {
			case c < ' ' || c > '~':
				fmt.Fprintf(&line, `\x%02X`, c)
			case c == '/' || c == '+':
				line.WriteByte('\\')
				line.WriteByte(c)
			default:
				line.WriteByte(c)
			}
		}
	}
	s := line.String()
	if s == "" {
		return ""
	}
	return commas(s[1:])
}

// compatValue drops the zero octets of a GeneralString that is really made of four-octet characters.
func compatValue(a verify.Attribute) []byte {
	const generalString = 27
	if a.Tag != generalString || len(a.Value)%4 != 0 {
		return a.Value
	}
	var thin []byte
	for i := 0; i < len(a.Value); i += 4 {
		if a.Value[i] != 0 || a.Value[i+1] != 0 || a.Value[i+2] != 0 {
			return a.Value
		}
		thin = append(thin, a.Value[i+3])
	}
	return thin
}

func commas(s string) string {
	upper := func(i int) bool { return i < len(s) && s[i] >= 'A' && s[i] <= 'Z' }
	equals := func(i int) bool { return i < len(s) && s[i] == '=' }
	var out strings.Builder
	start := 0
	for i := range len(s) {
		if s[i] == '/' && upper(i+1) && (equals(i+2) || upper(i+2) && equals(i+3)) {
			out.WriteString(s[start:i] + ", ")
			start = i + 1
		}
	}
	return out.String() + s[start:]
}
