// Package docs_test checks the documents: what they link to, which commands they show, and what they say of the code.
package docs_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

// TestMain runs every test at the top of the repository: documents name files from there.
func TestMain(m *testing.M) {
	if err := os.Chdir(".."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	leaktest.Main(m)
}
