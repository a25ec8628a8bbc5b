package mixer

import (
	"math"

	"github.com/confd/confd/internal/pcm"
)

const (
	// ceiling is what the limiter lets through, -0.8 dBFS; the knee is above it.
	ceiling = 29900
	// headroom is what a limited sound is brought to, as a share of the ceiling: sums of
	// many voices have peaks of unequal height, and the level shall not follow each.
	headroom = 0.7
	// blocks is how many pieces a frame's gain curve has.
	blocks = 16
	// limiterHold is how many frames of 20 ms the highest peak is remembered as it was.
	limiterHold = 50
	// limiterDecay is how the memory of it fades per frame of 20 or of 10 ms then: 5 dB/s.
	limiterDecay     = 0.9886
	limiterHalfDecay = 0.9943
)

// limiter brings a sum into 16 bits. It knows the whole frame ahead, so the gain is down
// before a peak arrives; where a peak is so near the frame's start that a ramp would be a
// click, a soft knee bends what is left. It neither wraps nor clips hard, and below the
// ceiling it changes nothing. Its state is plain data: a class is copied with it.
type limiter struct {
	gain    float32 // at the end of the last frame; 0 means 1
	highest float32 // peak of the sum lately
	hold    int     // frames for which highest stays
	half    bool    // frames are of 10 ms
}

// process writes src limited to dst.
func (l *limiter) process(dst []int16, src []int32) {
	if l.gain == 0 {
		l.gain = 1
	}
	p := pcm.Peak(src)
	l.remember(float32(p))
	if l.gain == 1 && p <= ceiling {
		l.highest = float32(p)
		pcm.Narrow(dst, src)
		return
	}
	edges := l.curve(src)
	for b := range blocks {
		from, to := b*len(src)/blocks, (b+1)*len(src)/blocks
		scaleBlock(dst[from:to], src[from:to], edges[b], edges[b+1])
	}
	l.gain = edges[blocks]
}

// remember follows the peaks of the sum.
func (l *limiter) remember(p float32) {
	hold, decay := limiterHold, float32(limiterDecay)
	if l.half {
		hold, decay = 2*limiterHold, limiterHalfDecay
	}
	switch {
	case p >= l.highest:
		l.highest, l.hold = p, hold
	case l.hold > 0:
		l.hold--
	default:
		l.highest = max(p, l.highest*decay)
	}
}

// target is the gain that suits the peaks lately.
func (l *limiter) target() float32 {
	if l.gain == 1 && l.highest <= ceiling {
		return 1
	}
	return min(1, ceiling*headroom/l.highest)
}

// curve returns the gain at the edges of the blocks.
func (l *limiter) curve(src []int32) (edges [blocks + 1]float32) {
	var need [blocks + 1]float32
	for b := range blocks {
		need[b] = 1
		if p := pcm.Peak(src[b*len(src)/blocks : (b+1)*len(src)/blocks]); p > ceiling {
			need[b] = ceiling / float32(p)
		}
	}
	need[blocks] = need[blocks-1]
	to := l.target()
	edges[0] = l.gain
	for b := 1; b <= blocks; b++ {
		ramp := l.gain + (to-l.gain)*float32(b)/blocks
		edges[b] = min(ramp, need[b-1], need[b])
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
