package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// elements parses strictly, and counts elements by name and class.
func elements(t testing.TB, svg []byte) map[string]int {
	t.Helper()
	n := map[string]int{}
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			name := e.Name.Local
			for _, a := range e.Attr {
				if a.Name.Local == "class" {
					name += "." + a.Value
				}
			}
			n[name]++
		}
	}
}

func TestWhatIsDrawn(t *testing.T) {
	nan := math.NaN()
	p := Plot{
		Title: `a < b & "c"`, About: "about\x00it", Alone: true,
		X: Axis{Label: "<x>"}, Y: Axis{Label: "y", Zero: true},
		Series: []Series{
			{Name: "line & line", X: []float64{1, 2, 3, 4, 5}, Y: []float64{1, 2, nan, math.Inf(1), 3}},
			{Name: "steps", Kind: Steps, X: []float64{1, 2, 3}, Y: []float64{1, 5, 2}},
			{Name: "points", Kind: Points, X: []float64{1, nan}, Y: []float64{1, 1}},
			{Name: "bars", Kind: Bars, X: []float64{1, 2, 3}, Y: []float64{4, 0, 6}, Width: 1},
		},
		Marks: []Mark{{"<most>", 5.5, false}, {"median", 2, true}},
	}
	svg := p.SVG()
	n := elements(t, svg)
	for what, want := range map[string]int{
		"rect.bar": 2, "circle.point": 3 + 3 + 1, "path.line": 2 + 2, "path.swatch": 2, "path.mark": 2, "text.marked": 2,
		"text.name": 4, "style": 1, "rect.paper": 1, "desc": 1, "text.none": 0,
	} {
		if n[what] != want {
			t.Errorf("%d of %s, want %d", n[what], what, want)
		}
	}
	for _, want := range []string{"a &lt; b &amp; ", "&lt;x&gt;", "&lt;most&gt;", `aria-label="a &lt;`} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("%q is not there", want)
		}
	}
	p.Series[2].Beside = true
	if n := elements(t, p.SVG()); n["g.s1"] != 2 || n["g.s1 beside"] != 2 || n["g.s2"] != 2 || n["g.s3"] != 0 {
		t.Errorf("with one beside another: %v", n)
	}
	p.Alone, p.Series = false, p.Series[:1]
	if n := elements(t, p.SVG()); n["style"] != 0 || n["text.name"] != 0 {
		t.Errorf("one series on a page has style or legend: %v", n)
	}
}

func TestNothingToDraw(t *testing.T) {
	for _, p := range []Plot{
		{}, {X: Axis{Log: true}, Y: Axis{Log: true}},
		{Series: []Series{{X: []float64{math.NaN()}, Y: []float64{1}}}},
		{Y: Axis{Log: true}, Series: []Series{{X: []float64{1}, Y: []float64{0}}}},
	} {
		svg := p.SVG()
		if elements(t, svg)["text.none"] != 1 || bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
			t.Errorf("drew %s", svg)
		}
	}
}

func labels(s scale) string {
	var all []string
	for _, t := range s.ticks {
		if t.label != "" {
			all = append(all, t.label)
		}
	}
	return strings.Join(all, " ")
}

// Ticks are round, few, and cover what there is.
func TestTicks(t *testing.T) {
	for _, c := range []struct {
		axis   Axis
		values []float64
		want   string
	}{
		{Axis{}, []float64{0, 100}, "0 20 40 60 80 100"},
		{Axis{}, []float64{3, 17}, "0 5 10 15 20"},
		{Axis{}, []float64{-3, 17}, "-5 0 5 10 15 20"},
		{Axis{Zero: true}, []float64{990, 1010}, "0 500 1,000 1,500"},
		{Axis{}, []float64{0.21, 0.29}, "0.20 0.22 0.24 0.26 0.28 0.30"},
		{Axis{}, []float64{5}, "0 1 2 3 4 5"},
		{Axis{}, []float64{0}, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{Axis{AtLeast: 1}, []float64{0, 0}, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{Axis{}, []float64{0, 40000}, "0 10,000 20,000 30,000 40,000"},
		{Axis{}, []float64{0, 4e6}, "0 1M 2M 3M 4M"},
		{Axis{Log: true}, []float64{1, 2000}, "1 10 100 1,000 10,000"},
		{Axis{Log: true}, []float64{10, 1000}, "10 20 50 100 200 500 1,000"},
		{Axis{Log: true}, []float64{0.04, 0.3}, "0.02 0.05 0.1 0.2 0.5"},
		{Axis{Log: true}, []float64{7}, "5 10"},
		{Axis{Log: true}, []float64{1e-3, 1e3}, "0.001 0.01 0.1 1 10 100 1,000"},
	} {
		s := newScale(c.axis, c.values, 0, 100, 5)
		if got := labels(s); got != c.want {
			t.Errorf("%+v of %v: %q, want %q", c.axis, c.values, got, c.want)
		}
		for _, v := range c.values {
			if at := s.place(v); at < -1e-6 || at > 100+1e-6 {
				t.Errorf("%+v: %v is at %v, not within 0 to 100", c.axis, v, at)
			}
		}
	}
}

// Whatever the figures, it is SVG, and draws within its bounds.
func FuzzPlot(f *testing.F) {
	f.Add(1.0, 2.0, 3.0, uint8(0), "name", true)
	f.Add(-1.0, 1e300, 1e-300, uint8(3), "<", false)
	f.Fuzz(func(t *testing.T, a, b, c float64, kind uint8, name string, log bool) {
		svg := Plot{Title: name, Y: Axis{Log: log}, X: Axis{Log: log}, Marks: []Mark{{name, c, log}},
			Series: []Series{{Name: name, Kind: Kind(kind % 4), X: []float64{a, b, c}, Y: []float64{b, c, a}, Width: 1}}}.SVG()
		elements(t, svg)
		if len(svg) > 1<<20 {
			t.Fatalf("%d bytes", len(svg))
		}
	})
}
