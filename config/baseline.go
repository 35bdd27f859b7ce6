package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/internal/yamlsize"
)

// Baseline is what somebody wrote down as known.
const (
	baselineVersion = "pkitool.io/v1alpha1"
	baselineKind    = "AuditBaseline"
)

// Known is an entry of a baseline: a finding that somebody has seen and lives with.
type Known struct {
	ID, Row, Path, Reason string
	// Until is the last day on which the entry counts; zero: for ever.
	Until time.Time
	Line  int
}

// baselineShape is the whole of the document.
func baselineShape() *shape {
	entry := fields(of(&shape{is: text}, "id", "row", "path", "reason", "until"))
	return fields(of(&shape{is: text}, "apiVersion", "kind"), of(listOf(entry), "ignore"))
}

// ParseBaseline reads a baseline, whose ids must be among those given. Every fault is reported, in an *Errors.
func ParseBaseline(name string, data []byte, ids []string) ([]Known, error) {
	d := &documentReader{kind: baselineKind, kinds: map[string]*shape{baselineKind: baselineShape()}, reader: &reader{
		source: source{name, &faults{}}, wanted: func(string) bool { return true },
		values: map[string][]item{}, seen: map[string]Origin{}, budget: maxNodes,
	}}
	if yamlsize.Marks(data) > yamlsize.MaxMarks {
		d.faults.addf(d.file(), "has more than %d lines and punctuation marks", yamlsize.MaxMarks)
		return nil, d.faults.err()
	}
	doc := d.only(data, "a baseline")
	if doc == nil {
		if d.faults.count() == 0 {
			d.faults.addf(d.file(), "is empty: wanted apiVersion: %s, kind: %s and the list ignore", baselineVersion, baselineKind)
		}
		return nil, d.faults.err()
	}
	d.value(doc, d.kinds[baselineKind], baselineKind, doc.Line)
	d.must(doc.Line, "apiVersion", baselineVersion)
	d.must(doc.Line, "kind", baselineKind)
	var out []Known
	for i := 0; ; i++ {
		at, ok := d.seen[fmt.Sprintf("%s.ignore[%d]", baselineKind, i)]
		if !ok {
			break
		}
		out = append(out, d.known(at, ids))
	}
	return out, d.faults.err()
}

// text is a value as it is written, and where; "" for none.
func (d *documentReader) text(field string) (string, Origin) {
	if v := d.values[d.kind+"."+field]; len(v) == 1 {
		return v[0].text, v[0].at
	}
	return "", Origin{}
}

// need holds a field to be there, and to say something, unless it was found to be wrong, or what it is in.
func (d *documentReader) need(line int, field, why string) {
	in := field[:max(0, strings.LastIndex(field, "."))]
	told := slices.ContainsFunc(d.faults.list, func(f Fault) bool { return f.Field == field || f.Field == in })
	if text, _ := d.text(field); strings.TrimSpace(text) == "" && !told {
		d.faults.addf(d.at(max(line, d.seen[d.kind+"."+field].Line), field), "missing: %s", why)
	}
}

// must holds a field of the document to its only value.
func (d *documentReader) must(line int, field, value string) {
	d.need(line, field, "wanted "+value)
	if got, at := d.text(field); strings.TrimSpace(got) != "" && got != value {
		d.faults.addf(at, "is %q, wanted %s", clip(got), value)
	}
}

// known is the entry that begins somewhere, judged.
func (d *documentReader) known(entry Origin, ids []string) Known {
	k := Known{Line: entry.Line}
	for field, to := range map[string]*string{"id": &k.ID, "row": &k.Row, "path": &k.Path, "reason": &k.Reason} {
		*to, _ = d.text(entry.Field + "." + field)
	}
	d.need(entry.Line, entry.Field+".id", "which finding it is")
	d.need(entry.Line, entry.Field+".reason", "why it may stay")
	if _, at := d.text(entry.Field + ".id"); strings.TrimSpace(k.ID) != "" && !slices.Contains(ids, k.ID) {
		d.faults.add(at, withHint(fmt.Errorf("unknown finding %q", clip(k.ID)), "`pkitool certs audit --list` shows what there is"))
	}
	if v, at := d.text(entry.Field + ".until"); v != "" {
		day, err := time.Parse(time.DateOnly, v)
		if err != nil {
			d.faults.addf(at, "%q is no day: wanted one such as 2027-01-31", clip(v))
		}
		k.Until = day
	}
	return k
}
