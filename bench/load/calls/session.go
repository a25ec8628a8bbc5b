package calls

import (
	"strconv"
	"strings"
	"time"
)

// session is the session timer of a call (RFC 4028): we refresh half-way through the
// interval, or see to it that the server does.
type session struct {
	interval time.Duration // 0: none
	ours     bool          // we refresh
	updates  bool          // the server takes UPDATE
	timer    *time.Timer
}

func (s *session) stop() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// delta reads the number of seconds that a value begins with.
func delta(value string) (int, bool) {
	value, _, _ = strings.Cut(value, ";")
	value, _, _ = strings.Cut(value, "(")
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
	return int(n), err == nil
}

// startSession takes the Session-Expires of a 2xx to a request of ours. c.mu is held.
func (c *Call) startSession(m *message, first bool) {
	s := &c.session
	if first || m.get("allow") != "" {
		s.updates = m.has("allow", "UPDATE")
	}
	n, ok := delta(m.get("session-expires"))
	if !ok || n == 0 {
		s.stop()
		s.interval = 0
		return
	}
	c.restartSession(time.Duration(n)*time.Second, !strings.EqualFold(param(m.get("session-expires"), "refresher"), "uas"))
}

// grantSession answers the Session-Expires of a request: who asks refreshes, unless it says
// otherwise. c.mu is held.
func (c *Call) grantSession(m *message) []string {
	n, ok := delta(m.get("session-expires"))
	if !ok || n == 0 {
		c.session.stop()
		c.session.interval = 0
		return nil
	}
	who := strings.ToLower(param(m.get("session-expires"), "refresher"))
	if who != "uas" {
		who = "uac"
	}
	c.restartSession(time.Duration(n)*time.Second, who == "uas")
	lines := []string{"Session-Expires: " + strconv.Itoa(n) + ";refresher=" + who}
	if who == "uac" {
		lines = append(lines, "Require: timer")
	}
	return lines
}

// restartSession needs c.mu.
func (c *Call) restartSession(interval time.Duration, ours bool) {
	s := &c.session
	s.stop()
	s.interval, s.ours = interval, ours
	if c.end != nil {
		return
	}
	wait := interval / 2
	if !ours {
		wait = interval - min(32*time.Second, interval/3)
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() { c.sessionDue(&timer) })
	s.timer = timer
}

// sessionDue runs when the timer fires.
func (c *Call) sessionDue(fired **time.Timer) {
	c.mu.Lock()
	if c.end != nil || c.session.timer == nil || c.session.timer != *fired {
		c.mu.Unlock()
		return
	}
	if !c.session.ours {
		tell := c.finish(End{Far: true, Cause: Dropped, Reason: "the server let the session expire"})
		c.mu.Unlock()
		tell()
		c.sendBye(nil)
		return
	}
	method, body := "UPDATE", ""
	if !c.session.updates {
		method, c.asking = "INVITE", true
		body = c.offer.sdp(c.version) // unchanged, and so is its version
	}
	headers := append(c.inviteHeaders(), "Session-Expires: "+strconv.Itoa(int(c.session.interval/time.Second))+";refresher=uac")
	c.mu.Unlock()
	c.do(method, headers, body, func(m *message, err error) { c.refreshed(method, m, err) })
}

// refreshed takes what came of a refresh.
func (c *Call) refreshed(method string, m *message, err error) {
	c.mu.Lock()
	tell := func() {}
	gone := false
	if method == "INVITE" {
		c.asking = false
		if err == nil && m.success() {
			seq, _ := m.cseq()
			c.acknowledge(seq)
		}
	}
	switch {
	case c.end != nil:
	case err != nil || m.status == 481 || m.status == 408:
		gone = true
		tell = c.finish(End{Far: true, Cause: Dropped, Reason: "the server does not answer the refresh of the session, or knows it no more"})
	case m.success():
		tell = c.refreshAnswered(method, m)
	case method == "UPDATE":
		c.session.updates = false // by re-INVITE then, half of what is left from now
		c.restartSession(c.session.interval/2, true)
	default:
		c.restartSession(c.session.interval/2, true)
	}
	c.mu.Unlock()
	tell()
	if gone {
		c.sendBye(nil)
	}
}

// refreshAnswered needs c.mu.
func (c *Call) refreshAnswered(method string, m *message) (tell func()) {
	interval := c.session.interval
	c.dialog.retarget(c.line, m)
	c.startSession(m, false)
	if c.session.interval == 0 { // not said: as before
		c.restartSession(interval, true)
	}
	if text := m.sdp(); method == "INVITE" && text != "" {
		return c.accept(text)
	}
	return func() {}
}
