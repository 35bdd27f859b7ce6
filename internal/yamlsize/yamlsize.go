// Package yamlsize bounds what a YAML parser is given: yaml.v3 makes all nodes of a document before anybody can count
// them, and takes some 600 bytes of memory for a byte of text.
package yamlsize

import "bytes"

// MaxMarks is how many marks a document may have. A kubeconfig with a thousand clusters and users has some 25,000.
const MaxMarks = 200_000

// Marks counts the bytes of which every YAML node but the first needs at least one, before or after it.
func Marks(data []byte) int {
	n := 0
	for _, c := range data {
		switch c {
		case '\n', '\r', ',', ':', '[', '{', '?':
			n++
		}
	}
	// A dash is a mark only where an item begins; the dashes of PEM and of names are not worth counting.
	return n + bytes.Count(data, []byte("- ")) + bytes.Count(data, []byte("-\t"))
}
