package webhook

import (
	"slices"
	"time"
)

// DeadLetters returns what could not be delivered to a subscription, the oldest first. The
// bodies are shared and must not be changed.
func (m *Manager) DeadLetters(subscription string) ([]Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.subs[subscription]
	if s == nil {
		return nil, noSubscription(subscription)
	}
	all := make([]Delivery, 0, len(s.dead))
	for _, j := range s.dead {
		all = append(all, j.Delivery)
	}
	return all, nil
}

// Redeliver queues a dead letter once more, behind what waits for its room, with all its
// attempts before it. Errors are of code NotFound, Disabled, Full or Closed.
func (m *Manager) Redeliver(id string) (Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j := m.dead[id]
	if j == nil {
		return Delivery{}, errorf(NotFound, "there is no dead letter %q", clip(id, 64))
	}
	s := m.subs[j.Subscription]
	switch {
	case m.closing:
		return Delivery{}, errorf(Closed, "the server is about to end")
	case s.Disabled:
		return Delivery{}, errorf(Disabled, "the subscription %q is disabled; enable it first", s.ID)
	case m.full(s, j.Event.Room):
		return Delivery{}, errorf(Full, "the queue of subscription %q is full; wait until it has delivered some", s.ID)
	}
	m.unkeep(s, j)
	now := time.Now()
	m.order++
	j.Delivery = Delivery{ID: j.ID, Order: m.order, Subscription: s.ID, Event: j.Event, State: Pending, Queued: now}
	m.counters.Redelivered++
	m.add(s, j, now)
	m.save(j)
	signal(m.wake)
	return j.Delivery, nil
}

// Discard removes a dead letter for good; the error is of code NotFound.
func (m *Manager) Discard(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	j := m.dead[id]
	if j == nil {
		return errorf(NotFound, "there is no dead letter %q", clip(id, 64))
	}
	m.unkeep(m.subs[j.Subscription], j)
	m.forget(j)
	return nil
}

// bury makes a delivery that is in no lane a dead letter.
func (m *Manager) bury(s *subscriber, j *job, why DeadReason, now time.Time) {
	j.State, j.Reason, j.Died, j.Next = Dead, why, now, time.Time{}
	m.counters.Dead[why]++
	s.status.Failed++
	m.keepDead(s, j)
	m.save(j)
}

// keepDead adds a dead letter; past the limit the oldest goes.
func (m *Manager) keepDead(s *subscriber, j *job) {
	s.dead = append(s.dead, j)
	m.dead[j.ID] = j
	for len(s.dead) > m.cfg.DeadLetters {
		oldest := s.dead[0]
		s.dead[0] = nil
		s.dead = s.dead[1:]
		delete(m.dead, oldest.ID)
		m.forget(oldest)
		m.counters.DeadDropped++
	}
}

func (m *Manager) unkeep(s *subscriber, j *job) {
	delete(m.dead, j.ID)
	s.dead = slices.DeleteFunc(s.dead, func(x *job) bool { return x == j })
}
