package main

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/doomshrine/gocosi/internal/tools/plotdata"
)

// headHeight is the room for a title and a legend above a plot.
const headHeight = 38 * vg.Length(1)

// head draws a title and a legend at the top.
func (t theme) head(c draw.Canvas, title string, entries []entry) {
	c.FillText(t.text(large, bold), vg.Point{X: c.Min.X + 2, Y: c.Max.Y - large}, title)
	t.legend(c, vg.Point{X: c.Min.X + 2, Y: c.Max.Y - large - 17}, entries)
}

// series is a line over time.
type series struct {
	colour int // that of the theme's series
	name   string
	values []float64
}

// panel is one of several plots over the same time.
type panel struct {
	title  string
	series []series
	base   *reference // or nil
}

// reference is a level that others are compared with.
type reference struct {
	name  string
	level float64
}

func panels(e *plotdata.Endurance) []panel {
	// Blue is under load, orange at rest.
	goroutines := []series{{1, "at rest", e.Each(func(m plotdata.Moment) float64 { return float64(m.Goroutines) })}}
	if e.Loaded() {
		loaded := e.Each(func(m plotdata.Moment) float64 { return float64(m.LoadedGoroutines) })
		goroutines = append([]series{{0, "under load", loaded}}, goroutines...)
	}
	memory := []series{
		{0, "under load", e.Each(func(m plotdata.Moment) float64 { return m.LoadedMemory })},
		{1, "at rest", e.Each(func(m plotdata.Moment) float64 { return m.Memory })},
		{2, "heap at rest", e.Each(func(m plotdata.Moment) float64 { return m.Heap })},
	}
	restarts := e.Each(func(m plotdata.Moment) float64 { return float64(m.Restarts) })
	return []panel{
		{"Memory, MiB", memory, nil},
		{"Goroutines", goroutines, &reference{"before the first call", float64(e.BaseGoroutines)}},
		{"Calls per second", []series{{0, "mean since the point before", e.Rates()}}, nil},
		{"Restarts of the second driver", []series{{0, "so far", restarts}}, nil},
	}
}

// endurance returns the drawing of a run.
func endurance(e *plotdata.Endurance) drawing {
	return drawing{e.Picture(), 624, func(t theme, c draw.Canvas) error { return stack(t, c, e) }}
}

// stack draws the panels from top to bottom.
func stack(t theme, c draw.Canvas, e *plotdata.Endurance) error {
	all := panels(e)
	minutes := e.Each(func(m plotdata.Moment) float64 { return m.Seconds / 60 })
	plots := make([][]*plot.Plot, len(all))
	legends := make([][]entry, len(all))
	for i, panel := range all {
		p, entries, err := panel.plot(t, minutes)
		if err != nil {
			return err
		}
		plots[i], legends[i] = []*plot.Plot{p}, entries
	}
	plots[len(all)-1][0].X.Label.Text = "minutes"
	tiles := draw.Tiles{Rows: len(all), Cols: 1, PadTop: headHeight, PadY: headHeight + 6, PadRight: 8}
	for i, row := range plot.Align(plots, tiles, c) {
		above := c
		above.Max.Y = row[0].Max.Y + headHeight
		t.head(above, all[i].title, legends[i])
		plots[i][0].Draw(row[0])
	}
	return nil
}

// plot returns the panel as a plot from zero upwards, and its legend.
func (l panel) plot(t theme, minutes []float64) (*plot.Plot, []entry, error) {
	p := t.plot()
	p.Add(t.grid(false, true))
	var entries []entry
	for _, s := range l.series {
		points := make(plotter.XYs, len(minutes))
		for j := range points {
			points[j] = plotter.XY{X: minutes[j], Y: s.values[j]}
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, nil, err
		}
		line.LineStyle, dots.GlyphStyle = t.line(s.colour), t.point(s.colour)
		icons := []plot.Thumbnailer{line}
		p.Add(line)
		if len(minutes) <= 20 { // more would hide the line
			p.Add(dots)
			icons = append(icons, dots)
		}
		entries = append(entries, entry{s.name, icons})
	}
	if l.base != nil {
		p.Add(horizontal(l.base.level, t.reference()))
		entries = append(entries, entry{l.base.name, []plot.Thumbnailer{&plotter.Line{LineStyle: t.reference()}}})
	}
	p.X.Min, p.X.Max = 0, math.Ceil(p.X.Max)
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, 1.15*p.Y.Max, ticks(6)
	return p, entries, nil
}
