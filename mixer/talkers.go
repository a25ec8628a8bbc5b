package mixer

const (
	// gateOpen and gateShut are the loudness (dBov) at which a source becomes a candidate
	// and below which a talker gives up its place.
	gateOpen = float32(-58)
	gateShut = float32(-64)
	// challenge is by how much (dB) another must be louder than the weakest talker.
	challenge = float32(3)
	// minTicks is how long a talker stays before one may take its place who is not louder by
	// challengeNew.
	minTicks     = 10
	challengeNew = float32(6)
	// holdTicks is how long a talker under the gate stays: pauses between words.
	holdTicks = 30
)

// choose decides who is heard in the mix this tick: the pinned, the talkers so far, and
// louder others. Level decides, not the kind of sound: a steady tone counts as speech does.
func (m *Mix) choose() {
	m.review()
	free := m.places() < m.cfg.Talkers
	for _, in := range m.conf.inputs {
		loud := in.claim(free)
		if loud < gateOpen && len(m.special) == 0 || in.talkingIn(m) {
			continue
		}
		gain, pinned, taken := m.recipe(in)
		if !taken || m.idle(in) || in.targetGain() == 0 && in.gain == 0 {
			continue
		}
		if pinned || loud >= gateOpen {
			in.loud = max(in.loud, loud)
			m.admit(in, gain, pinned)
			free = m.places() < m.cfg.Talkers
		}
	}
}

// talkingIn reports whether in is a talker of m.
func (in *Input) talkingIn(m *Mix) bool { return in.talking > 0 && m.find(in) != nil }

// review takes talkers out that fell silent, left, are not in the recipe any more, or for
// whom it has no place any more.
func (m *Mix) review() {
	for i := range m.talkers {
		t := &m.talkers[i]
		gain, pinned, taken := m.recipe(t.in)
		t.gain = gain
		if t.in.loud < gateShut && t.in.guess.loud < gateOpen+doubt {
			t.below++
		} else {
			t.below = 0
		}
		muted := t.in.targetGain() == 0 && t.in.gain == 0
		stay := taken && t.in.conf == m.conf && !m.idle(t.in) && (pinned || t.below < holdTicks*m.conf.pace) && !muted
		switch {
		case !stay:
			t.want = 0
		case t.want == 0 && t.below == 0 && m.places() < m.cfg.Talkers:
			t.want = 1
		}
	}
	for m.places() > m.cfg.Talkers { // there were more, or one of them is no longer pinned
		m.weakest().want = 0
	}
}

// places counts the talkers that are to stay, the pinned aside.
func (m *Mix) places() int {
	n := 0
	for i := range m.talkers {
		if t := &m.talkers[i]; t.want > 0 && !m.pinned(t.in) {
			n++
		}
	}
	return n
}

func (m *Mix) pinned(in *Input) bool {
	if len(m.special) == 0 {
		return false
	}
	return m.special[in].Pinned
}

// admit gives in a place if there is one, or the weakest talker's.
func (m *Mix) admit(in *Input, gain float32, pinned bool) {
	if !pinned && m.crowded() {
		return
	}
	if !pinned && m.places() >= m.cfg.Talkers {
		weak := m.weakest()
		if weak == nil || in.loud < weak.in.loud+m.lead(weak) {
			return
		}
		weak.want = 0
	}
	m.talkers = append(m.talkers, talker{in: in, gain: gain, want: 1, sudden: in.was < gateOpen})
	m.conf.entered(m, in)
}

// lead is by how much, dB, another must be louder to take a talker's place.
func (m *Mix) lead(t *talker) float32 {
	if t.ticks < minTicks*m.conf.pace {
		return challengeNew
	}
	return challenge
}

// crowded reports so many sounds that fade out besides the talkers that another would be one
// decode too many in this tick.
func (m *Mix) crowded() bool {
	n := 0
	for i := range m.talkers {
		if !m.pinned(m.talkers[i].in) {
			n++
		}
	}
	return n >= m.cfg.Talkers+m.conf.engine.cfg.Candidates
}

// weakest returns the talker that would have to make room.
func (m *Mix) weakest() *talker {
	var weak *talker
	for i := range m.talkers {
		t := &m.talkers[i]
		if t.want > 0 && !m.pinned(t.in) && (weak == nil || t.in.loud < weak.in.loud) {
			weak = t
		}
	}
	return weak
}
