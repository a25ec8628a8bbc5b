package webhook

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"
)

// maxPings is how many run at a time.
const maxPings = 8

// PingKind is the kind of the event that Test sends.
const PingKind = "ping"

// TestResult is what came of a ping.
type TestResult struct {
	ID     string        // the header webhook-id
	Status int           // the endpoint's; 0: no answer
	Error  string        // what was wrong; empty: the ping was taken
	Took   time.Duration // from the first step to the end of the answer
}

// Test sends one signed event of kind [PingKind] to a subscription's endpoint now, whatever
// waits, also if it is disabled, and returns what came of it; it is not repeated and changes
// nothing. Errors are of code NotFound, Full (too many at a time) or Closed, or ctx's.
func (m *Manager) Test(ctx context.Context, id string) (TestResult, error) {
	r, sub, err := m.beginPing(id)
	if err != nil {
		return TestResult{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(sub.ctx, cancel)()
	o := m.send(ctx, r)
	m.mu.Lock()
	m.pinging--
	m.mu.Unlock()
	m.wg.Done()
	switch {
	case o.aborted && sub.ctx.Err() != nil:
		return TestResult{}, errorf(Closed, "the subscription or the server came to its end")
	case o.aborted:
		return TestResult{}, ctx.Err()
	}
	return TestResult{ID: r.id, Status: o.status, Error: o.message(), Took: o.took}, nil
}

func (m *Manager) beginPing(id string) (request, *subscriber, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.subs[id]
	switch {
	case s == nil:
		return request{}, nil, noSubscription(id)
	case m.closing:
		return request{}, nil, errorf(Closed, "the server is about to end")
	case m.pinging >= maxPings:
		return request{}, nil, errorf(Full, "%d pings are under way; wait for one to end", m.pinging)
	}
	m.pinging++
	m.wg.Add(1)
	now := time.Now()
	event := "ping_" + strings.ToLower(rand.Text())
	body, err := json.Marshal(map[string]any{"id": event, "kind": PingKind, "time": now.UTC(), "subscription": id})
	if err != nil { // strings and times do not fail
		panic(err)
	}
	return request{url: s.URL, keys: s.keys(now), id: event, body: body}, s, nil
}
