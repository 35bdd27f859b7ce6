package picture

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// cells is how wide a text is in a terminal. It is never less than what a terminal takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	switch {
	case r < 0x300: // Latin
		return 1
	case r != '\ufe0f' && unicode.In(r, unicode.Mn, unicode.Me): // all but the selector that makes signs into pictures
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut is a text in at most so many cells, without its middle: a name is known by its beginning, and an address and a path
// by their end too.
func (s style) cut(text string, room int) string {
	if cells(text) <= room {
		return text
	}
	sign := s.more
	if cells(sign) > room {
		sign = sign[:0]
	}
	runes := []rune(text)
	tail := (room - cells(sign)) / 3
	head := room - cells(sign) - tail
	i, j := 0, len(runes)
	for used := 0; i < j && used+runeCells(runes[i]) <= head; i++ {
		used += runeCells(runes[i])
	}
	for used := 0; j > i && used+runeCells(runes[j-1]) <= tail; j-- {
		used += runeCells(runes[j-1])
	}
	for j < len(runes) && runeCells(runes[j]) == 0 {
		j++ // a mark without what it belongs to
	}
	return string(runes[:i]) + sign + string(runes[j:])
}

// pad is a text in exactly so many cells.
func (s style) pad(text string, room int) string {
	text = s.cut(text, room)
	return text + strings.Repeat(" ", room-cells(text))
}

// fill lays items out in lines of so many cells, and no more than most lines: what has no room is counted.
func (s style) fill(items []string, room, most int) []string {
	var lines [][]string
	used, taken := room, 0
	for _, item := range items {
		item = s.cut(item, room)
		if used += 1 + cells(item); used > room {
			if len(lines) == most {
				break
			}
			lines, used = append(lines, nil), cells(item)
		}
		last := len(lines) - 1
		lines[last] = append(lines[last], item)
		taken++
	}
	for ; taken < len(items); taken-- {
		rest := s.cut(fmt.Sprintf("%s(+%d)", s.more, len(items)-taken), room)
		last := len(lines) - 1
		if len(lines[last]) == 0 && last > 0 && cells(strings.Join(append(lines[last-1], rest), " ")) <= room {
			lines, last = lines[:last], last-1
		}
		if all := append(slices.Clone(lines[last]), rest); len(all) == 1 || cells(strings.Join(all, " ")) <= room {
			lines[last] = all
			break
		}
		lines[last] = lines[last][:len(lines[last])-1]
	}
	var out []string
	for _, line := range lines {
		out = append(out, strings.Join(line, " "))
	}
	return out
}
