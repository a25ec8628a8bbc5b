package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var schedule = []time.Duration{5 * time.Second, time.Minute, time.Hour}

// The third attempt succeeds; what is behind it in the room waits, other rooms do not.
func TestOrderIsKeptUnderRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{}
		failed := 0
		e.answer = func(_ context.Context, _ int, r request) outcome {
			e.mu.Lock()
			defer e.mu.Unlock()
			if r.id == "a-1" && failed < 2 {
				failed++
				return status(503)
			}
			return status(204)
		}
		m := start(t, Config{Backoff: schedule}, e)
		subscribe(t, m, Subscription{})
		publish(t, m, event("a", 1), event("a", 2), event("b", 1), event("a", 3))
		synctest.Wait()
		if ids := e.ids(); len(ids) != 2 || !slices.Contains(ids, "a-1") || !slices.Contains(ids, "b-1") {
			t.Errorf("at once: %q, want the first of each room", ids)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		wantStrings(t, "later", e.ids()[2:], "a-1", "a-1", "a-2", "a-3")
		finish(t, m)
	})
}

func TestPausesGrowBySchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(context.Context, int, request) outcome { return outcome{err: errors.New("connection refused")} }}
		m := start(t, Config{Backoff: schedule, Attempts: 6}, e)
		s := subscribe(t, m, Subscription{})
		publish(t, m, event("a", 1), event("a", 2))
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if e.count() != 12 {
			t.Fatalf("%d attempts, want 6 for each of 2", e.count())
		}
		for i, want := range []time.Duration{5 * time.Second, time.Minute, time.Hour, time.Hour, time.Hour, 0, 5 * time.Second} {
			pause := e.calls[i+1].at.Sub(e.calls[i].at)
			if pause < want*8/10 || pause > want*12/10 {
				t.Errorf("pause %d: %v, want about %v", i+1, pause, want)
			}
		}
		wantStrings(t, "dead letters", reasons(deadLetters(t, m, s.ID)), "a-1 exhausted", "a-2 exhausted")
		d := deadLetters(t, m, s.ID)[0]
		if d.Attempts != 6 || d.Error != "connection refused" || d.State != Dead || d.Died.IsZero() || !d.Next.IsZero() {
			t.Errorf("dead letter %+v", d)
		}
		finish(t, m)
	})
}

func TestJitterSpreads(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		seen[backoff(schedule, 1)] = true
	}
	if len(seen) < 50 {
		t.Errorf("a hundred pauses have %d lengths", len(seen))
	}
}

func TestOldDeliveriesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(context.Context, int, request) outcome { return status(500) }}
		m := start(t, Config{Backoff: schedule, Attempts: 1000, MaxAge: 10 * time.Hour}, e)
		s := subscribe(t, m, Subscription{})
		publish(t, m, event("a", 1), event("a", 2))
		time.Sleep(11 * time.Hour)
		synctest.Wait()
		wantStrings(t, "dead letters", reasons(deadLetters(t, m, s.ID)), "a-1 expired", "a-2 expired")
		if st := m.Stats(); st.Dead[DeadExpired] != 2 || st.Pending != 0 || st.Failing != 1 {
			t.Errorf("stats %+v", st)
		}
		finish(t, m)
	})
}

func TestRetryAfterPausesTheWholeEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(_ context.Context, n int, _ request) outcome {
			if n == 1 {
				return outcome{status: 429, retryAfter: 10 * time.Minute}
			}
			return status(200)
		}}
		m := start(t, Config{Backoff: schedule}, e)
		s := subscribe(t, m, Subscription{})
		publish(t, m, event("a", 1))
		synctest.Wait()
		publish(t, m, event("b", 1))
		time.Sleep(10*time.Minute - time.Second)
		synctest.Wait()
		if e.count() != 1 || statusOf(t, m, s.ID).PausedUntil.IsZero() {
			t.Errorf("%d requests before the pause was over; %+v", e.count(), statusOf(t, m, s.ID))
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if st := statusOf(t, m, s.ID); e.count() != 3 || st.Pending != 0 || st.Failing || st.Delivered != 2 || !st.PausedUntil.IsZero() {
			t.Errorf("%d requests; %+v", e.count(), st)
		}
		finish(t, m)
	})
}

func TestAnswersThatSayNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(_ context.Context, n int, _ request) outcome {
			switch n {
			case 1:
				return status(404)
			case 2:
				return outcome{err: errors.New("the address 10.0.0.1 is private"), refused: true}
			}
			return status(200)
		}}
		m := start(t, Config{}, e)
		s := subscribe(t, m, Subscription{})
		publish(t, m, event("a", 1), event("a", 2), event("a", 3))
		synctest.Wait()
		wantStrings(t, "requests", e.ids(), "a-1", "a-2", "a-3")
		wantStrings(t, "dead letters", reasons(deadLetters(t, m, s.ID)), "a-1 rejected", "a-2 refused")
		finish(t, m)
	})
}

func TestGoneDisables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(_ context.Context, n int, _ request) outcome {
			if n == 1 {
				time.Sleep(time.Second)
				return status(410)
			}
			return status(200)
		}}
		m := start(t, Config{}, e)
		s := subscribe(t, m, Subscription{})
		publish(t, m, event("a", 1), event("a", 2))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		publish(t, m, event("a", 3))
		synctest.Wait()
		got, _ := m.Get(s.ID)
		if !got.Disabled || got.DisabledFor == "" || got.Version != 2 || e.count() != 1 {
			t.Errorf("%+v after %d requests", got, e.count())
		}
		dead := deadLetters(t, m, s.ID)
		wantStrings(t, "dead letters", reasons(dead), "a-1 rejected", "a-2 disabled")
		if _, err := m.Redeliver(dead[0].ID); CodeOf(err) != Disabled {
			t.Errorf("redelivery to a disabled endpoint: %v", err)
		}
		got = update(t, m, s.ID, func(s *Subscription) { s.Disabled = false })
		if got.DisabledFor != "" {
			t.Errorf("enabled, and yet disabled for %q", got.DisabledFor)
		}
		if d, err := m.Redeliver(dead[1].ID); err != nil || d.ID != dead[1].ID || d.State != Pending || d.Attempts != 0 {
			t.Errorf("redelivery: %+v, %v", d, err)
		}
		synctest.Wait()
		wantStrings(t, "requests", e.ids(), "a-1", "a-2")
		wantStrings(t, "dead letters", reasons(deadLetters(t, m, s.ID)), "a-1 rejected")
		finish(t, m)
	})
}

// What hangs for one room takes one of the places; the other rooms go on.
func TestHangHoldsItsRoomOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(ctx context.Context, _ int, r request) outcome {
			if r.id[0] == 'a' {
				return hang(ctx, 15*time.Second)
			}
			return status(200)
		}}
		m := start(t, Config{Backoff: schedule}, e)
		s := subscribe(t, m, Subscription{})
		for n := range 100 {
			publish(t, m, event("a", n), event("b", n), event("c", n))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		count := map[byte]int{}
		for _, id := range e.ids() {
			count[id[0]]++
		}
		if count['b'] != 100 || count['c'] != 100 || statusOf(t, m, s.ID).Pending != 100 {
			t.Errorf("requests by room %v, pending %d", count, statusOf(t, m, s.ID).Pending)
		}
		finish(t, m)
	})
}

// Subscriptions whose endpoints hang have a quarter of the senders together, so that the
// others never wait for them.
func TestHangingEndpointsHoldNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(ctx context.Context, _ int, r request) outcome {
			if r.url == "https://hang.example/" {
				return hang(ctx, 15*time.Second)
			}
			return status(200)
		}}
		m := start(t, Config{Senders: 16, Backoff: schedule[:1]}, e)
		for range 50 {
			subscribe(t, m, Subscription{URL: "https://hang.example/", Rooms: []string{"x"}})
		}
		good := subscribe(t, m, Subscription{Rooms: []string{"a"}})
		publish(t, m, event("x", 1))
		time.Sleep(2 * time.Minute) // all of them have failed once
		for n := range 50 {
			publish(t, m, event("a", n), event("x", n+2))
			synctest.Wait()
			if st := statusOf(t, m, good.ID); st.Pending != 0 || st.Delivered != uint64(n+1) {
				t.Fatalf("event %d: %+v", n, st)
			}
			if r := m.Stats().Running; r > 4 {
				t.Fatalf("%d senders are at work for those that fail, want at most 4 of 16", r)
			}
			time.Sleep(time.Second)
		}
		if m.Stats().Failing != 50 {
			t.Errorf("%d fail, want 50", m.Stats().Failing)
		}
		finish(t, m)
	})
}

func TestParallelIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(ctx context.Context, _ int, _ request) outcome { time.Sleep(time.Second); return status(200) }}
		m := start(t, Config{Parallel: 3, Senders: 5}, e)
		for range 2 {
			subscribe(t, m, Subscription{})
		}
		for n := range 10 {
			publish(t, m, event(fmt.Sprintf("r%d", n), 1))
		}
		synctest.Wait()
		if r := m.Stats().Running; r != 5 {
			t.Errorf("%d run, want 5: three for one subscription and two for the other", r)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if st := m.Stats(); st.Delivered != 20 || st.Running != 0 {
			t.Errorf("stats %+v", st)
		}
		finish(t, m)
	})
}

func TestFullQueuesOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(ctx context.Context, _ int, _ request) outcome { return hang(ctx, time.Hour) }}
		m := start(t, Config{QueueLength: 5, RoomQueueLength: 3, DeadLetters: 3}, e)
		s := subscribe(t, m, Subscription{})
		for n := range 4 {
			publish(t, m, event("a", n))
		}
		for n := range 3 {
			publish(t, m, event("b", n))
		}
		wantStrings(t, "dead letters", reasons(deadLetters(t, m, s.ID)), "a-3 overflow", "b-2 overflow")
		first := deadLetters(t, m, s.ID)[0].ID
		if _, err := m.Redeliver(first); CodeOf(err) != Full {
			t.Errorf("redelivery into a full queue: %v", err)
		}
		publish(t, m, event("c", 0), event("c", 1))
		wantStrings(t, "dead letters", reasons(deadLetters(t, m, s.ID)), "b-2 overflow", "c-0 overflow", "c-1 overflow")
		if _, err := m.Redeliver(first); CodeOf(err) != NotFound {
			t.Errorf("redelivery of what was dropped: %v", err)
		}
		if err := m.Discard(deadLetters(t, m, s.ID)[1].ID); err != nil {
			t.Error(err)
		}
		if err := m.Discard("dl_none"); CodeOf(err) != NotFound {
			t.Errorf("discarding nothing: %v", err)
		}
		st := m.Stats()
		if st.Dead[DeadOverflow] != 4 || st.DeadDropped != 1 || st.Pending != 5 || st.DeadLetters != 2 || st.Queued != 9 {
			t.Errorf("stats %+v", st)
		}
		finish(t, m)
		if lost := m.Stats().Lost; lost != 5 {
			t.Errorf("%d lost without a store, want 5", lost)
		}
	})
}
