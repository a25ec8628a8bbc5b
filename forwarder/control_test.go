package forwarder

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/pictures"
	"github.com/confd/confd/internal/testkit/wait"
	"github.com/confd/confd/transport"
)

// filming is a port whose peer films: whenever it is polled, what its camera has made since.
type filming struct {
	cam   *pictures.Camera
	last  int64
	sent  atomic.Int64
	inUse atomic.Int32 // by how many goroutines at once
}

func (f *filming) enter(t *testing.T) {
	if f.inUse.Add(1) > 1 {
		t.Error("a port is used by two at once")
	}
}

type watched struct {
	*filming
	t *testing.T
}

func (w watched) Poll(now int64, _ int, to transport.VideoReceiver) (n int) {
	w.enter(w.t)
	defer w.inUse.Add(-1)
	if now-w.last < 10*ms {
		return 0
	}
	w.last = now
	for _, p := range w.cam.Next(n == 0 && w.sent.Load()%7 == 0) {
		to.Video(&transport.VideoPacket{Arrival: now, SSRC: p.SSRC, Sequence: p.Sequence, Timestamp: p.Timestamp, Marker: p.Marker, Payload: p.Payload})
		n++
	}
	to.Feedback(&transport.Feedback{Kind: transport.FeedbackPLI, Arrival: now})
	return n
}

func (w watched) SendVideo(_ int64, out []transport.VideoOut) int {
	w.enter(w.t)
	defer w.inUse.Add(-1)
	w.sent.Add(int64(len(out)))
	return len(out)
}

func (w watched) RequestKeyFrame(int64, uint8) bool { return true }
func (w watched) NACK(int64, uint8, []uint16) bool  { return true }
func (w watched) LimitBitrate(int64, uint64) bool   { return true }
func (w watched) Descriptors() []int                { return nil }

// crowd is lines in rooms of two workers that run, three lines for each of eight goroutines.
type crowd struct {
	t     *testing.T
	e     *Engine
	rooms []*Conference
	lines []*Line
	ports []*filming
	told  atomic.Int64
	steps atomic.Int64
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	e, err := New(Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{t: t, e: e}
	for range 4 {
		c.rooms = append(c.rooms, e.NewConference(ConferenceConfig{Events: c.hear}))
	}
	for i := range 24 {
		f := &filming{cam: pictures.New(pictures.Config{Codec: vp8.Codec, Source: uint32(i + 1), SSRC: uint32(i + 1), PictureIDBits: 15})}
		c.ports = append(c.ports, f)
		c.lines = append(c.lines, NewLine(watched{f, t}, both()))
	}
	return c
}

func (c *crowd) hear(e Event) {
	c.told.Add(1)
	if e.Kind == Failed {
		c.t.Error(e.Err)
	}
}

// member is one of the goroutines; its lines are all in one room.
type member struct {
	*crowd
	rand *rand.Rand
	own  []*Line
	at   *Conference
}

func (c *crowd) member(n int) *member {
	return &member{crowd: c, rand: rand.New(rand.NewPCG(uint64(n), 1)), own: c.lines[3*n : 3*n+3], at: c.rooms[n%len(c.rooms)]}
}

// run does one thing after the other until stop is closed.
func (m *member) run(stop chan struct{}) {
	for _, l := range m.own {
		if err := m.at.Add(l); err != nil {
			m.t.Error(err)
		}
	}
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(m.rand.IntN(1000)) * time.Microsecond):
		}
		m.step(m.own[m.rand.IntN(3)])
		m.steps.Add(1)
	}
}

func (m *member) step(l *Line) {
	switch m.rand.IntN(8) {
	case 0:
		m.move(l, m.rooms[m.rand.IntN(len(m.rooms))])
	case 1:
		m.configure(l)
	case 2:
		m.at.RequestKeyFrame(l)
	case 3:
		_, _ = l.Stats(), m.e.Stats()
	case 4:
		m.at.Show(l, nil)
	default:
		m.at.Show(l, m.lines[m.rand.IntN(len(m.lines))])
	}
}

// move takes a line out, and adds it to another room, where the others follow it, or again.
func (m *member) move(l *Line, to *Conference) {
	done := make(chan struct{})
	m.at.Remove(l, func() { close(done) })
	<-done
	if to != m.at {
		var removals sync.WaitGroup
		for _, other := range m.own {
			if other != l {
				removals.Add(1)
				m.at.Remove(other, func() { _ = to.Add(other); removals.Done() })
			}
		}
		removals.Wait()
		m.at = to
	}
	_ = m.at.Add(l)
}

func (m *member) configure(l *Line) {
	c := both()
	c.Muted, c.Stopped, c.Low = m.rand.IntN(4) == 0, m.rand.IntN(4) == 0, m.rand.IntN(4) == 0
	c.Encodings = 1 + m.rand.IntN(2)
	done := make(chan struct{})
	m.at.Configure(l, c, func() { close(done) })
	<-done
}

// Many goroutines add, show, move, configure, read and remove lines, on two workers that run;
// then all is closed while they go on. Every line comes back once for each removal.
func TestControlFromManyGoroutines(t *testing.T) {
	leak.Check(t)
	c := newCrowd(t)
	stop := make(chan struct{})
	var control sync.WaitGroup
	for n := range 8 {
		control.Go(func() { c.member(n).run(stop) })
	}
	wait.For(t, "a thousand pictures, some sent, and events", func() bool {
		return c.e.Stats().Frames > 1000 && c.told.Load() > 0 && slices.ContainsFunc(c.ports, func(f *filming) bool { return f.sent.Load() > 0 })
	}, func() any { return c.e.Stats().Frames }, func() any { return c.told.Load() })
	c.e.Close()
	before := c.steps.Load()
	wait.For(t, "what is done with an engine that is closed", func() bool { return c.steps.Load() > before+100 })
	close(stop)
	control.Wait()
	c.ended()
}

// ended checks that an engine that has ended holds nothing.
func (c *crowd) ended() {
	c.t.Helper()
	for _, room := range c.rooms {
		closed := false
		room.Close(func() { closed = true })
		if !closed {
			c.t.Error("after the engine has ended, Close of a conference waits")
		}
	}
	if n := c.e.Stats().Lines; n != 0 {
		c.t.Errorf("%d lines are left", n)
	}
}

// Conferences go to the worker with the least to do.
func TestConferencesAreSpread(t *testing.T) {
	e, err := idle(Config{Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	for range 9 {
		e.NewConference(ConferenceConfig{})
	}
	for i, w := range e.workers {
		if n := w.conferences.Load(); n != 3 {
			t.Errorf("worker %d has %d conferences of 9, want 3", i, n)
		}
	}
	e.workers[0].used.Store(500_000)
	e.workers[1].members.Store(100)
	if c := e.NewConference(ConferenceConfig{}); c.worker != e.workers[2] {
		t.Error("a conference goes to a worker that is busy")
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []Config{{Workers: -1}, {Workers: 65}, {Lines: -1}, {Packets: 9}, {Bytes: 9999}, {Frames: -1}} {
		if e, err := New(c); err == nil {
			e.Close()
			t.Errorf("%+v is taken", c)
		}
	}
	e, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	e.Close()
	if c := e.NewConference(ConferenceConfig{}); c.Add(NewLine(nil, both())) != ErrClosed {
		t.Error("a closed engine takes a line")
	}
}
