package calls

import (
	"net/netip"
	"strings"
	"time"
)

// reply is our answer to the server's last request within a call, for when that is repeated.
type reply struct {
	packet []byte
	to     netip.AddrPort
	method string
	timer  *time.Timer // repeats a 2xx to INVITE until its ACK comes
	wait   time.Duration
	spent  time.Duration
}

// stop ends the repetition.
func (r *reply) stop() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}

// onRequest answers a request of the server, as a phone does.
func (l *line) onRequest(m *message, from netip.AddrPort) {
	c := l.find(m.callID())
	switch {
	case m.method == "ACK":
		if c != nil {
			c.onACK(m)
		}
	case c != nil && c.owns(m):
		c.onRequest(m, from)
	default:
		l.agent.count.stray.Add(1)
		l.outside(m, from)
	}
}

// outside answers what belongs to no call of ours.
func (l *line) outside(m *message, from netip.AddrPort) {
	status, phrase := 405, "Method Not Allowed"
	switch {
	case m.toTag() != "", m.method == "BYE", m.method == "CANCEL", m.method == "NOTIFY":
		status, phrase = 481, "Call/Transaction Does Not Exist"
	case m.method == "OPTIONS":
		status, phrase = 200, "OK"
	case m.method == "INVITE":
		status, phrase = 480, "This is a load generator: it takes no calls"
	}
	l.respond(m, from, status, phrase, "Allow: "+allowed)
}

func (l *line) respond(m *message, to netip.AddrPort, status int, phrase string, lines ...string) {
	packet := m.response(status, phrase, l.agent.prefix, lines, "")
	_ = l.carrier.send(packet, to) // if it is lost, the server asks again
}

// owns reports whether a request is of this dialog.
func (c *Call) owns(m *message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return m.toTag() == c.ownTag && (c.farTag == "" || m.fromTag() == c.farTag)
}

// onACK ends the repetition of our 2xx. It has the server's answer if the offer was ours.
func (c *Call) onACK(m *message) {
	tell := func() {}
	c.mu.Lock()
	if seq, _ := m.cseq(); seq == c.farSeq && c.last.timer != nil {
		c.last.stop()
		if text := m.sdp(); text != "" && c.end == nil {
			tell = c.accept(text)
		}
	}
	c.mu.Unlock()
	tell()
}

// accept takes the answer to an offer within the call. One that is of no use changes nothing,
// as with a phone. c.mu is held.
func (c *Call) accept(text string) (tell func()) {
	a, _, _, fault := c.offer.read(text, &c.answer.Format)
	if fault != nil {
		c.line.agent.count.unusable.Add(1)
		return func() {}
	}
	return c.update(a)
}

// onRequest answers a request within the dialog. A repeated one gets the same answer (a
// number and method tell, so that answers need not be kept per transaction).
func (c *Call) onRequest(m *message, from netip.AddrPort) {
	tell := func() {}
	c.mu.Lock()
	defer func() {
		c.mu.Unlock()
		tell()
	}()
	seq, _ := m.cseq()
	switch {
	case m.method == "CANCEL": // all is answered at once, so that it comes too late
		c.line.respond(m, from, 200, "OK")
	case seq == c.farSeq && m.method == c.last.method:
		_ = c.line.carrier.send(c.last.packet, c.last.to)
	case seq <= c.farSeq && c.farSeq != 0:
		c.line.respond(m, from, 500, "CSeq is not higher than before")
	default:
		c.farSeq = seq
		tell = c.newRequest(m, from)
	}
}

// newRequest answers and returns what is to be told to the owner. c.mu is held.
func (c *Call) newRequest(m *message, from netip.AddrPort) (tell func()) {
	tell = func() {}
	require := m.list("require")
	switch {
	case c.end != nil && m.method == "BYE":
		c.reply(m, from, 200, "OK", nil, "")
	case c.end != nil:
		c.reply(m, from, 481, "Call/Transaction Does Not Exist", nil, "")
	case len(require) > 0 && !(len(require) == 1 && strings.EqualFold(require[0], supported)):
		c.reply(m, from, 420, "Bad Extension", []string{"Unsupported: " + strings.Join(unknown(require), ", ")}, "")
	case m.method == "BYE":
		c.reply(m, from, 200, "OK", nil, "")
		tell = c.finish(End{Far: true, Cause: Dropped, Reason: strings.Clone(m.get("reason"))})
		c.retire()
	case m.method == "INVITE", m.method == "UPDATE":
		tell = c.onOffer(m, from)
	case m.method == "OPTIONS", m.method == "INFO":
		c.reply(m, from, 200, "OK", []string{"Allow: " + allowed, "Accept: application/sdp"}, "")
	case m.method == "NOTIFY":
		c.reply(m, from, 481, "Subscription does not exist", nil, "")
	default:
		c.reply(m, from, 405, "Method Not Allowed", []string{"Allow: " + allowed}, "")
	}
	return tell
}

func unknown(require []string) (names []string) {
	for _, r := range require {
		if !strings.EqualFold(r, supported) {
			names = append(names, r)
		}
	}
	return names
}

// reply answers and keeps the answer. c.mu is held.
func (c *Call) reply(m *message, to netip.AddrPort, status int, phrase string, lines []string, sdp string) {
	c.last.stop()
	c.last = reply{packet: m.response(status, phrase, c.ownTag, lines, sdp), to: to, method: strings.Clone(m.method)}
	_ = c.line.carrier.send(c.last.packet, to) // if it is lost, the server asks again
	if m.method == "INVITE" && status < 300 {
		c.last.wait = c.line.agent.config.Timeouts.T1
		c.last.timer = time.AfterFunc(c.last.wait, c.repeat)
	}
}

// repeat sends a 2xx to INVITE again, over any transport, until the ACK comes. If it never
// does, the call is ended (RFC 3261 sections 13.3.1.4 and 14.2).
func (c *Call) repeat() {
	t1 := c.line.agent.config.Timeouts.T1
	c.mu.Lock()
	if c.last.timer == nil || c.end != nil {
		c.mu.Unlock()
		return
	}
	c.last.spent += c.last.wait
	c.last.wait = min(2*c.last.wait, t2*t1)
	if c.last.spent < manyT1*t1 {
		_ = c.line.carrier.send(c.last.packet, c.last.to)
		c.last.timer.Reset(c.last.wait)
		c.mu.Unlock()
		return
	}
	tell := c.finish(End{Far: true, Cause: Dropped, Reason: "the server did not acknowledge the answer to its re-INVITE"})
	c.mu.Unlock()
	tell()
	c.sendBye(nil)
}

// retire forgets the call when its last answer can no longer be asked for. c.mu is held.
func (c *Call) retire() {
	l, id := c.line, c.dialog.callID
	time.AfterFunc(manyT1*l.agent.config.Timeouts.T1, func() { l.remove(id) })
}

// onOffer answers INVITE and UPDATE, with and without an offer. c.mu is held.
func (c *Call) onOffer(m *message, from netip.AddrPort) (tell func()) {
	text := m.sdp()
	switch {
	case c.farTag == "":
		c.reply(m, from, 500, "The call is not up", []string{"Retry-After: 1"}, "")
	case c.asking && m.method == "INVITE":
		c.reply(m, from, 491, "Request Pending", nil, "")
	case text == "" && m.method == "UPDATE":
		c.dialog.retarget(c.line, m)
		c.reply(m, from, 200, "OK", c.agreed(m), "")
	case text == "":
		c.dialog.retarget(c.line, m)
		c.version++
		c.reply(m, from, 200, "OK", c.agreed(m), c.offer.sdp(c.version))
	default:
		return c.newMedia(m, from, text)
	}
	return func() {}
}

// agreed are the headers of a 2xx to INVITE or UPDATE. c.mu is held.
func (c *Call) agreed(m *message) []string {
	return append(c.inviteHeaders(), c.grantSession(m)...)
}

// newMedia answers an offer. c.mu is held.
func (c *Call) newMedia(m *message, from netip.AddrPort, text string) (tell func()) {
	sdp, a, fault := c.offer.answer(text, c.answer, c.version+1)
	if fault != nil {
		c.reply(m, from, 488, "Not Acceptable Here", []string{`Warning: 399 load "` + strings.ReplaceAll(fault.why, `"`, "'") + `"`}, "")
		return func() {}
	}
	c.dialog.retarget(c.line, m)
	c.version++
	c.reply(m, from, 200, "OK", c.agreed(m), sdp)
	return c.update(a)
}

// update takes a new answer into force and returns who wants to know. c.mu is held.
func (c *Call) update(a Answer) (tell func()) {
	if a == c.answer {
		return func() {}
	}
	c.answer = a
	f := c.onChange
	if f == nil {
		c.changed = true
		return func() {}
	}
	return func() { f(a) }
}
