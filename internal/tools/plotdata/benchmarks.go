package plotdata

import (
	"fmt"
	"slices"
	"strings"
)

// Benchmarks holds how servers compare with a reference.
type Benchmarks struct {
	Reference   string       `json:"reference"`
	Comparisons []Comparison `json:"comparisons"`
}

// Comparison holds a server's figures under a number of callers, divided by the reference's figures.
type Comparison struct {
	Server        string `json:"server"`
	Callers       int    `json:"callers"`
	Rate          Spread `json:"calls_per_second"`
	ProcessorTime Spread `json:"processor_time"`
}

// Spread holds the median of some values and the range of their middle half.
type Spread struct {
	Low    float64 `json:"low"`
	Median float64 `json:"median"`
	High   float64 `json:"high"`
}

// String formats the spread as the tables do.
func (s Spread) String() string { return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Low, s.High) }

// check also refuses values that are no numbers.
func (s Spread) check() error {
	if !(0 < s.Low && s.Low <= s.Median && s.Median <= s.High && s.High < 1e6) {
		return fmt.Errorf("got low %v, median %v and high %v, want positive numbers in ascending order", s.Low, s.Median, s.High)
	}
	return nil
}

func (b *Benchmarks) check() error {
	if b.Reference == "" || len(b.Comparisons) == 0 {
		return fmt.Errorf("got %d comparisons with the reference %q, want some and its name", len(b.Comparisons), b.Reference)
	}
	seen := map[string]bool{}
	for _, c := range b.Comparisons {
		name := fmt.Sprintf("%q under %d callers", c.Server, c.Callers)
		if c.Server == "" || c.Callers < 1 || seen[name] {
			return fmt.Errorf("got a comparison of %s, want a name, a number of callers, and each of them once", name)
		}
		seen[name] = true
		for figure, s := range map[string]Spread{"calls_per_second": c.Rate, "processor_time": c.ProcessorTime} {
			if err := s.check(); err != nil {
				return fmt.Errorf("%s: %s: %w", name, figure, err)
			}
		}
	}
	if want := len(b.Servers()) * len(b.Callers()); len(seen) != want {
		return fmt.Errorf("got %d comparisons, want %d: each server under each number of callers", len(seen), want)
	}
	return nil
}

// Servers lists the servers in the order of the file.
func (b *Benchmarks) Servers() []string {
	var names []string
	for _, c := range b.Comparisons {
		if !slices.Contains(names, c.Server) {
			names = append(names, c.Server)
		}
	}
	return names
}

// Callers lists the numbers of callers in the order of the file.
func (b *Benchmarks) Callers() []int {
	var numbers []int
	for _, c := range b.Comparisons {
		if !slices.Contains(numbers, c.Callers) {
			numbers = append(numbers, c.Callers)
		}
	}
	return numbers
}

// Rates describes the plot of calls per second.
func (b *Benchmarks) Rates() Picture {
	return Picture{"benchmarks-calls", b.alt("Calls per second", func(c Comparison) Spread { return c.Rate })}
}

// ProcessorTimes describes the plot of processor time.
func (b *Benchmarks) ProcessorTimes() Picture {
	return Picture{"benchmarks-processor", b.alt("Processor time per call", func(c Comparison) Spread { return c.ProcessorTime })}
}

// alt tells the range of each server's medians.
func (b *Benchmarks) alt(what string, figure func(Comparison) Spread) string {
	var servers []string
	for _, server := range b.Servers() {
		var medians []float64
		for _, c := range b.Comparisons {
			if c.Server == server {
				medians = append(medians, figure(c).Median)
			}
		}
		servers = append(servers, fmt.Sprintf("%s %.2f to %.2f", server, slices.Min(medians), slices.Max(medians)))
	}
	return fmt.Sprintf("%s relative to %s, lowest to highest median under %s callers at once: %s. The tables below have every figure.",
		what, b.Reference, list(b.Callers()), strings.Join(servers, "; "))
}

// list joins numbers as a sentence does.
func list(numbers []int) string {
	var text strings.Builder
	for i, n := range numbers {
		switch {
		case i > 0 && i == len(numbers)-1:
			text.WriteString(" and ")
		case i > 0:
			text.WriteString(", ")
		}
		fmt.Fprint(&text, n)
	}
	return text.String()
}
