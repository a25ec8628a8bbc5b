package calls

import (
	"net/netip"
	"time"
)

// transaction is a request of ours that waits for responses (RFC 3261 section 17.1). It has
// a timer and no goroutine. The line's mutex guards it.
type transaction struct {
	line    *line
	request *request
	packet  []byte
	to      netip.AddrPort
	// handle is called with each provisional response and then once with the final one, or
	// with an error in its stead; by the line's reader or a timer, and without a lock.
	handle func(*message, error)

	timer   *time.Timer
	wait    time.Duration // until it is sent again; 0: not
	expires time.Time     // zero: who handles it sees to that
	heard   bool          // a provisional response has come
	final   bool          // a final one has: only repeated ones are waited for
	given   bool          // given up on: see abandon
	ended   bool          // out of the line's map
}

type requestKey struct{ branch, method string }

func (r *request) key() requestKey { return requestKey{r.branch, r.method} }

func ignore(*message, error) {}

// begin sends a request and has the responses handled. Error: it could not be sent; handle
// is not called then.
func (l *line) begin(r *request, to netip.AddrPort, handle func(*message, error)) (*transaction, error) {
	t := &transaction{line: l, request: r, packet: r.bytes(l), to: to, handle: handle}
	timeouts := l.agent.config.Timeouts
	t.expires = time.Now().Add(timeouts.Request)
	if !l.reliable() {
		t.wait = timeouts.T1
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, errClosed
	}
	l.pending[r.key()] = t
	t.arm()
	l.mu.Unlock()
	if err := l.carrier.send(t.packet, to); err != nil && l.end(t) != nil {
		return nil, err
	}
	return t, nil
}

// end takes a transaction out and returns its handle, nil if it was out already.
func (l *line) end(t *transaction) func(*message, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return t.remove()
}

// endAll takes all transactions out, and tells who still waits for a final response why.
func (l *line) endAll(why error) {
	l.mu.Lock()
	var waiting []func(*message, error)
	for _, t := range l.pending {
		if handle := t.remove(); !t.final {
			waiting = append(waiting, handle)
		}
	}
	l.mu.Unlock()
	for _, handle := range waiting {
		handle(nil, why)
	}
}

// unreachable ends the request with that branch: nobody listens where it went.
func (l *line) unreachable(branch string, why error) {
	l.mu.Lock()
	var handle func(*message, error)
	for _, method := range [...]string{"INVITE", "BYE", "OPTIONS", "UPDATE", "CANCEL"} {
		if t := l.pending[requestKey{branch, method}]; t != nil && !t.final {
			handle = t.remove()
		}
	}
	l.mu.Unlock()
	if handle != nil {
		handle(nil, why)
	}
}

func (t *transaction) remove() func(*message, error) {
	if t.ended {
		return nil
	}
	t.ended = true
	t.timer.Stop()
	delete(t.line.pending, t.request.key())
	return t.handle
}

// arm sets the timer for what is due next.
func (t *transaction) arm() {
	wait := t.wait
	if left := time.Until(t.expires); !t.expires.IsZero() && (wait == 0 || left < wait) {
		wait = max(left, time.Millisecond)
	}
	switch {
	case t.timer == nil:
		t.timer = time.AfterFunc(wait, t.tick)
	case wait == 0:
		t.timer.Stop()
	default:
		t.timer.Reset(wait)
	}
}

// tick runs when the timer fires: the request is sent again, or has been in vain.
func (t *transaction) tick() {
	l := t.line
	l.mu.Lock()
	if t.ended {
		l.mu.Unlock()
		return
	}
	if !t.expires.IsZero() && !time.Now().Before(t.expires) {
		handle, final := t.remove(), t.final
		l.mu.Unlock()
		if !final {
			handle(nil, errTimeout)
		}
		return
	}
	again := t.wait != 0
	t.wait *= 2
	if t.request.method != "INVITE" {
		t.wait = min(t.wait, t2*l.agent.config.Timeouts.T1)
	}
	t.arm()
	l.mu.Unlock()
	if again {
		l.agent.count.repeated.Add(1)
		_ = l.carrier.send(t.packet, t.to) // what fails now may succeed at the next repetition
	}
}

// receive takes a response.
func (t *transaction) receive(m *message) {
	switch {
	case m.status < 200:
		t.provisional(m)
	case t.request.method == "INVITE" && !m.success():
		t.refused(m)
	default:
		if handle := t.line.end(t); handle != nil {
			handle(m, nil)
		}
	}
}

// provisional ends the repetition of an INVITE, and its time limit: from now on the phone
// rings. Other requests are repeated less often (sections 17.1.1.2, 17.1.2.2).
func (t *transaction) provisional(m *message) {
	l := t.line
	l.mu.Lock()
	if t.ended || t.final {
		l.mu.Unlock()
		return
	}
	cancel, handle := t.given && !t.heard, t.handle
	t.heard = true
	switch {
	case t.request.method != "INVITE":
		t.wait = min(t.wait, t2*l.agent.config.Timeouts.T1)
	default:
		t.wait = 0
		if !t.given {
			t.expires = time.Time{}
		}
		t.arm()
	}
	l.mu.Unlock()
	if cancel {
		t.cancel()
	}
	handle(m, nil)
}

// refused acknowledges a final response to an INVITE that is no 2xx, each time that it comes.
func (t *transaction) refused(m *message) {
	l := t.line
	l.mu.Lock()
	if t.ended {
		l.mu.Unlock()
		return
	}
	first, handle := !t.final, t.handle
	t.final, t.wait, t.packet = true, 0, nil
	if first {
		t.expires = time.Now().Add(manyT1 * l.agent.config.Timeouts.T1)
		t.arm()
	}
	if l.reliable() {
		t.remove()
	}
	l.mu.Unlock()
	ack := *t.request
	ack.method, ack.to, ack.headers, ack.body = "ACK", m.get("to"), nil, ""
	_ = l.write(&ack, t.to) // a repeated response brings it again
	if first {
		handle(m, nil)
	}
}

// abandon gives up on an INVITE without waiting for its end: it is cancelled as soon as the
// server has said that it works on it (RFC 3261 section 9.1), and handle is told no more. If
// it is answered all the same, the call is ended. That may take 64*T1. false: the final
// response has come first, and handle has it or gets it now.
func (t *transaction) abandon() bool {
	l := t.line
	l.mu.Lock()
	if t.ended || t.final {
		l.mu.Unlock()
		return false
	}
	t.given, t.wait = true, 0
	t.expires = time.Now().Add(manyT1 * l.agent.config.Timeouts.T1)
	t.handle = func(m *message, err error) {
		if err == nil && m.success() {
			l.shed(m)
		}
	}
	t.arm()
	cancel := t.heard
	l.mu.Unlock()
	if cancel {
		t.cancel()
	}
	return true
}

// cancel sends CANCEL: the INVITE's request line and identity, and its Via.
func (t *transaction) cancel() {
	r := *t.request
	r.method, r.headers, r.body = "CANCEL", nil, ""
	_, _ = t.line.begin(&r, t.to, ignore) // the INVITE is given up on in any case
}
