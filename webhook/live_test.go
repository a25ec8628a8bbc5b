package webhook

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/wait"
)

// live starts a manager that sends real requests to loopback.
func live(t *testing.T, cfg Config) *Manager {
	t.Helper()
	cfg.AllowPrivate, cfg.AllowHTTP = loopback, true
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { finish(t, m) })
	return m
}

// receiver is an endpoint that verifies what it gets and keeps it by room.
type receiver struct {
	mu     sync.Mutex
	secret func(r *http.Request) string
	rooms  map[string][]string
	seen   map[string]bool
	fault  error
}

func (v *receiver) take(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = verify(r, body, v.secret(r))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil && v.fault == nil {
		v.fault = err
	}
	id := r.URL.Path + r.Header.Get("webhook-id")
	if v.seen[id] {
		return
	}
	v.seen[id] = true
	var n int
	room := r.URL.Path
	if _, err := fmt.Sscanf(r.Header.Get("webhook-id"), "room%d-", &n); err == nil {
		room += fmt.Sprint(n)
	}
	v.rooms[room] = append(v.rooms[room], r.Header.Get("webhook-id"))
}

func newReceiver(secret func(*http.Request) string) *receiver {
	return &receiver{secret: secret, rooms: map[string][]string{}, seen: map[string]bool{}}
}

// A fifth of all requests fails in one way or another; each room's order holds.
func TestLiveOrderUnderFailures(t *testing.T) {
	leak.Check(t)
	const rooms, events = 10, 30
	v := newReceiver(func(*http.Request) string { return testSecret })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch rand.IntN(20) {
		case 0:
			w.WriteHeader(503)
			return
		case 1:
			panic(http.ErrAbortHandler) // the connection breaks
		case 2:
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
			return
		case 3:
			v.take(r)
			panic(http.ErrAbortHandler) // the answer is lost
		}
		v.take(r)
	})
	m := live(t, Config{Backoff: []time.Duration{time.Millisecond}, Attempts: 1000})
	sub := subscribe(t, m, Subscription{URL: s.URL + "/", Secret: testSecret})
	for n := range events {
		for room := range rooms {
			publish(t, m, event(fmt.Sprintf("room%d", room), n))
		}
	}
	wait.For(t, "delivery", func() bool { return statusOf(t, m, sub.ID).Pending == 0 })
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fault != nil {
		t.Error(v.fault)
	}
	for room := range rooms {
		got := v.rooms[fmt.Sprintf("/%d", room)]
		if len(got) != events {
			t.Errorf("room %d: %d events, want %d", room, len(got), events)
		}
		for n, id := range got {
			if want := fmt.Sprintf("room%d-%d", room, n); id != want {
				t.Fatalf("room %d: %s came where %s was due", room, id, want)
			}
		}
	}
}

func TestLiveThousandSubscriptions(t *testing.T) {
	leak.Check(t)
	const subscriptions, events = 1000, 3
	var mu sync.Mutex
	secrets := map[string]string{}
	v := newReceiver(func(r *http.Request) string { mu.Lock(); defer mu.Unlock(); return secrets[r.URL.Path] })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { v.take(r) })
	m := live(t, Config{Senders: 64})
	mu.Lock()
	for n := range subscriptions {
		path := fmt.Sprintf("/%d/", n)
		secrets[path] = subscribe(t, m, Subscription{URL: s.URL + path}).Secret
	}
	mu.Unlock()
	if _, err := m.Create(Subscription{URL: s.URL}); CodeOf(err) != Full {
		t.Errorf("one more: %v", err)
	}
	for n := range events {
		publish(t, m, event("room1", n))
	}
	wait.For(t, "delivery", func() bool { return m.Stats().Pending == 0 })
	if st := m.Stats(); st.Delivered != subscriptions*events {
		t.Errorf("stats %+v", st)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fault != nil || len(v.rooms) != subscriptions {
		t.Errorf("%d endpoints were reached; %v", len(v.rooms), v.fault)
	}
	for path, ids := range v.rooms {
		wantStrings(t, path, ids, "room1-0", "room1-1", "room1-2")
	}
}

// A restart in the middle, with an endpoint that hangs: nothing is lost.
func TestLiveRestart(t *testing.T) {
	leak.Check(t)
	over := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	defer stuck.Close()
	defer close(over)
	v := newReceiver(func(*http.Request) string { return testSecret })
	works := serve(t, func(w http.ResponseWriter, r *http.Request) { v.take(r) })
	store := newMemory()
	cfg := Config{
		Store: store, AllowPrivate: loopback, AllowHTTP: true, CloseTimeout: 20 * time.Millisecond,
		Limits: Limits{Header: time.Second}, Backoff: []time.Duration{10 * time.Millisecond}, Attempts: 1000,
	}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sub := subscribe(t, m, Subscription{URL: stuck.URL, Secret: testSecret})
	for n := range 20 {
		publish(t, m, event("room1", n))
	}
	finish(t, m)
	if kept := len(store.kept()); kept != 20 {
		t.Errorf("%d are stored, want 20", kept)
	}
	cfg.CloseTimeout = 0
	m = live(t, cfg)
	update(t, m, sub.ID, func(s *Subscription) { s.URL = works.URL + "/" })
	wait.For(t, "delivery", func() bool { return statusOf(t, m, sub.ID).Pending == 0 })
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fault != nil || len(v.rooms["/1"]) != 20 || v.rooms["/1"][19] != "room1-19" {
		t.Errorf("%q, %v", v.rooms, v.fault)
	}
}

func TestLivePing(t *testing.T) {
	leak.Check(t)
	v := newReceiver(func(*http.Request) string { return testSecret })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { v.take(r) })
	m := live(t, Config{})
	res, err := m.Test(context.Background(), subscribe(t, m, Subscription{URL: s.URL, Secret: testSecret}).ID)
	if err != nil || res.Status != 200 || res.Took <= 0 || v.fault != nil {
		t.Errorf("%+v, %v, %v", res, err, v.fault)
	}
}

// All verbs at once, for the race detector; the books balance in the end.
func TestStorm(t *testing.T) {
	leak.Check(t)
	e := &endpoint{answer: func(context.Context, int, request) outcome {
		return outcome{status: []int{200, 200, 200, 500, 404, 429}[rand.IntN(6)]}
	}}
	m := start(t, Config{
		Store: newMemory(), MaxSubscriptions: 20, QueueLength: 20, RoomQueueLength: 5, DeadLetters: 10, Senders: 8,
		Attempts: 3, Backoff: []time.Duration{time.Millisecond},
	}, e)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for n := range 300 {
				_ = m.Publish(event(fmt.Sprintf("room%d", w), n))
				list := m.List()
				if len(list) < 10 {
					_, _ = m.Create(Subscription{URL: "https://example.com/"})
					continue
				}
				one := list[rand.IntN(len(list))].ID
				switch rand.IntN(12) {
				case 0:
					_ = m.Delete(one, nil)
				case 1:
					_, _ = m.Update(one, func(s *Subscription) error { s.Disabled = !s.Disabled; return nil }, nil)
				case 2:
					_, _ = m.Update(one, func(s *Subscription) error { s.Secret = NewSecret(); return nil }, nil)
				case 3:
					_, _ = m.Test(context.Background(), one)
				case 4, 5:
					dead, _ := m.DeadLetters(one)
					if len(dead) > 0 {
						_, _ = m.Redeliver(dead[rand.IntN(len(dead))].ID)
						_ = m.Discard(dead[0].ID)
					}
				case 6:
					_, _ = m.Status(one)
				}
			}
		})
	}
	wg.Wait()
	wait.For(t, "the queues to run dry", func() bool { return m.Stats().Pending == 0 })
	for _, s := range m.List() {
		if st := statusOf(t, m, s.ID); st.Pending != 0 || len(m.subs[s.ID].lanes) != 0 {
			t.Errorf("%s: %+v", s.ID, st)
		}
	}
	if st := m.Stats(); st.Running != 0 || st.Published != 2400 || len(m.alarms) > len(m.subs) {
		t.Errorf("stats %+v, %d alarms", st, len(m.alarms))
	}
	finish(t, m)
}
