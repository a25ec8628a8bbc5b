package mixer

import (
	"github.com/confd/confd/codec/resample"
	"github.com/confd/confd/internal/pcm"
	"github.com/confd/confd/media"
)

// renderOne moves a stream on and, if it was nominated, makes its sound.
func (c *Conference) renderOne(in *Input) {
	if in.made {
		c.lend(in)
	} else if in.voice != nil {
		c.engine.voices.release(in)
	}
	in.render(&c.beat, c.old)
}

// lend gives an input a voice that has already heard the last packets.
func (c *Conference) lend(in *Input) {
	if in.voice != nil {
		return
	}
	in.voice = c.engine.voices.get()
	in.voice.warm(&in.play, int(in.warm), in.was < gateOpen)
	in.gain = in.targetGain()
}

// render makes one frame.
func (in *Input) render(b *beat, old int) {
	r := in.play.consume(b, in.voice, &in.stats)
	if in.voice == nil {
		return
	}
	to := in.targetGain()
	if old != 0 {
		in.renderFormer(b, &r, old, to)
	}
	in.frame, in.own = in.voice.read(b.samples, in.own, &r)
	if in.gain != 1 || to != 1 {
		in.own = sized(in.own, b.samples)
		pcm.Amplify(in.own, in.frame, in.gain, to)
		in.frame = in.own
	}
	in.gain = to
	in.power = pcm.MeanSquare(in.frame)
	in.level = media.LevelOf(in.power)
	in.voice.quiet = in.level > pauseLevel
	in.heardAt = b.time
	if !in.told {
		in.observeRendered()
	}
	in.conf.engine.stats.Decoded.Add(in.voice.count())
	in.tap(b, &r)
}

// renderFormer makes the same frame at the room's rate before, in the tick that changes it.
func (in *Input) renderFormer(b *beat, r *reading, old int, to float32) {
	in.former = sized(in.former, old*b.samples/b.rate)
	past := *r
	past.kern = resample.KernelFor(in.voiceRate(), old)
	past.step = r.step * uint64(b.samples) / uint64(len(in.former))
	past.exact = past.step == 1<<32 && r.pos&fraction == 0
	in.voice.peek(in.former, &past)
	if in.gain != 1 || to != 1 {
		pcm.Amplify(in.former, in.former, in.gain, to)
	}
}

func (in *Input) voiceRate() int {
	if f := in.play.format; f != nil {
		return f.SampleRate
	}
	return in.conf.rate
}

// observeRendered takes the level of the frame into the loudness.
func (in *Input) observeRendered() {
	level := in.level
	if in.cfg.Gain != 1 && in.gain != 0 {
		level = media.LevelOf(in.power / float64(in.gain*in.gain))
	}
	in.observe(level)
	in.guess.learn(-float32(level), gainDB(in.cfg.Gain))
}

// tap hands the frame to who listens to this input alone.
func (in *Input) tap(b *beat, r *reading) {
	if len(in.taps) == 0 {
		return
	}
	f := &in.voice.frame
	*f = media.Frame{Time: b.time, SampleRate: b.rate, Samples: in.frame, Level: in.level,
		Concealed: r.idle || in.play.run > 0}
	for _, t := range in.taps {
		t.Frame(f)
	}
}
