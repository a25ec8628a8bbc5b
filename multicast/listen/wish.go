package listen

import (
	"math/rand/v2"
	"time"

	requests "github.com/confd/confd/transport/feedback"
)

// How key frames are wished for. What one listener lacks, all lack who joined or lost something
// at the same time: each waits a while for the wish of another to be fulfilled.
const (
	wishSpread  = 10 * time.Millisecond // of the wait, for each listener of the group
	maxSpread   = time.Second
	wishPatient = 2 * time.Second // before it is wished for again, doubling: a sender heeds no more
	maxPatient  = 16 * time.Second
)

// wish is the wait of who lacks a key frame.
type wish struct {
	at       int64 // when to wish for it, 0 if none is lacking
	patience time.Duration
}

// due tells whether to wish for a key frame now.
func (w *wish) due(lacking bool, size int, now int64) bool {
	switch {
	case !lacking:
		*w = wish{}
		return false
	case w.at == 0:
		w.at = now + rand.Int64N(int64(min(time.Duration(size)*wishSpread, maxSpread)))
		w.patience = wishPatient
		return false
	case now < w.at:
		return false
	}
	w.at = now + int64(w.patience)
	w.patience = min(2*w.patience, maxPatient)
	return true
}

// key wishes for a key frame (RFC 4585 section 6.3.1).
func (r *reporter) key(s *source, now int64) {
	var b []byte
	if !r.s.Reduced {
		b = r.compound(s, now)
	}
	r.send(requests.AppendPLI(b, r.ssrc, s.ssrc))
	r.keys++
}
