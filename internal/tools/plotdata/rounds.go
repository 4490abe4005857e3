package plotdata

import (
	"errors"
	"fmt"
	"strings"
)

// Rounds holds the calls per second of sides that take turns in rounds, divided by the reference's in the same round.
type Rounds struct {
	Reference string  `json:"reference"`
	Target    float64 `json:"target"` // the lowest median that is wanted
	Sides     []Side  `json:"sides"`
}

// Side holds one side's values by round, and their spread.
type Side struct {
	Name   string    `json:"name"`
	Spread Spread    `json:"spread"`
	Rounds []float64 `json:"calls_per_second"`
}

func (r *Rounds) check() error {
	if r.Reference == "" || r.Target <= 0 || len(r.Sides) == 0 {
		return fmt.Errorf("got %d sides, the target %v and the reference %q, want some of each", len(r.Sides), r.Target, r.Reference)
	}
	for _, side := range r.Sides {
		if side.Name == "" || len(side.Rounds) == 0 || len(side.Rounds) != len(r.Sides[0].Rounds) {
			return fmt.Errorf("the side %q has %d rounds, want a name and as many rounds as the first, %d",
				side.Name, len(side.Rounds), len(r.Sides[0].Rounds))
		}
		err := side.Spread.check()
		for _, value := range side.Rounds {
			err = errors.Join(err, Spread{value, value, value}.check())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", side.Name, err)
		}
	}
	return nil
}

// Picture describes the plot of the rounds.
func (r *Rounds) Picture() Picture {
	var sides []string
	for _, side := range r.Sides {
		sides = append(sides, fmt.Sprintf("%s %s", side.Name, side.Spread))
	}
	return Picture{"benchmark-calls", fmt.Sprintf(
		"Calls per second relative to %s in each of %d rounds; the median and the middle half: %s. The target is at least %.2f.",
		r.Reference, len(r.Sides[0].Rounds), strings.Join(sides, "; "), r.Target)}
}
