package config

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pkitool/pkitool/internal/yamlsize"
	"github.com/pkitool/pkitool/pki"
)

// User is one entry of a list of users.
type User struct {
	Subject   pki.Subject
	Validity  time.Duration // 0: as the run says
	Namespace string
	Line      int
}

// maxUsers bounds a list of users.
const maxUsers = 100_000

// userFields are the columns of a list of users: of the CSV file's header, of a YAML entry.
var userFields = []string{"cn", "org", "validity", "namespace"}

// ParseUsers reads a list of users. A name that ends in .csv is a CSV file with
// a header of the columns cn, org (several separated by ;), validity and
// namespace, in any order, cn required. Everything else is YAML: a list of
// entries with these keys, org a text or a list. Every fault is reported, in an *Errors.
func ParseUsers(name string, data []byte) ([]User, error) {
	u := &userReader{source: source{name, &faults{}}, seen: map[string]int{}}
	if strings.HasSuffix(strings.ToLower(name), ".csv") {
		u.csv(data)
	} else {
		u.yaml(data)
	}
	if len(u.users) == 0 && len(u.faults.list) == 0 {
		u.faults.addf(u.file(), "names no user")
	}
	return u.users, u.faults.err()
}

type userReader struct {
	source
	users []User
	seen  map[string]int // line by CN: files are named after it
	full  bool           // there were too many, and that was said
}

// add judges one entry; the values are by field.
func (u *userReader) add(line int, values map[string][]string) {
	if len(u.users) == maxUsers {
		if !u.full {
			u.faults.addf(u.at(line, ""), "one user more than the %d that a list may have", maxUsers)
		}
		u.full = true
		return
	}
	one := func(field string) string {
		if v := values[field]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	user := User{Subject: pki.Subject{CommonName: one("cn")}, Namespace: one("namespace"), Line: line}
	if len(values["org"]) > maxEntries {
		u.faults.addf(u.at(line, "org"), "one group more than the %d that a list may have", maxEntries)
		values["org"] = nil
	}
	for _, o := range values["org"] {
		if o != "" {
			user.Subject.Organization = append(user.Subject.Organization, o)
		}
	}
	if err := user.Subject.Check(); err != nil {
		u.faults.add(u.at(line, ""), clipped(err))
	}
	if v := one("validity"); v != "" {
		d, err := parseValidity(v)
		if err != nil {
			u.faults.add(u.at(line, "validity"), err)
		}
		user.Validity = d
	}
	if user.Namespace != "" && (pki.CheckDNSName(user.Namespace) != nil || strings.Contains(user.Namespace, ".")) {
		u.faults.addf(u.at(line, "namespace"), "%q is no name of a namespace", clip(user.Namespace))
	}
	if before, twice := u.seen[user.Subject.CommonName]; twice && user.Subject.CommonName != "" {
		u.faults.addf(u.at(line, "cn"), "%q is on line %d already", clip(user.Subject.CommonName), before)
	}
	u.seen[user.Subject.CommonName] = line
	u.users = append(u.users, user)
}

func (u *userReader) csv(data []byte) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	r.Comment, r.FieldsPerRecord = '#', -1 // counted below, so that one short line does not hide the faults of the others
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return
	}
	if len(header) > 2*len(userFields) {
		u.faults.addf(u.at(1, ""), "the header has %d columns: they are %s", len(header), strings.Join(userFields, ", "))
		return
	}
	for i := range header {
		header[i] = strings.ToLower(strings.TrimSpace(header[i]))
		if err == nil && !slices.Contains(userFields, header[i]) {
			u.faults.addf(u.at(1, ""), "unknown column %q: the columns are %s", clip(header[i]), strings.Join(userFields, ", "))
		}
		if err == nil && slices.Contains(header[:i], header[i]) {
			u.faults.addf(u.at(1, ""), "second column %q", clip(header[i]))
		}
	}
	if err == nil && !slices.Contains(header, "cn") {
		u.faults.addf(u.at(1, ""), "the header has no column cn")
	}
	if len(u.faults.list) > 0 {
		return
	}
	for err == nil {
		var record []string
		if record, err = r.Read(); err != nil {
			break
		}
		line, _ := r.FieldPos(0)
		if len(record) != len(header) {
			u.faults.addf(u.at(line, ""), "the number of columns is %d, the header has %d", len(record), len(header))
			continue
		}
		values := map[string][]string{}
		for i, v := range record {
			parts := []string{v}
			if header[i] == "org" {
				parts = strings.SplitN(v, ";", maxEntries+1)
			}
			for _, p := range parts {
				values[header[i]] = append(values[header[i]], strings.TrimSpace(p))
			}
		}
		u.add(line, values)
	}
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		u.faults.add(u.at(bad.StartLine, ""), bad.Err) // a quote that is never closed runs to the end of the file
	}
}

func (u *userReader) yaml(data []byte) {
	if yamlsize.Marks(data) > yamlsize.MaxMarks {
		u.faults.add(u.file(), withHint(fmt.Errorf("has more than %d lines and punctuation marks", yamlsize.MaxMarks), "a CSV file may have as many as there are users"))
		return
	}
	list := u.only(data, "a list of users")
	if list == nil {
		return
	}
	if list.Kind != yaml.SequenceNode {
		u.faults.addf(u.at(list.Line, ""), "must be a list of users, each with %s", strings.Join(userFields, ", "))
		return
	}
	for _, n := range list.Content {
		u.entry(n)
	}
}

func (u *userReader) entry(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		u.faults.addf(u.at(n.Line, ""), "must be an entry with %s", strings.Join(userFields, ", "))
		return
	}
	values := map[string][]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		_, twice := values[k.Value]
		switch {
		case k.Kind != yaml.ScalarNode || !slices.Contains(userFields, k.Value):
			u.faults.addf(u.at(k.Line, ""), "unknown field %q: the fields are %s", clip(k.Value), strings.Join(userFields, ", "))
		case twice:
			u.faults.addf(u.at(k.Line, k.Value), "second time in this entry")
		case v.ShortTag() == "!!null": // as if it were not there: no group is called ~
			values[k.Value] = nil
		case v.Kind == yaml.ScalarNode:
			values[k.Value] = []string{v.Value}
		case v.Kind == yaml.SequenceNode && k.Value == "org" && !slices.ContainsFunc(v.Content, func(c *yaml.Node) bool { return c.Kind != yaml.ScalarNode }):
			values["org"] = []string{}
			for _, c := range v.Content {
				if c.ShortTag() != "!!null" {
					values["org"] = append(values["org"], c.Value)
				}
			}
		default:
			u.faults.addf(u.at(v.Line, k.Value), "must be a text")
		}
	}
	u.add(n.Line, values)
}
