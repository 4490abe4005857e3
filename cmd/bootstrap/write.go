package main

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/mod/modfile"

	"github.com/doomshrine/gocosi/internal/buildinfo"
)

const (
	// goVersion is the go directive of the new module: the library's own.
	goVersion = "1.26.0"
	// goImage is the tag of the image that the Dockerfile builds with. It is exact, so that a driver that is built again is built
	// by the same Go.
	goImage = "1.26.11"
	// sidecarImage is the released sidecar.
	sidecarImage = "registry.k8s.io/sig-storage/objectstorage-sidecar:v0.2.2"
	// linter is the version of golangci-lint that the extra "ci" runs, and .golangci.yml is for: the Makefile's.
	linter = "v2.15.0"
	// clientVersion and exporterVersion are those of what metrics.go imports; the second one goes with the library's OpenTelemetry.
	clientVersion   = "v1.24.1"
	exporterVersion = "v0.69.0"
	// unreleased stands for the version of a library that a folder replaces.
	unreleased = "v0.0.0-00010101000000-000000000000"
)

//go:embed templates
var templates embed.FS

// dotted lists the files and folders at the top whose names begin with a dot: go:embed leaves those out.
var dotted = []string{"dockerignore", "github", "gitignore", "golangci.yml"}

// write writes the module and reports its progress to out. On failure nothing is left.
func (p plan) write(ctx context.Context, out, stderr io.Writer) error {
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("the go command is needed to complete the module: %w", err)
	}
	fill := func(dir string, root *os.Root) error { return p.fill(ctx, dir, root, out, stderr) }
	if err := place(p.dir, fill); err != nil {
		return err
	}
	p.next(ctx, out)
	return nil
}

// fill writes the module to root, which is dir, and builds it there.
func (p plan) fill(ctx context.Context, dir string, root *os.Root, out, stderr io.Writer) error {
	fmt.Fprintf(out, "module   %s, driver %s, in Kubernetes %s\n", p.module, p.name, p.app)
	if err := saveAll(p.files, root, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "tidy     go.mod and go.sum, with %s of %s\n", library, p.source)
	if err := tidy(ctx, dir, stderr); err != nil || !p.build {
		return err
	}
	fmt.Fprintln(out, "build    the program and its tests; the first time, that compiles gRPC and OpenTelemetry for some minutes")
	return compile(ctx, dir, stderr)
}

// file holds one file of the new module.
type file struct {
	path string // with slashes, relative to the module
	text []byte
}

func (f file) save(root *os.Root) error {
	if err := root.MkdirAll(path.Dir(f.path), 0o755); err != nil {
		return err
	}
	return root.WriteFile(f.path, f.text, 0o644)
}

func saveAll(files []file, root *os.Root, out io.Writer) error {
	for _, f := range files {
		if err := f.save(root); err != nil {
			return err
		}
		fmt.Fprintf(out, "write    %s\n", f.path)
	}
	return nil
}

// render makes every file but go.sum.
func (p plan) render() ([]file, error) {
	gomod, err := p.gomod()
	if err != nil {
		return nil, err
	}
	files := []file{{"go.mod", gomod}}
	err = fs.WalkDir(templates, "templates", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || p.leftOut(target(name)) {
			return err
		}
		text, err := p.execute(name)
		files = append(files, file{target(name), text})
		return err
	})
	return files, err
}

// target returns the path of the file that a template makes.
func target(name string) string {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "templates/"), ".tmpl")
	if top, _, _ := strings.Cut(name, "/"); slices.Contains(dotted, top) {
		return "." + name
	}
	return name
}

// execute fills a template in, and formats Go source.
func (p plan) execute(name string) ([]byte, error) {
	t, err := template.New(path.Base(name)).Delims(delimiters(target(name))).Option("missingkey=error").ParseFS(templates, name)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := t.Execute(&text, p.values()); err != nil {
		return nil, err
	}
	if path.Ext(target(name)) == ".go" {
		return format.Source(text.Bytes())
	}
	return text.Bytes(), nil
}

// values returns what the templates may use.
func (p plan) values() map[string]any {
	return map[string]any{
		"Module": p.module, "Name": p.name, "App": p.app, "Program": buildinfo.ProgramName(p.module), "Local": p.source.folder != "",
		"GoImage": goImage, "SidecarImage": sidecarImage, "Linter": linter, "With": p.extras(),
	}
}

// gomod requires the library, and what the sources import next to it. What both import, go mod tidy adds at the library's versions.
func (p plan) gomod() ([]byte, error) {
	f := &modfile.File{}
	err := errors.Join(f.AddModuleStmt(p.module), f.AddGoStmt(goVersion), f.AddRequire(library, cmp.Or(p.source.version, unreleased)),
		f.AddRequire("github.com/prometheus/client_golang", clientVersion),
		f.AddRequire("go.opentelemetry.io/otel/exporters/prometheus", exporterVersion))
	if p.source.folder != "" {
		err = errors.Join(err, f.AddReplace(library, "", p.source.folder, ""))
	}
	if err != nil {
		return nil, err
	}
	text, err := f.Format()
	if err != nil {
		return nil, err
	}
	_, err = modfile.Parse("go.mod", text, nil)
	return text, err
}
