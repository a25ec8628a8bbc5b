package pcm

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// lengths are frames of 10 and 20 ms at the rates there are, and what is around the ends of
// unrolled loops and vectors.
var lengths = []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 80, 160, 320, 441, 480, 882, 960, 961}

// sounds are frames of one length, by what is in them.
func sounds(n int) map[string][]int16 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	fill := func(f func(i int) int16) []int16 {
		s := make([]int16, n)
		for i := range s {
			s[i] = f(i)
		}
		return s
	}
	return map[string][]int16{
		"noise":   fill(func(int) int16 { return int16(r.Uint32()) }),
		"silence": fill(func(int) int16 { return 0 }),
		"highest": fill(func(int) int16 { return math.MaxInt16 }),
		"lowest":  fill(func(int) int16 { return math.MinInt16 }),
		"alternating": fill(func(i int) int16 {
			return []int16{math.MaxInt16, math.MinInt16}[i%2]
		}),
		"last": fill(func(i int) int16 { return int16(i/max(n-1, 1)) * -12345 }),
	}
}

// sums are 32-bit frames of one length, by what is in them.
func sums(n int) map[string][]int32 {
	r := rand.New(rand.NewPCG(2, uint64(n)))
	all := map[string][]int32{}
	for name, s := range sounds(n) {
		wide := make([]int32, n)
		for i, v := range s {
			wide[i] = int32(v) * 1000 // of a thousand equal voices
		}
		all[name] = wide
	}
	fill := func(name string, f func(i int) int32) {
		s := make([]int32, n)
		for i := range s {
			s[i] = f(i)
		}
		all[name] = s
	}
	fill("any", func(int) int32 { return int32(r.Uint32()) })
	fill("edges", func(i int) int32 {
		return []int32{32767, 32768, -32768, -32769, math.MaxInt32, math.MinInt32}[i%6]
	})
	return all
}

// each runs f for every length with every kind of sum and sound.
func each(t *testing.T, f func(t *testing.T, sum []int32, sound []int16)) {
	for _, n := range lengths {
		for a, sum := range sums(n) {
			for b, sound := range sounds(n) {
				t.Run(fmt.Sprintf("%d/%s/%s", n, a, b), func(t *testing.T) { f(t, sum, sound) })
			}
		}
	}
}

func equal[T comparable](t *testing.T, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d samples, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("sample %d of %d is %v, want %v", i, len(got), got[i], want[i])
		}
	}
}

// guard is what stands behind the samples that a loop may touch.
const guard = 77

// guarded returns a copy of s with something behind it that must stay.
func guarded[T int16 | int32](s []T) []T {
	return append(slices.Clone(s), slices.Repeat([]T{guard}, 16)...)
}

// unguarded returns the samples once what is behind them is found untouched.
func unguarded[T int16 | int32](t *testing.T, s []T) []T {
	t.Helper()
	n := len(s) - 16
	for i, v := range s[n:] {
		if v != guard {
			t.Fatalf("sample %d behind the %d is %v: written past the end", i, n, v)
		}
	}
	return s[:n]
}

func TestAdd(t *testing.T) {
	each(t, func(t *testing.T, sum []int32, src []int16) {
		want := make([]int32, len(sum))
		for i := range want {
			want[i] = sum[i] + int32(src[i])
		}
		got := guarded(sum)
		Add(got, src)
		equal(t, unguarded(t, got), want)
	})
}

func TestLess(t *testing.T) {
	each(t, func(t *testing.T, sum []int32, own []int16) {
		want := make([]int32, len(sum))
		for i := range want {
			want[i] = sum[i] - int32(own[i])
		}
		got := guarded(make([]int32, len(sum)))
		Less(got, sum, own)
		equal(t, unguarded(t, got), want)
		same := guarded(sum)
		Less(same, same, own)
		equal(t, unguarded(t, same), want)
	})
}

// TestLessTakesBackWhatAddAdded: a talker hears the others to the bit.
func TestLessTakesBackWhatAddAdded(t *testing.T) {
	each(t, func(t *testing.T, others []int32, own []int16) {
		sum := slices.Clone(others)
		Add(sum, own)
		Less(sum, sum, own)
		equal(t, sum, others)
	})
}

func TestNarrow(t *testing.T) {
	for _, n := range lengths {
		for name, src := range sums(n) {
			t.Run(fmt.Sprintf("%d/%s", n, name), func(t *testing.T) {
				want := make([]int16, n)
				for i, v := range src {
					want[i] = int16(math.Min(math.Max(float64(v), -32768), 32767))
				}
				got := guarded(make([]int16, n))
				Narrow(got, src)
				equal(t, unguarded(t, got), want)
			})
		}
	}
}

func TestPeak(t *testing.T) {
	for _, n := range lengths {
		for name, src := range sums(n) {
			var want int64
			for _, v := range src {
				want = max(want, int64(v), -int64(v))
			}
			want = min(want, math.MaxInt32)
			if got := Peak(src); int64(got) != want {
				t.Errorf("%d/%s: %d, want %d", n, name, got, want)
			}
		}
	}
}

// TestPeakFindsEverySample: none is left out, wherever it is.
func TestPeakFindsEverySample(t *testing.T) {
	for _, n := range lengths {
		src := make([]int32, n)
		for i := range src {
			for _, v := range []int32{1000, -1000} {
				src[i] = v
				if got := Peak(src); got != 1000 {
					t.Errorf("sample %d of %d is %d: peak %d", i, n, v, got)
				}
			}
			src[i] = 0
		}
	}
}

func TestMeanSquare(t *testing.T) {
	for _, n := range lengths {
		for name, src := range sounds(n) {
			var sum, want float64 // exact: whole numbers below 1<<53
			for _, v := range src {
				sum += float64(v) * float64(v)
			}
			if n > 0 {
				want = sum / float64(n) / (1 << 30)
			}
			if got := MeanSquare(src); got != want {
				t.Errorf("%d/%s: %v, want %v", n, name, got, want)
			}
		}
	}
}

// TestMeanSquareOfLongSound: the sum does not run over.
func TestMeanSquareOfLongSound(t *testing.T) {
	src := slices.Repeat([]int16{math.MinInt16}, 1<<18)
	if got := MeanSquare(src); got != 1 {
		t.Errorf("%v, want 1", got)
	}
}

func TestAmplify(t *testing.T) {
	ramps := [][2]float64{{1, 1}, {0, 0}, {0, 1}, {1, 0}, {1, 4}, {0.25, 0.5}, {-1, 1}, {100, 100}, {1e9, 1e9}}
	for _, n := range lengths {
		for name, src := range sounds(n) {
			for _, r := range ramps {
				got := guarded(make([]int16, n))
				Amplify(got, src, float32(r[0]), float32(r[1]))
				for i, v := range unguarded(t, got) {
					gain := r[0] + (r[1]-r[0])*float64(i+1)/float64(n)
					want := math.Min(math.Max(float64(src[i])*gain, -32768), 32767)
					// Truncated, with a gain summed up in 24 bits.
					if off := math.Abs(float64(v) - want); off > 1+32768*float64(n)*1e-7 {
						t.Fatalf("%d/%s: gain %v: sample %d is %d, want %.1f", n, name, r, i, v, want)
					}
				}
			}
		}
	}
}

// TestAmplifyByOneChangesNothing, in place as well.
func TestAmplifyByOneChangesNothing(t *testing.T) {
	for _, n := range lengths {
		for _, src := range sounds(n) {
			got := slices.Clone(src)
			Amplify(got, got, 1, 1)
			equal(t, got, src)
		}
	}
}

func TestCrossfade(t *testing.T) {
	for _, n := range lengths {
		for an, a := range sounds(n) {
			for bn, b := range sounds(n) {
				got := make([]int16, n)
				Crossfade(got, a, b)
				for i, v := range got {
					w := float64(i+1) / float64(n)
					want := math.Trunc(float64(a[i])*(1-w) + float64(b[i])*w)
					if math.Abs(float64(v)-want) > 1 {
						t.Fatalf("%d/%s to %s: sample %d is %d, want %v", n, an, bn, i, v, want)
					}
				}
				if n > 0 && got[n-1] != b[n-1] {
					t.Fatalf("%d/%s to %s: ends with %d, want %d", n, an, bn, got[n-1], b[n-1])
				}
			}
		}
	}
}

// TestCrossfadeOntoItsSource: dst may be either of the two.
func TestCrossfadeOntoItsSource(t *testing.T) {
	a, b := sounds(160)["noise"], sounds(160)["alternating"]
	want := make([]int16, 160)
	Crossfade(want, a, b)
	onA, onB := slices.Clone(a), slices.Clone(b)
	Crossfade(onA, onA, b)
	Crossfade(onB, a, onB)
	equal(t, onA, want)
	equal(t, onB, want)
}

func TestBend(t *testing.T) {
	for _, n := range lengths {
		for name, src := range sounds(n) {
			for _, step := range []int32{0, 1, -1, 30000, -30000, 65535, -65535} {
				for _, over := range []int{0, 1, n / 5, n, n + 100} {
					got := slices.Clone(src)
					Bend(got, step, over)
					last := min(max(over, 1), n)
					for i, v := range got {
						want := float64(src[i])
						if i < last {
							want += math.Trunc(float64(step) * float64(last-i) / float64(last))
						}
						want = math.Min(math.Max(want, -32768), 32767)
						if float64(v) != want {
							t.Fatalf("%d/%s: step %d over %d: sample %d is %d, want %v", n, name, step, over, i, v, want)
						}
					}
				}
			}
		}
	}
}

func TestSaturate(t *testing.T) {
	for v, want := range map[int32]int16{
		0: 0, 32767: 32767, 32768: 32767, -32768: -32768, -32769: -32768,
		math.MaxInt32: 32767, math.MinInt32: -32768,
	} {
		if got := Saturate(v); got != want {
			t.Errorf("%d became %d, want %d", v, got, want)
		}
	}
}

// TestShortDestinationPanics before anything is written past its end.
func TestShortDestinationPanics(t *testing.T) {
	long, long32 := make([]int16, 160), make([]int32, 160)
	for name, f := range map[string]func(){
		"Add":         func() { Add(make([]int32, 159), long) },
		"Less to":     func() { Less(make([]int32, 159), long32, long) },
		"Less from":   func() { Less(long32, make([]int32, 159), long) },
		"Narrow":      func() { Narrow(make([]int16, 159), long32) },
		"Amplify":     func() { Amplify(make([]int16, 159), long, 1, 1) },
		"Crossfade a": func() { Crossfade(long, make([]int16, 159), long) },
		"Crossfade b": func() { Crossfade(long, long, make([]int16, 159)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func TestNoAllocations(t *testing.T) {
	a, b, sum, dst := make([]int16, 960), make([]int16, 960), make([]int32, 960), make([]int32, 960)
	if n := testing.AllocsPerRun(100, func() {
		Add(sum, a)
		Less(dst, sum, a)
		Narrow(b, dst)
		Peak(sum)
		MeanSquare(a)
		Amplify(b, a, 0, 1)
		Crossfade(b, a, b)
		Bend(b, 100, 80)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// FuzzLoops holds the loops against one another at any length and content.
func FuzzLoops(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x80\xff\x7f\x00\x00\x01\x00"))
	f.Add(slices.Repeat([]byte("\x00\x80\xff\x7f"), 33))
	f.Fuzz(func(t *testing.T, data []byte) {
		src := make([]int16, len(data)/2)
		sum, want := make([]int32, len(src)), make([]int32, len(src))
		for i := range src {
			src[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
			sum[i] = int32(src[i]) * int32(i)
			want[i] = sum[i] + int32(src[i])
		}
		Add(sum, src)
		equal(t, sum, want)
		lo, hi := extentPortable(sum)
		if p := Peak(sum); p != max(hi, -lo) {
			t.Fatalf("peak %d of %d to %d", p, lo, hi)
		}
		got, narrow := make([]int16, len(src)), make([]int16, len(src))
		Narrow(got, sum)
		narrowPortable(narrow, sum)
		equal(t, got, narrow)
		if a, b := squares(src), squaresPortable(src); a != b {
			t.Fatalf("squares %d, want %d", a, b)
		}
	})
}

// benchmarkLoops times every loop at the frames of 20 ms.
func benchmarkLoops(b *testing.B) {
	for _, n := range []int{160, 320, 960} {
		sound, sum := sounds(n)["noise"], sums(n)["noise"]
		for i := range sum {
			sum[i] /= 1000
		}
		dst, out := make([]int32, n), make([]int16, n)
		var power float64
		var peak int32
		for _, l := range []struct {
			name string
			f    func()
		}{
			{"Add", func() { Add(dst, sound) }},
			{"Less", func() { Less(dst, sum, sound) }},
			{"Peak", func() { peak += Peak(sum) }},
			{"MeanSquare", func() { power += MeanSquare(sound) }},
			{"Narrow", func() { Narrow(out, sum) }},
			{"Amplify", func() { Amplify(out, sound, 0.5, 0.6) }},
		} {
			b.Run(fmt.Sprintf("%s/%d", l.name, n), func(b *testing.B) {
				for b.Loop() {
					l.f()
				}
			})
		}
	}
}

func BenchmarkLoops(b *testing.B) { benchmarkLoops(b) }
