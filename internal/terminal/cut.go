package terminal

import (
	"strings"
	"unicode/utf8"
)

// A word that is longer than maxWord bytes is a value and no prose, and no name of a file has more; a line of more than
// maxLine is a list.
const (
	maxWord = 256
	maxLine = 4096
)

// Cut is text for a line on a terminal without the middle of each word, and of the whole, that nobody reads to its end:
// whoever wrote a name into a file may have written megabytes.
func Cut(s string) string {
	if len(s) <= maxWord {
		return s
	}
	var out strings.Builder
	for word := range strings.SplitAfterSeq(s, " ") {
		out.WriteString(middle(word, maxWord))
	}
	return middle(out.String(), maxLine)
}

// middle cuts s to most bytes and "...": an eighth of them is its end, where the sentence or the path goes on.
func middle(s string, most int) string {
	if len(s) <= most {
		return s
	}
	head, tail := most-most/8, len(s)-most/8
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	return s[:head] + "..." + s[tail:]
}
