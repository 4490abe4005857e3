package javascript_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// envOnline lets npm use the network. Without it a machine that has not the driver's packages in npm's cache skips the tests.
const envOnline = "JAVASCRIPT_ONLINE"

// install copies the driver, with its hooks, into a folder, and installs the packages that it requires.
func install(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: npm installs packages, and Node runs")
	}
	online := os.Getenv(envOnline) != ""
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil && online {
			t.Fatal(err)
		} else if err != nil {
			t.Skipf("%v, want Node and npm to run a driver in JavaScript", err)
		}
	}
	folder := filepath.Join(t.TempDir(), "driver")
	if err := os.CopyFS(folder, os.DirFS("driver")); err != nil {
		t.Fatal(err)
	}
	if out, err := npm(t.Context(), folder, online); err != nil && !online && strings.Contains(out, "ENOTCACHED") {
		t.Skipf("npm's cache lacks a package of the driver, want \"make test-javascript\", which fetches it:\n%s", out)
	} else if err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return folder
}

// npm installs what the lock file says. No package runs a script.
func npm(ctx context.Context, folder string, online bool) (string, error) {
	cmd := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", fmt.Sprintf("--offline=%t", !online))
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	return string(out), err
}
