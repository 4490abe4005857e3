package soak_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

const (
	warmUp        = time.Minute // time in which memory may grow
	allowedGrowth = 0.05        // share by which memory may grow afterwards
)

// moment holds the levels of the driver at some time, under load and at rest immediately after, and all calls and
// restarts until then.
type moment struct {
	at         time.Duration
	load, rest levels
	sum        tally
	restarts   []restart
}

// trend compares the first moments of a figure after the warm-up with the last ones.
type trend struct {
	name        string
	first, last int64 // medians
}

// growth returns the difference as a share of the first median.
func (t trend) growth() float64 {
	return float64(t.last-t.first) / float64(max(t.first, 1))
}

func (t trend) String() string {
	return fmt.Sprintf("%s: %s in the first quarter after the warm-up, %s in the last (%+.1f %%)",
		t.name, mebibytes(t.first), mebibytes(t.last), 100*t.growth())
}

// err returns an error when the figure grows too much.
func (t trend) err() error {
	if t.growth() > allowedGrowth {
		return fmt.Errorf("%s; want at most %+.0f %%", t, 100*allowedGrowth)
	}
	return nil
}

// findTrends compares the first quarter of the moments after the warm-up with the last quarter. A run that is too short
// has no trends.
func findTrends(moments []moment) []trend {
	moments = slices.DeleteFunc(slices.Clone(moments), func(m moment) bool { return m.at < warmUp })
	quarter := len(moments) / 4
	if quarter == 0 {
		return nil
	}
	compare := func(name string, figure func(moment) int64) trend {
		first, last := figures(moments[:quarter], figure), figures(moments[len(moments)-quarter:], figure)
		return trend{name, median(first), median(last)}
	}
	return []trend{
		compare("heap at rest", func(m moment) int64 { return m.rest.Heap }),
		compare("memory at rest", func(m moment) int64 { return m.rest.Resident }),
		compare("memory under load", func(m moment) int64 { return m.load.Resident }),
	}
}

func figures(moments []moment, figure func(moment) int64) []int64 {
	var list []int64
	for _, m := range moments {
		list = append(list, figure(m))
	}
	return list
}

// median returns the middle value, or zero without values.
func median[T cmp.Ordered](values []T) (middle T) {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) > 0 {
		middle = sorted[len(sorted)/2]
	}
	return middle
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
