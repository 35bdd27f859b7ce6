package audit

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/pkitool/pkitool/finding"
)

// Exception is a finding that somebody knows of: it is told apart, and counts no more.
type Exception struct {
	ID finding.ID
	// Row and Path, if not "", are those of the finding. A path may begin above the directory that is looked at, or in it.
	Row, Path string
	// Reason says why it may stay.
	Reason string
	// Until is the last day on which it counts; zero: for ever.
	Until time.Time
	// Source says where it was written down: "baseline.yaml:7".
	Source string
}

// Ignored is a finding that an exception covers.
type Ignored struct {
	CertDir string `json:"certDir"`
	finding.Shown
	Justification string `json:"justification"`
}

// Exceptions are what somebody knows of, and what has become of each.
type Exceptions struct {
	list []Exception
	used []bool
	byID map[finding.ID][]int // where they are in the list
	now  time.Time
}

// NewExceptions are exceptions at an instant.
func NewExceptions(list []Exception, now time.Time) *Exceptions {
	e := &Exceptions{list, make([]bool, len(list)), map[finding.ID][]int{}, now}
	for i, x := range list {
		e.byID[x.ID] = append(e.byID[x.ID], i)
	}
	return e
}

// ended says that the last day of an exception has gone by.
func (e *Exceptions) ended(x Exception) bool {
	return !x.Until.IsZero() && !e.now.Before(x.Until.AddDate(0, 0, 1))
}

// Apply takes the findings out of a directory that an exception covers.
func (e *Exceptions) Apply(d Directory) (Directory, []Ignored) {
	left, out := []finding.Shown{}, []Ignored{}
	for _, f := range d.Findings {
		reason, covered := "", false
		for _, i := range e.byID[f.ID] {
			if x := e.list[i]; x.covers(f, d) && !e.ended(x) {
				if !covered {
					reason, covered = x.Reason, true
				}
				e.used[i] = true
			}
		}
		if covered {
			out = append(out, Ignored{d.CertDir, f, reason})
		} else {
			left = append(left, f)
		}
	}
	d.Findings = left
	return d, out
}

// Ended are the exceptions whose last day has gone by, Unused the others that no finding needed.
func (e *Exceptions) Ended() (out []Exception) {
	for _, x := range e.list {
		if e.ended(x) {
			out = append(out, x)
		}
	}
	return out
}

// Unused: see Ended.
func (e *Exceptions) Unused() (out []Exception) {
	for i, x := range e.list {
		if !e.used[i] && !e.ended(x) {
			out = append(out, x)
		}
	}
	return out
}

func (x Exception) covers(f finding.Shown, d Directory) bool {
	return (x.Row == "" || x.Row == f.Row) && (x.Path == "" || names(x.Path, f.Path, d.CertDir) || names(x.Path, f.Path, d.KubeconfigDir))
}

// names reports whether a name is that of a file: its path, or the end of it that holds all of what is below dir.
func names(name, path, dir string) bool {
	name, path = filepath.ToSlash(filepath.Clean(name)), filepath.Clean(path)
	below, err := filepath.Rel(dir, path)
	below, path = filepath.ToSlash(below), filepath.ToSlash(path)
	return name == path || err == nil && strings.HasSuffix("/"+path, "/"+name) && strings.HasSuffix("/"+name, "/"+below)
}
