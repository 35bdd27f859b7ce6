package kubeconfig

import "github.com/pkitool/pkitool/internal/hidden"

// Target is a kubeconfig that others are merged into one after the other. It is read and written once, however many they
// are: with a call of [Merge] for each, a thousand files would be read half a million times.
type Target struct {
	hidden.Secret
	data    []byte
	doc     *document
	current string
	changed bool
}

// NewTarget reads the kubeconfig, which may be empty. The error is a [*SyntaxError].
func NewTarget(into []byte) (*Target, error) {
	d, c, err := open(into)
	if err != nil {
		return nil, err
	}
	return &Target{data: into, doc: d, current: c.CurrentContext}, nil
}

// Merge puts the entries of one more kubeconfig into the target, by the rules of the function [Merge], and says what
// becomes of each. On an error, which is one of that function's, the target is what it was.
func (t *Target) Merge(from []byte, o MergeOptions) ([]Change, error) {
	df, cf, err := open(from)
	if err != nil {
		return nil, err
	}
	if !holdsAnything(df.root) {
		return nil, ErrNothingToMerge
	}
	m := &merger{options: o, into: t.doc, from: df, names: map[[2]string]string{}}
	for _, kind := range []string{"cluster", "user", "context"} {
		m.plan(kind)
	}
	if len(m.conflicts) > 0 {
		return nil, &ConflictError{m.conflicts}
	}
	current, err := m.current(t.current, cf)
	if err != nil {
		return nil, err
	}
	t.current = current
	if m.apply(current) {
		t.changed = true
	}
	return m.changes, nil
}

// CurrentContext is the current context after what was merged so far.
func (t *Target) CurrentContext() string { return t.current }

// Bytes writes the target: byte for byte what it was made of, if nothing has changed.
func (t *Target) Bytes() ([]byte, error) {
	if !t.changed {
		return t.data, nil
	}
	return t.doc.bytes()
}
