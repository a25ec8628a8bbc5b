package rooms

import (
	"strings"
	"testing"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/multicast"
)

// broadcasting is a house with a room x whose group carries video.
func broadcasting(t *testing.T, s multicast.Spec) *house {
	t.Helper()
	h := newHouse(t, Config{Groups: onLoopback(t), Video: VideoConfig{Formats: formats{vp8, h264, vp9}, Hold: time.Hour}})
	s.Video = true
	mustCreate(t, h, "x", spec(s))
	return h
}

// groupShows returns whom the room's group shows, as the forwarder was told.
func (v *viewer) groupShows(all []*viewer) string {
	v.settled()
	s := v.screen()
	line, _ := askOf(v.Participant, func(r *room) (*forwarder.Line, error) {
		if r.video.group == nil {
			return nil, nil
		}
		return r.video.group.line, nil
	})
	if line == nil {
		return "none"
	}
	owner := map[*forwarder.Line]string{nil: "-"}
	for i, o := range all {
		owner[o.line(1)] = string(rune('a' + i))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines[line] == nil {
		return "not there"
	}
	return owner[s.lines[line].shows]
}

func wantGroupShows(t *testing.T, all []*viewer, want string) {
	t.Helper()
	if got := all[0].groupShows(all); got != want {
		t.Errorf("the group shows %q, want %q", got, want)
	}
}

func TestGroupShowsTheSpeaker(t *testing.T) {
	h := broadcasting(t, multicast.Spec{VideoBitrate: 700_000})
	a, b := h.see(t, "x", video(1, "", vp8)), h.see(t, "x", video(1, "", vp8))
	all := []*viewer{a, b}
	wantGroupShows(t, all, "-")
	a.sends(1, true)
	b.sends(1, true)
	b.speaks(true)
	wantGroupShows(t, all, "b")
	s, err := h.Get("x")
	if err != nil || s.Group.Pictured != vp8 || s.Group.Shows != b.ID() || s.Group.Stats.Pictures.SSRC == 0 {
		t.Errorf("%+v, %v", s.Group, err)
	}
	// A camera is asked for no more than the group bears.
	limit, _ := askOf(a.Participant, func(*room) (uint64, error) { return a.video.find(1).given.SourceLimit, nil })
	if limit != 700_000 || s.VideoNow.MaxBitrate != 700_000 || h.VideoPlan("x").Bitrate != 700_000 {
		t.Errorf("cameras are asked for %d bits per second", limit)
	}
	b.set(t, func(s *ParticipantSettings) { s.HeardBy = list(a.ID()) })
	wantGroupShows(t, all, "a")
	b.set(t, func(s *ParticipantSettings) { s.HeardBy = list(GroupListener) })
	wantGroupShows(t, all, "b")
	mustLeave(t, b.Participant)
	wantGroupShows(t, all[:1], "a")
	a.sends(1, false)
	wantGroupShows(t, all[:1], "-")
}

// Another format is another stream, which is described; the one before leaves the forwarder first.
func TestGroupFollowsTheFormat(t *testing.T) {
	h := broadcasting(t, multicast.Spec{})
	events := watch(t, h.Registry, 256)
	a := h.see(t, "x", video(1, "", vp8, h264))
	all := []*viewer{a}
	a.sends(1, true)
	wantGroupShows(t, all, "a")
	was, err := h.Get("x")
	if err != nil {
		t.Fatal(err)
	}
	told := func() {
		t.Helper()
		for {
			if e := take(t, events.Events(), "event"); e.Kind == RoomMulticast {
				return
			}
		}
	}
	told()
	a.screen().hold()
	a.call.answer <- nil
	if _, err := h.Patch(t.Context(), "x", func(s *Settings) error { s.Video.Codecs = []string{"h264"}; return nil }, nil); err != nil {
		t.Fatal(err)
	}
	take(t, a.call.formats, "order to a peer")
	g, _ := h.Group("x")
	await(t, func() bool { return a.screen().waiting() > 0 })
	if g.Pictured() != vp8 {
		t.Error("the stream is another one before the forwarder has let go of the one before")
	}
	a.screen().release()
	told()
	sdp, version := g.Description(true)
	if g.Pictured() != h264 || version <= was.Group.Description || !strings.Contains(string(sdp), "H264/90000") {
		t.Errorf("version %d after %d\n%s", version, was.Group.Description, sdp)
	}
	given, _ := askOf(a.Participant, func(r *room) (forwarder.LineConfig, error) { return r.video.group.given, nil })
	if want := (forwarder.LineConfig{Format: h264, Send: true, MaxBitrate: 1_000_000}); given != want {
		t.Errorf("%+v, want %+v", given, want)
	}
}

// The group comes and goes while people are seen, with and without video.
func TestGroupVideoIsLive(t *testing.T) {
	h := newHouse(t, Config{Groups: onLoopback(t), Video: VideoConfig{Formats: formats{vp8}, Hold: time.Hour}})
	a := h.see(t, "x", video(1, "", vp8))
	all := []*viewer{a}
	a.sends(1, true)
	wantGroupShows(t, all, "none")
	if _, err := h.Create(t.Context(), "x", Settings{}); err != nil {
		t.Fatal(err)
	}
	mustSteer(t, h, "x", func(s *Settings) { s.Multicast = &multicast.Spec{} })
	wantGroupShows(t, all, "none")
	mustSteer(t, h, "x", func(s *Settings) { s.Multicast = &multicast.Spec{Video: true} })
	wantGroupShows(t, all, "a")
	mustSteer(t, h, "x", func(s *Settings) { s.Multicast = &multicast.Spec{Video: true, TTL: 2} })
	wantGroupShows(t, all, "a")
	mustSteer(t, h, "x", func(s *Settings) { s.Multicast = nil })
	wantGroupShows(t, all, "none")
}
