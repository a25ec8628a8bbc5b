package tone

import (
	"math"
	"time"
)

// THDN returns total harmonic distortion and noise: the root mean square of everything that
// is not the sine near freq Hz, over that of everything. 0.01 is 1 %. The frequency is
// searched within 1.5 % first, so that a steady wrong speed is no noise; a changing one is.
func THDN(samples []int16, rate int, freqs ...float64) float64 {
	residual := Residual(samples, rate, freqs...)
	var noise, all float64
	for i, r := range residual {
		noise += r * r
		all += float64(samples[i]) * float64(samples[i])
	}
	if all == 0 {
		return 1
	}
	return math.Sqrt(noise / all)
}

// Residual returns samples less the best fit of a constant and sines near freqs.
func Residual(samples []int16, rate int, freqs ...float64) []float64 {
	w := make([]float64, len(freqs))
	for i, f := range freqs {
		w[i] = 2 * math.Pi * refine(samples, rate, f) / float64(rate)
	}
	c := fit(samples, w)
	out := make([]float64, len(samples))
	basis := make([]float64, len(c))
	for i, s := range samples {
		fill(basis, w, i)
		out[i] = float64(s)
		for k, b := range basis {
			out[i] -= c[k] * b
		}
	}
	return out
}

// roughly returns the frequency of the strongest tone within 1.5 % of f.
func roughly(samples []int16, rate int, f float64) float64 {
	w := window(samples)
	best, level := f, math.Inf(-1)
	step := float64(rate) / float64(max(1, len(samples))) / 2
	for x := f * 0.985; x <= f*1.015; x += step {
		if l := w.level(2 * math.Pi * x / float64(rate)); l > level {
			best, level = x, l
		}
	}
	return best
}

// refine corrects f by how far the phase at f runs away between the two halves of samples.
func refine(samples []int16, rate int, f float64) float64 {
	f = roughly(samples, rate, f)
	half := len(samples) / 2
	if half < rate/int(math.Max(1, f)) {
		return f
	}
	for range 4 {
		w := 2 * math.Pi * f / float64(rate)
		a := fit(samples[:half], []float64{w})
		b := fit(samples[half:2*half], []float64{w})
		// fit starts at phase 0 in each half: b is ahead by w*half.
		drift := math.Atan2(b[1], b[2]) - math.Atan2(a[1], a[2]) - w*float64(half)
		drift = math.Remainder(drift, 2*math.Pi)
		f += drift / float64(half) * float64(rate) / (2 * math.Pi)
	}
	return f
}

// fit returns the least-squares coefficients of 1, cos(w0 i), sin(w0 i), cos(w1 i), ...
func fit(samples []int16, w []float64) []float64 {
	n := 1 + 2*len(w)
	normal := make([][]float64, n)
	for i := range normal {
		normal[i] = make([]float64, n+1)
	}
	basis := make([]float64, n)
	for i, s := range samples {
		fill(basis, w, i)
		for r := range n {
			for c := r; c < n; c++ {
				normal[r][c] += basis[r] * basis[c]
			}
			normal[r][n] += basis[r] * float64(s)
		}
	}
	for r := range n {
		for c := range r {
			normal[r][c] = normal[c][r]
		}
	}
	return solve(normal)
}

func fill(basis, w []float64, i int) {
	basis[0] = 1
	for k, x := range w {
		basis[2*k+2], basis[2*k+1] = math.Sincos(x * float64(i))
	}
}

// solve does Gaussian elimination with pivots on an n by n+1 system.
func solve(m [][]float64) []float64 {
	n := len(m)
	for col := range n {
		best := col
		for r := col + 1; r < n; r++ {
			if math.Abs(m[r][col]) > math.Abs(m[best][col]) {
				best = r
			}
		}
		m[col], m[best] = m[best], m[col]
		if m[col][col] == 0 {
			continue
		}
		for r := range n {
			if r != col {
				eliminate(m[r], m[col], col)
			}
		}
	}
	x := make([]float64, n)
	for i := range x {
		if m[i][i] != 0 {
			x[i] = m[i][n] / m[i][i]
		}
	}
	return x
}

func eliminate(row, pivot []float64, col int) {
	k := row[col] / pivot[col]
	for c := col; c < len(row); c++ {
		row[c] -= k * pivot[c]
	}
}

// Jump returns the largest deviation of samples from the sines near freqs, fitted anew to
// each window of 60 ms (half overlapping), and where it is. A steady tone through G.711
// deviates by its quantisation only; a lost, repeated or cut sample stands out.
// Quiet stretches, in which the fit has nothing to hold on to, deviate by what they hold.
func Jump(samples []int16, rate int, freqs ...float64) (deviation float64, at int) {
	n := int(60 * time.Millisecond * time.Duration(rate) / time.Second)
	w := make([]float64, len(freqs))
	for i, f := range freqs {
		w[i] = 2 * math.Pi * f / float64(rate)
	}
	basis := make([]float64, 1+2*len(w))
	for start := 0; start+n <= len(samples); start += n / 2 {
		window := samples[start : start+n]
		c := fit(window, w)
		for i, s := range window {
			fill(basis, w, i)
			d := float64(s)
			for k, b := range basis {
				d -= c[k] * b
			}
			if math.Abs(d) > deviation {
				deviation, at = math.Abs(d), start+i
			}
		}
	}
	return deviation, at
}

// MaxStep returns the largest difference between neighbouring samples, and the index of
// the later of the two.
func MaxStep(samples []int16) (step, at int) {
	for i := 1; i < len(samples); i++ {
		d := int(samples[i]) - int(samples[i-1])
		if d < 0 {
			d = -d
		}
		if d > step {
			step, at = d, i
		}
	}
	return step, at
}
