package docs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every Go snippet of every Markdown file is compiled. A snippet is one of these:
//
//   - a quotation: its first line is a comment with the path of a file, which has the other lines
//   - a whole file
//   - declarations
//   - statements, which are the body of a function that returns an error
//
// Declarations and statements get the declarations of their document's prelude, and the imports that they use. The
// snippets are packages in the module that requires all that documents show.

// preludes lists what the documents' snippets use and do not show.
var preludes = map[string]string{
	"README.md":           `var (provisioner cosi.ProvisionerServer; driver *gocosi.Driver; t *testing.T)`,
	"docs/conformance.md": `var provisioner cosi.ProvisionerServer`,
	"docs/guide.md":       `var (ctx context.Context; provisioner cosi.ProvisionerServer; log logr.Logger)`,
	"docs/migrating.md":   `var (ctx context.Context; log logr.Logger; identity cosi.IdentityServer; handlers cosi.ProvisionerServer)`,
}

// imported lists the packages that snippets use without an import.
var imported = map[string]string{
	"codes":       "google.golang.org/grpc/codes",
	"context":     "context",
	"cosi":        "sigs.k8s.io/container-object-storage-interface-spec",
	"cositest":    "github.com/doomshrine/gocosi/cositest",
	"errors":      "errors",
	"gocosi":      "github.com/doomshrine/gocosi",
	"log":         "log",
	"logr":        "github.com/go-logr/logr",
	"os":          "os",
	"prometheus":  "go.opentelemetry.io/otel/exporters/prometheus",
	"provisioner": "sigs.k8s.io/container-object-storage-interface-provisioner-sidecar/pkg/provisioner",
	"signal":      "os/signal",
	"slog":        "log/slog",
	"status":      "google.golang.org/grpc/status",
	"strings":     "strings",
	"syscall":     "syscall",
	"testing":     "testing",
	"zap":         "go.uber.org/zap",
	"zapr":        "github.com/go-logr/zapr",
}

// languages lists what a fence may say besides go. A block with another word could be a snippet that nothing compiles.
var languages = append([]string{"", "console", "json", "mermaid", "promql", "text", "yaml"}, shells...)

// TestSnippets compiles the snippets, and compares quotations with their files.
func TestSnippets(t *testing.T) {
	t.Parallel()
	needsClone(t)
	var all []snippet
	for _, d := range readMarkdown(t, []string{"bin", "node_modules", "vendor"}, ".md", ".md.tmpl") {
		found, err := d.snippets()
		if err != nil {
			t.Error(err)
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		t.Fatal("found no snippets, want some")
	}
	seen := map[string]bool{}
	for _, s := range all {
		seen[s.document] = true
	}
	for path := range preludes {
		if !seen[path] {
			t.Errorf("%s has no snippet, want one for its prelude", path)
		}
	}
	if err := compile(t, all); err != nil {
		t.Error(err)
	}
}

// TestBrokenSnippets checks that TestSnippets finds each kind of fault, and names the document and the line.
func TestBrokenSnippets(t *testing.T) {
	t.Parallel()
	needsClone(t)
	const text = "# Title\n\n```go\ndriver, err := gocosi.New(nil, nil,\n\tgocosi.WithLog(logr.Discard()))\nif err != nil {\n\treturn err\n}\nreturn driver.Run(nil)\n```\n" +
		"\nand\n\n    func f() error {\n\n        return status.Error(codes.Away, \"\")\n    }\n\n" +
		"```go\n// examples/memory/main.go\nfunc main() {\n\tpanic(0)\n}\n```\n\n```go\n…\n```\n\n```golang\nf()\n```\n"
	found, err := parseDocument("docs/broken.md", text).snippets()
	if len(found) != 4 {
		t.Fatalf("found %d snippets, want 4", len(found))
	}
	err = errors.Join(err, compile(t, found))
	for _, want := range []string{
		"docs/broken.md:5: undefined: gocosi.WithLog", "docs/broken.md:16: undefined: codes.Away",
		"docs/broken.md:20: examples/memory/main.go lacks these lines", "docs/broken.md:27: illegal character", `docs/broken.md:30: a block of "golang"`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

// snippet holds the Go code of a block.
type snippet struct {
	document string // path in the repository
	line     int    // number of the first line
	text     string
}

// looksGo finds a line of Go in a block that says no language.
var looksGo = regexp.MustCompile(`:=|^(func|import|package|type|var|const) |^return\b|\b[a-z]\w*\.[A-Z]\w*\(`)

// snippets returns the blocks that are Go, and the lines of Go in blocks that have commands too.
func (d *document) snippets() ([]snippet, error) {
	var all []snippet
	var wrong []error
	for _, b := range d.blocks {
		lines := slices.Clone(b.raw)
		for i, line := range b.lines {
			if b.language != "go" && b.isCommand(strings.TrimSpace(comment.ReplaceAllString(line, ""))) {
				lines[i] = ""
			}
		}
		switch {
		case b.language == "go", b.language == "" && slices.ContainsFunc(lines, func(line string) bool { return looksGo.MatchString(strings.TrimSpace(line)) }):
			all = append(all, snippet{d.path, b.first, strings.Join(lines, "\n")})
		case !slices.Contains(languages, b.language):
			wrong = append(wrong, fmt.Errorf("%s:%d: a block of %q, want go or one of %q", d.path, b.first-1, b.language, languages))
		}
	}
	return all, errors.Join(wrong...)
}

// root returns the folder of the repository, as it stands before the paths of files.
func root() string {
	path, err := filepath.Abs(top)
	if err != nil {
		return ""
	}
	return path + string(filepath.Separator)
}

// compile returns what the compiler says of the snippets.
func compile(t *testing.T, all []snippet) error {
	t.Helper()
	folder := t.TempDir()
	overlay := map[string]string{} // files that the module seems to have
	var packages []string
	var wrong []error
	for _, s := range all {
		if path, quoted := s.quotes(); quoted {
			wrong = append(wrong, s.compare(t, path)) // the file's own package compiles it
			continue
		}
		text, err := s.file()
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		name := fmt.Sprintf("snippet%d", len(packages))
		file := filepath.Join(folder, name+".go")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(root(), filepath.FromSlash(module), name, "snippet.go")] = file
		packages = append(packages, "./"+name)
	}
	return errors.Join(append(wrong, build(t, overlay, packages))...)
}

// module is the folder of the module that requires all that documents show.
const module = "internal/test/examples"

// build compiles packages of the module, to which the overlay adds files.
func build(t *testing.T, overlay map[string]string, packages []string) error {
	t.Helper()
	list := filepath.Join(t.TempDir(), "overlay.json")
	raw, err := json.Marshal(map[string]any{"Replace": overlay})
	if err == nil {
		err = os.WriteFile(list, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	arguments := append([]string{"build", "-gcflags=-e", "-o", os.DevNull, "-overlay", list}, packages...)
	cmd := exec.CommandContext(t.Context(), "go", arguments...)
	cmd.Dir = at(module)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, strings.ReplaceAll(string(out), "../../../", ""))
	}
	return nil
}

// file returns a Go file with the snippet. The compiler sees the lines of the document.
func (s snippet) file() (string, error) {
	if _, err := parse(s.text); err == nil {
		return s.marked(), nil
	}
	const head, body, end = "package snippet\n", "func _() error {\n", "\nreturn nil\n}\n"
	rest := preludes[s.document] + "\n" + s.marked()
	file, err := parse(head + rest)
	if err != nil {
		rest = preludes[s.document] + "\n" + body + s.marked() + end
		file, err = parse(head + rest)
	}
	if err != nil {
		return "", fmt.Errorf("neither a file, nor declarations, nor statements: %s", strings.ReplaceAll(err.Error(), root(), ""))
	}
	return head + imports(file) + rest, nil
}

func parse(text string) (*ast.File, error) {
	return parser.ParseFile(token.NewFileSet(), "snippet.go", text, 0)
}

// marked returns the text with a directive that names the document.
func (s snippet) marked() string {
	return fmt.Sprintf("//line %s:%d\n%s", root()+s.document, s.line, s.text)
}

// imports returns an import for each known package that a file uses and does not import.
func imports(file *ast.File) string {
	names := map[string]bool{}
	for _, name := range file.Unresolved {
		names[name.Name] = true
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if path := imported[name]; path != "" {
			fmt.Fprintf(&text, "import %s %q\n", name, path)
		}
	}
	return text.String()
}

// quotation is the first line of a snippet that quotes a file.
var quotation = regexp.MustCompile(`^// (\S+\.go)$`)

func (s snippet) quotes() (path string, quoted bool) {
	first, _, _ := strings.Cut(s.text, "\n")
	found := quotation.FindStringSubmatch(strings.TrimSpace(first))
	if found == nil {
		return "", false
	}
	return found[1], true
}

// compare checks that the file has the lines. A blank line in the snippet may stand for any lines of the file.
func (s snippet) compare(t *testing.T, path string) error {
	t.Helper()
	_, rest, _ := strings.Cut(s.text, "\n")
	text := readFile(t, path)
	for part := range strings.SplitSeq(strings.Trim(rest, "\n"), "\n\n") {
		_, after, found := strings.Cut("\n"+text, "\n"+part+"\n")
		if !found {
			return fmt.Errorf("%s:%d: %s lacks these lines, in this order:\n%s", s.document, s.line, path, part)
		}
		text = after
	}
	return nil
}
