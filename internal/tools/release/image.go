package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// source is the repository that the image's labels name.
const source = "https://github.com/doomshrine/gocosi"

// The paths in the image. A test compares them, and the configuration, with cosictl's Dockerfile.
const (
	rootsPath   = "/etc/ssl/certs/ca-certificates.crt"
	programPath = "/cosictl"
)

// configuration returns what the image says of itself.
func (r *release) configuration() v1.Config {
	return v1.Config{
		User:       "65532:65532",
		Entrypoint: []string{programPath},
		Labels: map[string]string{
			"org.opencontainers.image.title":    "cosictl",
			"org.opencontainers.image.version":  r.version,
			"org.opencontainers.image.source":   source,
			"org.opencontainers.image.revision": r.commit,
			"org.opencontainers.image.licenses": "Apache-2.0",
		},
	}
}

// image writes cosictl's image for Linux as an OCI layout. It holds the programs of the archives.
func (r *release) image(scratch, folder string) error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range platforms() {
		if p.system != linux {
			continue
		}
		program, err := os.ReadFile(p.file(scratch, "cosictl"))
		if err != nil {
			return err
		}
		image, err := r.imageFor(p, program)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: p.system, Architecture: p.arch}},
		})
	}
	_, err := layout.Write(folder, index)
	return err
}

// imageFor makes the image of a platform, with a layer for each file.
func (r *release) imageFor(p platform, program []byte) (v1.Image, error) {
	at := time.Unix(r.seconds, 0).UTC()
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.ConfigFile(image, &v1.ConfigFile{
		OS: p.system, Architecture: p.arch, Created: v1.Time{Time: at}, Config: r.configuration(), RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	for _, f := range []packed{{rootsPath, 0o644, roots()}, {programPath, 0o755, program}} {
		layer, err := layerOf(f, at)
		if err != nil {
			return nil, err
		}
		history := v1.History{Created: v1.Time{Time: at}, CreatedBy: "COPY " + f.name}
		if image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: history}); err != nil {
			return nil, err
		}
	}
	return image, nil
}

// layerOf returns a layer with a file, and the folders above it.
func layerOf(f packed, at time.Time) (v1.Layer, error) {
	var content bytes.Buffer
	archive := tar.NewWriter(&content)
	var err error
	name := strings.TrimPrefix(f.name, "/")
	for end, c := range name {
		if c == '/' {
			err = errors.Join(err, archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name[:end+1], Mode: 0o755, ModTime: at}))
		}
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: f.mode, Size: int64(len(f.content)), ModTime: at}
	err = errors.Join(err, archive.WriteHeader(header))
	_, wrote := archive.Write(f.content)
	if err := errors.Join(err, wrote, archive.Close()); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
}

// roots returns the certificates of public authorities, as Mozilla trusts them. It leaves out those that are trusted for some
// certificates only: a file of certificates cannot say so.
func roots() []byte {
	var file bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			file.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return file.Bytes()
}
