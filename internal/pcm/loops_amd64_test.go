package pcm

import "testing"

// portable switches the assembly off until the test ends.
func portable(tb testing.TB) {
	was := hasAVX2
	tb.Cleanup(func() { hasAVX2 = was })
	hasAVX2 = false
}

// TestPortable runs the tests of the loops without the assembly.
func TestPortable(t *testing.T) {
	portable(t)
	for name, test := range map[string]func(*testing.T){
		"Add": TestAdd, "Less": TestLess, "Narrow": TestNarrow, "Peak": TestPeak,
		"PeakFindsEverySample": TestPeakFindsEverySample, "MeanSquare": TestMeanSquare,
		"MeanSquareOfLongSound": TestMeanSquareOfLongSound,
	} {
		t.Run(name, test)
	}
}

// TestAVX2IsPortable: the assembly gives what the portable loops give, to the bit.
func TestAVX2IsPortable(t *testing.T) {
	if !hasAVX2 {
		t.Skip("this processor has no AVX2")
	}
	each(t, func(t *testing.T, sum []int32, sound []int16) {
		n := len(sum) / vector * vector
		if n == 0 {
			return
		}
		sum, sound = sum[:n], sound[:n]
		got, want := append([]int32(nil), sum...), append([]int32(nil), sum...)
		addAVX2(&got[0], &sound[0], n)
		addPortable(want, sound)
		equal(t, got, want)
		lessAVX2(&got[0], &sum[0], &sound[0], n)
		lessPortable(want, sum, sound)
		equal(t, got, want)
		a, b := make([]int16, n), make([]int16, n)
		narrowAVX2(&a[0], &sum[0], n)
		narrowPortable(b, sum)
		equal(t, a, b)
		lo, hi := rangeAVX2(&sum[0], n)
		if l, h := extentPortable(sum); lo != l || hi != h {
			t.Fatalf("%d to %d, want %d to %d", lo, hi, l, h)
		}
		if got, want := squaresAVX2(&sound[0], n), squaresPortable(sound); got != want {
			t.Fatalf("squares %d, want %d", got, want)
		}
	})
}

func BenchmarkPortable(b *testing.B) {
	portable(b)
	benchmarkLoops(b)
}
