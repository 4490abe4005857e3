//go:build e2e && linux

package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/node"
)

// recipe holds what the scaffold's Dockerfile says: how its program is built, and how its image runs it.
type recipe struct{ context, command, user, entrypoint string }

// dockerfile reads the Dockerfile. A test of the scaffold checks the image that it describes, file by file.
func dockerfile(t *testing.T, scaffold string) recipe {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(scaffold, "Dockerfile"))
	must(t, err)
	r := recipe{context: scaffold}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "RUN":
			r.command = rest
		case "USER":
			r.user = rest
		case "ENTRYPOINT":
			var words []string
			must(t, json.Unmarshal([]byte(rest), &words))
			r.entrypoint = strings.Join(words, " ")
		}
	}
	if !strings.Contains(r.command, " -o /out/driver ") || r.user == "" || r.entrypoint == "" {
		t.Fatalf("the Dockerfile says %+v, want a RUN that builds /out/driver, a USER and an ENTRYPOINT", r)
	}
	return r
}

// build carries out the RUN, with another target.
func (r recipe) build(t *testing.T, target string) {
	t.Helper()
	command := strings.Replace(r.command, "/out/driver", `"$TARGET"`, 1)
	run(t, r.context, "env", "TARGET="+target, "VERSION=dev", "TARGETOS=", "TARGETARCH=", "sh", "-c", command)
}

// image describes an image of the built program.
func (r recipe) image(name, program string) node.Image {
	return node.Image{Name: name, Program: program, Entrypoint: r.entrypoint, User: r.user}
}
