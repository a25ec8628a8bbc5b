package mixer

import (
	"fmt"
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// A tone through loss, jitter and reordering stays a tone, at its level.
func TestLossAndJitter(t *testing.T) {
	nets := []network{
		{loss: 0.05}, {loss: 0.20}, {jitter: 30 * time.Millisecond}, {loss: 0.05, jitter: 30 * time.Millisecond},
	}
	formats := []media.Format{
		format(t, media.PCMU, 8000, 20*time.Millisecond), format(t, media.G722, 16000, 20*time.Millisecond),
		format(t, media.Opus, 48000, 20*time.Millisecond),
	}
	for _, f := range formats {
		for _, net := range nets {
			t.Run(fmt.Sprintf("%v/loss %v jitter %v", f, net.loss, net.jitter), func(t *testing.T) {
				b := newBed(t, Config{})
				net.phase = 4 * time.Millisecond
				p := b.phone(f, -20, 440, net).join()
				l := b.phone(f, 0, 0, network{}).join()
				b.run(15 * time.Second)
				s := p.in.Stats()
				t.Logf("late %d lost %d recovered %d concealed %d delay %v jitter %v",
					s.Late, s.Lost, s.Recovered, s.Concealed, s.Delay, s.Jitter)
				level := tone.Level(l.tail(5*time.Second), l.recv.SampleRate, 440)
				want := -21.0 - 50*net.loss
				if net.jitter > 0 {
					want--
				}
				if level < want {
					t.Errorf("440 Hz at %.1f dB, want %.1f", level, want)
				}
				if net.loss == 0 && s.Late*50 > s.Packets {
					t.Errorf("%d of %d packets late", s.Late, s.Packets)
				}
				if net.jitter > 0 && s.Delay > 80*time.Millisecond {
					t.Errorf("delay %v under %v of jitter", s.Delay, net.jitter)
				}
			})
		}
	}
}

// Clocks that differ by 300 ppm for 20 minutes: no break in the tone, no growing delay.
func TestDrift(t *testing.T) {
	if testing.Short() {
		t.Skip("20 minutes of fake time")
	}
	for _, ppm := range []float64{300, -300} {
		for _, f := range []media.Format{format(t, media.L16, 8000, 20*time.Millisecond), format(t, media.L16, 16000, 20*time.Millisecond)} {
			t.Run(fmt.Sprintf("%v/%+.0f", f, ppm), func(t *testing.T) {
				b := newBed(t, Config{})
				p := b.phone(f, -10, 300, network{ppm: ppm, phase: 5e6}).join()
				l := b.phone(f, 0, 0, network{}).join()
				b.run(10 * time.Second)
				began := p.in.play.waiting()
				quiet, _ := tone.MaxStep(l.tail(time.Second))
				worst := 0
				for range 20 {
					b.run(time.Minute)
					step, _ := tone.MaxStep(l.tail(time.Minute))
					worst = max(worst, step)
					moved := p.in.play.waiting() - began
					// A corrected stream also holds the samples that the resampler looks ahead.
					frame := int64(f.Samples(20*time.Millisecond) + p.in.play.kern.Half() + f.Samples(time.Millisecond)/4 + 1)
					if moved > frame || moved < -frame {
						t.Fatalf("buffer moved by %d samples, a frame is %d", moved, frame)
					}
					l.heard = l.heard[len(l.heard)-f.Samples(time.Second):]
				}
				if worst > quiet*5/4 {
					t.Errorf("a step of %d, an undisturbed tone has %d", worst, quiet)
				}
				if s := p.in.Stats(); s.Concealed > 0 || s.Lost > 0 || s.Late > 0 {
					t.Errorf("concealed %d samples, lost %d, late %d; want none", s.Concealed, s.Lost, s.Late)
				}
			})
		}
	}
}

// Packets of 2.5 to 120 ms, and egress of 10 to 60 ms.
func TestPacketTimes(t *testing.T) {
	for _, ms := range []float64{2.5, 5, 10, 20, 30, 40, 60, 120} {
		for _, out := range []time.Duration{10, 20, 30, 40, 60} {
			t.Run(fmt.Sprintf("%v in, %d out", ms, out), func(t *testing.T) {
				b := newBed(t, Config{})
				c := media.L16
				if ms > 60 {
					c = media.PCMU // L16 would not fit a datagram
				}
				p := b.phone(format(t, c, 8000, time.Duration(ms*1e6)), -20, 440, network{phase: 3e6}).join()
				l := b.phone(format(t, media.PCMU, 8000, out*time.Millisecond), -20, 0, network{}).join()
				b.run(6 * time.Second)
				if d := tone.THDN(l.tail(2*time.Second), 8000, 440); d > 0.03 {
					t.Errorf("THD+N %.3f; %+v", d, p.in.Stats())
				}
				if l.breaks > 0 {
					t.Errorf("%d breaks in media time", l.breaks)
				}
			})
		}
	}
}

// The packet time changes in mid-call.
func TestPacketTimeChanges(t *testing.T) {
	b := newBed(t, Config{})
	p := b.phone(format(t, media.L16, 8000, 20*time.Millisecond), -20, 440, network{phase: 3e6}).join()
	l := b.phone(format(t, media.L16, 8000, 20*time.Millisecond), -20, 0, network{}).join()
	b.run(2 * time.Second)
	calm, _ := tone.MaxStep(l.tail(time.Second))
	_ = p
	for _, ms := range []int{10, 30, 60, 20} {
		p.repacket(time.Duration(ms) * time.Millisecond)
		b.run(4 * time.Second)
		if step, _ := tone.MaxStep(l.tail(time.Second)); step > calm*3/2 {
			t.Errorf("%d ms: step %d, want about %d", ms, step, calm)
		}
		if d := tone.THDN(l.tail(time.Second), 8000, 440); d > 0.03 {
			t.Errorf("%d ms: THD+N %.3f", ms, d)
		}
	}
}

// What a stall held up is played, and the delay that it left is given up again soon.
func TestDelayAfterAStallIsGivenUp(t *testing.T) {
	for _, f := range []media.Format{format(t, media.PCMU, 8000, 20*time.Millisecond), format(t, media.Opus, 48000, 20*time.Millisecond)} {
		b := newBed(t, Config{})
		stall := int64(0)
		p := b.phone(f, -20, 440, network{phase: 5e6}).join()
		p.hold = func(at int64) int64 { return max(at, stall) }
		l := b.phone(f, 0, 0, network{}).join()
		b.run(2 * time.Second)
		stall = b.due + 300e6 // nothing arrives for 300 ms, then all at once
		b.run(10 * time.Second)
		s := p.in.Stats()
		if s.Delay > 30*time.Millisecond {
			t.Errorf("%v: %v of delay left ten seconds after a stall; %+v", f, s.Delay, s)
		}
		b.run(5 * time.Second)
		if level := tone.Level(l.tail(2*time.Second), l.recv.SampleRate, 440); level < -22 {
			t.Errorf("%v: 440 Hz at %.1f dB: still off its pitch", f, level)
		}
	}
}
