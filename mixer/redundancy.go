package mixer

import "github.com/confd/confd/media"

// redundancy decides whether a stream is worth waiting one packet longer for: on a lossy
// path the next packet may carry a copy of the lost one (Opus in-band FEC), but only if it
// is there when the loss is due.
type redundancy struct {
	rate     float32 // share of packets lost, smoothed over some hundred
	waiting  bool
	attempts int // losses for which the next packet was there
	hits     int // and had a copy
}

const (
	lossMemory = 1.0 / 256
	lossOn     = 0.02
	lossOff    = 0.005
	// maxMisses ends the waiting for copies that never come.
	maxMisses = 10
)

func (r *redundancy) arrived() {
	r.rate -= r.rate * lossMemory
	if r.rate < lossOff {
		r.waiting = false
	}
}

func (r *redundancy) lost() {
	r.rate += (1 - r.rate) * lossMemory
	if r.rate > lossOn {
		r.waiting = true
	}
}

// tried counts an attempt to recover; only inputs that are heard make any.
func (r *redundancy) tried(heard, recovered bool) {
	if !heard {
		return
	}
	r.attempts++
	if recovered {
		r.hits++
	}
}

// worth reports whether a stream is to be held a packet longer than jitter asks.
func (r *redundancy) worth(f *media.Format) bool {
	return r.waiting && f.Codec == media.Opus && (r.attempts <= maxMisses || r.hits > 0)
}

// wait returns how much longer, ns.
func (r *redundancy) wait(s *slot) int64 {
	if !r.worth(s.format) {
		return 0
	}
	return scale(int64(s.samples), 1e9, int64(s.format.SampleRate))
}
