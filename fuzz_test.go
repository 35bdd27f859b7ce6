package pkitool_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every fuzz target bounds the time and the memory that an input takes, and begins with inputs of its own.
func TestFuzzTargetsAreBounded(t *testing.T) {
	targets := 0
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "Fuzz") {
				continue
			}
			targets++
			called := map[string]bool{}
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok {
						called[x.Name+"."+s.Sel.Name] = true
					}
				}
				return true
			})
			assert.True(t, called["fuzzbound.Hold"], "%s: %s holds an input to no bound", path, f.Name.Name)
			assert.True(t, called["f.Add"], "%s: %s begins with nothing", path, f.Name.Name)
		}
		return nil
	}))
	require.Greater(t, targets, 30)
}
