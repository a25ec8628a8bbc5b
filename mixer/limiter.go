package mixer

import "math"

const (
	// ceiling is what the limiter lets through, -0.8 dBFS; the knee is above it.
	ceiling = 29900
	// blocks is how many pieces a frame's gain curve has.
	blocks = 16
	// limiterHold is how many frames the gain stays down after a peak.
	limiterHold = 12
	// limiterRelease is the recovery per block once the hold is over: 10 dB/s at 20 ms frames.
	limiterRelease = 1.00144
)

// limiter brings a sum into 16 bits. It knows the whole frame ahead, so the gain is down
// before a peak arrives; where a peak is so near the frame's start that a ramp would be a
// click, a soft knee bends what is left. It neither wraps nor clips hard, and below the
// ceiling it changes nothing. Its state is plain data: a class is copied with it.
type limiter struct {
	gain float32 // at the end of the last frame; 0 means 1
	hold int
}

// idle reports that the limiter changes nothing at the moment.
func (l *limiter) idle() bool { return l.gain == 0 || l.gain == 1 }

// process writes src limited to dst.
func (l *limiter) process(dst []int16, src []int32) {
	if l.gain == 0 {
		l.gain = 1
	}
	p := peak(src)
	if l.gain == 1 && p <= ceiling {
		for i, s := range src {
			dst[i] = int16(s)
		}
		return
	}
	edges := l.curve(src)
	for b := range blocks {
		from, to := b*len(src)/blocks, (b+1)*len(src)/blocks
		scaleBlock(dst[from:to], src[from:to], edges[b], edges[b+1])
	}
	l.gain = edges[blocks]
}

// curve returns the gain at the edges of the blocks.
func (l *limiter) curve(src []int32) (edges [blocks + 1]float32) {
	var need [blocks + 1]float32
	limited := false
	for b := range blocks {
		need[b] = 1
		if p := peak(src[b*len(src)/blocks : (b+1)*len(src)/blocks]); p > ceiling {
			need[b] = ceiling / float32(p)
		}
		limited = limited || need[b] < l.gain*1.01
	}
	need[blocks] = need[blocks-1]
	if limited {
		l.hold = limiterHold
	} else if l.hold > 0 {
		l.hold--
	}
	edges[0] = l.gain
	for b := 1; b <= blocks; b++ {
		up := edges[b-1]
		if l.hold == 0 {
			up *= limiterRelease
		}
		edges[b] = min(up, need[b-1], need[b], 1)
	}
	l.foresee(&edges)
	return edges
}

// foresee spreads a fall of the gain over the blocks before it, so that it is not a step.
func (l *limiter) foresee(edges *[blocks + 1]float32) {
	const fall = 0.8 // at most so much is left of the gain from one edge to the next
	for b := blocks - 1; b > 0; b-- {
		if limit := edges[b+1] / fall; edges[b] > limit {
			edges[b] = limit
		}
	}
}

// scaleBlock applies a gain that moves linearly from one edge to the next.
func scaleBlock(dst []int16, src []int32, from, to float32) {
	step := (to - from) / float32(len(src))
	for i, s := range src {
		from += step
		dst[i] = knee(float32(s) * from)
	}
}

// knee bends what is above the ceiling towards full scale and never reaches it.
func knee(v float32) int16 {
	const room = math.MaxInt16 - ceiling
	switch {
	case v > ceiling:
		over := v - ceiling
		return int16(ceiling + room*over/(over+room))
	case v < -ceiling:
		over := -v - ceiling
		return int16(-ceiling - room*over/(over+room))
	}
	return int16(v)
}
