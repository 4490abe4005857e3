//go:build unix

package driver_test

import (
	"cmp"
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/internal/tools/plotdata"
)

// A real run is that of "make bench-s3". Without -floor, TestFloor only shows that the benchmark works.
var (
	floorFile   = flag.String("floor", "", "compare the driver with its bare requests, and write what TestFloor measures to this `file`, and the series of its plot next to it")
	floorRounds = flag.Int("floor-rounds", 25, "rounds of TestFloor")
	floorLives  = flag.Int("floor-lives", 160, "lives of buckets on each side in a round of TestFloor")
)

// floorCallers is how many calls the sidecar makes at once.
const floorCallers = 80

// TestFloor compares the driver with the SDK alone that asks for the same, on a store of two processes.
func TestFloor(t *testing.T) { //nolint:paralleltest // it measures
	f := floor{life: recordBoth(t), callers: 2, lives: 4}
	rounds := 1
	if *floorFile != "" {
		f.callers, f.lives, rounds = floorCallers, *floorLives, *floorRounds
	}
	f.machine = describeMachine()
	began := time.Now()
	f.measure(t, rounds)
	f.took = time.Since(began).Round(time.Second)
	text, err := f.report()
	if err != nil {
		t.Fatal(err)
	}
	file := cmp.Or(*floorFile, filepath.Join(t.TempDir(), "BENCHMARK.md"))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (plotdata.File{Rounds: f.series()}).Write(plotdata.Path(file, "benchmark")); err != nil {
		t.Fatal(err)
	}
}

// recordBoth records a life by the driver, and by the SDK alone that repeats it: both must ask the store for the same.
func recordBoth(t *testing.T) recording {
	t.Helper()
	w := newWorld(t, gatewaySite(embedded), 0, 0)
	life := w.record(t, w.caller.live)
	store := embedded
	store.Endpoint, store.IAMEndpoint = w.gate.s3.URL, w.gate.iam.URL
	again := w.record(t, newBareClient(store, life).live)
	for _, call := range callsOfLife {
		if want, got := life.texts(call), again.texts(call); len(want) == 0 || !slices.Equal(want, got) {
			t.Fatalf("%s: the driver asks for\n%q\nand the SDK alone for\n%q", call, want, got)
		}
	}
	return life
}

// floor is a comparison of the driver with its bare requests.
type floor struct {
	life    recording
	callers int
	lives   int // in a window
	rounds  []floorRound
	machine string
	took    time.Duration
}

// The sides. The second bare one shows how much two equal sides differ.
const (
	bareSide = iota
	againSide
	driverSide
	sides
)

// floorRound holds a window of each side.
type floorRound [sides]window

// measure alternates windows of the sides, which begin each round in another order.
func (f *floor) measure(t *testing.T, rounds int) {
	t.Helper()
	store := processes(t)
	p := newProcess(t, gatewaySite(store.Store))
	p.start(t)
	pids := usagePIDs{store: store.PIDs(), driver: []int{p.running.Process.Pid}, callers: []int{os.Getpid()}}
	live := [sides]func(context.Context, string, *subject) error{
		newBareClient(store.Store, f.life).live, newBareClient(store.Store, f.life).live, callerOn(p.dial(t)).live,
	}
	for _, each := range live { // connections, and what the driver learns of its store once
		if _, err := run(t.Context(), each, f.callers, f.callers, pids); err != nil {
			t.Fatal(err)
		}
	}
	for n := range rounds {
		var r floorRound
		for turn := range live {
			side := (n + turn) % len(live)
			got, err := run(t.Context(), live[side], f.callers, f.lives, pids)
			if err != nil {
				t.Fatalf("%s: %v", sideNames[side], err)
			}
			r[side] = got
		}
		f.rounds = append(f.rounds, r)
		t.Logf("round %d: %s", n+1, r.row(n))
	}
	if buckets, users, err := administer(store.Store).everything(t.Context(), ""); err != nil || len(buckets)+len(users) > 0 {
		t.Fatalf("left over are the buckets %v and the users %v (%v)", buckets, users, err)
	}
}
