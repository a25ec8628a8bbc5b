package listen

// Output takes what is played, in order. It is called by one goroutine at a time.
type Output interface {
	// Packet plays a payload, less its first skip samples. Payload is valid until it returns.
	Packet(p *Played, skip int)
	// Lost makes up n samples for a packet that did not come; next is the payload of the
	// one after it, nil if that is missing, too.
	Lost(n int, next []byte)
	// Pause fills n samples in which the sender said nothing.
	Pause(n int)
}

// Played is a payload whose time has come.
type Played struct {
	Sequence    uint16
	Stamp       uint32 // RTP timestamp
	PayloadType uint8
	Samples     int // 0 for comfort noise
	Payload     []byte
}

// play hands over all that is due.
func (t *track) play(now int64) {
	if !t.begun {
		return
	}
	for due := t.line.due(now, int64(t.buffer)); t.at < due; {
		t.step()
	}
}

// step plays one packet, or fills the time of one.
func (t *track) step() {
	s, lost := t.first()
	if s == nil {
		t.wait(t.length)
		return
	}
	t.account(lost, s)
	gap := s.at - t.at
	switch {
	case gap <= 0:
		t.next += t.forget(lost)
		t.sound(s)
	case lost == 0 || gap > lost*t.length:
		t.pause(min(gap-lost*t.length, t.length))
	default:
		t.conceal(min(gap, t.length), s, lost)
	}
}

// first returns the next packet there is, and how many are missing before it.
func (t *track) first() (s *slot, lost int64) {
	for n := t.next; n <= t.source.last; n++ {
		if s := t.slot(n); s.from != missing {
			return s, n - t.next
		}
	}
	return nil, 0
}

// wait fills time of which nobody knows yet whether the sender pauses or is not heard.
func (t *track) wait(n int64) {
	if t.hollow < 3*t.length {
		t.out.Lost(int(n), nil)
	} else {
		t.out.Pause(int(n))
	}
	t.hollow += n
	t.move(n)
}

// account says what the time was for which nothing was there, now that something is.
func (t *track) account(lost int64, s *slot) {
	if t.hollow == 0 {
		return
	}
	made := min(t.hollow, max((lost+t.skipped)*t.length, t.at-s.at, 0))
	t.count.concealed += uint64(made)
	t.hollow, t.skipped = 0, 0
}

func (t *track) move(n int64) {
	t.at += n
	t.count.played += uint64(n)
}

// forget counts packets that are given up.
func (t *track) forget(n int64) int64 {
	t.count.Lost += uint64(n)
	return n
}

// skip gives up the next packet unplayed, whatever it is.
func (t *track) skip() {
	if t.slot(t.next).from == missing {
		t.skipped += t.forget(1)
	}
	t.next++
}

func (t *track) pause(n int64) {
	t.out.Pause(int(n))
	t.move(n)
}

func (t *track) conceal(n int64, s *slot, lost int64) {
	var after []byte
	if lost == 1 && s.pt == t.s.PayloadType {
		after = s.data
	}
	t.out.Lost(int(n), after)
	t.count.concealed += uint64(n)
	t.next += t.forget(1)
	t.move(n)
}

// sound plays a packet, less what its time has seen already.
func (t *track) sound(s *slot) {
	t.next = s.number + 1
	n, skip := t.samples(s), t.at-s.at
	if n > 0 && skip >= n { // all of it is over
		t.count.Late++
		t.forget(1)
		return
	}
	switch s.from {
	case redundant:
		t.count.ByRedundancy++
	case retransmitted:
		t.count.ByRetransmission++
	}
	if n == 0 && s.pt == t.s.PayloadType {
		t.count.Malformed++
		return
	}
	t.out.Packet(&Played{t.source.sequence(s.number), s.stamp, s.pt, int(n), s.data}, int(min(skip, n)))
	if n > 0 {
		t.length = n
		t.move(n - skip)
	}
}
