package rooms

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeDialer remembers its calls.
type fakeDialer struct {
	mu    sync.Mutex
	calls []*fakeOutgoing
	err   error
	early func(Progress) // before Dial returns
}

type fakeOutgoing struct {
	Progress
	req     DialRequest
	cancels chan Reason
}

func (o *fakeOutgoing) Cancel(r Reason) { o.cancels <- r }

func (d *fakeDialer) Dial(_ context.Context, req DialRequest, p Progress) (Outgoing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return nil, d.err
	}
	if d.early != nil {
		d.early(p)
	}
	o := &fakeOutgoing{p, req, make(chan Reason, 4)}
	d.calls = append(d.calls, o)
	return o, nil
}

// progress moves one of the calls on, as the far end likes.
func (d *fakeDialer) progress(rng *rand.Rand) {
	d.mu.Lock()
	if len(d.calls) == 0 {
		d.mu.Unlock()
		return
	}
	c := d.calls[rng.IntN(len(d.calls))]
	d.mu.Unlock()
	switch rng.IntN(3) {
	case 0:
		c.Ringing(false)
	case 1:
		if p, err := c.Answered(Info{}, request("").Media, nil); err == nil && rng.IntN(2) == 0 {
			_ = p.Leave(context.Background(), Reason{Code: ReasonLeft})
		}
	case 2:
		c.Failed(DialFailure{Outcome: OutcomeBusy, Status: 486})
	}
}

func (d *fakeDialer) last() *fakeOutgoing {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls[len(d.calls)-1]
}

// dialHouse is a house with a room "a" that the API made.
func dialHouse(t *testing.T, c Config) (*house, *fakeDialer, *Subscription) {
	t.Helper()
	d := &fakeDialer{}
	h := newHouse(t, c)
	h.SetDialer(d)
	if _, err := h.Create(context.Background(), "a", Settings{}); err != nil {
		t.Fatal(err)
	}
	return h, d, watch(t, h.Registry, 64)
}

func mustDial(t *testing.T, h *house, q InviteRequest) ParticipantSnapshot {
	t.Helper()
	if q.To == "" {
		q.To = "sip:bob@127.0.0.1"
	}
	s, err := h.Dial(context.Background(), "a", q)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDialAnswered(t *testing.T) {
	records := make(chan Record, 8)
	h, d, s := dialHouse(t, Config{Records: func(r Record) { records <- r }})
	q := InviteRequest{
		To: "sip:bob@127.0.0.1", From: "100", DisplayName: "Front Desk", Headers: map[string]string{"X-A": "b"},
		Timeout: 7 * time.Second, Username: "u", Password: "p", Settings: ParticipantSettings{Role: "agent", Muted: true},
	}
	who := mustDial(t, h, q)
	if who.State != StateCalling || who.Info.Direction != Outbound || who.Info.URI != q.To || who.Role != "agent" || !who.Joined.IsZero() {
		t.Errorf("dialled %+v", who)
	}
	c := d.last()
	if r := c.req; r.To != q.To || r.From != "100" || r.Timeout != q.Timeout || r.Password != "p" || r.Room != "a" || r.ParticipantID != who.ID || r.Headers["X-A"] != "b" || r.DisplayName != "Front Desk" {
		t.Errorf("request %+v", r)
	}
	c.Ringing(false)
	c.Ringing(true)
	if _, err := h.PatchParticipant(context.Background(), "a", who.ID, func(p *ParticipantSettings) error { p.Muted = false; return nil }, nil); err != nil {
		t.Error("patching who rings:", err)
	}
	if _, err := h.Move(context.Background(), "a", who.ID, "a"); err != nil {
		t.Error("moving to where it is:", err)
	}
	call := newFakeCall()
	p, err := c.Answered(Info{URI: q.To, UserAgent: "phone", CallID: "c1"}, request("").Media, call)
	if err != nil || p.ID() != who.ID {
		t.Fatalf("%v, %v", p, err)
	}
	if _, err := c.Answered(Info{}, Media{}, nil); CodeOf(err) != Conflict {
		t.Errorf("answered twice: %v", err)
	}
	c.Ringing(false)                                  // void
	c.Failed(DialFailure{Outcome: OutcomeUnanswered}) // void
	if l, ok := h.stage(0).leg(p); !ok || l.receive.Muted {
		t.Errorf("on the stage: %+v, %v", l, ok)
	}
	if err := p.Remove(context.Background(), Reason{Code: ReasonRemoved}); err != nil {
		t.Error(err)
	}
	if why := <-call.ends; why.Code != ReasonRemoved {
		t.Errorf("ended for %v", why)
	}
	got := next(t, s.Events(), 7)
	wantKinds(t, got, RoomOpened, ParticipantCalling, ParticipantRinging, ParticipantUpdated, ParticipantJoined, ParticipantLeft, RoomClosed)
	if got[2].Participant.State != StateRinging || got[4].Participant.Info.UserAgent != "phone" || got[4].Participant.State != StateConnected {
		t.Errorf("ringing %+v, joined %+v", got[2].Participant, got[4].Participant)
	}
	r := (<-records).Call
	if r.Outcome != OutcomeAnswered || r.ID != who.ID || r.Answered.IsZero() || r.Reason.Code != ReasonRemoved || r.Conference != got[0].RoomInfo.Conference {
		t.Errorf("record %+v", r)
	}
	if c := (<-records).Conference; c.ID != r.Conference || c.Joined != 1 || c.Peak != 1 || c.Reason.Code != ReasonEmpty {
		t.Errorf("conference %+v", c)
	}
	if len(c.cancels) > 0 {
		t.Error("an answered call was cancelled")
	}
}

func TestDialComesToNothing(t *testing.T) {
	for _, o := range []Outcome{OutcomeBusy, OutcomeDeclined, OutcomeUnanswered, OutcomeFailed} {
		records := make(chan Record, 2)
		h, d, s := dialHouse(t, Config{Records: func(r Record) { records <- r }})
		who := mustDial(t, h, InviteRequest{})
		d.last().Failed(DialFailure{Outcome: o, Status: 486, Text: "no"})
		d.last().Failed(DialFailure{Outcome: o}) // void
		got := next(t, s.Events(), 4)
		wantKinds(t, got, RoomOpened, ParticipantCalling, ParticipantFailed, RoomClosed)
		if e := got[2]; e.Failure.Outcome != o || e.Failure.Status != 486 || e.Participant.State != StateFailed || e.Reason.Code != ReasonFailed {
			t.Errorf("%s: %+v", o, e)
		}
		if r := (<-records).Call; r.Outcome != o || r.Status != 486 || !r.Answered.IsZero() {
			t.Errorf("record %+v", r)
		}
		if _, err := h.Participant("a", who.ID); CodeOf(err) != NotFound {
			t.Error("it is still there:", err)
		}
		if len(d.last().cancels) > 0 {
			t.Error("cancelled what had failed")
		}
	}
}

// Whoever wants a call to end before it is answered has it cancelled.
func TestDialCancelled(t *testing.T) {
	ctx := context.Background()
	for name, end := range map[string]func(h *house, id string) error{
		"removed": func(h *house, id string) error {
			p, err := h.Participant("a", id)
			if err != nil {
				return err
			}
			return p.Remove(ctx, Reason{Code: ReasonRemoved, Text: "changed my mind"})
		},
		"room closed":  func(h *house, _ string) error { return h.CloseRoom(ctx, "a", Reason{Code: ReasonRoomClosed}) },
		"room deleted": func(h *house, _ string) error { return h.Delete(ctx, "a", Reason{Code: ReasonRoomClosed}, nil) },
		"drain":        func(h *house, _ string) error { return h.Drain(ctx, Reason{Code: ReasonDraining}) },
	} {
		h, d, s := dialHouse(t, Config{})
		who := mustDial(t, h, InviteRequest{})
		d.last().Ringing(false)
		if err := end(h, who.ID); err != nil {
			t.Fatal(name, err)
		}
		<-d.last().cancels
		got := next(t, s.Events(), 4)
		wantKinds(t, got, RoomOpened, ParticipantCalling, ParticipantRinging, ParticipantFailed)
		if got[3].Failure.Outcome != OutcomeCancelled {
			t.Errorf("%s: %+v", name, got[3])
		}
		if _, err := d.last().Answered(Info{}, request("").Media, nil); CodeOf(err) != NotFound {
			t.Errorf("%s: answered all the same: %v", name, err)
		}
	}
}

func TestDialTimesOut(t *testing.T) {
	h, d, s := dialHouse(t, Config{})
	who := mustDial(t, h, InviteRequest{})
	p, err := h.Participant("a", who.ID)
	if err != nil {
		t.Fatal(err)
	}
	p.dialTimedOut() // as the deadline has it
	p.dialTimedOut() // void
	if why := <-d.last().cancels; why.Code != ReasonTimedOut {
		t.Errorf("cancelled for %v", why)
	}
	got := next(t, s.Events(), 3)
	wantKinds(t, got, RoomOpened, ParticipantCalling, ParticipantFailed)
	if got[2].Failure.Outcome != OutcomeUnanswered {
		t.Errorf("%+v", got[2])
	}
	mustDial(t, h, InviteRequest{Timeout: MinDialTimeout})
	wantKinds(t, next(t, s.Events(), 4), RoomClosed, RoomOpened, ParticipantCalling, ParticipantFailed)
}

// What a call tells before Dial has returned comes after the news that it was begun.
func TestDialIsQuick(t *testing.T) {
	h, d, s := dialHouse(t, Config{})
	d.early = func(p Progress) { p.Failed(DialFailure{Outcome: OutcomeFailed}) }
	if who := mustDial(t, h, InviteRequest{}); who.State != StateFailed {
		t.Errorf("%+v", who)
	}
	wantKinds(t, next(t, s.Events(), 4), RoomOpened, ParticipantCalling, ParticipantFailed, RoomClosed)
	d.early = func(p Progress) {
		p.Ringing(false)
		if _, err := p.Answered(Info{}, request("").Media, nil); err != nil {
			t.Error(err)
		}
	}
	if who := mustDial(t, h, InviteRequest{}); who.State != StateConnected {
		t.Errorf("%+v", who)
	}
	wantKinds(t, next(t, s.Events(), 4), RoomOpened, ParticipantCalling, ParticipantRinging, ParticipantJoined)
	d.early = func(Progress) { // the room is deleted meanwhile
		if err := h.Delete(context.Background(), "a", Reason{Code: ReasonRoomClosed}, nil); err != nil {
			t.Error(err)
		}
	}
	if _, err := h.Dial(context.Background(), "a", InviteRequest{To: "sip:x@127.0.0.1"}); CodeOf(err) != NotFound {
		t.Errorf("dialled into a room that is gone: %v", err)
	}
	<-d.last().cancels
}

func TestDialRefused(t *testing.T) {
	ctx := context.Background()
	h, d, s := dialHouse(t, Config{MaxPerRoom: 2, MaxParticipants: 3})
	for field, q := range map[string]InviteRequest{
		"to":           {},
		"from":         {To: "sip:x@y", From: "a\r\nb"},
		"timeout":      {To: "sip:x@y", Timeout: MinDialTimeout - 1},
		"headers":      {To: "sip:x@y", Headers: map[string]string{"A": "b\nc"}},
		"input_gain":   {To: "sip:x@y", Settings: ParticipantSettings{InputGain: MaxGain + 1}},
		"caller_name":  {To: "sip:x@y", DisplayName: strings.Repeat("x", MaxDisplayName+1)},
		"display_name": {To: "sip:x@y", Settings: ParticipantSettings{DisplayName: "\x00"}},
	} {
		_, err := h.Dial(ctx, "a", q)
		var e *Error
		if !errors.As(err, &e) || e.Code != Invalid || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err := h.Dial(ctx, "none", InviteRequest{To: "sip:x@y"})
	if CodeOf(err) != NotFound {
		t.Error(err)
	}
	d.err = errorf(Invalid, "dial", "no such scheme")
	if _, err = h.Dial(ctx, "a", InviteRequest{To: "gopher:x"}); err != d.err {
		t.Error(err)
	}
	d.err = nil
	if _, err := h.Patch(ctx, "a", func(s *Settings) error { s.Locked, s.Admission = true, AdmitInvited; return nil }, nil); err != nil {
		t.Fatal(err)
	}
	mustDial(t, h, InviteRequest{}) // though it is locked
	mustDial(t, h, InviteRequest{})
	if _, err := h.Dial(ctx, "a", InviteRequest{To: "sip:x@y"}); CodeOf(err) != Full || !strings.Contains(err.Error(), "max_participants") {
		t.Error(err)
	}
	wantKinds(t, next(t, s.Events(), 4), RoomUpdated, RoomOpened, ParticipantCalling, ParticipantCalling)
	h.Refuse()
	if _, err := h.Dial(ctx, "a", InviteRequest{To: "sip:x@y"}); CodeOf(err) != Draining {
		t.Error(err)
	}
	if n := h.Counts().DialsRefused; n != 11 {
		t.Errorf("%d refused", n)
	}
	quiet := newHouse(t, Config{})
	mustJoin(t, quiet, request("a"))
	if _, err := quiet.Dial(ctx, "a", InviteRequest{To: "sip:x@y"}); CodeOf(err) != Forbidden {
		t.Error(err)
	}
}
