package docs_test

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestCompatibility compares the versions in docs/compatibility.md with the required versions.
func TestCompatibility(t *testing.T) {
	t.Parallel()
	needsClone(t)
	text := readFile(t, "docs/compatibility.md")
	for _, required := range []struct{ file, line string }{
		{"go.mod", "go "},
		{"go.mod", "sigs.k8s.io/container-object-storage-interface-spec "},
		{"go.mod", "google.golang.org/grpc "},
		{"go.mod", "go.opentelemetry.io/otel "},
		{"internal/test/e2e/go.mod", "sigs.k8s.io/container-object-storage-interface "},
		{"internal/test/e2e/binaries/v1.37.2/go.mod", "k8s.io/kubernetes "},
		{"internal/test/e2e/binaries/v1.37.2/go.mod", "go.etcd.io/etcd/server/v3 "},
		{"internal/test/e2e/binaries/v1.34.2/go.mod", "k8s.io/kubernetes "},
		{"internal/test/e2e/binaries/v1.34.2/go.mod", "go.etcd.io/etcd/server/v3 "},
	} {
		found := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(required.line) + `(\S+)`).FindStringSubmatch(readFile(t, required.file))
		if found == nil {
			t.Errorf("%s lacks a requirement, want %s", required.file, required.line)
		} else if !regexp.MustCompile(`[ :]` + regexp.QuoteMeta(found[1]) + `\b`).MatchString(text) {
			t.Errorf("docs/compatibility.md does not name %s%s", required.line, found[1])
		}
	}
}

// TestLinksOfDocs follows every link to a file and to a heading. It checks only the form of other links, because the
// test has no network.
func TestLinksOfDocs(t *testing.T) {
	t.Parallel()
	documents := readDocs(t)
	links := 0
	for _, d := range documents {
		for _, link := range d.links() {
			links++
			if err := follow(documents, d.path, link); err != nil {
				t.Errorf("%s links to %s: %v", d.path, link, err)
			}
		}
	}
	if links == 0 {
		t.Error("found no links, want some")
	}
}

// follow returns an error for a broken link.
func follow(documents map[string]*document, from, link string) error {
	u, err := url.Parse(link)
	if err != nil {
		return err
	}
	if u.IsAbs() || u.Host != "" {
		if u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("elsewhere is https://host, not %q", link)
		}
		return nil
	}
	target := from
	if u.Path != "" {
		target = filepath.Join(filepath.Dir(from), filepath.FromSlash(u.Path))
		if _, err := os.Stat(at(target)); err != nil {
			return err
		}
	}
	if u.Fragment == "" {
		return nil
	}
	if d := documents[target]; d == nil || !d.anchors()[u.Fragment] {
		return fmt.Errorf("%s has no heading #%s", target, u.Fragment)
	}
	return nil
}

// document holds a Markdown file with its code blocks separate from the rest.
type document struct {
	path   string
	prose  []string // lines outside of code blocks
	blocks []block
}

// block holds a fenced or indented code block.
type block struct {
	language string // language of a fence, or ""
	first    int    // number of the first line
	lines    []string
	raw      []string // the lines with the space around them
}

// readDocs reads every Markdown file of the repository that people read.
func readDocs(t *testing.T) map[string]*document {
	t.Helper()
	return readMarkdown(t, []string{"bin", "node_modules", "testdata", "vendor"}, ".md")
}

// readMarkdown reads the files with one of the endings, outside of the folders.
func readMarkdown(t *testing.T, without []string, endings ...string) map[string]*document {
	t.Helper()
	documents := map[string]*document{}
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := entry.Name(); {
		case path != top && entry.IsDir() && (name[0] == '.' && name != ".github" || slices.Contains(without, name)):
			return filepath.SkipDir
		case entry.IsDir() || !slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(name, ending) }):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path, err = filepath.Rel(top, path)
		documents[path] = parseDocument(path, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return documents
}

// parseDocument separates code from prose. Code stands between fences, or is indented by four after a blank line or
// more code.
func parseDocument(path, text string) *document {
	d := &document{path: path}
	fenced, blank, indented := false, true, false
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\n")
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && fenced:
			fenced = false
		case fence:
			fenced = true
			d.blocks = append(d.blocks, block{language: language, first: number + 1})
		case fenced:
			d.code(line, number)
		case strings.TrimSpace(line) == "":
			blank = true
			continue
		case strings.HasPrefix(line, "    ") && (blank || indented):
			if !indented {
				d.blocks = append(d.blocks, block{first: number})
			}
			d.code(line, number)
			indented, blank = true, false
			continue
		default:
			d.prose = append(d.prose, line)
		}
		indented, blank = false, false
	}
	return d
}

// code adds a line to the last block, after the blank lines that were left out.
func (d *document) code(line string, number int) {
	last := &d.blocks[len(d.blocks)-1]
	for last.first+len(last.lines) < number {
		last.lines, last.raw = append(last.lines, ""), append(last.raw, "")
	}
	last.lines, last.raw = append(last.lines, strings.TrimSpace(line)), append(last.raw, line)
}

var (
	codeSpan = regexp.MustCompile("`[^`]*`")
	linkTo   = regexp.MustCompile(`\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)|\b(?:src|srcset)="([^"]*)"`)
	notSlug  = func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' && r != ' '
	}
)

// links returns the targets of the links in the prose.
func (d *document) links() []string {
	var all []string
	for _, line := range d.prose {
		for _, found := range linkTo.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, "x"), -1) {
			all = append(all, found[1]+found[2]+found[3])
		}
	}
	return all
}

// anchors returns the names that GitHub gives the headings.
func (d *document) anchors() map[string]bool {
	all := map[string]bool{}
	for _, line := range d.prose {
		level := len(line) - len(strings.TrimLeft(line, "#"))
		if level == 0 || !strings.HasPrefix(line[level:], " ") {
			continue
		}
		name := strings.ReplaceAll(strings.Join(strings.FieldsFunc(strings.ToLower(strings.TrimSpace(line[level:])), notSlug), ""), " ", "-")
		slug := name
		for n := 1; all[slug]; n++ {
			slug = fmt.Sprintf("%s-%d", name, n)
		}
		all[slug] = true
	}
	return all
}
