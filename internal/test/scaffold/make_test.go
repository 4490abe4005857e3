package scaffold_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

// recorder stands in for docker and kubectl: it records its arguments, and what Kustomize makes of the folder behind -k.
const recorder = `#!/bin/sh
{ echo "${0##*/}"; for argument; do echo "$argument"; done; } >"$RECORD/arguments"
if [ "$2" = -k ]; then
	if [ "$STANDIN" ]; then # it stands in for what is fetched
		cp "$3/kustomization.yaml" "$RECORD/asked"
		sed "s|\"https://[^\"]*\"|$STANDIN|" "$RECORD/asked" >"$3/kustomization.yaml"
	fi
	"$KUSTOMIZE" build "$3" >"$RECORD/input" || exit
	sh -c "$AFTERWARDS"
fi
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
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a signal to the group is for it alone
	cmd.Env = append(os.Environ(), "RECORD="+m.record, "KUSTOMIZE="+kustomize, "PATH="+m.record+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, arg := range args {
		if variable, ok := strings.CutPrefix(arg, "env:"); ok {
			cmd.Env = append(cmd.Env, variable)
		} else {
			cmd.Args = append(cmd.Args, arg)
		}
	}
	for _, name := range []string{"arguments", "input", "asked"} {
		os.Remove(filepath.Join(m.record, name))
	}
	out, err := cmd.CombinedOutput()
	m.checkNothingLeft(t)
	arguments, missing := os.ReadFile(filepath.Join(m.record, "arguments"))
	if missing != nil {
		return string(out), "", err
	}
	return string(out), strings.ReplaceAll(strings.TrimSpace(string(arguments)), "\n", " "), err
}

// checkNothingLeft expects no folder that make made for itself.
func (m makefile) checkNothingLeft(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(m.folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".apply") {
			t.Errorf("make left %s, want it removed", e.Name())
		}
	}
}

// image returns the driver's image in what kubectl applied, in which all else must be what deploy/ says.
func (m makefile) image(t *testing.T) string {
	t.Helper()
	got, want := &manifests{}, buildManifests(t, m.folder)
	decode(t, "what kubectl applies", read(t, m.record, "input"), got.kinds())
	driver := &got.deployment.Spec.Template.Spec.Containers[0]
	image := driver.Image
	driver.Image = want.deployment.Spec.Template.Spec.Containers[0].Image
	if !reflect.DeepEqual(got, want) {
		t.Errorf("kubectl applies %+v, want %+v with another image of the driver at most", got, want)
	}
	return image
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

var deploys = regexp.MustCompile(`^kubectl apply -k (deploy|\.apply\.\w+)$`)

// TestMakeDeploy expects the image that make is given, or else the one that deploy/driver.yaml names.
func TestMakeDeploy(t *testing.T) {
	t.Parallel()
	m := newMakefile(t)
	check := func(image string, args ...string) {
		t.Helper()
		said, got, err := m.run(t, append([]string{"deploy"}, args...)...)
		if err != nil || !deploys.MatchString(got) || !strings.Contains(said, "deploying "+image) && !strings.Contains(said, `deploying "`+image+`"`) {
			t.Fatalf("make deploy %q ran %q, want %s; %v\n%s", args, got, deploys, err, said)
		}
		if got := m.image(t); got != image {
			t.Errorf("make deploy %q deploys %q, want %q", args, got, image)
		}
	}
	check("on:dev")
	check("on:v1.2.3", "VERSION=v1.2.3")
	check("registry.example.com:5000/acme/on@sha256:12ab", "IMAGE=registry.example.com:5000/acme/on@sha256:12ab")
	check("registry.example.com/acme/on:v1@sha256:12ab", "IMAGE=registry.example.com/acme/on:v1@sha256:12ab")
	check("registry.example.com/on:x", "env:IMAGE=registry.example.com/on:x")
	m.edit(t, "Makefile", "?= on:$(VERSION)", "?= registry.example.com/on:$(VERSION)")
	check("registry.example.com/on:dev")
	m.edit(t, "deploy/driver.yaml", `"on:dev"`, "registry.example.com/on:pinned # by hand")
	check("registry.example.com/on:pinned")
	check("registry.example.com/on:v2", "VERSION=v2")
	check("elsewhere/on:v3", "IMAGE=elsewhere/on:v3")
	m.edit(t, "deploy/driver.yaml", "registry.example.com/on:pinned # by hand", `'registry.example.com:5000/on:x@sha256:34cd'`)
	check("registry.example.com/on:v4", "IMAGE=registry.example.com/on:v4")
	m.edit(t, "deploy/driver.yaml", `'registry.example.com:5000/on:x@sha256:34cd'`, "registry.k8s.io/sig-storage/objectstorage-sidecar:v0.2.2")
	check("registry.example.com/on:v5", "IMAGE=registry.example.com/on:v5") // the sidecar keeps its own, whose name is the same
}

// TestMakeDeployFails expects kubectl's failure to be make's, and nothing to be left of it, or of an interruption.
func TestMakeDeployFails(t *testing.T) {
	t.Parallel()
	m := newMakefile(t)
	for _, args := range [][]string{{"deploy"}, {"deploy", "IMAGE=x/y:z"}} {
		if said, _, err := m.run(t, append(args, "env:AFTERWARDS=echo not reached >&2; exit 7")...); err == nil || !strings.Contains(said, "not reached") {
			t.Errorf("make %q with a kubectl that fails: %v, want a failure\n%s", args, err, said)
		}
		// SIGTERM for make, its shell and kubectl; the other signals may be ignored where the tests run.
		if said, _, err := m.run(t, append(args, "env:AFTERWARDS=kill -TERM 0; sleep 60")...); err == nil {
			t.Errorf("make %q succeeded in spite of a signal, want a failure\n%s", args, said)
		}
	}
}

// TestMakeInstallCOSI expects the released definitions and the released image of the controller, of the release that is announced first.
func TestMakeInstallCOSI(t *testing.T) {
	t.Parallel()
	const tag, image = "v0.2.2", "registry.k8s.io/sig-storage/objectstorage-controller:v0.2.2"
	m := newMakefile(t)
	upstream(t, filepath.Join(m.folder, "upstream"))
	said, got, err := m.run(t, "install-cosi", "env:STANDIN=../upstream", "env:AFTERWARDS=echo applied")
	if err != nil || !deploys.MatchString(got) {
		t.Fatalf("make install-cosi ran %q, want %s; %v\n%s", got, deploys, err, said)
	}
	const url = "https://github.com/kubernetes-sigs/container-object-storage-interface"
	told, _, _ := strings.Cut(said, "applied")
	for _, want := range []string{"COSI " + tag, "for the whole cluster", url, image} {
		if !strings.Contains(told, want) {
			t.Errorf("make install-cosi does not tell %q before it begins, want it in:\n%s", want, said)
		}
	}
	if asked := string(read(t, m.record, "asked")); !strings.Contains(asked, `"`+url+"?ref="+tag+`&`) {
		t.Errorf("kubectl is asked for other resources than the tag %s of %s:\n%s", tag, url, asked)
	}
	built := build(t, filepath.Join(m.folder, "upstream"))
	want := strings.Replace(string(built), controllerImage(t, built), image, 1)
	if got := string(read(t, m.record, "input")); got != want || want == string(built) || strings.Count(got, "kind: CustomResourceDefinition\n") != 5 {
		t.Errorf("kubectl applies:\n%s\nwant what upstream has, with the image %s", got, image)
	}
}

// controllerImage returns the image of the only Deployment.
func controllerImage(t *testing.T, text []byte) string {
	t.Helper()
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		if !bytes.Contains(document, []byte("\nkind: Deployment\n")) {
			continue
		}
		var d appsv1.Deployment
		if err := yaml.UnmarshalStrict(document, &d); err != nil || len(d.Spec.Template.Spec.Containers) != 1 {
			t.Fatalf("the controller is %+v, %v; want one container", d, err)
		}
		return d.Spec.Template.Spec.Containers[0].Image
	}
	t.Fatal("upstream has no Deployment, want the controller's")
	return ""
}

// upstream copies the released kustomization of COSI out of the modules that it is released in.
func upstream(t *testing.T, folder string) {
	t.Helper()
	const path = "sigs.k8s.io/container-object-storage-interface"
	whole := filepath.Join(root, "internal", "test", "e2e") // requires both modules
	for from, to := range map[string]string{path: "", path + "/client": "client"} {
		cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", from)
		cmd.Dir = whole
		out, err := cmd.Output()
		var module struct {
			Dir     string `json:"Dir"`
			Version string `json:"Version"`
		}
		if err := errors.Join(err, json.Unmarshal(out, &module)); err != nil || module.Version != "v0.2.2" {
			t.Fatalf("%s: %+v, %v\n%s", from, module, err, out)
		}
		if err := os.CopyFS(filepath.Join(folder, to), os.DirFS(module.Dir)); err != nil {
			t.Fatal(err)
		}
	}
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
