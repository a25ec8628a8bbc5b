package webhook

import (
	"maps"
	"time"
)

// Counters count since the start.
type Counters struct {
	Published   uint64                // events
	Refused     uint64                // events that were invalid, or came after Close
	Queued      uint64                // deliveries: an event counts once per subscription
	Attempts    uint64                // requests with an end, pings aside
	Delivered   uint64                // deliveries that were taken
	Retries     uint64                // attempts that failed and are to be repeated
	Dead        map[DeadReason]uint64 // deliveries that became dead letters
	DeadDropped uint64                // dead letters that gave way to newer ones
	Redelivered uint64                // dead letters that were queued again
	Disabled    uint64                // subscriptions that the server disabled
	Lost        uint64                // deliveries that Close had to leave without a store
	StoreErrors uint64                // writes that the store did not take
}

// Stats is the manager at one moment.
type Stats struct {
	Counters
	Subscriptions int
	Failing       int // subscriptions whose last attempt failed
	Pending       int // deliveries
	DeadLetters   int
	Running       int // requests under way
}

// Stats returns counts and sizes.
func (m *Manager) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Stats{Counters: m.counters, Subscriptions: len(m.subs), Pending: m.pending, DeadLetters: len(m.dead), Running: m.running}
	s.Counters.Dead = maps.Clone(m.counters.Dead)
	for _, sub := range m.subs {
		if sub.failing {
			s.Failing++
		}
	}
	return s
}

// Status says how deliveries to one subscription go. Counts are since the start.
type Status struct {
	Pending       int       // deliveries that wait or are under way
	DeadLetters   int       //
	Failing       bool      // the last attempt failed
	PausedUntil   time.Time // the endpoint asked to be left alone until then; zero: it did not
	Delivered     uint64    //
	Failed        uint64    // deliveries that became dead letters
	LastAttempt   time.Time // zero: none
	LastDelivered time.Time // zero: none
	LastStatus    int       // of the last attempt; 0: no answer
	LastError     string    // of the last attempt; empty: it was taken
}

// Status returns a subscription's; the error is of code NotFound.
func (m *Manager) Status(id string) (Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.subs[id]
	if s == nil {
		return Status{}, noSubscription(id)
	}
	st := s.status
	st.Pending, st.DeadLetters, st.Failing = s.pending, len(s.dead), s.failing
	if time.Now().Before(s.paused) {
		st.PausedUntil = s.paused
	}
	return st, nil
}
