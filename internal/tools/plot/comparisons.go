package main

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/doomshrine/gocosi/internal/tools/plotdata"
)

// comparisons returns a drawing for each figure of the benchmarks.
func comparisons(b *plotdata.Benchmarks) []drawing {
	height := vg.Length(96 + 38*len(b.Servers()))
	draws := func(title string, figure func(plotdata.Comparison) plotdata.Spread) func(theme, draw.Canvas) error {
		return func(t theme, c draw.Canvas) error { return compare(t, c, b, title, figure) }
	}
	return []drawing{
		{b.Rates(), height, draws("Calls per second: more is better", func(c plotdata.Comparison) plotdata.Spread { return c.Rate })},
		{b.ProcessorTimes(), height, draws("Processor time per call: less is better", func(c plotdata.Comparison) plotdata.Spread { return c.ProcessorTime })},
	}
}

// compare draws a row for each server, and in it a point with whiskers for each number of callers.
func compare(t theme, c draw.Canvas, b *plotdata.Benchmarks, title string, figure func(plotdata.Comparison) plotdata.Spread) error {
	p := t.plot()
	servers := b.Servers()
	names := slices.Clone(servers)
	slices.Reverse(names) // the first one is on top
	p.NominalY(names...)
	p.Add(t.grid(true, false), vertical(1, t.reference()))
	var entries []entry
	for i, callers := range b.Callers() {
		points := spreads{}
		for _, comparison := range b.Comparisons {
			if comparison.Callers == callers {
				row := len(servers) - 1 - slices.Index(servers, comparison.Server)
				points = append(points, placed{figure(comparison), float64(row) + offset(i, len(b.Callers()))})
			}
		}
		icons, err := points.add(t, p, i%len(t.series))
		if err != nil {
			return err
		}
		entries = append(entries, entry{plural(callers, "caller"), icons})
	}
	p.X.Label.Text = "× " + b.Reference
	p.X.Min, p.X.Max = math.Floor(10*p.X.Min-0.1)/10, math.Ceil(10*p.X.Max+0.1)/10
	p.Y.Min, p.Y.Max = -0.5, float64(len(servers))-0.5
	t.head(c, title, entries)
	p.Draw(draw.Crop(c, 0, -8, 0, -headHeight))
	return nil
}

// offset returns the distance of the point i of n from the middle of its row, upwards.
func offset(i, n int) float64 { return 0.24 * (float64(n-1)/2 - float64(i)) }

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// placed is a spread at a height.
type placed struct {
	plotdata.Spread

	y float64
}

// spreads are the points and whiskers of one series.
type spreads []placed

func (s spreads) Len() int                { return len(s) }
func (s spreads) XY(i int) (x, y float64) { return s[i].Median, s[i].y }
func (s spreads) XError(i int) (down, up float64) {
	return s[i].Low - s[i].Median, s[i].High - s[i].Median
}

// add adds the points and whiskers, and returns their icons.
func (s spreads) add(t theme, p *plot.Plot, series int) ([]plot.Thumbnailer, error) {
	whiskers, err := plotter.NewXErrorBars(s)
	if err != nil {
		return nil, err
	}
	whiskers.LineStyle, whiskers.CapWidth = t.line(series), 0
	points, err := plotter.NewScatter(s)
	if err != nil {
		return nil, err
	}
	points.GlyphStyle = t.point(series)
	p.Add(whiskers, points)
	return []plot.Thumbnailer{points}, nil
}

// line is a line through the whole plot.
type line struct {
	at       float64
	style    draw.LineStyle
	vertical bool
}

func vertical(at float64, style draw.LineStyle) line   { return line{at, style, true} }
func horizontal(at float64, style draw.LineStyle) line { return line{at, style, false} }

// Plot draws the line.
func (l line) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	if l.vertical {
		c.StrokeLine2(l.style, x(l.at), c.Min.Y, x(l.at), c.Max.Y)
	} else {
		c.StrokeLine2(l.style, c.Min.X, y(l.at), c.Max.X, y(l.at))
	}
}

// DataRange makes room for the line.
func (l line) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax, ymin, ymax = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	if l.vertical {
		return l.at, l.at, ymin, ymax
	}
	return xmin, xmax, l.at, l.at
}
