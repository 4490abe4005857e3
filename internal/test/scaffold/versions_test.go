package scaffold_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/doomshrine/gocosi/internal/sockdir"
	"github.com/doomshrine/gocosi/internal/test/otlptest"
)

// TestVersions builds a scaffold in the ways in which drivers are built, and expects it to tell its version. What an image tells that
// is given a version, TestImages checks.
func TestVersions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		build func(t *testing.T, folder string) (program string)
		want  string
	}{
		{"checkout", buildCheckout, `v0\.0\.0-20260102030405-[0-9a-f]{12}`},
		{"tag", buildTag, `v1\.2\.3`},
		{"image without VERSION", buildUnnamed, `dev`},
		{"go install", install, `v1\.2\.3`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			checkVersion(t, test.build(t, scaffold(t, "cosi-osp")), test.want)
		})
	}
}

// buildCheckout builds in a repository with one commit.
func buildCheckout(t *testing.T, folder string) string {
	t.Helper()
	commit(t, folder)
	return buildIn(t, folder)
}

// buildTag builds at a tag.
func buildTag(t *testing.T, folder string) string {
	t.Helper()
	commit(t, folder)
	git(t, folder, "tag", "v1.2.3")
	return buildIn(t, folder)
}

// commit makes a folder a repository with all of its files in one commit.
func commit(t *testing.T, folder string) {
	t.Helper()
	git(t, folder, "init", "-q")
	git(t, folder, "add", ".")
	git(t, folder, "commit", "-q", "-m", "main: begin")
}

// git runs git without the user's settings.
func git(t *testing.T, folder string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		cmd.Env = append(cmd.Env, "GIT_"+who+"_NAME=Author", "GIT_"+who+"_EMAIL=author@example.com")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// buildIn runs go build as it does by default, whatever GOFLAGS says of version control.
func buildIn(t *testing.T, folder string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "driver")
	if err := goCommand(folder, "build", "-buildvcs=auto", "-o", program, "."); err != nil {
		t.Fatal(err)
	}
	return program
}

// buildUnnamed builds as the Dockerfile does, for this machine, without a VERSION.
func buildUnnamed(t *testing.T, folder string) string {
	t.Helper()
	given := map[string]string{"TARGETOS": goEnv(t, "GOOS"), "TARGETARCH": goEnv(t, "GOARCH")}
	return filepath.Join(parseDockerfile(t, folder).build.run(t, dockerContext(t, folder), given), "out", "driver")
}

// install serves the scaffold and the library as releases, since go install takes no module with a replacement. The module cache
// is the test's own: no other build may meet these releases there. The flags are those of an image, so that packages are compiled once.
func install(t *testing.T, folder string) string {
	t.Helper()
	const library = "v0.4.0-rc.1"
	if err := goCommand(folder, "mod", "edit", "-dropreplace=github.com/doomshrine/gocosi", "-require=github.com/doomshrine/gocosi@"+library); err != nil {
		t.Fatal(err)
	}
	proxy, bin := t.TempDir(), t.TempDir()
	if err := serveLibrary(proxy, library); err != nil {
		t.Fatal(err)
	}
	driver := module.Version{Path: "example.com/acme/cosi-osp", Version: "v1.2.3"}
	pack := func(archive io.Writer) error { return zip.CreateFromDir(archive, driver, folder) }
	if err := serveModule(proxy, driver, folder, pack); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "install", "-modcacherw", "-trimpath", driver.String())
	cmd.Dir = bin
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "GOMODCACHE="+t.TempDir(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0",
		"GOPROXY=file://"+proxy+",file://"+goEnv(t, "GOMODCACHE")+"/cache/download,"+goEnv(t, "GOPROXY"),
		"GONOSUMDB=github.com/doomshrine/gocosi,"+driver.Path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go install %s: %v\n%s", driver, err, out)
	}
	return filepath.Join(bin, "cosi-osp")
}

// checkVersion expects a version that matches from -version, and the same in the line at start, in the metric and in the resource of
// what is exported.
func checkVersion(t *testing.T, program, want string) {
	t.Helper()
	version := told(t, program)
	if !regexp.MustCompile("^" + want + "$").MatchString(version) {
		t.Errorf("-version tells %q, want %s", version, want)
	}
	collector := otlptest.Start(t, "http/protobuf")
	if line := runOnce(t, program, collector.URL); line != version {
		t.Errorf("the line at start tells version %q, want %q", line, version)
	}
	if got := collector.Resource("service.version"); !slices.Equal(got, []string{version}) {
		t.Errorf("service.version is %q, want %q", got, version)
	}
	built := collector.Counter("gocosi.build.info")
	for key := range built {
		if !strings.HasPrefix(key, version+",") || len(built) != 1 {
			t.Errorf("gocosi.build.info has %v, want one of %s", built, version)
		}
	}
	if len(built) == 0 {
		t.Error("gocosi.build.info was not exported, want it at the driver's end")
	}
}

// told returns the driver's version as -version tells it, without variables, as in an image.
func told(t *testing.T, program string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "-version")
	cmd.Env = []string{}
	out, err := cmd.CombinedOutput()
	found := regexp.MustCompile(`^[a-z0-9-]+ (\S+), gocosi \S+, go.+\n$`).FindSubmatch(out)
	if err != nil || found == nil {
		t.Fatalf("-version tells %q (%v), want the versions of the driver, of gocosi and of Go", out, err)
	}
	return string(found[1])
}

// runOnce starts a driver that exports metrics, ends it, and returns the version in its line at start.
func runOnce(t *testing.T, program, collector string) string {
	t.Helper()
	sockets, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), "COSI_ENDPOINT=unix://"+sockets+"/cosi.sock", "OTEL_EXPORTER_OTLP_ENDPOINT="+collector,
		"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
	log := &startLog{started: make(chan string, 1)}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var version string
	select {
	case version = <-log.started:
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil || version == "" {
		t.Fatalf("the driver ended with %v, want a line at start and a clean end\n%s", err, log)
	}
	return version
}

// startLog keeps a log, and sends the version in the line at start.
type startLog struct {
	started chan string

	mu   sync.Mutex
	text bytes.Buffer
	read int
}

func (l *startLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	for {
		line, _, whole := bytes.Cut(l.text.Bytes()[l.read:], []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.read += len(line) + 1
		var entry struct {
			Msg     string `json:"msg"`
			Version string `json:"version"`
		}
		if json.Unmarshal(line, &entry) == nil && entry.Msg == "driver listening" {
			l.started <- entry.Version
		}
	}
}

func (l *startLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
