package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// pair names two servers whose windows alternate.
type pair struct{ reference, candidate string }

// pairs lists the pairs to compare.
func pairs() []pair {
	return []pair{
		{bare, bareAgain},
		{bare, bareLogged},
		{bare, bareTraced},
		{bare, plain},
		{bare, logging},
		{bare, traced},
		{bare, everything},
		{bareLogged, logging},
		{bareTraced, traced},
		{bareTraced, everything},
	}
}

// comparison holds the samples of a pair under a number of callers.
type comparison struct {
	pair

	callers int
	timed   []round
	counted []round
}

// round holds the samples of two consecutive windows: the reference's and the candidate's.
type round [2]sample

// figure selects one number of a sample.
type figure struct {
	counted bool // uses the windows that end after a number of calls
	of      func(sample) float64
}

func rate() figure   { return figure{of: func(s sample) float64 { return s.Rate }} }
func cpu() figure    { return figure{of: func(s sample) float64 { return s.CPU }} }
func p50() figure    { return figure{of: func(s sample) float64 { return s.P50 }} }
func p99() figure    { return figure{of: func(s sample) float64 { return s.P99 }} }
func allocs() figure { return figure{true, func(s sample) float64 { return s.Allocs }} }
func bytes() figure  { return figure{true, func(s sample) float64 { return s.Bytes }} }

// ratio divides the candidate's figure by the reference's figure of the same round.
func (c comparison) ratio(f figure) spread {
	return c.each(f, func(reference, candidate float64) float64 { return candidate / reference })
}

// extra subtracts the reference's figure from the candidate's figure of the same round.
func (c comparison) extra(f figure) spread {
	return c.each(f, func(reference, candidate float64) float64 { return candidate - reference })
}

// own returns the median of the candidate's figure.
func (c comparison) own(f figure) float64 {
	return c.each(f, func(_, candidate float64) float64 { return candidate }).Median
}

func (c comparison) each(f figure, combine func(reference, candidate float64) float64) spread {
	rounds := c.timed
	if f.counted {
		rounds = c.counted
	}
	var values []float64
	for _, r := range rounds {
		values = append(values, combine(f.of(r[0]), f.of(r[1])))
	}
	return spreadOf(values)
}

// compare alternates windows between the servers of a pair, after one warm-up window for each server. It counts
// allocations in separate windows with so few calls that no server drops spans: dropping them saves allocations.
func compare(ctx context.Context, reference, candidate *server, callers int, e effort) (c comparison, err error) {
	c = comparison{pair: pair{reference.name, candidate.name}, callers: callers}
	for _, s := range []*server{reference, candidate} {
		if _, err := window(ctx, s, callers, timed(e.window)); err != nil {
			return c, err
		}
	}
	servers := [2]*server{reference, candidate}
	if c.timed, err = alternate(ctx, servers, callers, e.rounds, timed(e.window)); err != nil {
		return c, err
	}
	c.counted, err = alternate(ctx, servers, callers, e.rounds/5+1, counted(e.count))
	return c, err
}

// alternate measures two servers in turn, and swaps their order after every round.
func alternate(ctx context.Context, servers [2]*server, callers, rounds int, b bounds) ([]round, error) {
	all := make([]round, rounds)
	for i := range all {
		for turn := range servers {
			side := (i + turn) % len(servers)
			got, err := window(ctx, servers[side], callers, b)
			if err != nil {
				return nil, err
			}
			all[i][side] = got
		}
	}
	return all, nil
}

// compareAll compares every pair under each number of callers.
func compareAll(ctx context.Context, f *fleet, e effort, progress io.Writer) ([]comparison, error) {
	var all []comparison
	for _, callers := range e.callers {
		for _, p := range pairs() {
			c, err := compare(ctx, f.servers[p.reference], f.servers[p.candidate], callers, e)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
			fmt.Fprintf(progress, "%s  %3d callers  %-12s %.3f x the rate of %s, %+.1f allocations\n",
				time.Now().Format(time.TimeOnly), callers, p.candidate, c.ratio(rate()).Median, p.reference, c.extra(allocs()).Median)
		}
	}
	return all, nil
}
