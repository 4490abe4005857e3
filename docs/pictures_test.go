package docs_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPictures checks that each drawing has a light and a dark form that differ in their colours alone.
func TestPictures(t *testing.T) {
	t.Parallel()
	light, err := filepath.Glob(at("docs/pictures/*-light.svg"))
	if err != nil || len(light) == 0 {
		t.Fatalf("found the drawings %q (%v), want some", light, err)
	}
	style := regexp.MustCompile(`(?s)<style>.*</style>`)
	for _, path := range light {
		name := strings.TrimSuffix(filepath.Base(path), "-light.svg")
		a, b := readFile(t, "docs/pictures/"+name+"-light.svg"), readFile(t, "docs/pictures/"+name+"-dark.svg")
		if style.ReplaceAllString(a, "") != style.ReplaceAllString(b, "") || a == b {
			t.Errorf("the two forms of %s differ in more than their colours, or not at all", name)
		}
	}
}
