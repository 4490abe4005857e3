package rules_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/doomshrine/gocosi/internal/rules"
)

func TestRevision(t *testing.T) {
	t.Parallel()
	got := rules.Revision()
	if !regexp.MustCompile(`^[0-9a-f]{12}$`).MatchString(got) || got != rules.Revision() {
		t.Errorf("%q, then %q, want the same 12 hexadecimal digits", got, rules.Revision())
	}
}

// TestSpecificationVersion compares the version with the one that the bindings have.
func TestSpecificationVersion(t *testing.T) {
	t.Parallel()
	compareVersion(t, "../../go.mod", "sigs.k8s.io/container-object-storage-interface-spec", rules.SpecificationVersion)
}

// TestSidecarVersion compares the version with the sidecar that the stories in a real API server run.
func TestSidecarVersion(t *testing.T) {
	t.Parallel()
	const file = "../test/e2e/go.mod"
	if _, err := os.Stat(file); err != nil {
		t.Skip("no clone of the repository: the nested modules are missing")
	}
	compareVersion(t, file, "sigs.k8s.io/container-object-storage-interface", rules.SidecarVersion)
}

// compareVersion checks the version of a module that a file requires.
func compareVersion(t *testing.T, file, module, version string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// No package for files of modules: every driver's go.sum would have it.
	required := regexp.MustCompile(`(?m)^\s*(?:require )?` + regexp.QuoteMeta(module) + ` (\S+)`).FindStringSubmatch(string(text))
	if required == nil {
		t.Fatalf("%s does not require %s", file, module)
	}
	if required[1] != version {
		t.Errorf("%s requires %s %s, want %s", file, module, required[1], version)
	}
}
