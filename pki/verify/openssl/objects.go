package openssl

import (
	_ "embed"
	"strings"
)

//go:embed objects.txt
var objects string

// objectNames returns the short and the long name of a dotted object identifier, as OpenSSL has them.
func objectNames(dotted string) (short, long string, ok bool) {
	at := strings.Index(objects, "\n"+dotted+"\t")
	if at < 0 {
		return "", "", false
	}
	line, _, _ := strings.Cut(objects[at+len(dotted)+2:], "\n")
	short, long, _ = strings.Cut(line, "\t")
	if long == "" {
		long = short
	}
	return short, long, true
}

// ObjectID returns the dotted object identifier that a text stands for, as OBJ_txt2obj reads it: a short or long
// name in OpenSSL's spelling, or numbers with dots. False where it stands for none.
func ObjectID(text string) (string, bool) {
	if text == "" || strings.ContainsAny(text, "\t\n") {
		return "", false
	}
	if dotted, ok := objectNamed("\t" + text + "\t"); ok {
		return dotted, true
	}
	if dotted, ok := objectNamed("\t" + text + "\n"); ok {
		return dotted, true
	}
	return dottedNumbers(text)
}

func objectNamed(field string) (string, bool) {
	at := strings.Index(objects, field)
	if at < 0 {
		return "", false
	}
	line := objects[strings.LastIndexByte(objects[:at], '\n')+1:]
	dotted, _, _ := strings.Cut(line, "\t")
	return dotted, true
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
