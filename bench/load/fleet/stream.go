//go:build linux

package fleet

import (
	"github.com/confd/confd/bench/load/signal"
	"github.com/confd/confd/codec"
	"github.com/confd/confd/media"
)

// stream turns the packets of an RTP stream into sound, in order: it waits a little for those
// that are overtaken, conceals nothing, and fills pauses (DTX, comfort noise) with zeros.
type stream struct {
	format  media.Format
	kind    uint8 // payload type of format
	decoder codec.Decoder
	ear     *signal.Ear
	to      hearer // the ear

	begun   bool
	ssrc    uint32
	next    uint32 // number that is played next
	stamp   uint32 // that it should have
	skipped bool   // numbers before next never came
	held    [held]early
	pcm     [codec.MaxFrame]int16

	malformed int
}

// hearer takes the sound: signal.Ear has it so.
type hearer interface {
	Hear(pcm []int16, arrival int64)
	Gap(n int)
}

// held is how many packets that have overtaken others wait for them.
const held = 4

// early is a packet that waits.
type early struct {
	arrived
	full bool
	data [maxDatagram]byte
}

const (
	maxPause = 30  // seconds of silence that are taken for a pause
	leap     = 500 // numbers; more are a new stream
)

// take plays a packet when its turn comes.
func (s *stream) take(a *arrived) {
	ahead := int32(a.number - s.next)
	switch {
	case !s.begun || a.ssrc != s.ssrc || ahead > leap || ahead < -leap:
		s.restart(a)
		s.play(a)
	case ahead < 0: // too late
	case ahead == 0:
		s.play(a)
		s.follow()
	default:
		s.hold(a)
	}
}

// restart begins with another stream: what was going on is not judged.
func (s *stream) restart(a *arrived) {
	if s.begun {
		s.to.Gap(s.format.SampleRate)
		s.reset()
	}
	s.begun, s.ssrc, s.next, s.stamp, s.skipped = true, a.ssrc, a.number, a.stamp, false
}

// reset makes the decoder forget.
func (s *stream) reset() {
	if s.decoder.Reset() != nil {
		s.malformed++
	}
	for i := range s.held {
		s.held[i].full = false
	}
}

// hold keeps a packet until those before it have come, or too many have come instead.
func (s *stream) hold(a *arrived) {
	for a.number-s.next > held { // the next is given up
		s.next++
		s.skipped = true
		s.follow()
	}
	if a.number == s.next {
		s.play(a)
	} else {
		h := &s.held[a.number%held]
		h.arrived, h.full = *a, true
		h.payload = h.data[:copy(h.data[:], a.payload)]
	}
	s.follow()
}

// follow plays the packets that wait, as far as they are next.
func (s *stream) follow() {
	for {
		h := &s.held[s.next%held]
		if !h.full || h.number != s.next {
			return
		}
		h.full = false
		s.play(&h.arrived)
	}
}

// play lets the ear hear a packet, and first what is missing before it.
func (s *stream) play(a *arrived) {
	s.next = a.number + 1
	if a.kind != s.kind {
		return // time goes on with the next of the format
	}
	n := codec.PacketSamples(s.format, a.payload)
	if n == 0 {
		s.malformed++
		s.skipped = true
		return
	}
	s.fill(a)
	if got, err := s.decoder.Decode(s.pcm[:], a.payload); err != nil || got != n {
		s.malformed++
		s.to.Gap(n)
	} else {
		s.to.Hear(s.pcm[:n], a.at)
	}
	s.stamp = a.stamp + uint32(n*s.format.ClockRate/s.format.SampleRate)
}

// fill makes up for the time from the packet before.
func (s *stream) fill(a *arrived) {
	missing := int64(int32(a.stamp-s.stamp)) * int64(s.format.SampleRate) / int64(s.format.ClockRate) // samples
	skipped := s.skipped
	s.skipped = false
	switch {
	case missing < 0 || missing > int64(maxPause*s.format.SampleRate):
		s.to.Gap(s.format.SampleRate)
		s.reset()
	case skipped:
		s.to.Gap(int(missing))
	default:
		s.pause(missing, a.at)
	}
}

// pause lets the ear hear silence that ends at a time.
func (s *stream) pause(samples, until int64) {
	if samples == 0 {
		return
	}
	rate := int64(s.format.SampleRate)
	for samples > 0 {
		n := min(samples, rate/50)
		clear(s.pcm[:n])
		s.to.Hear(s.pcm[:n], until-samples*1e9/rate)
		samples -= n
	}
}
