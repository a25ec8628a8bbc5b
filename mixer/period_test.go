package mixer

import (
	"testing"
	"time"

	"github.com/confd/confd/internal/testkit/tone"
	"github.com/confd/confd/media"
)

// halfPeriod is a mixing clock twice as fast as the usual.
var halfPeriod = Config{Period: 10 * time.Millisecond, Talkers: 12}

// On a clock of 10 ms everyone hears the others as on one of 20.
func TestHalfPeriod(t *testing.T) {
	formats := []media.Format{
		format(t, media.PCMU, 8000, 2500*time.Microsecond), format(t, media.PCMU, 8000, 20*time.Millisecond),
		format(t, media.PCMU, 8000, 30*time.Millisecond), format(t, media.PCMU, 8000, 120*time.Millisecond),
		format(t, media.G722, 16000, 20*time.Millisecond), format(t, media.L16, 44100, 10*time.Millisecond),
	}
	freqs := tone.Spread(3)
	for _, f := range formats {
		b := newBed(t, halfPeriod)
		var phones []*testPhone
		for i, hz := range freqs {
			phones = append(phones, b.phone(f, -26, hz, network{phase: time.Duration(7*i) * time.Millisecond}).join())
		}
		b.run(3 * time.Second)
		for i, p := range phones {
			others := append(append([]float64{}, freqs[:i]...), freqs[i+1:]...)
			expect(t, p, others, freqs[i:i+1])
			if s := p.in.Stats(); p.breaks > 0 || s.Concealed > 0 {
				t.Errorf("%v of %v: %d breaks, %+v", f, f.PacketTime, p.breaks, s)
			}
		}
	}
}

// The limiter's memory and a talker's place last as long on either clock.
func TestHalfPeriodKeepsTimes(t *testing.T) {
	b := newBed(t, halfPeriod)
	f := format(t, media.L16, 16000, 20*time.Millisecond)
	freqs := tone.Spread(10)
	for _, hz := range freqs {
		b.phone(f, -0.1, hz, network{}).join()
	}
	l := b.phone(f, 0, 0, network{}).join()
	b.run(3 * time.Second)
	if d := tone.THDN(l.tail(time.Second), 16000, freqs...); d > 0.03 {
		t.Errorf("ten full-scale talkers: THD+N %.3f, want under 0.03", d)
	}
	stay := func(cfg Config) time.Duration {
		b := newBed(t, cfg)
		p := b.phone(narrow(t), -20, 440, network{phase: 3e6}).join()
		b.phone(narrow(t), -20, 0, network{}).join()
		b.run(time.Second)
		p.mute = true
		began := b.due
		for p.in.talking > 0 && b.due < began+int64(time.Minute) {
			b.tick()
		}
		return time.Duration(b.due - began)
	}
	if full, half := stay(Config{}), stay(halfPeriod); (full - half).Abs() > 60*time.Millisecond {
		t.Errorf("a talker that falls silent stays for %v on a clock of 20 ms, for %v on one of 10", full, half)
	}
}
