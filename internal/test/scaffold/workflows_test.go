package scaffold_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// job holds what the tests ask of a job in a workflow.
type job struct {
	Uses      string
	Container string
	Timeout   int `json:"timeout-minutes"`
	Strategy  struct {
		Matrix struct {
			Include []struct{ Group, Parts string }
		}
	}
	Steps []workflowStep
}

// workflowFile holds a workflow of this repository.
type workflowFile struct {
	Permissions map[string]string
	Concurrency json.RawMessage
	Jobs        map[string]job
}

func readWorkflow(t *testing.T, name string) (w workflowFile) {
	t.Helper()
	if err := yaml.Unmarshal(read(t, root, filepath.Join(".github", "workflows", name)), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestWorkflows expects that nothing is used that can change, that no expression becomes a part of a command, that a token can only read
// unless a job says otherwise, and that nothing runs without an end.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ci.yml", "release.yml"} {
		w := readWorkflow(t, name)
		if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" || len(w.Concurrency) == 0 {
			t.Errorf("%s has permissions %q and concurrency %q, want contents: read, and a group", name, w.Permissions, w.Concurrency)
		}
		for of, j := range w.Jobs {
			if j.Timeout == 0 && j.Uses == "" {
				t.Errorf("%s: job %s has no timeout-minutes, want a bound", name, of)
			}
			for _, step := range j.Steps {
				if step.Uses != "./.github/actions/conformance" {
					step.check(t)
				}
				cmd := exec.CommandContext(t.Context(), "bash", "-n", "-c", step.Run)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: step %q of job %s is no script: %v\n%s", name, step.Name, of, err, out)
				}
			}
		}
	}
}

// TestPartsOfWorkflow compares the matrix of CI with the parts of .ci/run: each belongs to one job.
func TestPartsOfWorkflow(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "bash", ".ci/run", "--list")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, group := range readWorkflow(t, "ci.yml").Jobs["parts"].Strategy.Matrix.Include {
		got = append(got, strings.Fields(group.Parts)...)
	}
	want := strings.Fields(string(out))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the workflow runs %q, want each part of .ci/run once: %q", got, want)
	}
}

// TestGoOfWorkflows compares the release of Go in the workflows with cosictl's Dockerfile.
func TestGoOfWorkflows(t *testing.T) {
	t.Parallel()
	want := builder(parseDockerfile(t, filepath.Join(root, "cmd", "cosictl")).build)
	if got := readWorkflow(t, "ci.yml").Jobs["parts"].Container; got != "golang:"+want+"-bookworm" {
		t.Errorf("CI runs in %s, want golang:%s-bookworm", got, want)
	}
	set := 0
	for name, j := range readWorkflow(t, "release.yml").Jobs {
		for _, step := range j.Steps {
			if !strings.HasPrefix(step.Uses, "actions/setup-go@") {
				continue
			}
			set++
			if got := step.With["go-version"]; got != want {
				t.Errorf("job %s of the release sets up Go %v, want %s", name, got, want)
			}
		}
	}
	if set == 0 {
		t.Error("the release sets up no Go, want the Dockerfile's")
	}
}

// TestUpdates compares the folders that dependency updates look into with the tree.
func TestUpdates(t *testing.T) {
	t.Parallel()
	var d struct {
		Updates []struct {
			Ecosystem   string `json:"package-ecosystem"`
			Directories []string
		}
	}
	if err := yaml.Unmarshal(read(t, root, filepath.Join(".github", "dependabot.yml")), &d); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, u := range d.Updates {
		got[u.Ecosystem] = append(got[u.Ecosystem], u.Directories...)
	}
	for ecosystem, file := range map[string]string{"gomod": `go\.mod`, "npm": `package\.json`, "docker": "Dockerfile", "github-actions": `action\.ya?ml`} {
		want := foldersWith(t, "^"+file+"$")
		if ecosystem == "github-actions" {
			want = append(want, "/") // the workflows
		}
		slices.Sort(want)
		slices.Sort(got[ecosystem])
		if !slices.Equal(got[ecosystem], want) {
			t.Errorf("updates of %s look into %q, want %q", ecosystem, got[ecosystem], want)
		}
	}
}

// foldersWith lists the folders of tracked files with a name, as dependabot.yml writes them.
func foldersWith(t *testing.T, name string) (folders []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for file := range strings.Lines(string(out)) {
		file = strings.TrimSpace(file)
		if regexp.MustCompile(name).MatchString(path.Base(file)) {
			folders = append(folders, path.Join("/", path.Dir(file)))
		}
	}
	return folders
}

// TestForms reads the issue forms: each says what it asks for, and the configuration leads vulnerabilities to the document about them.
func TestForms(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(root, ".github", "ISSUE_TEMPLATE")
	files, err := filepath.Glob(filepath.Join(folder, "*.yml"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%d forms (%v), want 4 or more", len(files), err)
	}
	for _, file := range files {
		text := read(t, folder, filepath.Base(file))
		if filepath.Base(file) == "config.yml" {
			if !bytes.Contains(text, []byte("/docs/SECURITY.md")) {
				t.Error("config.yml lacks a link to docs/SECURITY.md")
			}
			continue
		}
		var form struct {
			Name, Description string
			Labels            []string
			Body              []struct {
				Type, ID    string
				Attributes  struct{ Label, Description, Render string }
				Validations struct{ Required bool }
			}
		}
		if err := yaml.UnmarshalStrict(text, &form); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		asks := map[string]bool{}
		for _, field := range form.Body {
			if field.ID == "" || asks[field.ID] || field.Attributes.Label == "" || !slices.Contains([]string{"input", "textarea"}, field.Type) {
				t.Errorf("%s has a field %+v, want an input or a textarea with a label and an ID of its own", file, field)
			}
			asks[field.ID] = true
		}
		if form.Name == "" || form.Description == "" || len(asks) == 0 {
			t.Errorf("%s is %+v, want a name, a description and fields", file, form)
		}
	}
}
