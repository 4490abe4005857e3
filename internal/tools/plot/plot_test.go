package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/internal/tools/plotdata"
)

const top = "../../.."

// documents lists the documents with plots, and the names of their series.
var documents = map[string]string{
	"docs/benchmarks.md":       "benchmarks",
	"docs/endurance.md":        "endurance",
	"examples/s3/BENCHMARK.md": "benchmark",
}

func readDocument(t *testing.T, document string) (string, plotdata.File) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, document))
	if err != nil {
		t.Fatal(err)
	}
	f, err := plotdata.Read(plotdata.Path(filepath.Join(top, document), documents[document]))
	if err != nil {
		t.Fatal(err)
	}
	return string(text), f
}

// TestPlotsOfDocuments checks that the plots come from the series next to them, that the documents show all of them and
// describe them with figures of the series, and that no plot is left over.
func TestPlotsOfDocuments(t *testing.T) {
	t.Parallel()
	wanted := map[string]bool{}
	for document, name := range documents {
		text, f := readDocument(t, document)
		path := plotdata.Path(filepath.Join(top, document), name)
		wanted[path] = true
		files, err := render(f)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range files {
			plot := filepath.Join(filepath.Dir(path), name)
			wanted[plot] = true
			if got, err := os.ReadFile(plot); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is not what its series give (%v): draw it by go -C internal/tools/plot run . %s", plot, err, path)
			}
		}
		for _, d := range drawings(f) {
			if !strings.Contains(text, "\n"+d.HTML()+"\n") {
				t.Errorf("%s does not show its plot, want\n%s", document, d.HTML())
			}
		}
	}
	for document := range documents {
		found, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Join(top, document)), "plots", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if !wanted[path] {
				t.Errorf("%s belongs to no document, want it removed", path)
			}
		}
	}
}

// tableRows returns the cells of the table rows below a heading, until the next one. The heading "" has all rows.
func tableRows(text, heading string) [][]string {
	var all [][]string
	below := heading == ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") && heading != "" {
			below = strings.TrimSpace(line) == heading
		}
		if cells := strings.Split(strings.TrimSpace(line), " | "); below && len(cells) > 1 {
			cells[0] = strings.TrimPrefix(cells[0], "| ")
			all = append(all, cells)
		}
	}
	return all
}

// TestTableOfBenchmarks compares the series with the tables of the same document.
func TestTableOfBenchmarks(t *testing.T) {
	t.Parallel()
	text, f := readDocument(t, "docs/benchmarks.md")
	compared := 0
	for _, callers := range f.Benchmarks.Callers() {
		for _, row := range tableRows(text, fmt.Sprintf("### %d at once", callers)) {
			if row[1] != f.Benchmarks.Reference {
				continue
			}
			compared++
			if !slices.ContainsFunc(f.Benchmarks.Comparisons, func(c plotdata.Comparison) bool {
				return c.Callers == callers && c.Server == row[0] && c.Rate.String() == row[3] && c.ProcessorTime.String() == row[4]
			}) {
				t.Errorf("the series lack the row of %s under %d callers: %s and %s", row[0], callers, row[3], row[4])
			}
		}
	}
	if compared != len(f.Benchmarks.Comparisons) {
		t.Errorf("the tables have %d comparisons with %s, want %d as the series", compared, f.Benchmarks.Reference, len(f.Benchmarks.Comparisons))
	}
}

// TestTableOfEndurance compares the series with the table of the same document, which may have fewer moments.
func TestTableOfEndurance(t *testing.T) {
	t.Parallel()
	text, f := readDocument(t, "docs/endurance.md")
	if want := fmt.Sprintf("(%d and ", f.Endurance.BaseGoroutines); !strings.Contains(text, want) {
		t.Errorf("the document has other goroutines before the first call, want %q", want)
	}
	compared := 0
	for _, row := range tableRows(text, "") {
		if !regexp.MustCompile(`^(\d+m)?\d+s$`).MatchString(row[0]) {
			continue
		}
		compared++
		if !slices.ContainsFunc(f.Endurance.Moments, func(m plotdata.Moment) bool {
			at := time.Duration(m.Seconds * float64(time.Second)).Round(time.Second)
			mebibytes := func(value float64) string { return fmt.Sprintf("%.1f MiB", value) }
			return at.String() == row[0] && fmt.Sprint(m.Calls) == row[1] && fmt.Sprint(m.Goroutines) == row[4] && mebibytes(m.Heap) == row[8] &&
				mebibytes(m.Memory) == row[9] && mebibytes(m.LoadedMemory) == row[10] && fmt.Sprint(m.Restarts) == row[11]
		}) {
			t.Errorf("the series lack the moment of the row %q", row)
		}
	}
	if compared < 2 {
		t.Errorf("the table has %d moments, want some", compared)
	}
}

// TestTableOfRounds compares the series with the tables of the same document.
func TestTableOfRounds(t *testing.T) {
	t.Parallel()
	text, f := readDocument(t, "examples/s3/BENCHMARK.md")
	for i, side := range f.Rounds.Sides {
		if !slices.ContainsFunc(tableRows(text, "## Figures"), func(row []string) bool { return row[0] == side.Name && row[2] == side.Spread.String() }) {
			t.Errorf("the table has other figures of %s, want %s", side.Name, side.Spread)
		}
		compared := 0
		for _, row := range tableRows(text, "## Every round") {
			if n, err := strconv.Atoi(row[0]); err != nil {
				continue
			} else if compared++; n > len(side.Rounds) || fmt.Sprintf("%.2f", side.Rounds[n-1]) != row[4+i] {
				t.Errorf("round %d of %s: the series differ from the table's %s", n, side.Name, row[4+i])
			}
		}
		if compared != len(side.Rounds) {
			t.Errorf("the table has %d rounds, want %d as the series of %s", compared, len(side.Rounds), side.Name)
		}
	}
}

// longRun is a run of half an hour with every figure.
func longRun() plotdata.File {
	e := plotdata.Endurance{BaseGoroutines: 31}
	for i := range 120 {
		wave := math.Sin(float64(i) / 9)
		e.Moments = append(e.Moments, plotdata.Moment{
			Seconds: 15.2 * float64(i+1), Calls: int64(91_000*(i+1)) + int64(5000*wave), Restarts: 6 * i,
			Goroutines: 31, LoadedGoroutines: 80 + int(6*wave), Heap: 8.2 + wave/9, Memory: 36 + wave, LoadedMemory: 44 + wave,
		})
	}
	return plotdata.File{Endurance: &e}
}

// TestSameSeriesSamePlots draws everything twice.
func TestSameSeriesSamePlots(t *testing.T) {
	t.Parallel()
	all := []plotdata.File{longRun()}
	for document := range documents {
		_, f := readDocument(t, document)
		all = append(all, f)
	}
	for _, f := range all {
		first, err := render(f)
		if err != nil {
			t.Fatal(err)
		}
		again, err := render(f)
		if err != nil {
			t.Fatal(err)
		}
		for name := range first {
			if !bytes.Equal(first[name], again[name]) {
				t.Errorf("%s: two drawings of the same series differ", name)
			}
		}
	}
}

// TestLegibleOnAPhone checks that text has at least 10 pixels where a page of 375 pixels leaves 343 for the plot, that it
// falls back to the fonts of most systems, and that it begins inside of the drawing.
func TestLegibleOnAPhone(t *testing.T) {
	t.Parallel()
	texts := regexp.MustCompile(`<text x="([^"]+)" y="([^"]+)" [^>]*style="font-family:([^;]+);[^>]*font-size:([\d.]+)px`)
	all := []plotdata.File{longRun()}
	for document := range documents {
		_, f := readDocument(t, document)
		all = append(all, f)
	}
	for _, f := range all {
		files, err := render(f)
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range files {
			found := texts.FindAllSubmatch(data, -1)
			if len(found) == 0 || len(found) != bytes.Count(data, []byte("<text")) {
				t.Errorf("%s: recognised %d texts of %d, want all", name, len(found), bytes.Count(data, []byte("<text")))
			}
			for _, text := range found {
				x, size := number(t, text[1]), number(t, text[4])
				if size*343/float64(width) < 10 || x < 0 || x > float64(width) || !bytes.Contains(text[3], []byte("Arial,")) {
					t.Errorf("%s: a text is too small, out of sight, or in a font that few systems have: %s", name, text[0])
				}
			}
		}
	}
}

func number(t *testing.T, text []byte) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWrite draws a file's series next to it, and nothing for a broken one.
func TestWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "endurance.json")
	if err := longRun().Write(path); err != nil {
		t.Fatal(err)
	}
	if err := write(path); err != nil {
		t.Fatal(err)
	}
	want, err := render(longRun())
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if got, err := os.ReadFile(filepath.Join(filepath.Dir(path), name)); err != nil || !bytes.Equal(got, want[name]) {
			t.Errorf("%s: %d bytes and %v, want the drawing", name, len(got), err)
		}
	}
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(broken); err == nil || err.Error() != broken+": the file is empty, want series as JSON" {
		t.Errorf("got %v, want an error that names the file and what is wrong", err)
	}
	if found, _ := filepath.Glob(filepath.Join(filepath.Dir(broken), "*")); len(found) != 1 {
		t.Errorf("got %q, want no plots of a broken file", found)
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		low, high, limit float64
		want             string
	}{
		{0, 30, 8, "0 5 10 15 20 25 30"},
		{0, 51.2, 6, "0 20 40"},
		{0.3, 1.2, 8, "0.4 0.6 0.8 1.0 1.2"},
		{0.7, 1.3, 8, "0.7 0.8 0.9 1.0 1.1 1.2 1.3"},
		{0, 7100, 6, "0 2000 4000 6000"},
		{0, 0.07, 6, "0.00 0.02 0.04 0.06"},
		{0, 1, 8, "0.0 0.2 0.4 0.6 0.8 1.0"},
	} {
		var labels []string
		for _, tick := range ticks(tt.limit)(tt.low, tt.high) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != tt.want {
			t.Errorf("from %v to %v: got %s, want %s", tt.low, tt.high, got, tt.want)
		}
	}
}
