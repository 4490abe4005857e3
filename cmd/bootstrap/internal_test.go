package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlaceReturnsErrorsOfStat checks that any error except fs.ErrNotExist ends place before it writes.
func TestPlaceReturnsErrorsOfStat(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, strings.Repeat("x", 1000)) // longer than any file system allows
	err := place(dir, func(string) error { return errors.New("was filled") })
	if err == nil || !strings.Contains(err.Error(), "stat ") {
		t.Errorf("got %v, want the error of stat", err)
	}
	if entries, err := os.ReadDir(parent); err != nil || len(entries) > 0 {
		t.Errorf("the parent holds %v, %v; want nothing", entries, err)
	}
}
