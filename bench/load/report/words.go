package report

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// count words a number of things: "1 call", "2,000 calls".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return thousands(n) + " " + thing
}

// thousands writes a number, 0 or more, in groups of three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// percent writes a share; a very small one only as such.
func percent(x float64) string {
	if x > 0 && x < 0.001 {
		return "< 0.001 %"
	}
	return short(x) + " %"
}

// short writes a figure with three digits that count, more only before the point.
func short(x float64) string {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	after := max(2-int(math.Floor(math.Log10(math.Abs(x)))), 0)
	s := strconv.FormatFloat(x, 'f', min(after, 6), 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// differing writes two figures that differ with so many digits that they look different.
func differing(a, b float64) (string, string) {
	if sa, sb := short(a), short(b); sa != sb {
		return sa, sb
	}
	return strconv.FormatFloat(a, 'g', -1, 64), strconv.FormatFloat(b, 'g', -1, 64)
}

// clean replaces what does not print, and what a page or a terminal might obey.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) || c == unicode.ReplacementChar {
			return '?'
		}
		return c
	}, s)
}
