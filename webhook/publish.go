package webhook

import (
	"fmt"
	"time"
)

// Publish hands e to every subscription that asks for it. It never waits: where a queue is
// full, the delivery becomes a dead letter. What one goroutine publishes stays in order per
// room. Errors are of code Invalid (and counted), or Closed; the event then goes to nobody.
func (m *Manager) Publish(e Event) error {
	err := checkEvent(e, m.cfg.MaxBody)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil && m.closing {
		err = errorf(Closed, "the server is about to end")
	}
	if err != nil {
		m.counters.Refused++
		return err
	}
	m.counters.Published++
	now := time.Now()
	for _, s := range m.subs {
		if !s.Disabled && s.Matches(e.Kind, e.Room) {
			m.enqueue(s, e, now)
		}
	}
	signal(m.wake)
	return nil
}

func (m *Manager) enqueue(s *subscriber, e Event, now time.Time) {
	m.order++
	j := &job{Delivery: Delivery{
		ID: fmt.Sprintf("dl_%016x", m.order), Order: m.order, Subscription: s.ID, Event: e, State: Pending, Queued: now,
	}}
	m.counters.Queued++
	if m.full(s, e.Room) {
		m.bury(s, j, DeadOverflow, now)
		return
	}
	m.add(s, j, now)
	m.save(j)
}
