package calls

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
)

// line is a socket with the requests and calls on it. One goroutine reads it and handles
// messages in the order of their arrival.
type line struct {
	agent    *Agent
	protocol string // as in Via
	carrier  carrier

	mu      sync.Mutex
	closed  bool
	pending map[requestKey]*transaction
	calls   map[string]*Call // by Call-ID
}

// carrier moves messages. Its reader hands them to line.receive.
type carrier interface {
	ready() error // opens what must be open before address and send
	address() netip.AddrPort
	send(packet []byte, to netip.AddrPort) error
	close() error // returns when the reader has ended
}

func openLine(a *Agent) (*line, error) {
	l := &line{agent: a, pending: map[requestKey]*transaction{}, calls: map[string]*Call{}}
	if a.config.Transport == "tcp" {
		l.protocol, l.carrier = "TCP", &stream{line: l}
		return l, nil
	}
	d, err := openDatagrams(l)
	if err != nil {
		return nil, fmt.Errorf("calls: open a UDP socket on %v: %w", a.config.Local, err)
	}
	l.protocol, l.carrier = "UDP", d
	go d.read()
	return l, nil
}

func (l *line) reliable() bool { return l.protocol == "TCP" }

// ready must have succeeded before anything is written that names our address.
func (l *line) ready() error { return l.carrier.ready() }

// local is our address as Via and Contact have it.
func (l *line) local() string { return l.carrier.address().String() }

func (l *line) newBranch() string { return "z9hG4bK" + l.agent.unique() }

func (l *line) from(user, tag string) string {
	return "<sip:" + user + "@" + l.host() + ">;tag=" + tag
}

func (l *line) host() string {
	ip := l.agent.config.Local
	if ip.Is6() && !ip.Is4In6() {
		return "[" + ip.String() + "]"
	}
	return ip.Unmap().String()
}

// contact is the header that says where we are.
func (l *line) contact(user string) string {
	at := "Contact: <sip:" + user + "@" + l.local()
	if l.reliable() {
		at += ";transport=tcp"
	}
	return at + ">"
}

// close ends the line: whoever waits for a response gets errClosed.
func (l *line) close() error {
	l.mu.Lock()
	l.closed = true
	calls := l.calls
	l.calls = map[string]*Call{}
	l.mu.Unlock()
	l.endAll(errClosed)
	for _, c := range calls {
		c.stopTimers()
	}
	return l.carrier.close()
}

// receive takes what the reader has read.
func (l *line) receive(text string, from netip.AddrPort) {
	m, err := parse(text)
	switch {
	case err != nil:
		l.agent.count.unusable.Add(1)
	case m.status != 0:
		l.onResponse(m)
	default:
		l.onRequest(m, from)
	}
}

func (l *line) onResponse(m *message) {
	_, method := m.cseq()
	l.mu.Lock()
	t := l.pending[requestKey{m.branch(), method}]
	l.mu.Unlock()
	switch {
	case t != nil:
		t.receive(m)
	case m.success() && method == "INVITE":
		l.repeatedSuccess(m)
	default:
		l.agent.count.stray.Add(1)
	}
}

// repeatedSuccess takes a 2xx to an INVITE that nobody waits for: it has come before and
// wants its ACK again, or another has answered the same call, or it came after CANCEL.
func (l *line) repeatedSuccess(m *message) {
	l.mu.Lock()
	c := l.calls[m.callID()]
	l.mu.Unlock()
	if c == nil || !c.acknowledgeAgain(m) {
		l.shed(m)
	}
}

// shed ends a call that is not wanted: ACK, then BYE (RFC 3261 sections 9.1 and 13.2.2.4).
func (l *line) shed(m *message) {
	d := l.dialogOf(m)
	seq, _ := m.cseq()
	_ = l.write(d.request(l, "ACK", seq), d.peer)              // a repeated 2xx brings it again
	_, _ = l.begin(d.request(l, "BYE", seq+1), d.peer, ignore) // nobody is left who could be told
}

func (l *line) find(callID string) *Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[callID]
}

func (l *line) add(c *Call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed
	}
	l.calls[c.dialog.callID] = c
	return nil
}

func (l *line) remove(callID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.calls, callID)
}

// write sends a request that gets no response: ACK.
func (l *line) write(r *request, to netip.AddrPort) error { return l.carrier.send(r.bytes(l), to) }

// ask sends a request to the server and waits for its final response.
func (l *line) ask(ctx context.Context, r *request) (*message, error) {
	type outcome struct {
		m   *message
		err error
	}
	done := make(chan outcome, 1)
	t, err := l.begin(r, l.agent.config.Server, func(m *message, err error) {
		if err != nil || m.status >= 200 {
			done <- outcome{m, err}
		}
	})
	if err != nil {
		return nil, err
	}
	select {
	case o := <-done:
		return o.m, o.err
	case <-ctx.Done():
		l.end(t)
		return nil, ctx.Err()
	}
}
