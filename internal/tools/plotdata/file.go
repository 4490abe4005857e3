// Package plotdata describes the series that measuring commands write next to their documents, and that
// internal/tools/plot draws.
package plotdata

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// File holds the series of one document. One field is set.
type File struct {
	Benchmarks *Benchmarks `json:"benchmarks,omitempty"`
	Endurance  *Endurance  `json:"endurance,omitempty"`
	Rounds     *Rounds     `json:"rounds,omitempty"`
}

// Path returns the path of a document's series: the file NAME.json in the folder plots next to the document.
func Path(document, name string) string {
	return filepath.Join(filepath.Dir(document), "plots", name+".json")
}

// Read reads and checks a file.
func Read(path string) (File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return File{}, err
	}
	f, err := parse(data)
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func parse(data []byte) (f File, err error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return f, errors.New("the file is empty, want series as JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return f, fmt.Errorf("%w, want series as JSON", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return f, errors.New("something follows the JSON object, want nothing")
	}
	return f, f.check()
}

// Write checks the series and writes them to a file, whose folder it makes.
func (f File) Write(path string) error {
	data, err := f.marshal()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644) //nolint:gosec // everybody may read the series
}

func (f File) marshal() ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(f, "", "  ")
	return append(data, '\n'), err
}

// check returns an error for series that cannot be drawn.
func (f File) check() error {
	var checks []func() error
	if f.Benchmarks != nil {
		checks = append(checks, f.Benchmarks.check)
	}
	if f.Endurance != nil {
		checks = append(checks, f.Endurance.check)
	}
	if f.Rounds != nil {
		checks = append(checks, f.Rounds.check)
	}
	if len(checks) != 1 {
		return fmt.Errorf(`the file has %d of "benchmarks", "endurance" and "rounds", want one`, len(checks))
	}
	return checks[0]()
}
