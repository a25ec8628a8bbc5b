package forwarder

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/confd/confd/forwarder/egress"
	"github.com/confd/confd/forwarder/ingress"
	"github.com/confd/confd/internal/histogram"
)

// counters are the engine's.
type counters struct {
	turns, delay  histogram.Histogram
	lines         atomic.Int64
	frames, looks atomic.Uint64
	panics        atomic.Uint64
	faults        atomic.Uint64
}

// Stats is a snapshot of the engine's counters since it was made.
type Stats struct {
	Lines  int64              // in conferences
	Frames uint64             // pictures that were handed to those who look at their source
	Looks  uint64             // times that the sockets were seen to in the midst of a picture
	Panics uint64             // faults of the forwarder's own, each at the cost of a conference
	Faults uint64             // times that the system did not let a worker wait for its sockets
	Used   float64            // share of its time that the busiest worker works, 0 to 1
	Turns  histogram.Snapshot // seconds that a turn of a worker took
	Delay  histogram.Snapshot // seconds from a picture's last packet to its last send
}

// Stats returns a snapshot. Any goroutine may call it.
func (e *Engine) Stats() Stats {
	s := Stats{Lines: e.stats.lines.Load(), Frames: e.stats.frames.Load(), Looks: e.stats.looks.Load(),
		Panics: e.stats.panics.Load(), Faults: e.stats.faults.Load(), Turns: e.stats.turns.Snapshot(), Delay: e.stats.delay.Snapshot()}
	for _, w := range e.workers {
		s.Used = max(s.Used, float64(w.used.Load())/1e6)
	}
	return s
}

// ingressCounts are what the engine counts of a line's ingress, beside its streams.
type ingressCounts struct {
	Packets       uint64 // that the port handed on
	Bytes         uint64 // of their payloads
	Unwanted      uint64 // packets of a line that may not send, is muted, or of an unknown encoding
	Excess        uint64 // packets beyond the rate that a line may send
	Floods        uint64 // times that its sockets were left alone, since too much came
	SourceChanges uint64 // SSRCs, the first included
	Hidden        uint64 // times that it sent more pictures than it may
	NACKs         uint64 // messages that ask for lost packets
	Requests      uint64 // for key frames
	Unanswered    uint64 // most requests in a row for which no key frame came
}

// egressCounts are the same for its egress.
type egressCounts struct {
	Requests uint64 // for key frames by the peer
	Ignored  uint64 // of them, those beyond the rate that is heeded
}

// IngressStats is what a line's peer sends.
type IngressStats struct {
	Live          bool          // it sends pictures
	Watchers      int           // lines that are shown it, or are about to be
	Width, Height int           // pixels of the largest encoding; 0 unknown
	Bitrate       uint64        // of payloads over the last second, bits per second
	Limit         uint64        // what it was asked to send at most, bits per second; 0 nothing
	RoundTrip     time.Duration // 0 unknown
	ingressCounts
	// Streams is the sum over its encodings, since the line was made; Memory is what they
	// take now.
	Streams ingress.Stats
}

// EgressStats is what a line's peer is sent.
type EgressStats struct {
	Shown   bool   // it is sent pictures of a source
	Bitrate uint64 // of payloads over the last second, retransmissions included, bits per second
	egressCounts
	Subscription egress.Stats
}

// LineStats are a line's figures, at most 50 ms old while it is in a conference, or 200 ms
// where nothing comes of its peer.
type LineStats struct {
	Ingress IngressStats
	Egress  EgressStats
}

// published is what any goroutine may read of a line.
type published struct {
	mu    sync.Mutex
	stats LineStats
}

// Stats returns the line's figures. Any goroutine may call it.
func (l *Line) Stats() LineStats {
	l.shown.mu.Lock()
	defer l.shown.mu.Unlock()
	return l.shown.stats
}

// publish makes the line's figures visible. If somebody reads at this moment, that is left
// to the next time: the worker waits for nobody.
func (l *Line) publish(now int64) {
	if !l.shown.mu.TryLock() {
		return
	}
	defer l.shown.mu.Unlock()
	in, out := &l.in, &l.out
	l.shown.stats = LineStats{
		Ingress: IngressStats{Live: in.live, Watchers: len(in.watchers), Width: int(in.width), Height: int(in.height),
			Bitrate: in.rate.bits, Limit: in.limit.Asked(), RoundTrip: l.roundTrip, ingressCounts: in.count, Streams: in.total()},
		Egress: EgressStats{Shown: out.showing != nil, Bitrate: out.rate.bits, egressCounts: out.count, Subscription: out.sub.Stats(now)},
	}
}

// total adds up what the line's streams have counted, those included that are gone.
func (in *intake) total() ingress.Stats {
	sum := in.past
	for _, s := range in.streams {
		one := s.Stats()
		sum.Add(&one)
	}
	return sum
}

// keep remembers what streams have counted that are let go.
func (in *intake) keep() {
	in.past = in.total()
	in.past.Memory = 0
}
