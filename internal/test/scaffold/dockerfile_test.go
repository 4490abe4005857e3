package scaffold_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// instruction holds one instruction of a Dockerfile.
type instruction struct{ name, rest string }

// stage holds the instructions of a Dockerfile's stage, without its FROM.
type stage struct {
	from         string
	instructions []instruction
}

// dockerfile holds a Dockerfile of two stages: one builds the driver, the other describes the image.
type dockerfile struct{ build, image stage }

// parseDockerfile reads the Dockerfile of a folder. Here, and where an instruction is carried out, what the Dockerfiles do not use
// today is a failure: otherwise the test would check another image than an engine makes.
func parseDockerfile(t *testing.T, folder string) dockerfile {
	t.Helper()
	var stages []stage
	for line := range strings.Lines(string(read(t, folder, "Dockerfile"))) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		if strings.HasSuffix(line, `\`) || strings.Contains(line, "<<") {
			t.Fatalf("the Dockerfile has %q, want each instruction on one line: this test joins none", line)
		}
		if name == "FROM" {
			stages = append(stages, stage{from: rest})
			continue
		}
		if len(stages) == 0 {
			t.Fatalf("the Dockerfile begins with %s, want FROM", name)
		}
		last := &stages[len(stages)-1]
		last.instructions = append(last.instructions, instruction{name, rest})
	}
	if len(stages) != 2 || builder(stages[0]) == "" || stages[1].from != "scratch" {
		var from []string
		for _, s := range stages {
			from = append(from, s.from)
		}
		t.Fatalf("the Dockerfile has stages from %q, want one from golang's image at an exact tag, and one from scratch", from)
	}
	return dockerfile{build: stages[0], image: stages[1]}
}

// builder returns the version of Go in the name of the image that a stage begins with; "" when that is no exact one.
func builder(s stage) string {
	found := regexp.MustCompile(`^--platform=\$BUILDPLATFORM golang:([0-9]+\.[0-9]+\.[0-9]+) AS build$`).FindStringSubmatch(s.from)
	if found == nil {
		return ""
	}
	return found[1]
}

// arguments holds the build arguments that a stage has declared, of those that the engine was given.
type arguments struct{ given, declared map[string]string }

func newArguments(given map[string]string) arguments {
	return arguments{given: given, declared: map[string]string{}}
}

// declare carries out an ARG.
func (a arguments) declare(rest string) {
	name, value, _ := strings.Cut(rest, "=")
	if given, ok := a.given[name]; ok {
		value = given
	}
	a.declared[name] = value
}

// expand puts the values of declared arguments into a text.
func (a arguments) expand(t *testing.T, text string) string {
	t.Helper()
	return os.Expand(text, func(name string) string {
		value, ok := a.declared[name]
		if !ok {
			t.Fatalf("the Dockerfile has %q, want an ARG %s before it in its stage", text, name)
		}
		return value
	})
}

// environ returns the test's environment with the declared arguments, and without those that were given but not declared.
func (a arguments) environ() []string {
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"TARGETOS", "TARGETARCH", "VERSION"}, name)
	})
	for _, name := range slices.Sorted(maps.Keys(a.declared)) {
		env = append(env, name+"="+a.declared[name])
	}
	return env
}

// run carries out the stage that builds, on the files that an engine gets. It returns the folder that stands for the root of
// its file system.
func (s stage) run(t *testing.T, context string, given map[string]string) string {
	t.Helper()
	root, args := t.TempDir(), newArguments(given)
	installRoots(t, root)
	for _, i := range s.instructions {
		switch {
		case i.name == "ARG":
			args.declare(i.rest)
		case i.name == "RUN":
			s.shell(t, context, root, i.rest, args)
		case i == instruction{"WORKDIR", "/src"}, i == instruction{"COPY", ". ."}: // the context stands for /src
		default:
			t.Fatalf("the Dockerfile builds with %s %s, which this test does not know", i.name, i.rest)
		}
	}
	return root
}

// shell runs a command as an engine does, which has the usual umask.
func (s stage) shell(t *testing.T, context, root, command string, args arguments) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "umask 022; "+strings.ReplaceAll(command, "/out/", `"$ROOT"/out/`))
	cmd.Dir = context
	cmd.Env = append(args.environ(), "ROOT="+root)
	if message, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, message)
	}
}

// rootsFile names the certificates of public authorities in golang's image.
const rootsFile = "etc/ssl/certs/ca-certificates.crt"

// installRoots writes the file that golang's image has; this machine may have none.
func installRoots(t *testing.T, root string) {
	t.Helper()
	name := filepath.Join(root, rootsFile)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("certificates of public authorities\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, 0o644); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

// copied names a file that COPY takes from the stage that builds, and its path in the image.
type copied struct{ from, to string }

// describe carries out the stage of the image: its configuration, and the files in it.
func (s stage) describe(t *testing.T, given map[string]string) (config v1.Config, files []copied) {
	t.Helper()
	args := newArguments(given)
	for _, i := range s.instructions {
		switch i.name {
		case "ARG":
			args.declare(i.rest)
		case "LABEL":
			config.Labels = s.label(t, config.Labels, i.rest, args)
		case "USER":
			config.User = args.expand(t, i.rest)
		case "ENTRYPOINT":
			if err := json.Unmarshal([]byte(i.rest), &config.Entrypoint); err != nil {
				t.Fatalf("the Dockerfile has ENTRYPOINT %s, want a JSON list: the image has no shell", i.rest)
			}
		case "COPY":
			files = append(files, s.copy(t, i.rest))
		default:
			t.Fatalf("the Dockerfile makes its image with %s %s, which this test does not know", i.name, i.rest)
		}
	}
	return config, files
}

func (s stage) label(t *testing.T, labels map[string]string, rest string, args arguments) map[string]string {
	t.Helper()
	if labels == nil {
		labels = map[string]string{}
	}
	for pair := range strings.FieldsSeq(rest) {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || strings.ContainsAny(pair, `"'\`) {
			t.Fatalf("the Dockerfile has LABEL %s, want name=value without quotes", rest)
		}
		labels[name] = args.expand(t, value)
	}
	return labels
}

// copy reads a COPY of one file. A target that ends with a slash is a folder.
func (s stage) copy(t *testing.T, rest string) copied {
	t.Helper()
	words := strings.Fields(rest)
	if len(words) != 3 || words[0] != "--from=build" || !path.IsAbs(words[1]) || !path.IsAbs(words[2]) || strings.ContainsAny(rest, `$*?[]"`) {
		t.Fatalf("the Dockerfile has COPY %s, want COPY --from=build with the absolute paths of a file and of its target", rest)
	}
	to := words[2]
	if strings.HasSuffix(to, "/") {
		to += path.Base(words[1])
	}
	return copied{from: words[1], to: to}
}
