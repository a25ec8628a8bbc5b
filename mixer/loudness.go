package mixer

import (
	"math"

	"github.com/confd/confd/media"
)

const (
	// floorLoud is the loudness of silence, dBov.
	floorLoud = float32(-127)
	// attack is the share of a rise that one tick follows.
	attack = 0.7
	// release is how fast loudness falls, dB per 20 ms.
	release = 0.7
)

// tell notes the level of a packet for the next look: a tick may have many packets, or be
// one of several that a packet lasts.
func (in *Input) tell(level media.Level) {
	if !in.news || level < in.raw {
		in.raw = level
	}
	in.news = true
}

// listen moves the loudness on by a tick.
func (in *Input) listen() {
	in.was = max(in.loud, in.guess.loud)
	switch idle := !in.play.playing || in.play.pausing; {
	case in.news || in.told && !idle:
		in.observe(in.raw)
	case idle || in.conf.beat.time-in.heardAt > judgeEvery:
		in.fall()
	}
	in.guess.listen(gainDB(in.cfg.Gain), in.release())
	in.news = false
}

// observe takes a level, told or measured, into the loudness.
func (in *Input) observe(level media.Level) {
	raw := -float32(level) + gainDB(in.cfg.Gain)
	if raw > in.loud {
		if in.loud < gateShut {
			in.loud = raw // an onset has no past
		}
		in.loud += (raw - in.loud) * attack
		return
	}
	in.loud = max(raw, in.loud-in.release())
}

// fall lets the loudness of an input without news sink.
func (in *Input) fall() { in.loud = max(floorLoud, in.loud-in.release()) }

func (in *Input) release() float32 { return release / float32(in.conf.pace) }

func gainDB(gain float32) float32 {
	if gain == 1 {
		return 0
	}
	return float32(20 * math.Log10(float64(gain)))
}

const (
	speakLoud  = float32(-45) // dBov: someone speaks
	quietLoud  = float32(-50)
	speakTicks = 2
	quietTicks = 30
)

// speaker turns loudness into talking started and stopped, for people to look at.
type speaker struct {
	on    bool
	count int // ticks that speak against the present state
}

// update returns whether the state changed. pace is how many ticks 20 ms have.
func (s *speaker) update(loud float32, pace int) bool {
	against := s.on && loud < quietLoud || !s.on && loud > speakLoud
	if !against {
		s.count = 0
		return false
	}
	s.count++
	need := speakTicks
	if s.on {
		need = quietTicks
	}
	if s.count < need*pace {
		return false
	}
	s.on, s.count = !s.on, 0
	return true
}
