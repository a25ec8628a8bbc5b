package rooms

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestCallOpensRoomAndLastOneClosesIt(t *testing.T) {
	h := newHouse(t, Config{})
	events := watch(t, h.Registry, 16).Events()
	a := mustJoin(t, h, request("sales"))
	b := mustJoin(t, h, request("sales"))
	if s := h.Snapshot().Rooms; len(s) != 1 || s[0].Name != "sales" || len(s[0].Participants) != 2 || s[0].Participants[0].ID != a.ID() {
		t.Errorf("snapshot %+v", s)
	}
	if a.ID() == b.ID() || a.Room() != "sales" {
		t.Errorf("ids %s and %s in room %s", a.ID(), b.ID(), a.Room())
	}
	mustLeave(t, a)
	mustLeave(t, b)
	got := next(t, events, 6)
	wantKinds(t, got, RoomOpened, ParticipantJoined, ParticipantJoined, ParticipantLeft, ParticipantLeft, RoomClosed)
	for i, e := range got {
		if e.Seq != uint64(i+1) || e.Room != "sales" || e.Time.IsZero() {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	if got[3].Participant.ID != a.ID() || got[3].Reason.Code != ReasonLeft || got[5].Reason.Code != ReasonEmpty {
		t.Errorf("left: %+v; closed: %+v", got[3], got[5])
	}
	if s := h.Snapshot().Rooms; len(s) != 0 {
		t.Errorf("snapshot of an empty house: %+v", s)
	}
}

func TestOpenPolicy(t *testing.T) {
	for _, c := range []struct {
		open    OpenPolicy
		trusted bool
		want    ErrorCode
	}{
		{OpenPrivate, true, ""},
		{OpenPrivate, false, Forbidden},
		{OpenAnyone, false, ""},
		{OpenNobody, true, NotFound},
	} {
		h := newHouse(t, Config{Open: c.open})
		req := request("x")
		req.Trusted = c.trusted
		p, err := h.Join(context.Background(), req)
		if CodeOf(err) != c.want {
			t.Errorf("open %s, trusted %v: %v, want code %q", c.open, c.trusted, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "rooms.open") {
			t.Errorf("%v does not name the setting", err)
		}
		if p == nil {
			continue
		}
		if _, err := h.Join(context.Background(), request("x")); err != nil {
			t.Errorf("open %s: an untrusted caller cannot join a room that is there: %v", c.open, err)
		}
	}
}

func TestLimits(t *testing.T) {
	h := newHouse(t, Config{MaxPerRoom: 2, MaxParticipants: 3, MaxRooms: 2})
	a := mustJoin(t, h, request("a"))
	mustJoin(t, h, request("a"))
	wantCode(t, h, "a", Full, "max_participants")
	mustJoin(t, h, request("b"))
	wantCode(t, h, "b", Full, "max_total_participants")
	mustLeave(t, a)
	wantCode(t, h, "c", Full, "max_rooms")
	mustJoin(t, h, request("b"))
	if c := h.Counts(); c.Refused != 3 || c.Joined != 4 || c.Participants != 3 || c.Rooms != 2 || c.RoomsOpened != 2 {
		t.Errorf("counts %+v", c)
	}
}

func wantCode(t *testing.T, h *house, room Name, code ErrorCode, word string) {
	t.Helper()
	_, err := h.Join(context.Background(), request(room))
	if CodeOf(err) != code || !strings.Contains(err.Error(), word) {
		t.Errorf("join %s: %v, want code %s and the word %s", room, err, code, word)
	}
}

func TestJoinWantsCanonicalName(t *testing.T) {
	h := newHouse(t, Config{})
	for _, n := range []Name{"", "Sales", "a/b", "%61", "..", Name(strings.Repeat("x", 65))} {
		if _, err := h.Join(context.Background(), request(n)); CodeOf(err) != Invalid {
			t.Errorf("join %q: %v", n, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.Join(ctx, request("a")); CodeOf(err) != TimedOut || !errors.Is(err, context.Canceled) {
		t.Errorf("join of who does not wait: %v", err)
	}
}

func TestCloseRoom(t *testing.T) {
	h := newHouse(t, Config{})
	events := watch(t, h.Registry, 16).Events()
	call := newFakeCall()
	req := request("a")
	req.Call = call
	p := mustJoin(t, h, req)
	mustJoin(t, h, request("a"))
	why := Reason{Code: ReasonRoomClosed, Text: "time is up"}
	if err := h.CloseRoom(context.Background(), "a", why); err != nil {
		t.Fatal(err)
	}
	if got := <-call.ends; got != why {
		t.Errorf("the call was ended for %v", got)
	}
	got := next(t, events, 6)
	wantKinds(t, got[3:], ParticipantLeft, ParticipantLeft, RoomClosed)
	if got[3].Reason != why || got[5].Reason != why || got[3].Participant.ID != p.ID() {
		t.Errorf("left %+v, closed %+v", got[3], got[5])
	}
	mustLeave(t, p) // signalling follows
	if err := h.CloseRoom(context.Background(), "a", why); CodeOf(err) != NotFound {
		t.Errorf("closing what is not there: %v", err)
	}
	if len(call.ends) > 0 {
		t.Error("the call was ended twice")
	}
}

func TestDrain(t *testing.T) {
	h := newHouse(t, Config{})
	call := newFakeCall()
	for _, n := range []Name{"a", "b", "b"} {
		req := request(n)
		req.Call = call
		mustJoin(t, h, req)
	}
	h.Refuse()
	wantCode(t, h, "a", Draining, "about to end")
	if c := h.Counts(); c.Participants != 3 || !c.Draining {
		t.Errorf("refusing sent somebody away: %+v", c)
	}
	why := Reason{Code: ReasonDraining, Text: "maintenance"}
	if err := h.Drain(context.Background(), why); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := <-call.ends; got != why {
			t.Errorf("a call was ended for %v", got)
		}
	}
	if c := h.Counts(); c.Participants != 0 || c.Rooms != 0 {
		t.Errorf("after the drain: %+v", c)
	}
}

// Hanging up ends what is said, and leaves what was made.
func TestHangUp(t *testing.T) {
	h := newHouse(t, Config{})
	ctx, why := context.Background(), Reason{Code: ReasonDraining, Text: "maintenance"}
	if _, err := h.Create(ctx, "made", Settings{}); err != nil {
		t.Fatal(err)
	}
	call := newFakeCall()
	for _, n := range []Name{"made", "made", "called"} {
		req := request(n)
		req.Call = call
		mustJoin(t, h, req)
	}
	if err := h.HangUp(ctx, why); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := <-call.ends; got != why {
			t.Errorf("a call was ended for %v", got)
		}
	}
	wantCode(t, h, "made", Draining, "about to end")
	if s, err := h.Get("made"); err != nil || s.Count != 0 || !s.Persistent {
		t.Errorf("the room that was made is %+v, %v", s, err)
	}
	if s, err := h.Get("called"); CodeOf(err) != NotFound {
		t.Errorf("the room that a call opened is %+v, %v", s, err)
	}
}

func TestDrainEndsWithItsContext(t *testing.T) {
	h := newHouse(t, Config{})
	mustJoin(t, h, request("a"))
	h.stage(0).hold()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Drain(ctx, Reason{Code: ReasonDraining}); CodeOf(err) != TimedOut {
		t.Errorf("drain: %v", err)
	}
	h.stage(0).tick()
}

func TestSlowSubscriberIsCutOff(t *testing.T) {
	h := newHouse(t, Config{})
	slow := watch(t, h.Registry, 2)
	quick := watch(t, h.Registry, 8)
	p := mustJoin(t, h, request("a")) // 2 events: exactly what fits
	p.Digit(5, 0)
	h.hub.handOut()
	wantKinds(t, next(t, slow.Events(), 2), RoomOpened, ParticipantJoined)
	if _, ok := <-slow.Events(); ok {
		t.Error("an event after the gap")
	}
	wantKinds(t, next(t, quick.Events(), 3), RoomOpened, ParticipantJoined, DigitPressed)
	if s, err := h.Get("a"); err != nil || s.Seq != 3 {
		t.Errorf("to resynchronise: %+v, %v", s, err)
	}
	if c := h.Counts(); c.SubscribersCut != 1 || c.Subscribers != 1 {
		t.Errorf("counts %+v", c)
	}
	quick.Close()
	quick.Close()
	if _, ok := <-quick.Events(); ok {
		t.Error("Close did not close the stream")
	}
	h.Close()
	late := watch(t, h.Registry, 1)
	select {
	case _, ok := <-late.Events():
		if ok {
			t.Error("an event after the end")
		}
	case <-time.After(5 * time.Second):
		t.Error("a stream that never ends")
	}
}
