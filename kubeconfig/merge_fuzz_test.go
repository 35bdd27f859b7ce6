package kubeconfig

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
)

// Law: a merged file has the entries of the first file as they were, unless asked to replace them, and those of the
// second under the names that the changes tell; merging the second file again changes nothing.
func FuzzMerge(f *testing.F) {
	all := seeds(f)
	for i, a := range all {
		for j, b := range all {
			f.Add(a, b, uint8(i+j))
		}
	}
	f.Fuzz(func(t *testing.T, into, from []byte, mode uint8) {
		defer fuzzbound.Hold(t, len(into)+len(from))()
		checkMerge(t, into, from, mode)
	})
}

// checkMerge is the law of FuzzMerge.
func checkMerge(t *testing.T, into, from []byte, mode uint8) {
	di, ci, err := open(into)
	if err != nil {
		return
	}
	df, cf, err := open(from)
	if err != nil {
		return
	}
	o := MergeOptions{OnConflict: OnConflict(mode % 3), SetCurrent: mode&4 != 0}
	got, err := Merge(into, from, o)
	if err != nil {
		return
	}
	dm, cm, err := open(got.Data)
	require.NoError(t, err, "%s", got.Data)
	require.Equal(t, cm.CurrentContext, got.CurrentContext)
	require.Len(t, got.Changes, len(cf.Clusters)+len(cf.Users)+len(cf.Contexts))
	if !o.SetCurrent && ci.CurrentContext != "" {
		require.Equal(t, ci.CurrentContext, cm.CurrentContext)
	}

	replaced := map[[2]string]bool{}
	names := map[[2]string]string{}
	for _, c := range got.Changes {
		require.Contains(t, []Verb{Added, Unchanged, Renamed, Replaced}, c.Verb)
		require.True(t, c.Verb != Replaced || o.OnConflict == Replace)
		require.True(t, c.NewName == "" || o.OnConflict == Rename)
		replaced[[2]string{c.Kind, c.Name}] = c.Verb == Replaced
		names[[2]string{c.Kind, c.Name}] = c.Name
		if c.NewName != "" {
			names[[2]string{c.Kind, c.Name}] = c.NewName
		}
	}
	for _, kind := range []string{"cluster", "user", "context"} {
		merged := items(dm.root, kind+"s")
		for i, item := range items(di.root, kind+"s") {
			if !replaced[[2]string{kind, stringAt(item, "name")}] {
				require.True(t, identical(item, merged[i]), "%s %d of\n%s", kind, i, got.Data)
			}
		}
		for _, item := range items(df.root, kind+"s") {
			name := names[[2]string{kind, stringAt(item, "name")}]
			there := dm.entryNode(kind+"s", name)
			require.NotNil(t, there, "%s %q", kind, name)
			m := &merger{options: o, names: names2(names, kind)}
			require.Empty(t, differences(kind, there, m.adapt(kind, item)), "%s %q of\n%s", kind, name, got.Data)
		}
	}

	again, err := Merge(got.Data, from, o)
	require.NoError(t, err)
	require.Equal(t, string(got.Data), string(again.Data))
}

// The same law for files whose few names and values meet as often as they can: each byte makes an entry.
func FuzzMergeNames(f *testing.F) {
	f.Add([]byte{0, 60, 120, 3, 40, 88}, []byte{1, 61, 121, 200, 7, 99}, uint8(1))
	f.Add([]byte("some text to begin with"), []byte("and another text"), uint8(2))
	f.Fuzz(func(t *testing.T, into, from []byte, mode uint8) {
		defer fuzzbound.Hold(t, len(into)+len(from))()
		checkMerge(t, smallFile(into), smallFile(from), mode)
	})
}

// smallFile makes a kubeconfig of entries with names such as a, a-2 and a@b, of which two differ in one field.
func smallFile(program []byte) []byte {
	lists := map[string]string{"cluster": "", "context": "", "user": ""}
	seen := map[string]bool{}
	current := ""
	for _, b := range program {
		thing := []string{"a", "b", "a-2", "a-3"}[b>>2%4]
		other := []string{"a", "b", "a-2", "a-3"}[b>>4%4]
		var kind, name, field string
		switch b % 4 {
		case 0:
			kind, name, field = "cluster", thing, "server: https://"+other
		case 1:
			kind, name, field = "user", thing, "token: "+other
		default:
			kind, name = "context", thing+"@"+other
			field = "cluster: " + other + "\n    user: " + thing
			if b%4 == 3 {
				name, field = thing, field+"\n    namespace: ns"
			}
			current = name
		}
		if !seen[kind+name] {
			seen[kind+name] = true
			lists[kind] += "- name: " + name + " # " + kind + "\n  " + kind + ":\n    " + field + "\n"
		}
	}
	out := "current-context: " + current + "\n"
	for _, kind := range []string{"cluster", "user", "context"} {
		if lists[kind] != "" {
			out += kind + "s:\n" + lists[kind]
		}
	}
	return []byte(out)
}

// names2 is what a context's references are renamed to; other kinds have none.
func names2(names map[[2]string]string, kind string) map[[2]string]string {
	if kind != "context" {
		return nil
	}
	return names
}
