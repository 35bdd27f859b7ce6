package openssl

import (
	"errors"
	"strings"
)

// NameOptions say how a distinguished name is written: what `-nameopt` means to openssl. The zero value is the
// old style that openssl calls compat; OneLine is what it uses when nothing is asked for.
type NameOptions uint32

// The bits are ours; the words for them are in nameWords.
const (
	escape2253 NameOptions = 1 << iota
	escape2254
	escapeControl
	escapeMSB
	escapeQuote
	convertUTF8
	ignoreType
	showType
	dumpAll
	dumpNonStrings
	dumpDER
	reversed
	spacedEquals
	dumpUnknown
	aligned
)

// Two fields of several values.
const (
	separators     NameOptions = 7 << 16
	commaPlus      NameOptions = 1 << 16
	commaPlusSpace NameOptions = 2 << 16
	semicolonPlus  NameOptions = 3 << 16
	multiLine      NameOptions = 4 << 16

	fieldNames NameOptions = 3 << 20
	shortNames NameOptions = 0 << 20
	longNames  NameOptions = 1 << 20
	dottedOID  NameOptions = 2 << 20
	noNames    NameOptions = 3 << 20

	everything = ^NameOptions(0)
)

const (
	rfc2253Strings = escape2253 | escapeControl | escapeMSB | convertUTF8 | dumpNonStrings | dumpDER

	// OneLine is openssl's default.
	OneLine = rfc2253Strings | escapeQuote | commaPlusSpace | spacedEquals | shortNames

	rfc2253    = rfc2253Strings | commaPlus | reversed | shortNames | dumpUnknown
	multiLines = escapeControl | escapeMSB | multiLine | spacedEquals | longNames | aligned
)

var nameWords = []struct {
	word       string
	set, clear NameOptions
}{
	{"esc_2253", escape2253, 0}, {"esc_2254", escape2254, 0}, {"esc_ctrl", escapeControl, 0}, {"esc_msb", escapeMSB, 0},
	{"use_quote", escapeQuote, 0}, {"utf8", convertUTF8, 0}, {"ignore_type", ignoreType, 0}, {"show_type", showType, 0},
	{"dump_all", dumpAll, 0}, {"dump_nostr", dumpNonStrings, 0}, {"dump_der", dumpDER, 0}, {"compat", 0, everything},
	{"sep_comma_plus", commaPlus, separators}, {"sep_comma_plus_space", commaPlusSpace, separators},
	{"sep_semi_plus_space", semicolonPlus, separators}, {"sep_multiline", multiLine, separators}, {"dn_rev", reversed, 0},
	{"nofname", noNames, fieldNames}, {"sname", shortNames, fieldNames}, {"lname", longNames, fieldNames},
	{"align", aligned, 0}, {"oid", dottedOID, fieldNames}, {"space_eq", spacedEquals, 0}, {"dump_unknown", dumpUnknown, 0},
	{"RFC2253", rfc2253, everything}, {"oneline", OneLine, everything}, {"multiline", multiLines, everything},
	{"ca_default", multiLines, everything},
}

// NameOptionWords are the words that Parse knows, for help and completion.
func NameOptionWords() []string {
	var words []string
	for _, w := range nameWords {
		words = append(words, w.word)
	}
	return words
}

// Parse applies a comma-separated list of words to o, as a further -nameopt does: a word with a dash in front
// switches off. The first -nameopt starts from the zero value.
func (o NameOptions) Parse(list string) (NameOptions, error) {
	for _, word := range optionList(list) {
		name := strings.TrimLeft(word[:1], "+-") + word[1:]
		known := false
		for _, w := range nameWords {
			if !strings.EqualFold(w.word, name) {
				continue
			}
			known = true
			o &^= w.clear
			if word[0] == '-' {
				o &^= w.set
			} else {
				o |= w.set
			}
			break
		}
		if !known {
			return o, errors.New("unknown name option " + word)
		}
	}
	if o != 0 && o&separators == 0 {
		o |= commaPlusSpace
	}
	return o, nil
}

// optionList splits as X509V3_parse_list does: at commas, what stands behind a colon is dropped; an empty element
// makes the whole list empty.
func optionList(list string) []string {
	list, _, _ = strings.Cut(list, "\n")
	list, _, _ = strings.Cut(list, "\r")
	var words []string
	for element := range strings.SplitSeq(list, ",") {
		word, value, hasValue := strings.Cut(element, ":")
		word = strings.TrimFunc(word, isBlank)
		if word == "" || hasValue && strings.TrimFunc(value, isBlank) == "" {
			return nil
		}
		words = append(words, word)
	}
	return words
}

func isBlank(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' }
