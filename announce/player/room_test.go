package player

import (
	"math"
	"testing"
	"time"

	"github.com/confd/confd/announce/decode"
	"github.com/confd/confd/internal/testkit/tone"
)

// A listener hears all of a file, at its level, without a break, and then silence.
func TestRoomHearsTheFile(t *testing.T) {
	for _, period := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond} {
		for _, rate := range []int{8000, 16000, 44100, 48000} {
			inBubble(t, func(t *testing.T) { hearFile(t, rate, period) })
		}
	}
}

func hearFile(t *testing.T, rate int, period time.Duration) {
	what := name(rate, period)
	const length = 2345 * time.Millisecond
	p := play(t, wave(t, rate, length, decode.Options{}), Options{Tick: period})
	h := newHall(t, 16000, period)
	h.run(100 * time.Millisecond)
	in := h.add(p)
	h.runOut(p, 3*time.Second)
	from, to := h.sounding()
	if d := time.Duration(to-from) * time.Second / 16000; d < length-5*time.Millisecond || d > length+5*time.Millisecond {
		t.Errorf("%s: heard for %v, want %v", what, d, length)
	}
	// The mixer fades it in for a tick; the end is faded by the player.
	h.smooth(what, from+16*25, to-16*10)
	if l := tone.Level(h.heard[from+1000:to-1000], 16000, 440); math.Abs(l+20) > 0.1 {
		t.Errorf("%s: level %.2f dB, want -20", what, l)
	}
	if s := in.Stats(); s.Late+s.Concealed+s.Lost+s.Malformed+s.Unknown+s.Restarts+s.Cuts > 0 {
		t.Errorf("%s: the mixer counts %+v", what, s)
	}
	if p.Err() != nil || (p.Position()-length).Abs() > time.Millisecond || (p.Length()-length).Abs() > time.Millisecond || p.Underruns() != 0 {
		t.Errorf("%s: %v, at %v of %v, %d underruns", what, p.Err(), p.Position(), p.Length(), p.Underruns())
	}
}

// A file that ends at full level does not click.
func TestEndIsFaded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		pcm := make([]int16, 16000+7)
		for i := range pcm {
			pcm[i] = 10000
		}
		p := play(t, &sound{pcm: pcm, rate: 16000}, Options{})
		h := newHall(t, 16000, tick)
		h.add(p)
		h.runOut(p, 2*time.Second)
		const begun = 320 // samples; the file itself begins with a step
		if step, at := tone.MaxStep(h.heard[begun:]); step > 10000/40 {
			t.Errorf("a step of %d at sample %d of %d", step, begun+at, len(h.heard))
		}
	})
}

// A looped file goes on without a seam, at the file's rate and at another.
func TestLoopIsSeamless(t *testing.T) {
	for _, rate := range []int{8000, 22050, 48000} {
		inBubble(t, func(t *testing.T) {
			p := play(t, wave(t, rate, 200*time.Millisecond, decode.Options{Loop: true}), Options{})
			h := newHall(t, 48000, tick)
			h.add(p)
			h.run(5 * time.Second)
			h.smooth(name(rate, tick), 48*40, len(h.heard))
			if p.Position() < 4900*time.Millisecond || p.Length() != 200*time.Millisecond {
				t.Errorf("%d Hz: at %v, length %v", rate, p.Position(), p.Length())
			}
			select {
			case <-p.Done():
				t.Error("a loop is done")
			default:
			}
		})
	}
}

// Stop is heard at once, as a short fade, and then the player is done.
func TestStopFades(t *testing.T) {
	for _, rate := range []int{8000, 48000} {
		inBubble(t, func(t *testing.T) {
			p := play(t, wave(t, rate, 10*time.Second, decode.Options{}), Options{})
			h := newHall(t, 48000, tick)
			h.add(p)
			h.run(time.Second)
			p.Stop()
			p.Stop()
			at := len(h.heard)
			h.runOut(p, 300*time.Millisecond)
			_, to := h.sounding()
			if d := time.Duration(to-at) * time.Second / 48000; d < 20*time.Millisecond || d > 60*time.Millisecond {
				t.Errorf("%d Hz: heard for %v after Stop, want 20 to 60 ms", rate, d)
			}
			// 440 Hz at -20 dB goes by 189 a sample at most.
			if step, at := tone.MaxStep(h.heard); step > 200 {
				t.Errorf("%d Hz: a step of %d at sample %d", rate, step, at)
			}
			if p.Err() != nil {
				t.Error(p.Err())
			}
		})
	}
}

// Ticks that are late, even by more than a period, are not heard.
func TestLateTicksAreNotHeard(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := play(t, wave(t, 16000, 4*time.Second, decode.Options{}), Options{})
		h := newHall(t, 16000, tick)
		h.late = func(n int) time.Duration {
			if n%50 == 49 {
				return 35 * time.Millisecond
			}
			return time.Duration(n%7) * 500 * time.Microsecond
		}
		h.add(p)
		h.runOut(p, 5*time.Second)
		from, to := h.sounding()
		h.smooth("late ticks", from+16*25, to-16*10)
	})
}

// After the server stood still the sound goes on where it was.
func TestStallLosesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := play(t, wave(t, 16000, 4*time.Second, decode.Options{}), Options{})
		h := newHall(t, 16000, tick)
		h.add(p)
		h.run(time.Second)
		h.due += int64(3 * time.Second)
		h.runOut(p, 5*time.Second)
		from, to := h.sounding()
		if d := time.Duration(to-from) * time.Second / 16000; d < 3900*time.Millisecond || d > 4100*time.Millisecond {
			t.Errorf("heard for %v, want 4 s", d)
		}
		h.smooth("after the stall", from+16*1300, to-16*10)
	})
}
