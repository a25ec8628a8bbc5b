package forwarder

import (
	"time"

	"github.com/confd/confd/forwarder/ingress"
)

const (
	// askEvery is how often a key frame is asked for at most, unless the round trip is longer.
	askEvery = 300 * time.Millisecond
	// signalEvery is the same where signalling has to ask.
	signalEvery = time.Second
	// patience is how often a source is asked in vain before signalling is to ask it once, too, and
	// it is asked ever more rarely.
	patience = 4
	// askSeldom is how often a source is asked that never sends a key frame.
	askSeldom = 5 * time.Second
	// askApart is the least time between requests to one source, whatever the encoding.
	askApart = 50 * time.Millisecond
	// arriving is how long a key frame that has begun is waited for before another is asked.
	arriving = time.Second
)

// asker asks for key frames of one stream. The wishes of all who look at it become one
// request, at once if there was none lately, repeated until a key frame begins.
type asker struct {
	wanted bool
	asked  int64 // last, 0 never
	times  int   // since a key frame began
	began  int64 // when the newest key frame began, 0 none yet
	done   int64 // when the newest whole one was passed on
	signal bool  // by signalling, since the peer takes no feedback
}

// wish notes that somebody needs a key frame, and reports whether that is news. While one
// is on its way nobody needs to ask.
func (a *asker) wish(now int64) bool {
	if a.wanted || a.began > a.done && now-a.began < int64(arriving) {
		return false
	}
	a.wanted = true
	return true
}

// see notes when the newest key frame began, monotonic ns, 0 for none.
func (a *asker) see(began int64) {
	if began > a.began {
		a.began, a.wanted, a.times = began, false, 0
	}
}

// due returns when to ask next.
func (a *asker) due(roundTrip time.Duration) int64 {
	if a.asked == 0 {
		return 0
	}
	every := max(roundTrip, askEvery)
	if a.signal {
		every = max(every, signalEvery)
	}
	for n := patience; n < a.times && every < askSeldom; n++ {
		every *= 2
	}
	return a.asked + int64(min(every, askSeldom))
}

// wish notes that somebody needs a key frame of a stream, and has it asked for as soon as
// that may be. It reports whether the stream is one of the source's.
func (in *intake) wish(s *ingress.Stream, now int64) bool {
	for i, own := range in.streams {
		if own == s {
			if in.asks[i].wish(now) {
				in.ask(now)
			}
			return true
		}
	}
	return false
}

// ask asks for the key frames that are due, and has the line come back for those that are
// not yet.
func (in *intake) ask(now int64) {
	for i := range in.asks {
		a := &in.asks[i]
		if !a.wanted {
			continue
		}
		if at := max(a.due(in.line.roundTrip), in.asked+int64(askApart)); at > now {
			in.line.worker.wheel.set(in.line, at)
			continue
		}
		in.request(a, uint8(i), now)
		in.line.worker.wheel.set(in.line, a.due(in.line.roundTrip))
	}
}

// request asks for one.
func (in *intake) request(a *asker, encoding uint8, now int64) {
	a.asked, in.asked = now, now
	a.times++
	in.count.Requests++
	in.count.Unanswered = max(in.count.Unanswered, uint64(a.times))
	a.signal = !in.line.port.RequestKeyFrame(now, encoding)
	if a.signal || a.times == patience { // some name feedback that they do not heed
		in.line.emit(Event{Kind: KeyFrameBySignalling})
	}
}
