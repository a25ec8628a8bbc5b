package rooms

import (
	"errors"
	"sync"
	"testing"
	"time"
)

// An empty room that may not stay so is deleted, from the store, too.
func TestEmptyTimeout(t *testing.T) {
	store := &fakeStore{}
	h := newHouse(t, Config{Store: store})
	events := watch(t, h.Registry, 32).Events()
	mustCreate(t, h, "never", Settings{})
	mustCreate(t, h, "used", Settings{EmptyTimeout: time.Millisecond})
	got := next(t, events, 3)
	wantKinds(t, got, RoomCreated, RoomCreated, RoomDeleted)
	if got[2].Room != "used" || got[2].Reason.Code != ReasonExpired {
		t.Errorf("%+v", got[2])
	}
	for deadline := time.Now().Add(5 * time.Second); h.Counts().Rooms > 1 && time.Now().Before(deadline); {
	}
	if n := len(store.all()); n != 1 {
		t.Errorf("%d in the store", n)
	}
	// One that a call opened stays open that long.
	p := mustJoin(t, h, request("call"))
	mustPatch(t, h, "call", func(s *Settings) { s.EmptyTimeout = time.Hour })
	mustLeave(t, p)
	p = mustJoin(t, h, request("call"))
	mustLeave(t, p)
	mustPatch(t, h, "call", func(s *Settings) { s.EmptyTimeout = time.Millisecond })
	got = next(t, events, 8)
	wantKinds(t, got, RoomOpened, ParticipantJoined, RoomUpdated, ParticipantLeft, ParticipantJoined, ParticipantLeft, RoomUpdated, RoomClosed)
}

// Who comes while a room is about to be deleted keeps it.
func TestExpiryRacesWithJoin(t *testing.T) {
	store := &fakeStore{}
	h := newHouse(t, Config{Store: store})
	var p *Participant
	mustCreate(t, h, "a", Settings{EmptyTimeout: time.Hour})
	r, _ := h.find("a")
	h.expire(r) // void: an hour has not passed
	if _, err := h.Get("a"); err != nil {
		t.Fatal(err)
	}
	_ = tellRoom(r, func() error { r.idleSince = time.Now().Add(-time.Hour); return nil })
	var once sync.Once
	store.look = func() { once.Do(func() { p = mustJoin(t, h, request("a")) }) }
	h.expire(r)
	if s, err := h.Get("a"); err != nil || s.Count != 1 || len(store.all()) != 1 {
		t.Errorf("%+v, %v, stored: %v", s, err, store.all())
	}
	mustLeave(t, p)
	_ = tellRoom(r, func() error { r.idleSince = time.Now().Add(-time.Hour); return nil })
	store.err = errors.New("disk full")
	h.expire(r)
	if _, err := h.Get("a"); err != nil {
		t.Error("gone, though the store still has it:", err)
	}
	store.err = nil
}

// All rooms wait with one timer; what is cancelled does not ring.
func TestDeadlines(t *testing.T) {
	var d deadlines
	rang := make(chan int, 10)
	var cancelled []*deadline
	for i := range 5 {
		d.after(time.Duration(5-i)*time.Millisecond, func() { rang <- i })
		cancelled = append(cancelled, d.after(time.Duration(i)*time.Hour+time.Minute, func() { rang <- -1 }))
	}
	seen := make(map[int]bool)
	for range 5 {
		seen[<-rang] = true
	}
	if len(seen) != 5 || seen[-1] {
		t.Errorf("rang: %v", seen)
	}
	for _, c := range cancelled[:3] {
		c.cancel()
		c.cancel()
	}
	if n := len(d.queue); n != 2 {
		t.Errorf("%d wait", n)
	}
	d.close()
	cancelled[4].cancel()
	d.after(0, func() { t.Error("rang after the end") })
	var none *deadline
	none.cancel()
}
