package rooms

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
)

// fakeVideo is a forwarder without pictures: it does what it is asked at once, or when it is
// released if held.
type fakeVideo struct {
	hear func(forwarder.Event)

	mu     sync.Mutex
	held   bool
	queue  []func()
	lines  map[*forwarder.Line]*fakeLine
	wishes []*forwarder.Line // key frames that peers asked for
	shows  int               // calls of Show
	closed bool
	full   bool
	wrong  []string // broken promises
}

type fakeLine struct {
	forwarder.LineConfig
	shows *forwarder.Line
}

func (f *fakeVideo) complain(what string) { f.wrong = append(f.wrong, what) }

// at has op run when it is to.
func (f *fakeVideo) at(op func()) {
	f.mu.Lock()
	if f.held {
		f.queue = append(f.queue, op)
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	op()
}

// on has op run with a line that has to be there.
func (f *fakeVideo) on(l *forwarder.Line, verb string, op func(*fakeLine)) {
	f.at(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.lines[l] == nil {
			f.complain(verb + " of a line that is not there")
			return
		}
		op(f.lines[l])
	})
}

func (f *fakeVideo) Add(l *forwarder.Line) error {
	if f.full {
		return forwarder.ErrFull
	}
	f.at(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.lines[l] != nil {
			f.complain("Add of a line that is there")
		}
		f.lines[l] = &fakeLine{}
	})
	return nil
}

func (f *fakeVideo) Remove(l *forwarder.Line, done func()) {
	f.on(l, "Remove", func(*fakeLine) {
		delete(f.lines, l)
		for _, o := range f.lines {
			if o.shows == l {
				o.shows = nil
			}
		}
	})
	f.at(done)
}

func (f *fakeVideo) Configure(l *forwarder.Line, c forwarder.LineConfig, do func()) {
	f.on(l, "Configure", func(fl *fakeLine) { fl.LineConfig = c })
	if do != nil {
		f.at(do)
	}
}

func (f *fakeVideo) Show(l, source *forwarder.Line) {
	f.on(l, "Show", func(fl *fakeLine) {
		if source != nil && f.lines[source] == nil {
			f.complain("Show of a source that is not there")
		}
		fl.shows = source
		f.shows++
	})
}

func (f *fakeVideo) RequestKeyFrame(l *forwarder.Line) {
	f.on(l, "RequestKeyFrame", func(*fakeLine) { f.wishes = append(f.wishes, l) })
}

func (f *fakeVideo) Close(done func()) {
	f.at(func() {
		f.mu.Lock()
		f.closed = true
		f.mu.Unlock()
		done()
	})
}

// hold keeps everything for release.
func (f *fakeVideo) hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = true
}

func (f *fakeVideo) release() {
	f.mu.Lock()
	queue := f.queue
	f.queue, f.held = nil, false
	f.mu.Unlock()
	for _, op := range queue {
		op()
	}
}

func (f *fakeVideo) waiting() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.queue)
}

func (f *fakeVideo) check(t testing.TB) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.lines) > 0 || len(f.queue) > 0 || !f.closed {
		t.Errorf("a room ended with %d lines on its screen, closed: %v", len(f.lines), f.closed)
	}
	for _, w := range f.wrong {
		t.Error("screen:", w)
	}
}

// fakePort is that of a line.
type fakePort struct{ forwarder.Port }

// videoCall is a call whose peer changes its format, or does not.
type videoCall struct {
	*fakeCall
	formats chan media.VideoFormat                         // what it was asked for
	answer  chan error                                     // what it says to that
	agree   func(context.Context, media.VideoFormat) error // before it agrees
	asked   chan int                                       // key frames of lines
}

func newVideoCall() *videoCall {
	return &videoCall{fakeCall: newFakeCall(), formats: make(chan media.VideoFormat, 16), answer: make(chan error, 16), asked: make(chan int, 16)}
}

func (c *videoCall) SetVideo(ctx context.Context, f media.VideoFormat) error {
	c.formats <- f
	select {
	case err := <-c.answer:
		if err != nil {
			return err
		}
	case <-ctx.Done(): // the test is over, perhaps because it failed
		return ctx.Err()
	}
	return c.agree(ctx, f)
}

func (c *videoCall) AskKeyFrame(line int) { c.asked <- line }

// viewer is a participant with video.
type viewer struct {
	*Participant
	house *house
	call  *videoCall
	lines []VideoMedia
}

// video is a line of a format, which its peer can among others.
func video(n int, content string, f media.VideoFormat, can ...media.VideoFormat) VideoMedia {
	m := VideoMedia{Line: n, Content: content, Can: append(can, f), Config: forwarder.LineConfig{Format: f, Send: true, Receive: true}}
	if f == none {
		m.Can, m.Why = can, "the peer cannot what the room has"
	} else {
		m.Port = &fakePort{}
	}
	return m
}

func (h *house) see(t testing.TB, room Name, lines ...VideoMedia) *viewer {
	t.Helper()
	v := &viewer{house: h, call: newVideoCall(), lines: lines}
	req := request(room)
	req.Media.Video, req.Call = lines, v.call
	v.Participant = mustJoin(t, h, req)
	v.call.agree = func(ctx context.Context, f media.VideoFormat) error {
		next := slices.Clone(v.lines)
		for i := range next {
			if f == none {
				next[i].Port, next[i].Config.Format, next[i].Why = nil, none, "it was ended"
			} else if slices.Contains(next[i].Can, f) {
				if next[i].Port == nil {
					next[i].Port = &fakePort{}
				}
				next[i].Config.Format = f
			}
		}
		v.lines = next
		return v.Update(ctx, MediaUpdate{Video: next})
	}
	return v
}

// waitTime is how long a test waits for what has to come.
const waitTime = 20 * time.Second

// take returns what comes of a channel; that nothing does ends the test.
func take[T any](t *testing.T, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(waitTime):
		t.Fatalf("no %s within %v", what, waitTime)
	}
	return v
}

// line returns the forwarder's line of a number.
func (v *viewer) line(n int) *forwarder.Line {
	l, _ := askOf(v.Participant, func(*room) (*forwarder.Line, error) { return v.video.find(n).line, nil })
	return l
}

// screen is that of the room where v is.
func (v *viewer) screen() *fakeVideo {
	s, _ := askOf(v.Participant, func(r *room) (*fakeVideo, error) { return r.video.screen.stage.(*fakeVideo), nil })
	return s
}

// sends has pictures come of a line, or end.
func (v *viewer) sends(n int, on bool) {
	kind := forwarder.SourceStopped
	if on {
		kind = forwarder.SourceStarted
	}
	v.screen().hear(forwarder.Event{Kind: kind, Line: v.line(n)})
	v.settled()
}

// settled returns once the room has looked at all news.
func (v *viewer) settled() {
	deadline := time.Now().Add(waitTime)
	for more := true; more; {
		if time.Now().After(deadline) {
			panic("the room does not come to the end of its news")
		}
		_ = tellOf(v.Participant, func(r *room) error { more = r.video != nil && len(r.pictures) > 0; return nil })
	}
	_ = tellOf(v.Participant, func(*room) error { return nil }) // and settled after it
}

// shows returns whom the forwarder was told to show on a line of v.
func (v *viewer) shows(all []*viewer, n int) string {
	s, line := v.screen(), v.line(n)
	owner := map[*forwarder.Line]string{nil: "-"}
	for i, o := range all {
		if s == o.screen() {
			_ = tellOf(o.Participant, func(*room) error {
				for _, l := range o.video.lines {
					owner[l.line] = string(rune('a' + i))
				}
				owner[nil] = "-"
				return nil
			})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return owner[s.lines[line].shows]
}

// speaks has v talk, or no longer.
func (v *viewer) speaks(on bool) {
	_ = tellOf(v.Participant, func(r *room) error { r.setTalking(v.Participant, on); return nil })
}

func (v *viewer) set(t *testing.T, change func(*ParticipantSettings)) {
	t.Helper()
	if _, err := v.house.PatchParticipant(t.Context(), v.Room(), v.ID(), func(s *ParticipantSettings) error { change(s); return nil }, nil); err != nil {
		t.Fatal(err)
	}
}

// state is what the API tells of a line.
func (v *viewer) state(t *testing.T, n int) VideoLineSnapshot {
	t.Helper()
	s, err := v.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.Video {
		if l.Line == n {
			return l
		}
	}
	t.Fatalf("there is no line %d in %+v", n, s.Video)
	return VideoLineSnapshot{}
}
