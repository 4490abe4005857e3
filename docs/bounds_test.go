package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"strings"
	"testing"
)

// TestBounds compares the table of bounds in docs/operations.md with the constants of internal/bound.
func TestBounds(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(at("docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := boundRows(t)
	if len(rows) < 5 {
		t.Fatalf("found the bounds %q, want those of internal/bound", rows)
	}
	if want := strings.Join(rows, "\n"); !strings.Contains(string(text), want) {
		t.Errorf("docs/operations.md lacks these rows, want them together:\n%s", want)
	}
}

// boundRows writes the exported constants as rows of a table.
func boundRows(t *testing.T) (rows []string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, at("internal/bound/bound.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !spec.Names[0].IsExported() || len(spec.Values) == 0 {
			return true
		}
		value, err := types.Eval(fset, nil, token.NoPos, types.ExprString(spec.Values[0]))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, fmt.Sprintf("| %s | %s |", strings.TrimSpace(spec.Comment.Text()), value.Value))
		return true
	})
	return rows
}
