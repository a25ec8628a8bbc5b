package mixer

import (
	"sync/atomic"
	"time"

	"github.com/confd/confd/internal/histogram"
	"github.com/confd/confd/media"
)

// Histogram counts durations; HistogramSnapshot is one at one moment.
type (
	Histogram         = histogram.Histogram
	HistogramSnapshot = histogram.Snapshot
)

// inputCounters are one input's; the worker counts, anyone reads.
type inputCounters struct {
	packets, malformed, unknown, held atomic.Uint64
	duplicate, late, lost, recovered  atomic.Uint64
	concealed, restarts, cuts         atomic.Uint64
	delay, jitter                     atomic.Int64 // ns
	level                             atomic.Uint32
	talking                           atomic.Bool
	codec                             atomic.Uint32
}

// InputStats are the counters of one stream of ingress since it began.
type InputStats struct {
	Packets   uint64 // received for this input
	Malformed uint64 // with a payload that its codec does not have
	Unknown   uint64 // of a payload type that was not negotiated
	Held      uint64 // dropped because the call is on hold
	Duplicate uint64
	Late      uint64 // after their tick
	Lost      uint64 // packets concealed because a later one came
	Recovered uint64 // of the lost, from redundancy
	Concealed uint64 // samples made up because nothing came
	Cuts      uint64 // times that too much delay was given up at once
	Restarts  uint64 // changes of SSRC or rate, leaps of sequence or timestamps
	Level     media.Level
	Talking   bool
	Delay     time.Duration // sound that waits in front of the mixer
	Jitter    time.Duration // by which nearly all packets have arrived
	Codec     media.Codec   // of the newest packet played
}

// Stats returns the counters. Any goroutine may call it.
func (in *Input) Stats() InputStats {
	s := &in.stats
	return InputStats{
		Packets: s.packets.Load(), Malformed: s.malformed.Load(), Unknown: s.unknown.Load(),
		Held: s.held.Load(), Duplicate: s.duplicate.Load(), Late: s.late.Load(), Lost: s.lost.Load(),
		Recovered: s.recovered.Load(), Concealed: s.concealed.Load(), Restarts: s.restarts.Load(),
		Cuts:  s.cuts.Load(),
		Level: media.Level(s.level.Load()), Talking: s.talking.Load(),
		Delay: time.Duration(s.delay.Load()), Jitter: time.Duration(s.jitter.Load()),
		Codec: media.Codec(s.codec.Load()),
	}
}

// publishEvery is how often an input's state is copied for readers, ticks.
const publishEvery = 16

// publish copies what is not a counter to where readers may look.
func (in *Input) publish() {
	s := &in.stats
	s.level.Store(uint32(max(min(-in.loud, 127), 0)))
	s.talking.Store(in.speaker.on)
	s.jitter.Store(in.play.arr.jitter)
	f := in.play.format
	if f == nil {
		return
	}
	s.codec.Store(uint32(f.Codec))
	if in.play.playing {
		s.delay.Store(scale(in.play.waiting(), 1e9, int64(f.SampleRate)))
	}
}

// counters are the engine's.
type counters struct {
	Inputs       atomic.Int64
	Decoded      atomic.Uint64 // packets decoded, also those that only warm a decoder
	Encoded      atomic.Uint64 // packets encoded
	EncodeErrors atomic.Uint64
	Ticks        atomic.Uint64
	Panics       atomic.Uint64 // ticks that ended in one
	Rebased      atomic.Uint64 // ticks that were given up because the machine was too late
	Splits       atomic.Uint64 // ticks of a conference that several threads did together
	HelperWakes  atomic.Uint64 // times that a parked helper was woken
	Helped       atomic.Int64  // ns that helpers were at work
	Batches      atomic.Uint64 // given to the kernel by outboxes
	Batched      atomic.Uint64 // packets in them
	Unbatched    atomic.Uint64 // packets that outboxes sent one by one
	Late, Busy   Histogram     // ns
	Stages       [stageCount]Histogram
}

// The stages of a tick, as they are timed.
const (
	stageApply = iota
	stageDrain
	stageLook
	stageChoose
	stageRender
	stageMix
	stageSend
	stageCount
)

// StageNames are the labels of Stats.Stages.
var StageNames = [stageCount]string{"apply", "drain", "look", "choose", "render", "mix", "send"}

// Stats is a snapshot of the engine's counters.
type Stats struct {
	Inputs       int64
	Ticks        uint64
	Rebased      uint64
	Splits       uint64        // ticks of a conference that several threads did together
	HelperWakes  uint64        // times that a thread was woken to help
	Helped       time.Duration // that such threads were at work
	Batches      uint64        // of packets, given to the kernel by outboxes
	Batched      uint64        // packets in them
	Unbatched    uint64        // packets that outboxes sent one by one, because the kernel refused a batch
	Panics       uint64        // faults of the mixer's own, each at the cost of a conference
	Decoded      uint64
	Encoded      uint64
	EncodeErrors uint64
	Late         HistogramSnapshot // seconds by which a tick began after it was due
	Busy         HistogramSnapshot // seconds that a pass over the rooms of a slot took
	Stages       [stageCount]HistogramSnapshot
}

// Stats returns a snapshot. Any goroutine may call it.
func (e *Engine) Stats() Stats {
	c := &e.stats
	s := Stats{Inputs: c.Inputs.Load(), Ticks: c.Ticks.Load(), Rebased: c.Rebased.Load(), Panics: c.Panics.Load(),
		Splits: c.Splits.Load(), HelperWakes: c.HelperWakes.Load(), Helped: time.Duration(c.Helped.Load()),
		Batches: c.Batches.Load(), Batched: c.Batched.Load(), Unbatched: c.Unbatched.Load(),
		Decoded: c.Decoded.Load(), Encoded: c.Encoded.Load(), EncodeErrors: c.EncodeErrors.Load(),
		Late: c.Late.Snapshot(), Busy: c.Busy.Snapshot()}
	for i := range c.Stages {
		s.Stages[i] = c.Stages[i].Snapshot()
	}
	return s
}
