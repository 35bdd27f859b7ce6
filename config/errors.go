package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with what was given.
type Fault struct {
	// Source says where it was given: "cluster.yaml:12", "--service-cidr" or
	// "PKITOOL_SERVICE_CIDR".
	Source string
	// Field is the kubeadm field of it, such as "networking.serviceSubnet" or
	// "apiServer.certSANs[1]"; "" for flags and environment variables, whose
	// name is the source.
	Field string
	// Text says what is wrong.
	Text string
	// Hint says what to do about it; often "".
	Hint string

	at Origin
}

// String is the fault on one line, without its hint.
func (f Fault) String() string { return Origin{Source: f.Source, Field: f.Field}.note(f.Text) }

// Errors is everything that is wrong with what was given, not only the first
// thing: faults of the file by line, then those of flags and of the environment.
type Errors struct {
	// Faults has at least one and at most 100 entries.
	Faults []Fault
	// More is how many there were beyond those.
	More int
}

// Error is one line a fault; hints are left to who prints them.
func (e *Errors) Error() string {
	var lines []string
	for _, f := range e.Faults {
		lines = append(lines, f.String())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(lines, "\n")
}

// Add adds a fault at the end, or counts it where there are 100 already.
func (e *Errors) Add(f Fault) {
	if len(e.Faults) == maxFaults {
		e.More++
		return
	}
	e.Faults = append(e.Faults, f)
}

// maxFaults bounds what a hostile file can make us print, maxKept what it can make us keep until all are sorted.
const (
	maxFaults = 100
	maxKept   = 1000
)

// faults collects them; the zero value is ready.
type faults struct {
	list []Fault
	more int // beyond maxKept
}

func (c *faults) count() int { return len(c.list) + c.more }

// hinted is an error that comes with advice.
type hinted struct {
	error
	hint string
}

func withHint(err error, hint string) error { return hinted{err, hint} }

func (c *faults) add(at Origin, err error) {
	if len(c.list) == maxKept {
		c.more++
		return
	}
	f := Fault{Source: at.Source, Field: at.Field, at: at, Text: err.Error()}
	if h, ok := err.(hinted); ok {
		f.Hint = h.hint
	}
	c.list = append(c.list, f)
}

func (c *faults) addf(at Origin, format string, args ...any) {
	c.add(at, fmt.Errorf(format, args...))
}

// err is nil when there is no fault.
func (c *faults) err() error {
	if len(c.list) == 0 {
		return nil
	}
	list := slices.Clone(c.list)
	rank := map[Layer]int{ByFile: 0, ByFlag: 1, ByVariable: 2}
	slices.SortStableFunc(list, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(rank[a.at.Layer], rank[b.at.Layer]), cmp.Compare(a.at.Line, b.at.Line))
	})
	e := &Errors{More: c.more}
	for _, f := range slices.Compact(list) { // one flag may fill two fields, and be wrong for both
		e.Add(f)
	}
	return e
}
