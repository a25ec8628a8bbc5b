package mixer

// What happens when an output goes on in another mix, or an input in another conference: the
// next packet begins where the last one ended, with sound that joins on.

// goOn makes k, which is new, go on for the outputs of src.
func (c *Conference) goOn(k, src *class) {
	if err := k.copyFrom(src); err != nil {
		c.engine.stats.EncodeErrors.Add(1)
	}
	if src.mix == k.mix && src.key == k.key && k.next == c.next {
		return
	}
	period := int64(c.engine.cfg.Period)
	m := k.mix
	k.next = c.missed(k.next)
	for k.next < c.next {
		k.makeUp(m.past(k.next), m.past(k.next-period))
	}
	k.compare(m.past(k.next - period))
	k.mix = m
}

// missed returns from what period on somebody is to be served who was elsewhere until the
// one at a media time: from there on, unless that is so long ago that the time is given up,
// as that of a worker which is so late.
func (c *Conference) missed(since int64) int64 {
	if c.next-since > maxCatchUp*int64(c.engine.cfg.Period) {
		return c.next
	}
	return since
}

// past returns a mix that sounds as m did in the period at a media time, one of the last
// two, or nil if that is not known.
func (m *Mix) past(time int64) *Mix {
	switch b := &m.conf.beat; {
	case m.time == time && len(m.sum) == b.samples:
		return m
	case m.time-b.period == time && len(m.before) == b.samples:
		return &Mix{conf: m.conf, sum: m.before}
	}
	return nil
}

// compare finds the step between what k sent last and what its new mix sounded like then,
// if that is known, and gives a resampler its past.
func (k *class) compare(m *Mix) {
	if k.broken = m == nil; k.broken {
		k.setRate(k.mix.conf.rate)
		return
	}
	k.mix = m
	b, limit := m.conf.beatOf(k.next), k.limit
	frame := k.sound(m.conf.hand, &b, 0)
	k.limit, k.step = limit, int32(k.last)-int32(frame[len(frame)-1])
}

// makeUp runs k for a period that is over, in which its last conference did not serve it any
// more and this one not yet. Given are the mix in that period, if anybody heard it, and in
// the one before.
func (k *class) makeUp(m, before *Mix) {
	b := k.mix.conf.beatOf(k.next)
	if m == nil {
		m, before = newMix(k.mix.conf, MixConfig{}), nil
		m.add(&b)
	}
	k.compare(before)
	k.mix = m
	k.run(m.conf.hand, &b, 0)
}

// catchUp moves an input on by the periods that it missed on its way here.
func (in *Input) catchUp() {
	c := in.conf
	for t := c.missed(in.next); t < c.next; t += int64(c.engine.cfg.Period) {
		b := c.beatOf(t)
		in.source.Poll(c.now, drainLimit, in)
		if len(in.taps) > 0 {
			c.lend(in)
		}
		in.render(&b, 0)
	}
}

// wake lets a mix that nobody heard begin with those of its sources who are heard elsewhere in
// the room, the loudest of them: an output, that of self, which heard them so far hears no fade.
func (m *Mix) wake(self *Input) {
	last := m.conf.beat
	if m.time == last.time || last.time != m.conf.next-last.period {
		return
	}
	for {
		in, pinned := m.loudest(self)
		if in == nil || !pinned && m.places() >= m.cfg.Talkers {
			break
		}
		gain, _, _ := m.recipe(in)
		m.talkers = append(m.talkers, talker{in: in, gain: gain, now: 1, want: 1})
		m.conf.entered(m, in)
	}
	m.add(&last)
}

// loudest returns who is heard in another mix and could be in this, first those pinned.
func (m *Mix) loudest(self *Input) (best *Input, bestPinned bool) {
	for _, in := range m.conf.inputs {
		_, pinned, taken := m.recipe(in)
		if !taken || in.talking == 0 || in == self || m.find(in) != nil {
			continue
		}
		if best == nil || pinned && !bestPinned || pinned == bestPinned && in.loud > best.loud {
			best, bestPinned = in, pinned
		}
	}
	return best, bestPinned
}
