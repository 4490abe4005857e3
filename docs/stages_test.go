package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// TestStages checks that the table in docs/v1alpha2.md names everything that a generation's description has.
func TestStages(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(at("docs/v1alpha2.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## What each stage takes from a generation's description")
	section, _, _ = strings.Cut(section, "\n## ")
	fields := 0
	for file, name := range map[string]string{"internal/methods/generation.go": "Generation", "internal/methods/methods.go": "Method"} {
		for _, field := range fieldsOf(t, file, name) {
			fields++
			if !strings.Contains(section, "`"+field+"`") {
				t.Errorf("the section lacks `%s`, a field of %s", field, name)
			}
		}
	}
	if fields < 15 {
		t.Errorf("found only %d fields", fields)
	}
}

// fieldsOf names the fields of a struct, and the types that it embeds.
func fieldsOf(t *testing.T, file, name string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), at(file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != name {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			if len(field.Names) == 0 {
				names = append(names, field.Type.(*ast.Ident).Name)
			}
			for _, one := range field.Names {
				names = append(names, one.Name)
			}
		}
		return false
	})
	return names
}
