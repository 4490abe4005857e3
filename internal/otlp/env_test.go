package otlp_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/otlp"
)

// TestReadmeNamesEveryVariable compares the table of README.md with the one of the code. README.md sets some of its words
// as code.
func TestReadmeNamesEveryVariable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := strings.ReplaceAll(string(text), "`", "")
	for _, v := range otlp.Variables() {
		if row := fmt.Sprintf("\n| %s | %s | %s |\n", v.Name, v.Default, v.Means); !strings.Contains(readme, row) {
			t.Errorf("README.md lacks the row:%s", row)
		}
	}
	if n := len(regexp.MustCompile(`(?m)^\| OTEL_`).FindAllString(readme, -1)); n != len(otlp.Variables()) {
		t.Errorf("README.md has %d rows, want %d", n, len(otlp.Variables()))
	}
}
