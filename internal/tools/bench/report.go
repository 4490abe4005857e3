package main

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/doomshrine/gocosi/internal/tools/plotdata"
)

//go:embed report.md.tmpl
var reportTemplate string

// title returns a server's name in the document.
func title(name string) string {
	switch name {
	case bare:
		return "bare gRPC"
	case bareAgain:
		return "bare gRPC, again"
	case bareLogged:
		return "bare with a log"
	case bareTraced:
		return "bare with OTLP"
	case plain:
		return plain
	case logging:
		return "gocosi, log"
	case traced:
		return "gocosi, OTLP"
	case everything:
		return "gocosi, log and OTLP"
	}
	return name
}

// reportTable holds the comparisons under one number of callers.
type reportTable struct {
	Callers int
	Rows    []reportRow
}

// reportRow holds a comparison in the form of the document.
type reportRow struct {
	Server, Against                        string
	Rate                                   string
	RateRatio, CPURatio                    string
	Allocs, Extra, Bytes, P50, P99, P99Rel string
}

// reportProgram holds a program in the form of the document.
type reportProgram struct {
	Name                  string
	Start, StartRatio     string
	Memory, MemoryRatio   string
	Private, PrivateRatio string
	CPU, CPURatio, Size   string
	Packages, Modules     int
}

// reportData holds the values that fill the template.
type reportData struct {
	Machine              machine
	Took                 string
	Rounds, Starts, Load int
	Count                int
	Arrived              string
	Window               string
	Tables               []reportTable
	Series               *plotdata.Benchmarks
	Programs             []reportProgram
	Names                int
	Before, After        reportRow
	Heap                 string
	Targets              []target
	Missed               int
	NoiseLow, NoiseHigh  string
}

func (r *results) render() ([]byte, error) {
	t, err := template.New("report").Parse(reportTemplate)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	if err := t.Execute(&text, r.data()); err != nil {
		return nil, err
	}
	return []byte(text.String()), nil
}

func (r *results) data() reportData {
	low, high := r.noise()
	d := reportData{
		Machine: r.machine, Took: r.took.Round(time.Second).String(), Rounds: r.effort.rounds, Starts: r.effort.starts,
		Load: r.effort.load, Count: r.effort.count, Arrived: fmt.Sprintf("%.0f %%", 100*r.arrived),
		Window: r.effort.window.String(), Tables: r.tables(), Series: r.series(), Programs: r.reportPrograms(),
		Names: r.aging.Names, Before: row(r.aging.before), After: row(r.aging.after),
		Heap: fmt.Sprintf("%+.1f MB", r.aging.Heap/1e6), Targets: r.targets(),
		NoiseLow: fmt.Sprintf("%.2f", low), NoiseHigh: fmt.Sprintf("%.2f", high),
	}
	for _, t := range d.Targets {
		if !t.Met() {
			d.Missed++
		}
	}
	return d
}

// noise returns the range of the middle half of the rounds in which the bare server is compared with itself.
func (r *results) noise() (low, high float64) {
	low, high = 1, 1
	for _, c := range r.comparisons {
		if c.candidate == bareAgain {
			low, high = min(low, c.ratio(rate()).Low), max(high, c.ratio(rate()).High)
		}
	}
	return low, high
}

func (r *results) tables() []reportTable {
	var tables []reportTable
	for _, callers := range r.effort.callers {
		table := reportTable{Callers: callers}
		for _, c := range r.comparisons {
			if c.callers == callers {
				table.Rows = append(table.Rows, row(c))
			}
		}
		tables = append(tables, table)
	}
	return tables
}

func row(c comparison) reportRow {
	whole := func(f float64) string { return strconv.FormatFloat(f, 'f', 0, 64) }
	return reportRow{
		Server: title(c.candidate), Against: title(c.reference), Rate: whole(c.own(rate())),
		RateRatio: share(c.ratio(rate())), CPURatio: share(c.ratio(cpu())),
		Allocs: whole(c.own(allocs())), Extra: fmt.Sprintf("%+.1f", c.extra(allocs()).Median), Bytes: fmt.Sprintf("%+.0f", c.extra(bytes()).Median),
		P50: whole(c.own(p50())), P99: whole(c.own(p99())), P99Rel: share(c.ratio(p99())),
	}
}

// share formats a ratio with the range that holds the middle half of the rounds.
func share(s spread) string { return plotdata.Spread(s).String() }

// series returns what the plots show: the comparisons with bare gRPC.
func (r *results) series() *plotdata.Benchmarks {
	b := plotdata.Benchmarks{Reference: title(bare)}
	for _, c := range r.comparisons {
		if c.reference == bare {
			b.Comparisons = append(b.Comparisons, plotdata.Comparison{
				Server: title(c.candidate), Callers: c.callers,
				Rate: plotdata.Spread(c.ratio(rate())), ProcessorTime: plotdata.Spread(c.ratio(cpu())),
			})
		}
	}
	return &b
}

func (r *results) reportPrograms() []reportProgram {
	var all []reportProgram
	for _, p := range r.programs {
		all = append(all, reportProgram{
			Name:  map[string]string{programBare: "bare gRPC", programDriver: "gocosi", programScaffold: "scaffolded driver"}[p.name],
			Start: fmt.Sprintf("%.1f", r.lifeFigure(p.name, lifeStart).Median), StartRatio: share(r.lifeRatio(p.name, lifeStart)),
			Memory: fmt.Sprintf("%.1f", r.lifeFigure(p.name, lifeMemory).Median/1e6), MemoryRatio: share(r.lifeRatio(p.name, lifeMemory)),
			Private: fmt.Sprintf("%.1f", r.lifeFigure(p.name, lifePrivate).Median/1e6), PrivateRatio: share(r.lifeRatio(p.name, lifePrivate)),
			CPU: fmt.Sprintf("%.1f", r.lifeFigure(p.name, lifeCPU).Median), CPURatio: share(r.lifeRatio(p.name, lifeCPU)),
			Size: fmt.Sprintf("%.1f", p.size/1e6), Packages: p.packages, Modules: p.modules,
		})
	}
	return all
}
