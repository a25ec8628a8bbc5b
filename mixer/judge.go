package mixer

import "github.com/confd/confd/codec"

// An input whose packets do not tell how loud they are is only known from listening, and
// that costs a decode. So most are judged by a guess from the head of their packets
// (codec.Gauge): it opens a free place at once, and where it does not suffice it decides
// who is listened to first.

const (
	// doubt is how far, dB, a guess is from the truth in most cases.
	doubt = float32(6)
	// judgeEvery is how long, ns, what was heard of an input decides.
	judgeEvery = int64(100e6)
	// waitWorth is how long, ns, somebody waits to be heard before one who seems to be a decibel
	// louder; leniency is for how many decibels at most.
	waitWorth = int64(60e6)
	leniency  = int64(6)
	// sampleEvery is how often, in ticks, somebody is heard who seems to be silent; in large
	// rooms one in so many inputs is.
	sampleEvery = 16
	sampleShare = 64
	// learning is the share of a guess's error that one hearing takes out.
	learning = float32(0.3)
	// maxError bounds the error that a guess is believed to have, dB.
	maxError = float32(40)
)

// guess is what an input's packets seem to say of its loudness.
type guess struct {
	news  bool    // there were packets since the last tick
	fresh bool    // there were before this tick
	raw   float32 // the loudest of them, dBov
	fault [2]guessFault
	loud  float32 // corrected and after gain, quick up, slow down
	any   bool    // this stream can be guessed at
}

// guessFault is by how much a guess has been too low, dB. Noise and voices are apart.
type guessFault struct {
	known bool
	by    float32
}

// noiseLoud, dBov, divides guesses at noise from guesses at voices.
const noiseLoud = float32(-48)

func (g *guess) faulty() *guessFault {
	if g.raw < noiseLoud {
		return &g.fault[0]
	}
	return &g.fault[1]
}

// suppose takes a guess of a packet's level, dBov.
func (g *guess) suppose(level float32) {
	if !g.news || level > g.raw {
		g.raw = level
	}
	g.news, g.any = true, true
}

// listen moves the guessed loudness on by a tick.
func (g *guess) listen(gain, release float32) {
	g.fresh, g.news = g.news, false
	g.loud -= release
	if g.fresh {
		g.loud = max(g.loud, g.raw+g.faulty().by+gain)
	}
	g.loud = max(g.loud, floorLoud)
}

// learn compares the guess with what was heard in the same tick, both before gain.
func (g *guess) learn(level, gain float32) {
	g.loud = level + gain
	f := g.faulty()
	if !g.fresh || max(level, g.raw+f.by) < gateShut {
		return
	}
	share := learning
	if !f.known {
		share, f.known = 1, true
	}
	f.by += (level - g.raw - f.by) * share
	f.by = max(min(f.by, maxError), -maxError)
}

// known reports whether in.loud is what was told or heard, and not long ago.
func (in *Input) known() bool {
	return in.told || in.conf.beat.time-in.heardAt <= judgeEvery
}

// claim returns the loudness with which an input asks for a place. A guess is enough for a
// place that is free, unless the packets say that this is no voice.
func (in *Input) claim(free bool) float32 {
	switch {
	case in.loud >= gateOpen && in.known():
		return in.loud
	case free && in.hint != codec.ActivitySilent && in.guess.any && in.guess.loud >= gateOpen+doubt:
		return in.guess.loud
	}
	return floorLoud
}

// nominate picks whose sound is made: talkers, inputs with taps, and a few others, to learn
// how loud they are. Not more is decoded in a tick than one packet for each place of the
// mixes that are heard, and Candidates; taps aside. What warms a decoder of G.722 counts by what
// it costs (repeats).
func (c *Conference) nominate() {
	spare := c.engine.cfg.Candidates
	for _, m := range c.mixes {
		if m.outputs > 0 {
			spare += m.cfg.Talkers
		}
	}
	for _, in := range c.inputs {
		in.made = in.talking > 0 || len(in.taps) > 0
		if in.talking > 0 {
			spare--
		}
	}
	for _, in := range c.inputs {
		if in.made && in.voice == nil {
			in.warm = warmPackets
			if len(in.taps) == 0 {
				in.warm = int8(max(min(warmPackets, spare), 0))
				spare -= int(in.warm)
			}
		}
	}
	c.judge(min(spare, c.engine.cfg.Candidates))
}

// judge nominates those that are worth listening to, until that costs so many decodes.
func (c *Conference) judge(spare int) {
	for spare > 0 {
		in := c.worthiest()
		if in == nil {
			break
		}
		cost := in.nominate(spare)
		if cost == 0 {
			break
		}
		spare -= cost
	}
	if c.samples++; c.samples >= sampleEvery*c.pace && spare > 0 {
		c.samples = 0
		for range 1 + len(c.inputs)/sampleShare {
			if in := c.sample(); in != nil && spare > 0 {
				spare -= in.nominate(spare)
			}
		}
	}
}

// nominate has the input heard, at a cost of at most spare decodes, which it returns; 0 if
// for so little nothing would be learned.
func (in *Input) nominate(spare int) int {
	in.warm = 0
	if in.voice == nil {
		if in.warm = int8(min(judgePackets, spare-1)); in.warm == 0 {
			return 0
		}
	}
	in.made = true
	return int(in.warm) + 1
}

// worthiest returns who is to be heard first of those who may be loud enough.
func (c *Conference) worthiest() (best *Input) {
	most := floorLoud
	for _, in := range c.inputs {
		loud, waited := in.guess.loud, c.beat.time-in.heardAt
		if in.told || in.made || waited <= judgeEvery && loud < in.loud+doubt || in.guess.any && loud < gateOpen-doubt {
			continue
		}
		if worth := loud + float32(min(waited/waitWorth, leniency)); worth > most && in.unheard() {
			most, best = worth, in
		}
	}
	return best
}

// sample returns the next in rotation of those that seem to be silent.
func (c *Conference) sample() *Input {
	for range c.inputs {
		c.cursor++
		if in := c.inputs[c.cursor%len(c.inputs)]; !in.made && in.unheard() {
			return in
		}
	}
	return nil
}

// unheard reports whether only listening can tell how loud the input is.
func (in *Input) unheard() bool {
	return !in.told && in.play.started && !in.play.pausing && in.targetGain() != 0 && !in.alone()
}

// alone reports an input that nobody could hear: judging it can wait.
func (in *Input) alone() bool {
	for _, m := range in.conf.mixes {
		if !m.idle(in) {
			return false
		}
	}
	return true
}
