package mixer

// attach hangs out on m. What it was served by before, if anything, decides how it begins:
// an output that comes from elsewhere keeps its encoder's state in a class of its own until
// a pause, one that is new joins the shared class at once.
func (c *Conference) attach(out *Output, m *Mix, self *Input) {
	if out.mix != nil {
		c.detach(out, true)
	}
	if m.outputs == 0 && (out.carry == nil || out.carry.next == c.next) {
		m.wake(self)
	}
	out.conf, out.mix, out.self = c, m, self
	if self != nil {
		self.outputs = append(self.outputs, out)
	}
	m.outputs++
	m.sole = self
	if m.outputs > 1 {
		m.sole = nil
	}
	c.place(out)
	c.busy()
}

// place gives out its class in its mix.
func (c *Conference) place(out *Output) {
	m, carry := out.mix, out.carry
	out.carry = nil
	var own *Input
	if out.self != nil && out.self.talkingIn(m) {
		own = out.self
	}
	shared := m.class(out.key(), nil, nil)
	switch {
	case carry == nil && own == nil && shared != nil:
		c.join(out, shared)
	case carry == nil && own == nil:
		c.join(out, c.shared(m, out.key()))
	default:
		src := carry
		if src == nil {
			src = shared
		}
		c.personal(out, out.key(), own, src)
	}
}

// shared makes the shared class of a key, or returns the nearest there is once the room
// has as many as it may.
func (c *Conference) shared(m *Mix, key classKey) *class {
	if len(c.classes) >= c.engine.cfg.MaxClasses {
		if k := m.nearest(key, nil); k != nil {
			return k
		}
	}
	k, err := c.newClass(m, key, nil)
	if err != nil {
		c.engine.stats.EncodeErrors.Add(1)
		return nil
	}
	return k
}

// nearest returns a shared class that a peer which asked for key can also decode. Given
// another class, it must be possible to go there from that.
func (m *Mix) nearest(key classKey, from *class) *class {
	var best *class
	for _, k := range m.classes {
		a, b := k.key.format, key.format
		fits := k.less == nil && !k.returning && a.Codec == b.Codec && a.ClockRate == b.ClockRate &&
			a.Channels == b.Channels && a.PacketTime <= b.PacketTime && k.key.noise == key.noise &&
			k.key.gain == key.gain && a.Opus.Bitrate <= b.Opus.Bitrate && (from == nil || k.meets(from))
		if fits && (best == nil || a.Opus.Bitrate > best.key.format.Opus.Bitrate) {
			best = k
		}
	}
	return best
}

// class returns the class with that key that leaves own out, or nil. Given another class, it
// must be possible to go there from that.
func (m *Mix) class(key classKey, own *Input, from *class) *class {
	for _, k := range m.classes {
		if k.key == key && k.less == own && !k.returning && (from == nil || k.meets(from)) {
			return k
		}
	}
	return nil
}

// join makes out a member of k.
func (c *Conference) join(out *Output, k *class) {
	if k == nil {
		return
	}
	out.class = k
	k.outputs = append(k.outputs, out)
}

// personal gives out a class of its own that starts as a copy of src. If own is nil the
// class is already on its way back to the shared one.
func (c *Conference) personal(out *Output, key classKey, own *Input, src *class) {
	if own != nil && (src == nil || src.mix == out.mix && src.key == key) {
		if k := out.mix.class(key, own, src); k != nil {
			c.join(out, k)
			return
		}
	}
	k, err := c.newClass(out.mix, key, own)
	if err != nil {
		c.engine.stats.EncodeErrors.Add(1)
		return
	}
	c.join(out, k)
	if src != nil {
		c.goOn(k, src)
	}
	if own == nil {
		c.sendBack(k)
	}
}

// detach takes out off its mix. With keep it remembers its encoder for the next mix.
func (c *Conference) detach(out *Output, keep bool) {
	if out.mix == nil {
		return
	}
	out.carry = nil
	if k := out.class; k != nil {
		c.leaveClass(out, k, keep)
	}
	if out.self != nil {
		out.self.outputs = remove(out.self.outputs, out)
	}
	c.leaveMix(out.mix)
	out.conf, out.mix, out.class = nil, nil, nil
}

// leaveClass takes out out of its class, which ends with its last output.
func (c *Conference) leaveClass(out *Output, k *class, keep bool) {
	k.outputs = remove(k.outputs, out)
	last := len(k.outputs) == 0
	if last {
		c.drop(k)
	}
	switch {
	case keep && last:
		out.carry = k
	case keep:
		out.carry = c.copyOf(k)
	}
}

// copyOf returns a class outside every mix that holds k's state.
func (c *Conference) copyOf(k *class) *class {
	twin := &class{mix: k.mix, key: k.key}
	enc, err := newEncoder(k.key.format, c)
	if err != nil {
		return nil
	}
	twin.enc = enc
	twin.setRate(c.rate)
	if twin.copyFrom(k) != nil {
		return nil
	}
	return twin
}

// leaveMix counts an output less on m.
func (c *Conference) leaveMix(m *Mix) {
	m.outputs--
	m.sole = nil
	if m.outputs != 1 {
		return
	}
	for _, k := range m.classes {
		for _, o := range k.outputs {
			m.sole = o.self
		}
	}
}

// drop takes a class without outputs out of the conference.
func (c *Conference) drop(k *class) {
	k.mix.classes = remove(k.mix.classes, k)
	c.classes = remove(c.classes, k)
	c.back = remove(c.back, k)
}

// remove takes the first v out of s, keeping the order.
func remove[T comparable](s []T, v T) []T {
	for i := range s {
		if s[i] == v {
			copy(s[i:], s[i+1:])
			var zero T
			s[len(s)-1] = zero
			return s[:len(s)-1]
		}
	}
	return s
}
