package openssl

import (
	"strings"

	"github.com/pkitool/pkitool/pki/verify/internal/objects"
)

// ObjectName returns what openssl calls an object identifier when it prints it: its long name, or the numbers with
// dots where it has none.
func ObjectName(dotted string) string {
	if _, long, ok := objects.Names(dotted); ok {
		return long
	}
	return dotted
}

// ObjectShortName is ObjectName with the short name.
func ObjectShortName(dotted string) string {
	if short, _, ok := objects.Names(dotted); ok {
		return short
	}
	return dotted
}

// ObjectID returns the dotted object identifier that a text stands for, as OBJ_txt2obj reads it: a short or long
// name in OpenSSL's spelling, or numbers with dots. False where it stands for none.
func ObjectID(text string) (string, bool) {
	if dotted, ok := objects.Named(text); ok {
		return dotted, true
	}
	return dottedNumbers(text)
}

// maxArcs bounds an object identifier that is typed in.
const maxArcs = 1000

// dottedNumbers reads 1.2.3 as a2d_ASN1_OBJECT does: spaces serve as dots, an arc that is left out is 0, but for one
// behind the last dot.
func dottedNumbers(text string) (string, bool) {
	arcs := strings.Split(strings.ReplaceAll(text, " ", "."), ".")
	if arcs[len(arcs)-1] == "" {
		arcs = arcs[:len(arcs)-1]
	}
	if len(arcs) < 2 || len(arcs) > maxArcs || len(arcs[0]) != 1 || arcs[0] > "2" || arcs[0] == "" {
		return "", false
	}
	for i, a := range arcs {
		if strings.Trim(a, "0123456789") != "" {
			return "", false
		}
		if a = strings.TrimLeft(a, "0"); a == "" {
			a = "0"
		}
		arcs[i] = a
	}
	second := arcs[1]
	if arcs[0] != "2" && (len(second) > 2 || len(second) == 2 && second >= "40") {
		return "", false
	}
	return strings.Join(arcs, "."), true
}
