package kubeconfig

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/pkitool/pkitool/internal/hidden"
)

// OnConflict says what Merge does with an entry whose name is taken by an entry with other content.
type OnConflict int

const (
	// Refuse makes Merge return a [*ConflictError] with all such entries.
	Refuse OnConflict = iota
	// Rename gives the new entry the first free name of the form NAME-2, NAME-3, ..., USER@CLUSTER for a context that was
	// so named, and makes the new contexts use the new names. Merging the same file again finds its entries under them.
	Rename
	// Replace puts the new content in the place of the old.
	Replace
)

// MergeOptions say how two kubeconfigs become one. The zero value never changes what is there.
type MergeOptions struct {
	OnConflict OnConflict
	// SetCurrent makes the merged-in file's current context the current one. Without it that happens only if there was none.
	SetCurrent bool
	// FromDir is the directory of the merged-in file, seen from the directory of the other: its relative paths are
	// prefixed with it. "" leaves them as they are, which is right for files in one directory.
	FromDir string
}

// Verb is what has happened to an entry.
type Verb string

const (
	Added     Verb = "added"
	Unchanged Verb = "unchanged"
	Renamed   Verb = "renamed" // added, under the name NewName
	Replaced  Verb = "replaced"
)

// Change says what Merge has done with one entry of the merged-in file.
type Change struct {
	Kind    string `json:"kind"` // cluster, user or context
	Name    string `json:"name"` // in the merged-in file
	Verb    Verb   `json:"verb"`
	NewName string `json:"newName,omitempty"` // in the merged file, if it is another one
	// Fields are the keys in which the two entries of that name differ, sorted. Their values may be secrets.
	Fields []string `json:"fields,omitempty"`
}

// Merged is the result of Merge.
type Merged struct {
	hidden.Secret
	Data           []byte   // the merged file: into itself, byte for byte, if nothing has changed
	Changes        []Change // clusters, users, contexts, each in the order of the merged-in file
	CurrentContext string   // of the merged file
}

// ConflictError says which entries of two kubeconfigs have the same name and different content.
type ConflictError struct {
	Conflicts []Change // Verb is ""
}

func (e *ConflictError) Error() string {
	var parts []string
	for _, c := range e.Conflicts {
		parts = append(parts, fmt.Sprintf("%s %q is there already with another %s", c.Kind, c.Name, strings.Join(c.Fields, ", ")))
	}
	return strings.Join(parts, "; ")
}

// ErrNothingToMerge is returned by Merge for a file that says nothing: what was to write it has failed.
var ErrNothingToMerge = errors.New("holds nothing to merge: no cluster, no user, no context")

// holdsAnything tells whether a file says more than what it is.
func holdsAnything(root *yaml.Node) bool {
	for k, v := range fields(root) {
		if k != "apiVersion" && k != "kind" && k != "current-context" && !isZero(v) {
			return true
		}
	}
	return false
}

// Merge puts the entries of one kubeconfig into another and leaves everything else in that one as it is: unknown fields,
// comments, order, the current context. into may be empty.
//
// An entry whose name is free is added at the end of its list with all its fields, known or not. One whose name is taken
// by an entry that says the same is unchanged, where extensions, and a namespace that only into sets, are the business of
// into. For the rest see [OnConflict]. A path beside its -data field, which client-go would complain about, is not taken
// over. Of extensions and preferences, those that into does not have are added, and so are other top-level fields.
//
// Errors: a [*SyntaxError] for either file (Parse them first to know which), [ErrNothingToMerge], a [*ConflictError], or a
// missing current context if SetCurrent asks for it.
func Merge(into, from []byte, o MergeOptions) (*Merged, error) {
	t, err := NewTarget(into)
	if err != nil {
		return nil, err
	}
	changes, err := t.Merge(from, o)
	if err != nil {
		return nil, err
	}
	data, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	return &Merged{Data: data, Changes: changes, CurrentContext: t.CurrentContext()}, nil
}

// current decides which context is the current one afterwards.
func (m *merger) current(into string, from *Config) (string, error) {
	_, known := from.Context(from.CurrentContext)
	_, unnamed := itemsByName(m.into.root, "contexts")[""]
	switch {
	case m.options.SetCurrent && !known:
		_, err := from.Current()
		return "", err
	case known && (m.options.SetCurrent || into == "" && !unnamed):
		return m.newName("context", from.CurrentContext), nil
	}
	return into, nil
}

// merger decides first, for all entries, and changes the tree of into afterwards.
type merger struct {
	options    MergeOptions
	into, from *document
	steps      []step
	changes    []Change
	conflicts  []Change
	names      map[[2]string]string // kind and old name to new name
}

// step is one change to the tree of into.
type step struct {
	kind string
	item *yaml.Node // an item to append to its list
	old  *yaml.Node // or, if not nil, the entry of into that gets the content of item
}

func (m *merger) newName(kind, name string) string {
	if n, ok := m.names[[2]string{kind, name}]; ok {
		return n
	}
	return name
}

// plan decides about all entries of one kind.
func (m *merger) plan(kind string) {
	list := kind + "s"
	old := itemsByName(m.into.root, list)
	taken := itemsByName(m.from.root, list) // names that no other entry may be renamed to
	for _, item := range items(m.from.root, list) {
		name := stringAt(item, "name")
		orig := item
		item = m.adapt(kind, orig)
		there, ok := old[name]
		if !ok {
			m.changes = append(m.changes, Change{Kind: kind, Name: name, Verb: Added})
			m.steps = append(m.steps, step{kind: kind, item: item})
			continue
		}
		c := Change{Kind: kind, Name: name, Fields: differences(kind, there, item)}
		switch {
		case len(c.Fields) == 0:
			c.Verb = Unchanged
		case m.options.OnConflict == Rename:
			m.rename(&c, orig, item, old, taken)
		case m.options.OnConflict == Replace:
			c.Verb = Replaced
			m.steps = append(m.steps, step{kind: kind, item: item, old: there})
		default:
			m.conflicts = append(m.conflicts, c)
			continue
		}
		m.changes = append(m.changes, c)
	}
}

// rename finds the new name of an item: the first that is free, or that an entry with the same content has got when this
// file was merged before.
func (m *merger) rename(c *Change, orig, item *yaml.Node, old, taken map[string]*yaml.Node) {
	c.Verb = Renamed
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s-%d", cmp.Or(c.Name, c.Kind), n+1)
		if c.Kind == "context" {
			name = m.contextName(c.Name, orig, n)
		}
		_, own := taken[name]
		there, used := old[name]
		if own || used && len(differences(c.Kind, there, item)) > 0 {
			continue
		}
		m.names[[2]string{c.Kind, c.Name}] = name
		taken[name] = item
		c.NewName = name
		if used {
			c.Verb = Unchanged
			return
		}
		setKey(item, "name", stringNode(name))
		m.steps = append(m.steps, step{kind: c.Kind, item: item})
		return
	}
}

// contextName is the n-th choice, from 1, for the new name of a context: one that was called USER@CLUSTER is called so
// with the new names of both.
func (m *merger) contextName(name string, orig *yaml.Node, n int) string {
	body := value(orig, "context")
	user, cluster := stringAt(body, "user"), stringAt(body, "cluster")
	if renamed := m.newName("user", user) + "@" + m.newName("cluster", cluster); name == user+"@"+cluster && renamed != name {
		if n == 1 {
			return renamed
		}
		name, n = renamed, n-1
	}
	return fmt.Sprintf("%s-%d", cmp.Or(name, "context"), n+1)
}

// apply makes the planned changes and tells whether there were any.
func (m *merger) apply(current string) bool {
	changed := len(m.steps) > 0
	if m.into.root == nil {
		changed = m.adopt() || changed
	}
	for _, s := range m.steps {
		if s.old == nil {
			l := child(m.into.root, s.kind+"s", yaml.SequenceNode)
			l.Content = append(l.Content, s.item)
			continue
		}
		replaceBody(s.kind, s.old, s.item)
	}
	if stringAt(m.into.root, "current-context") != current {
		setKey(m.into.root, "current-context", stringNode(current))
		changed = true
	}
	return m.mergeRest() || changed
}

// adopt makes the empty file into a copy of the merged-in one without its entries, which follow as steps.
func (m *merger) adopt() bool {
	doc := cloneNode(m.from.doc)
	doc.HeadComment = joinComments(m.into.comment, doc.HeadComment)
	root := doc.Content[0]
	for _, list := range []string{"clusters", "users", "contexts"} {
		if l := value(root, list); l != nil {
			l.Content = nil
		}
	}
	if i := keyIndex(root, "current-context"); i >= 0 {
		replaceNode(root, i+1, stringNode(""))
	}
	m.into.doc, m.into.root, m.into.layout = doc, root, m.from.layout
	return len(root.Content) > 0
}

// mergeRest adds what the file says beside its entries, and tells whether there was anything.
func (m *merger) mergeRest() bool {
	rest := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(m.from.root.Content); i += 2 {
		if k := m.from.root.Content[i]; !slices.Contains(ownFields, k.Value) {
			rest.Content = append(rest.Content, k, m.from.root.Content[i+1])
		}
	}
	return mergeFields(m.into.root, rest)
}

// ownFields are the top-level fields that each file has for itself, or that are merged entry by entry.
var ownFields = []string{"apiVersion", "kind", "clusters", "users", "contexts", "current-context"}

// mergeFields adds the fields that into does not have, and tells whether there were any. Extensions go by their names, as
// kubectl has it for KUBECONFIG=a:b, those in preferences too.
func mergeFields(into, from *yaml.Node) (changed bool) {
	for k, v := range fields(from) {
		there := nonZero(value(into, k))
		switch {
		case isZero(v):
		case there == nil:
			setKey(into, k, cloneNode(v))
			changed = true
		case k == "extensions":
			old := itemsByName(into, k)
			for _, item := range v.Content {
				if _, taken := old[stringAt(item, "name")]; !taken {
					there.Content = append(there.Content, cloneNode(item))
					changed = true
				}
			}
		case k == "preferences":
			changed = mergeFields(there, v) || changed
		}
	}
	return changed
}
