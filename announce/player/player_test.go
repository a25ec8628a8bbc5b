package player

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confd/confd/internal/testkit/leak"
	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// Each poll hands over what is due and no more.
func TestPollHandsWhatIsDue(t *testing.T) {
	for _, c := range []struct {
		rate, bytes int
		period      time.Duration
		each        int // packets a tick
	}{{8000, 320, 20 * time.Millisecond, 1}, {16000, 640, 20 * time.Millisecond, 1}, {48000, 960, 20 * time.Millisecond, 2},
		{8000, 160, 10 * time.Millisecond, 1}, {48000, 960, 10 * time.Millisecond, 1}} {
		inBubble(t, func(t *testing.T) {
			p := play(t, &sound{pcm: tone.Make(c.rate, time.Second, -20, 440), rate: c.rate}, Options{Tick: c.period})
			synctest.Wait()
			var got collector
			start := int64(time.Hour)
			for n := range 20 {
				now := start + int64(n)*int64(c.period)
				if k := p.Poll(now, 32, &got); k != c.each {
					t.Fatalf("%s: poll %d hands %d packets, want %d", name(c.rate, c.period), n, k, c.each)
				}
				if p.Poll(now+int64(c.period)/5, 32, &got) != 0 {
					t.Fatalf("%s: a second poll in the same tick hands more", name(c.rate, c.period))
				}
			}
			checkStream(t, got, c.bytes, start)
			if k := p.Poll(start+int64(20*c.period), 0, &got); k != 0 {
				t.Errorf("limit 0 hands %d packets", k)
			}
		})
	}
}

func checkStream(t *testing.T, got collector, size int, start int64) {
	t.Helper()
	for i, k := range got {
		want := media.Packet{Arrival: got[0].Arrival + int64(i)*(got[1].Arrival-got[0].Arrival), SSRC: got[0].SSRC,
			Timestamp: got[0].Timestamp + uint32(i*size/2), Sequence: got[0].Sequence + uint16(i),
			PayloadType: PayloadType, Marker: i == 0}
		payload := k.Payload
		k.Payload = nil
		if !same(k, want) || len(payload) != size {
			t.Fatalf("packet %d is %+v with %d bytes, want %+v with %d", i, k, len(payload), want, size)
		}
	}
	if got[0].Arrival > start {
		t.Errorf("first packet arrives %d ns after it was handed over", got[0].Arrival-start)
	}
}

func same(a, b media.Packet) bool {
	return a.Arrival == b.Arrival && a.SSRC == b.SSRC && a.Timestamp == b.Timestamp && a.Sequence == b.Sequence &&
		a.PayloadType == b.PayloadType && a.Marker == b.Marker
}

// A reader that is slow is waited for: nothing is lost, nothing comes in a burst, the gap
// is counted once. A long one begins another stream.
func TestSlowReader(t *testing.T) {
	for held, streams := range map[time.Duration]int{460 * time.Millisecond: 1, 900 * time.Millisecond: 2} {
		inBubble(t, func(t *testing.T) {
			s := &sound{pcm: tone.Make(8000, 2*time.Second, -20, 440), rate: 8000}
			s.wait = func(at int) {
				if at == 3360 { // 400 ms are in the ring, 20 are kept back
					time.Sleep(held)
				}
			}
			p := play(t, s, Options{})
			synctest.Wait()
			var got collector
			for n := range 160 {
				if k := p.Poll(int64(n)*int64(tick), 32, &got); k > 1 {
					t.Errorf("held up for %v: poll %d hands %d packets", held, n, k)
				}
				time.Sleep(tick)
				synctest.Wait()
			}
			if p.Position() != 2*time.Second || len(got) != 100+3+1 || p.Underruns() != 1 {
				t.Errorf("held up for %v: %d packets, at %v, %d underruns, want 104, 2 s and 1", held, len(got), p.Position(), p.Underruns())
			}
			if k := countStreams(t, got); k != streams {
				t.Errorf("held up for %v: %d streams, want %d", held, k, streams)
			}
			<-p.Done()
		})
	}
}

// countStreams counts SSRCs, whose first packets have markers; numbers run on through all.
func countStreams(t *testing.T, got collector) int {
	n := 0
	for i, k := range got {
		first := i == 0 || k.SSRC != got[i-1].SSRC
		if first {
			n++
		}
		if k.Marker != first || k.Sequence != got[0].Sequence+uint16(i) {
			t.Errorf("packet %d: marker %v, want %v; sequence %d", i, k.Marker, first, k.Sequence)
		}
	}
	return n
}

// After the mixer stood still the next poll hands over what any poll does, of a new stream.
func TestPollAfterAStall(t *testing.T) {
	for late, streams := range map[time.Duration]int{90 * time.Millisecond: 1, 200 * time.Millisecond: 2} {
		inBubble(t, func(t *testing.T) {
			p := play(t, &sound{pcm: tone.Make(8000, time.Second, -20, 440), rate: 8000}, Options{})
			synctest.Wait()
			var got collector
			p.Poll(0, 32, &got)
			k := p.Poll(int64(tick+late), 32, &got)
			if want := 6 - 5*(streams-1); k != want || countStreams(t, got) != streams {
				t.Errorf("%v late: %d packets in %d streams, want %d in %d", late, k, countStreams(t, got), want, streams)
			}
		})
	}
}

// An error of the file ends the sound as its end would, and is told.
func TestErrorEndsTheSound(t *testing.T) {
	for _, n := range []int{0, 5, 20000} {
		inBubble(t, func(t *testing.T) {
			s := &sound{pcm: tone.Make(16000, 2*time.Second, -20, 440)[:n], rate: 16000, err: errDisk}
			p := play(t, s, Options{})
			h := newHall(t, 16000, tick)
			h.add(p)
			if p.Err() != nil {
				t.Errorf("before the end: %v", p.Err())
			}
			h.runOut(p, 2*time.Second)
			if !errors.Is(p.Err(), errDisk) || s.closed != 1 {
				t.Errorf("%d samples: %v, closed %d times, want %v and once", n, p.Err(), s.closed, errDisk)
			}
		})
	}
}

// Close ends a player that nobody polls, and one that is being read; more than once.
func TestClose(t *testing.T) {
	leak.Check(t)
	for _, n := range []int{10, 16000 * 60} {
		s := &sound{pcm: make([]int16, n), rate: 16000}
		p, err := Play(s, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		<-p.Done()
		if s.closed != 1 || p.Err() != nil {
			t.Errorf("closed %d times, %v", s.closed, p.Err())
		}
		if k := p.Poll(1, 32, new(collector)); k != 0 {
			t.Errorf("%d packets after Close", k)
		}
	}
}

// Stop before anything was heard ends at the first poll, without a blip.
func TestStopBeforeTheFirstPoll(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := play(t, &sound{pcm: tone.Make(8000, time.Second, -20, 440), rate: 8000}, Options{})
		synctest.Wait()
		p.Stop()
		if k := p.Poll(1, 32, new(collector)); k != 0 {
			t.Errorf("%d packets", k)
		}
		<-p.Done()
	})
}

func TestPlayRefuses(t *testing.T) {
	leak.Check(t)
	for want, c := range map[string]struct {
		rate int
		tick time.Duration
	}{
		"44100 Hz, want 8000, 16000 or 48000": {44100, 0},
		"tick of 15ms, want 10ms or 20ms":     {8000, 15 * time.Millisecond},
	} {
		s := &sound{rate: c.rate}
		if _, err := Play(s, Options{Tick: c.tick}); err == nil || !strings.Contains(err.Error(), want) || s.closed != 0 {
			t.Errorf("%v, want %q and the sound left open", err, want)
		}
	}
}

// nobody takes packets and forgets them.
type nobody struct{ bytes int }

func (n *nobody) Receive(p *media.Packet) { n.bytes += len(p.Payload) }

// The media thread's side allocates nothing: in sound, in the fade, at the end.
func TestPollAllocatesNothing(t *testing.T) {
	for _, stop := range []bool{false, true} {
		inBubble(t, func(t *testing.T) {
			p := play(t, &sound{pcm: tone.Make(48000, time.Second, -20, 440), rate: 48000}, Options{})
			synctest.Wait()
			now, to := int64(time.Hour), &nobody{}
			allocs := testing.AllocsPerRun(20, func() {
				p.Poll(now, 32, to)
				now += int64(tick)
			})
			if stop {
				p.Stop()
			}
			allocs += testing.AllocsPerRun(40, func() {
				p.Poll(now, 32, to)
				now += int64(tick)
			})
			if allocs != 0 || to.bytes == 0 {
				t.Errorf("%v allocations a poll, %d bytes", allocs, to.bytes)
			}
		})
	}
}
