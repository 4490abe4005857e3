package main

import "fmt"

// target compares a figure with the limit that the library has to keep.
type target struct {
	What  string
	Limit float64
	Floor bool // the limit is a minimum, not a maximum
	Got   spread
	Unit  string
	Note  string // explains why the figure misses the limit
}

// single returns the spread of a figure that was measured once.
func single(f float64) spread { return spread{f, f, f} }

// Met reports whether the figure keeps its limit.
func (t target) Met() bool {
	if t.Floor {
		return t.Got.Median >= t.Limit
	}
	return t.Got.Median <= t.Limit
}

// Verdict describes the result of Met in words.
func (t target) Verdict() string {
	if t.Met() {
		return "met"
	}
	verdict := "**missed**"
	if t.Got.Low <= t.Limit && t.Limit <= t.Got.High {
		verdict += fmt.Sprintf("; half of the rounds lie between %.3f and %.3f", t.Got.Low, t.Got.High)
	}
	if t.Note != "" {
		verdict += "; " + t.Note
	}
	return verdict
}

// Wanted describes the limit in words.
func (t target) Wanted() string {
	sign := "≤"
	if t.Floor {
		sign = "≥"
	}
	return fmt.Sprintf("%s %.4g%s", sign, t.Limit, t.Unit)
}

// Measured formats the figure with enough digits to show on which side of the limit it lies.
func (t target) Measured() string { return fmt.Sprintf("%.3f%s", t.Got.Median, t.Unit) }

// times is the unit of a ratio.
const times = " ×"

// goal sets the limits for a pair under every number of callers.
type goal struct {
	pair

	what              string
	rate, allocs, p99 float64
	least             string // bare server that does the candidate's additional work; "" when the reference does it
}

func goals() []goal {
	return []goal{
		{pair{bare, plain}, plain, 0.95, 8, 1.15, ""},
		{pair{bare, logging}, "gocosi with a log", 0.88, 20, 1.25, bareLogged},
		{pair{bareTraced, traced}, "gocosi with OTLP, against bare with OTLP", 0.95, 8, 1.15, ""},
	}
}

// targets compares all measurements with their limits.
func (r *results) targets() []target {
	var all []target
	for _, g := range goals() {
		for _, c := range r.comparisons {
			if c.pair != g.pair {
				continue
			}
			of := fmt.Sprintf("%s, %d at once: ", g.what, c.callers)
			all = append(all,
				target{What: of + "calls per second", Limit: g.rate, Floor: true, Got: c.ratio(rate()), Unit: times, Note: r.least(g, c.callers)},
				target{What: of + "additional allocations per call", Limit: g.allocs, Got: c.extra(allocs())},
				target{What: of + "p99", Limit: g.p99, Got: c.ratio(p99()), Unit: times})
		}
	}
	all = append(all, r.agingTargets()...)
	return append(all, r.processTargets()...)
}

// least returns a note that says which rate a bare server reaches with the additional work of a goal.
func (r *results) least(g goal, callers int) string {
	for _, c := range r.comparisons {
		if c.pair == (pair{g.reference, g.least}) && c.callers == callers {
			return fmt.Sprintf("%s reaches %.3f ×", title(g.least), c.ratio(rate()).Median)
		}
	}
	return ""
}

// agingTargets compares the figures after many names with the figures before: the calls per second must not fall below
// the lowest quarter of the rounds before.
func (r *results) agingTargets() []target {
	of := fmt.Sprintf("after %d names: ", r.aging.Names)
	before, after := r.aging.before, r.aging.after
	more := after.extra(allocs()).Median - before.extra(allocs()).Median
	return []target{
		{What: of + "share of bare gRPC's calls per second", Limit: before.ratio(rate()).Low, Floor: true, Got: after.ratio(rate()), Unit: times},
		{What: of + "additional allocations per call, more than before", Limit: 0.5, Got: single(more)},
	}
}

func (r *results) processTargets() []target {
	const megabyte = 1e6
	all := []target{
		{What: "start to first answer, driver", Limit: 1.25, Got: r.lifeRatio(programDriver, lifeStart), Unit: times},
		{
			What: "idle memory, driver", Limit: 1.35, Got: r.lifeRatio(programDriver, lifeMemory), Unit: times,
			Note: fmt.Sprintf("the exporters are linked and the file is larger; private memory is %.2f ×",
				r.lifeRatio(programDriver, lifePrivate).Median),
		},
	}
	for _, p := range r.programs {
		if p.name == programScaffold {
			all = append(all, target{What: "scaffolded driver with Prometheus, stripped", Limit: 18.5, Got: single(p.size / megabyte), Unit: " MB"})
		}
	}
	return all
}

func lifeStart(l life) float64   { return l.start }
func lifeMemory(l life) float64  { return l.memory.resident }
func lifePrivate(l life) float64 { return l.memory.private }
func lifeCPU(l life) float64     { return l.cpu }

// lifeRatio divides a program's figure by the bare server's figure of the same round.
func (r *results) lifeRatio(name string, f func(life) float64) spread {
	values := make([]float64, len(r.lives[name]))
	for i, l := range r.lives[name] {
		values[i] = f(l) / f(r.lives[programBare][i])
	}
	return spreadOf(values)
}

// lifeFigure returns the spread of a program's figure.
func (r *results) lifeFigure(name string, f func(life) float64) spread {
	values := make([]float64, len(r.lives[name]))
	for i, l := range r.lives[name] {
		values[i] = f(l)
	}
	return spreadOf(values)
}
