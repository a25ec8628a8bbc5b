package media

import (
	"math"
	"math/rand/v2"
	"testing"
)

// logarithm is what a level is.
func logarithm(meanSquare float64) Level {
	db := -10 * math.Log10(meanSquare)
	return Level(math.Round(max(0, min(db, float64(Silence)))))
}

func TestLevelOf(t *testing.T) {
	for _, c := range []struct {
		meanSquare float64
		want       Level
	}{
		{-1, Silence}, {0, Silence}, {math.SmallestNonzeroFloat64, Silence}, {math.NaN(), Silence}, {math.Inf(-1), Silence},
		{1, 0}, {2, 0}, {math.Inf(1), 0}, {math.Nextafter(1, 0), 0}, {0.5, 3}, {1.0 / (1 << 30), 90}, {1e-12, 120}, {1e-13, Silence},
	} {
		if got := LevelOf(c.meanSquare); got != c.want {
			t.Errorf("LevelOf(%g) = %d, want %d", c.meanSquare, got, c.want)
		}
	}
	for l := range Silence {
		// A hair to either side of where one level becomes the next.
		edge := math.Pow(10, -(float64(l)+0.5)/10)
		if above, below := LevelOf(edge*(1+1e-12)), LevelOf(edge*(1-1e-12)); above != l || below != l+1 {
			t.Errorf("around %g: %d and %d, want %d and %d", edge, above, below, l, l+1)
		}
	}
	for range 100000 {
		x := math.Pow(10, -14*rand.Float64()+0.5)
		if got, want := LevelOf(x), logarithm(x); got != want {
			t.Fatalf("LevelOf(%g) = %d, want %d", x, got, want)
		}
	}
}

func BenchmarkLevelOf(b *testing.B) {
	var x [256]float64
	for i := range x {
		x[i] = math.Pow(10, -10*rand.Float64())
	}
	for name, f := range map[string]func(float64) Level{"table": LevelOf, "logarithm": logarithm} {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				f(x[i%len(x)])
			}
		})
	}
}
