// Command bench compares drivers with servers that use gRPC alone. From its measurements it writes docs/benchmarks.md, and
// the series that internal/tools/plot draws.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/doomshrine/gocosi/internal/sockdir"
	"github.com/doomshrine/gocosi/internal/tools/plotdata"
)

// effort sets how much to measure.
type effort struct {
	callers []int
	rounds  int           // number of windows for each server of a pair
	window  time.Duration // length of a window
	count   int           // calls in a window that counts allocations
	starts  int           // number of starts of each program
	load    int           // number of calls that each started program answers
	names   int           // number of names that a driver sees
}

func main() {
	e := effort{callers: []int{1, 16, 128}, count: 1500}
	flag.IntVar(&e.rounds, "rounds", 50, "windows of each server of a pair")
	flag.DurationVar(&e.window, "window", 100*time.Millisecond, "length of a window")
	flag.IntVar(&e.starts, "starts", 10, "starts of each program")
	flag.IntVar(&e.load, "load", 20_000, "calls that each started program answers")
	flag.IntVar(&e.names, "names", 1_000_000, "names that a driver sees")
	out := flag.String("o", "docs/benchmarks.md", "document to write; the series go to plots/benchmarks.json next to it")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := bench(ctx, e, *out, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench measures everything and writes the report to a file, and the series of its plots next to it.
func bench(ctx context.Context, e effort, out string, progress io.Writer) error {
	r, err := measure(ctx, e, progress)
	if err != nil {
		return err
	}
	text, err := r.render()
	if err != nil {
		return err
	}
	series := plotdata.Path(out, "benchmarks")
	fmt.Fprintln(progress, "writing", out, "and", series)
	if err := (plotdata.File{Benchmarks: r.series()}).Write(series); err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644) //nolint:gosec // everybody may read the document
}

// results holds all measurements.
type results struct {
	effort      effort
	machine     machine
	took        time.Duration
	comparisons []comparison
	arrived     float64 // share of calls to exporting servers whose spans arrived
	programs    []program
	lives       map[string][]life
	aging       aging
}

// measure runs all measurements in temporary folders.
func measure(ctx context.Context, e effort, progress io.Writer) (r results, err error) {
	r.effort, r.machine = e, readMachine()
	began := time.Now()
	dir, err := os.MkdirTemp("", "cosi")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	sockets, err := sockdir.Make()
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(sockets)
	fmt.Fprintln(progress, "building")
	b, err := build(ctx, dir)
	if err != nil {
		return r, err
	}
	r.programs = b.programs
	if err = r.compareFleet(ctx, sockets, b.collector, progress); err != nil {
		return r, err
	}
	fmt.Fprintf(progress, "showing %d names\n", e.names)
	if r.aging, err = age(ctx, sockets, e); err != nil {
		return r, err
	}
	fmt.Fprintf(progress, "starting each program %d times\n", e.starts)
	r.lives, err = live(ctx, sockets, b.programs, e)
	r.took = time.Since(began)
	return r, err
}

// compareFleet starts the servers, compares them and stops them.
func (r *results) compareFleet(ctx context.Context, dir, collector string, progress io.Writer) error {
	f, err := startFleet(ctx, dir, collector)
	if err != nil {
		return err
	}
	r.comparisons, err = compareAll(ctx, f, r.effort, progress)
	arrived, err2 := f.stop()
	r.arrived = arrived
	return errors.Join(err, err2)
}
