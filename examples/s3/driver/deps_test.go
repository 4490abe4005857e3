package driver_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The driver knows URLs and keys only: a server must never ride in it. The one for trying has one, which shows that this
// test would see it.
func TestLinksNoServer(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]bool{"..": false, "../cmd/dev": true} {
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", program)
		list.Dir = packageDir
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(out), "github.com/versity/"); got != want {
			t.Errorf("%s links the server: %t", program, got)
		}
	}
}
