package plot

import (
	"math"
	"strconv"
	"strings"
)

// scale places values between two edges of the field.
type scale struct {
	Axis
	low, high float64 // values, or their logarithms
	from, to  float64 // places
	ticks     []tick
}

type tick struct {
	at    float64 // place
	label string  // none if it is a small one
}

// newScale covers values with about so many ticks, and ends at ticks.
func newScale(a Axis, values []float64, from, to float64, ticks int) scale {
	s := scale{Axis: a, from: from, to: to}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if a.shows(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if a.AtLeast > 0 {
		low, high = min(low, a.AtLeast), max(high, a.AtLeast)
	}
	if a.Zero && !s.Log {
		low, high = min(low, 0), max(high, 0)
	}
	if high < low {
		low, high = 1, 1
	}
	if s.Log {
		s.decades(low, high)
	} else {
		s.round(low, high, max(ticks, 2))
	}
	return s
}

// What is beyond extreme, or on a logarithmic axis below 1/extreme, is left out.
const extreme = 1e15

// shows tells whether an axis has a place for a value.
func (a Axis) shows(v float64) bool { // false for what is not a number
	return math.Abs(v) <= extreme && (!a.Log || v >= 1/extreme)
}

// place of a value that it shows.
func (s *scale) place(v float64) float64 {
	if s.Log {
		v = math.Log10(v)
	}
	return s.from + (v-s.low)/(s.high-s.low)*(s.to-s.from)
}

// round covers low to high with steps of 1, 2 or 5 times a power of ten.
func (s *scale) round(low, high float64, ticks int) {
	if high-low <= 1e-9*max(math.Abs(low), math.Abs(high)) {
		low, high = min(low, 0), max(high, 0)
	}
	if high-low < 1/extreme {
		high = 1
	}
	step := roundStep((high - low) / float64(ticks))
	first, last := math.Floor(low/step+1e-9), math.Ceil(high/step-1e-9)
	s.low, s.high = first*step, last*step
	digits := max(int(math.Ceil(-math.Log10(step)-1e-9)), 0)
	for i := first; i <= last; i++ {
		s.ticks = append(s.ticks, tick{s.place(i * step), label(i*step, digits)})
	}
}

// roundStep is the least round step that is not below x.
func roundStep(x float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(x)))
	for _, times := range []float64{1, 2, 5} {
		if unit*times >= x*(1-1e-9) {
			return unit * times
		}
	}
	return 10 * unit
}

// decades covers low to high with ticks at powers of ten, and where those are few also at
// twice and five times them.
func (s *scale) decades(low, high float64) {
	first, last := math.Floor(math.Log10(low)+1e-9), math.Ceil(math.Log10(high)-1e-9)
	few := last-first <= 3
	if few { // end at the nearest of 1, 2, 5 instead
		s.low, s.high = math.Log10(floor125(low)), math.Log10(-floor125(-high))
	} else {
		s.low, s.high = first, last
	}
	if s.high <= s.low {
		s.high = s.low + 1
	}
	for d := first; d <= s.high+1e-9; d++ {
		for times := 1.0; times < 10; times++ {
			v := times * math.Pow(10, d)
			if at := math.Log10(v); at < s.low-1e-9 || at > s.high+1e-9 {
				continue
			}
			t := tick{at: s.place(v)}
			if times == 1 || few && (times == 2 || times == 5) {
				t.label = label(v, max(int(-d), 0))
			}
			s.ticks = append(s.ticks, t)
		}
	}
}

// floor125 is the greatest of 1, 2 and 5 times a power of ten that is not above x; of a
// negative x it is the least that is not below its amount, negated.
func floor125(x float64) float64 {
	if x < 0 {
		return -roundStep(-x)
	}
	unit := math.Pow(10, math.Floor(math.Log10(x)+1e-9))
	for _, times := range []float64{5, 2} {
		if unit*times <= x*(1+1e-9) {
			return unit * times
		}
	}
	return unit
}

// label writes a tick's value; thousands are parted, and millions named.
func label(v float64, digits int) string {
	if math.Abs(v) >= 1e6 {
		return strconv.FormatFloat(v/1e6, 'f', -1, 64) + "M"
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if v == 0 {
		return strings.TrimPrefix(s, "-")
	}
	if digits == 0 && math.Abs(v) >= 1e3 {
		s = s[:len(s)-3] + "," + s[len(s)-3:]
	}
	return s
}
