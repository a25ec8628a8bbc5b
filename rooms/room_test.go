package rooms

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	testwait "github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/mixer"
)

func TestLeaveWaitsForTheMediaPlane(t *testing.T) {
	h := newHouse(t, Config{})
	a, b := mustJoin(t, h, request("a")), mustJoin(t, h, request("a"))
	stage := h.stage(0)
	stage.hold()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := a.Leave(ctx, Reason{Code: ReasonLeft}); CodeOf(err) != TimedOut {
		t.Errorf("leave before the tick: %v", err)
	}
	if s, _ := h.Get("a"); s.Count != 1 {
		t.Errorf("still in the roster: %+v", s)
	}
	select {
	case <-a.Done():
		t.Error("done before the tick")
	default:
	}
	stage.tick()
	mustLeave(t, a) // the second time
	<-a.Done()
	stage.mu.Lock()
	stage.held = false
	stage.mu.Unlock()
	mustLeave(t, b)
}

func TestRemove(t *testing.T) {
	h := newHouse(t, Config{})
	call := newFakeCall()
	req := request("a")
	req.Call = call
	p := mustJoin(t, h, req)
	mustJoin(t, h, request("a"))
	why := Reason{Code: ReasonRemoved, Text: "too loud"}
	found, err := h.Participant("a", p.ID())
	if err != nil || found != p {
		t.Fatalf("found %v, %v", found, err)
	}
	if err := found.Remove(context.Background(), why); err != nil {
		t.Fatal(err)
	}
	if got := <-call.ends; got != why {
		t.Errorf("ended for %v", got)
	}
	if err := p.Remove(context.Background(), why); CodeOf(err) != NotFound {
		t.Errorf("the second time: %v", err)
	}
	if err := p.Update(context.Background(), MediaUpdate{}); CodeOf(err) != NotFound {
		t.Errorf("update of who has left: %v", err)
	}
	if err := p.SetMuted(context.Background(), true); CodeOf(err) != NotFound {
		t.Errorf("mute of who has left: %v", err)
	}
	p.Digit(1, 0)
	if _, err := h.Participant("a", p.ID()); CodeOf(err) != NotFound {
		t.Errorf("finding who has left: %v", err)
	}
	if _, err := h.Participant("b", p.ID()); CodeOf(err) != NotFound {
		t.Errorf("finding in no room: %v", err)
	}
}

func TestUpdateHappensAtOneTick(t *testing.T) {
	h := newHouse(t, Config{})
	p := mustJoin(t, h, request("a"))
	stage := h.stage(0)
	stage.hold()
	did := false
	back := make(chan error, 1)
	go func() {
		back <- p.Update(context.Background(), MediaUpdate{
			Receive: &mixer.InputConfig{Held: true}, Send: &mixer.OutputConfig{PayloadType: 9}, Do: func() { did = true },
		})
	}()
	testwait.For(t, "the update to be queued", func() bool { return stage.queued() > 0 })
	select {
	case err := <-back:
		t.Fatal("returned before the tick:", err)
	default:
	}
	stage.tick()
	if err := <-back; err != nil || !did {
		t.Errorf("update: %v, did %v", err, did)
	}
	c := stage.changes[0]
	if !c.receive.Held || c.send.PayloadType != 9 {
		t.Errorf("changed %+v", c)
	}
	stage.mu.Lock()
	stage.held = false
	stage.mu.Unlock()
}

func TestMuteSurvivesUpdate(t *testing.T) {
	h := newHouse(t, Config{})
	events := watch(t, h.Registry, 16).Events()
	p, other := mustJoin(t, h, request("a")), mustJoin(t, h, request("a"))
	ctx := context.Background()
	for _, err := range []error{
		p.SetMuted(ctx, true), p.SetMuted(ctx, true), // one event
		p.Update(ctx, MediaUpdate{Receive: &mixer.InputConfig{Held: true}}),
		p.SetDeaf(ctx, true),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if l, _ := h.stage(0).leg(p); !l.receive.Muted || !l.receive.Held || h.stage(0).hears(p, other) {
		t.Errorf("the stage has %+v", l)
	}
	if err := p.SetMuted(ctx, false); err != nil {
		t.Fatal(err)
	}
	if l, _ := h.stage(0).leg(p); l.receive.Muted || !l.receive.Held {
		t.Errorf("after unmuting the stage has %+v", l)
	}
	got := next(t, events, 7)[3:]
	wantKinds(t, got, ParticipantUpdated, ParticipantUpdated, ParticipantUpdated, ParticipantUpdated)
	if s := got[1].Participant; s.State != StateHeld || got[0].Participant.State != StateConnected {
		t.Errorf("held by the peer: %+v", s)
	}
	if s := got[2].Participant; !s.Muted || !s.Deaf {
		t.Errorf("event tells %+v", s)
	}
}

func TestMediaEvents(t *testing.T) {
	h := newHouse(t, Config{})
	events := watch(t, h.Registry, 32).Events()
	p, other := mustJoin(t, h, request("a")), mustJoin(t, h, request("a"))
	hear, in := h.stage(0).hear, p.leg.in
	for _, e := range []mixer.Event{
		{Kind: mixer.TalkStarted, Input: in},
		{Kind: mixer.TalkStarted, Input: in}, // void
		{Kind: mixer.DigitStarted, Input: in, Digit: '#'},
		{Kind: mixer.DigitEnded, Input: in, Digit: '#', Duration: 100 * time.Millisecond},
		{Kind: mixer.DigitEnded, Input: in, Digit: '!'}, // flash is no key
		{Kind: mixer.TalkStopped, Input: in},
		{Kind: mixer.DigitEnded, Input: in}, // nor is an event that is no digit
		{Kind: mixer.RateChanged, Rate: 16000},
		{Kind: mixer.TalkStarted, Input: other.leg.in},
	} {
		hear(e)
	}
	got := next(t, events, 7)
	wantKinds(t, got[3:], TalkingStarted, DigitPressed, TalkingStopped, TalkingStarted)
	if !got[3].Participant.Talking || got[4].Digit != '#' || got[4].Duration != 100*time.Millisecond {
		t.Errorf("talking %+v, digit %+v", got[3], got[4])
	}
	mustLeave(t, other)
	left := next(t, events, 1)
	if left[0].Participant.Talking {
		t.Error("who has left still talks")
	}
	hear(mixer.Event{Kind: mixer.TalkStarted, Input: other.leg.in}) // void
	other.SetLost(true)                                             // void
	p.SetLost(true)
	p.SetLost(true) // void
	p.SetLost(false)
	got = next(t, events, 2)
	wantKinds(t, got, MediaLost, MediaResumed)
	if !got[0].Participant.Lost || got[1].Participant.Lost {
		t.Error("lost and resumed tell the wrong state")
	}
	p.Digit(3, time.Second)
	p.Digit(16, time.Second) // void
	p.Digit(10, 0)
	got = next(t, events, 2)
	wantKinds(t, got, DigitPressed, DigitPressed)
	if got[0].Digit != '3' || got[1].Digit != '*' {
		t.Errorf("digits %+v", got)
	}
	for kind, want := range map[EventKind]uint64{
		DigitPressed: 3, TalkingStarted: 2, TalkingStopped: 1, MediaLost: 1, MediaResumed: 1, ParticipantLeft: 1, RoomClosed: 0,
	} {
		if n, ok := h.Counts().Events[kind]; n != want || !ok {
			t.Errorf("%d events %s are counted, want %d", n, kind, want)
		}
	}
}

// What callers press may be somebody's secret.
func TestDigitsAreLoggedForDebuggingOnly(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
		var log lockedBuffer
		h := newHouse(t, Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))})
		p := mustJoin(t, h, request("a"))
		p.Digit(7, time.Second)
		mustLeave(t, p)
		if is := strings.Contains(log.String(), "digit=7"); is != (level == slog.LevelDebug) {
			t.Errorf("at %v the log tells the digit: %v\n%s", level, is, log.String())
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A media plane that is faster than the room loses events, counted, but the room finds the
// states that they told.
func TestMediaEventsOverflow(t *testing.T) {
	h := newHouse(t, Config{})
	events := watch(t, h.Registry, 2*mediaQueue).Events()
	p := mustJoin(t, h, request("a"))
	hear := h.stage(0).hear
	hear(mixer.Event{Kind: mixer.TalkStarted, Input: p.leg.in})
	wantKinds(t, next(t, events, 3), RoomOpened, ParticipantJoined, TalkingStarted)
	hold := holdingCall{make(chan struct{}), make(chan struct{})}
	req := request("a")
	req.Call = hold
	other := mustJoin(t, h, req)
	removed := make(chan error)
	go func() { removed <- other.Remove(context.Background(), Reason{Code: ReasonRemoved}) }()
	<-hold.reached
	for range mediaQueue {
		hear(mixer.Event{Kind: mixer.DigitStarted, Input: p.leg.in}) // void
	}
	hear(mixer.Event{Kind: mixer.TalkStopped, Input: p.leg.in}) // one too many
	if c := h.Counts(); c.MediaEventsLost != 1 {
		t.Errorf("%d events lost, want 1", c.MediaEventsLost)
	}
	close(hold.release)
	if err := <-removed; err != nil {
		t.Error(err)
	}
	// The input itself says that it does not talk.
	wantKinds(t, next(t, events, 3), ParticipantJoined, ParticipantLeft, TalkingStopped)
}

// holdingCall holds the room's goroutine, against the rules.
type holdingCall struct{ reached, release chan struct{} }

func (c holdingCall) End(Reason) {
	close(c.reached)
	<-c.release
}

// A hundred callers come and go in few rooms: each sees its own join before its own leave,
// nobody ends up in a room that has ended, and the stream tells exactly what happened.
func TestStorm(t *testing.T) {
	h := newHouse(t, Config{})
	const callers, rounds = 100, 20
	events := watch(t, h.Registry, callers*rounds*4).Events()
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for range rounds {
				p, err := h.Join(context.Background(), request(Name(fmt.Sprintf("room-%d", i%3))))
				if err != nil {
					t.Error(err)
					return
				}
				if err := p.Leave(context.Background(), Reason{Code: ReasonLeft}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	h.Close()
	checkStory(t, events, callers*rounds)
}

// checkStory replays a stream against the rules of events.
func checkStory(t *testing.T, events <-chan *Event, joins int) {
	t.Helper()
	open := make(map[Name]map[string]bool)
	seen := make(map[string]bool)
	last := uint64(0)
	for e := range events {
		if e.Seq != last+1 {
			t.Fatalf("event %d follows %d", e.Seq, last)
		}
		last = e.Seq
		in, isOpen := open[e.Room]
		ok := isOpen
		switch e.Kind {
		case RoomOpened:
			ok = !isOpen
			open[e.Room] = make(map[string]bool)
		case RoomClosed:
			ok = isOpen && len(in) == 0
			delete(open, e.Room)
		case ParticipantJoined:
			ok = isOpen && !seen[e.Participant.ID]
			seen[e.Participant.ID] = true
			in[e.Participant.ID] = true
		case ParticipantLeft:
			ok = in[e.Participant.ID]
			delete(in, e.Participant.ID)
		}
		if !ok {
			t.Fatalf("%s of %s comes out of turn", e.Kind, e.Room)
		}
	}
	if len(seen) != joins || len(open) != 0 {
		t.Errorf("%d joins and %d rooms left open, want %d and none", len(seen), len(open), joins)
	}
}

// A fault of the media plane ends its room: everyone is hung up on.
func TestFailedMediaEndsTheRoom(t *testing.T) {
	h := newHouse(t, Config{})
	events := watch(t, h.Registry, 32).Events()
	first, second := newFakeCall(), newFakeCall()
	for _, c := range []*fakeCall{first, second} {
		req := request("a")
		req.Call = c
		mustJoin(t, h, req)
	}
	h.stage(0).hear(mixer.Event{Kind: mixer.Failed, Err: errors.New("test")})
	for _, c := range []*fakeCall{first, second} {
		if why := <-c.ends; why.Code != ReasonServerError {
			t.Errorf("ended for %v", why)
		}
	}
	got := next(t, events, 6)
	wantKinds(t, got[3:], ParticipantLeft, ParticipantLeft, RoomClosed)
	if got[5].Reason.Code != ReasonServerError {
		t.Errorf("the room closed for %v", got[5].Reason)
	}
}
