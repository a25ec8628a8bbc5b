package mixer

import (
	"github.com/confd/confd/internal/pcm"
	"github.com/confd/confd/media"
)

// MixConfig is a recipe: which inputs, how loud, how many at once.
type MixConfig struct {
	// All takes every input of the conference, present and future, but for Except.
	All    bool
	Except []*Input
	// Sources are taken with a gain of their own, in addition to All.
	Sources []MixSource
	// Talkers is how many of the loudest are heard, 1 or more; 0 means the engine's.
	Talkers int
}

// MixSource is one input in a recipe.
type MixSource struct {
	Input  *Input
	Gain   float32 // linear; 0 means 1
	Pinned bool    // always heard, beside the loudest
}

// Mix is a recipe at work: the talkers that it chose, and their sum. Outputs hang on it.
// "Less self" is not a mix of its own: a class of the mix leaves one talker out.
type Mix struct {
	conf    *Conference
	cfg     MixConfig
	special map[*Input]MixSource // of cfg.Sources
	except  map[*Input]bool
	talkers []talker
	outputs int
	sole    *Input // self of the only output
	classes []*class

	sum     []int32   // this tick, at the room's rate
	time    int64     // media time of the sum
	before  []int32   // the sum of the period before, if that was at the same rate
	former  []int32   // the same at the rate before, in the tick that changes it
	residue []residue // of those who left at once, to be faded out this tick
	ids     []uint32  // of who is in the sum, loudest first
	levels  []media.Level
	level   media.Level
	quiet   int // ticks in a row with level below pauseLevel
}

// residue is where the sound of an input stood that was taken away at once.
type residue struct {
	in     *Input
	sample int32
}

// pauseLevel is a mix in which nobody speaks.
const pauseLevel media.Level = 58

// talker is one chosen source in one mix.
type talker struct {
	in      *Input
	gain    float32 // of the recipe
	now     float32 // ramp in force at the end of the last frame, 0 to 1
	want    float32 // 1 chosen, 0 leaving
	ticks   int     // since it was chosen
	below   int     // ticks in a row under the gate
	sudden  bool    // it was quiet until it was chosen: there is nothing to fade in but the onset
	frame   []int16 // what was added this tick: in.frame or own
	last    int16   // sample of it
	own     []int16
	former  []int16
	ownPast []int16
}

func newMix(c *Conference, cfg MixConfig) *Mix {
	m := &Mix{conf: c}
	m.configure(cfg)
	return m
}

func (m *Mix) configure(cfg MixConfig) {
	if cfg.Talkers <= 0 {
		cfg.Talkers = m.conf.engine.cfg.Talkers
	}
	m.cfg = cfg
	m.special, m.except = map[*Input]MixSource{}, map[*Input]bool{}
	for _, s := range cfg.Sources {
		if s.Gain == 0 {
			s.Gain = 1
		}
		m.special[s.Input] = s
	}
	for _, in := range cfg.Except {
		m.except[in] = true
	}
}

// recipe returns an input's gain in the mix and whether it is pinned or taken at all.
func (m *Mix) recipe(in *Input) (gain float32, pinned, taken bool) {
	if len(m.special) > 0 {
		if s, ok := m.special[in]; ok {
			return s.Gain, s.Pinned, true
		}
	}
	return 1, false, m.cfg.All && (len(m.except) == 0 || !m.except[in])
}

// idle reports a mix that nobody but its own sole source could hear.
func (m *Mix) idle(in *Input) bool {
	return m.outputs == 0 || m.outputs == 1 && m.sole == in
}

// find returns the talker that is in, or nil.
func (m *Mix) find(in *Input) *talker {
	for i := range m.talkers {
		if m.talkers[i].in == in {
			return &m.talkers[i]
		}
	}
	return nil
}

// add sums the talkers' frames with their ramps.
func (m *Mix) add(b *beat) {
	m.sum, m.before = sized(m.before, b.samples), m.sum
	if m.time != b.time-b.period || len(m.before) != b.samples {
		m.before = m.before[:0]
	}
	m.time = b.time
	clear(m.sum)
	var power float64
	for i := range m.talkers {
		t := &m.talkers[i]
		t.frame, t.own = t.contribute(t.in.frame, t.own)
		t.last = t.frame[len(t.frame)-1]
		pcm.Add(m.sum, t.frame)
		power += float64(t.want*t.gain*t.gain) * t.in.power
	}
	m.settle(m.sum)
	m.rank()
	m.level = media.LevelOf(power)
	if m.level > pauseLevel {
		m.quiet++
	} else {
		m.quiet = 0
	}
}

// rank lists who is in the sum.
func (m *Mix) rank() {
	m.ids, m.levels = m.ids[:0], m.levels[:0]
	for i := range m.talkers {
		in := m.talkers[i].in
		if in.level == media.Silence {
			continue
		}
		m.ids, m.levels = append(m.ids, in.id), append(m.levels, in.level)
		at := len(m.ids) - 1
		for ; at > 0 && m.levels[at-1] > in.level; at-- {
			m.ids[at], m.levels[at] = m.ids[at-1], m.levels[at-1]
		}
		m.ids[at], m.levels[at] = in.id, in.level
	}
}

// settle fades out where sources that were taken away at once had stopped.
func (m *Mix) settle(sum []int32) {
	for _, r := range m.residue {
		fade(sum, r.sample)
	}
}

// left returns what in left behind in this tick's sum: its own outputs do not get that
// either.
func (m *Mix) left(in *Input) (sample int32) {
	for _, r := range m.residue {
		if r.in == in {
			sample += r.sample
		}
	}
	return sample
}

// fade adds a step that goes to nothing.
func fade(sum []int32, step int32) {
	n := int32(len(sum) * 50 / healTime)
	for i := int32(0); i < n; i++ {
		sum[i] += step * (n - i) / n
	}
}

// addFormer sums the same tick at the rate before.
func (m *Mix) addFormer(samples int) {
	m.former = sized(m.former, samples)
	clear(m.former)
	for i := range m.talkers {
		t := &m.talkers[i]
		t.former, t.ownPast = t.contribute(t.in.former, t.ownPast)
		pcm.Add(m.former, t.former)
	}
	m.settle(m.former)
}

// contribute returns src with the talker's gain and ramp, in buf unless src will do.
func (t *talker) contribute(src, buf []int16) (frame, kept []int16) {
	from, to := t.now*t.gain, t.want*t.gain
	if from == 1 && to == 1 {
		return src, buf
	}
	buf = sized(buf, len(src))
	n := len(src)
	if t.sudden && t.now == 0 {
		n = len(src) * 50 / onsetTime
		pcm.Amplify(buf[n:], src[n:], to, to)
	}
	pcm.Amplify(buf[:n], src[:n], from, to)
	return buf, buf
}

// onsetTime is how long the fade is over which a sound sets in, as a divisor of a second.
const onsetTime = 400

// advance moves the ramps to the end of this frame and lets go of who has left.
func (m *Mix) advance() {
	clear(m.residue)
	m.residue = m.residue[:0]
	kept := m.talkers[:0]
	for i := range m.talkers {
		t := &m.talkers[i]
		t.now = t.want
		t.ticks++
		if t.now == 0 {
			m.conf.left(m, t.in)
			continue
		}
		kept = append(kept, *t)
	}
	clear(m.talkers[len(kept):])
	m.talkers = kept
}

// sized returns buf with n elements, made anew only if it is too small.
func sized[T any](buf []T, n int) []T {
	if cap(buf) < n {
		return make([]T, n)
	}
	return buf[:n]
}
