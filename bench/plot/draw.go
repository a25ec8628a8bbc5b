package plot

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Kinds of lines and colours that differ; further series begin anew.
const hues = 6

func text(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // into memory
	return b.String()
}

func (c *canvas) open() {
	p := c.plot
	c.printf(`<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 %d %d"`, p.Width, p.Height)
	if p.Alone {
		c.printf(` width="%d" height="%d"`, p.Width, p.Height)
	}
	c.printf(" aria-label=\"%s\">\n<title>%s</title>\n", text(p.Title), text(p.Title))
	if p.About != "" {
		c.printf("<desc>%s</desc>\n", text(p.About))
	}
	if p.Alone {
		c.printf("<style>%s</style>\n<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n", Style, p.Width, p.Height)
	}
	c.printf("<text class=\"title\" x=\"8\" y=\"20\">%s</text>\n", text(p.Title))
}

// axes draws the grid, ticks and labels.
func (c *canvas) axes() {
	for _, t := range c.y.ticks {
		class := "grid small"
		if t.label != "" {
			class = "grid"
			c.printf("<text class=\"tick\" text-anchor=\"end\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", c.left-6, t.at+4, t.label)
		}
		c.printf("<path class=\"%s\" d=\"M%.1f %.1fH%.1f\"/>\n", class, c.left, t.at, c.right)
	}
	for _, t := range c.x.ticks {
		length := 3
		if t.label != "" {
			length = 5
			half := letter * float64(len(t.label)) / 2
			c.printf("<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
				min(t.at, float64(c.plot.Width)-2-half), c.bottom+18, t.label)
		}
		c.printf("<path class=\"axis\" d=\"M%.1f %.1fv%d\"/>\n", t.at, c.bottom, length)
	}
	c.printf("<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/>\n", c.left, c.bottom, c.right)
	middle := (c.top + c.bottom) / 2
	c.printf("<text class=\"label\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", (c.left+c.right)/2, c.bottom+37, text(c.plot.X.Label))
	c.printf("<text class=\"label\" text-anchor=\"middle\" transform=\"translate(14 %.1f) rotate(-90)\">%s</text>\n", middle, text(c.plot.Y.Label))
	if c.empty {
		c.printf("<text class=\"none\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">nothing was measured</text>\n", (c.left+c.right)/2, middle)
	}
}

// classes give each series a colour and a kind of line.
func classes(all []Series) (names []string) {
	hue := -1
	for i, s := range all {
		beside := s.Beside && i > 0
		if !beside {
			hue++
		}
		name := fmt.Sprintf("s%d", hue%hues)
		if beside {
			name += " beside"
		}
		names = append(names, name)
	}
	return names
}

func (c *canvas) series(i int) {
	s := &c.plot.Series[i]
	c.printf("<g class=\"%s\">", c.classes[i])
	switch s.Kind {
	case Bars:
		c.bars(s)
	case Points:
		c.points(s, 3)
	default:
		c.line(s)
		if len(s.X) <= 60 {
			c.points(s, 2)
		}
	}
	c.printf("</g>\n")
}

// line draws a line or steps, with breaks where points are missing.
func (c *canvas) line(s *Series) {
	var d strings.Builder
	on := false
	for i := range s.Y {
		if !c.x.shows(s.X[i]) || !c.y.shows(s.Y[i]) {
			on = false
			continue
		}
		x, y := coordinate(c.x.place(s.X[i])), coordinate(c.y.place(s.Y[i]))
		switch {
		case !on:
			d.WriteString("M" + x + " " + y)
		case s.Kind == Steps:
			d.WriteString("H" + x + "V" + y)
		default:
			d.WriteString("L" + x + " " + y)
		}
		on = true
	}
	if d.Len() > 0 {
		c.printf(`<path class="line" d="%s"/>`, d.String())
	}
}

func coordinate(x float64) string { return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64) }

// points draws points, each of which tells its values to a pointer that rests on it.
func (c *canvas) points(s *Series, radius int) {
	for i := range s.Y {
		if c.x.shows(s.X[i]) && c.y.shows(s.Y[i]) {
			c.printf(`<circle class="point" r="%d" cx="%.1f" cy="%.1f"><title>%s</title></circle>`, radius,
				c.x.place(s.X[i]), c.y.place(s.Y[i]), text(s.Name+" "+figure(s.X[i])+": "+figure(s.Y[i])))
		}
	}
}

func (c *canvas) bars(s *Series) {
	for i, n := range s.Y {
		if !c.x.shows(s.X[i]) || !c.y.shows(n) || n == 0 {
			continue
		}
		from, to := c.x.place(s.X[i]), c.x.place(s.X[i]+s.Width)
		top := c.y.place(n)
		c.printf(`<rect class="bar" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s to %s: %s</title></rect>`,
			from, min(top, c.bottom-0.7), max(to-from-0.7, 0.5), max(c.bottom-top, 0.7), figure(s.X[i]), figure(s.X[i]+s.Width), figure(n))
	}
}

// figure writes a value with as many digits as matter.
func figure(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e9 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// mark draws a line; the label of one that is vertical stands above the field, in a row of
// its own.
func (c *canvas) mark(m Mark, row int) {
	switch {
	case m.Vertical && c.x.shows(m.At):
		x, label := c.x.place(m.At), c.top-4-markRow*float64(row)
		half := letter * float64(len([]rune(m.Label))) / 2
		c.printf("<path class=\"mark\" d=\"M%.1f %.1fV%.1f\"/><text class=\"marked\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			x, label+2, c.bottom, min(max(x, c.left+half), c.right-half), label, text(m.Label))
	case !m.Vertical && c.y.shows(m.At):
		y := c.y.place(m.At)
		label := y - 4
		if label-markRow < c.top {
			label = y + 13 // not into the legend
		}
		c.printf("<path class=\"mark\" d=\"M%.1f %.1fH%.1f\"/><text class=\"marked\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			c.left, y, c.right, c.left+4, label, text(m.Label))
	}
}

// verticals counts the marks that need a row.
func (c *canvas) verticals() (n int) {
	for _, m := range c.plot.Marks {
		if m.Vertical {
			n++
		}
	}
	return n
}

// legendRows breaks the names of the series into rows that fit; none if there is only one.
func (c *canvas) legendRows() (rows [][]int) {
	if len(c.plot.Series) < 2 {
		return nil
	}
	at := math.Inf(1)
	for i, s := range c.plot.Series {
		w := entryWidth(s.Name)
		if at+w > float64(c.plot.Width)-16 {
			rows, at = append(rows, nil), 8
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], i)
		at += w
	}
	return rows
}

func entryWidth(name string) float64 { return 46 + letter*float64(len([]rune(name))) }

func (c *canvas) legend() {
	for r, row := range c.rows {
		x, y := 8.0, 36+18*float64(r)
		for _, i := range row {
			s := &c.plot.Series[i]
			class := "line"
			if s.Kind == Bars || s.Kind == Points {
				class = "swatch"
			}
			c.printf("<g class=\"%s\"><path class=\"%s\" d=\"M%.1f %.1fh22\"/></g><text class=\"name\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
				c.classes[i], class, x, y, x+27, y+4, text(s.Name))
			x += entryWidth(s.Name)
		}
	}
}
