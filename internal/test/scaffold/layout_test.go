package scaffold_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	base "github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// ociLayout collects the images of several platforms.
type ociLayout struct{ index v1.ImageIndex }

func newLayout() *ociLayout {
	return &ociLayout{mutate.IndexMediaType(base.Index, types.OCIImageIndex)}
}

// add makes an image of a configuration, and of files below the root of the stage that built them: a layer for each, as an engine
// does.
func (l *ociLayout) add(t *testing.T, arch string, config v1.Config, root string, files []copied) {
	t.Helper()
	image := mutate.ConfigMediaType(mutate.MediaType(base.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.ConfigFile(image, &v1.ConfigFile{OS: "linux", Architecture: arch, Config: config, RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		files := archive(t, filepath.Join(root, f.from), f.to)
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil },
			tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.NoCompression))
		if err != nil {
			t.Fatal(err)
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			t.Fatal(err)
		}
	}
	platform := v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}
	l.index = mutate.AppendManifests(l.index, mutate.IndexAddendum{Add: image, Descriptor: platform})
}

// archive returns a layer with a file, which keeps its mode and becomes root's, and the folders above it.
func archive(t *testing.T, file, target string) []byte {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	err = nil
	name := strings.TrimPrefix(target, "/")
	for end, c := range name {
		if c == '/' {
			err = errors.Join(err, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name[:end+1], Mode: 0o755}))
		}
	}
	err = errors.Join(err, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: int64(info.Mode().Perm())}))
	_, wrote := w.Write(content)
	if err := errors.Join(err, wrote, w.Close()); err != nil {
		t.Fatal(err)
	}
	return layer.Bytes()
}

// write writes the layout and returns its folder.
func (l *ociLayout) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := layout.Write(dir, l.index); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mostMB bounds a scaffold's program, Prometheus's exporter included.
const mostMB = 18.5

// wanted describes the image of a program.
type wanted struct {
	program      string // its name, that of its file too
	app, version string
	folders      []string                           // of this machine: the program must not tell them
	mostMB       float64                            // of the program; 0: not bounded
	tells        func(t *testing.T, program string) // checks what the program says of its version
}

// check compares a layout on disk with the image that is wanted.
func (w wanted) check(t *testing.T, dir string) {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
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
		image, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		platforms = append(platforms, d.Platform.String())
		w.checkConfig(t, image, d.Platform)
		w.checkFiles(t, image, d.Platform.Architecture)
	}
	if want := []string{"linux/amd64", "linux/arm64"}; !slices.Equal(platforms, want) {
		t.Errorf("the image is for %q, want %q", platforms, want)
	}
}

// checkConfig allows nothing but what it names: no variables, ports, volumes or arguments.
func (w wanted) checkConfig(t *testing.T, image v1.Image, platform *v1.Platform) {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got := file.Platform(); !got.Equals(*platform) {
		t.Errorf("the image says that it is for %s, the index %s", got, platform)
	}
	want := v1.Config{
		User:       "65532:65532", // a number: Kubernetes cannot tell whether a name is root's
		Entrypoint: []string{"/" + w.program},
		Labels:     map[string]string{"org.opencontainers.image.title": w.app, "org.opencontainers.image.version": w.version},
	}
	if !reflect.DeepEqual(file.Config, want) {
		t.Errorf("the image for %s is configured as %s, want %s", platform, asJSON(t, file.Config), asJSON(t, want))
	}
}

func asJSON(t *testing.T, config v1.Config) []byte {
	t.Helper()
	text, err := json.Marshal(config) // leaves out what is empty
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// checkFiles expects the program and the certificates of authorities, in folders, and nothing else.
func (w wanted) checkFiles(t *testing.T, image v1.Image, arch string) {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var program []byte
	for _, layer := range layers {
		for header, content := range entries(t, layer) {
			got = append(got, fmt.Sprintf("%s %d:%d /%s", header.FileInfo().Mode(), header.Uid, header.Gid, path.Clean(header.Name)))
			if header.Name == w.program {
				program = content
			}
		}
	}
	want := []string{
		"drwxr-xr-x 0:0 /etc", "drwxr-xr-x 0:0 /etc/ssl", "drwxr-xr-x 0:0 /etc/ssl/certs", "-rw-r--r-- 0:0 /" + rootsFile, "-rwxr-xr-x 0:0 /" + w.program,
	}
	if !slices.Equal(got, want) {
		t.Fatalf("the image for %s holds %q, want %q", arch, got, want)
	}
	w.checkProgram(t, program, arch)
}

// entries yields what a layer holds.
func entries(t *testing.T, layer v1.Layer) func(yield func(*tar.Header, []byte) bool) {
	t.Helper()
	return func(yield func(*tar.Header, []byte) bool) {
		stream, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = stream.Close() }()
		for r := tar.NewReader(stream); ; {
			header, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if !yield(header, content) {
				return
			}
		}
	}
}

// checkProgram expects a static program for the architecture that tells its version, and no folder of this machine.
func (w wanted) checkProgram(t *testing.T, program []byte, arch string) {
	t.Helper()
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	if file.Type != elf.ET_EXEC || file.Machine != machines[arch] {
		t.Errorf("%s is %s for %s, want %s for %s", w.program, file.Type, file.Machine, elf.ET_EXEC, machines[arch])
	}
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s for %s has a segment %s, want a static program: the image has no libraries", w.program, arch, p.Type)
		}
	}
	for _, folder := range append(w.folders, goEnv(t, "GOROOT"), goEnv(t, "GOMODCACHE")) {
		if at := bytes.Index(program, []byte(folder+"/")); at >= 0 {
			t.Errorf("%s for %s tells %q, want no folder of the machine that built it", w.program, arch, program[at:min(at+100, len(program))])
		}
	}
	if !bytes.Contains(program, []byte(w.version)) {
		t.Errorf("%s for %s does not hold its version, want %s", w.program, arch, w.version)
	}
	if arch == runtime.GOARCH && runtime.GOOS == "linux" {
		w.checkTold(t, program)
	}
	size := float64(len(program)) / 1e6
	if t.Logf("%s for linux/%s: %.2f MB", w.program, arch, size); w.mostMB > 0 && size > w.mostMB {
		t.Errorf("%s has %.2f MB, want at most %.1f", w.program, size, w.mostMB)
	}
}

// checkTold runs the program out of the image.
func (w wanted) checkTold(t *testing.T, content []byte) {
	t.Helper()
	program := filepath.Join(t.TempDir(), w.program)
	if err := os.WriteFile(program, content, 0o700); err != nil {
		t.Fatal(err)
	}
	w.tells(t, program)
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(value))
}
