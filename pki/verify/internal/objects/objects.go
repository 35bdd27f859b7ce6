// Package objects is OpenSSL's table of object identifiers and their names.
package objects

import (
	_ "embed"
	"strings"
)

//go:embed objects.txt
var objects string

// Names returns the short and the long name of a dotted object identifier, as OpenSSL has them.
func Names(dotted string) (short, long string, ok bool) {
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

// Named returns the dotted object identifier with that short or long name, in OpenSSL's spelling.
func Named(name string) (string, bool) {
	if name == "" || strings.ContainsAny(name, "\t\n") {
		return "", false
	}
	for _, end := range []string{"\t", "\n"} {
		if at := strings.Index(objects, "\t"+name+end); at >= 0 {
			line := objects[strings.LastIndexByte(objects[:at], '\n')+1:]
			dotted, _, _ := strings.Cut(line, "\t")
			return dotted, true
		}
	}
	return "", false
}
