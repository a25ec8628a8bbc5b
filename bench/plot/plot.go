// Package plot draws small plots as SVG: lines, steps, points and bars over axes that are
// linear or logarithmic, with round ticks, a legend, and lines that mark a figure. What it
// writes needs no script and nothing from elsewhere, reads in light and dark, on screen and
// on paper, and is told to screen readers by its title and description.
package plot

import (
	"bytes"
	"fmt"
)

// Plot is what to draw.
type Plot struct {
	Title  string
	About  string // what it shows, for who cannot see it
	X, Y   Axis
	Series []Series
	Marks  []Mark
	Width  int // 720 if 0
	Height int // 280 if 0
	// Alone says that the SVG is a file of its own: it then brings Style with it. On a page
	// Style is to be there once.
	Alone bool
}

// Axis is one of the two.
type Axis struct {
	Label string
	Log   bool // what is not above 0 is left out then
	// Zero has a linear axis begin at 0. One with bars does so anyway.
	Zero bool
	// Atleast has it reach that far, whatever the values.
	AtLeast float64
}

// Kind is how a series is drawn.
type Kind uint8

// Kinds.
const (
	Line  Kind = iota // straight from point to point
	Steps             // level from each point to the next
	Points
	Bars // from 0, each Series.Width wide and beginning at its X
)

// Series are values that belong together. X and Y are as long; points of which one is not
// finite, or has no place on its axis, are left out, and a line breaks there.
type Series struct {
	Name  string // in the legend, if there are two or more
	Kind  Kind
	X, Y  []float64
	Width float64 // of bars
	// Beside has it drawn in the colour of the series before it, as a fine dotted line: a
	// floor, a forecast.
	Beside bool
}

// Mark is a line across the plot at a figure.
type Mark struct {
	Label    string
	At       float64
	Vertical bool // at an X, else at a Y
}

const (
	defaultWidth  = 720
	defaultHeight = 280
	markRow       = 14  // height of a row of labels of marks
	letter        = 6.6 // mean width at a size of 12, for what has to fit
)

// SVG draws the plot. It never fails: without values it is axes that say so.
func (p Plot) SVG() []byte {
	if p.Width == 0 {
		p.Width = defaultWidth
	}
	if p.Height == 0 {
		p.Height = defaultHeight
	}
	c := &canvas{plot: &p, classes: classes(p.Series)}
	c.layOut()
	c.open()
	c.axes()
	for i := range p.Series {
		c.series(i)
	}
	row := c.verticals()
	for _, m := range p.Marks {
		if m.Vertical {
			row--
		}
		c.mark(m, row)
	}
	c.legend()
	c.b.WriteString("</svg>\n")
	return c.b.Bytes()
}

// canvas is a plot being drawn.
type canvas struct {
	plot                     *Plot
	b                        bytes.Buffer
	x, y                     scale
	left, right, top, bottom float64 // of the field
	empty                    bool
	rows                     [][]int  // of the legend: series by their numbers
	classes                  []string // of the series
}

// layOut finds the scales and the place for the field between title, legend and labels.
func (c *canvas) layOut() {
	p := c.plot
	c.right, c.top = float64(p.Width)-16, 34
	c.rows = c.legendRows()
	c.top += 18*float64(len(c.rows)) + markRow*float64(c.verticals())
	c.bottom = float64(p.Height) - 46
	c.y = newScale(p.Y, c.values(false), c.bottom, c.top, int((c.bottom-c.top)/36))
	widest := 0
	for _, t := range c.y.ticks {
		widest = max(widest, len([]rune(t.label)))
	}
	c.left = 34 + letter*float64(widest)
	c.x = newScale(p.X, c.values(true), c.left, c.right, int((c.right-c.left)/80))
	c.empty = !c.any()
}

func (c *canvas) any() bool {
	for _, s := range c.plot.Series {
		for i := range s.Y {
			if c.x.shows(s.X[i]) && c.y.shows(s.Y[i]) {
				return true
			}
		}
	}
	return false
}

// values are all that an axis has to show.
func (c *canvas) values(x bool) (all []float64) {
	for _, s := range c.plot.Series {
		switch {
		case x && s.Kind == Bars:
			for _, v := range s.X {
				all = append(all, v, v+s.Width)
			}
		case x:
			all = append(all, s.X...)
		case s.Kind == Bars:
			all = append(append(all, 0), s.Y...)
		default:
			all = append(all, s.Y...)
		}
	}
	for _, m := range c.plot.Marks {
		if m.Vertical == x {
			all = append(all, m.At)
		}
	}
	return all
}

func (c *canvas) printf(format string, args ...any) { fmt.Fprintf(&c.b, format, args...) }
