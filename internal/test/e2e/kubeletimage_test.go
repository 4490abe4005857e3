//go:build e2e && linux

package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/node"
)

// recipe holds what a Dockerfile says: how its program is built, and how its image runs it.
type recipe struct{ context, command, output, user, entrypoint string }

var output = regexp.MustCompile(` -o (/out/\S+) `)

// dockerfile reads a Dockerfile that is built in a folder. Tests of the scaffold check the images that these describe, file by file.
func dockerfile(t *testing.T, path, context string) recipe {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	r := recipe{context: context}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "RUN":
			r.command = rest
			if found := output.FindStringSubmatch(rest); found != nil {
				r.output = found[1]
			}
		case "USER":
			r.user = rest
		case "ENTRYPOINT":
			var words []string
			must(t, json.Unmarshal([]byte(rest), &words))
			r.entrypoint = strings.Join(words, " ")
		}
	}
	if r.output == "" || r.user == "" || r.entrypoint == "" {
		t.Fatalf("%s says %+v, want a RUN that builds a program in /out, a USER and an ENTRYPOINT", path, r)
	}
	return r
}

// scaffoldImage and clientImage read the Dockerfiles of the scaffold and of cosictl.
func scaffoldImage(t *testing.T, scaffold string) recipe {
	t.Helper()
	return dockerfile(t, filepath.Join(scaffold, "Dockerfile"), scaffold)
}

func clientImage(t *testing.T) recipe {
	t.Helper()
	return dockerfile(t, "../../../cmd/cosictl/Dockerfile", "../../..")
}

// build carries out the RUN, with another target.
func (r recipe) build(t *testing.T, target string) {
	t.Helper()
	command := strings.Replace(r.command, r.output, `"$TARGET"`, 1)
	run(t, r.context, "env", "TARGET="+target, "VERSION=dev", "TARGETOS=", "TARGETARCH=", "sh", "-c", command)
}

// image describes an image of the built program.
func (r recipe) image(name, program string) node.Image {
	return node.Image{Name: name, Program: program, Entrypoint: r.entrypoint, User: r.user}
}
