package main

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/doomshrine/gocosi/internal/tools/plotdata"
)

// rounds returns the drawing of sides that take turns.
func rounds(r *plotdata.Rounds) drawing {
	return drawing{r.Picture(), vg.Length(100 + 60*len(r.Sides)), func(t theme, c draw.Canvas) error { return rows(t, c, r) }}
}

// rows draws a row for each side: its spread, and below it a point for each round.
func rows(t theme, c draw.Canvas, r *plotdata.Rounds) error {
	p := t.plot()
	names := make([]string, len(r.Sides))
	var medians spreads
	var each plotter.XYs
	for i, side := range r.Sides {
		row := len(r.Sides) - 1 - i
		names[row] = side.Name
		medians = append(medians, placed{side.Spread, float64(row) + 0.2})
		for n, value := range side.Rounds {
			each = append(each, plotter.XY{X: value, Y: float64(row) - 0.1 - 0.12*float64(n%3)}) // in three lines, which overlap less
		}
	}
	p.NominalY(names...)
	wanted := draw.LineStyle{Color: t.series[2], Width: 1.4}
	p.Add(t.grid(true, false), vertical(1, t.reference()), vertical(r.Target, wanted))
	icons, err := medians.add(t, p, 0)
	if err != nil {
		return err
	}
	dots, err := plotter.NewScatter(each)
	if err != nil {
		return err
	}
	dots.GlyphStyle = draw.GlyphStyle{Color: t.series[1], Radius: 2.2, Shape: draw.CircleGlyph{}}
	p.Add(dots)
	p.X.Label.Text = "× " + r.Reference
	p.X.Min, p.X.Max = math.Floor(10*p.X.Min-0.1)/10, math.Ceil(10*p.X.Max+0.1)/10
	p.Y.Min, p.Y.Max = -0.5, float64(len(names))-0.5
	t.head(c, "Calls per second: more is better", []entry{
		{"median", icons},
		{"one round", []plot.Thumbnailer{dots}},
		{fmt.Sprintf("wanted: %.2f", r.Target), []plot.Thumbnailer{&plotter.Line{LineStyle: wanted}}},
	})
	p.Draw(draw.Crop(c, 0, -8, 0, -headHeight))
	return nil
}
