package main

import (
	"bytes"
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
	"path/filepath"
	"strings"
	"text/template"

	"golang.org/x/mod/modfile"
)

const (
	// goVersion is the go directive of the new module: the library's own.
	goVersion = "1.26.0"
	// goImage is the tag of the image that the Dockerfile builds with: it follows the releases of one Go version.
	goImage = "1.26"
	// sidecarImage is the released sidecar.
	sidecarImage = "registry.k8s.io/sig-storage/objectstorage-sidecar:v0.2.2"
	// unreleased stands for the version of a library that is replaced by a folder.
	unreleased = "v0.0.0-00010101000000-000000000000"
)

//go:embed templates
var templates embed.FS

// dotted are the files whose names begin with a dot, which a folder that is embedded may not hold.
var dotted = map[string]string{"gitignore": ".gitignore", "dockerignore": ".dockerignore"}

// write makes the module beside or in its folder, under a temporary name, and puts it in place when it is whole.
func (p plan) write(ctx context.Context, out io.Writer) error {
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("the go command is needed to complete the module: %w", err)
	}
	return place(p.dir, func(dir string) error {
		fmt.Fprintf(out, "module   %s, driver %s\n", p.module, p.name)
		files, err := p.render()
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := f.save(dir); err != nil {
				return err
			}
			fmt.Fprintf(out, "write    %s\n", f.path)
		}
		fmt.Fprintf(out, "tidy     go.mod and go.sum, with %s of %s\n", library, p.source)
		if err := tidy(ctx, dir); err != nil {
			return err
		}
		return ctx.Err()
	}, func() {
		fmt.Fprintf(out, "done     %s\n\nNext:\n  cd %s\n  make test\n  make run\n", p.dir, p.dir)
	})
}

// file is one file of the new module.
type file struct {
	path string // with slashes, relative to the module
	text []byte
}

func (f file) save(dir string) error {
	name := filepath.Join(dir, filepath.FromSlash(f.path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, f.text, 0o644) //nolint:gosec // source code
}

// render makes every file but go.sum.
func (p plan) render() ([]file, error) {
	gomod, err := p.gomod()
	if err != nil {
		return nil, err
	}
	files := []file{{"go.mod", gomod}}
	err = fs.WalkDir(templates, "templates", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		f, err := p.execute(name)
		files = append(files, f)
		return err
	})
	return files, err
}

func (p plan) execute(name string) (file, error) {
	t, err := template.New(path.Base(name)).Option("missingkey=error").ParseFS(templates, name)
	if err != nil {
		return file{}, err
	}
	var text bytes.Buffer
	err = t.Execute(&text, map[string]any{
		"Module": p.module, "Name": p.name, "App": p.app, "Local": p.source.folder != "",
		"GoImage": goImage, "SidecarImage": sidecarImage,
	})
	if err != nil {
		return file{}, err
	}
	target := strings.TrimSuffix(strings.TrimPrefix(name, "templates/"), ".tmpl")
	if dot, ok := dotted[target]; ok {
		target = dot
	}
	if path.Ext(target) != ".go" {
		return file{target, text.Bytes()}, nil
	}
	source, err := format.Source(text.Bytes())
	return file{target, source}, err
}

// gomod requires the library alone: go mod tidy adds what the sources import at the versions that the library has.
func (p plan) gomod() ([]byte, error) {
	f := &modfile.File{}
	version := p.source.version
	if p.source.folder != "" {
		version = unreleased
	}
	err := errors.Join(f.AddModuleStmt(p.module), f.AddGoStmt(goVersion), f.AddRequire(library, version))
	if p.source.folder != "" {
		err = errors.Join(err, f.AddReplace(library, "", p.source.folder, ""))
	}
	if err != nil {
		return nil, err
	}
	return f.Format()
}

func tidy(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "mod", "tidy")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off") // the folder may lie within a workspace
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		return fmt.Errorf("go mod tidy: %w\n%s", err, bytes.TrimSpace(out))
	}
	return nil
}
