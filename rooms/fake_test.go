package rooms

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confd/confd/forwarder"
	"github.com/confd/confd/media"
	"github.com/confd/confd/mixer"
)

// fakeStage is a media plane without media: it notes who hangs on it and does what is
// asked at once, or at tick if held.
type fakeStage struct {
	hear func(mixer.Event)

	mu      sync.Mutex
	held    bool
	queue   []func()
	legs    map[*leg]fakeLeg
	changes []change
	mixes   []recipe
	tuning  tuning
	wrong   []string // broken promises
}

type fakeLeg struct {
	receive mixer.InputConfig
	send    mixer.OutputConfig
}

func (f *fakeStage) complain(what string) { f.wrong = append(f.wrong, what) }

// at has op run at the tick.
func (f *fakeStage) at(op func()) {
	if f.held {
		f.queue = append(f.queue, op)
		return
	}
	op()
}

func (f *fakeStage) attach(l *leg, c change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at(func() {
		if _, ok := f.legs[l]; ok {
			f.complain("attach of a leg that is attached")
		}
		f.legs[l] = fakeLeg{}
		f.make(l, c)
	})
}

func (f *fakeStage) change(l *leg, c change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at(func() {
		if _, ok := f.legs[l]; !ok {
			f.complain("change of a leg that is not attached")
		}
		f.changes = append(f.changes, c)
		f.make(l, c)
	})
}

// make makes a change now.
func (f *fakeStage) make(l *leg, c change) {
	if c.do != nil {
		c.do()
	}
	fl, ok := f.legs[l]
	if c.receive != nil {
		fl.receive = *c.receive
	}
	if c.send != nil {
		fl.send = *c.send
	}
	if ok {
		f.legs[l] = fl
	}
	if c.mixes != nil {
		f.mixes = c.mixes
	}
	if c.done != nil {
		c.done()
	}
}

func (f *fakeStage) detach(l *leg, c change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at(func() { f.drop(l, c) })
}

func (f *fakeStage) drop(l *leg, c change) {
	if _, ok := f.legs[l]; !ok {
		f.complain("detach of a leg that is not attached")
	}
	delete(f.legs, l)
	f.make(l, c)
}

func (f *fakeStage) move(l *leg, c change, to stage, arrival change) {
	f.mu.Lock()
	fl := f.legs[l]
	f.drop(l, c)
	f.mu.Unlock()
	other := to.(*fakeStage)
	other.attach(l, arrival)
	other.mu.Lock()
	defer other.mu.Unlock()
	other.legs[l] = fl
}

func (f *fakeStage) tune(t tuning) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tuning = t
}

func (f *fakeStage) rate() int { return 8000 }

// hears tells whether l gets to hear s.
func (f *fakeStage) hears(l, s *Participant) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mixes == nil {
		return l != s
	}
	for _, m := range f.mixes {
		if slices.Contains(m.listeners, &l.leg) {
			return l != s && m.all != contains(m.inputs, s.leg.in)
		}
	}
	return false
}

// hold keeps everything for tick.
func (f *fakeStage) hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = true
}

func (f *fakeStage) tick() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, op := range f.queue {
		op()
	}
	f.queue = nil
}

func (f *fakeStage) queued() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.queue)
}

func (f *fakeStage) leg(p *Participant) (fakeLeg, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.legs[&p.leg]
	return l, ok
}

// house is a registry on fake stages.
type house struct {
	*Registry
	mu      sync.Mutex
	stages  []*fakeStage
	screens []*fakeVideo
}

func newHouse(t testing.TB, c Config) *house {
	t.Helper()
	before := runtime.NumGoroutine()
	h := &house{}
	if c.Open == "" {
		c.Open = OpenAnyone
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	h.Registry = newRegistry(c, func(t tuning, events func(mixer.Event)) stage {
		s := &fakeStage{hear: events, tuning: t, legs: make(map[*leg]fakeLeg)}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.stages = append(h.stages, s)
		return s
	})
	if len(c.Video.Formats) > 0 {
		h.newVideoStage = func(events func(forwarder.Event)) videoStage {
			s := &fakeVideo{hear: events, lines: make(map[*forwarder.Line]*fakeLine)}
			h.mu.Lock()
			defer h.mu.Unlock()
			h.screens = append(h.screens, s)
			return s
		}
	}
	t.Cleanup(func() {
		h.Close()
		for _, s := range h.screens {
			s.check(t)
		}
		if c.Groups != nil {
			c.Groups.Close()
		}
		for _, s := range h.stages {
			if len(s.legs) > 0 || len(s.queue) > 0 {
				t.Error("a room ended with legs on its stage")
			}
			for _, w := range s.wrong {
				t.Error("stage:", w)
			}
		}
		if n := h.seats.Load(); n != 0 {
			t.Errorf("%d seats are taken in an empty house", n)
		}
		noMoreGoroutines(t, before)
	})
	return h
}

func noMoreGoroutines(t testing.TB, before int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
			return
		}
	}
}

func (h *house) stage(i int) *fakeStage {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stages[i]
}

// fakeCall notes what it was asked.
type fakeCall struct {
	ends chan Reason
}

func newFakeCall() *fakeCall { return &fakeCall{make(chan Reason, 4)} }

func (c *fakeCall) End(r Reason) { c.ends <- r }

type deafSource struct{}

func (deafSource) Poll(int64, int, media.Receiver) int { return 0 }

type nullSink struct{}

func (nullSink) Send(*media.Outgoing) {}

func request(room Name) JoinRequest {
	return JoinRequest{Room: room, Media: Media{Source: deafSource{}, Sink: nullSink{}}}
}

func mustJoin(t testing.TB, h *house, req JoinRequest) *Participant {
	t.Helper()
	p, err := h.Join(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustLeave(t testing.TB, p *Participant) {
	t.Helper()
	if err := p.Leave(context.Background(), Reason{Code: ReasonLeft}); err != nil {
		t.Fatal(err)
	}
}

// watch subscribes to what happens from now on.
func watch(t *testing.T, g *Registry, buffer int) *Subscription {
	t.Helper()
	s := g.Subscribe(SubscribeOptions{Live: true, Buffer: buffer})
	t.Cleanup(s.Close)
	return s
}

// next returns n events as "kind kind ...".
func next(t *testing.T, events <-chan *Event, n int) []Event {
	t.Helper()
	var got []Event
	for len(got) < n {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatalf("the stream ended after %v", kinds(got))
			}
			got = append(got, *e)
		case <-time.After(30 * time.Second):
			t.Fatalf("only %v came", kinds(got))
		}
	}
	return got
}

func kinds(events []Event) string {
	var s []string
	for _, e := range events {
		s = append(s, string(e.Kind))
	}
	return strings.Join(s, " ")
}

func wantKinds(t *testing.T, got []Event, want ...EventKind) {
	t.Helper()
	var s []string
	for _, k := range want {
		s = append(s, string(k))
	}
	if kinds(got) != strings.Join(s, " ") {
		t.Errorf("events %s, want %s", kinds(got), strings.Join(s, " "))
	}
}
