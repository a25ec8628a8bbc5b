package rooms

import (
	"testing"
	"time"

	"github.com/confd/confd/mixer"
)

// Figures count talking, and survive in the records.
func TestFigures(t *testing.T) {
	records := make(chan Record, 8)
	h := newHouse(t, Config{Records: func(r Record) { records <- r }})
	req := request("a")
	req.Media.Quality = func() LegQuality { return LegQuality{Received: 90, Lost: 10, RoundTrip: 40 * time.Millisecond} }
	req.Media.Send.Format = pcmu
	p := mustJoin(t, h, req)
	hear := h.stage(0).hear
	events := watch(t, h.Registry, 8).Events()
	hear(mixer.Event{Kind: mixer.TalkStarted, Input: p.leg.in})
	next(t, events, 1)
	for p.Stats().TalkTime == 0 { // it grows while it talks
	}
	hear(mixer.Event{Kind: mixer.TalkStopped, Input: p.leg.in})
	next(t, events, 1)
	talked := p.Stats().TalkTime
	if again := p.Stats().TalkTime; talked <= 0 || again != talked {
		t.Errorf("talked %v, then %v", talked, again)
	}
	v, err := h.View("a", p.ID())
	if err != nil || v.ID != p.ID() || v.Stats.Leg.Lost != 10 || v.Stats.Codec != pcmu || v.Stats.Joined.IsZero() || v.Stats.TalkTime != talked {
		t.Errorf("%+v, %v", v, err)
	}
	if all, err := h.Views("a"); err != nil || len(all) != 1 || all[0].ID != p.ID() || all[0].Stats.Leg.Lost != 10 {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := h.Views("none"); CodeOf(err) != NotFound {
		t.Error(err)
	}
	if _, err := h.View("a", "none"); CodeOf(err) != NotFound {
		t.Error(err)
	}
	mustLeave(t, p)
	if r := (<-records).Call; r.Stats.TalkTime != talked || r.Stats.Leg.Received != 90 || r.Outcome != OutcomeAnswered || r.Ended.Before(r.Answered) {
		t.Errorf("%+v", r)
	}
	if r := (<-records).Conference; r.Talked != talked || r.Joined != 1 || r.MOS != 0 || r.Loss != 0 {
		t.Errorf("%+v", r)
	}
}

// A packet that comes too late is lost once, and one that comes twice was sent once.
func TestLossIsAShareOfWhatWasSent(t *testing.T) {
	for _, c := range []struct {
		in            mixer.InputStats
		sent, unheard uint64
	}{
		{mixer.InputStats{}, 0, 0},
		{mixer.InputStats{Packets: 100}, 100, 0},
		{mixer.InputStats{Packets: 90, Lost: 10}, 100, 10},
		{mixer.InputStats{Packets: 90, Lost: 10, Recovered: 4}, 100, 6},
		{mixer.InputStats{Packets: 100, Late: 100, Lost: 100}, 100, 100},
		{mixer.InputStats{Packets: 110, Late: 5, Duplicate: 10, Lost: 5}, 100, 5},
		{mixer.InputStats{Packets: 1, Late: 2, Lost: 1, Recovered: 3}, 1, 0}, // read while it changes
	} {
		s := ParticipantStats{Input: c.in}
		if sent, unheard := s.packets(); sent != c.sent || unheard != c.unheard {
			t.Errorf("%+v: %d sent, %d unheard, want %d and %d", c.in, sent, unheard, c.sent, c.unheard)
		}
	}
}

func TestFiguresOfAConference(t *testing.T) {
	var c conferenceFigures
	for _, s := range []ParticipantStats{
		{MOS: 4, TalkTime: time.Second, Input: mixer.InputStats{Packets: 90, Lost: 10}}, {},
		{MOS: 2, TalkTime: time.Second, Input: mixer.InputStats{Packets: 100}}, {MOS: 3},
	} {
		c.add(&s)
	}
	if want := (conferenceFigures{talked: 2 * time.Second, sent: 200, unheard: 10, rated: 3, mos: 9, worst: 2}); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
}
