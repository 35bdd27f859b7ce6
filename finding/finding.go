// Package finding is the table of everything that can be wrong with a cluster's PKI: each finding has a stable id, a
// severity, a sentence, a reason and a remedy, and all of them stand here and nowhere else. Packages below and above
// make findings with [New]; only the command line prints them.
//
// A finding is an error value, so that a reader can return what is wrong with a file, and the judge can say of which
// row and which path.
package finding

import (
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// ID names what is wrong, in kebab case: "certificate-expired". Ids are an interface: they are never renamed.
type ID string

// Severity tells how bad a finding is.
type Severity int

// The severities. Error: a component of Kubernetes refuses it now, or it gives away rights. Warning: it works, and will
// cause trouble. Notice: it differs from what pkitool would make.
const (
	Notice Severity = iota
	Warning
	Error
)

// String is the severity as it is printed.
func (s Severity) String() string { return [...]string{"notice", "warning", "error"}[s] }

// MarshalText is String.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Asker is the kind of run that meets a finding: what helps depends on what one is doing.
type Asker int

// The askers. Check is every command that only reports.
const (
	Check Asker = iota
	Init
	Renew
	Request  // certs generate-csr
	Import   // certs import
	External // any run where the key of the row's CA is not here
	Kept     // any run, of files that --reissue does not replace: a CA's, the service-account key pair's, and those of no row
	Given    // the files are somebody else's: an external etcd's
	Beside   // an audit, of files that are no row's
	Live     // certs audit --live: what a running component serves, from whatever file
)

const hintBeside = "if nothing uses it, move it away"

// Finding is one thing that is wrong. Its sentence, reason and remedy come from the table. It holds nothing secret.
type Finding struct {
	ID       ID
	Severity Severity
	// Row is the row of the cluster's PKI that it is about, as it is printed ("apiserver@cp-2"); "" for none.
	Row string
	// Phase is the phase of init that makes the row: "certs" or "kubeconfig".
	Phase string
	// Path is the file, Line the line in it (from 1); 0 for the file as a whole.
	Path string
	Line int
	// Entry is the part of the file, such as the entry of a kubeconfig: `cluster "a"`; "" for the file as a whole.
	Entry string
	// Kind and Name are those of the entry of a kubeconfig that Entry says in one: cluster, user or context; "" else.
	Kind, Name string
	// Wanted and Had are the two sides of the comparison, so far as there are any.
	Wanted, Had []string
	// Fixable says that `kubeconfig check --fix` mends it.
	Fixable bool
}

// New makes a finding of the table. had says what there is. It panics for an id that is not in the table: that is a
// mistake in the program, which the test of the table finds.
func New(id ID, had ...string) *Finding {
	r, ok := Lookup(id)
	if !ok {
		panic("finding: no row for " + string(id))
	}
	return &Finding{ID: id, Severity: r.Severity, Had: had}
}

// Want sets what was wanted instead, and returns f.
func (f *Finding) Want(wanted ...string) *Finding {
	f.Wanted = wanted
	return f
}

// At sets the row, its phase and the path where they are not set yet, and returns f.
func (f *Finding) At(row, phase, path string) *Finding {
	if f.Row == "" {
		f.Row, f.Phase = row, phase
	}
	if f.Path == "" {
		f.Path = path
	}
	return f
}

// Of is err as a finding at a path: itself, if it is one, or id with the error's text as what there is.
func Of(err error, id ID) *Finding {
	if f, ok := err.(*Finding); ok {
		g := *f
		return &g
	}
	return New(id, err.Error())
}

// Text is the sentence: what is wrong, in lower case, without row and path.
func (f Finding) Text() string {
	r, _ := Lookup(f.ID)
	text := f.fill(r.Text)
	if f.Entry != "" {
		text = f.Entry + ": " + text
	}
	return text
}

// String is "row: sentence (path)", each part where there is one.
func (f Finding) String() string { return line(f.Row, f.Text(), f.Path) }

func line(row, text, path string) string {
	if row != "" {
		text = row + ": " + text
	}
	if path != "" && !strings.Contains(text, "("+path+")") {
		text += " (" + path + ")"
	}
	return text
}

// Error is String: a finding is an error.
func (f *Finding) Error() string { return f.String() }

// Reason says which component minds it, or which rule it breaks.
func (f Finding) Reason() string {
	r, _ := Lookup(f.ID)
	return f.fill(r.Reason)
}

// Remedy is what to do about it, for who asks; "" where there is nothing to say. A command in it stands in backquotes.
func (f Finding) Remedy(a Asker) string {
	r, _ := Lookup(f.ID)
	text, ok := r.Remedies[a]
	if !ok {
		text = r.Remedy
	}
	if f.Row == "" && strings.Contains(text, "{row}") {
		text = "" // a file that is no row's: the command would name nothing
	}
	if text == "" && a == Beside {
		text = hintBeside
	}
	return f.fill(text)
}

// fill puts the values into a text of the table: {had}, {wanted}, {row}, {phase}, {path}.
func (f Finding) fill(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	one := func(list []string, i int) string {
		if i < len(list) {
			return list[i]
		}
		return ""
	}
	return strings.NewReplacer(
		"{had}", strings.Join(f.Had, ", "), "{wanted}", strings.Join(f.Wanted, ", "),
		"{had0}", one(f.Had, 0), "{had1}", one(f.Had, 1), "{had2}", one(f.Had, 2),
		"{row}", f.Row, "{phase}", f.Phase, "{path}", f.Path,
	).Replace(text)
}

// Hint is the remedy for who only checks: what a command line says below an error.
func (f *Finding) Hint() string { return f.Remedy(Check) }

// Shown is a finding as reports print it.
type Shown struct {
	ID       ID       `json:"id"`
	Severity Severity `json:"severity"`
	Row      string   `json:"row,omitempty"`
	Path     string   `json:"path,omitempty"`
	Line     int      `json:"line,omitempty"`
	Entry    string   `json:"entry,omitempty"`
	Kind     string   `json:"kind,omitempty"`
	Name     string   `json:"name,omitempty"`
	Text     string   `json:"text"`
	Wanted   []string `json:"wanted,omitempty"`
	Had      []string `json:"had,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Hint     string   `json:"hint,omitempty"`
	Fixable  bool     `json:"fixable,omitempty"`
	// Follows is another finding, of the same row, of its CA or of the whole directory, that this one is only a consequence of.
	Follows ID `json:"follows,omitempty"`
}

// Shown is the finding with its texts, for who asks.
func (f Finding) Shown(a Asker) Shown {
	r, _ := Lookup(f.ID)
	return Shown{
		ID: f.ID, Severity: f.Severity, Row: f.Row, Path: f.Path, Line: f.Line, Entry: f.Entry, Kind: f.Kind, Name: f.Name, Text: f.fill(r.Text),
		Wanted: f.Wanted, Had: f.Had, Reason: f.Reason(), Hint: f.Remedy(a), Fixable: f.Fixable,
	}
}

// String is "row: sentence (path)", as Finding's.
func (s Shown) String() string {
	text := s.Text
	if s.Entry != "" {
		text = s.Entry + ": " + text
	}
	return line(s.Row, text, s.Path)
}

// Worst is the highest severity of a list; ok is false for an empty one.
func Worst(list []Finding) (worst Severity, ok bool) {
	for _, f := range list {
		worst = max(worst, f.Severity)
	}
	return worst, len(list) > 0
}

// Stamp is an instant as findings say it, in UTC.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Mode is the mode of a file as findings say it.
func Mode(m fs.FileMode) string { return fmt.Sprintf("%04o", m.Perm()) }

// Quote is a value of hostile origin for Had and Wanted: on one line, and not longer than a line.
func Quote(s string) string {
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return fmt.Sprintf("%q", s)
}
