package main

import (
	"testing"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// TestReadme compares what the demo prints with README.md.
func TestReadme(t *testing.T) {
	t.Parallel()
	harness.Excerpt(t, "../../../README.md", 0, "../../..", "./internal/tools/demo")
}
