package plotdata_test

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/tools/plotdata"
)

const (
	spread = `{"low": 0.8, "median": 0.9, "high": 1}`
	one    = `{"server": "a", "callers": 1, "calls_per_second": ` + spread + `, "processor_time": ` + spread + `}`
	moment = `{"seconds": 1, "calls": 5, "restarts": 1, "goroutines": 3, "heap_mib": 1, "memory_mib": 2, "memory_under_load_mib": 3}`
)

func benchmarks(comparisons string) string {
	return `{"benchmarks": {"reference": "bare", "comparisons": [` + comparisons + `]}}`
}

func endurance(moments string) string {
	return `{"endurance": {"goroutines_before_the_first_call": 3, "moments": [` + moments + `]}}`
}

func rounds(sides string) string {
	return `{"rounds": {"reference": "bare", "target": 0.9, "sides": [` + sides + `]}}`
}

// TestRead checks that what cannot be drawn is refused, by an error that names the file and what is wanted.
func TestRead(t *testing.T) {
	t.Parallel()
	later := strings.Replace(moment, `"seconds": 1`, `"seconds": 2`, 1)
	for name, tt := range map[string]struct{ text, want string }{
		"benchmarks":          {benchmarks(one), ""},
		"endurance":           {endurance(moment + "," + later), ""},
		"rounds":              {rounds(`{"name": "a", "spread": ` + spread + `, "calls_per_second": [1, 2]}`), ""},
		"nothing":             {"", "the file is empty, want series as JSON"},
		"space":               {" \n", "the file is empty"},
		"half":                {benchmarks(one)[:40], "unexpected EOF, want series as JSON"},
		"text":                {"# Title", "invalid character '#'"},
		"more":                {benchmarks(one) + "{}", "something follows the JSON object"},
		"an empty object":     {"{}", `0 of "benchmarks", "endurance" and "rounds", want one`},
		"two":                 {strings.TrimSuffix(benchmarks(one), "}") + "," + strings.TrimPrefix(endurance(moment+","+later), "{"), "2 of"},
		"unknown field":       {`{"benchmark": {}}`, `unknown field "benchmark"`},
		"no comparison":       {benchmarks(""), "0 comparisons"},
		"one twice":           {benchmarks(one + "," + one), `"a" under 1 callers`},
		"no name":             {benchmarks(strings.Replace(one, `"a"`, `""`, 1)), "want a name"},
		"a missing one":       {benchmarks(one + "," + strings.NewReplacer(`"a"`, `"b"`, `: 1,`, `: 2,`).Replace(one)), "got 2 comparisons, want 4"},
		"descending":          {benchmarks(strings.Replace(one, "0.9", "0.7", 1)), "calls_per_second: got low 0.8, median 0.7"},
		"no spread":           {benchmarks(`{"server": "a", "callers": 1, "calls_per_second": ` + spread + `}`), "processor_time: got low 0"},
		"one moment":          {endurance(moment), "1 moments"},
		"the same time":       {endurance(moment + "," + moment), "want time to pass"},
		"fewer calls":         {endurance(moment + "," + strings.Replace(later, `"calls": 5`, `"calls": 4`, 1)), "want time to pass and nothing to fall"},
		"no memory":           {endurance(moment + "," + strings.Replace(later, `"memory_mib": 2`, `"memory_mib": 0`, 1)), "moment 2: got"},
		"no side":             {rounds(""), "0 sides"},
		"a side that is less": {rounds(`{"name": "a", "spread": ` + spread + `, "calls_per_second": [1, 2]}, {"name": "b", "spread": ` + spread + `, "calls_per_second": [1]}`), `"b" has 1 rounds`},
		"a round of nothing":  {rounds(`{"name": "a", "spread": ` + spread + `, "calls_per_second": [0]}`), "a: got low 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "series.json")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := plotdata.Read(path)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				again := filepath.Join(t.TempDir(), "plots", "series.json")
				if err := f.Write(again); err != nil {
					t.Fatal(err)
				}
				if got, err := plotdata.Read(again); err != nil || !reflect.DeepEqual(got, f) {
					t.Errorf("got %+v and %v after writing, want %+v", got, err, f)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with the path and %q", err, tt.want)
			}
		})
	}
	if _, err := plotdata.Read(filepath.Join(t.TempDir(), "none.json")); err == nil || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

// TestWriteRefuses checks that figures that were not measured are not written.
func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plots", "series.json")
	s := plotdata.Spread{Low: 1, Median: 1, High: 1}
	f := plotdata.File{Benchmarks: &plotdata.Benchmarks{
		Reference:   "bare",
		Comparisons: []plotdata.Comparison{{Server: "a", Callers: 1, Rate: plotdata.Spread{Low: math.NaN(), Median: math.NaN(), High: math.NaN()}, ProcessorTime: s}},
	}}
	if err := f.Write(path); err == nil || !strings.Contains(err.Error(), "got low NaN") {
		t.Errorf("got %v, want the value that was not measured", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is there, want none")
	}
}

func TestHTML(t *testing.T) {
	t.Parallel()
	want := `<picture>
  <source media="(prefers-color-scheme: dark)" srcset="plots/a-dark.svg">
  <img src="plots/a-light.svg" alt="&lt;1 &amp; &#34;more&#34;">
</picture>`
	if got := (plotdata.Picture{Name: "a", Alt: `<1 & "more"`}).HTML(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestAlt checks that descriptions are of the figures, and leave out what is not there.
func TestAlt(t *testing.T) {
	t.Parallel()
	e := plotdata.Endurance{BaseGoroutines: 3, Moments: []plotdata.Moment{
		{Seconds: 30, Calls: 300, Restarts: 1, Goroutines: 3, Heap: 1, Memory: 2, LoadedMemory: 4},
		{Seconds: 60, Calls: 900, Restarts: 2, Goroutines: 3, Heap: 1, Memory: 3, LoadedMemory: 5},
	}}
	want := "Four plots over 1.0 minutes. Memory: 4.0 to 5.0 MiB under load, 2.0 to 3.0 MiB at rest, 1.0 MiB of heap. " +
		"Goroutines: 3 at rest, 3 before the first call. Calls per second: 10 to 20. Restarts: 2 in the end."
	if got := e.Picture().Alt; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	e.Moments[0].LoadedGoroutines = 7
	if got := e.Picture().Alt; got != want {
		t.Errorf("got %s, want the goroutines under load of every moment or none", got)
	}
	e.Moments[1].LoadedGoroutines = 9
	if got, want := e.Picture().Alt, "Goroutines: 3 at rest and 7 to 9 under load, 3 before"; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}
