package egress

import (
	"time"

	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/media"
)

// Config is how a subscription is made.
type Config struct {
	// Codec is that of every stream that will be shown. NoVideoCodec: nothing is rewritten.
	Codec media.VideoCodec
	// Workspace is shared with the other subscriptions of the same worker; nil: its own.
	Workspace *Workspace
	// Sequence and Timestamp are the first packet's. They should be random (RFC 3550 section
	// 5.1), the former below 32,768 (RFC 3711 section 3.3.1).
	Sequence  uint16
	Timestamp uint32
}

const usualFreeze = 500 * time.Millisecond

// Subscription is one line's way out. It belongs to one worker.
//
// What each picture touches stands together, since a worker has hundreds of subscriptions.
type Subscription struct {
	work     *Workspace
	rewrites bool // the codec has something to rewrite
	low      bool

	// switch.go
	broken broken
	fresh  bool            // stream was switched to: its key frame is to leave
	number uint64          // of the last picture of stream that was offered
	stream *ingress.Stream // what is shown; nil: nothing
	target *ingress.Stream // the encoding of what is to be shown that was chosen
	wished source          // what is to be shown
	seen   int64           // when the last picture began to leave, or something was first to be shown
	freeze int64

	// selector.go
	nextChoice int64
	wanted     Layers // of the target
	layers     Layers // in force
	lacking    int64  // since when a layer that is wanted could not be added, 0 if none is
	keyAt      int64  // when the last key frame was let out
	estimate   uint64

	budget   budget
	rewriter rewriter
	pacer    pacer
	stats    Stats
	history  history
	selector selector
}

// broken says whether what follows of a stream can be decoded.
type broken uint8

const (
	whole          broken = iota
	brokenBySource        // a picture was lost on the way from the source
	brokenSlow            // one was dropped here, because the receiver is too slow
	brokenLow             // or is in low mode
	brokenQueue           // or because too many wait
	brokenHere            // or the ring had overwritten it
)

// New makes a subscription that shows nothing.
func New(c Config) *Subscription {
	s := &Subscription{freeze: int64(usualFreeze), work: c.Workspace}
	if s.work == nil {
		s.work = new(Workspace)
	}
	s.rewriter = rewriter{sequence: 1<<16 + uint64(c.Sequence), latest: c.Timestamp} // so that nothing lies before 0
	s.SetCodec(c.Codec)
	s.history.setRoundTrip(0)
	s.history.credit = resendMost
	s.adjust()
	return s
}

// Use has the subscription work in another worker's workspace, which takes it over.
func (s *Subscription) Use(w *Workspace) { s.work = w }

// SetCodec has streams of another codec follow, when all that were shown are forgotten. The
// numbers run on.
func (s *Subscription) SetCodec(c media.VideoCodec) {
	s.rewriter.codec = c
	s.rewrites = c == media.VP8 || c == media.VP9
}

// SetFreeze tells how long there may be no picture before it is a freeze; 0: 500 ms. Where sources
// send few pictures (slides), it should be more.
func (s *Subscription) SetFreeze(d time.Duration) {
	if d <= 0 {
		d = usualFreeze
	}
	s.freeze = int64(d)
}

// SetEstimate tells what the receiver can take, bits per second; 0: not known. A bound on
// what it is to be sent is handed in as an estimate, too, if it is lower.
func (s *Subscription) SetEstimate(bits uint64) {
	if bits != s.estimate {
		s.estimate = bits
		s.adjust()
	}
}

// SetLow turns low mode on or off: the lowest encoding and layers, and of these, where they
// are more than 150 kbit/s, key frames and what follows them closely.
func (s *Subscription) SetLow(low bool, now int64) {
	if low == s.low {
		return
	}
	s.thaw(now)
	s.low = low
	s.selector.fresh = true
	s.adjust()
}

func (s *Subscription) adjust() {
	s.budget.set(s.estimate, s.low)
	s.pacer.set(s.estimate)
	s.nextChoice = 0
}

// Offer takes the next picture of a stream, and sends it or a part of it, unless it is not
// wanted. Every picture of the streams that are shown or to be shown is to be offered, of
// each in order, while it is in the ring. Flush is due afterwards when Flush says.
func (s *Subscription) Offer(f *ingress.Frame, now int64, to Sender) {
	if now >= s.nextChoice {
		s.choose(now)
	}
	if !s.takes(f) || !s.passes(f, now) {
		return
	}
	if s.queue(f, now) {
		s.Flush(now, to)
	}
}

// passes reports whether a picture of the stream in force is to leave.
func (s *Subscription) passes(f *ingress.Frame, now int64) bool {
	missed := f.Number != s.number+1
	s.number = f.Number
	if f.Key {
		return s.passesKey(f, now)
	}
	switch {
	case missed:
		s.breakOff(brokenBySource)
	case f.After:
		s.lose(f, brokenBySource)
	}
	if s.broken != whole {
		s.dropped()
		return false
	}
	if f.After {
		s.count(brokenBySource, 1)
		return false
	}
	return s.wants(f) && s.affords(f, now)
}

// passesKey lets a key frame out if the receiver can take it, and in any case if it is
// switched to.
func (s *Subscription) passesKey(f *ingress.Frame, now int64) bool {
	switch {
	case s.fresh:
	case s.broken == whole && s.budget.spent(false, now):
		s.breakOff(s.tooMuch())
		fallthrough
	case s.broken != whole && !s.budget.resumes(now):
		s.dropped()
		return false
	}
	if !s.roomFor(f.Count) {
		s.breakOff(brokenQueue)
		s.dropped()
		return false
	}
	s.fresh, s.broken, s.keyAt = false, whole, now
	s.unfold()
	return true
}

// affords reports whether the receiver can take a picture. Otherwise it is dropped, with as
// little of what follows as may be.
func (s *Subscription) affords(f *ingress.Frame, now int64) bool {
	why := whole
	switch {
	case s.budget.spent(f.Discardable || f.Temporal > 0, now):
		why = s.tooMuch()
	case !s.roomFor(f.Count):
		why = brokenQueue
	default:
		return true
	}
	if !f.Discardable {
		s.lose(f, why)
	}
	s.count(why, 1)
	return false
}

func (s *Subscription) tooMuch() broken {
	if s.low {
		return brokenLow
	}
	return brokenSlow
}

// lose notes that a picture does not leave although later ones may need it: those of its
// temporal layer and above it, or all.
func (s *Subscription) lose(f *ingress.Frame, why broken) {
	if f.Temporal > 0 {
		s.layers.Temporal = min(s.layers.Temporal, f.Temporal-1)
		return
	}
	s.breakOff(why)
}

// breakOff notes that nothing can be decoded before the next key frame.
func (s *Subscription) breakOff(why broken) {
	if s.broken == whole {
		s.broken = why
	}
}

// dropped counts a picture that does not leave because it could not be decoded.
func (s *Subscription) dropped() { s.count(s.broken, 1) }

func (s *Subscription) count(why broken, pictures int) {
	n, d := uint64(pictures), &s.stats.Dropped
	switch why {
	case brokenBySource:
		d.Broken += n
	case brokenSlow:
		d.Slow += n
	case brokenLow:
		d.Low += n
	case brokenQueue:
		d.Queue += n
	case brokenHere:
		d.Overwritten += n
	}
}

// queue takes a picture into the queue; false if nothing of it is to leave.
func (s *Subscription) queue(f *ingress.Frame, now int64) bool {
	p := s.history.add()
	*p = picture{
		stream: f.Stream, first: f.First, span: uint32(f.Count), key: f.Key,
		spatial: s.layers.Spatial, began: f.Began, due: now + paceMost,
	}
	if f.Key && !f.Parameters {
		p.before = uint8(len(f.Stream.Parameters()))
	}
	why := whole
	switch present := s.measure(p); {
	case !present:
		why = brokenHere
	case p.count == 0: // no picture has only layers above the lowest, but a sender can lie
		why = brokenBySource
	}
	if why != whole {
		s.history.tail--
		s.breakOff(why)
		s.dropped()
		return false
	}
	s.pacer.packets += int(p.count)
	s.budget.take(int(p.bytes), p.key, now)
	return true
}

// measure counts what leaves of a picture; false if not all of it is in the ring.
func (s *Subscription) measure(p *picture) bool {
	var c cursor
	for packet, ok := p.next(&c); ok; packet, ok = p.next(&c) {
		p.bytes += uint32(len(packet.Payload)) + headerSize
	}
	p.count = c.gone
	p.all = p.count == p.span+uint32(p.before)
	return c.places == p.span
}
