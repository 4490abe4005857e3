package main

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/sockdir"
	"github.com/doomshrine/gocosi/internal/test/leaktest"
	"github.com/doomshrine/gocosi/internal/tools/plotdata"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// TestShortestForm runs everything once. The program itself checks that every server answered, logged and exported its
// calls.
func TestShortestForm(t *testing.T) {
	e := effort{callers: []int{1, 4}, rounds: 1, window: 5 * time.Millisecond, count: 20, starts: 1, load: 32, names: 50}
	out := filepath.Join(t.TempDir(), "benchmarks.md")
	if err := bench(t.Context(), e, out, io.Discard); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, p := range pairs() {
		row := "\n| " + title(p.candidate) + " | " + title(p.reference) + " | "
		if n := strings.Count(text, row); n != len(e.callers) {
			t.Errorf("got %d tables with the row %q, want %d", n, row, len(e.callers))
		}
	}
	for _, name := range []string{"bare gRPC", "gocosi", "scaffolded driver"} {
		if strings.Count(text, "\n| "+name+" | ") == 0 {
			t.Errorf("the program %s is missing", name)
		}
	}
	if !regexp.MustCompile(`(?m)^- Machine: .* cores, \w+( \d+\.\d+)?, go`).MatchString(text) {
		t.Errorf("the line of the machine does not end the kernel's release after the minor:\n%s", text)
	}
	series, err := plotdata.Read(plotdata.Path(out, "benchmarks"))
	if err != nil {
		t.Fatal(err)
	}
	if callers := series.Benchmarks.Callers(); !slices.Equal(callers, e.callers) {
		t.Errorf("the series have the callers %d, want %d", callers, e.callers)
	}
	for _, picture := range []plotdata.Picture{series.Benchmarks.Rates(), series.Benchmarks.ProcessorTimes()} {
		if !strings.Contains(text, picture.HTML()) {
			t.Errorf("the document lacks a plot, want\n%s", picture.HTML())
		}
	}
	if strings.Contains(text, "%!") {
		t.Errorf("badly formatted:\n%s", text)
	}
}

// wrong imitates the client of a server that confuses buckets, or fails.
type wrong struct {
	cosi.ProvisionerClient
	err error
}

func (w wrong) DriverCreateBucket(context.Context, *cosi.DriverCreateBucketRequest, ...grpc.CallOption) (*cosi.DriverCreateBucketResponse, error) {
	return &cosi.DriverCreateBucketResponse{BucketId: "another"}, w.err
}

// right imitates the client of a server that returns every bucket's name as its ID.
type right struct{ cosi.ProvisionerClient }

func (right) DriverCreateBucket(_ context.Context, r *cosi.DriverCreateBucketRequest, _ ...grpc.CallOption) (*cosi.DriverCreateBucketResponse, error) {
	return &cosi.DriverCreateBucketResponse{BucketId: r.GetName()}, nil
}

func TestWindowFailsOnAWrongAnswer(t *testing.T) {
	errOwn := errors.New("own failure")
	for _, err := range []error{nil, errOwn} {
		s := &server{name: "wrong", client: wrong{err: err}}
		_, got := window(t.Context(), s, 2, counted(10))
		if got == nil || !errors.Is(got, err) && err != nil || !strings.Contains(got.Error(), "wrong: bucket-") {
			t.Errorf("got %v, want an error that names the bucket and wraps the failure", got)
		}
	}
}

func TestWindowThatIsOverHasACallOfEachCaller(t *testing.T) {
	s := &server{name: "right", client: right{}}
	if _, err := window(t.Context(), s, 2, bounds{-1, 10}); err != nil || s.calls != 2 {
		t.Errorf("got %d calls and %v, want 2", s.calls, err)
	}
}

func TestFleetFailsWhenAServerDidNotDoItsPart(t *testing.T) {
	dir, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	binary := filepath.Join(t.TempDir(), "receiver")
	if _, err := run(t.Context(), "../../..", "go", "build", "-o", binary, "./internal/tools/bench/receiver"); err != nil {
		t.Fatal(err)
	}
	f, err := startFleet(t.Context(), dir, binary)
	if err != nil {
		t.Fatal(err)
	}
	f.servers[logging].calls += 100 // pretends that the server answered calls without logging them
	_, err = f.stop()
	for _, want := range []string{bareTraced + " delivered 0 spans", traced + " delivered 0", everything + " delivered 0", logging + " logged"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	for release, want := range map[string]string{
		"6.18.44-fc-v445":   "6.18",
		"6.8.0-45-generic":  "6.8",
		"7.0-rc1":           "7.0",
		"5.15.153.1-vendor": "5.15",
		"":                  "unknown",
		"strange":           "unknown",
	} {
		if got := majorMinor(release); got != want {
			t.Errorf("of %q: got %q, want %q", release, got, want)
		}
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values []float64
		want   spread
	}{
		"one":   {[]float64{3}, spread{3, 3, 3}},
		"even":  {[]float64{4, 1, 3, 2}, spread{1.75, 2.5, 3.25}},
		"odd":   {[]float64{5, 1, 2, 4, 3}, spread{2, 3, 4}},
		"equal": {[]float64{2, 2, 2}, spread{2, 2, 2}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := spreadOf(tt.values); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	if got := spreadOf(nil); !math.IsNaN(got.Median) {
		t.Errorf("got %v of nothing", got)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		target target
		met    bool
	}{
		"above a floor":   {target{Limit: 0.95, Floor: true, Got: single(0.96)}, true},
		"below a floor":   {target{Limit: 0.95, Floor: true, Got: single(0.949)}, false},
		"below a ceiling": {target{Limit: 8, Got: single(7)}, true},
		"above a ceiling": {target{Limit: 8, Got: single(8.1)}, false},
		"not measured":    {target{Limit: 8, Got: single(math.NaN())}, false},
		"nor this":        {target{Limit: 8, Floor: true, Got: single(math.NaN())}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.target.Met(); got != tt.met {
				t.Errorf("%+v: met %t, want %t", tt.target, got, tt.met)
			}
		})
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	missed := target{Limit: 0.95, Floor: true, Got: spread{0.9, 0.94, 0.99}}
	clearly, known := missed, missed
	clearly.Got.High, known.Note = 0.945, "the moon"
	for want, got := range map[string]target{
		"met": {Limit: 1, Got: single(1)},
		"**missed**; half of the rounds lie between 0.900 and 0.990": missed,
		"**missed**": clearly,
		"**missed**; half of the rounds lie between 0.900 and 0.990; the moon": known,
	} {
		if got.Verdict() != want {
			t.Errorf("%+v: %s, want %s", got, got.Verdict(), want)
		}
	}
}

// TestLeast checks that least quotes the bare server that a goal names, under the same number of callers.
func TestLeast(t *testing.T) {
	t.Parallel()
	r := results{comparisons: []comparison{
		{pair: pair{bare, bareLogged}, callers: 1, timed: []round{{{Rate: 10}, {Rate: 9}}}},
		{pair: pair{bare, bareLogged}, callers: 16, timed: []round{{{Rate: 10}, {Rate: 8}}}},
		{pair: pair{bare, logging}, callers: 16, timed: []round{{{Rate: 10}, {Rate: 7}}}},
	}}
	goal := goal{pair: pair{bare, logging}, least: bareLogged}
	if got := r.least(goal, 16); got != "bare with a log reaches 0.800 ×" {
		t.Errorf("got %q", got)
	}
	goal.least = ""
	if got := r.least(goal, 16); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

// TestFiguresComeFromTheirRound checks the arithmetic of a comparison with simple numbers.
func TestFiguresComeFromTheirRound(t *testing.T) {
	t.Parallel()
	c := comparison{
		timed:   []round{{{Rate: 10, P99: 1}, {Rate: 5, P99: 3}}, {{Rate: 100, P99: 2}, {Rate: 80, P99: 8}}, {{Rate: 1, P99: 1}, {Rate: 2, P99: 5}}},
		counted: []round{{{Allocs: 100}, {Allocs: 107}}},
	}
	if got := c.ratio(rate()); got != (spread{0.65, 0.8, 1.4}) {
		t.Errorf("ratio of rates: %v", got)
	}
	if got := c.own(p99()); got != 5 {
		t.Errorf("own p99: %v", got)
	}
	if got := c.extra(allocs()).Median; got != 7 {
		t.Errorf("extra allocations: %v", got)
	}
}
