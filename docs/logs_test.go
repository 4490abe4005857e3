package docs_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestLogMessages compares the table of messages in docs/operations.md with the library's log messages, which must be
// constants.
func TestLogMessages(t *testing.T) {
	t.Parallel()
	logged := map[string]token.Position{}
	for _, path := range librarySources(t) {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if message, ok := messageOf(n); ok {
				text, err := strconv.Unquote(constant(message))
				if err != nil {
					t.Errorf("%s: the message is computed, want a constant text", fset.Position(message.Pos()))
				}
				logged[text] = fset.Position(message.Pos())
			}
			return true
		})
	}
	listed := listedMessages(t)
	for text, where := range logged {
		if !listed[text] {
			t.Errorf("%s: docs/operations.md does not list %q", where, text)
		}
	}
	for text := range listed {
		if _, ok := logged[text]; !ok {
			t.Errorf("docs/operations.md lists %q, want only messages that the library logs", text)
		}
	}
}

// librarySources finds the sources that a driver links: those of the root and of internal, without tools and tests.
// internal/safelog/sink.go passes on what others log.
func librarySources(t *testing.T) []string {
	t.Helper()
	sources, err := filepath.Glob(at("*.go"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(at("internal"), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (path == at("internal/tools") || path == at("internal/test")):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			sources = append(sources, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var production []string
	for _, path := range sources {
		if !strings.HasSuffix(path, "_test.go") && path != at("internal/safelog/sink.go") {
			production = append(production, path)
		}
	}
	return production
}

// messageOf returns the message of a call of logr's Info or Error.
func messageOf(n ast.Node) (ast.Expr, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil, false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	switch {
	case ok && method.Sel.Name == "Info" && len(call.Args) > 0:
		return call.Args[0], true
	case ok && method.Sel.Name == "Error" && len(call.Args) > 1 && !isPackage(method.X, "status"):
		return call.Args[1], true
	}
	return nil, false
}

func isPackage(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func constant(e ast.Expr) string {
	if text, ok := e.(*ast.BasicLit); ok {
		return text.Value
	}
	return ""
}

// listedMessages reads the first column of the table.
func listedMessages(t *testing.T) map[string]bool {
	t.Helper()
	_, table, ok := strings.Cut(readFile(t, "docs/operations.md"), "| message | what it means |\n|---|---|\n")
	if !ok {
		t.Fatal("docs/operations.md has no table of messages, want one")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	listed := map[string]bool{}
	for row := range strings.Lines(table) {
		column := strings.Split(row, "|")[1]
		for _, found := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(column, -1) {
			listed[found[1]] = true
		}
	}
	return listed
}

// Every line of the log that operations.md prints is one of the messages that it explains.
func TestPrintedLog(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("operations.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, `    {"time":`) {
			continue
		}
		lines++
		var entry struct {
			Level string `json:"level"`
			Msg   string `json:"msg"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Level == "" {
			t.Errorf("%v: %s", err, line)
		}
		if !strings.Contains(string(text), "`"+entry.Msg+"`") {
			t.Errorf("operations.md does not explain %q", entry.Msg)
		}
	}
	if lines < 5 {
		t.Errorf("operations.md prints %d lines of a log", lines)
	}
}
