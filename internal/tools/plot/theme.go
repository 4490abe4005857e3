package main

import (
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// theme holds the colours for a page. Backgrounds are transparent.
type theme struct {
	name   string
	ink    color.Color    // text, points of reference
	faint  color.Color    // axes and grid
	series [3]color.Color // from the palette of Okabe and Ito, which colour-blind readers can tell apart
}

func themes() []theme {
	return []theme{
		{"light", rgb(0x24, 0x29, 0x2f), rgb(0xd0, 0xd7, 0xde), [3]color.Color{rgb(0x00, 0x72, 0xb2), rgb(0xd5, 0x5e, 0x00), rgb(0x00, 0x7f, 0x5c)}},
		{"dark", rgb(0xd1, 0xd7, 0xe0), rgb(0x3d, 0x44, 0x4d), [3]color.Color{rgb(0x56, 0xb4, 0xe9), rgb(0xe6, 0x9f, 0x00), rgb(0x2f, 0xc7, 0x9a)}},
	}
}

func rgb(r, g, b uint8) color.Color { return color.RGBA{r, g, b, 0xff} }

// Sizes of text. At 375 pixels, a phone shows 12 points as about 10 pixels.
const (
	small = 12 * vg.Length(1)
	large = 13 * vg.Length(1)
)

// text returns the style of a text that begins at its point.
func (t theme) text(size vg.Length, weight ...func(*font.Font)) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	for _, set := range weight {
		set(&f)
	}
	return text.Style{Color: t.ink, Font: f, Handler: plot.DefaultTextHandler}
}

func bold(f *font.Font) { f.Weight = 3 }

// line returns the style of a series.
func (t theme) line(series int) draw.LineStyle {
	return draw.LineStyle{Color: t.series[series], Width: 1.8}
}

// point returns the style of a series' points. Shapes differ too.
func (t theme) point(series int) draw.GlyphStyle {
	shapes := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}}
	return draw.GlyphStyle{Color: t.series[series], Radius: 3.4, Shape: shapes[series]}
}

// reference returns the style of a line that others are compared with.
func (t theme) reference() draw.LineStyle {
	return draw.LineStyle{Color: t.ink, Width: 1, Dashes: []vg.Length{4, 3}}
}

// plot returns a plot without content.
func (t theme) plot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Tick.Color = t.faint, t.faint
		axis.Width, axis.Tick.Width = 1, 1
		axis.Padding = 0
		for _, style := range []*text.Style{&axis.Label.TextStyle, &axis.Tick.Label} {
			style.Font, style.Color = t.text(small).Font, t.ink
		}
		axis.Tick.Marker = ticks(8)
	}
	return p
}

// ticks returns fewer than a number of ticks, at multiples of 1, 2 or 5 and a power of ten.
func ticks(limit float64) plot.TickerFunc {
	return func(low, high float64) []plot.Tick {
		power := math.Pow(10, math.Floor(math.Log10(high-low)))
		step := power
		for _, factor := range []float64{0.1, 0.2, 0.5, 1, 2, 5} {
			if step = factor * power; (high-low)/step < limit-1 {
				break
			}
		}
		decimals := int(max(0, math.Ceil(-math.Log10(step))))
		var all []plot.Tick
		for n := int(math.Ceil(low/step - 1e-9)); float64(n)*step <= high+1e-9*step; n++ {
			all = append(all, plot.Tick{Value: float64(n) * step, Label: strconv.FormatFloat(float64(n)*step, 'f', decimals, 64)})
		}
		return all
	}
}

// grid draws faint lines at the ticks.
func (t theme) grid(vertical, horizontal bool) *plotter.Grid {
	g := plotter.NewGrid()
	faint := draw.LineStyle{Color: t.faint, Width: 0.6}
	g.Vertical, g.Horizontal = draw.LineStyle{}, draw.LineStyle{}
	if vertical {
		g.Vertical = faint
	}
	if horizontal {
		g.Horizontal = faint
	}
	return g
}

// entry is a line of a legend.
type entry struct {
	name  string
	icons []plot.Thumbnailer
}

// legend draws entries from left to right, from a point at their bottom.
func (t theme) legend(c draw.Canvas, at vg.Point, entries []entry) {
	const icon = 16
	style := t.text(small)
	for _, e := range entries {
		box := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: at, Max: vg.Point{X: at.X + icon, Y: at.Y + 0.7*small}}}
		for _, i := range e.icons {
			i.Thumbnail(&box)
		}
		at.X += icon + 4
		c.FillText(style, at, e.name)
		at.X += style.Width(e.name) + 14
	}
}
