package e2e

import (
	"slices"
	"testing"

	"github.com/confd/confd/client"
	"github.com/confd/confd/internal/testkit/tone"
)

// expect is these tones, and of all no other. Opus shows an absent one at some -24 dB.
func expect(all []float64, present ...float64) tone.Expect {
	e := tone.Expect{Present: present, Apart: 18}
	for _, f := range all {
		if !slices.Contains(present, f) {
			e.Absent = append(e.Absent, f)
		}
	}
	return e
}

// TestWhoHearsWhom: three baresips are an agent, a customer and a coach. The coach whispers
// to the agent; then the customer listens to a channel; then, in a room for one talker, one is
// heard because it is loudest and one because it is pinned; at last the room has places for
// all, and then for one again.
func TestWhoHearsWhom(t *testing.T) {
	need(t, "baresip", "sipp")
	t.Parallel()
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	d := c.desk(t, "")
	s := d.watch(client.Follow{})
	d.room("desk")
	tones := tone.Spread(4)
	var phones [3]*baresip
	var p [3]*client.Participant
	for i, codec := range []baresipCodec{baresipPCMU, baresipG722, baresipPCMU} {
		phones[i] = startBaresip(t, place, codec, tones[i])
		p[i] = c.enter(t, s, phones[i], "desk")
	}
	agent, customer, coach := p[0], p[1], p[2]
	hear := func(when string, wants ...[]float64) {
		t.Helper()
		var ears []ear
		for i, want := range wants {
			ears = append(ears, ear{phones[i], []string{"agent", "customer", "coach"}[i] + ", " + when, expect(tones, want...)})
		}
		hearAll(t, ears)
	}

	d.patch(coach, client.ParticipantFields{HeardBy: client.Set([]string{agent.ID})})
	hear("whispering", tones[1:3], tones[:1], tones[:2])

	d.patch(coach, client.ParticipantFields{HeardBy: client.Null[[]string](), Groups: client.Set([]string{"channel"})})
	d.patch(customer, client.ParticipantFields{Hears: client.Set([]string{"group:channel"})})
	hear("with a channel", tones[1:3], tones[2:3], tones[:2])

	d.patch(customer, client.ParticipantFields{Hears: client.Null[[]string]()})
	d.create(client.RoomCreate{ID: client.Set("panel"), Talkers: client.Set(int64(1))})
	for _, who := range p {
		d.move(who, "panel")
	}
	speaker := c.speak(t, s, "panel", tones[3], -8)
	hear("where the loudest is heard", tones[3:], tones[3:], tones[3:])
	customer.Room = "panel"
	d.patch(customer, client.ParticipantFields{Pinned: client.Set(true)})
	hear("where the customer is pinned", []float64{tones[1], tones[3]}, tones[3:], []float64{tones[1], tones[3]})
	d.patch(customer, client.ParticipantFields{Pinned: client.Null[bool]()})
	d.set("panel", client.RoomFields{Talkers: client.Set(int64(4))})
	hear("where all are heard", tones[1:], []float64{tones[0], tones[2], tones[3]}, []float64{tones[0], tones[1], tones[3]})
	d.set("panel", client.RoomFields{Talkers: client.Set(int64(1))})
	hear("where the loudest is heard again", tones[3:], tones[3:], tones[3:])
	s.agrees(d)
	d.delete("panel", "good night")
	speaker.told(t, "good night")
	s.whole()
}

// TestMoveCalls: a baresip and a SIPp are moved from room to room. Neither is told of it by
// SIP, and from then on they hear and are heard in the new room alone.
func TestMoveCalls(t *testing.T) {
	need(t, "baresip", "sipp")
	t.Parallel()
	place := newPlace(t)
	c := startConfd(t, place, serverOptions{})
	d := c.desk(t, "")
	s := d.watch(client.Follow{})
	d.room("lobby")
	d.room("stage")
	tones := tone.Spread(4)
	moved := startBaresip(t, place, baresipOpus, tones[0])
	there := startBaresip(t, place, baresipG722, tones[1])
	mover := c.enter(t, s, moved, "lobby")
	c.enter(t, s, there, "stage")
	other, third := c.speak(t, s, "lobby", tones[2], -20), c.speak(t, s, "stage", tones[3], -20)
	hear := func(when string, inMoved, inThere tone.Expect) {
		t.Helper()
		hearAll(t, []ear{{moved, "who moves, " + when, inMoved}, {there, "who is there, " + when, inThere}})
	}
	hear("at first", expect(tones, tones[2]), expect(tones, tones[3]))

	now := d.move(mover, "stage")
	if now.ID != mover.ID || now.Room != "stage" || *now.CallID != *mover.CallID || now.State != client.ParticipantStateConnected {
		t.Errorf("moved, it is %+v", now)
	}
	d.refused("not_found")(d.GetParticipantWithResponse(t.Context(), "lobby", mover.ID))
	hear("after the move", expect(tones, tones[1], tones[3]), expect(tones, tones[0], tones[3]))
	d.move(other.Participant, "stage")
	hear("after both moves", expect(tones, tones[1:]...), expect(tones, tones[0], tones[2], tones[3]))
	left := s.of("participant.left", mover.ID)
	joined := s.await("the other end of the move", func(e *client.Event) bool { return e.Seq > left.Seq && subject(e) == mover.ID })
	if joined.Kind != "participant.joined" || left.Reason.Code != "moved" || *left.To != "stage" || *joined.From != "lobby" {
		t.Errorf("told was %+v and %+v", left, joined)
	}

	s.agrees(d)
	d.delete("stage", "good night")
	other.told(t, "good night")
	third.told(t, "good night")
	moved.closed(t)
	there.closed(t)
	d.refused("not_found")(d.MoveParticipantWithResponse(t.Context(), "lobby", mover.ID, client.Move{Room: "stage"}))
	s.agrees(d)
	s.whole()
}
