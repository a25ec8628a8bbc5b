package rooms

import (
	"context"
	"errors"
	"testing"

	"github.com/confd/confd/media"
)

// A plan is that of the room with who asks in it: what it can decides, too, so that nobody is
// refused what the room will have once it is there.
func TestPlanCountsWhoAsks(t *testing.T) {
	h := screening(t)
	wants := func(plan VideoPlan, settled bool, format media.VideoFormat) {
		t.Helper()
		if plan.Settled != settled || plan.Formats[0] != format {
			t.Errorf("%+v, want %v", plan, format)
		}
	}
	wants(h.VideoPlan("x", h264), false, vp8) // a room that is not there
	a := h.see(t, "x", takes(31, 31))
	wants(h.VideoPlan("x", vp8), true, h264) // one against one
	wants(a.VideoPlan(), true, h264)
	wants(a.VideoPlan(vp8), true, vp8) // nobody else
	wants(a.VideoPlan(vp9, h264), true, h264)
	wants(a.VideoPlan(media.VideoFormat{Codec: media.AV1}), false, vp8)
	b := h.see(t, "x", video(1, "", none, vp8))
	wants(h.VideoPlan("x", vp8), true, vp8)
	wants(a.VideoPlan(vp9), true, vp8)
	wants(b.VideoPlan(vp9), true, h264)
	if n := h.VideoPlan("x", vp8).Limit.Level; n != 0 {
		t.Errorf("of VP8 level %d is told", n)
	}
	if n := h.VideoPlan("x").Limit.Level; n != 31 {
		t.Errorf("level %d is told", n)
	}
}

// A fixed format is changed by its last participant alone.
func TestPlanOfAFixedFormat(t *testing.T) {
	h := screening(t)
	a := h.see(t, "x", video(1, "", vp8))
	if _, err := h.Patch(t.Context(), "x", func(s *Settings) error { s.Video.Policy = VideoFixed; return nil }, nil); err != nil {
		t.Fatal(err)
	}
	h.see(t, "x", video(1, "", none, h264))
	if plan := h.VideoPlan("x", h264); plan.Formats[0] != vp8 {
		t.Errorf("%+v", plan)
	}
	if plan := a.VideoPlan(h264); plan.Formats[0] != h264 {
		t.Errorf("%+v", plan)
	}
}

// Who did not change to a format, and then offers it, has not refused it for ever.
func TestRefusalIsTakenBack(t *testing.T) {
	h := screening(t)
	a := h.see(t, "x", video(1, "", vp8, h264))
	a.call.answer <- errors.New("488 Not Acceptable Here")
	a.call.answer <- nil
	if _, err := h.Patch(t.Context(), "x", func(s *Settings) error { s.Video.Codecs = []string{"h264"}; return nil }, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 { // for H.264, and to go without
		<-a.call.formats
	}
	await(t, func() bool { return !a.asking() && a.state(t, 1).State == VideoRefused })
	if err := a.call.agree(context.Background(), h264); err != nil {
		t.Fatal(err)
	}
	if s := a.state(t, 1); s.State != VideoOn || s.Format != h264 {
		t.Errorf("%+v", s)
	}
}
