// Package docs_test checks the links and commands of the documents, and their statements about the code.
package docs_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

// TestMain runs every test at the top of the repository, because the documents name files from there.
func TestMain(m *testing.M) {
	if err := os.Chdir(".."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	leaktest.Main(m)
}
