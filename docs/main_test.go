// Package docs_test checks the documents: what they link to, which commands they show, and what they say of the code.
package docs_test

import (
	"path/filepath"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// top is the repository, seen from here. The tests do not change their folder: the go command could not tell any more
// which files they read, and would take an old result for a new one.
const top = ".."

// at returns where a file of the repository is.
func at(path string) string { return filepath.Join(top, filepath.FromSlash(path)) }
