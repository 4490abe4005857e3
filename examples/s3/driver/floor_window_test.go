//go:build unix

package driver_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// window is what some lives took on one side.
type window struct {
	elapsed time.Duration
	calls   map[string][]time.Duration // how long each took
	spent   usage
}

// run has callers live one life after another, each as fast as it is answered, until so many have been lived. A number of lives
// is measured and not a length of time, as callers who began together make costly calls at one time and cheap ones at another.
func run(ctx context.Context, live func(context.Context, string, *subject) error, callers, lives int, pids usagePIDs) (window, error) {
	w := window{calls: map[string][]time.Duration{}}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	word := unique()
	var mu sync.Mutex
	var next atomic.Int64
	var working sync.WaitGroup
	runtime.GC()
	before, began := pids.read(), time.Now()
	for range callers {
		working.Go(func() {
			for n := int(next.Add(1)); n <= lives && ctx.Err() == nil; n = int(next.Add(1)) {
				s := &subject{bucket: fmt.Sprintf("bc-%s-%06d", word, n), account: fmt.Sprintf("ba-%s-%06d", word, n)}
				for _, call := range callsOfLife {
					asked := time.Now()
					if err := live(ctx, call, s); err != nil {
						stop(err)
						return
					}
					took := time.Since(asked)
					mu.Lock()
					w.calls[call] = append(w.calls[call], took)
					mu.Unlock()
				}
			}
		})
	}
	working.Wait()
	w.elapsed, w.spent = time.Since(began), pids.read().since(before)
	return w, context.Cause(ctx)
}

// of returns how long the calls of a kind took, in order; "": of every kind.
func (w window) of(kind string) []time.Duration {
	var all []time.Duration
	for call, took := range w.calls {
		if kind == "" || kind == call {
			all = append(all, took...)
		}
	}
	slices.Sort(all)
	return all
}

// rate returns the calls per second.
func (w window) rate() float64 { return float64(len(w.of(""))) / w.elapsed.Seconds() }

func (w window) quantile(q float64) float64 { return quantile(w.of(""), q) }

// quantile returns how many milliseconds the share q of the calls take at most.
func quantile(sorted []time.Duration, q float64) float64 {
	return float64(sorted[int(q*float64(len(sorted)-1))]) / float64(time.Millisecond)
}

// usage is the processor time of the processes; 0: unknown.
type usage struct{ store, driver, callers time.Duration }

type usagePIDs struct{ store, driver, callers []int }

func (p usagePIDs) read() usage {
	return usage{store: cpuOf(p.store), driver: cpuOf(p.driver), callers: cpuOf(p.callers)}
}

func (u usage) since(before usage) usage {
	return usage{u.store - before.store, u.driver - before.driver, u.callers - before.callers}
}

// cpuOf returns the processor time that processes have used; 0 where the system does not tell it in /proc.
func cpuOf(pids []int) (sum time.Duration) {
	const tick = 10 * time.Millisecond // on every machine that Go's Linux runs on
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, after, _ := strings.Cut(string(text), ") ") // the name may have spaces
		fields := strings.Fields(after)
		if err != nil || len(fields) < 13 {
			return 0
		}
		for _, field := range fields[11:13] { // of the user, and of the system
			ticks, _ := strconv.Atoi(field)
			sum += time.Duration(ticks) * tick
		}
	}
	return sum
}

// describeMachine tells what the figures depend on.
func describeMachine() string {
	model, load := runtime.GOARCH, "unknown"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(text), "model name\t: "); ok {
			model, _, _ = strings.Cut(after, "\n")
		}
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(text), " ")
	}
	return fmt.Sprintf("%s, %d cores, %s, %s; load average before the run %s", model, runtime.NumCPU(), runtime.GOOS, runtime.Version(), load)
}
