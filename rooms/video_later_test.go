package rooms

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/confd/confd/media"
)

// impatient is a house where nothing waits for long.
func impatient(t *testing.T) *house {
	return newHouse(t, Config{Video: VideoConfig{Formats: formats{vp8, h264}, Hold: time.Hour, Patience: time.Millisecond}})
}

// calm waits until a room has nothing to ask of v, now or later.
func (v *viewer) calm(t *testing.T) {
	t.Helper()
	await(t, func() bool {
		calm, _ := askOf(v.Participant, func(r *room) (bool, error) { return r.video.later == nil && !v.video.asking, nil })
		return calm
	})
	if len(v.call.formats) > 0 {
		t.Error("it was asked for", <-v.call.formats)
	}
}

// Who was held down by somebody who has left is told that it may send more, once.
func TestVideoLimitRises(t *testing.T) {
	h := impatient(t)
	a, b := h.films(t, takes(31, 31)), h.films(t, takes(22, 31))
	a.asked(t, nil)
	a.calm(t)
	mustLeave(t, b.Participant)
	a.asked(t, nil)
	a.calm(t)
	if told := a.lines[0].Told.Level; told != 0 {
		t.Errorf("it is told level %d", told)
	}
	c := h.films(t, takes(22, 31))
	a.asked(t, nil)
	mustLeave(t, c.Participant)
	a.asked(t, errors.New("488 Not Acceptable Here"))
	a.calm(t)
	if s := a.state(t, 1); s.State != VideoOn {
		t.Errorf("who wants no more has %+v", s)
	}
}

// A line that was refused for want of ports is asked for again until there are some, or the peer
// does not want it any more.
func TestLineThatLacksPorts(t *testing.T) {
	h := impatient(t)
	lacking := func(n int) VideoMedia {
		m := video(n, "", none, h264)
		m.Lacking, m.Why = true, "there are no ports"
		return m
	}
	a := h.see(t, "x", video(1, "", h264), lacking(2))
	calls := 0
	a.call.agree = func(ctx context.Context, _ media.VideoFormat) error {
		if calls++; calls < 3 {
			return nil // still no ports
		}
		return a.Update(ctx, MediaUpdate{Video: []VideoMedia{a.lines[0], video(2, "", h264)}})
	}
	for range 3 {
		a.call.answer <- nil
	}
	for range 3 {
		if f := <-a.call.formats; f != h264 {
			t.Errorf("it is asked for %v", f)
		}
	}
	a.calm(t)
	if s := a.state(t, 2); s.State != VideoOn || a.state(t, 1).State != VideoOn {
		t.Errorf("%+v", s)
	}
	b := h.see(t, "x", lacking(1))
	b.asked(t, errors.New("488 Not Acceptable Here"))
	b.calm(t)
	if s := b.state(t, 1); s.State != VideoRefused || s.Why != "the peer takes no further line: 488 Not Acceptable Here" {
		t.Errorf("%+v", s)
	}
}

// What waits is forgotten with the room.
func TestNothingWaitsForWhoHasLeft(t *testing.T) {
	h := screening(t)
	a, b := h.films(t, takes(31, 31)), h.films(t, takes(22, 31))
	a.asked(t, nil)
	mustLeave(t, b.Participant)
	deadlines := func() int {
		h.deadlines.mu.Lock()
		defer h.deadlines.mu.Unlock()
		return len(h.deadlines.queue)
	}
	if n := deadlines(); n != 1 {
		t.Errorf("%d deadlines, want one", n)
	}
	mustLeave(t, a.Participant)
	await(t, func() bool { return deadlines() == 0 })
}
