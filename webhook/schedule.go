package webhook

import (
	"context"
	"time"
)

// run starts attempts whenever one may start. It is the only one who does.
func (m *Manager) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-m.wake:
		case <-timer.C:
		case <-m.stop:
			return
		}
		if pause, ok := m.dispatch(); ok {
			timer.Reset(pause)
		}
	}
}

// dispatch starts what may start and returns how long it is until the next alarm.
func (m *Manager) dispatch() (pause time.Duration, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for len(m.alarms) > 0 && !m.alarms[0].at.After(now) {
		m.ring(m.alarms[0], now)
	}
	for s := m.choose(now); s != nil; s = m.choose(now) {
		m.start(s, now)
	}
	if m.closing && m.running == 0 {
		select {
		case <-m.idle:
		default:
			close(m.idle)
		}
	}
	if len(m.alarms) == 0 {
		return 0, false
	}
	return max(m.alarms[0].at.Sub(now), 0), true
}

func (m *Manager) ring(a *alarm, now time.Time) {
	m.alarms.clear(a)
	if a.lane != nil {
		m.place(a.lane, now)
		return
	}
	m.enlist(a.sub)
}

// enlist puts a subscriber into the list of its kind if it has something to send and may.
func (m *Manager) enlist(s *subscriber) {
	if s.listed || !m.sendable(s, time.Now()) {
		return
	}
	s.listed = true
	if s.failing {
		m.failing.push(s)
	} else {
		m.healthy.push(s)
	}
}

func (m *Manager) sendable(s *subscriber, now time.Time) bool {
	limit := m.cfg.Parallel
	if s.failing {
		limit = max(limit/2, 1)
	}
	return !s.removed && !s.Disabled && s.ready.len() > 0 && s.running < limit && !now.Before(s.paused)
}

// choose returns whose turn it is, nil if nobody may send now. Who failed comes first but
// never has more than a quarter of the senders, so neither kind can starve the other.
func (m *Manager) choose(now time.Time) *subscriber {
	if m.stopped {
		return nil
	}
	for m.running < m.cfg.Senders {
		list := &m.healthy
		if m.failing.len() > 0 && m.runningFailing < m.cfg.Senders/4 {
			list = &m.failing
		}
		if list.len() == 0 {
			return nil
		}
		s := list.pop()
		s.listed = false
		switch {
		case !m.sendable(s, now): // whatever changes that enlists it again
		case s.failing != (list == &m.failing):
			m.enlist(s)
		default:
			return s
		}
	}
	return nil
}

// start sends the first delivery of a subscriber's next ready lane.
func (m *Manager) start(s *subscriber, now time.Time) {
	l := s.ready.pop()
	j := l.queue.first()
	l.running = true
	s.running++
	m.running++
	failing := s.failing
	if failing {
		m.runningFailing++
	}
	m.enlist(s)
	r := request{url: s.URL, keys: s.keys(now), id: j.Event.ID, body: j.Event.Body}
	m.wg.Go(func() { m.attempt(s.ctx, l, j, r, failing) })
}

func (m *Manager) attempt(ctx context.Context, l *lane, j *job, r request, failing bool) {
	o := m.send(ctx, r)
	m.mu.Lock()
	if failing {
		m.runningFailing--
	}
	m.running--
	told, id := m.finish(l, j, o), l.sub.ID
	m.mu.Unlock()
	signal(m.wake)
	if told != "" {
		m.cfg.Logger.Info(told, "subscription", id, "status", o.status, "error", o.message())
	}
}

// finish does what an outcome asks for and returns what the log should tell, if anything.
func (m *Manager) finish(l *lane, j *job, o outcome) (told string) {
	now := time.Now()
	s := l.sub
	s.running--
	l.running = false
	if s.removed {
		return ""
	}
	if !o.aborted {
		told = m.judge(l, j, o, now)
	}
	m.place(l, now)
	m.enlist(s)
	return told
}

func (m *Manager) judge(l *lane, j *job, o outcome, now time.Time) (told string) {
	s := l.sub
	j.Attempts++
	j.Status, j.Error = o.status, o.message()
	m.counters.Attempts++
	told = s.note(o, now)
	switch o.verdict() {
	case taken:
		m.counters.Delivered++
		s.status.Delivered++
		m.forget(m.shift(l))
	case again:
		m.retry(l, j, o, now)
	case rejected:
		m.bury(s, m.shift(l), reasonOf(o), now)
	case gone:
		m.bury(s, m.shift(l), DeadRejected, now)
		m.disable(s, "the endpoint answered 410 Gone", now)
		told = "webhook subscription is disabled"
	}
	return told
}

func reasonOf(o outcome) DeadReason {
	if o.refused {
		return DeadRefused
	}
	return DeadRejected
}

// note keeps what an outcome says about the endpoint; a change of mind is told.
func (s *subscriber) note(o outcome, now time.Time) (told string) {
	was := s.failing
	s.failing = o.refused || o.verdict() == again
	s.status.LastAttempt, s.status.LastStatus = now, o.status
	s.status.LastError = o.message()
	if o.verdict() == taken {
		s.status.LastDelivered = now
	}
	switch {
	case s.failing && !was:
		return "webhook endpoint fails"
	case was && !s.failing:
		return "webhook endpoint answers again"
	}
	return ""
}

// retry leaves a lane's first delivery where it is, for later, or gives it up.
func (m *Manager) retry(l *lane, j *job, o outcome, now time.Time) {
	s := l.sub
	pause := max(backoff(m.cfg.Backoff, j.Attempts), o.retryAfter)
	j.Next = now.Add(pause)
	if o.retryAfter > 0 { // it asks on behalf of the whole endpoint
		s.paused = now.Add(o.retryAfter)
		m.alarms.set(&s.alarm, s.paused)
	}
	switch {
	case s.Disabled:
		m.bury(s, m.shift(l), DeadDisabled, now)
	case j.Attempts >= m.cfg.Attempts:
		m.bury(s, m.shift(l), DeadExhausted, now)
	case j.Next.Sub(j.Queued) > m.cfg.MaxAge:
		m.bury(s, m.shift(l), DeadExpired, now)
	default:
		m.counters.Retries++
		m.save(j)
	}
}
