package egress

import (
	"slices"

	"github.com/confd/confd/forwarder/ingress"
)

// MaxEncodings is how many encodings of a source are looked at; what a source has beyond
// them is not shown.
const MaxEncodings = 4

// source is the encodings of one source, lowest first.
type source struct {
	streams [MaxEncodings]*ingress.Stream
	count   int
}

func (o *source) set(streams []*ingress.Stream) {
	o.streams = [MaxEncodings]*ingress.Stream{}
	o.count = copy(o.streams[:], streams)
}

func (o *source) all() []*ingress.Stream { return o.streams[:o.count] }

// index returns which encoding a stream is, -1 if it is none of the source.
func (o *source) index(stream *ingress.Stream) int { return slices.Index(o.all(), stream) }

func (o *source) remove(stream *ingress.Stream) {
	o.count = len(slices.DeleteFunc(o.all(), func(s *ingress.Stream) bool { return s == stream }))
}

// Show sets what is to be shown: the encodings of a source, lowest first, MaxEncodings of
// them at most; none: nothing, at once. What is shown now runs on until a key frame of the
// new source is offered. A further call before that replaces the wish, also by what still
// runs.
func (s *Subscription) Show(streams []*ingress.Stream, now int64) {
	streams = streams[:min(len(streams), MaxEncodings)]
	if slices.Equal(s.wished.all(), streams) {
		return
	}
	if s.wished.count == 0 || len(streams) == 0 {
		s.thaw(now)
	}
	s.wished.set(streams)
	if len(streams) == 0 {
		s.stream, s.target = nil, nil
		return
	}
	s.selector.fresh = true
	s.choose(now)
}

// Showing returns the stream that pictures are taken from; nil: none as yet, or nothing is
// to be shown.
func (s *Subscription) Showing() *ingress.Stream { return s.stream }

// Wants returns of which streams a key frame is needed, nil where of none: next is what it
// would switch to, current what it shows but cannot go on with, or not with more layers,
// before a key frame. It says so until the key frame is offered; a receiver that is too slow
// for what it is shown, by its own fault, says so no more often than slowKeyEvery or, in low
// mode, lowKeyEvery.
func (s *Subscription) Wants(now int64) (next, current *ingress.Stream) {
	if s.target != s.stream {
		next = s.target
	}
	if s.stream != nil && (s.needsKey(now) || s.needsKeyForMore(now)) {
		current = s.stream
	}
	return next, current
}

// needsKey reports whether the stream in force is broken and may be asked for a key frame.
func (s *Subscription) needsKey(now int64) bool {
	switch s.broken {
	case whole:
		return false
	case brokenBySource:
		return true
	}
	return now-s.keyAt >= s.keyEvery() && s.budget.resumes(now)
}

func (s *Subscription) keyEvery() int64 {
	if s.low {
		return lowKeyEvery
	}
	return slowKeyEvery
}

// takes reports whether a picture is of the stream in force, to which it switches if the
// picture is a key frame of what was waited for.
func (s *Subscription) takes(f *ingress.Frame) bool {
	if f.Stream == s.stream {
		return true
	}
	if !f.Key || !s.waitsFor(f.Stream) {
		return false
	}
	if s.wished.index(s.stream) < 0 {
		s.stats.Switches++
	} else {
		s.stats.EncodingSwitches++
	}
	s.stream, s.broken, s.number = f.Stream, whole, f.Number-1
	s.fresh = true
	return true
}

// waitsFor reports whether a key frame of a stream is to be switched to: the encoding that
// was chosen, or, so that a new source is seen early, any lower one.
func (s *Subscription) waitsFor(stream *ingress.Stream) bool {
	if stream == s.target {
		return true
	}
	if s.wished.index(s.stream) >= 0 {
		return false
	}
	at := s.wished.index(stream)
	return at >= 0 && at < s.wished.index(s.target)
}

// Forget drops every reference to a stream whose ring is about to go: what of it has begun
// to leave is sent to its end, what waits is dropped, and its packets are not repaired any
// more. It is no longer shown nor waited for.
func (s *Subscription) Forget(stream *ingress.Stream, now int64, to Sender) {
	s.finish(stream, now, to)
	s.history.forget(stream)
	s.rewriter.forget(stream)
	if s.stream == stream {
		s.stream = nil
	}
	left := s.wished
	if left.remove(stream); left.count == s.wished.count {
		return
	}
	if left.count == 0 {
		s.thaw(now)
	}
	s.wished = left
	s.selector.fresh = true
	s.choose(now)
}
