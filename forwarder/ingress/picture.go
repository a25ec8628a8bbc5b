package ingress

import "github.com/confd/confd/media"

// picture is what is being put together. Everything below scan is done with; from the first
// packet of an open picture to scan all are there.
type picture struct {
	scan  uint64 // the next packet to be looked at
	end   uint64 // behind the last packet with a payload
	frame Frame
	open  bool

	ahead   bool  // only parameter sets so far: they belong to the picture that follows
	coded   bool  // some packet was a coded picture's
	kinds   kinds // of parameter sets among the packets
	key     bool
	leading bool // of H.265: decodable only with what was before the last key frame
	torn    bool // begun behind a hole
	dropped bool // the packets of stamp are being dropped

	before stamp // of the packet before scan, if that was there
	drop   uint32
}

// stamp is the time of a packet.
type stamp struct {
	time   uint32
	marker bool
	valid  bool
}

// needed returns the oldest number that is still needed to put pictures together.
func (s *Stream) needed() uint64 {
	if s.picture.open {
		return s.picture.frame.First
	}
	if !s.started {
		return s.highest
	}
	return s.picture.scan
}

// Next returns the next whole picture in decode order, nil if there is none yet. It is valid
// until Next is called again, its packets until Put is.
func (s *Stream) Next() *Frame {
	for s.started && s.picture.scan <= s.highest {
		p := s.ring.at(s.picture.scan)
		if p == nil {
			if !s.hole() {
				return nil
			}
			continue
		}
		if s.take(p) && s.whole() {
			return s.finish()
		}
	}
	return nil
}

// hole is at scan. It tells whether to go on behind it.
func (s *Stream) hole() bool {
	v := &s.picture
	if s.losses.first(v.scan) {
		if !s.damage.lost() || !s.turns() {
			return false
		}
		// Whatever is waited for, none could decode it, and behind it something can be.
		s.stats.Lost += s.losses.forget(s.turn.at)
	}
	s.giveUp()
	s.damage.gap()
	v.before.valid = false
	v.scan++
	return true
}

// turns tells whether decoding can begin anew behind scan: where the packet before the turn is
// there, so that it is known to be one.
func (s *Stream) turns() bool {
	return s.turn.at > s.picture.scan && s.ring.at(s.turn.at-1) != nil
}

// take looks at the packet at scan and tells whether the picture that is open is whole.
func (s *Stream) take(p *slot) bool {
	v := &s.picture
	if len(p.Payload) == 0 && !p.bad {
		v.scan++
		return v.open && p.Marker && !v.ahead
	}
	if v.open && p.Timestamp != v.frame.Timestamp && !v.ahead {
		return true // without a marker; p is the next one's
	}
	s.damage.follow(p)
	if v.open || s.begins(p) {
		s.add(p)
	} else {
		s.pass(p)
	}
	v.before = stamp{p.Timestamp, p.Marker, true}
	v.scan++
	return v.open && p.Marker && !v.ahead
}

// begins tells whether a picture begins with p.
func (s *Stream) begins(p *slot) bool {
	v := &s.picture
	if p.bad {
		return false
	}
	if v.before.valid && (v.before.marker || v.before.time != p.Timestamp) {
		return p.Info.Begin || s.quiet()
	}
	if v.dropped && v.drop == p.Timestamp || p.Info.Spatial > 0 {
		return false
	}
	return p.Info.Begin && (p.Info.Key || s.config.Codec != media.AV1)
}

// quiet tells whether the codec's packets do not tell for sure where a picture begins.
func (s *Stream) quiet() bool {
	return s.config.Codec == media.H264 || s.config.Codec == media.H265
}

// add puts p into the open picture, or opens one with it.
func (s *Stream) add(p *slot) {
	v := &s.picture
	if !v.open {
		s.open(p)
	}
	f := &v.frame
	v.end = p.ext + 1
	f.Count = int(v.end - f.First)
	f.Bytes += len(p.Payload)
	if p.bad || f.Count > s.ring.bound/2 {
		s.refuse(p)
		return
	}
	f.Began, f.Done = min(f.Began, p.arrival), max(f.Done, p.arrival)
	s.learn(p)
}

// open begins a picture with p.
func (s *Stream) open(p *slot) {
	v := &s.picture
	v.open, v.dropped = true, false
	v.torn = !v.before.valid
	v.coded, v.kinds, v.key, v.ahead, v.leading = false, 0, false, false, false
	v.frame = Frame{
		First: p.ext, Timestamp: p.Timestamp, Began: p.arrival, Done: p.arrival,
		Discardable: true, Temporal: p.Info.Temporal,
	}
}

// learn takes over what p tells of its picture.
func (s *Stream) learn(p *slot) {
	v, f := &s.picture, &s.picture.frame
	i := &p.Info
	coded := true
	if s.quiet() {
		var found kinds
		coded, found = s.sets.learn(p.Payload)
		v.kinds |= found
	}
	if coded && !v.coded { // the first but for parameter sets ahead
		f.Timestamp, f.Temporal = p.Timestamp, i.Temporal
	}
	v.coded = v.coded || coded
	v.ahead = !v.coded
	v.key, v.leading = v.key || i.Key, v.leading || i.Leading
	f.Sync = f.Sync || i.Sync
	f.Discardable = f.Discardable && (i.Discardable || !coded || s.config.Codec == media.VP9 && !i.Begin)
	f.MaxSpatial = max(f.MaxSpatial, i.Spatial)
	if i.Width > 0 && i.Height > 0 {
		s.keys.width, s.keys.height = i.Width, i.Height
	}
}

// refuse drops a picture for a packet that cannot be read, or because it has no end.
func (s *Stream) refuse(p *slot) {
	if !p.bad {
		s.stats.Endless++
	}
	s.giveUp()
}

// giveUp drops the open picture, if there is one.
func (s *Stream) giveUp() {
	v := &s.picture
	if !v.open {
		return
	}
	v.open, v.dropped, v.drop = false, true, v.frame.Timestamp
	s.stats.GivenUp++
	s.damage.drop(v.frame.Temporal, v.leading || v.frame.Discardable && s.config.Codec != media.VP9)
}

// pass drops p, a packet of a picture whose beginning is not there.
func (s *Stream) pass(p *slot) {
	v := &s.picture
	if !v.dropped || v.drop != p.Timestamp {
		v.dropped, v.drop = true, p.Timestamp
		s.stats.GivenUp++
		s.stats.Headless++
	}
	s.damage.drop(p.Info.Temporal, p.Info.Leading || p.Info.Discardable && s.config.Codec != media.VP9)
}

// skip lets go of everything below ext.
func (s *Stream) skip(ext uint64) {
	s.giveUp()
	s.stats.Lost += s.losses.forget(ext)
	s.damage.gap()
	s.picture.before.valid = false
	s.picture.scan = max(s.picture.scan, ext)
}

// whole tells whether the open picture is, as far as the hole that it may follow lets one
// know: a key frame without parameter sets has lost them there, and they may have been new,
// unless its source has sent key frames without before. It drops such a picture, and leaves out
// one that nobody can decode (see splice), which no other needs but such.
func (s *Stream) whole() bool {
	v := &s.picture
	if v.leading {
		v.open = false
		s.stats.Leading++
		return false
	}
	if !v.torn || !v.key || !s.quiet() || s.sets.all(v.kinds) || s.sets.complete() && !s.sets.inBand {
		return true
	}
	s.stats.Headless++
	s.giveUp()
	return false
}

// finish closes the open picture, which is whole.
func (s *Stream) finish() *Frame {
	v := &s.picture
	v.open = false
	f := &s.handed
	again := f.Timestamp == v.frame.Timestamp && f.Number > 0 // after a marker that was none
	*f = v.frame
	f.Stream = s
	s.stats.Frames++
	f.Number = s.stats.Frames
	f.Parameters = s.quiet() && s.sets.all(v.kinds)
	f.Key = v.key && !again && s.usable()
	f.After = s.damage.settle(f, &s.ring.at(f.First).Info)
	f.Width, f.Height = s.keys.width, s.keys.height
	s.account(f)
	s.even(f)
	return f
}

// account counts a whole picture.
func (s *Stream) account(f *Frame) {
	if f.Key {
		s.stats.KeyFrames++
	}
	if f.After {
		s.stats.Undecodable++
	}
}

// usable tells whether a decoder has the parameter sets for a key frame, with those that were
// sent before.
func (s *Stream) usable() bool {
	if !s.quiet() {
		return true
	}
	if s.sets.complete() {
		s.sets.inBand = s.sets.all(s.picture.kinds)
		return true
	}
	s.stats.Unusable++
	return false
}

// even gives all packets of a picture its timestamp, and the marker to the last alone, where
// the source did it otherwise.
func (s *Stream) even(f *Frame) {
	for ext := f.First; ext < f.end(); ext++ {
		p := s.ring.at(ext)
		p.Timestamp, p.Marker = f.Timestamp, ext == f.end()-1
	}
}
