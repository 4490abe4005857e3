package plotdata

import (
	"fmt"
	"slices"
)

// Endurance holds the levels of a driver over time.
type Endurance struct {
	BaseGoroutines int      `json:"goroutines_before_the_first_call"`
	Moments        []Moment `json:"moments"`
}

// Moment holds the levels at one time, at rest and under load immediately before. Calls and restarts are those since
// the beginning.
type Moment struct {
	Seconds          float64 `json:"seconds"`
	Calls            int64   `json:"calls"`
	Restarts         int     `json:"restarts"`
	Goroutines       int     `json:"goroutines"`
	LoadedGoroutines int     `json:"goroutines_under_load,omitempty"` // 0: not recorded
	Heap             float64 `json:"heap_mib"`
	Memory           float64 `json:"memory_mib"`
	LoadedMemory     float64 `json:"memory_under_load_mib"`
}

func (e *Endurance) check() error {
	if e.BaseGoroutines < 1 || len(e.Moments) < 2 {
		return fmt.Errorf("got %d moments and %d goroutines before the first call, want at least 2 and 1", len(e.Moments), e.BaseGoroutines)
	}
	last := Moment{}
	for i, m := range e.Moments {
		if m.Seconds <= last.Seconds || m.Calls < last.Calls || m.Restarts < last.Restarts {
			return fmt.Errorf("moment %d: got %v seconds, %d calls and %d restarts after %v, %d and %d, want time to pass and nothing to fall",
				i+1, m.Seconds, m.Calls, m.Restarts, last.Seconds, last.Calls, last.Restarts)
		}
		if m.Goroutines < 1 || m.LoadedGoroutines < 0 || m.Heap <= 0 || m.Memory <= 0 || m.LoadedMemory <= 0 {
			return fmt.Errorf("moment %d: got %+v, want positive levels", i+1, m)
		}
		last = m
	}
	return nil
}

// Rates returns the mean calls per second since the moment before.
func (e *Endurance) Rates() []float64 {
	rates := make([]float64, len(e.Moments))
	last := Moment{}
	for i, m := range e.Moments {
		rates[i] = float64(m.Calls-last.Calls) / (m.Seconds - last.Seconds)
		last = m
	}
	return rates
}

// Each returns a figure of every moment.
func (e *Endurance) Each(figure func(Moment) float64) []float64 {
	values := make([]float64, len(e.Moments))
	for i, m := range e.Moments {
		values[i] = figure(m)
	}
	return values
}

// Loaded reports whether every moment has the goroutines under load.
func (e *Endurance) Loaded() bool {
	return !slices.ContainsFunc(e.Moments, func(m Moment) bool { return m.LoadedGoroutines == 0 })
}

// Picture describes the plots of the run.
func (e *Endurance) Picture() Picture {
	last := e.Moments[len(e.Moments)-1]
	levels := func(format string, figure func(Moment) float64) string { return between(format, e.Each(figure)) }
	goroutines := levels("%.0f", func(m Moment) float64 { return float64(m.Goroutines) })
	if e.Loaded() {
		goroutines += " at rest and " + levels("%.0f", func(m Moment) float64 { return float64(m.LoadedGoroutines) }) + " under load"
	} else {
		goroutines += " at rest"
	}
	return Picture{"endurance", fmt.Sprintf("Four plots over %.1f minutes. Memory: %s MiB under load, %s MiB at rest, %s MiB of heap. "+
		"Goroutines: %s, %d before the first call. Calls per second: %s. Restarts: %d in the end.",
		last.Seconds/60,
		levels("%.1f", func(m Moment) float64 { return m.LoadedMemory }),
		levels("%.1f", func(m Moment) float64 { return m.Memory }),
		levels("%.1f", func(m Moment) float64 { return m.Heap }),
		goroutines, e.BaseGoroutines, between("%.0f", e.Rates()), last.Restarts)}
}

// between tells the lowest and the highest value, or the only one.
func between(format string, values []float64) string {
	low, high := fmt.Sprintf(format, slices.Min(values)), fmt.Sprintf(format, slices.Max(values))
	if low == high {
		return low
	}
	return low + " to " + high
}
