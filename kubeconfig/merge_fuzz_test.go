package kubeconfig

import (
	"testing"

	"github.com/stretchr/testify/require"
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
				if !replaced[[2]string{kind, value(item, "name").Value}] {
					require.True(t, identical(item, merged[i]), "%s %d of\n%s", kind, i, got.Data)
				}
			}
			for _, item := range items(df.root, kind+"s") {
				name := names[[2]string{kind, value(item, "name").Value}]
				there := dm.entryNode(kind+"s", name)
				require.NotNil(t, there, "%s %q", kind, name)
				m := &merger{options: o, names: names2(names, kind)}
				require.Empty(t, differences(kind, there, m.adapt(kind, item)), "%s %q of\n%s", kind, name, got.Data)
			}
		}

		again, err := Merge(got.Data, from, o)
		require.NoError(t, err)
		require.Equal(t, string(got.Data), string(again.Data))
	})
}

// names2 is what a context's references are renamed to; other kinds have none.
func names2(names map[[2]string]string, kind string) map[[2]string]string {
	if kind != "context" {
		return nil
	}
	return names
}
