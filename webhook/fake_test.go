package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// endpoint stands for everything behind Manager.send.
type endpoint struct {
	mu     sync.Mutex
	calls  []call
	answer func(ctx context.Context, n int, r request) outcome // n counts calls from 1; nil: 200
}

type call struct {
	request
	at time.Time
}

func (e *endpoint) send(ctx context.Context, r request) outcome {
	e.mu.Lock()
	e.calls = append(e.calls, call{r, time.Now()})
	n, answer := len(e.calls), e.answer
	e.mu.Unlock()
	if answer == nil {
		return outcome{status: 200}
	}
	return answer(ctx, n, r)
}

// ids returns the events of all calls.
func (e *endpoint) ids() (all []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.calls {
		all = append(all, c.id)
	}
	return all
}

func (e *endpoint) count() int { return len(e.ids()) }

func status(n int) outcome { return outcome{status: n} }

// hang answers when the manager breaks it off, or as a poster would after its limit.
func hang(ctx context.Context, limit time.Duration) outcome {
	select {
	case <-ctx.Done():
		return outcome{err: ctx.Err(), aborted: true}
	case <-time.After(limit):
		return outcome{err: errors.New("no complete answer")}
	}
}

func start(t *testing.T, cfg Config, e *endpoint) *Manager {
	t.Helper()
	m, err := newManager(cfg, e.send, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func finish(t *testing.T, m *Manager) {
	t.Helper()
	if err := m.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func subscribe(t *testing.T, m *Manager, s Subscription) Subscription {
	t.Helper()
	s.URL = cmp.Or(s.URL, "https://example.com/hook")
	made, err := m.Create(s)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// event returns the nth event of a room.
func event(room string, n int) Event {
	return Event{ID: fmt.Sprintf("%s-%d", room, n), Seq: uint64(n), Room: room, Kind: "digit", Body: fmt.Appendf(nil, `{"room":%q,"n":%d}`, room, n)}
}

func publish(t *testing.T, m *Manager, events ...Event) {
	t.Helper()
	for _, e := range events {
		if err := m.Publish(e); err != nil {
			t.Fatal(err)
		}
	}
}

func update(t *testing.T, m *Manager, id string, change func(*Subscription)) Subscription {
	t.Helper()
	s, err := m.Update(id, func(s *Subscription) error { change(s); return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func statusOf(t *testing.T, m *Manager, id string) Status {
	t.Helper()
	st, err := m.Status(id)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func deadLetters(t *testing.T, m *Manager, id string) []Delivery {
	t.Helper()
	dead, err := m.DeadLetters(id)
	if err != nil {
		t.Fatal(err)
	}
	return dead
}

// reasons returns the events of dead letters, each with why.
func reasons(dead []Delivery) (all []string) {
	for _, d := range dead {
		all = append(all, d.Event.ID+" "+string(d.Reason))
	}
	return all
}

func wantStrings(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// memory is a Store that outlives a manager.
type memory struct {
	mu         sync.Mutex
	subs       map[string]Subscription
	deliveries map[string]Delivery
	writes     int
	fail       error
}

func newMemory() *memory {
	return &memory{subs: map[string]Subscription{}, deliveries: map[string]Delivery{}}
}

func (s *memory) Load() (subs []Subscription, deliveries []Delivery, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		subs = append(subs, sub)
	}
	for _, d := range s.deliveries {
		deliveries = append(deliveries, d)
	}
	return subs, deliveries, s.fail
}

func (s *memory) SaveSubscription(sub Subscription) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		s.subs[sub.ID] = sub
	}
	return s.fail
}

func (s *memory) DeleteSubscription(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		delete(s.subs, id)
	}
	return s.fail
}

func (s *memory) SaveDeliveries(save []Delivery, remove []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(save)+len(remove) > 500 {
		return errors.New("too many at once")
	}
	if s.fail != nil {
		return s.fail
	}
	s.writes++
	for _, d := range save {
		s.deliveries[d.ID] = d
	}
	for _, id := range remove {
		delete(s.deliveries, id)
	}
	return nil
}

func (s *memory) set(fail error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

// kept returns the events of what is stored, each with its state, sorted.
func (s *memory) kept() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.deliveries {
		all = append(all, d.Event.ID+" "+string(d.State))
	}
	slices.Sort(all)
	return all
}
