package rooms

import (
	"context"
	"sync"
	"testing"

	"github.com/confd/confd/mixer"
)

func TestMoveTellsInOrder(t *testing.T) {
	ctx := context.Background()
	records := make(chan Record, 8)
	h := newHouse(t, Config{Records: func(r Record) { records <- r }})
	p, mate := mustJoin(t, h, request("a")), mustJoin(t, h, request("a"))
	other := mustJoin(t, h, request("b"))
	mustSet(t, h, p, func(s *ParticipantSettings) { s.Muted, s.Groups = true, []string{"x"} })
	mustSet(t, h, other, func(s *ParticipantSettings) { s.Hears = list("group:x") })
	h.stage(0).hear(mixer.Event{Kind: mixer.TalkStarted, Input: p.leg.in})
	for s, _ := p.Snapshot(); !s.Talking; s, _ = p.Snapshot() {
	}
	events := watch(t, h.Registry, 16).Events()
	s, err := h.Move(ctx, "a", p.ID(), "b")
	if err != nil || s.Room != "b" || !s.Muted || s.Talking || p.Room() != "b" {
		t.Fatalf("%+v, %v", s, err)
	}
	got := next(t, events, 2)
	left, joined := got[0], got[1]
	if left.Room != "a" || left.To != "b" || left.Reason.Code != ReasonMoved || left.Participant.State != StateLeft || left.Kind != ParticipantLeft ||
		joined.Kind != ParticipantJoined || joined.Room != "b" || joined.From != "a" || joined.Participant.ID != p.ID() || joined.Seq != left.Seq+1 {
		t.Errorf("left %+v, joined %+v", left, joined)
	}
	if !h.stage(1).hears(other, p) {
		t.Error("it is not heard by its group in the other room")
	}
	if _, err := h.Move(ctx, "a", p.ID(), "b"); CodeOf(err) != NotFound {
		t.Error(err)
	}
	if _, err := h.Move(ctx, "b", p.ID(), "none"); CodeOf(err) != NotFound {
		t.Error(err)
	}
	mustPatch(t, h, "a", func(s *Settings) { s.MaxParticipants = 1 })
	if _, err := h.Move(ctx, "b", p.ID(), "a"); CodeOf(err) != Full || p.Room() != "b" {
		t.Error(err)
	}
	mustPatch(t, h, "a", func(s *Settings) { s.MaxParticipants, s.Locked, s.Admission = 0, true, AdmitInvited })
	if _, err := h.Move(ctx, "b", p.ID(), "a"); err != nil {
		t.Error("a lock keeps out who is moved:", err)
	}
	if _, err := h.Move(ctx, "a", mate.ID(), "b"); err != nil {
		t.Error(err)
	}
	if _, err := h.Move(ctx, "a", p.ID(), "b"); err != nil { // the last of a
		t.Error(err)
	}
	if _, err := h.Get("a"); CodeOf(err) != NotFound {
		t.Errorf("room a outlives its last participant: %v", err)
	}
	mustLeave(t, p)
	if c := (<-records).Conference; c == nil || c.Room != "a" || c.Peak != 2 || c.Joined != 3 {
		t.Errorf("%+v", c)
	}
	if r := (<-records).Call; len(r.Rooms) != 4 || r.Room != "b" {
		t.Errorf("%+v", r)
	}
}

// Participants that are swapped between two rooms at once meet no deadlock.
func TestMovesCross(t *testing.T) {
	h := newHouse(t, Config{})
	mustCreate(t, h, "a", Settings{})
	mustCreate(t, h, "b", Settings{})
	var wg sync.WaitGroup
	for i := range 8 {
		here, there := Name("a"), Name("b")
		if i%2 == 1 {
			here, there = there, here
		}
		p := mustJoin(t, h, request(here))
		wg.Go(func() {
			for range 50 {
				if _, err := h.Move(context.Background(), here, p.ID(), there); err != nil {
					t.Error(err)
				}
				here, there = there, here
			}
		})
		wg.Go(func() {
			for range 50 {
				if err := p.Update(context.Background(), MediaUpdate{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
