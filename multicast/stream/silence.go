package stream

import (
	"time"

	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

const (
	// silenceAfter is how long nobody must have contributed before packets are held back.
	silenceAfter = 200 * time.Millisecond
	// silenceEvery is how often one goes out all the same, so that receivers, and switches
	// that forget who wants what, see that the stream is alive.
	silenceEvery = 400 * time.Millisecond
)

// action is what becomes of a packet time.
type action uint8

const (
	hold  action = iota // nothing is sent
	sound               // what the class encoded
	noise               // comfort noise
)

// silence follows who contributes, in media time.
type silence struct {
	heard int64 // when somebody last did, or the stream began
	told  int64 // when the last packet in silence went out
	begun bool
	off   bool // the last packet time had no sound of its own: the next sound has the marker
	noise bool // the format has comfort noise
	level [1]byte
}

// judge tells what to do with a packet time, and whether it has the marker (RFC 3551
// section 4.1).
func (q *silence) judge(o *media.Outgoing) (do action, marker bool) {
	switch {
	case o.Kind == media.ComfortNoise: // the class suppresses silence itself
		q.off, q.told = true, o.Time
		return noise, false
	case len(o.Contributors) > 0 || !q.begun || o.Time < q.heard:
		q.heard, q.begun = o.Time, true
		return q.resume(o)
	case o.Time-q.heard < int64(silenceAfter):
		return q.resume(o)
	case q.off && o.Time-q.told < int64(silenceEvery):
		return hold, false
	}
	q.off, q.told = true, o.Time
	if q.noise {
		return noise, false
	}
	return sound, false
}

func (q *silence) resume(o *media.Outgoing) (action, bool) {
	first := q.off
	q.off = false
	return sound, first || o.Marker
}

// payload returns what a packet of comfort noise says. Nobody contributes, so it is silence,
// unless the class knows better.
func (q *silence) payload(o *media.Outgoing) []byte {
	if o.Kind == media.ComfortNoise {
		return o.Data
	}
	return codec.AppendCN(q.level[:0], media.Silence)
}
