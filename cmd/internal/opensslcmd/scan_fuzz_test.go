package opensslcmd

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
)

// FuzzCommandLine: whatever the words, a run ends with one of openssl's codes, and says something if it is not good. It
// runs in an empty directory, and files elsewhere are not named.
func FuzzCommandLine(f *testing.F) {
	table := options()
	require.NotEmpty(f, table)
	for _, o := range table {
		f.Add("-" + o.name + "\x00x")
		f.Add("--" + o.kebab() + "=1")
	}
	f.Add("-attime\x00" + "0x7fffffff\x00a\x00b")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, words string) {
		defer fuzzbound.Hold(t, len(words))()
		if strings.ContainsAny(words, "/\\") || strings.Contains(words, "..") {
			return
		}
		t.Chdir(dir)
		var out, errs bytes.Buffer
		code := Run(context.Background(), Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Now: time.Unix(1767225600, 0)}, strings.Split(words, "\x00"))
		require.Contains(t, []int{exitOK, exitUsage, exitBad}, code)
		require.Less(t, out.Len()+errs.Len(), 64<<10+100*len(words))
		Complete(strings.Split(words, "\x00"), words)
	})
}
