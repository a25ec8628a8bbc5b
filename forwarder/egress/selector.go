package egress

import (
	"cmp"

	"github.com/confd/confd/forwarder/ingress"
)

const (
	chooseEvery = 250 * millisecond // between two looks at bitrates and estimate
	// More is sent only if it fits into four fifths of the estimate, for two seconds on end;
	// less as soon as what is sent does not fit.
	upNeeds, upNeedsOf = 4, 5
	upAfter            = 2 * second

	// A layer can be added at a sync point or a key frame. Where none comes by itself, a key
	// frame is asked for, this often at most.
	moreKeyEvery = 4 * second

	every = 255 // no bound on layers
)

// Layers is what of a source is sent: an encoding (0 is the lowest), and the highest temporal
// and spatial layer of it. 255 is all there are.
type Layers struct{ Encoding, Temporal, Spatial uint8 }

func (l Layers) compare(o Layers) int {
	return cmp.Or(cmp.Compare(l.Encoding, o.Encoding), cmp.Compare(l.Spatial, o.Spatial), cmp.Compare(l.Temporal, o.Temporal))
}

// selector chooses encoding and layers by measured bitrates and estimate.
type selector struct {
	count  int
	chosen Layers // with 255 for the topmost, so that layers that appear are not held back
	since  int64  // since when more would fit, 0 if it would not
	silent int64  // since when only other encodings come, 0 if that is not so
	fresh  bool   // the next choice is made without hysteresis
	rates  [MaxEncodings]ingress.Rates
}

// choose returns what to send to who can take limit bits per second, 0 if that is not known;
// low: as little as there is.
func (c *selector) choose(limit uint64, low bool, now int64) Layers {
	best, measured := c.best(limit, low)
	if !c.fresh && c.pauses(measured, now) {
		return c.chosen
	}
	current := c.present(c.chosen)
	if c.fresh || low || best.compare(current) < 0 {
		c.take(best)
		c.fresh = c.fresh && !measured
		return c.chosen
	}
	if limit > 0 {
		best, _ = c.best(limit/upNeedsOf*upNeeds, low)
	}
	switch {
	case best.compare(current) <= 0:
		c.since = 0
	case c.since == 0:
		c.since = now
	case now-c.since >= upAfter:
		c.take(best)
	}
	return c.chosen
}

// pauses reports whether nothing comes of the encoding that was chosen, and that is no reason
// to take another: nothing comes of any, or it has only just begun to come again of others.
func (c *selector) pauses(measured bool, now int64) bool {
	_, _, sent := top(&c.rates[c.chosen.Encoding])
	switch {
	case sent || !measured:
		c.silent = 0
		return !sent
	case c.silent == 0:
		c.silent = now
	}
	return now-c.silent < chooseEvery
}

// take chooses.
func (c *selector) take(l Layers) {
	c.chosen, c.since = l, 0
	spatial, temporal, _ := top(&c.rates[l.Encoding])
	if int(l.Temporal) >= temporal {
		c.chosen.Temporal = every
	}
	if int(l.Spatial) >= spatial {
		c.chosen.Spatial = every
	}
}

// present returns what there is of layers.
func (c *selector) present(l Layers) Layers {
	spatial, temporal, _ := top(&c.rates[l.Encoding])
	return Layers{l.Encoding, min(l.Temporal, uint8(temporal)), min(l.Spatial, uint8(spatial))}
}

// best returns the most that fits: resolution before frame rate, but for the topmost half of
// the frame rate; the least that there is if nothing fits. It tells whether there is anything.
func (c *selector) best(limit uint64, low bool) (best Layers, measured bool) {
	for e := c.count - 1; e >= 0; e-- {
		r := &c.rates[e]
		spatial, temporal, ok := top(r)
		if !ok {
			continue
		}
		best, measured = Layers{Encoding: uint8(e)}, true
		if low {
			continue
		}
		if l, ok := fitting(r, spatial, temporal, limit); ok {
			l.Encoding = uint8(e)
			return l, true
		}
	}
	if !low {
		best.Temporal = slowest(&c.rates[best.Encoding], limit)
	}
	return best, measured
}

// fitting looks for the most of one encoding that fits, at no less than half its frame rate.
func fitting(r *ingress.Rates, spatial, temporal int, limit uint64) (Layers, bool) {
	for s := spatial; s >= 0; s-- {
		for t := temporal; t >= max(temporal-1, 0); t-- {
			if limit == 0 || r.UpTo(uint8(t), uint8(s)) <= limit {
				return Layers{Temporal: uint8(t), Spatial: uint8(s)}, true
			}
		}
	}
	return Layers{}, false
}

// slowest returns the frame rate of the lowest spatial layer that fits.
func slowest(r *ingress.Rates, limit uint64) uint8 {
	_, temporal, _ := top(r)
	for temporal > 0 && r.UpTo(uint8(temporal), 0) > limit {
		temporal--
	}
	return uint8(temporal)
}

// top returns the highest layers that something was received of; false if nothing was.
func top(r *ingress.Rates) (spatial, temporal int, ok bool) {
	for t := range r {
		for s := range r[t] {
			if r[t][s] > 0 {
				spatial, temporal, ok = max(spatial, s), max(temporal, t), true
			}
		}
	}
	return spatial, temporal, ok
}

// choose looks anew at what to send of what is to be shown.
func (s *Subscription) choose(now int64) {
	s.nextChoice = now + chooseEvery
	s.target = nil
	if s.wished.count == 0 {
		return
	}
	s.selector.count = s.wished.count
	for i, stream := range s.wished.all() {
		s.selector.rates[i] = *stream.Bitrates(now)
	}
	s.wanted = s.selector.choose(s.estimate, s.low, now)
	s.target = s.wished.streams[s.wanted.Encoding]
	if s.target == s.stream {
		s.fold()
	}
	s.note(now)
}

// fold gives up the layers that are too much, at once.
func (s *Subscription) fold() {
	s.layers.Temporal = min(s.layers.Temporal, s.wanted.Temporal)
	s.layers.Spatial = min(s.layers.Spatial, s.wanted.Spatial)
}

// unfold takes the layers that are wanted at a key frame: all of a stream that is on its way out.
func (s *Subscription) unfold() {
	s.lacking = 0
	s.layers = Layers{Encoding: uint8(max(s.wished.index(s.stream), 0)), Temporal: every, Spatial: every}
	if s.stream == s.target {
		s.layers = s.wanted
	}
}

// note notes since when layers are wanted that are not in force.
func (s *Subscription) note(now int64) {
	most := s.selector.present(s.wanted)
	lacks := s.target == s.stream && (s.layers.Temporal < most.Temporal || s.layers.Spatial < most.Spatial)
	switch {
	case !lacks:
		s.lacking = 0
	case s.lacking == 0:
		s.lacking = now
	}
}

// needsKeyForMore reports whether a key frame is to be asked for so that layers can be added.
func (s *Subscription) needsKeyForMore(now int64) bool {
	return s.lacking > 0 && now-s.lacking >= second && now-s.keyAt >= moreKeyEvery
}

// wants reports whether a picture that is no key frame is of the temporal layers in force, to
// which a sync point adds one.
func (s *Subscription) wants(f *ingress.Frame) bool {
	if f.Temporal <= s.layers.Temporal {
		return true
	}
	if f.Sync && s.stream == s.target && f.Temporal <= s.wanted.Temporal && f.Temporal == s.layers.Temporal+1 {
		if s.layers.Temporal++; s.layers.Temporal == s.selector.present(s.wanted).Temporal {
			s.layers.Temporal = s.wanted.Temporal
		}
		return true
	}
	s.stats.Filtered++
	return false
}
