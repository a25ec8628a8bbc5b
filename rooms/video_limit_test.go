package rooms

import (
	"context"
	"errors"
	"testing"

	testwait "github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/media"
)

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		takes             []bounds
		all               bounds // with the floor of H.264
		withoutFirst      bounds
		underA, underNone bool // all, as against {31, 1280, 720, 0, 0} and nothing
	}{
		{},
		{takes: []bounds{{31}}, all: bounds{31}, underNone: true},
		{takes: []bounds{{30}}, all: bounds{30}, underA: true, underNone: true},
		{takes: []bounds{{32}}, all: bounds{32}, underNone: true},
		{takes: []bounds{{22}, {31}}, all: bounds{22}, withoutFirst: bounds{31}, underA: true, underNone: true},
		{takes: []bounds{{31}, {22}}, all: bounds{22}, withoutFirst: bounds{22}, underA: true, underNone: true},
		{takes: []bounds{{22}, {22}, {40}}, all: bounds{22}, withoutFirst: bounds{22}, underA: true, underNone: true},
		{takes: []bounds{{0, 640, 480}, {}, {20}}, all: bounds{20, 640, 480}, withoutFirst: bounds{20}, underA: true, underNone: true},
		{takes: []bounds{{13, 352, 288, 396, 15}}, all: bounds{13, 352, 288, 396, 15}, underA: true, underNone: true},
		{takes: []bounds{{9, 128, 96, 99, 1}}, all: bounds{13, 352, 288, 396, 15}, underA: true, underNone: true},
		{takes: []bounds{{0, 1280, 721}}, all: bounds{0, 1280, 721}, underNone: true},
		{takes: []bounds{{0, 1280, 719}}, all: bounds{0, 1280, 719}, underA: true, underNone: true},
	} {
		var s leasts
		for _, b := range c.takes {
			s.add(b)
		}
		floor, told := videoFloor(media.H264), bounds{31, 1280, 720}
		all := s.without(bounds{}).atLeast(floor)
		if all != c.all || all.under(told) != c.underA || all.under(bounds{}) != c.underNone || boundsOf(all.limit()) != all {
			t.Errorf("%v: %v, want %v, under %v %v", c.takes, all, c.all, all.under(told), all.under(bounds{}))
		}
		if len(c.takes) > 0 {
			if rest := s.without(c.takes[0]).atLeast(floor); rest != c.withoutFirst {
				t.Errorf("%v without the first: %v, want %v", c.takes, rest, c.withoutFirst)
			}
		}
	}
}

// takes is a line of H.264 whose peer takes a level, and was told one.
func takes(level, told uint8) VideoMedia {
	m := video(1, "", h264)
	m.Takes.Level, m.Told.Level = level, told
	return m
}

// films joins with a line; when asked, it is told the limit that the room has for it.
func (h *house) films(t *testing.T, m VideoMedia) *viewer {
	v := h.see(t, "x", m)
	agree := v.call.agree
	v.call.agree = func(ctx context.Context, f media.VideoFormat) error {
		limit := v.VideoPlan().Limit
		for i := range v.lines {
			v.lines[i].Told = limit
		}
		return agree(ctx, f)
	}
	return v
}

// asked waits until a peer is asked for the format that it has, and answers.
func (v *viewer) asked(t *testing.T, answer error) {
	t.Helper()
	if f := take(t, v.call.formats, "order to a peer"); f != h264 {
		t.Errorf("it is asked for %v", f)
	}
	v.call.answer <- answer
	v.idle(t)
}

// idle waits until nothing is asked of a peer.
func (v *viewer) idle(t *testing.T) {
	t.Helper()
	testwait.Within(t, waitTime, "what a peer was asked to be done", func() error {
		if v.asking() {
			return errors.New("it is still being asked")
		}
		return nil
	})
}

// unasked fails if a peer is asked for anything.
func unasked(t *testing.T, all ...*viewer) {
	t.Helper()
	for _, v := range all {
		v.settled()
		if _ = tellOf(v.Participant, func(*room) error {
			if v.video.asking {
				t.Error("it is being asked")
			}
			return nil
		}); len(v.call.formats) > 0 {
			t.Error("it is asked for", <-v.call.formats)
		}
	}
}

func (v *viewer) limit() int { return int(v.VideoPlan().Limit.Level) }

// A limit that falls is told to whom was told more, once, and to nobody whose own it is.
func TestVideoLimitFalls(t *testing.T) {
	h := screening(t)
	a, b := h.films(t, takes(31, 31)), h.films(t, takes(31, 31))
	unasked(t, a, b)
	c := h.films(t, takes(22, 22))
	a.asked(t, nil)
	b.asked(t, nil)
	unasked(t, a, b, c)
	for v, want := range map[*viewer]int{a: 22, b: 22, c: 31} {
		if got := v.limit(); got != want {
			t.Errorf("level %d, want %d", got, want)
		}
	}
	if plan := h.VideoPlan("x"); plan.Limit.Level != 22 {
		t.Errorf("who comes next is told %+v", plan.Limit)
	}
	d := h.films(t, takes(10, 10))
	a.asked(t, errors.New("488 Not Acceptable Here"))
	b.asked(t, nil)
	c.asked(t, nil) // it was told 22
	unasked(t, a, b, c, d)
	if a.state(t, 1).State != VideoOn || a.limit() != 13 {
		t.Errorf("who refuses has %+v", a.state(t, 1))
	}
	if s, _ := h.Get("x"); s.VideoNow.Format != h264 {
		t.Errorf("%+v", s.VideoNow)
	}
	mustLeave(t, c.Participant)
	mustLeave(t, d.Participant)
	unasked(t, a, b)
	if a.limit() != 31 || h.VideoPlan("x").Limit.Level != 31 {
		t.Errorf("when they have left: %d", a.limit())
	}
}

// Only lines on which cameras are seen count, and only those who have one are told.
func TestWhoseLimitCounts(t *testing.T) {
	h := screening(t)
	a := h.films(t, takes(31, 31))
	camera := takes(20, 31)
	camera.Config.Send = false
	slides := video(2, "slides", h264)
	slides.Takes.Level = 20
	blind := takes(31, 31)
	blind.Config.Receive = false
	refused := video(3, "", none)
	refused.Takes.Level = 20
	all := []*viewer{a, h.films(t, camera), h.see(t, "x", takes(31, 31), slides, refused), h.films(t, blind)}
	unasked(t, all...)
	last := h.films(t, takes(21, 31))
	for _, v := range all[:3] {
		v.asked(t, nil)
	}
	unasked(t, append(all, last)...)
}

// Who moves brings its limit along.
func TestVideoLimitMoves(t *testing.T) {
	h := screening(t)
	a, b := h.films(t, takes(31, 31)), h.films(t, takes(31, 31))
	odd := &viewer{house: h, call: newVideoCall()}
	req := request("y")
	req.Media.Video, req.Call = []VideoMedia{takes(22, 22)}, odd.call
	odd.Participant = mustJoin(t, h, req)
	unasked(t, a, b)
	if _, err := h.Move(t.Context(), "y", odd.ID(), "x"); err != nil {
		t.Fatal(err)
	}
	a.asked(t, nil)
	b.asked(t, nil)
	unasked(t, a, b)
}
