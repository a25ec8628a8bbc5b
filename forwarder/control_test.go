package forwarder

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/pictures"
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

// Many goroutines add, show, move, configure, read and remove lines, on two workers that run;
// then all is closed while they go on. Every line comes back once for each removal.
func TestControlFromManyGoroutines(t *testing.T) {
	leak.Check(t)
	e, err := New(Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	var told atomic.Int64
	var rooms []*Conference
	for range 4 {
		rooms = append(rooms, e.NewConference(ConferenceConfig{Events: func(e Event) {
			told.Add(1)
			if e.Kind == Failed {
				t.Error(e.Err)
			}
		}}))
	}
	var all []*Line
	var ports []*filming
	for i := range 24 {
		f := &filming{cam: pictures.New(pictures.Config{Codec: vp8.Codec, Source: uint32(i + 1), SSRC: uint32(i + 1), PictureIDBits: 15})}
		ports = append(ports, f)
		all = append(all, NewLine(watched{f, t}, both()))
	}
	stop := make(chan struct{})
	var control sync.WaitGroup
	for g := range 8 {
		control.Go(func() { // each has three lines of its own
			r := rand.New(rand.NewPCG(uint64(g), 1))
			own := all[3*g : 3*g+3]
			at := rooms[g%len(rooms)]
			var removals sync.WaitGroup
			for _, l := range own {
				if err := at.Add(l); err != nil {
					t.Error(err)
				}
			}
			for {
				select {
				case <-stop:
					return
				default:
				}
				l := own[r.IntN(3)]
				switch r.IntN(8) {
				case 0:
					to := rooms[r.IntN(len(rooms))]
					done := make(chan struct{})
					at.Remove(l, func() { close(done) })
					<-done
					if to != at { // the others follow
						for _, other := range own {
							if other != l {
								removals.Add(1)
								at.Remove(other, func() { _ = to.Add(other); removals.Done() })
							}
						}
						removals.Wait()
						at = to
					}
					_ = at.Add(l)
				case 1:
					c := both()
					c.Muted, c.Stopped, c.Low = r.IntN(4) == 0, r.IntN(4) == 0, r.IntN(4) == 0
					c.Encodings = 1 + r.IntN(2)
					done := make(chan struct{})
					at.Configure(l, c, func() { close(done) })
					<-done
				case 2:
					at.RequestKeyFrame(l)
				case 3:
					_ = l.Stats()
					_ = e.Stats()
				case 4:
					at.Show(l, nil)
				default:
					at.Show(l, all[r.IntN(len(all))])
				}
				time.Sleep(time.Duration(r.IntN(1000)) * time.Microsecond)
			}
		})
	}
	deadline := clock.Now() + 30*second
	for enough := false; !enough && clock.Now() < deadline; time.Sleep(10 * time.Millisecond) {
		enough = e.Stats().Frames > 1000
	}
	go e.Close()
	time.Sleep(20 * time.Millisecond)
	close(stop)
	control.Wait()
	e.Close()
	if e.Stats().Frames < 1000 || told.Load() == 0 {
		t.Errorf("only %d pictures, %d events", e.Stats().Frames, told.Load())
	}
	for _, c := range rooms {
		closed := false
		c.Close(func() { closed = true })
		if !closed {
			t.Error("after the engine has ended, Close of a conference waits")
		}
	}
	if n := e.Stats().Lines; n != 0 {
		t.Errorf("%d lines are left", n)
	}
	for _, f := range ports {
		if f.sent.Load() == 0 {
			continue
		}
		return
	}
	t.Error("nothing was sent")
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
