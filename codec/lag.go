package codec

import "math"

// coarseRate is about the rate at which the pitch is looked for first.
const coarseRate = 8000

// maxLag is the longest pitch cycle in samples, 15 ms, and searchWindow the stretch of
// sound that is compared, 20 ms.
func maxLag(rate int) int       { return rate * 15 / 1000 }
func minLag(rate int) int       { return rate / perSecondMinLag }
func searchWindow(rate int) int { return rate * 20 / 1000 }

// findLag returns the lag, minLag to maxLag, at which the end of h is most like itself by
// normalised correlation. h is searchWindow+maxLag long. At rates above 8 kHz it searches
// a decimated copy, then around what it found.
func findLag(h []int16, rate int) int {
	var room [(20 + 15) * 10]float32 // enough up to 10 kHz
	factor := rate / coarseRate
	coarse := room[:len(h)/factor]
	shift := len(h) - len(coarse)*factor // the end counts
	for i := range coarse {
		sum := int32(0)
		for _, s := range h[shift+i*factor:][:factor] {
			sum += int32(s)
		}
		coarse[i] = float32(sum)
	}
	low := rate / factor
	lag := bestLag(coarse, searchWindow(low), minLag(low), maxLag(low))
	if factor == 1 {
		return lag
	}
	return refineLag(h, searchWindow(rate), max(lag*factor-factor, minLag(rate)), min(lag*factor+factor, maxLag(rate)))
}

// bestLag compares the last window samples with those before them, lag by lag.
func bestLag(x []float32, window, from, to int) int {
	end := len(x) - window
	to = min(to, end)
	target := x[end:]
	best, bestScore := to, 0.0
	energy := 0.0
	for _, v := range x[end-from:][:window] {
		energy += float64(v) * float64(v)
	}
	for lag := from; lag <= to; lag++ {
		if lag > from { // slide by one
			in, out := float64(x[end-lag]), float64(x[end-lag+window])
			energy += in*in - out*out
		}
		score := score(correlate(target, x[end-lag:][:window]), energy)
		if score > bestScore {
			best, bestScore = lag, score
		}
	}
	return best
}

// score is the normalised correlation but for the target's own energy.
func score(correlation, energy float64) float64 {
	if correlation <= 0 || energy <= 0 {
		return 0
	}
	return correlation / math.Sqrt(energy)
}

func correlate(a, b []float32) float64 {
	b = b[:len(a)]
	var s0, s1 float32
	for i := 0; i+1 < len(a); i += 2 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
	}
	return float64(s0) + float64(s1)
}

// refineLag does the same at the full rate, for a few lags.
func refineLag(h []int16, window, from, to int) int {
	end := len(h) - window
	target := h[end:]
	best, bestScore := to, 0.0
	for lag := from; lag <= to; lag++ {
		var correlation, energy int64
		for i, v := range h[end-lag:][:window] {
			correlation += int64(v) * int64(target[i])
			energy += int64(v) * int64(v)
		}
		if score := score(float64(correlation), float64(energy)); score > bestScore {
			best, bestScore = lag, score
		}
	}
	return best
}
