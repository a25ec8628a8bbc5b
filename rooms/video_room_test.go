package rooms

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
)

// screening is a house with video.
func screening(t *testing.T) *house {
	return newHouse(t, Config{Video: VideoConfig{Formats: formats{vp8, h264, vp9}, Hold: time.Hour}})
}

// wantShown compares who is shown on line 1 of each.
func wantShown(t *testing.T, all []*viewer, want string) {
	t.Helper()
	got := ""
	for _, v := range all {
		got += v.shows(all, 1)
	}
	if got != want {
		t.Errorf("shown are %q, want %q", got, want)
	}
}

func TestEveryoneSeesTheSpeaker(t *testing.T) {
	h := screening(t)
	events := watch(t, h.Registry, 256)
	a, b, c := h.see(t, "x", video(1, "", vp8)), h.see(t, "x", video(1, "", vp8)), h.see(t, "x", video(1, "", vp8))
	all := []*viewer{a, b, c}
	wantShown(t, all, "---")
	b.sends(1, true)
	wantShown(t, all, "b-b")
	a.sends(1, true)
	c.sends(1, true)
	wantShown(t, all, "bab")
	c.speaks(true)
	wantShown(t, all, "ccb")
	c.speaks(false)
	wantShown(t, all, "ccb")
	c.sends(1, false)
	wantShown(t, all, "bab")
	mustLeave(t, b.Participant)
	all = []*viewer{a, c}
	wantShown(t, all, "-a")
	wantKinds(t, next(t, events.Events(), 15), RoomOpened, ParticipantJoined, VideoSettled, ParticipantJoined, ParticipantJoined,
		ParticipantUpdated, VideoSwitched, ParticipantUpdated, ParticipantUpdated, TalkingStarted, VideoSwitched, TalkingStopped,
		ParticipantUpdated, VideoSwitched, ParticipantLeft)
	if s, _ := h.Get("x"); s.VideoNow.Format != vp8 || s.VideoNow.Speaker != a.ID() {
		t.Errorf("%+v", s.VideoNow)
	}
	if n := a.screen().shows; n > 12 {
		t.Errorf("%d calls of Show", n)
	}
}

// What is seen is what the forwarder says, not what it was told.
func TestWhatIsSeen(t *testing.T) {
	h := screening(t)
	a, b := h.see(t, "x", video(1, "", vp8)), h.see(t, "x", video(1, "", vp8))
	b.sends(1, true)
	if s := a.state(t, 1); s.State != VideoOn || s.Sees != "" || s.Sends || !b.state(t, 1).Sends {
		t.Errorf("%+v", s)
	}
	a.screen().hear(forwarder.Event{Kind: forwarder.Shown, Line: a.line(1), Source: b.line(1)})
	a.settled()
	if s := a.state(t, 1); s.Sees != b.ID() {
		t.Errorf("%+v", s)
	}
	b.set(t, func(s *ParticipantSettings) { s.VideoMuted = true })
	if s := a.state(t, 1); s.Sees != "" {
		t.Errorf("%+v", s)
	}
}

func TestVideoSettingsAreLive(t *testing.T) {
	h := screening(t)
	all := []*viewer{h.see(t, "x", video(1, "", vp8)), h.see(t, "x", video(1, "", vp8)), h.see(t, "x", video(1, "", vp8))}
	a, b, c := all[0], all[1], all[2]
	for _, v := range all {
		v.sends(1, true)
	}
	b.speaks(true)
	wantShown(t, all, "bab")
	a.set(t, func(s *ParticipantSettings) { s.VideoPin = c.ID() })
	wantShown(t, all, "cab")
	b.set(t, func(s *ParticipantSettings) { s.VideoMuted = true })
	wantShown(t, all, "caa")
	c.set(t, func(s *ParticipantSettings) { s.VideoStopped = true })
	wantShown(t, all, "ca-")
	a.set(t, func(s *ParticipantSettings) { s.Hears = list(b.ID()) })
	wantShown(t, all, "-a-")
	b.set(t, func(s *ParticipantSettings) { s.VideoMuted, s.VideoLow = false, true })
	wantShown(t, all, "ba-")
	b.set(t, func(s *ParticipantSettings) { s.Held = true })
	wantShown(t, all, "---")
	s := a.screen()
	s.mu.Lock()
	for v, want := range map[*viewer]forwarder.LineConfig{
		b: {Format: vp8, Send: true, Receive: true, Muted: true, Stopped: true, Low: true, SourceLimit: 2_000_000},
		c: {Format: vp8, Send: true, Receive: true, Stopped: true, SourceLimit: 2_000_000},
	} {
		line := v.video.lines[0].line
		if got := s.lines[line].LineConfig; got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	s.mu.Unlock()
	if _, err := h.Patch(t.Context(), "x", func(s *Settings) error { s.Video.MaxBitrate = 500_000; return nil }, nil); err != nil {
		t.Fatal(err)
	}
	a.settled()
	if got := s.lines[a.line(1)].SourceLimit; got != 500_000 {
		t.Errorf("%d bits per second", got)
	}
}

// Who speaks while muted is not heard, and gets no picture for it.
func TestMutedHaveNoFloor(t *testing.T) {
	h := screening(t)
	all := []*viewer{h.see(t, "x", video(1, "", vp8)), h.see(t, "x", video(1, "", vp8)), h.see(t, "x", video(1, "", vp8))}
	for _, v := range all {
		v.sends(1, true)
	}
	all[1].set(t, func(s *ParticipantSettings) { s.Muted = true })
	all[1].speaks(true)
	wantShown(t, all, "baa")
	all[1].set(t, func(s *ParticipantSettings) { s.Muted = false })
	wantShown(t, all, "bab")
}

// The hold time of the room's settings is waited for, without anything else that happens.
func TestHoldEnds(t *testing.T) {
	h := screening(t)
	all := []*viewer{h.see(t, "x", video(1, "", vp8)), h.see(t, "x", video(1, "", vp8)), h.see(t, "x", video(1, "", vp8))}
	for _, v := range all {
		v.sends(1, true)
	}
	all[0].speaks(true)
	all[0].speaks(false)
	all[1].speaks(true)
	wantShown(t, all, "baa")
	events := watch(t, h.Registry, 256)
	if _, err := h.Patch(t.Context(), "x", func(s *Settings) error { s.Video.Hold = MinVideoHold; return nil }, nil); err != nil {
		t.Fatal(err)
	}
	wantKinds(t, next(t, events.Events(), 2), RoomUpdated, VideoSwitched)
	wantShown(t, all, "bab")
}

// Slides go to the lines for slides: the last who began, and never to who sends them.
func TestSlides(t *testing.T) {
	h := screening(t)
	both := func() []VideoMedia { return []VideoMedia{video(1, "main", vp8), video(2, "slides", vp8)} }
	all := []*viewer{h.see(t, "x", both()...), h.see(t, "x", both()...), h.see(t, "x", both()...), h.see(t, "x", video(1, "", vp8))}
	want := func(main, slides string) {
		t.Helper()
		wantShown(t, all, main)
		got := ""
		for _, v := range all[:3] {
			got += v.shows(all, 2)
		}
		if got != slides {
			t.Errorf("slides are %q, want %q", got, slides)
		}
	}
	all[0].sends(2, true)
	want("----", "-aa")
	all[1].sends(2, true)
	want("----", "bab")
	all[2].sends(1, true)
	want("cc-c", "bab")
	all[1].sends(2, false)
	want("cc-c", "-aa")
	freeze := func(line int) time.Duration {
		d, _ := askOf(all[0].Participant, func(*room) (time.Duration, error) { return all[0].video.find(line).given.Freeze, nil })
		return d
	}
	if freeze(1) != 0 || freeze(2) != 5*time.Second {
		t.Errorf("a camera's picture is frozen after %v, slides after %v", freeze(1), freeze(2))
	}
}

func TestSeveralLines(t *testing.T) {
	h := screening(t)
	all := []*viewer{h.see(t, "x", video(1, "", vp8), video(2, "", vp8))}
	for range 3 {
		all = append(all, h.see(t, "x", video(1, "", vp8)))
	}
	for _, v := range all {
		v.sends(1, true)
	}
	want := func(lines string) {
		t.Helper()
		if got := all[0].shows(all, 1) + all[0].shows(all, 2); got != lines {
			t.Errorf("%q, want %q", got, lines)
		}
	}
	want("bc")
	all[2].speaks(true)
	want("bc")
	mustLeave(t, all[1].Participant)
	all = append(all[:1], all[2:]...) // c is b now, d is c
	want("cb")
}

// A room changes its format for a majority; who cannot loses its pictures and is told why.
func TestMajority(t *testing.T) {
	h := screening(t)
	events := watch(t, h.Registry, 256)
	a := h.see(t, "x", video(1, "", vp8, h264))
	b := h.see(t, "x", video(1, "", vp8))
	if plan := h.VideoPlan("x"); !plan.Enabled || !plan.Settled || plan.Formats[0] != vp8 || plan.Lines != 3 || plan.Bitrate != 2_000_000 {
		t.Errorf("%+v", plan)
	}
	c := h.see(t, "x", video(1, "", none, h264))
	if s := c.state(t, 1); s.State != VideoRefused || s.Why == "" || s.Format != none {
		t.Errorf("%+v", s)
	}
	next(t, events.Events(), 5)
	a.call.answer <- nil
	b.call.answer <- nil
	c.call.answer <- nil
	d := h.see(t, "x", video(1, "", none, h264))
	d.call.answer <- nil
	for v, f := range map[*viewer]media.VideoFormat{a: h264, b: none, c: h264, d: h264} {
		if got := take(t, v.call.formats, "order to a peer"); got != f {
			t.Errorf("asked for %v, want %v", got, f)
		}
	}
	wantKinds(t, next(t, events.Events(), 2), ParticipantJoined, VideoSettled)
	for _, v := range []*viewer{a, c, d} {
		await(t, func() bool { return v.state(t, 1).State == VideoOn })
	}
	await(t, func() bool { return b.state(t, 1).State == VideoRefused })
	if s, _ := h.Get("x"); s.VideoNow.Format != h264 {
		t.Errorf("%+v", s.VideoNow)
	}
	a.sends(1, true)
	wantShown(t, []*viewer{a, c, d}, "-aa")
}

// A peer that does not change goes without video, says why, and is not asked again.
func TestPeerDoesNotChange(t *testing.T) {
	h := screening(t)
	a := h.see(t, "x", video(1, "", vp8, h264))
	a.call.answer <- errors.New("488 Not Acceptable Here")
	a.call.answer <- errors.New("500 Server Internal Error") // to end it
	h.see(t, "x", video(1, "", none, h264)).call.answer <- nil
	b := h.see(t, "x", video(1, "", h264))
	for _, want := range []media.VideoFormat{h264, none} {
		if got := take(t, a.call.formats, "order to a peer"); got != want {
			t.Errorf("asked for %v, want %v", got, want)
		}
	}
	await(t, func() bool { return strings.Contains(a.state(t, 1).Why, "488") })
	if s := a.state(t, 1); s.State != VideoOff || s.Format != vp8 {
		t.Errorf("%+v", s)
	}
	b.sends(1, true)
	if got := a.shows([]*viewer{a, b}, 1); got != "-" {
		t.Errorf("a is shown %q", got)
	}
	h.see(t, "x", video(1, "", h264))
	select {
	case f := <-a.call.formats:
		t.Errorf("asked again, for %v", f)
	default:
	}
}

// A peer is asked one thing at a time; what the room wants by then is what it is asked next.
func TestOneOrderAtATime(t *testing.T) {
	h := screening(t)
	a := h.see(t, "x", video(1, "", vp8, h264, vp9))
	patch := func(codec string) {
		if _, err := h.Patch(t.Context(), "x", func(s *Settings) error { s.Video.Codecs = []string{codec}; return nil }, nil); err != nil {
			t.Fatal(err)
		}
	}
	patch("h264/constrained-baseline/mode1")
	if got := take(t, a.call.formats, "order to a peer"); got != h264 {
		t.Errorf("asked for %v", got)
	}
	patch("vp8")
	patch("vp9")
	a.call.answer <- nil
	if got := take(t, a.call.formats, "order to a peer"); got != vp9 {
		t.Errorf("asked for %v", got)
	}
	a.call.answer <- nil
	await(t, func() bool { return a.state(t, 1).State == VideoOn })
	if s := a.state(t, 1); s.Format != vp9 {
		t.Errorf("%+v", s)
	}
}

func TestVideoOff(t *testing.T) {
	h := screening(t)
	a, b := h.see(t, "x", video(1, "", vp8)), h.see(t, "x", video(1, "", vp8))
	a.sends(1, true)
	set := func(off bool) {
		t.Helper()
		a.call.answer <- nil
		b.call.answer <- nil
		if _, err := h.Patch(t.Context(), "x", func(s *Settings) error { s.Video.Off = off; return nil }, nil); err != nil {
			t.Fatal(err)
		}
		want := map[bool]VideoState{true: VideoRefused, false: VideoOn}[off]
		await(t, func() bool { return a.state(t, 1).State == want && b.state(t, 1).State == want })
		if plan := h.VideoPlan("x"); plan.Enabled == off {
			t.Errorf("%+v", plan)
		}
	}
	set(true)
	if s, _ := h.Get("x"); s.VideoNow.Format != none || s.VideoNow.Speaker != "" || s.VideoNow.Enabled {
		t.Errorf("%+v", s.VideoNow)
	}
	set(false)
}

// Update puts lines into force in the order of the worker, and returns once it has let go of
// those that are no more.
func TestUpdateOfLines(t *testing.T) {
	h := screening(t)
	a := h.see(t, "x", video(1, "", vp8), video(2, "", vp8))
	first, second, s := a.line(1), a.line(2), a.screen()
	s.hold()
	did := make(chan string, 4)
	kept, added := a.lines[0], video(3, "slides", vp8)
	kept.Config.Send = false
	kept.Do = func() { did <- "kept" }
	added.Do = func() { did <- "added" }
	updated := make(chan error)
	go func() { updated <- a.Update(t.Context(), MediaUpdate{Video: []VideoMedia{kept, added}}) }()
	if got := take(t, did, "line put into force"); got != "added" {
		t.Errorf("%s before the worker came to it", got)
	}
	await(t, func() bool { return s.waiting() >= 4 })
	select {
	case <-updated:
		t.Error("Update returned before the worker let go")
	case got := <-did:
		t.Errorf("%s before the worker came to it", got)
	default:
	}
	s.release()
	if err := take(t, updated, "return"); err != nil || take(t, did, "line put into force") != "kept" {
		t.Error(err)
	}
	if s.lines[first] == nil || s.lines[first].Send || s.lines[second] != nil || a.line(1) != first || len(s.lines) != 2 {
		t.Errorf("%d lines", len(s.lines))
	}
	known := 0
	if err := a.Update(t.Context(), MediaUpdate{Video: []VideoMedia{}}); err != nil || len(s.lines) != 0 {
		t.Errorf("%v, %d lines", err, len(s.lines))
	}
	if _ = tellOf(a.Participant, func(r *room) error { known = len(r.video.byLine); return nil }); known != 0 {
		t.Errorf("the room knows %d lines that have gone", known)
	}
	if err := a.Update(t.Context(), MediaUpdate{Video: []VideoMedia{video(1, "", vp8)}}); err != nil || len(s.lines) != 1 {
		t.Errorf("%v, %d lines", err, len(s.lines))
	}
}

// Whoever leaves has gone once both media planes have let go of it.
func TestLeavingWithVideo(t *testing.T) {
	h := screening(t)
	a := h.see(t, "x", video(1, "", vp8))
	h.see(t, "x")
	s := a.screen()
	s.hold()
	left := make(chan error)
	go func() { left <- a.Leave(t.Context(), Reason{Code: ReasonLeft}) }()
	await(t, func() bool { return s.waiting() >= 2 })
	select {
	case <-a.Done():
		t.Error("gone before the worker let go")
	default:
	}
	s.release()
	if err := take(t, left, "return"); err != nil {
		t.Error(err)
	}
}

// Lines go along to another room: what is asked of them there waits until they have come.
func TestMoveWithVideo(t *testing.T) {
	h := screening(t)
	a, b := h.see(t, "x", video(1, "", vp8)), h.see(t, "x", video(1, "", vp8))
	c := h.see(t, "y", video(1, "", vp8))
	a.sends(1, true)
	c.sends(1, true)
	wantShown(t, []*viewer{a, b}, "-a")
	line, from, to := a.line(1), a.screen(), c.screen()
	from.hold()
	if _, err := h.Move(t.Context(), "x", a.ID(), "y"); err != nil {
		t.Fatal(err)
	}
	a.set(t, func(s *ParticipantSettings) { s.VideoLow = true })
	to.mu.Lock()
	if len(to.lines) != 1 {
		t.Error("it came before it left")
	}
	to.mu.Unlock()
	from.release()
	a.settled()
	wantShown(t, []*viewer{b}, "-")
	wantShown(t, []*viewer{c, a}, "-a")
	if a.line(1) != line || !to.lines[line].Low {
		t.Errorf("%+v", to.lines[line])
	}
	a.sends(1, true)
	wantShown(t, []*viewer{c, a}, "ba")
}

// Who has no video costs none.
func TestWithoutVideo(t *testing.T) {
	h := screening(t)
	p := mustJoin(t, h, request("x"))
	p.KeyFrameWanted(1)
	_ = tellOf(p, func(r *room) error { r.setTalking(p, true); return nil })
	if err := p.Update(t.Context(), MediaUpdate{}); err != nil {
		t.Error(err)
	}
	if len(h.screens) > 0 {
		t.Error("the room has opened video")
	}
	if plan := h.VideoPlan("nowhere"); !plan.Enabled || plan.Settled || len(plan.Formats) != 3 {
		t.Errorf("%+v", plan)
	}
	audio := newHouse(t, Config{})
	mustJoin(t, audio, request("x"))
	if plan := audio.VideoPlan("x"); plan.Enabled {
		t.Errorf("%+v", plan)
	}
}

func TestKeyFramesBySignalling(t *testing.T) {
	h := screening(t)
	a := h.see(t, "x", video(4, "", vp8))
	a.KeyFrameWanted(4)
	a.KeyFrameWanted(5)
	if s := a.screen(); len(s.wishes) != 1 || s.wishes[0] != a.line(4) {
		t.Errorf("%d wishes", len(s.wishes))
	}
	a.screen().hear(forwarder.Event{Kind: forwarder.KeyFrameBySignalling, Line: a.line(4)})
	if line := take(t, a.call.asked, "request for a key frame"); line != 4 {
		t.Errorf("line %d", line)
	}
}

func TestForwarderHasNoMore(t *testing.T) {
	h := screening(t)
	a := h.see(t, "x", video(1, "", vp8))
	a.screen().full = true
	b := h.see(t, "x", video(1, "", vp8))
	if s := b.state(t, 1); s.State != VideoOff || s.Why == "" || a.state(t, 1).State != VideoOn {
		t.Errorf("%+v", s)
	}
	a.screen().lines[b.line(1)] = &fakeLine{} // for the end
	a.screen().hear(forwarder.Event{Kind: forwarder.Failed, Err: errors.New("a fault")})
	a.settled()
	if s := a.state(t, 1); s.State != VideoOff || s.Why == "" {
		t.Errorf("%+v", s)
	}
}

// However much happens, what waits is no more than there are lines, and is what holds.
func TestNewsAreBounded(t *testing.T) {
	n := newNews()
	lines := []*forwarder.Line{{}, {}, {}}
	for i := range 10_000 {
		l := lines[i%3]
		n.add(forwarder.Event{Kind: forwarder.SourceStarted, Line: l})
		n.add(forwarder.Event{Kind: forwarder.SourceStopped, Line: l})
		n.add(forwarder.Event{Kind: forwarder.Shown, Line: l, Source: lines[(i+1)%3]})
		n.add(forwarder.Event{Kind: forwarder.Frozen, Line: l})
	}
	take(t, n.wake, "wake-up")
	all, failed := n.take()
	if len(all) != 3 || failed != nil {
		t.Fatalf("%d news, %v", len(all), failed)
	}
	for i, l := range all {
		if l.line != lines[i] || !l.told || l.sends || !l.shown || l.source != lines[(i+1)%3] || l.ask {
			t.Errorf("%+v", l)
		}
	}
	if all, _ := n.take(); len(all) != 0 || len(n.wake) != 0 {
		t.Errorf("%d news are left", len(all))
	}
}

func TestVideoOfThisServer(t *testing.T) {
	audio := newHouse(t, Config{})
	h := screening(t)
	for _, c := range []struct {
		house *house
		codec string
		field string
	}{{h, "vp9", ""}, {h, "h264", ""}, {h, "av1", "video.codecs"}, {audio, "vp8", "video"}} {
		_, err := c.house.Create(t.Context(), "", Settings{Video: VideoSettings{Codecs: []string{c.codec}}})
		if c.field == "" && err != nil || c.field != "" && fieldOf(err) != c.field {
			t.Errorf("%s: %v, want %q", c.codec, err, c.field)
		}
	}
	for _, text := range []string{"vp8,h264", "h264,vp8", "h264/constrained-baseline/mode1"} {
		s := VideoSettings{Codecs: strings.Split(text, ",")}
		var names []string
		for _, f := range h.videoRules(&s).formats {
			names = append(names, f.String())
		}
		want := strings.ReplaceAll(text, "h264,", "h264/constrained-baseline/mode1,")
		want = strings.ReplaceAll(want+",", ",h264,", ",h264/constrained-baseline/mode1,")
		if got := strings.Join(names, ",") + ","; got != want {
			t.Errorf("%s stands for %s, want %s", text, got, want)
		}
	}
}

// await returns once something holds.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(waitTime); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal("it never came about")
		}
		time.Sleep(time.Millisecond)
	}
}

// Joins, leaves, moves, patches, updates and talk all at once: the forwarder is never asked
// for what makes no sense, the stream tells what there is, and nobody is shown itself.
func TestVideoStorm(t *testing.T) {
	h := newHouse(t, Config{History: 1 << 18, Video: VideoConfig{Formats: formats{vp8, h264, vp9}, Hold: time.Millisecond}})
	all := h.Subscribe(SubscribeOptions{Buffer: 1 << 18})
	defer all.Close()
	var storm sync.WaitGroup
	for seed := range uint64(6) {
		storm.Go(func() { h.videoStorm(t, rand.New(rand.NewPCG(seed, 1))) })
	}
	storm.Wait()
	m := newReplica(t)
	for last := h.Snapshot(); m.seq < last.Seq; {
		m.apply(take(t, all.Events(), "event"))
	}
	if s := h.Snapshot(); s.Seq == m.seq {
		m.same(s)
	}
}

func (h *house) videoStorm(t *testing.T, rnd *rand.Rand) {
	can := []formats{{vp8}, {h264}, {vp9, vp8}, {vp8, h264}, {h264, vp9}, {vp8, h264, vp9}}[rnd.IntN(6)]
	for range 15 {
		v := h.see(t, Name([]string{"x", "y"}[rnd.IntN(2)]), video(1, "", can[0], can...), video(2, "slides", can[0], can...))
		for range 64 {
			select {
			case <-v.call.formats:
				v.call.answer <- []error{nil, nil, errors.New("no")}[rnd.IntN(3)]
			default:
				v.act(rnd)
				h.nobodySeesItself(t, v)
			}
		}
		mustLeave(t, v.Participant)
		close(v.call.answer)
	}
}

// act does one thing with v.
func (v *viewer) act(rnd *rand.Rand) {
	ctx, where := context.Background(), Name([]string{"x", "y"}[rnd.IntN(2)])
	switch rnd.IntN(7) {
	case 0:
		v.speaks(rnd.IntN(2) == 0)
	case 1:
		_, _ = v.house.Move(ctx, v.Room(), v.ID(), where)
	case 2:
		_, _ = v.house.PatchParticipant(ctx, v.Room(), v.ID(), func(s *ParticipantSettings) error {
			s.VideoMuted, s.VideoStopped, s.VideoLow, s.Held = rnd.IntN(2) == 0, rnd.IntN(2) == 0, rnd.IntN(2) == 0, rnd.IntN(4) == 0
			return nil
		}, nil)
	case 3:
		_, _ = v.house.Patch(ctx, where, func(s *Settings) error { s.Video.Off = rnd.IntN(4) == 0; return nil }, nil)
	default:
		kind := []forwarder.EventKind{forwarder.SourceStarted, forwarder.SourceStopped}[rnd.IntN(2)]
		_ = tellOf(v.Participant, func(r *room) error {
			if l := v.video.lines[rnd.IntN(2)]; l.line != nil {
				r.video.news.add(forwarder.Event{Kind: kind, Line: l.line})
			}
			return nil
		})
	}
}

func (h *house) nobodySeesItself(t *testing.T, v *viewer) {
	_ = tellOf(v.Participant, func(r *room) error {
		for _, l := range r.video.byLine {
			if l.shows != nil && (l.shows.of == l.of || r.video.byLine[l.shows.line] != l.shows || l.shows.isSlides() != l.isSlides()) {
				t.Errorf("%s is shown %s", l.of.id, l.shows.of.id)
			}
		}
		return nil
	})
}

// BenchmarkSpeakerChange is what it takes a room to have everyone see another speaker.
func BenchmarkSpeakerChange(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			h := newHouse(b, Config{MaxPerRoom: n, Video: VideoConfig{Formats: formats{vp8}, Hold: time.Nanosecond}})
			var people []*viewer
			for range n {
				v := h.see(b, "x", video(1, "", vp8))
				v.sends(1, true)
				people = append(people, v)
			}
			for i := 0; b.Loop(); i++ {
				people[i%n].speaks(true)
				people[i%n].speaks(false)
			}
			for _, v := range people {
				mustLeave(b, v.Participant)
			}
		})
	}
}

// A line that only sends is shown nothing, and takes nobody's place.
func TestLineThatOnlySends(t *testing.T) {
	h := screening(t)
	only := video(1, "", vp8)
	only.Config.Send = false
	all := []*viewer{h.see(t, "x", only, video(2, "", vp8)), h.see(t, "x", video(1, "", vp8))}
	all[1].sends(1, true)
	if got := all[0].shows(all, 1) + all[0].shows(all, 2); got != "-b" {
		t.Errorf("shown are %q", got)
	}
}

// Who agrees and does not change is not asked for ever.
func TestPeerAgreesAndStays(t *testing.T) {
	h := screening(t)
	a := h.see(t, "x", video(1, "", vp8, h264))
	a.call.agree = func(context.Context, media.VideoFormat) error { return nil }
	a.call.answer <- nil
	a.call.answer <- nil
	if _, err := h.Patch(t.Context(), "x", func(s *Settings) error { s.Video.Codecs = []string{"h264"}; return nil }, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []media.VideoFormat{h264, none} {
		if got := take(t, a.call.formats, "order to a peer"); got != want {
			t.Errorf("asked for %v, want %v", got, want)
		}
	}
	await(t, func() bool { return !a.asking() })
	if s := a.state(t, 1); s.State != VideoOff || s.Why == "" || len(a.call.formats) > 0 {
		t.Errorf("%+v", s)
	}
}

func (v *viewer) asking() bool {
	asking, _ := askOf(v.Participant, func(*room) (bool, error) { return v.video.asking, nil })
	return asking
}
