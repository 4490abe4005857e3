// Command plot draws the series that make bench, make bench-s3 and make soak write, as SVG files next to them: one for
// light and one for dark pages.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/doomshrine/gocosi/internal/tools/plotdata"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: plot FILE.json ...")
		os.Exit(2)
	}
	for _, path := range os.Args[1:] {
		if err := write(path); err != nil {
			fmt.Fprintln(os.Stderr, "plot:", err)
			os.Exit(1)
		}
	}
}

// write draws the series of a file next to it.
func write(path string) error {
	f, err := plotdata.Read(path)
	if err != nil {
		return err
	}
	files, err := render(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), data, 0o644); err != nil { //nolint:gosec // everybody may see the plots
			return err
		}
	}
	return nil
}

// drawing is a picture, its size, and how it is drawn.
type drawing struct {
	plotdata.Picture

	height vg.Length
	draw   func(theme, draw.Canvas) error
}

// width is that of all drawings: 520 pixels in a browser, which shrinks them where there is less room.
const width = 390 * vg.Length(1)

// drawings lists the drawings of a file.
func drawings(f plotdata.File) []drawing {
	switch {
	case f.Benchmarks != nil:
		return comparisons(f.Benchmarks)
	case f.Endurance != nil:
		return []drawing{endurance(f.Endurance)}
	default:
		return []drawing{rounds(f.Rounds)}
	}
}

// render draws a file's series, and returns the SVG files by name.
func render(f plotdata.File) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, d := range drawings(f) {
		for _, t := range themes() {
			canvas := vgsvg.New(width, d.height)
			if err := d.draw(t, draw.New(canvas)); err != nil {
				return nil, err
			}
			var text bytes.Buffer
			if _, err := canvas.WriteTo(&text); err != nil {
				return nil, err
			}
			files[d.File(t.name)] = []byte(withFonts(text.String()))
		}
	}
	return files, nil
}

// withFonts names fonts with the widths of Liberation Sans, which the layout is made with and few systems have.
func withFonts(svg string) string {
	return strings.ReplaceAll(svg, "font-family:Liberation Sans;", "font-family:'Liberation Sans',Arimo,Arial,Helvetica,sans-serif;")
}
