package focus

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/confd/confd/rooms"
)

// minSessionInterval is the shortest that RFC 4028 section 4 knows.
const minSessionInterval = 90 * time.Second

// session is the session timer of a dialog (RFC 4028). The dialog's mutex guards it.
type session struct {
	interval time.Duration // 0: no timer
	ours     bool          // we refresh; otherwise the peer does, or the call ends
	expires  time.Time
	timer    *time.Timer
	armed    uint64 // counts, so that a timer that fires late knows that it is not meant
}

func (s *session) stop() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// grant is what we answer to a peer's Session-Expires; 0 seconds is no timer.
type grant struct {
	expires sessionExpires
	require bool // the peer must refresh, so it must know how
}

func (g grant) headers() []sip.Header {
	if g.expires.seconds == 0 {
		return nil
	}
	hs := []sip.Header{sip.NewHeader("Session-Expires", g.expires.String())}
	if g.require {
		hs = append(hs, sip.NewHeader("Require", "timer"))
	}
	return hs
}

// grantTimer decides on the session timer that a request asks for (RFC 4028 section 9). A
// peer that asks for one and leaves the rest open refreshes itself; one that only could,
// is refreshed; one that knows nothing of it has none.
func (a *Agent) grantTimer(req *sip.Request) (grant, *status) {
	minSE := seconds(a.cfg.MinSE)
	peerCan := hasToken(req, "timer", "supported", "k") || hasToken(req, "timer", "require")
	floor := minSE
	if v, ok := value(req, "min-se"); ok {
		n, err := parseMinSE(v)
		if err != nil {
			return grant{}, refusal(sip.StatusBadRequest, err.Error())
		}
		floor = max(floor, n)
	}
	v, asked := value(req, "session-expires", "x")
	if !asked {
		if !peerCan {
			return grant{}, nil
		}
		return grant{expires: sessionExpires{max(seconds(a.cfg.SessionExpires), floor), refresherUAS}}, nil
	}
	want, err := parseSessionExpires(v)
	if err != nil {
		return grant{}, refusal(sip.StatusBadRequest, err.Error())
	}
	if want.seconds < minSE {
		return grant{}, refusal(422, "the session interval is too short", sip.NewHeader("Min-SE", strconv.Itoa(minSE)))
	}
	want.seconds = max(min(want.seconds, seconds(a.cfg.SessionExpires)), min(floor, want.seconds))
	if !peerCan {
		want.refresher = refresherUAS
	} else if want.refresher == refresherOpen {
		want.refresher = refresherUAC
	}
	return grant{want, want.refresher == refresherUAC}, nil
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// startTimer begins the session interval anew, with the 2xx that grants it. d.mu is held.
func (d *dialog) startTimer(g grant) {
	d.restartTimer(time.Duration(g.expires.seconds)*time.Second, g.expires.refresher == refresherUAS)
}

// restartTimer arms the timer for half the interval if we refresh; otherwise for when the
// peer must have (RFC 4028 section 10). d.mu is held.
func (d *dialog) restartTimer(interval time.Duration, ours bool) {
	s := &d.session
	s.stop()
	s.interval, s.ours = interval, ours
	if interval == 0 || d.state == stateEnded {
		return
	}
	s.expires = time.Now().Add(interval)
	if ours {
		d.armTimer(interval / 2)
	} else {
		d.armTimer(interval - min(32*time.Second, interval/3))
	}
}

// armTimer has the timer fire after wait. d.mu is held.
func (d *dialog) armTimer(wait time.Duration) {
	d.session.stop()
	if d.state == stateEnded {
		return
	}
	d.session.armed++
	armed := d.session.armed
	d.session.timer = time.AfterFunc(wait, func() { d.agent.onTimer(func() { d.onTimer(armed) }) })
}

// onTimer runs when the session timer fires that was armed as number armed.
func (d *dialog) onTimer(armed uint64) {
	req, expired := d.due(armed)
	switch {
	case expired:
		d.agent.count.expired.Add(1)
		d.end(rooms.Reason{Code: rooms.ReasonTimedOut, Text: "Session timer expired"}, hangUp)
	case req != nil:
		d.refresh(req)
	}
}

// due returns the refresh to send now, if it is time for one, or that the peer has let the
// session expire.
func (d *dialog) due(armed uint64) (req *sip.Request, expired bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session.timer == nil || d.session.armed != armed || d.state == stateEnded {
		return nil, false // restarted meanwhile
	}
	if !d.session.ours || time.Now().After(d.session.expires) {
		return nil, true
	}
	return d.refreshRequest(), false
}

// refreshRequest makes an UPDATE, or a re-INVITE with our present description to who cannot
// UPDATE; nil if it has to wait. d.mu is held.
func (d *dialog) refreshRequest() *sip.Request {
	if d.asking || d.ack != nil {
		d.armTimer(glareWait())
		return nil
	}
	method := sip.UPDATE
	if !d.updates {
		method = sip.INVITE
	}
	req := d.request(method, d.timerHeaders()...)
	if method == sip.INVITE {
		d.lookAtGroup(nil)
		body, err := d.call.reoffer()
		if err != nil {
			d.log.Error("refresh", "error", err)
			return nil
		}
		setSDP(req, body)
		d.asking = true
	}
	return req
}

// refresh sends what refreshRequest made.
func (d *dialog) refresh(req *sip.Request) {
	res, err := d.transact(req, d.sendACK)
	if err == nil && req.IsInvite() && res.IsSuccess() {
		d.sendACK(res)
	}
	d.refreshed(req, res, err)
}

// sendACK acknowledges a 2xx to an INVITE of ours.
func (d *dialog) sendACK(res *sip.Response) {
	d.mu.Lock()
	ack, source := d.build(sip.ACK, res.CSeq().SeqNo, d.proof...), d.source
	d.mu.Unlock()
	if err := d.write(ack, source); err != nil {
		d.log.Debug("ACK not sent", "error", err)
	}
}

// refreshed takes the outcome of a refresh.
func (d *dialog) refreshed(req *sip.Request, res *sip.Response, err error) {
	d.mu.Lock()
	isInvite := req.IsInvite()
	if isInvite {
		d.asking = false
		d.advance()
		if d.call != nil && (err != nil || !res.IsSuccess()) {
			d.call.withdraw()
		}
	}
	if d.state == stateEnded {
		d.mu.Unlock()
		return
	}
	if isGone(res, err) {
		d.mu.Unlock()
		d.unreachable("refresh")
		return
	}
	defer d.mu.Unlock()
	if err != nil { // the transport failed: as good as 503 (RFC 3261 section 8.1.3.1)
		res = sip.NewResponse(sip.StatusServiceUnavailable, "")
	}
	if res.IsSuccess() {
		d.refreshTarget(res)
		if isInvite {
			d.refreshedWith(res)
		}
		d.keepTimer(res, true)
		return
	}
	d.refreshLater(req.Method, res)
}

// refreshedWith takes the answer in a 2xx to a refresh. d.mu is held.
func (d *dialog) refreshedWith(res *sip.Response) {
	bad := d.takeAnswer(res)
	if stray := new(strayed); errors.As(bad, &stray) {
		d.agent.spawn(func() { d.bringBack(stray.why) })
	} else if bad != nil {
		d.log.Info("the answer to a refresh cannot be used", "error", statusOf(bad, "").why)
	}
}

// keepTimer begins the session interval anew after a 2xx to a request of ours, as that has it.
// Ours says who refreshes if it does not say. d.mu is held.
func (d *dialog) keepTimer(res *sip.Response, ours bool) {
	d.restartTimer(d.session.interval, ours)
	if v, ok := value(res, "session-expires", "x"); ok {
		if se, err := parseSessionExpires(v); err == nil && se.seconds >= seconds(minSessionInterval) {
			d.restartTimer(time.Duration(se.seconds)*time.Second, se.refresher != refresherUAS)
		}
	}
}

// timerHeaders are those that an INVITE of ours needs within a session that has a timer, or it
// would end that (RFC 4028 section 7.4). d.mu is held.
func (d *dialog) timerHeaders() []sip.Header {
	s := &d.session
	if s.interval == 0 {
		return nil
	}
	expires := sessionExpires{seconds(s.interval), refresherUAS}
	if s.ours {
		expires.refresher = refresherUAC // in this request, we are the client
	}
	return []sip.Header{
		sip.NewHeader("Session-Expires", expires.String()),
		sip.NewHeader("Min-SE", strconv.Itoa(seconds(d.agent.cfg.MinSE))),
	}
}

// takeMinSE takes the interval that a 422 asks for, and reports whether there is one. d.mu is
// held.
func (d *dialog) takeMinSE(res *sip.Response) bool {
	v, ok := value(res, "min-se")
	n, err := parseMinSE(v)
	if !ok || err != nil {
		return false
	}
	d.session.interval = max(d.session.interval, time.Duration(min(n, 86400))*time.Second)
	return true
}

// refreshLater decides how to go on after a refusal that says that the peer lives. d.mu is
// held.
func (d *dialog) refreshLater(method sip.RequestMethod, res *sip.Response) {
	left := time.Until(d.session.expires)
	wait := max(left/2, time.Second)
	switch code := res.StatusCode; {
	case code == 422:
		d.takeMinSE(res)
		wait = glareWait()
	case code == sip.StatusRequestPending:
		wait = glareWait()
	case method == sip.UPDATE && code != sip.StatusInternalServerError && code != sip.StatusServiceUnavailable:
		d.updates = false // it does not take UPDATE after all
		wait = glareWait()
	}
	if left <= 0 {
		wait = 0
	}
	d.armTimer(wait)
}

// glareWait is 0 to 2 s in steps of 10 ms: we do not own the Call-ID (RFC 3261 section
// 14.1).
func glareWait() time.Duration { return time.Duration(rand.IntN(201)) * 10 * time.Millisecond }

// unreachable ends a call whose peer answers no more.
func (d *dialog) unreachable(how string) {
	d.agent.count.unreachable.Add(1)
	d.end(rooms.Reason{Code: rooms.ReasonTimedOut, Text: "No answer to " + how}, hangUp)
}
