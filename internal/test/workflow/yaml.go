package workflow

import (
	"strconv"
	"strings"
	"testing"
)

// field holds a key of a mapping. The value is empty when the body holds another mapping.
type field struct {
	key, value string
	body       []string
}

// block returns the mapping under the first line that is the header. It reads the little YAML that the action's files use;
// internal/test/scaffold compares what comes out with a real parser.
func block(t testing.TB, text, header string) []field {
	t.Helper()
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if uncommented(line) == header {
			return fields(t, below(lines[i+1:], indent(line)))
		}
	}
	t.Fatalf("no line is %q, want one", header)
	return nil
}

// fields reads a mapping.
func fields(t testing.TB, lines []string) (all []field) {
	t.Helper()
	for len(lines) > 0 {
		line := lines[0]
		lines = lines[1:]
		if strings.TrimSpace(line) == "" {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			t.Fatalf("%q has no colon, want a field", line)
		}
		f := field{key, uncommented(value), below(lines, indent(line))}
		lines = lines[len(f.body):]
		if f.value == "|" {
			f.value = dedented(f.body)
		} else if unquoted, err := strconv.Unquote(f.value); err == nil {
			f.value = unquoted
		}
		all = append(all, f)
	}
	return all
}

// below returns the lines that are indented more than that.
func below(lines []string, than int) []string {
	for i, line := range lines {
		if strings.TrimSpace(line) != "" && indent(line) <= than {
			return lines[:i]
		}
	}
	return lines
}

// dedented returns the text of a block. Its first line sets the indentation, and its end is one line break.
func dedented(lines []string) string {
	var all []string
	for _, line := range lines {
		all = append(all, line[min(indent(lines[0]), len(line)):])
	}
	return strings.TrimRight(strings.Join(all, "\n"), "\n") + "\n"
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

func uncommented(text string) string {
	text, _, _ = strings.Cut(text, " #")
	return strings.TrimSpace(text)
}
