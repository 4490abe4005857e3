package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// platform names a system and an architecture that programs are built for.
type platform struct{ system, arch string }

// linux is the system of containers, windows that of zip archives and of programs with a suffix.
const (
	linux   = "linux"
	windows = "windows"
)

// platforms lists them all. The first one's programs are those that the SBOMs describe.
func platforms() (all []platform) {
	for _, system := range []string{linux, "darwin", windows} {
		all = append(all, platform{system, "amd64"}, platform{system, "arm64"})
	}
	return all
}

// programs lists the commands of a release, which are folders of cmd.
func programs() []string { return []string{"cosictl", "bootstrap"} }

// clone makes a checkout of the commit that has no other tag than the version: the go command writes that and the commit into the
// programs, whether or not the tag exists yet.
func (r *release) clone(ctx context.Context, folder string) error {
	if _, err := git(ctx, r.root, "clone", "-q", "--no-tags", "--no-checkout", ".", folder); err != nil {
		return err
	}
	if _, err := git(ctx, folder, "-c", "core.autocrlf=false", "checkout", "-q", "--detach", r.commit); err != nil {
		return err
	}
	_, err := git(ctx, folder, "-c", "tag.gpgSign=false", "tag", r.version)
	return err
}

// buildFlags returns the flags of cosictl's Dockerfile, and the one that records the commit.
func buildFlags(version string) []string {
	return []string{"-trimpath", "-ldflags=-s -w -X main.version=" + version, "-buildvcs=true"}
}

// build builds all programs for all platforms.
func (r *release) build(ctx context.Context, checkout, scratch string) error {
	for _, p := range platforms() {
		for _, program := range programs() {
			args := append([]string{"build"}, buildFlags(r.version)...)
			cmd := exec.CommandContext(ctx, "go", append(args, "-o", p.file(scratch, program), "./cmd/"+program)...)
			cmd.Dir = checkout
			// What a developer has set must not change the bytes.
			cmd.Env = append(os.Environ(), "GOOS="+p.system, "GOARCH="+p.arch, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off",
				"GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFIPS140=off")
			if text, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("building %s for %s/%s: %w\n%s", program, p.system, p.arch, err, text)
			}
		}
	}
	return nil
}

// file returns where a program is built.
func (p platform) file(scratch, program string) string {
	return filepath.Join(scratch, p.system+"_"+p.arch, program+p.suffix())
}

func (p platform) suffix() string {
	if p.system == windows {
		return ".exe"
	}
	return ""
}

// packed holds a file of an archive.
type packed struct {
	name    string
	mode    int64
	content []byte
}

// pack writes an archive of each program for each platform, with license and README.
func (r *release) pack(checkout, scratch, folder string) error {
	for _, p := range platforms() {
		for _, program := range programs() {
			files := []packed{{name: program + p.suffix(), mode: 0o755}, {name: "LICENSE", mode: 0o644}, {name: "README.md", mode: 0o644}}
			for i, path := range []string{p.file(scratch, program), filepath.Join(checkout, "LICENSE"), filepath.Join(checkout, "README.md")} {
				content, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				files[i].content = content
			}
			name, write := fmt.Sprintf("%s_%s_%s_%s", program, r.version, p.system, p.arch), writeTar
			if name += ".tar.gz"; p.system == windows {
				name, write = name[:len(name)-len(".tar.gz")]+".zip", writeZip
			}
			var archive bytes.Buffer
			if err := write(&archive, files, time.Unix(r.seconds, 0).UTC()); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(folder, name), archive.Bytes(), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeTar(w io.Writer, files []packed, at time.Time) error {
	compressed := gzip.NewWriter(w)
	archive := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: at}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(f.content); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), compressed.Close())
}

func writeZip(w io.Writer, files []packed, at time.Time) error {
	archive := zip.NewWriter(w)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: at}
		header.SetMode(os.FileMode(f.mode)) //nolint:gosec // a mode of this file
		entry, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(f.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// sum writes the checksums of all files in a folder, as sha256sum does.
func sum(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%x  %s\n", sha256.Sum256(content), entry.Name())
	}
	return os.WriteFile(filepath.Join(folder, sumsName), text.Bytes(), 0o600)
}
