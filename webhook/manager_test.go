package webhook

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestSubscriptionsComeAndGo(t *testing.T) {
	m := start(t, Config{MaxSubscriptions: 2}, &endpoint{})
	defer finish(t, m)
	a := subscribe(t, m, Subscription{ID: "mine", Version: 7, Kinds: []string{"room."}, Description: "d"})
	if a.ID == "mine" || a.Version != 1 || a.Created.IsZero() || a.Description != "d" {
		t.Errorf("created %+v", a)
	}
	if _, err := ParseSecret(a.Secret); err != nil {
		t.Errorf("no secret of its own: %v", err)
	}
	b := subscribe(t, m, Subscription{Secret: testSecret})
	if b.Secret != testSecret {
		t.Errorf("secret %q", b.Secret)
	}
	if _, err := m.Create(Subscription{URL: "https://example.com/"}); CodeOf(err) != Full {
		t.Errorf("a third: %v", err)
	}
	for _, s := range m.List() {
		if s.Secret != "" || s.OldSecret != "" {
			t.Errorf("a list with secrets: %+v", s)
		}
	}
	if got, err := m.Get(a.ID); err != nil || got.Secret != "" || !slices.Equal(got.Kinds, a.Kinds) {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := m.Delete(a.ID, new(uint64)); CodeOf(err) != Conflict {
		t.Errorf("deleting another version: %v", err)
	}
	if err := m.Delete(a.ID, nil); err != nil {
		t.Error(err)
	}
	_, get := m.Get(a.ID)
	_, dead := m.DeadLetters(a.ID)
	_, st := m.Status(a.ID)
	_, ping := m.Test(context.Background(), a.ID)
	_, patch := m.Update(a.ID, func(*Subscription) error { return nil }, nil)
	for _, err := range []error{get, dead, st, ping, patch, m.Delete(a.ID, nil)} {
		if CodeOf(err) != NotFound {
			t.Errorf("of a deleted one: %v", err)
		}
	}
	if list := m.List(); len(list) != 1 || list[0].ID != b.ID {
		t.Errorf("left %+v", list)
	}
}

func TestUpdates(t *testing.T) {
	m := start(t, Config{}, &endpoint{})
	defer finish(t, m)
	s := subscribe(t, m, Subscription{})
	same := update(t, m, s.ID, func(s *Subscription) { s.ID, s.Version, s.Created = "x", 9, time.Time{} })
	if same.ID != s.ID || same.Version != 1 || !same.Created.Equal(s.Created) {
		t.Errorf("what cannot change: %+v", same)
	}
	next := update(t, m, s.ID, func(s *Subscription) { s.Rooms = append(s.Rooms, "a") })
	if next.Version != 2 || next.Secret != "" || next.Updated.Before(s.Updated) {
		t.Errorf("changed %+v", next)
	}
	_, err := m.Update(s.ID, func(s *Subscription) error { s.URL = "https://10.0.0.1/"; return nil }, nil)
	if CodeOf(err) != Invalid {
		t.Errorf("a private URL: %v", err)
	}
	own := errors.New("own")
	if _, err := m.Update(s.ID, func(*Subscription) error { return own }, nil); !errors.Is(err, own) {
		t.Errorf("the change's own error: %v", err)
	}
	for version, want := range map[uint64]ErrorCode{1: Conflict, 2: "", 3: Conflict} {
		if _, err := m.Update(s.ID, func(*Subscription) error { return nil }, &version); CodeOf(err) != want {
			t.Errorf("version %d: %v", version, err)
		}
	}
	if got, _ := m.Get(s.ID); got.URL != s.URL || got.Version != 2 {
		t.Errorf("left %+v", got)
	}
}

func TestReplacedSecretSignsAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{}
		m := start(t, Config{OldSecret: time.Hour}, e)
		s := subscribe(t, m, Subscription{})
		next := NewSecret()
		if got := update(t, m, s.ID, func(s *Subscription) { s.Secret = next }); got.Secret != next || got.OldSecret != "" {
			t.Errorf("updated %+v", got)
		}
		oldKey, _ := ParseSecret(s.Secret)
		newKey, _ := ParseSecret(next)
		publish(t, m, event("a", 1))
		synctest.Wait()
		if keys := e.calls[0].keys; len(keys) != 2 || !slices.Equal(keys[0], newKey) || !slices.Equal(keys[1], oldKey) {
			t.Errorf("%d keys sign, want the new one and the old one", len(keys))
		}
		time.Sleep(time.Hour)
		publish(t, m, event("a", 2))
		synctest.Wait()
		if keys := e.calls[1].keys; len(keys) != 1 || !slices.Equal(keys[0], newKey) {
			t.Errorf("%d keys sign after an hour, want the new one", len(keys))
		}
		finish(t, m)
	})
}

// A repaired URL is tried at once, not at the end of an hour's pause.
func TestNewURLEndsPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(_ context.Context, _ int, r request) outcome {
			if r.url == "https://bad.example/" {
				return outcome{status: 503, retryAfter: time.Hour}
			}
			return status(200)
		}}
		m := start(t, Config{Backoff: []time.Duration{time.Hour}}, e)
		s := subscribe(t, m, Subscription{URL: "https://bad.example/"})
		publish(t, m, event("a", 1), event("b", 1), event("a", 2))
		synctest.Wait()
		update(t, m, s.ID, func(s *Subscription) { s.URL = "https://good.example/" })
		synctest.Wait()
		if st := statusOf(t, m, s.ID); st.Pending != 0 || st.Delivered != 3 || st.Failing {
			t.Errorf("status %+v", st)
		}
		if len(m.alarms) != 0 {
			t.Errorf("%d alarms are left", len(m.alarms))
		}
		finish(t, m)
	})
}

func TestDisabledByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(ctx context.Context, _ int, _ request) outcome { return hang(ctx, 15*time.Second) }}
		m := start(t, Config{}, e)
		s := subscribe(t, m, Subscription{})
		publish(t, m, event("a", 1), event("a", 2), event("b", 1))
		synctest.Wait()
		update(t, m, s.ID, func(s *Subscription) { s.Disabled = true })
		wantStrings(t, "at once", reasons(deadLetters(t, m, s.ID)), "a-2 disabled")
		time.Sleep(time.Minute)
		synctest.Wait()
		dead := reasons(deadLetters(t, m, s.ID))
		slices.Sort(dead)
		wantStrings(t, "in the end", dead, "a-1 disabled", "a-2 disabled", "b-1 disabled")
		if st := m.Stats(); st.Pending != 0 || st.Running != 0 || len(m.subs[s.ID].lanes) != 0 {
			t.Errorf("stats %+v", st)
		}
		finish(t, m)
	})
}

func TestDeleteBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(ctx context.Context, _ int, _ request) outcome { return hang(ctx, time.Hour) }}
		m := start(t, Config{}, e)
		s := subscribe(t, m, Subscription{})
		publish(t, m, event("a", 1), event("a", 2), event("b", 1))
		synctest.Wait()
		if err := m.Delete(s.ID, nil); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if st := m.Stats(); st.Pending != 0 || st.Running != 0 || st.Attempts != 0 {
			t.Errorf("stats %+v", st)
		}
		finish(t, m)
	})
}

func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{}
		m := start(t, Config{}, e)
		s := subscribe(t, m, Subscription{Disabled: true})
		res, err := m.Test(context.Background(), s.ID)
		if err != nil || res.Status != 200 || res.Error != "" || res.ID != e.calls[0].id {
			t.Errorf("ping %+v, %v", res, err)
		}
		e.answer = func(context.Context, int, request) outcome { return status(404) }
		if res, err = m.Test(context.Background(), s.ID); err != nil || res.Status != 404 || res.Error == "" {
			t.Errorf("ping %+v, %v", res, err)
		}
		e.answer = func(ctx context.Context, _ int, _ request) outcome { return hang(ctx, time.Hour) }
		ends := make(chan error, maxPings)
		for range maxPings {
			go func() { _, err := m.Test(context.Background(), s.ID); ends <- err }()
		}
		synctest.Wait()
		if _, err := m.Test(context.Background(), s.ID); CodeOf(err) != Full {
			t.Errorf("one ping too many: %v", err)
		}
		finish(t, m)
		for range maxPings {
			if err := <-ends; CodeOf(err) != Closed {
				t.Errorf("a ping at the end: %v", err)
			}
		}
		if _, err := m.Test(context.Background(), s.ID); CodeOf(err) != Closed {
			t.Errorf("a ping after the end: %v", err)
		}
	})
}

func TestPingEndsWithItsCaller(t *testing.T) {
	e := &endpoint{answer: func(ctx context.Context, _ int, _ request) outcome { return hang(ctx, time.Hour) }}
	m := start(t, Config{}, e)
	defer finish(t, m)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Test(ctx, subscribe(t, m, Subscription{}).ID); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Close delivers what is due, does not wait for pauses, and leaves what hangs.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(_ context.Context, _ int, r request) outcome {
			time.Sleep(100 * time.Millisecond)
			if r.id == "b-0" {
				return status(500)
			}
			return status(200)
		}}
		m := start(t, Config{Backoff: []time.Duration{time.Hour}}, e)
		subscribe(t, m, Subscription{})
		for n := range 20 {
			publish(t, m, event("a", n))
		}
		publish(t, m, event("b", 0))
		began := time.Now()
		finish(t, m)
		if took := time.Since(began); m.Stats().Delivered != 20 || took != 2*time.Second {
			t.Errorf("%d delivered in %v", m.Stats().Delivered, took)
		}
		if err := m.Publish(event("a", 99)); CodeOf(err) != Closed {
			t.Errorf("publishing after the end: %v", err)
		}
		if _, err := m.Create(Subscription{URL: "https://example.com/"}); CodeOf(err) != Closed {
			t.Errorf("creating after the end: %v", err)
		}
		finish(t, m)
	})
}

func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(ctx context.Context, _ int, _ request) outcome { return hang(ctx, time.Hour) }}
		for _, limit := range []time.Duration{time.Second, time.Minute} {
			m := start(t, Config{CloseTimeout: 7 * time.Second}, e)
			subscribe(t, m, Subscription{})
			publish(t, m, event("a", 1))
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			began := time.Now()
			if err := m.Close(ctx); err != nil {
				t.Error(err)
			}
			cancel()
			if took := time.Since(began); took != min(limit, 7*time.Second) {
				t.Errorf("with %v to go it took %v", limit, took)
			}
			if st := m.Stats(); st.Lost != 1 || st.Attempts != 0 {
				t.Errorf("stats %+v", st)
			}
		}
	})
}

func TestFilteredAndRefusedEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{}
		m := start(t, Config{MaxBody: 100}, e)
		subscribe(t, m, Subscription{Rooms: []string{"b"}})
		publish(t, m, event("a", 1), event("b", 1))
		if err := m.Publish(Event{ID: "x", Room: "b", Body: make([]byte, 101)}); CodeOf(err) != Invalid {
			t.Errorf("a body of 101 bytes: %v", err)
		}
		synctest.Wait()
		wantStrings(t, "requests", e.ids(), "b-1")
		if st := m.Stats(); st.Published != 2 || st.Refused != 1 || st.Queued != 1 || st.Delivered != 1 {
			t.Errorf("stats %+v", st)
		}
		finish(t, m)
	})
}
