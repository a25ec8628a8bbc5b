package rooms

import (
	"context"
	"sync"
	"testing"
	"time"
)

// digits makes n events of p's.
func digits(p *Participant, n int) {
	for range n {
		p.Digit(1, 0)
	}
}

// drain returns what is in the stream once everything has been handed out.
func drain(s *Subscription) (all []*Event) {
	s.hub.handOut()
	for {
		select {
		case e := <-s.Events():
			all = append(all, e)
		default:
			return all
		}
	}
}

// Resuming gives exactly what came after, as long as it is remembered; then a snapshot.
func TestResume(t *testing.T) {
	h := newHouse(t, Config{History: 8})
	p := mustJoin(t, h, request("a"))
	q := mustJoin(t, h, request("b")) // 4 events so far
	digits(p, 5)
	digits(q, 3) // 12
	for _, c := range []struct {
		o        SubscribeOptions
		first, n uint64 // of what comes; 0: a snapshot
	}{
		{SubscribeOptions{After: 12}, 0, 0},
		{SubscribeOptions{After: 11}, 12, 1},
		{SubscribeOptions{After: 4}, 5, 8},
		{SubscribeOptions{After: 3}, 0, 1},
		{SubscribeOptions{After: 13}, 0, 1}, // of another start of the server
		{SubscribeOptions{}, 0, 1},
		{SubscribeOptions{Live: true, After: 4}, 0, 0},
		{SubscribeOptions{After: 4, Room: "a"}, 5, 5},
		{SubscribeOptions{After: 8, Room: "b"}, 10, 3},
		{SubscribeOptions{After: 9, Room: "a"}, 0, 0},
		{SubscribeOptions{After: 4, Room: "none"}, 0, 0},
	} {
		s := h.Subscribe(c.o)
		got := drain(s)
		s.Close()
		if uint64(len(got)) != c.n {
			t.Errorf("%+v: %d events, want %d", c.o, len(got), c.n)
			continue
		}
		if c.n == 0 {
			continue
		}
		if c.first == 0 {
			if e := got[0]; e.Kind != SnapshotTaken || e.Seq != 12 || len(e.Rooms) != 2 {
				t.Errorf("%+v: %+v", c.o, e)
			}
			continue
		}
		if got[0].Seq != c.first {
			t.Errorf("%+v begins with %d, want %d", c.o, got[0].Seq, c.first)
		}
		for i, e := range got {
			if c.o.Room != "" && e.Room != c.o.Room || c.o.Room == "" && e.Seq != c.first+uint64(i) {
				t.Errorf("%+v: event %d of %s is %d", c.o, e.Seq, e.Room, i)
			}
		}
	}
	s := h.Subscribe(SubscribeOptions{Room: "b"})
	if e := drain(s)[0]; len(e.Rooms) != 1 || e.Rooms[0].Name != "b" || len(e.Rooms[0].Participants) != 1 || e.Room != "b" {
		t.Errorf("%+v", e)
	}
	digits(p, 1)
	if got := drain(s); len(got) != 0 {
		t.Errorf("of another room: %+v", got[0])
	}
}

func TestNoHistory(t *testing.T) {
	h := newHouse(t, Config{History: -1})
	p := mustJoin(t, h, request("a"))
	digits(p, 3)
	for after := range uint64(7) {
		s := h.Subscribe(SubscribeOptions{After: after})
		got := drain(s)
		if nothing := after == 5; nothing != (len(got) == 0) || !nothing && got[0].Kind != SnapshotTaken {
			t.Errorf("after %d: %+v", after, got)
		}
	}
}

// A snapshot is a latecomer's alone: what happens next leaves it as it is.
func TestSnapshotsDoNotChange(t *testing.T) {
	h := newHouse(t, Config{})
	p := mustJoin(t, h, request("a"))
	one, two := h.Snapshot(), h.Snapshot()
	if one != two {
		t.Error("nothing happened, and the snapshot was made again")
	}
	if err := p.SetMuted(context.Background(), true); err != nil {
		t.Fatal(err)
	}
	if now := h.Snapshot(); now.Seq != one.Seq+1 || !now.Rooms[0].Participants[0].Muted || one.Rooms[0].Participants[0].Muted {
		t.Errorf("%+v, then %+v", one, now)
	}
}

// Numbers go on from one start of the server to the next, so that nobody resumes in the
// events of another.
func TestNumbersGrowFromStartToStart(t *testing.T) {
	g := New(Config{})
	s := g.Subscribe(SubscribeOptions{})
	if e := <-s.Events(); e.Seq < 1_600_000_000_000_000 || e.Seq > 1<<53 {
		t.Errorf("numbers begin at %d", e.Seq)
	}
	g.Close()
}

// A thousand watchers, some of whom never read: those who do get everything once and in
// order, the others are cut off, and the room never waits.
func TestThousandWatchers(t *testing.T) {
	const watchers, events = 1000, 200
	h := newHouse(t, Config{})
	p := mustJoin(t, h, request("a"))
	var readers sync.WaitGroup
	var idle []*Subscription
	last := h.Snapshot().Seq + events
	for i := range watchers {
		o := SubscribeOptions{Room: "a", Buffer: events + 1}
		if i%4 == 0 {
			o.Buffer = 16
			idle = append(idle, h.Subscribe(o))
			continue
		}
		s := h.Subscribe(o)
		readers.Go(func() {
			defer s.Close()
			at := (<-s.Events()).Seq
			for at < last {
				e, ok := s.Next(context.Background())
				if !ok || e.Seq != at+1 {
					t.Errorf("%+v, %v follows %d", e, ok, at)
					return
				}
				at = e.Seq
			}
		})
	}
	digits(p, events)
	readers.Wait()
	h.hub.handOut()
	if c := h.Counts(); c.SubscribersCut != watchers/4 || c.Subscribers != 0 {
		t.Errorf("%d cut, %d left", c.SubscribersCut, c.Subscribers)
	}
	for _, s := range idle {
		n := 0
		for range s.Events() {
			n++
		}
		if n > 17 {
			t.Errorf("%d events in a buffer of 16 and a snapshot", n)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, ok := watch(t, h.Registry, 1).Next(ctx); ok {
		t.Error("an event for who does not wait")
	}
}

// A latecomer misses nothing and gets nothing twice, however its subscription falls between
// events that have been published and those that have been handed out.
func TestSubscribeBetweenPublishedAndHandedOut(t *testing.T) {
	h := hub{history: history{limit: 1 << 16}}
	first := h.subscribe(SubscribeOptions{Live: true, Buffer: 1 << 16})
	const rounds = 2000
	go func() {
		for range rounds {
			h.publish(Event{Kind: ParticipantUpdated, Room: "a"})
		}
	}()
	var late sync.WaitGroup
	for seq := uint64(1); seq <= rounds; seq++ {
		if e := <-first.Events(); e.Seq != seq {
			t.Fatalf("event %d, want %d", e.Seq, seq)
		}
		if seq%20 > 0 {
			continue
		}
		s := h.subscribe(SubscribeOptions{After: seq / 2, Buffer: 1 << 16})
		late.Go(func() {
			for want := seq/2 + 1; want <= rounds; want++ {
				if e := <-s.Events(); e.Seq != want {
					t.Errorf("event %d, want %d", e.Seq, want)
					break
				}
			}
			s.Close()
		})
	}
	late.Wait()
}

// What an event costs who publishes it, while all subscribers wait for it.
func BenchmarkPublish(b *testing.B) {
	for name, n := range map[string]int{"nobody": 0, "1000 watchers": 1000} {
		b.Run(name, func(b *testing.B) {
			h := hub{history: history{limit: historySize}}
			defer h.close()
			var all sync.WaitGroup
			for range n {
				s := h.subscribe(SubscribeOptions{Live: true})
				go func() {
					for range s.Events() {
						all.Done()
					}
				}()
			}
			who := &ParticipantSnapshot{ID: "x"}
			var spent time.Duration
			for b.Loop() {
				all.Add(n)
				begin := time.Now()
				h.publish(Event{Kind: ParticipantUpdated, Room: "a", Participant: who})
				spent += time.Since(begin)
				all.Wait() // and so all wait again
			}
			b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/publish")
		})
	}
}
