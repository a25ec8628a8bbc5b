package report

import "testing"

func TestWords(t *testing.T) {
	for n, want := range map[int]string{0: "0 calls", 1: "1 call", 999: "999 calls", 1000: "1,000 calls", 1234567: "1,234,567 calls"} {
		if got := count(n, "call"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for x, want := range map[float64]string{0: "0", 0.0001234: "0.000123", 0.5: "0.5", 1: "1", 12.345: "12.3", 99.96: "100", 1234.5: "1234", -3.333: "-3.33"} {
		if got := short(x); got != want {
			t.Errorf("%v: %q, want %q", x, got, want)
		}
	}
	for x, want := range map[float64]string{0: "0 %", 0.00099: "< 0.001 %", 0.001: "0.001 %", 12: "12 %"} {
		if got := percent(x); got != want {
			t.Errorf("%v: %q, want %q", x, got, want)
		}
	}
}
