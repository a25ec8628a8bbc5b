package transport

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confd/confd/internal/clock"
)

func newPoller(t *testing.T) *Poller {
	t.Helper()
	p, err := NewPoller()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func wait(t *testing.T, p *Poller, timeout time.Duration, room int) []Token {
	t.Helper()
	ready := make([]Token, room)
	n, err := p.Wait(timeout, ready)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ready[:n])
	return ready[:n]
}

func TestPollerTellsWhoIsReady(t *testing.T) {
	p := newPoller(t)
	a, b := listenVideo(t), listenVideo(t)
	for i, l := range []*VideoLeg{a, b} {
		if err := p.Add(Token(i*7), l.Descriptors()...); err != nil {
			t.Fatal(err)
		}
	}
	if got := wait(t, p, 0, 8); len(got) != 0 {
		t.Fatalf("%v are ready before anything came", got)
	}
	one := newPhone(t, loopback, b.leg.at(loopback))
	one.speak()
	if got := wait(t, p, time.Second, 8); !slices.Equal(got, []Token{7}) {
		t.Fatalf("%v are ready, want 7", got)
	}
	if got := wait(t, p, time.Second, 8); !slices.Equal(got, []Token{7}) {
		t.Fatalf("%v are ready, want 7 as long as it was not read", got)
	}
	newPhone(t, loopback, a.leg.atControl(loopback)).speak()
	if got := wait(t, p, time.Second, 8); !slices.Equal(got, []Token{0, 7}) {
		t.Fatalf("%v are ready, want both", got)
	}
	if got := wait(t, p, time.Second, 1); len(got) != 1 {
		t.Fatalf("%v do not fit where there is room for one", got)
	}
	p.Remove(7, b.Descriptors()...)
	if got := wait(t, p, time.Second, 8); !slices.Equal(got, []Token{0}) {
		t.Fatalf("%v are ready, want 0: 7 was removed", got)
	}
	a.Poll(1, 8, nil)
	if got := wait(t, p, 0, 8); len(got) != 0 {
		t.Fatalf("%v are ready after they were read", got)
	}
}

func TestPollerRefusesWhatIsNotOpen(t *testing.T) {
	p := newPoller(t)
	l := listenVideo(t)
	fds := l.Descriptors()
	if err := p.Add(1, fds[0], 1<<20); err == nil {
		t.Fatal("a descriptor that is not open was added")
	}
	if err := p.Add(1, fds[0]); err != nil {
		t.Errorf("the one that is open was left behind: %v", err)
	}
}

// TestPollerWakes: whoever wakes while it waits, before, or again and again, is heard.
func TestPollerWakes(t *testing.T) {
	p := newPoller(t)
	p.Wake()
	p.Wake()
	wait(t, p, -1, 1) // for ever, were it not heard
	if got := wait(t, p, 0, 1); len(got) != 0 {
		t.Fatalf("%v are ready, but nobody is", got)
	}
	var stop atomic.Bool
	var wakers sync.WaitGroup
	for range 2 {
		wakers.Go(func() {
			for !stop.Load() {
				p.Wake()
			}
		})
	}
	for i := range 20_000 {
		start := time.Now()
		if wait(t, p, 10*time.Second, 1); time.Since(start) > 9*time.Second {
			t.Errorf("after %d wake-ups they are lost", i)
			break
		}
	}
	stop.Store(true)
	wakers.Wait()
}

func TestPollerInMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]int{-1: -1, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2} {
		if got := milliseconds(d); got != want {
			t.Errorf("%v is %d, want %d", d, got, want)
		}
	}
	p := newPoller(t)
	p.coarse = true
	p.Wake()
	wait(t, p, time.Minute, 1)
	if got := wait(t, p, 1, 1); len(got) != 0 {
		t.Errorf("%v are ready, but nobody is", got)
	}
}

func TestPollerAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	p := newPoller(t)
	ready := make([]Token, 4)
	n := testing.AllocsPerRun(100, func() {
		p.Wake()
		if _, err := p.Wait(time.Second, ready); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a wait", n)
	}
}

// TestPollerLeavesOutWhereNothingComes: of a leg to which nobody may send pictures, the RTP socket wakes
// nobody, and is read all the same.
func TestPollerLeavesOutWhereNothingComes(t *testing.T) {
	if v := listenVideo(t); len(v.Descriptors()) != 2 {
		t.Errorf("a leg that was not applied waits for %d sockets, want both", len(v.Descriptors()))
	}
	for _, c := range []struct {
		receive, mux bool
		want         int
	}{{true, false, 2}, {true, true, 2}, {false, true, 2}, {false, false, 1}} {
		v, cam := show(t, func(p *VideoParams) { p.Receive, p.RTCPMux = c.receive, c.mux })
		if n := len(v.Descriptors()); n != c.want {
			t.Errorf("%+v: it waits for %d sockets, want %d", c, n, c.want)
		}
		v.SendVideo(clock.Now(), pictures(100)) // the peer is known from then on
		cam.frame(3)
		now := clock.Now()
		v.Poll(now, 0, &blind{})
		v.Poll(now+int64(mediaRest)-1, 0, &blind{})
		cam.frame(4)
		v.Poll(now+int64(mediaRest)-1, 0, &blind{})
		want := uint64(0) // of those that it may not send
		if c.want == 1 {
			want = 3
		}
		if d := v.Stats().Dropped; d.Held != want {
			t.Errorf("%+v: %d packets were read, want %d", c, d.Held, want)
		}
		v.Poll(now+int64(mediaRest), 0, &blind{})
		if c.want == 1 {
			want = 7
		}
		if d := v.Stats().Dropped; d.Held != want {
			t.Errorf("%+v: %d packets were read later, want %d", c, d.Held, want)
		}
	}
}
