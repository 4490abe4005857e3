package gocosi_test

import (
	"os"
	"testing"

	"github.com/doomshrine/gocosi/internal/sockdir"
	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

func TestMain(m *testing.M) {
	if dir, err := sockdir.Parent(); err == nil {
		os.Setenv("TMPDIR", dir) // the examples create their sockets in os.TempDir
	}
	leaktest.Main(m)
}
