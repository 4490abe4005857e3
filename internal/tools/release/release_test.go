package main_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
	"sigs.k8s.io/yaml"
)

var whole = flag.Bool("whole", false, "make a release of the working tree, which builds for every platform")

const top = "../../.."

// TestRelease makes a release of the working tree twice, each time in a checkout of its own: before the tag, and at the tag as the
// workflow does. It reads back what is published.
func TestRelease(t *testing.T) {
	t.Parallel()
	if !*whole {
		t.Skip("builds for every platform: make test-release")
	}
	version := newest(t)
	one, other := checkout(t), checkout(t) // before anybody changes a file
	git(t, other, "tag", "-a", "-m", version, version)
	first, second := published(t, one, "release-dry-run", version), published(t, other, "release", version)
	if a, b := digests(t, first), digests(t, second); !maps.Equal(a, b) {
		t.Errorf("two runs made\n%v\nand\n%v\nwant the same bytes", a, b)
	}
	checkSums(t, first, version)
	programs := checkArchives(t, first, version)
	checkSBOMs(t, first, version)
	checkImage(t, first, version, programs)
	checkPush(t, first)
	checkPrograms(t, first, version)
	if text := string(read(t, filepath.Join(first, "notes.md"))); !strings.Contains(text, "\n### ") || strings.Contains(text, "## [") {
		t.Errorf("the notes are\n%s\nwant the section of %s without its heading", text, version)
	}
}

// heading matches that of a version in the changelog.
var heading = regexp.MustCompile(`(?m)^## \[(\d[^\]]*)\] - .+$`)

// newest returns the version at the top of the changelog.
func newest(t *testing.T) string {
	t.Helper()
	found := heading.FindSubmatch(read(t, filepath.Join(top, "CHANGELOG.md")))
	if found == nil {
		t.Fatal("CHANGELOG.md has no version, want one")
	}
	return "v" + string(found[1])
}

// checkout copies the working tree into a repository with one commit, which is the same each time. The versions of the changelog get a
// day, which the tag needs.
func checkout(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "-C", top, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skipf("%v: no clone of the repository", err)
	}
	folder := t.TempDir()
	for name := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		info, err := os.Stat(filepath.Join(top, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed, and not committed yet
		}
		target := filepath.Join(folder, name)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, read(t, filepath.Join(top, name)), info.Mode())); err != nil {
			t.Fatal(err)
		}
	}
	changelog := filepath.Join(folder, "CHANGELOG.md")
	if err := os.WriteFile(changelog, heading.ReplaceAll(read(t, changelog), []byte("## [$1] - 2026-01-02")), 0o644); err != nil {
		t.Fatal(err)
	}
	git(t, folder, "init", "-q")
	git(t, folder, "add", ".")
	git(t, folder, "commit", "-q", "-m", "all")
	return folder
}

// git runs git without the user's settings, at a fixed time.
func git(t *testing.T, folder string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", folder}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		cmd.Env = append(cmd.Env, "GIT_"+who+"_NAME=Author", "GIT_"+who+"_EMAIL=author@example.com", "GIT_"+who+"_DATE=2026-01-02T03:04:05Z")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// published makes a release, and returns its folder.
func published(t *testing.T, repository, target, version string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "dist")
	cmd := exec.CommandContext(t.Context(), "make", "-C", repository, target, "VERSION="+version, "FOLDER="+folder)
	// What a developer may have set changes nothing.
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS") }),
		"GOAMD64=v2", "CGO_ENABLED=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("make %s: %v\n%s", target, err, out)
	}
	t.Logf("%s", out)
	for _, want := range []string{"files of the release:", "SBOMs:", "image of cosictl:", "public API:", "notes:", "only the workflow does this:"} {
		if !bytes.Contains(out, []byte("\n"+want)) {
			t.Errorf("make %s does not print %q", target, want)
		}
	}
	return folder
}

// digests returns the checksum of each file.
func digests(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all[strings.TrimPrefix(path, folder)] = fmt.Sprintf("%x", sha256.Sum256(read(t, path)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// checkSums expects a checksum of each file, and every file that a release has.
func checkSums(t *testing.T, folder, version string) {
	t.Helper()
	want := map[string]string{}
	for name, sum := range digests(t, filepath.Join(folder, "assets")) {
		want[strings.TrimPrefix(name, "/")] = sum
	}
	delete(want, "checksums.txt")
	got := map[string]string{}
	for line := range strings.Lines(string(read(t, filepath.Join(folder, "assets", "checksums.txt")))) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		got[name] = sum
	}
	if !maps.Equal(got, want) {
		t.Errorf("the checksums are %v, want %v", got, want)
	}
	var names []string
	for _, program := range []string{"bootstrap", "cosictl"} {
		names = append(names, program+"_"+version+".cdx.json")
		for _, system := range []string{"linux", "darwin", "windows"} {
			for _, arch := range []string{"amd64", "arm64"} {
				names = append(names, archive(program, version, system, arch))
			}
		}
	}
	slices.Sort(names)
	if got := slices.Sorted(maps.Keys(got)); !slices.Equal(got, names) {
		t.Errorf("the release has %q, want %q", got, names)
	}
}

func archive(program, version, system, arch string) string {
	if system == "windows" {
		return fmt.Sprintf("%s_%s_%s_%s.zip", program, version, system, arch)
	}
	return fmt.Sprintf("%s_%s_%s_%s.tar.gz", program, version, system, arch)
}

// checkArchives expects a program, the license and the README in each archive. It returns the programs by the archives' names.
func checkArchives(t *testing.T, folder, version string) map[string][]byte {
	t.Helper()
	programs := map[string][]byte{}
	for _, program := range []string{"bootstrap", "cosictl"} {
		for _, system := range []string{"linux", "darwin", "windows"} {
			for _, arch := range []string{"amd64", "arm64"} {
				name, file := archive(program, version, system, arch), program
				if system == "windows" {
					file += ".exe"
				}
				files := unpacked(t, filepath.Join(folder, "assets", name))
				if got, want := slices.Sorted(maps.Keys(files)), []string{"LICENSE", "README.md", file}; !slices.Equal(got, want) {
					t.Fatalf("%s holds %q, want %q", name, got, want)
				}
				programs[name] = files[file]
				checkBuild(t, name, files[file], version, system, arch)
			}
		}
	}
	return programs
}

// checkBuild reads what the go command recorded in a program.
func checkBuild(t *testing.T, name string, program []byte, version, system, arch string) {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	got := map[string]string{"version": info.Main.Version}
	for _, s := range info.Settings {
		got[s.Key] = s.Value
	}
	for key, want := range map[string]string{
		"version": version, "GOOS": system, "GOARCH": arch, "CGO_ENABLED": "0", "vcs.modified": "false", "vcs.time": "2026-01-02T03:04:05Z", "-trimpath": "true",
	} {
		if got[key] != want {
			t.Errorf("%s is built with %s %q, want %q", name, key, got[key], want)
		}
	}
}

// unpacked returns the files of an archive.
func unpacked(t *testing.T, file string) map[string][]byte {
	t.Helper()
	content, all := read(t, file), map[string][]byte{}
	if strings.HasSuffix(file, ".zip") {
		r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.File {
			stream, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			all[f.Name] = readAll(t, stream)
		}
		return all
	}
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return untarred(t, r)
}

func untarred(t *testing.T, r io.Reader) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			all[header.Name] = readAll(t, archive)
		}
	}
}

func readAll(t *testing.T, r io.Reader) []byte {
	t.Helper()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// checkSBOMs expects each SBOM to describe the version, and to list a module that the program needs.
func checkSBOMs(t *testing.T, folder, version string) {
	t.Helper()
	type component struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		Purl    string `json:"purl"`
	}
	for program, needs := range map[string]string{"cosictl": "google.golang.org/grpc", "bootstrap": "golang.org/x/mod"} {
		text := read(t, filepath.Join(folder, "assets", program+"_"+version+".cdx.json"))
		var bom struct {
			BOMFormat string `json:"bomFormat"`
			Metadata  struct {
				Component component `json:"component"`
			} `json:"metadata"`
			Components []component `json:"components"`
		}
		if err := json.Unmarshal(text, &bom); err != nil {
			t.Fatal(err)
		}
		if c := bom.Metadata.Component; bom.BOMFormat != "CycloneDX" || c.Name != "github.com/doomshrine/gocosi" || c.Version != version {
			t.Errorf("the SBOM of %s is a %s of %s %s, want CycloneDX of the library's module at %s", program, bom.BOMFormat, c.Name, c.Version, version)
		}
		listed := false
		for _, c := range bom.Components {
			listed = listed || c.Name == needs && c.Version != "" && strings.HasPrefix(c.Purl, "pkg:golang/"+needs+"@")
		}
		if !listed {
			t.Errorf("the SBOM of %s lacks %s:\n%.2000s", program, needs, text)
		}
	}
}

// checkImage expects the archives' programs, certificates, and nothing else, for two platforms.
func checkImage(t *testing.T, folder, version string, programs map[string][]byte) {
	t.Helper()
	index, err := layout.ImageIndexFromPath(filepath.Join(folder, "image"))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Errorf("the layout is not valid: %v", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, d := range manifest.Manifests {
		platforms = append(platforms, d.Platform.String())
		image, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		checkOne(t, image, version, d.Platform.Architecture, programs[archive("cosictl", version, "linux", d.Platform.Architecture)])
	}
	if want := []string{"linux/amd64", "linux/arm64"}; !slices.Equal(platforms, want) {
		t.Errorf("the image is for %q, want %q", platforms, want)
	}
}

func checkOne(t *testing.T, image v1.Image, version, arch string, program []byte) {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	revision := file.Config.Labels["org.opencontainers.image.revision"]
	labels := map[string]string{
		"org.opencontainers.image.title": "cosictl", "org.opencontainers.image.version": version, "org.opencontainers.image.licenses": "Apache-2.0",
		"org.opencontainers.image.source": "https://github.com/doomshrine/gocosi", "org.opencontainers.image.revision": revision,
	}
	if !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(revision) || !maps.Equal(file.Config.Labels, labels) {
		t.Errorf("the image has labels %q, want %q with a commit", file.Config.Labels, labels)
	}
	if file.Config.User != "65532:65532" || !slices.Equal(file.Config.Entrypoint, []string{"/cosictl"}) || file.Architecture != arch || file.OS != "linux" {
		t.Errorf("the image for %s is configured as %+v for %s/%s", arch, file.Config, file.OS, file.Architecture)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, layer := range layers {
		stream, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(files, untarred(t, stream))
		_ = stream.Close()
	}
	if got, want := slices.Sorted(maps.Keys(files)), []string{"cosictl", "etc/ssl/certs/ca-certificates.crt"}; !slices.Equal(got, want) || len(layers) != 2 {
		t.Errorf("the image for %s holds %q in %d layers, want %q in 2", arch, got, len(layers), want)
	}
	if !bytes.Equal(files["cosictl"], program) || len(program) == 0 {
		t.Errorf("the image for %s does not hold the archive's cosictl", arch)
	}
}

// checkPush runs the workflow's step that pushes the image, with a registry of the test's own, and expects the digest of the layout.
func checkPush(t *testing.T, folder string) {
	t.Helper()
	server := httptest.NewServer(registry.New())
	defer server.Close()
	name := strings.TrimPrefix(server.URL, "http://") + "/doomshrine/gocosi/cosictl"
	workspace := checkout(t)
	if err := os.CopyFS(filepath.Join(workspace, "dist"), os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	outputs, log, err := runStep(t, workspace, "Push the image", "IMAGE="+name, "GITHUB_REF_NAME=v1.2.3", "GITHUB_ACTOR=somebody", "TOKEN=secret",
		"DOCKER_CONFIG="+t.TempDir())
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	index, err := layout.ImageIndexFromPath(filepath.Join(folder, "image"))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if want := "digest=" + digest.String() + "\n"; err != nil || outputs != want {
		t.Errorf("the step has outputs %q, want %q; %v\n%s", outputs, want, err, log)
	}
	response, err := http.Get(server.URL + "/v2/doomshrine/gocosi/cosictl/manifests/v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(readAll(t, response.Body))); got != digest.String() {
		t.Errorf("the registry has %s, want %s", got, digest)
	}
}

// TestSteps runs steps of the workflow that need no release.
func TestSteps(t *testing.T) {
	t.Parallel()
	if _, log, err := runStep(t, t.TempDir(), "Name the image", "REGISTRY=", "GITHUB_REPOSITORY=doomshrine/gocosi"); err == nil || !strings.Contains(log, "REGISTRY is empty") {
		t.Errorf("without a registry: %v, %q; want it refused", err, log)
	}
	outputs, log, err := runStep(t, t.TempDir(), "Name the image", "REGISTRY=registry.example.com", "GITHUB_REPOSITORY=Doomshrine/gocosi")
	if want := "name=registry.example.com/doomshrine/gocosi/cosictl\n"; err != nil || outputs != want {
		t.Errorf("the image is %q, want %q; %v\n%s", outputs, want, err, log)
	}
	for version, kind := range map[string]string{"v1.2.3": "--latest", "v1.2.3-rc.1": "--prerelease"} {
		folder := t.TempDir()
		for name, text := range map[string]string{"bin/gh": "#!/bin/sh\necho \"$@\"\n", "dist/assets/a.zip": "", "dist/assets/b.zip": ""} {
			file := filepath.Join(folder, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o755)); err != nil {
				t.Fatal(err)
			}
		}
		_, log, err := runStep(t, folder, "Make the release", "GITHUB_REF_NAME="+version, "PATH="+filepath.Join(folder, "bin")+":"+os.Getenv("PATH"))
		want := fmt.Sprintf("release create %s --verify-tag %s --title %[1]s --notes-file dist/notes.md dist/assets/a.zip dist/assets/b.zip\n", version, kind)
		if err != nil || log != want {
			t.Errorf("the step runs %q, want %q; %v", log, want, err)
		}
	}
}

// runStep runs a step of release.yml as GitHub's runner does, and returns its outputs.
func runStep(t *testing.T, workspace, name string, env ...string) (outputs, log string, failed error) {
	t.Helper()
	var w struct {
		Jobs map[string]struct {
			Steps []struct{ Name, Run string }
		}
	}
	if err := yaml.Unmarshal(read(t, filepath.Join(top, ".github", "workflows", "release.yml")), &w); err != nil {
		t.Fatal(err)
	}
	command := ""
	for _, j := range w.Jobs {
		for _, s := range j.Steps {
			if s.Name == name {
				command = s.Run
			}
		}
	}
	if command == "" {
		t.Fatalf("release.yml has no step %q with a command, want one", name)
	}
	scratch := t.TempDir()
	file := filepath.Join(scratch, "output")
	cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-e", "-c", command)
	cmd.Dir = workspace
	cmd.Env = append(append(os.Environ(), "GITHUB_OUTPUT="+file, "RUNNER_TEMP="+scratch), env...)
	out, failed := cmd.CombinedOutput()
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text), string(out), failed
}

// checkPrograms runs the programs of this platform: both tell the version, and a new driver requires it.
func checkPrograms(t *testing.T, folder, version string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skipf("on %s, unpack what %s has for it", runtime.GOOS, folder)
	}
	dir := t.TempDir()
	for _, program := range []string{"cosictl", "bootstrap"} {
		content := unpacked(t, filepath.Join(folder, "assets", archive(program, version, runtime.GOOS, runtime.GOARCH)))[program]
		if err := os.WriteFile(filepath.Join(dir, program), content, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "cosictl"), "version").CombinedOutput(); err != nil || !bytes.Contains(out, []byte(version+"\n")) {
		t.Errorf("cosictl version says %q (%v), want %s", out, err, version)
	}
	if out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "bootstrap"), "-version").CombinedOutput(); err != nil || string(out) != "bootstrap "+version+", "+runtime.Version()+"\n" {
		t.Errorf("bootstrap -version says %q (%v), want %s", out, err, version)
	}
	proxy, scaffold := t.TempDir(), filepath.Join(dir, "cosi-osp")
	serve(t, proxy, module.Version{Path: "github.com/doomshrine/gocosi", Version: version})
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "bootstrap"), "-dir", scaffold, "-build=false")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOMODCACHE="+t.TempDir(), "GOFLAGS=-modcacherw", "GONOSUMDB=github.com/doomshrine/gocosi",
		"GOPROXY=file://"+proxy+",file://"+goEnv(t, "GOMODCACHE")+"/cache/download,"+goEnv(t, "GOPROXY"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("bootstrap: %v\n%s", err, out)
	}
	gomod := string(read(t, filepath.Join(scaffold, "go.mod")))
	if !strings.Contains(gomod, "github.com/doomshrine/gocosi "+version+"\n") || strings.Contains(gomod, "replace") {
		t.Errorf("the scaffold has\n%s\nwant it to require %s of the library", gomod, version)
	}
}

// serve puts the library's working tree into a file-system module proxy.
func serve(t *testing.T, proxy string, library module.Version) {
	t.Helper()
	var content bytes.Buffer
	if err := modzip.CreateFromDir(&content, library, checkout(t)); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(proxy, filepath.FromSlash(library.Path), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		".zip": content.Bytes(), ".mod": read(t, filepath.Join(top, "go.mod")), ".info": fmt.Appendf(nil, `{"Version":%q}`, library.Version),
	} {
		if err := os.WriteFile(filepath.Join(dir, library.Version+name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(value))
}
