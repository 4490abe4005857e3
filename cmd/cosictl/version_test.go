package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/rules"
)

// The built program tells its versions in both formats, and connects to nobody.
func TestVersion(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "cosictl")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	required, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", specification).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"go": runtime.Version(), "generation": "v1alpha1", "specification": strings.TrimSpace(string(required)), "rules": rules.Revision()}
	run := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), program, append([]string{"version", "-endpoint", "/nowhere/c.sock"}, args...)...).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(run("-o", "json")), &got); err != nil {
		t.Fatal(err)
	}
	want["version"] = got["version"] // the checkout's
	if !reflect.DeepEqual(got, want) || got["version"] == "" {
		t.Errorf("JSON is %v, want %v", got, want)
	}
	text := "generation: v1alpha1\ngo: " + want["go"] + "\nrules: " + want["rules"] + "\nspecification: " + want["specification"] + "\nversion: " + want["version"] + "\n"
	if out := run(); out != text {
		t.Errorf("text is\n%swant\n%s", out, text)
	}
}
