package main

import "fmt"

// target is a figure that the library is held to.
type target struct {
	What  string
	Limit float64
	Floor bool // the limit is the least that is accepted, not the most
	Got   float64
	Unit  string
}

// Met says whether the figure is within its limit.
func (t target) Met() bool {
	if t.Floor {
		return t.Got >= t.Limit
	}
	return t.Got <= t.Limit
}

// Verdict is Met in words.
func (t target) Verdict() string {
	if t.Met() {
		return "met"
	}
	return "**missed**"
}

// Wanted is the limit in words.
func (t target) Wanted() string {
	sign := "≤"
	if t.Floor {
		sign = "≥"
	}
	return fmt.Sprintf("%s %g%s", sign, t.Limit, t.Unit)
}

// Measured is the figure in words.
func (t target) Measured() string { return fmt.Sprintf("%.2f%s", t.Got, t.Unit) }

// goal is what is asked of a pair, under every number of callers.
type goal struct {
	pair

	what              string
	rate, allocs, p99 float64
}

func goals() []goal {
	return []goal{
		{pair{bare, plain}, plain, 0.95, 8, 1.15},
		{pair{bare, logging}, "gocosi with a log", 0.88, 20, 1.25},
		{pair{bareTraced, traced}, "gocosi with OTLP, against bare with OTLP", 0.95, 8, 1.15},
	}
}

// targets holds everything that was measured against what is asked.
func (r results) targets() []target {
	var all []target
	for _, g := range goals() {
		for _, c := range r.comparisons {
			if c.pair != g.pair {
				continue
			}
			of := fmt.Sprintf("%s, %d at once: ", g.what, c.callers)
			all = append(all,
				target{of + "calls per second", g.rate, true, c.ratio(rate()).Median, " ×"},
				target{of + "additional allocations per call", g.allocs, false, c.extra(allocs()).Median, ""},
				target{of + "p99", g.p99, false, c.ratio(p99()).Median, " ×"})
		}
	}
	all = append(all, r.agingTargets()...)
	return append(all, r.processTargets()...)
}

// agingTargets asks for the same figures after many names: no less than the lower quartile from before.
func (r results) agingTargets() []target {
	of := fmt.Sprintf("after %d names: ", r.aging.Names)
	before, after := r.aging.before, r.aging.after
	return []target{
		{of + "calls per second, against the lower quartile before", 1, true, after.ratio(rate()).Median / before.ratio(rate()).Low, " ×"},
		{of + "allocations per call, against before", 0.5, false, after.extra(allocs()).Median - before.extra(allocs()).Median, " more"},
	}
}

func (r results) processTargets() []target {
	const megabyte = 1e6
	all := []target{
		{"start to first answer, driver", 1.25, false, r.lifeRatio(programDriver, lifeStart).Median, " ×"},
		{"idle memory, driver", 1.35, false, r.lifeRatio(programDriver, lifeMemory).Median, " ×"},
	}
	for _, p := range r.programs {
		if p.name == programScaffold {
			all = append(all, target{"scaffolded driver, stripped", 17, false, p.size / megabyte, " MB"})
		}
	}
	return all
}

func lifeStart(l life) float64   { return l.start }
func lifeMemory(l life) float64  { return l.memory.resident }
func lifePrivate(l life) float64 { return l.memory.private }
func lifeCPU(l life) float64     { return l.cpu }

// lifeRatio is a program's figure as a share of the bare server's in the same round.
func (r results) lifeRatio(name string, f func(life) float64) spread {
	values := make([]float64, len(r.lives[name]))
	for i, l := range r.lives[name] {
		values[i] = f(l) / f(r.lives[programBare][i])
	}
	return spreadOf(values)
}

// lifeFigure is a program's figure.
func (r results) lifeFigure(name string, f func(life) float64) spread {
	values := make([]float64, len(r.lives[name]))
	for i, l := range r.lives[name] {
		values[i] = f(l)
	}
	return spreadOf(values)
}
