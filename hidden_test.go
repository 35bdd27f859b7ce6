package pkitool_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secretFields are how fields are called that hold the bytes of a file, which may be a key's, or a token.
var secretFields = map[string]bool{"Data": true, "data": true, "ClientKey": true, "Files": true, "Base": true, "Kubeconfig": true, "Token": true}

// TestKeysAreHidden asks of every struct that holds a private key, a token or the content of a file that it cannot be
// printed: it embeds hidden.Secret. The methods of a field without a name that begins with a capital are not called, so
// a struct around one is asked as well.
func TestKeysAreHidden(t *testing.T) {
	hidden := 0
	for dir := range packages(t) {
		if strings.HasPrefix(dir, "pki/verify") || strings.Contains(dir, "opensslcmd") {
			continue // certificates and CRLs only: no private key gets there
		}
		sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, source := range sources {
			if strings.HasSuffix(source, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				s, ok := spec.Type.(*ast.StructType)
				if !ok {
					return true
				}
				isHidden, holds := false, ""
				for _, f := range s.Fields.List {
					text := written(f.Type)
					isHidden = isHidden || len(f.Names) == 0 && text == "hidden.Secret"
					if strings.Contains(text, "crypto.Signer") {
						holds = text
					}
					for _, name := range f.Names {
						if secretFields[name.Name] && (strings.HasSuffix(text, "[]byte") || name.Name == "Token") {
							holds = name.Name
						}
					}
				}
				if isHidden {
					hidden++
				}
				assert.True(t, isHidden || holds == "", "%s: %s holds a secret (%s) and can be printed: embed hidden.Secret", source, spec.Name, holds)
				return true
			})
		}
	}
	assert.Greater(t, hidden, 12)
}

// written is a type as it is written, as far as it matters here.
func written(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return written(e.X) + "." + e.Sel.Name
	case *ast.ArrayType:
		return "[]" + written(e.Elt)
	case *ast.MapType:
		return "map[" + written(e.Key) + "]" + written(e.Value)
	case *ast.StarExpr:
		return "*" + written(e.X)
	}
	return ""
}
