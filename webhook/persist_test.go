package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

func TestRestartGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, e := newMemory(), &endpoint{}
		e.answer = func(_ context.Context, _ int, r request) outcome {
			if r.id == "c-1" {
				return status(400)
			}
			return status(503)
		}
		cfg := Config{Store: store, Backoff: []time.Duration{time.Hour}}
		m := start(t, cfg, e)
		s := subscribe(t, m, Subscription{Rooms: []string{"a", "b", "c"}})
		publish(t, m, event("a", 1), event("b", 1), event("a", 2), event("c", 1), event("a", 3))
		synctest.Wait()
		finish(t, m)
		wantStrings(t, "stored", store.kept(), "a-1 pending", "a-2 pending", "a-3 pending", "b-1 pending", "c-1 dead")

		next := &endpoint{}
		m = start(t, cfg, next)
		got, err := m.Get(s.ID)
		if s.Secret = ""; err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("restored %+v, %v, want %+v", got, err, s)
		}
		wantStrings(t, "dead letters", reasons(deadLetters(t, m, s.ID)), "c-1 rejected")
		publish(t, m, event("a", 4))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if next.count() != 0 {
			t.Errorf("%q are sent before their pause is over", next.ids())
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		byRoom := map[byte][]string{}
		for _, id := range next.ids() {
			byRoom[id[0]] = append(byRoom[id[0]], id)
		}
		wantStrings(t, "room a", byRoom['a'], "a-1", "a-2", "a-3", "a-4")
		wantStrings(t, "room b", byRoom['b'], "b-1")
		finish(t, m)
		wantStrings(t, "stored in the end", store.kept(), "c-1 dead")
	})
}

// What the store holds while the process runs is what a crash leaves.
func TestStoreFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, e := newMemory(), &endpoint{answer: func(context.Context, int, request) outcome { return status(500) }}
		m := start(t, Config{Store: store, Backoff: []time.Duration{time.Minute}, Attempts: 2}, e)
		s := subscribe(t, m, Subscription{})
		publish(t, m, event("a", 1))
		time.Sleep(2 * storeDelay)
		synctest.Wait()
		wantStrings(t, "after a failure", store.kept(), "a-1 pending")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		wantStrings(t, "after the last", store.kept(), "a-1 dead")
		id := deadLetters(t, m, s.ID)[0].ID
		e.answer = nil
		if _, err := m.Redeliver(id); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * storeDelay)
		synctest.Wait()
		wantStrings(t, "after redelivery", store.kept())
		finish(t, m)
	})
}

func TestWhatIsTakenAtOnceIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		m := start(t, Config{Store: store}, &endpoint{})
		subscribe(t, m, Subscription{})
		for n := range 100 {
			publish(t, m, event("a", n))
		}
		time.Sleep(time.Second)
		finish(t, m)
		if store.writes != 0 || m.Stats().Delivered != 100 {
			t.Errorf("%d writes for %d deliveries", store.writes, m.Stats().Delivered)
		}
	})
}

func TestDeletedSubscriptionsLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		e := &endpoint{answer: func(ctx context.Context, n int, _ request) outcome { return status(500 - n%2*100) }}
		m := start(t, Config{Store: store, Backoff: []time.Duration{time.Hour}}, e)
		s := subscribe(t, m, Subscription{})
		for n := range 1200 {
			publish(t, m, event(fmt.Sprint(n), n))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if kept := len(store.kept()); kept != 1200 {
			t.Errorf("%d stored, want 1200", kept)
		}
		if err := m.Delete(s.ID, nil); err != nil {
			t.Error(err)
		}
		finish(t, m)
		if kept := store.kept(); len(kept) != 0 || len(store.subs) != 0 {
			t.Errorf("%d deliveries and %d subscriptions are left", len(kept), len(store.subs))
		}
	})
}

func TestOrphansAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		store.deliveries["dl_1"] = Delivery{ID: "dl_1", Subscription: "wh_gone", Event: event("a", 1), State: Pending}
		m := start(t, Config{Store: store}, &endpoint{})
		finish(t, m)
		wantStrings(t, "stored", store.kept())
	})
}

func TestStoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left on device")
		store, e := newMemory(), &endpoint{answer: func(context.Context, int, request) outcome { return status(500) }}
		m := start(t, Config{Store: store, Backoff: []time.Duration{time.Hour}}, e)
		s := subscribe(t, m, Subscription{})
		store.set(full)
		if _, err := m.Create(Subscription{URL: "https://example.com/"}); CodeOf(err) != Internal || !errors.Is(err, full) {
			t.Errorf("creating: %v", err)
		}
		if _, err := m.Update(s.ID, func(s *Subscription) error { s.Disabled = true; return nil }, nil); CodeOf(err) != Internal {
			t.Errorf("changing: %v", err)
		}
		if err := m.Delete(s.ID, nil); CodeOf(err) != Internal {
			t.Errorf("deleting: %v", err)
		}
		if got, err := m.Get(s.ID); err != nil || got.Disabled || len(m.List()) != 1 {
			t.Errorf("what was not stored is in force: %+v, %v", got, err)
		}
		publish(t, m, event("a", 1))
		time.Sleep(5 * time.Second)
		if n := m.Stats().StoreErrors; n < 5 || n > 10 {
			t.Errorf("%d errors of the store in 5 s, want about one a second", n)
		}
		store.set(nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		wantStrings(t, "stored when it works again", store.kept(), "a-1 pending")
		publish(t, m, event("a", 2))
		store.set(full)
		if err := m.Close(context.Background()); CodeOf(err) != Internal || !errors.Is(err, full) {
			t.Errorf("closing: %v", err)
		}
		if _, err := newManager(Config{Store: store}, e.send, func() {}); !errors.Is(err, full) {
			t.Errorf("starting: %v", err)
		}
	})
}

func TestDisabledBy410IsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, e := newMemory(), &endpoint{answer: func(context.Context, int, request) outcome { return status(410) }}
		m := start(t, Config{Store: store}, e)
		s := subscribe(t, m, Subscription{})
		publish(t, m, event("a", 1))
		time.Sleep(time.Second)
		synctest.Wait()
		if !store.subs[s.ID].Disabled || store.subs[s.ID].Secret != s.Secret {
			t.Errorf("stored %+v", store.subs[s.ID])
		}
		finish(t, m)
	})
}

func TestUnusableStoredSecretDisables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		store.subs["wh_1"] = Subscription{ID: "wh_1", URL: "https://example.com/", Secret: "?"}
		store.deliveries["dl_1"] = Delivery{ID: "dl_1", Subscription: "wh_1", Event: event("a", 1), State: Pending}
		e := &endpoint{}
		m := start(t, Config{Store: store}, e)
		if got, _ := m.Get("wh_1"); !got.Disabled || got.DisabledFor == "" {
			t.Errorf("restored %+v", got)
		}
		wantStrings(t, "dead letters", reasons(deadLetters(t, m, "wh_1")), "a-1 disabled")
		finish(t, m)
		if e.count() != 0 {
			t.Error("something was sent without a signature")
		}
	})
}

func TestStoredFormComesBack(t *testing.T) {
	now := time.Now().UTC().Round(0)
	for _, v := range []any{
		&Subscription{ID: "a", URL: "u", Kinds: []string{"k"}, Rooms: []string{"r"}, Secret: "s", OldSecret: "o", OldUntil: now,
			Created: now, Updated: now, Version: 3, Disabled: true, DisabledFor: "w", Description: "d"},
		&Delivery{ID: "a", Order: 4, Subscription: "s", Event: event("a", 1), State: Dead, Queued: now, Attempts: 2, Next: now,
			Status: 500, Error: "e", Reason: DeadExpired, Died: now},
	} {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		back := reflect.New(reflect.TypeOf(v).Elem()).Interface()
		if err := json.Unmarshal(raw, back); err != nil || !reflect.DeepEqual(v, back) {
			t.Errorf("%+v comes back as %+v (%v)", v, back, err)
		}
	}
}
