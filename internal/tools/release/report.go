package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// onlyPublished lists what the workflow does with the folder, and nothing here.
const onlyPublished = `only the workflow does this:
  runs all of CI at the tag
  runs a scaffold of the released bootstrap in a cluster
  pushes the image to the registry of the repository variable REGISTRY
  signs a provenance of every file and of the image
  makes the release on GitHub, with the files and the notes
`

// report prints what a release would publish, from what was written.
func (r *release) report(target string, out io.Writer) error {
	fmt.Fprintf(out, "\n%s of commit %s, built by %s, in %s\n", r.version, r.commit, runtime.Version(), target)
	if !r.notes.dated() {
		fmt.Fprintf(out, "CHANGELOG.md dates it %q: the workflow wants a day such as 2026-11-30\n", r.notes.date)
	}
	fmt.Fprintln(out, "\nfiles of the release:")
	err := reportFiles(filepath.Join(target, assets), out)
	fmt.Fprintln(out, "\nSBOMs:")
	err = errors.Join(err, r.reportSBOMs(target, out))
	fmt.Fprintln(out, "\nimage of cosictl:")
	err = errors.Join(err, reportImage(filepath.Join(target, layoutName), out))
	fmt.Fprintf(out, "\npublic API: %s\nnotes:\n\n%s\n%s", r.api, r.notes.text, onlyPublished)
	return err
}

func reportFiles(folder string, out io.Writer) error {
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		content, failed := os.ReadFile(filepath.Join(folder, entry.Name()))
		err = errors.Join(err, failed)
		fmt.Fprintf(out, "  %-42s %9d  %x\n", entry.Name(), len(content), sha256.Sum256(content))
	}
	return err
}

// reportSBOMs prints how many modules each SBOM lists.
func (r *release) reportSBOMs(target string, out io.Writer) error {
	for _, program := range programs() {
		name := fmt.Sprintf("%s_%s.cdx.json", program, r.version)
		text, err := os.ReadFile(filepath.Join(target, assets, name))
		if err != nil {
			return err
		}
		var bom struct {
			SpecVersion string `json:"specVersion"`
			Components  []struct {
				Name string `json:"name"`
			} `json:"components"`
		}
		if err := json.Unmarshal(text, &bom); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(out, "  %s: CycloneDX %s, %d modules\n", name, bom.SpecVersion, len(bom.Components))
	}
	return nil
}

func reportImage(folder string, out io.Writer) error {
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  index %s\n", digest)
	for _, d := range manifest.Manifests {
		image, err := index.Image(d.Digest)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %s %s\n", d.Platform, d.Digest)
		if err := reportLayers(image, out); err != nil {
			return err
		}
	}
	return nil
}

func reportLayers(image v1.Image, out io.Writer) error {
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		size, err := layer.Size()
		if err != nil {
			return err
		}
		names, err := namesIn(layer)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "    layer %9d  %s\n", size, strings.Join(names, " "))
	}
	file, err := image.ConfigFile()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "    user %s, entrypoint %q\n", file.Config.User, file.Config.Entrypoint)
	for _, name := range slices.Sorted(maps.Keys(file.Config.Labels)) {
		fmt.Fprintf(out, "    label %s=%s\n", name, file.Config.Labels[name])
	}
	return nil
}

// namesIn lists the files of a layer.
func namesIn(layer v1.Layer) (names []string, err error) {
	stream, err := layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	for r := tar.NewReader(stream); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag == tar.TypeReg {
			names = append(names, "/"+header.Name)
		}
	}
}
