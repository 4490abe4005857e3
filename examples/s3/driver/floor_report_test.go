//go:build unix

package driver_test

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/doomshrine/gocosi/internal/tools/plotdata"
)

//go:embed testdata/benchmark.md.tmpl
var floorTemplate string

var sideNames = [sides]string{"bare", "bare, again", "driver"}

// floorTarget is the share of the floor's calls per second that is wanted.
const floorTarget = 0.9

// report returns the document.
func (f *floor) report() (string, error) {
	t, err := template.New("benchmark").Option("missingkey=error").Parse(floorTemplate)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	ratio := f.ratio(driverSide, window.rate)
	verdict := "met"
	if ratio.median < floorTarget {
		verdict = "**missed**"
	}
	err = t.Execute(&text, map[string]any{
		"Machine": f.machine, "Took": f.took, "Callers": f.callers, "Lives": f.lives, "Rounds": len(f.rounds), "Calls": f.lives * len(callsOfLife),
		"PerLife": f.life.count(), "Sides": f.sideRows(), "CallRows": f.callRows(), "RoundRows": f.roundRows(),
		"Picture": f.series().Picture().HTML(),
		"Ratio":   ratio.String(), "Control": f.ratio(againSide, window.rate).String(), "Target": fmt.Sprintf("%.2f", floorTarget), "Verdict": verdict,
	})
	return text.String(), err
}

// series returns what the plot shows: the sides that are compared with the bare one.
func (f *floor) series() *plotdata.Rounds {
	r := plotdata.Rounds{Reference: sideNames[bareSide], Target: floorTarget}
	for _, side := range []int{againSide, driverSide} {
		s := f.ratio(side, window.rate)
		one := plotdata.Side{Name: sideNames[side], Spread: plotdata.Spread{Low: s.low, Median: s.median, High: s.high}}
		for _, round := range f.rounds {
			one.Rounds = append(one.Rounds, round[side].rate()/round[bareSide].rate())
		}
		r.Sides = append(r.Sides, one)
	}
	return &r
}

// spread is the median of figures, and the range of their middle half.
type spread struct{ low, median, high float64 }

func spreadOf(figures []float64) spread {
	slices.Sort(figures)
	at := func(share float64) float64 {
		place := share * float64(len(figures)-1)
		below, above := figures[int(math.Floor(place))], figures[int(math.Ceil(place))]
		return below + (above-below)*(place-math.Floor(place))
	}
	return spread{at(0.25), at(0.5), at(0.75)}
}

func (s spread) String() string { return fmt.Sprintf("%.2f (%.2f–%.2f)", s.median, s.low, s.high) }

// ratio compares a figure of a side with the bare one's in the same round.
func (f *floor) ratio(side int, figure func(window) float64) spread {
	return f.spread(func(r floorRound) float64 { return figure(r[side]) / figure(r[bareSide]) })
}

func (f *floor) spread(figure func(floorRound) float64) spread {
	var figures []float64
	for _, r := range f.rounds {
		figures = append(figures, figure(r))
	}
	return spreadOf(figures)
}

// own returns the median of a figure of a side.
func (f *floor) own(side int, figure func(window) float64) float64 {
	return f.spread(func(r floorRound) float64 { return figure(r[side]) }).median
}

func p50(w window) float64 { return w.quantile(0.5) }
func p99(w window) float64 { return w.quantile(0.99) }

// tableRow writes a row of a table.
func tableRow(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |" }

func (f *floor) sideRows() (rows []string) {
	for side, name := range sideNames {
		processor := func(of func(usage) time.Duration) string {
			spent := f.own(side, func(w window) float64 {
				return float64(of(w.spent)) / float64(time.Millisecond) / float64(len(w.of("")))
			})
			return fmt.Sprintf("%.2f", spent)
		}
		rows = append(rows, tableRow(name,
			fmt.Sprintf("%.1f", f.own(side, window.rate)), f.ratio(side, window.rate).String(),
			fmt.Sprintf("%.0f", f.own(side, p50)), fmt.Sprintf("%.0f", f.own(side, p99)), f.ratio(side, p99).String(),
			processor(func(u usage) time.Duration { return u.store }), processor(func(u usage) time.Duration { return u.driver }),
			processor(func(u usage) time.Duration { return u.callers }),
		))
	}
	return rows
}

// callRows tell of each kind of call, over all rounds.
func (f *floor) callRows() (rows []string) {
	for _, call := range callsOfLife {
		cells := []string{call, strings.Join(f.life.operations(call), ", ")}
		for _, side := range []int{bareSide, driverSide} {
			var all []time.Duration
			for _, r := range f.rounds {
				all = append(all, r[side].of(call)...)
			}
			slices.Sort(all)
			cells = append(cells, fmt.Sprintf("%.0f", quantile(all, 0.5)), fmt.Sprintf("%.0f", quantile(all, 0.99)))
		}
		rows = append(rows, tableRow(cells...))
	}
	return rows
}

func (f *floor) roundRows() (rows []string) {
	for n, r := range f.rounds {
		rows = append(rows, r.row(n))
	}
	return rows
}

func (r floorRound) row(n int) string {
	cells := []string{fmt.Sprint(n + 1)}
	for _, w := range r {
		cells = append(cells, fmt.Sprintf("%.1f", w.rate()))
	}
	for _, side := range []int{againSide, driverSide} {
		cells = append(cells, fmt.Sprintf("%.2f", r[side].rate()/r[bareSide].rate()))
	}
	for _, w := range r {
		cells = append(cells, fmt.Sprintf("%.0f", p99(w)))
	}
	return tableRow(cells...)
}
