package scaffold_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

// recorder stands in for docker and kubectl: it records its arguments, and its input where an argument asks for that.
const recorder = `#!/bin/sh
{ echo "${0##*/}"; for argument; do echo "$argument"; done; } >"$RECORD/arguments"
for argument; do case "$argument" in -) cat >"$RECORD/input";; esac; done
`

// makefile runs make in a scaffold with stand-ins for docker and kubectl.
type makefile struct{ folder, record string }

func newMakefile(t *testing.T) makefile {
	t.Helper()
	m := makefile{folder: scaffold(t, "on"), record: t.TempDir()}
	for _, name := range []string{"docker", "podman", "kubectl"} {
		if err := os.WriteFile(filepath.Join(m.record, name), []byte(recorder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// run returns what make says, and the arguments that a stand-in got; "" when none was run. Its own arguments with env: in
// front are variables of the environment.
func (m makefile) run(t *testing.T, args ...string) (said, got string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make")
	cmd.Dir = m.folder
	cmd.Env = append(os.Environ(), "RECORD="+m.record, "PATH="+m.record+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, arg := range args {
		if variable, ok := strings.CutPrefix(arg, "env:"); ok {
			cmd.Env = append(cmd.Env, variable)
		} else {
			cmd.Args = append(cmd.Args, arg)
		}
	}
	for _, name := range []string{"arguments", "input"} {
		os.Remove(filepath.Join(m.record, name))
	}
	out, err := cmd.CombinedOutput()
	arguments, missing := os.ReadFile(filepath.Join(m.record, "arguments"))
	if missing != nil {
		return string(out), "", err
	}
	return string(out), strings.ReplaceAll(strings.TrimSpace(string(arguments)), "\n", " "), err
}

// image returns the driver's image in what kubectl read from its standard input, which must be the Deployment.
func (m makefile) image(t *testing.T) string {
	t.Helper()
	var d appsv1.Deployment
	if err := yaml.UnmarshalStrict(read(t, m.record, "input"), &d); err != nil {
		t.Fatal(err)
	}
	pod := d.Spec.Template.Spec
	if len(pod.Containers) != 2 || !strings.Contains(pod.Containers[1].Image, "objectstorage-sidecar:") {
		t.Errorf("the pod is %+v, want the driver and the sidecar with its own image", pod.Containers)
	}
	return pod.Containers[0].Image
}

// edit replaces text in a file of the scaffold, which must be there.
func (m makefile) edit(t *testing.T, name, from, to string) {
	t.Helper()
	text := string(read(t, m.folder, name))
	if !strings.Contains(text, from) {
		t.Fatalf("%s has no %q", name, from)
	}
	if err := os.WriteFile(filepath.Join(m.folder, name), []byte(strings.Replace(text, from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMakeImage expects the image and the version that make is given.
func TestMakeImage(t *testing.T) {
	t.Parallel()
	m := newMakefile(t)
	for _, test := range []struct {
		args          []string
		image, labels string
	}{
		{nil, "on:dev", "dev"},
		{[]string{"VERSION=v1.2.3"}, "on:v1.2.3", "v1.2.3"},
		{[]string{"env:VERSION=v1.2.4"}, "on:v1.2.4", "v1.2.4"},
		{[]string{"IMAGE=registry.example.com:5000/acme/on:v1.2.3"}, "registry.example.com:5000/acme/on:v1.2.3", "dev"},
		{[]string{"IMAGE=registry.example.com/on:main", "VERSION=v1.2.3+dirty"}, "registry.example.com/on:main", "v1.2.3+dirty"},
	} {
		said, got, err := m.run(t, append([]string{"image"}, test.args...)...)
		if want := fmt.Sprintf("docker build --build-arg VERSION=%s -t %s .", test.labels, test.image); err != nil || got != want {
			t.Errorf("make image %q ran %q, want %q; %v\n%s", test.args, got, want, err, said)
		}
	}
	said, got, err := m.run(t, "image-push", "PLATFORMS=linux/arm64", "VERSION=v1.2.3")
	if want := "docker buildx build --platform linux/arm64 --build-arg VERSION=v1.2.3 -t on:v1.2.3 --push ."; err != nil || got != want {
		t.Errorf("make image-push ran %q, want %q; %v\n%s", got, want, err, said)
	}
	said, got, err = m.run(t, "image", "DOCKER=podman", "VERSION=v1.2.3")
	if want := "podman build --build-arg VERSION=v1.2.3 -t on:v1.2.3 ."; err != nil || got != want {
		t.Errorf("make image with podman ran %q, want %q; %v\n%s", got, want, err, said)
	}
	said, got, err = m.run(t, "image-push", "DOCKER=podman", "VERSION=v1.2.3")
	if want := "podman manifest push --all on:v1.2.3"; err != nil || got != want {
		t.Errorf("make image-push with podman ended with %q, want %q; %v\n%s", got, want, err, said)
	}
}

// TestMakeDeploy expects the image that make is given, or else the one that deploy/driver.yaml names.
func TestMakeDeploy(t *testing.T) {
	t.Parallel()
	m := newMakefile(t)
	check := func(image string, args ...string) {
		t.Helper()
		said, got, err := m.run(t, append([]string{"deploy"}, args...)...)
		want := "kubectl apply -f deploy/rbac.yaml -f - -f deploy/classes.yaml"
		if err != nil || got != want || !strings.Contains(said, image) {
			t.Fatalf("make deploy %q ran %q, want %q; %v\n%s", args, got, want, err, said)
		}
		if got := m.image(t); got != image {
			t.Errorf("make deploy %q deploys %q, want %q", args, got, image)
		}
	}
	check("on:dev")
	check("on:v1.2.3", "VERSION=v1.2.3")
	check("registry.example.com:5000/acme/on@sha256:12ab", "IMAGE=registry.example.com:5000/acme/on@sha256:12ab")
	check("registry.example.com/on:x", "env:IMAGE=registry.example.com/on:x")
	m.edit(t, "Makefile", "?= on:$(VERSION)", "?= registry.example.com/on:$(VERSION)")
	check("registry.example.com/on:dev")
	m.edit(t, "deploy/driver.yaml", `"on:dev"`, "registry.example.com/on:pinned # by hand")
	check("registry.example.com/on:pinned")
	check("registry.example.com/on:v2", "VERSION=v2")
	check("elsewhere/on:v3", "IMAGE=elsewhere/on:v3")
}

// TestMakeRefuses expects no command to be run for what names no image, or has no place.
func TestMakeRefuses(t *testing.T) {
	t.Parallel()
	m := newMakefile(t)
	for _, image := range []string{"a b", "", "x|y", `x"y`, "x&y", `x\y`, "x;y", "x'y", "x:v1.2.3+dirty"} {
		for _, target := range []string{"image", "image-push", "deploy"} {
			said, got, err := m.run(t, target, "IMAGE="+image)
			if err == nil || got != "" || !strings.Contains(said, "want the name of an image") {
				t.Errorf("make %s IMAGE=%s ran %q, want nothing; %v\n%s", target, image, got, err, said)
			}
		}
	}
	m.edit(t, "deploy/driver.yaml", "- name: driver", "- name: main")
	said, got, err := m.run(t, "deploy", "IMAGE=x/y:z")
	if err == nil || got != "" || !strings.Contains(said, "want one, to put x/y:z in its place") {
		t.Errorf("ran %q without a place for the image, want nothing; %v\n%s", got, err, said)
	}
}
