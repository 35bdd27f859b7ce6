package config

import (
	"errors"
	"strings"
)

// unknown says that no field of that name is at path, and where one is.
func (d *documentReader) unknown(path, name string) error {
	err := errors.New("unknown field")
	other := v1beta4
	if d.version == v1beta4 {
		other = v1beta3
	}
	if len(d.faults.list) < maxFaults && !strings.Contains(path, "[") { // looking around takes time
		if s := schema(other)[d.kind].at(strings.TrimPrefix(strings.TrimPrefix(path, d.kind)+"."+name, ".")); s != nil {
			return withHint(err, "it is a field of "+other+", this document is "+d.version)
		}
		if names := d.near(path, name); names != "" {
			return withHint(err, "did you mean "+names+"?")
		}
	}
	return err
}

// near are the fields that somebody who wrote name may have meant.
func (d *documentReader) near(path, name string) string {
	here := func(n string) bool { return strings.EqualFold(n, name) || distance(n, name, 2) <= 2 }
	for _, p := range places(d.kinds, here) {
		if p[:strings.LastIndex(p, ".")] == path {
			return d.field(p)
		}
	}
	var names []string
	for _, p := range places(d.kinds, func(n string) bool { return strings.EqualFold(n, name) }) {
		kind, field, _ := strings.Cut(p, ".")
		if kind != d.kind {
			field += " of " + kind
		}
		names = append(names, field)
	}
	if len(names) > 3 {
		return ""
	}
	return strings.Join(names, " or ")
}

// distance is the number of letters to add, drop or change between two names;
// anything above most comes back as most+1.
func distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most || len(a) <= most {
		return most + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := left
			if a[i] != b[j] {
				change++
			}
			left = row[j+1]
			row[j+1] = min(change, left+1, row[j]+1)
		}
	}
	return min(row[len(b)], most+1)
}
