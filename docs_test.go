package gocosi_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/doomshrine/gocosi"
)

// TestDocsNameEveryVariable holds the tables of variables against the code.
func TestDocsNameEveryVariable(t *testing.T) {
	t.Parallel()
	names := []string{
		gocosi.EnvCOSIEndpoint, gocosi.EnvCOSIEndpointPerms, gocosi.EnvCOSIEndpointUser, gocosi.EnvCOSIEndpointGroup,
		gocosi.EnvCOSIEndpointInsecure, gocosi.EnvCOSIDriverName, gocosi.EnvCOSIShutdownTimeout, gocosi.EnvCOSIRPCTimeout,
		gocosi.EnvCOSIRequestRules, gocosi.EnvCOSIResponseRules,
	}
	code, err := os.ReadFile("env.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`(?m)^\tEnv\w+ += "`).FindAll(code, -1)); n != len(names) {
		t.Errorf("env.go names %d variables, this test %d", n, len(names))
	}
	for _, file := range []string{"README.md", "doc.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if !regexp.MustCompile(`\b` + name + `\b`).Match(text) {
				t.Errorf("%s does not tell of %s", file, name)
			}
		}
	}
}
