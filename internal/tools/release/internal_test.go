package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRefused expects each reason against a release, in words.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, version string
		tagged        bool
		change        func(t *testing.T, folder string)
		want          string
	}{
		{name: "missing version", want: "VERSION is missing"},
		{name: "no v", version: "0.4.1", want: `VERSION is "0.4.1"; want a whole semantic version`},
		{name: "two numbers", version: "v0.4", want: `VERSION is "v0.4"; want a whole semantic version`},
		{name: "metadata", version: "v0.4.1+x", want: "want a whole semantic version"},
		{name: "no section", version: "v0.5.0", want: `no section "## [0.5.0]"`},
		{name: "empty section", version: "v0.4.2", want: "says nothing of v0.4.2"},
		{name: "dirty tree", version: "v0.4.1", change: func(t *testing.T, folder string) {
			t.Helper()
			put(t, folder, "new.go", "package gocosi\n")
		}, want: "changes that are not committed; want none:\n?? new.go"},
		{name: "tag exists", version: "v0.4.1", change: func(t *testing.T, folder string) {
			t.Helper()
			runGit(t, folder, "tag", "v0.4.1")
		}, want: "tag v0.4.1 exists"},
		{name: "no tag", version: "v0.4.1", tagged: true, want: "there is no tag v0.4.1"},
		{name: "tag elsewhere", version: "v0.4.1", tagged: true, change: func(t *testing.T, folder string) {
			t.Helper()
			runGit(t, folder, "tag", "-a", "-m", "x", "v0.4.1", "HEAD~1")
		}, want: "tag v0.4.1 is at"},
		{name: "no date", version: "v0.4.1", tagged: true, change: func(t *testing.T, folder string) {
			t.Helper()
			runGit(t, folder, "tag", "-a", "-m", "x", "v0.4.1")
		}, want: `CHANGELOG.md dates v0.4.1 "not released yet"`},
		{name: "a patch removes", version: "v0.4.1", change: func(t *testing.T, folder string) {
			t.Helper()
			put(t, folder, apiFile, "gocosi: func A()\n")
			commit(t, folder)
		}, want: `the API lacks 1 lines that v0.4.0 has, the first "gocosi: func B()"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			folder := repository(t)
			if test.change != nil {
				test.change(t, folder)
			}
			if _, err := check(t.Context(), folder, test.version, test.tagged); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestChecked expects what a release is made of.
func TestChecked(t *testing.T) {
	t.Parallel()
	folder := repository(t)
	put(t, folder, apiFile, "gocosi: func A()\ngocosi: func C()\n")
	put(t, folder, "CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n## [0.5.0] - 2026-11-30\n\n### Added\n\n- C.\n\n## [0.4.0] - 2026-01-01\n\n- A.\n")
	commit(t, folder)
	runGit(t, folder, "tag", "-a", "-m", "x", "v0.5.0")
	r, err := check(t.Context(), folder, "v0.5.0", true)
	if err != nil {
		t.Fatal(err)
	}
	if want := "### Added\n\n- C.\n"; r.notes.text != want {
		t.Errorf("the notes are %q, want %q", r.notes.text, want)
	}
	if got, want := r.api.String(), "since v0.4.0: 1 lines added, 1 removed\n- gocosi: func B()\n+ gocosi: func C()\n"; got != want {
		t.Errorf("the API differs by %q, want %q", got, want)
	}
}

// repository makes one with v0.4.0 and a commit after it.
func repository(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	put(t, folder, "CHANGELOG.md", "# Changelog\n\n## [0.4.2]\n\n## [0.4.1] - not released yet\n\n- A fix.\n\n## [0.4.0] - 2026-01-01\n\n- A.\n\n[0.4.0]: https://example.com\n")
	put(t, folder, apiFile, "gocosi: func A()\ngocosi: func B()\n")
	runGit(t, folder, "init", "-q")
	commit(t, folder)
	runGit(t, folder, "tag", "v0.4.0")
	put(t, folder, "fix.go", "package gocosi\n")
	commit(t, folder)
	return folder
}

func put(t *testing.T, folder, name, text string) {
	t.Helper()
	file := filepath.Join(folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, folder string) {
	t.Helper()
	runGit(t, folder, "add", ".")
	runGit(t, folder, "commit", "-q", "-m", "change")
}

// runGit runs git without the user's settings.
func runGit(t *testing.T, folder string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		cmd.Env = append(cmd.Env, "GIT_"+who+"_NAME=Author", "GIT_"+who+"_EMAIL=author@example.com")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestPrevious finds the tag that a version is compared with.
func TestPrevious(t *testing.T) {
	t.Parallel()
	tags := []string{"v0.3.0", "v0.4.0-rc.1", "v0.4.0-rc.2", "v0.4.0", "v0.10.0", "v1", "vX"}
	for version, want := range map[string]string{
		"v0.4.0": "v0.3.0", "v0.4.0-rc.2": "v0.4.0-rc.1", "v0.4.0-rc.1": "v0.3.0", "v0.4.1": "v0.4.0", "v0.11.0": "v0.10.0", "v0.1.0": "",
	} {
		if got := previous(tags, version); got != want {
			t.Errorf("before %s is %q, want %q", version, got, want)
		}
	}
}

// TestMayRemove says which versions may remove a line of the API.
func TestMayRemove(t *testing.T) {
	t.Parallel()
	for pair, want := range map[string]bool{
		"v0.4.0 v0.5.0": true, "v0.4.0 v0.4.1": false, "v0.4.0-rc.1 v0.4.0-rc.2": true, "v0.9.0 v1.0.0": true, "v1.0.0 v1.1.0": false, "v1.1.0 v2.0.0": true,
	} {
		before, version, _ := strings.Cut(pair, " ")
		if got := mayRemove(before, version); got != want {
			t.Errorf("%s after %s may remove: %v, want %v", version, before, got, want)
		}
	}
}

// TestReplaceable spares a folder that holds something else.
func TestReplaceable(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := replaceable(folder); err != nil {
		t.Errorf("an empty folder is refused: %v", err)
	}
	put(t, folder, "mine.txt", "x")
	if err := replaceable(folder); err == nil {
		t.Error("a folder with a file is replaced, want it refused")
	}
	put(t, folder, assets+"/"+sumsName, "x")
	if err := replaceable(folder); err != nil {
		t.Errorf("an earlier run's folder is refused: %v", err)
	}
}

// TestDockerfile compares the released image with cosictl's Dockerfile: flags, files, user, entrypoint and labels.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../cmd/cosictl/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, final, _ := strings.Cut(string(text), "\nFROM scratch\n")
	r := release{version: "$VERSION"}
	want := map[string]bool{
		"ARG VERSION=dev": true, "USER " + r.configuration().User: true, `ENTRYPOINT ["` + strings.Join(r.configuration().Entrypoint, `","`) + `"]`: true,
		"COPY --from=build " + rootsPath + " " + filepath.Dir(rootsPath) + "/": true, "COPY --from=build /out/cosictl " + programPath: true,
	}
	for line := range strings.Lines(final) {
		line = strings.TrimSpace(line)
		pairs, label := strings.CutPrefix(line, "LABEL ")
		if !label {
			if !want[line] {
				t.Errorf("the Dockerfile has %q, want the same in the released image", line)
			}
			delete(want, line)
			continue
		}
		for pair := range strings.FieldsSeq(pairs) {
			name, value, _ := strings.Cut(pair, "=")
			if got := r.configuration().Labels[name]; got != value {
				t.Errorf("label %s is %q, want the Dockerfile's %q", name, got, value)
			}
		}
	}
	for line := range want {
		t.Errorf("the Dockerfile lacks %q, which the released image has", line)
	}
	flags := buildFlags("$VERSION")
	build := `CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build ` + flags[0] + ` -ldflags="` + strings.TrimPrefix(flags[1], "-ldflags=") + `" `
	if !strings.Contains(string(text), build) {
		t.Errorf("the Dockerfile does not build by %q", build)
	}
}

// TestRoots expects the certificates of about as many authorities as browsers trust, and none that is trusted with a condition.
func TestRoots(t *testing.T) {
	t.Parallel()
	if got := strings.Count(string(roots()), "-----BEGIN CERTIFICATE-----\n"); got < 80 {
		t.Errorf("the image has %d certificates, want 80 or more", got)
	}
}
