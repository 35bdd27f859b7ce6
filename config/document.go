package config

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/pkitool/pkitool/internal/yamlsize"
)

// What a file may hold at most. A kubeadm file has some 20 kB; the node budget
// bounds what aliases can multiply.
const (
	maxFile  = 1 << 20
	maxNodes = 200_000
)

// byteOrderMark may begin every document of a file (YAML 1.2 section 5.2), as
// it does where files were put together with cat. yaml.v3 knows it at the
// beginning of the file only.
const byteOrderMark = "\ufeff"

// item is one value as text, and where it was given. Booleans are "true" or
// "false", numbers are decimal.
type item struct {
	text string
	at   Origin
}

// source is a file that somebody gave, and what is wrong with it.
type source struct {
	name   string // for messages
	faults *faults
}

// reader turns a file into the values at the paths that somebody wants. It
// walks the nodes itself: decoding into Go types would drop line numbers,
// accept duplicate keys in places, and panic on a merge key beside a key that
// is not a scalar (yaml.v3 v3.0.1).
type reader struct {
	source
	notes []string

	wanted func(string) bool // of "Kind.path"
	values map[string][]item // by "Kind.path"; present and empty for an empty list
	seen   map[string]Origin // every field that is there and not null, by "Kind.path"; the kinds themselves too
	budget int
	others bool // there is a document of another kind that kubeadm knows
}

// read reads every document of a file.
func (r *reader) read(data []byte) {
	r.values, r.seen, r.budget = map[string][]item{}, map[string]Origin{}, maxNodes
	if len(data) > maxFile {
		r.faults.addf(r.file(), "is larger than 1 MiB")
		return
	}
	if yamlsize.Marks(data) > yamlsize.MaxMarks {
		r.faults.addf(r.file(), "has more than %d lines and punctuation marks", yamlsize.MaxMarks)
		return
	}
	before := r.faults.count()
	dec := yaml.NewDecoder(bytes.NewReader(bytes.ReplaceAll(data, []byte("\n"+byteOrderMark), []byte("\n"))))
	for {
		var doc yaml.Node
		err := decode(dec, &doc)
		if err == io.EOF {
			break
		}
		if err != nil {
			r.syntax(data, err)
			return
		}
		if len(doc.Content) == 1 {
			r.document(doc.Content[0])
		}
	}
	if r.faults.count() > before || r.has(clusterKind) || r.has(initKind) || r.has(joinKind) {
		return
	}
	none := fmt.Sprintf("has no %s, %s or %s of %s", clusterKind, initKind, joinKind, group)
	if r.others { // kubeadm config validate takes it
		r.notes = append(r.notes, r.file().note(none+": nothing of it counts"))
		return
	}
	r.faults.addf(r.file(), "%s", none)
}

// decode is dec.Decode, and a panic in the parser is an error: yaml.v3 has
// "internal error ... (please report)" panics of its own.
func decode(dec *yaml.Decoder, doc any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	return dec.Decode(doc)
}

// only is the content of the one document of a file; nil where there is none, or it cannot be read.
func (s source) only(data []byte, what string) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := decode(dec, &doc); err != nil {
		if err != io.EOF {
			s.syntax(data, err)
		}
		return nil
	}
	switch err := decode(dec, &more); {
	case err == nil:
		s.faults.addf(s.at(more.Line, ""), "a second document: %s is one", what)
		return nil
	case err != io.EOF:
		s.syntax(data, err)
		return nil
	}
	if doc.Kind == yaml.DocumentNode {
		return doc.Content[0]
	}
	return &doc
}

func (r *reader) has(kind string) bool {
	_, ok := r.seen[kind]
	return ok
}

// file is the origin of faults of the file as a whole.
func (s source) file() Origin { return Origin{Layer: ByFile, Source: s.name} }

func (s source) at(line int, field string) Origin {
	return Origin{Layer: ByFile, Line: line, Source: s.name + ":" + strconv.Itoa(line), Field: field}
}

// Compiled when first used: no command but those that meet a broken document needs them.
var (
	yamlLine   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^yaml: (?:line (\d+): )?`) })
	yamlParser = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^did not find expected (key|node content|'-' indicator|',' or '.'|<.*>)$|^found (undefined tag handle|duplicate %|incompatible YAML)`)
	})
	yamlAnchor = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^unknown anchor '(.*)' referenced$`) })
)

// syntax reports what the YAML parser says. After that nothing more of the
// file can be read.
func (s source) syntax(data []byte, err error) {
	what := err.Error()
	m := yamlLine().FindStringSubmatch(what)
	if m == nil {
		s.faults.addf(s.file(), "not YAML: %s", clip(what))
		return
	}
	what = what[len(m[0]):]
	line, _ := strconv.Atoi(m[1])
	if line == 0 || yamlParser().MatchString(what) {
		line++ // the parser proper counts from 0, its scanner from 1, and the line is left out when it is 0
	}
	if a := yamlAnchor().FindStringSubmatch(what); a != nil {
		what = fmt.Sprintf("alias of an anchor %q that is not above it", clip(a[1]))
		line = lineOf(data, bytes.Index(data, []byte("*"+a[1])))
	} else if i := unreadable(data); i >= 0 && m[1] == "" {
		line = lineOf(data, i)
	}
	s.faults.addf(s.at(line, ""), "not YAML: %s", clip(what))
}

func lineOf(data []byte, i int) int {
	return 1 + bytes.Count(data[:max(i, 0)], []byte("\n"))
}

// unreadable is the index of the first byte that YAML 1.2 section 5.1 forbids,
// -1 when there is none.
func unreadable(data []byte) int {
	for i := 0; i < len(data); {
		c, n := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && n == 1 || c < ' ' && !strings.ContainsRune("\t\n\r", c) || c == 0x7f {
			return i
		}
		i += n
	}
	return -1
}

// document reads one document, or passes over one of another kind.
func (r *reader) document(n *yaml.Node) {
	if n = deref(n); isNull(n) {
		return // "---" with nothing behind it
	}
	at := r.at(n.Line, "")
	if n.Kind != yaml.MappingNode {
		r.faults.addf(at, "wanted a document with apiVersion and kind, found %s", found(n))
		return
	}
	apiVersion, versionLine := scalarOf(n, "apiVersion")
	kind, kindLine := scalarOf(n, "kind")
	if apiVersion == "" || kind == "" {
		if apiVersion == "" {
			r.faults.addf(r.at(n.Line, "apiVersion"), "missing, as in apiVersion: "+group+"/"+v1beta4)
		}
		if kind == "" {
			r.faults.addf(r.at(n.Line, "kind"), "missing, as in kind: "+clusterKind)
		}
		return
	}
	ours := kind == clusterKind || kind == initKind || kind == joinKind
	g, version, _ := strings.Cut(apiVersion, "/")
	at = r.at(versionLine, "apiVersion")
	switch {
	case g != group && ours:
		r.faults.add(at, withHint(fmt.Errorf("%s is a kind of %s, not of %q", kind, group, clip(apiVersion)), "write "+group+"/"+v1beta4))
		return
	case g != group:
		r.others = r.others || g == "kubelet.config.k8s.io" || g == "kubeproxy.config.k8s.io"
		r.passOver(n, kind)
		return
	case oldVersions[version] != "":
		r.faults.add(at, withHint(fmt.Errorf("%q is too old: %s and %s are read", clip(apiVersion), v1beta4, v1beta3),
			"a kubeadm "+oldVersions[version]+" binary converts it: kubeadm config migrate --old-config OLD --new-config NEW"))
		return
	case version != v1beta3 && version != v1beta4:
		r.faults.addf(at, "unknown version %q: %s and %s are read", clip(apiVersion), v1beta4, v1beta3)
		return
	case kind == "ResetConfiguration" || kind == "UpgradeConfiguration":
		r.others = true
		r.passOver(n, kind)
		return
	case !ours:
		r.faults.addf(r.at(kindLine, "kind"), "unknown kind %q of %s", clip(kind), group)
		return
	}
	r.configuration(n, kind, version)
}

func (r *reader) passOver(n *yaml.Node, kind string) {
	if len(r.notes) < maxFaults {
		r.notes = append(r.notes, r.at(n.Line, printable(kind)).note("passed over"))
	}
}

// configuration reads a document that is ours.
func (r *reader) configuration(n *yaml.Node, kind, version string) {
	at := r.at(n.Line, kind)
	if first, twice := r.seen[kind]; twice {
		r.faults.addf(at, "second document of this kind, the first is on line %d", first.Line)
		return
	}
	r.seen[kind] = at
	d := &documentReader{reader: r, kind: kind, version: version, kinds: schema(version)}
	d.value(n, d.kinds[kind], kind, n.Line)
}

// documentReader reads one document by its schema.
type documentReader struct {
	*reader
	kind, version string
	kinds         map[string]*shape
}

// field is the path without its kind, as messages have it.
func (d *documentReader) field(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, d.kind), ".")
}

// spend takes one value from the budget; false when there is nothing left.
func (d *documentReader) spend(at Origin) bool {
	d.budget--
	if d.budget == -1 {
		d.faults.addf(at, "the file has more than %d values, aliases counted in", maxNodes)
	}
	return d.budget >= 0
}

// value judges the value that begins on a line by its shape, and keeps it when
// it is wanted. The depth of the recursion is the schema's, not the file's.
func (d *documentReader) value(n *yaml.Node, s *shape, path string, line int) {
	n = deref(n)
	at := d.at(line, d.field(path))
	if !d.spend(at) {
		return
	}
	if isNull(n) {
		return // as if it were not there
	}
	if d.wanted(path) {
		d.seen[path] = at
	}
	switch s.is {
	case ignored:
	case object, mapping:
		d.mapping(n, s, path, at)
	case list:
		d.list(n, s, path, at)
	default:
		got, err := scalar(n, s.is)
		if err != nil {
			d.faults.add(at, err)
		} else if d.wanted(path) {
			d.values[path] = []item{{got, at}}
		}
	}
}

func (d *documentReader) list(n *yaml.Node, s *shape, path string, at Origin) {
	if n.Kind != yaml.SequenceNode {
		d.mismatch(n, s, path, at)
		return
	}
	items := []item{}
	for i, e := range n.Content {
		if got, ok := d.entry(e, s.of, path, i); ok {
			items = append(items, got)
		}
	}
	if d.wanted(path) {
		d.values[path] = items
	}
}

// entry judges one entry of a list; ok when it is a good scalar.
func (d *documentReader) entry(e *yaml.Node, s *shape, path string, i int) (got item, ok bool) {
	path = fmt.Sprintf("%s[%d]", path, i)
	at := d.at(e.Line, d.field(path))
	e = deref(e)
	switch {
	case isNull(e):
		d.faults.addf(at, "wanted %s, found nothing", s.is)
		return item{}, false
	case s.is == list || s.is == mapping || s.is == object:
		d.value(e, s, path, at.Line)
		return item{}, false
	case !d.spend(at):
		return item{}, false
	}
	v, err := scalar(e, s.is)
	if err != nil {
		d.faults.add(at, err)
	}
	return item{v, at}, err == nil
}

func (d *documentReader) mapping(n *yaml.Node, s *shape, path string, at Origin) {
	if n.Kind != yaml.MappingNode {
		d.mismatch(n, s, path, at)
		return
	}
	first := map[string]int{}
	for _, p := range d.pairs(n, at.Field, 0) {
		key := p.key
		if key.Kind != yaml.ScalarNode {
			d.faults.addf(d.at(key.Line, at.Field), "wanted a name as key, found %s", found(key))
			continue
		}
		sub := path + "." + printable(key.Value)
		keyAt := d.at(key.Line, d.field(sub))
		if line, twice := first[key.Value]; twice {
			d.faults.addf(keyAt, "second time, the first is on line %d", line)
			continue
		}
		first[key.Value] = key.Line
		inner := s.of
		if s.is == object {
			if inner = s.fields[key.Value]; inner == nil {
				d.faults.add(keyAt, d.unknown(path, key.Value))
				continue
			}
		}
		d.value(p.value, inner, sub, key.Line)
	}
}

// mismatch is a fault about a value of the wrong shape.
func (d *documentReader) mismatch(n *yaml.Node, s *shape, path string, at Origin) {
	err := fmt.Errorf("wanted %s, found %s", s.is, found(n))
	if name := path[strings.LastIndex(path, ".")+1:]; strings.HasSuffix(strings.ToLower(name), "extraargs") {
		switch d.version {
		case v1beta4:
			err = withHint(err, "in "+v1beta4+" arguments are a list of {name: ..., value: ...}")
		case v1beta3:
			err = withHint(err, "in "+v1beta3+" arguments are a mapping of name to value")
		}
	}
	d.faults.add(at, err)
}
