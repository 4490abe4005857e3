package gocosi_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

const (
	soakWarm = time.Minute // how long memory may grow until it is flat
	soakFlat = 0.05        // how much it may grow afterwards
)

// soakMoment is what the driver held at some time, under load and at rest just after it.
type soakMoment struct {
	at         time.Duration
	load, rest soakLevels
}

// soakTrend is how a figure moved from the first moments after the warm-up to the last ones.
type soakTrend struct {
	name        string
	first, last int64 // medians
}

// growth is what was added, as a share of the first.
func (t soakTrend) growth() float64 {
	return float64(t.last-t.first) / float64(max(t.first, 1))
}

func (t soakTrend) String() string {
	return fmt.Sprintf("%s: %s in the first quarter after the warm-up, %s in the last (%+.1f %%)",
		t.name, mebibytes(t.first), mebibytes(t.last), 100*t.growth())
}

// err says that the figure grows.
func (t soakTrend) err() error {
	if t.growth() > soakFlat {
		return fmt.Errorf("%s, %+.0f %% are allowed", t, 100*soakFlat)
	}
	return nil
}

// soakTrends compares the first quarter of the moments after the warm-up with the last quarter. A run that ends too soon
// has none.
func soakTrends(moments []soakMoment) []soakTrend {
	moments = slices.DeleteFunc(slices.Clone(moments), func(m soakMoment) bool { return m.at < soakWarm })
	quarter := len(moments) / 4
	if quarter == 0 {
		return nil
	}
	trend := func(name string, figure func(soakMoment) int64) soakTrend {
		first, last := figures(moments[:quarter], figure), figures(moments[len(moments)-quarter:], figure)
		return soakTrend{name, median(first), median(last)}
	}
	return []soakTrend{
		trend("heap at rest", func(m soakMoment) int64 { return m.rest.Heap }),
		trend("memory at rest", func(m soakMoment) int64 { return m.rest.Resident }),
		trend("memory under load", func(m soakMoment) int64 { return m.load.Resident }),
	}
}

func figures(moments []soakMoment, figure func(soakMoment) int64) []int64 {
	var list []int64
	for _, m := range moments {
		list = append(list, figure(m))
	}
	return list
}

// median of no values is zero.
func median[T cmp.Ordered](values []T) (middle T) {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) > 0 {
		middle = sorted[len(sorted)/2]
	}
	return middle
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
